/*
 * v3_error.h - errors of the v3 API; made from v3_error_table.h, which the state machine
 * (raftd/replica/mvcc) and the workers share.
 */
#ifndef MOOTHALL_COMMON_V3_ERROR_H
#define MOOTHALL_COMMON_V3_ERROR_H

#include "common/base.h"

enum v3_error {
#define V3_ERROR(tag, number, grpc_code, text) V3_##tag = number,
#include "common/v3_error_table.h"
};

/* The error of that number, V3_MALFORMED if no row has it. */
enum v3_error v3_error_from_number(uint16_t number);
/* What clients read; static. */
const char *v3_error_text(enum v3_error error);
/* The code of gRPC; 0 for V3_NONE alone. */
unsigned v3_error_code(enum v3_error error);

#endif
