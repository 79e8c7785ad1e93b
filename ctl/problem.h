/*
 * problem.h - why a request was not answered, and what to give instead: libcurl's words
 * turned into ours where these lead on.
 */
#ifndef MOOTHALL_CTL_PROBLEM_H
#define MOOTHALL_CTL_PROBLEM_H

#include "ctl/arguments.h"
#include "common/slice.h"

struct problem {
	const char *url;	/* scheme, host, port; a path does no harm */
	int curl_code;		/* CURLcode; CURLE_OK: an answer came, with */
	unsigned status;	/* this status */
	struct slice body;	/* and this body */
	const char *said;	/* by libcurl; may be empty */
	long system_error;	/* errno of a connection that was not made; 0: none */
};

/*
 * A sentence without the URL at its beginning; freed by the caller. NULL: an answer came,
 * and from the right port. certain: out, the server has refused to look at the request.
 */
char *problem_words(const struct ctl_arguments *arguments, const struct problem *problem,
    bool *certain);

/*
 * Before anything is sent: the certificate, its key and the authorities can be read, and
 * the key is that of the certificate. CTL_DONE, or the sentence was said and this is the
 * exit code.
 */
int problem_check_files(const struct ctl_arguments *arguments) MUST_CHECK;

#endif
