/*
 * command.h - a replicated command: structs and codecs made from
 * command_table.h, and its kinds.
 */
#ifndef MOOTHALL_RAFTD_STORE_COMMAND_H
#define MOOTHALL_RAFTD_STORE_COMMAND_H

enum command_kind {
	COMMAND_WRITE = 1,
	COMMAND_EXPIRE = 2,
	COMMAND_MEMBER = 3,
	COMMAND_CONFIG = 4,
	COMMAND_CREATE = 5,
	COMMAND_REFUSED = 6,
	COMMAND_CONFIG_ITEMS = 7,
	COMMAND_CREATE_ITEMS = 8,
};

#define CODEC_TABLE "raftd/store/command_table.h"
#include "common/ipc/table_declare.h"
#undef CODEC_TABLE

#endif
