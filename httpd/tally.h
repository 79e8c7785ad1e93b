/*
 * tally.h - what the answers of a worker count for, by route, method and status.
 *
 * Owned by the border. Keeps where each combination is counted, so that only
 * the first answer of a kind has to look for it.
 */
#ifndef MOOTHALL_HTTPD_TALLY_H
#define MOOTHALL_HTTPD_TALLY_H

#include "httpd/http/request.h"

struct tally;

struct tally *tally_new(void);
void tally_free(struct tally **tally);
/* The head of an answer was made. */
void tally_answer(struct tally *tally, const struct request *request, uint64_t now_ns);

#endif
