/*
 * join_text.h - what a joiner and a member say to each other, as JSON.
 *
 * Pure. PUT /join carries
 *	{"protocol":{"min":1,"max":1},"id":"HEX","name":"N","peerURL":"U","clientURL":"U"}
 * and is answered by
 *	{"clusterId":"HEX","members":[{"id":"HEX","name":"N","peerURL":"U",
 *	 "clientURL":"U","role":"voter"|"learner"},...]}	in order of joining
 * or by an error of the API. Members of objects that are not named here are
 * passed over, so that either side may grow.
 */
#ifndef MOOTHALL_HTTPD_PEER_JOIN_TEXT_H
#define MOOTHALL_HTTPD_PEER_JOIN_TEXT_H

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"

struct cluster;
struct json_put;

struct join_request {
	uint64_t protocol_min, protocol_max;
	uint64_t id;
	char name[NAME_BYTES_MAX + 1];
	char peer_url[URL_BYTES_MAX + 1];
	char client_url[URL_BYTES_MAX + 1];
};

void join_request_put(struct buf *out, const struct join_request *request);
/*
 * ERR_NONE; ERR_UNSUPPORTED: this is the 0.4 form (raftURL); else
 * ERR_MALFORMED and *problem: a phrase for people, static.
 */
enum err join_request_parse(struct slice body, struct join_request *request,
    const char **problem) MUST_CHECK;

void join_answer_put(struct buf *out, const struct cluster *cluster);
/* The list of members alone, as a value. */
void join_members_put(struct json_put *json, const struct cluster *cluster);
/*
 *	members	out: member_records are appended, in order of joining
 *
 * ERR_NONE, or ERR_MALFORMED and *problem; members may hold some then.
 */
enum err join_answer_parse(struct slice body, uint64_t *cluster_id, struct buf *members,
    const char **problem) MUST_CHECK;

/* An error as the API spells it. */
struct join_error {
	uint64_t code;
	char text[512];		/* "message: cause" */
};
/* ERR_NONE, or ERR_MALFORMED: the body is something else. */
enum err join_error_parse(struct slice body, struct join_error *error) MUST_CHECK;

/*
 * A list of GET /v2/admin/machines.
 *
 *	count	out: how many machines it has
 *	leader	out: client URL of the one that leads, "" if none does
 *
 * ERR_NONE, or ERR_MALFORMED and *problem: it is none.
 */
enum err join_machines_parse(struct slice body, size_t *count, char leader[URL_BYTES_MAX + 1],
    const char **problem) MUST_CHECK;
/* syncInterval of GET /v2/admin/config, in ms; the default if the body is something else. */
uint64_t join_sync_interval_ms(struct slice body);

#endif
