/*
 * long_answer.h - the answer of a write whose event is long (values of many megabytes):
 * rendered bit by bit, as the client takes it, so that neither a turn nor the memory
 * of the worker has the whole text of it. Called by keys.c.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_LONG_ANSWER_H
#define MOOTHALL_HTTPD_CLIENT_LONG_ANSWER_H

#include "common/slice.h"
#include "httpd/http/request.h"

/* Is an encoded event of that size answered so? */
bool long_answer_wanted(struct slice event);
/* Answer with an encoded event_record, which is copied, as /v2 has it. Headers of before go
 * first. The request's state and callbacks are this module's from then on. */
void long_answer_begin(struct request *request, struct slice event);

#endif
