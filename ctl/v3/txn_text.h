/*
 * txn_text.h - the lines of a transaction as etcdctl reads them. Pure.
 *
 *	value("key") = "text"		also val; version, ver; create, c; mod, m; lease
 *	put key "a value" --prev-kv	words as of a shell: plain, "as in Go", 'as it is'
 */
#ifndef MOOTHALL_CTL_V3_TXN_TEXT_H
#define MOOTHALL_CTL_V3_TXN_TEXT_H

#include "common/err.h"
#include "common/json_put.h"
#include "common/limits.h"

struct ctl3_words {
	char *words[CTL_WORDS_MAX + 1];	/* owned; NULL behind the last */
	size_t count;
};

/* Write a Compare as an object. ERR_INVALID: *problem is a sentence, freed by the caller. */
enum err ctl3_compare_read(const char *line, struct json_put *json, char **problem) MUST_CHECK;

/* Split a line. ERR_INVALID: as above, and nothing is to be freed. */
enum err ctl3_words_read(const char *line, struct ctl3_words *words, char **problem) MUST_CHECK;
void ctl3_words_free(struct ctl3_words *words);

#endif
