/*
 * v3.c - see v3.h.
 */
#include "common/ipc/v3.h"

#define CODEC_TABLE "common/ipc/v3_table.h"
#include "common/ipc/table_define.h"
#undef CODEC_TABLE
