/*
 * answer.h - bytes -> one HTTP answer; no I/O.
 *
 * The client's side of http-parser. Head and body are bounded; interim answers
 * (100) are passed over. After 101 the reader stops at the first byte of the
 * new protocol.
 */
#ifndef MOOTHALL_HTTPD_PEER_ANSWER_H
#define MOOTHALL_HTTPD_PEER_ANSWER_H

#include "common/err.h"
#include "common/limits.h"
#include "common/slice.h"

struct answer;

struct answer *answer_new(void);
/* Accepts NULL in *answer. */
void answer_free(struct answer **answer);

/*
 * Take the next bytes of the connection.
 *
 * ERR_NONE: the answer is complete, *used bytes of these belong to it;
 * ERR_AGAIN: all were taken, more must follow; ERR_MALFORMED: this is no HTTP
 * answer; ERR_TOO_BIG: head or body above the limit.
 */
enum err answer_take(struct answer *answer, struct slice bytes, size_t *used) MUST_CHECK;
/* The connection ended. ERR_NONE if that completes the answer, else ERR_CLOSED. */
enum err answer_ended(struct answer *answer) MUST_CHECK;

unsigned answer_status(const struct answer *answer);
/* True if the answer is a 101 whose connection speaks something else now. */
bool answer_upgraded(const struct answer *answer);
struct slice answer_body(const struct answer *answer);
/* The value of the first header of that name, without regard to case; else empty. */
struct slice answer_header(const struct answer *answer, const char *name);

#endif
