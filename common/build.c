/*
 * build.c - see build.h. build_id.h is made by make of all sources of the programs.
 */
#include "common/build.h"

#include "build_id.h"
#include "config.h"

const char build_text[] = PACKAGE_VERSION "+" BUILD_ID;
