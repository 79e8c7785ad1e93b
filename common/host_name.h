/*
 * host_name.h - what a host that is looked up may be called. Pure.
 */
#ifndef MOOTHALL_COMMON_HOST_NAME_H
#define MOOTHALL_COMMON_HOST_NAME_H

#include "common/slice.h"

/* 1 to ADDRESS_HOST_BYTES_MAX letters, digits, ".", "-", "_"; no option of a program. */
bool host_name_valid(struct slice host);

#endif
