/*
 * api.h - requests to /v2/keys, and their answers: an event or an error.
 */
#ifndef MOOTHALL_CTL_API_H
#define MOOTHALL_CTL_API_H

#include "ctl/client.h"
#include "ctl/json_read.h"

struct api_request {
	const char *method;
	struct slice key;
	struct buf query, form;	/* form_add; freed by api_ask */
	bool repeatable;
	uint64_t limit_ms;	/* as of struct client_request */
};

struct api_answer {
	struct client_answer answer;
	struct json_doc doc;	/* the event, or the error */
	unsigned error_code;	/* of the API; 0: success */
};

/*
 * CLIENT_ANSWERED: doc is an event, or error_code says which error. An answer that
 * is neither has error_code 300 and the status as a text.
 */
enum client_result api_ask(struct client *client, struct api_request *request,
    struct api_answer *answer);
/* answer->answer came in another way: what it says. */
void api_answer_read(struct api_answer *answer);
void api_answer_free(struct api_answer *answer);

/*
 * One sentence about anything that is no success ("Error:  100: Key not found (/a) [7]",
 * or the error as JSON); returns the exit code. CTL_DONE for a success.
 */
int api_report(const struct output *out, enum client_result result,
    const struct api_answer *answer);

/* api_ask and api_report in one. The answer is to be freed either way. */
int api_do(struct client *client, const struct output *out, struct api_request *request,
    struct api_answer *answer);

#endif
