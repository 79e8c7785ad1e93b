/*
 * command.c - the codecs of replicated commands, made from command_table.h.
 */
#include "raftd/store/command.h"

#define CODEC_TABLE "raftd/store/command_table.h"
#include "common/ipc/table_define.h"
#undef CODEC_TABLE
