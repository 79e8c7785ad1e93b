/*
 * version.c - stands in for common/version.c in programs that are to be newer.
 */
#include "common/version.h"

#include "config.h"

const char version_text[] = PACKAGE_VERSION "-newer";
