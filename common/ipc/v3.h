/*
 * v3.h - the records of v3_table.h.
 */
#ifndef MOOTHALL_COMMON_IPC_V3_H
#define MOOTHALL_COMMON_IPC_V3_H

#define CODEC_TABLE "common/ipc/v3_table.h"
#include "common/ipc/table_declare.h"
#undef CODEC_TABLE

#endif
