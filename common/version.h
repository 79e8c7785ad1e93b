/*
 * version.h - the version of the programs, in one place, so that programs of
 * another version differ in one object file.
 */
#ifndef MOOTHALL_COMMON_VERSION_H
#define MOOTHALL_COMMON_VERSION_H

extern const char version_text[];

/* What clients of the v3 API are told to talk to, three numbers each: they choose by them what
 * they may ask for (docs/decisions.md). Raised when more of it holds, and not before: from 3.5.13
 * on they rely on what watches say of their progress. */
#define API_VERSION "3.5.13"
#define API_CLUSTER_VERSION "3.5.0"

#endif
