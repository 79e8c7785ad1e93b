/*
 * version.c - the version that configure knows (see version.h).
 */
#include "common/version.h"

#include "config.h"

const char version_text[] = PACKAGE_VERSION;
