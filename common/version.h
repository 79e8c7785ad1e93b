/*
 * version.h - the version of the programs, in one place, so that programs of
 * another version differ in one object file.
 */
#ifndef MOOTHALL_COMMON_VERSION_H
#define MOOTHALL_COMMON_VERSION_H

extern const char version_text[];

#endif
