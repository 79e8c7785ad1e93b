/*
 * version.c - stands in for common/version.c and build.c in programs that are to be newer.
 */
#include "common/build.h"
#include "common/version.h"

#include "config.h"

const char version_text[] = PACKAGE_VERSION "-newer";
const char build_text[] = PACKAGE_VERSION "-newer";
