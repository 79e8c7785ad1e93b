/*
 * client.h - requests to a cluster: endpoints in turn, time-outs, TLS, over
 * libcurl.
 *
 * An endpoint that cannot be connected to is passed over. A request that may
 * have been carried out goes to another endpoint only if it is repeatable: else
 * the answer is that nobody knows (CLIENT_UNKNOWN).
 */
#ifndef MOOTHALL_CTL_CLIENT_H
#define MOOTHALL_CTL_CLIENT_H

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "ctl/ctl.h"

#define CLIENT_NO_LIMIT UINT64_MAX
#define CLUSTER_ID_BYTES 17	/* 64 bits in hexadecimal */

struct client;

struct client_request {
	const char *method;
	const char *path;	/* escaped, with its query */
	struct slice body;
	const char *body_type;	/* NULL: a request without a body */
	const char *authorization;	/* a header; NULL: what the options say */
	const char *only;	/* a URL: ask this one, no other; NULL: the endpoints */
	bool repeatable;	/* asking twice does no harm */
	uint64_t limit_ms;	/* for the answer; 0: what is left of the command's time;
				   CLIENT_NO_LIMIT: for ever */
};

enum client_result {
	CLIENT_ANSWERED,	/* by somebody, with whatever status */
	CLIENT_NO_HOST,		/* nobody could be asked; nothing was carried out */
	CLIENT_UNKNOWN,		/* sent, and no answer: may have been carried out */
	CLIENT_TIMED_OUT,	/* repeatable, and no answer in limit_ms */
	CLIENT_INTERRUPTED	/* by interrupt.h */
};

struct client_answer {
	unsigned status;
	struct buf body;
	uint64_t store_index;	/* X-Etcd-Index; 0: none */
	uint64_t raft_index, raft_term;
	char cluster_id[CLUSTER_ID_BYTES];	/* X-Etcd-Cluster-ID as it came; "": none */
	char *from;		/* URL of who answered */
	char *problem;		/* without an answer: one sentence */
	bool of_source;		/* not of the endpoints of the command line */
	uint64_t took_ns;
};

/*
 * A client for the endpoints of the command line; source: for another cluster,
 * a list of URLs instead of them, NULL if not. With the option to synchronise it
 * asks for the other members. CTL_DONE, or the sentence was said and this is
 * the exit code.
 */
int client_open(const struct ctl *ctl, const char *source, struct client **result) MUST_CHECK;
void client_free(struct client **client);

/* Accepts a zeroed answer, or one from before. */
enum client_result client_ask(struct client *client, const struct client_request *request,
    struct client_answer *answer);
void client_answer_free(struct client_answer *answer);

/* The whole command has its time again: for commands that wait. */
void client_restart_clock(struct client *client);
uint64_t client_total_ms(const struct client *client);
/* For a connection to be made. */
uint64_t client_connect_ms(const struct client *client);

/* URLs of the endpoints as they are now; borrowed. */
size_t client_endpoint_count(const struct client *client);
const char *client_endpoint(const struct client *client, size_t i);

/* One sentence about a request without an answer; returns the exit code. */
int client_fail(enum client_result result, const struct client_answer *answer);

#endif
