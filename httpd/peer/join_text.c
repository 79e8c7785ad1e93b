/*
 * join_text.c - what a joiner and a member say to each other (see join_text.h).
 *
 * Each reader collects what it wants from json_walk and judges it when the
 * object that holds it ends, so the order of members does not matter.
 */
#include "httpd/peer/join_text.h"

#include "common/ipc/message.h"
#include "common/ipc/wire.h"
#include "common/json_put.h"
#include "common/node_name.h"
#include "common/url_list.h"
#include "httpd/cluster.h"
#include "httpd/peer/identity.h"
#include "httpd/json_walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text into an array of that size; false if it is none or does not fit. */
static bool
take_text(enum json_kind kind, struct slice text, char *array, size_t size)
{
	if (kind != JSON_STRING || text.size >= size)
		return false;
	if (text.size > 0 && memchr(text.data, '\0', text.size) != NULL)
		return false;
	if (text.size > 0)
		memcpy(array, text.data, text.size);
	array[text.size] = '\0';
	return true;
}

static bool
take_number(enum json_kind kind, struct slice text, uint64_t *number)
{
	return kind == JSON_NUMBER && peer_number_parse(text, UINT32_MAX, number);
}

static bool
take_id(enum json_kind kind, struct slice text, uint64_t *id)
{
	return kind == JSON_STRING && peer_id_parse(text, id);
}

/* A URL of a node: where to connect, and nothing else. */
static bool
url_valid(const char *url)
{
	struct peer_address address;

	return peer_address_parse(slice_text(url), false, &address) == ERR_NONE;
}

static void
put_text(struct json_put *json, const char *name, const char *text)
{
	json_put_text(json, name, slice_text(text));
}

void
join_request_put(struct buf *out, const struct join_request *request)
{
	struct json_put json = json_put_into(out);

	json_put_open(&json, NULL, '{');
	json_put_open(&json, "protocol", '{');
	json_put_number(&json, "min", request->protocol_min);
	json_put_number(&json, "max", request->protocol_max);
	json_put_close(&json, '}');
	json_put_id(&json, "id", request->id);
	put_text(&json, "name", request->name);
	put_text(&json, "peerURL", request->peer_url);
	put_text(&json, "clientURL", request->client_url);
	json_put_close(&json, '}');
	buf_append_byte(out, '\n');
}

struct request_reader {
	struct join_request *request;
	bool old_form;
	bool object;
};

static bool
request_value(void *argument, const char *place, enum json_kind kind, struct slice text)
{
	struct request_reader *reader = argument;
	struct join_request *request = reader->request;

	if (strcmp(place, "") == 0) {
		reader->object = kind == JSON_OBJECT || kind == JSON_OBJECT_END;
		return reader->object;
	}
	if (strcmp(place, "raftURL") == 0)
		reader->old_form = true;
	if (strcmp(place, "protocol.min") == 0)
		return take_number(kind, text, &request->protocol_min);
	if (strcmp(place, "protocol.max") == 0)
		return take_number(kind, text, &request->protocol_max);
	if (strcmp(place, "id") == 0)
		return take_id(kind, text, &request->id);
	if (strcmp(place, "name") == 0)
		return take_text(kind, text, request->name, sizeof(request->name));
	if (strcmp(place, "peerURL") == 0)
		return take_text(kind, text, request->peer_url, sizeof(request->peer_url));
	if (strcmp(place, "clientURL") == 0)
		return take_text(kind, text, request->client_url, sizeof(request->client_url));
	return true;
}

enum err
join_request_parse(struct slice body, struct join_request *request, const char **problem)
{
	struct request_reader reader = { request, false, false };
	enum err err;

	memset(request, 0, sizeof(*request));
	*problem = "it is too long";
	if (body.size > JOIN_BODY_BYTES_MAX)
		return ERR_MALFORMED;
	err = json_walk(body, (struct json_walker){ request_value, &reader }, problem);
	if (err != ERR_NONE)
		return err;
	if (reader.old_form)
		return ERR_UNSUPPORTED;
	*problem = "\"protocol\" must have \"min\" and \"max\", min at most max, from 1";
	if (request->protocol_min == 0 || request->protocol_min > request->protocol_max)
		return ERR_MALFORMED;
	*problem = "\"id\" must be up to 16 hex digits, not zero";
	if (request->id == 0)
		return ERR_MALFORMED;
	*problem = "\"name\" must be 1 to 255 of A-Z a-z 0-9 . _ - and not begin with . or _";
	if (!node_name_valid(slice_text(request->name)))
		return ERR_MALFORMED;
	*problem = "\"peerURL\" must be http://HOST:PORT or https://HOST:PORT";
	if (!url_valid(request->peer_url))
		return ERR_MALFORMED;
	*problem = "\"clientURL\" must be http://HOST:PORT or https://HOST:PORT";
	if (!url_valid(request->client_url))
		return ERR_MALFORMED;
	return ERR_NONE;
}

void
join_answer_put(struct buf *out, const struct cluster *cluster)
{
	struct json_put json = json_put_into(out);

	json_put_open(&json, NULL, '{');
	json_put_id(&json, "clusterId", cluster->cluster_id);
	json_put_name(&json, "members");
	join_members_put(&json, cluster);
	json_put_close(&json, '}');
	buf_append_byte(out, '\n');
}

void
join_members_put(struct json_put *json, const struct cluster *cluster)
{
	json_put_open(json, NULL, '[');
	for (size_t i = 0; i < cluster->member_count; i++) {
		const struct cluster_member *member = &cluster->members[i];

		json_put_open(json, NULL, '{');
		json_put_id(json, "id", member->id);
		put_text(json, "name", member->name);
		/* All of them come with the log; who reads this may know of one only. */
		json_put_text(json, "peerURL", url_list_first(slice_text(member->peer_url)));
		json_put_text(json, "clientURL", url_list_first(slice_text(member->client_url)));
		put_text(json, "role", member->role == MEMBER_LEARNER ? "learner" : "voter");
		json_put_close(json, '}');
	}
	json_put_close(json, ']');
}

struct answer_reader {
	uint64_t cluster_id;
	struct buf *members;
	size_t count;
	struct join_request member;	/* being read */
	bool learner, has_role;
	bool list;
};

static bool
answer_member_end(struct answer_reader *reader)
{
	const struct join_request *member = &reader->member;

	if (member->id == 0 || !reader->has_role || !node_name_valid(slice_text(member->name)) ||
	    !url_valid(member->peer_url) ||
	    (member->client_url[0] != '\0' && !url_valid(member->client_url)) ||
	    reader->count == MEMBERS_MAX)
		return false;
	reader->count++;
	member_record_put(reader->members, &(struct member_record){
	    .id = member->id,
	    .role = reader->learner ? MEMBER_LEARNER : MEMBER_VOTER,
	    .name = slice_text(member->name),
	    .peer_url = slice_text(member->peer_url),
	    .client_url = slice_text(member->client_url),
	    .joined = reader->count,
	});
	return true;
}

static bool
answer_value(void *argument, const char *place, enum json_kind kind, struct slice text)
{
	struct answer_reader *reader = argument;
	struct join_request *member = &reader->member;

	if (strcmp(place, "") == 0)
		return kind == JSON_OBJECT || kind == JSON_OBJECT_END;
	if (strcmp(place, "clusterId") == 0)
		return take_id(kind, text, &reader->cluster_id);
	if (strcmp(place, "members") == 0) {
		reader->list = true;
		return kind == JSON_ARRAY || kind == JSON_ARRAY_END;
	}
	if (strcmp(place, "members[]") == 0) {
		if (kind == JSON_OBJECT_END)
			return answer_member_end(reader);
		memset(member, 0, sizeof(*member));
		reader->has_role = false;
		return kind == JSON_OBJECT;
	}
	if (strcmp(place, "members[].id") == 0)
		return take_id(kind, text, &member->id);
	if (strcmp(place, "members[].name") == 0)
		return take_text(kind, text, member->name, sizeof(member->name));
	if (strcmp(place, "members[].peerURL") == 0)
		return take_text(kind, text, member->peer_url, sizeof(member->peer_url));
	if (strcmp(place, "members[].clientURL") == 0)
		return take_text(kind, text, member->client_url, sizeof(member->client_url));
	if (strcmp(place, "members[].role") == 0) {
		reader->learner = slice_equal(text, SLICE_LITERAL("learner"));
		reader->has_role = kind == JSON_STRING &&
		    (reader->learner || slice_equal(text, SLICE_LITERAL("voter")));
		return reader->has_role;
	}
	return true;
}

enum err
join_answer_parse(struct slice body, uint64_t *cluster_id, struct buf *members,
    const char **problem)
{
	struct answer_reader reader = { .members = members };
	enum err err;

	err = json_walk(body, (struct json_walker){ answer_value, &reader }, problem);
	if (err != ERR_NONE)
		return err;
	*problem = "it names no cluster or no members";
	if (reader.cluster_id == 0 || reader.count == 0)
		return ERR_MALFORMED;
	*cluster_id = reader.cluster_id;
	return ERR_NONE;
}

struct error_reader {
	uint64_t code;
	char message[160];
	char cause[320];
};

/* As much of a text as fits: it is only shown. */
static void
take_start(struct slice text, char *array, size_t size)
{
	size_t taken = MIN_OF(text.size, size - 1);

	if (taken > 0)
		memcpy(array, text.data, taken);
	array[taken] = '\0';
}

static bool
error_value(void *argument, const char *place, enum json_kind kind, struct slice text)
{
	struct error_reader *reader = argument;

	if (strcmp(place, "errorCode") == 0)
		return take_number(kind, text, &reader->code);
	if (strcmp(place, "message") == 0 && kind == JSON_STRING)
		take_start(text, reader->message, sizeof(reader->message));
	if (strcmp(place, "cause") == 0 && kind == JSON_STRING)
		take_start(text, reader->cause, sizeof(reader->cause));
	return true;
}

enum err
join_error_parse(struct slice body, struct join_error *error)
{
	struct error_reader reader;
	const char *problem;
	enum err err;

	memset(&reader, 0, sizeof(reader));
	err = json_walk(body, (struct json_walker){ error_value, &reader }, &problem);
	if (err != ERR_NONE)
		return err;
	if (reader.code == 0)
		return ERR_MALFORMED;
	error->code = reader.code;
	snprintf(error->text, sizeof(error->text), "%s%s%s", reader.message,
	    reader.cause[0] != '\0' ? ": " : "", reader.cause);
	return ERR_NONE;
}

struct machines_reader {
	size_t count;
	bool named, leads;		/* the machine being read */
	char url[URL_BYTES_MAX + 1];
	char *leader;
};

static void
machine_end(struct machines_reader *reader)
{
	reader->count++;
	if (reader->leads && url_valid(reader->url))
		memcpy(reader->leader, reader->url, sizeof(reader->url));
}

static bool
machines_value(void *argument, const char *place, enum json_kind kind, struct slice text)
{
	struct machines_reader *reader = argument;

	if (strcmp(place, "") == 0)
		return kind == JSON_ARRAY || kind == JSON_ARRAY_END;
	if (strcmp(place, "[]") == 0) {
		if (kind == JSON_OBJECT) {
			reader->named = reader->leads = false;
			reader->url[0] = '\0';
		} else if (kind != JSON_OBJECT_END || !reader->named) {
			return false;
		} else {
			machine_end(reader);
		}
	}
	if (strcmp(place, "[].name") == 0)
		reader->named = kind == JSON_STRING;
	else if (strcmp(place, "[].state") == 0)
		reader->leads = slice_equal(text, SLICE_LITERAL("leader"));
	else if (strcmp(place, "[].clientURL") == 0)
		return take_text(kind, text, reader->url, sizeof(reader->url));
	return true;
}

enum err
join_machines_parse(struct slice body, size_t *count, char leader[URL_BYTES_MAX + 1],
    const char **problem)
{
	struct machines_reader reader = { .leader = leader };
	enum err err;

	leader[0] = '\0';
	err = json_walk(body, (struct json_walker){ machines_value, &reader }, problem);
	if (err == ERR_NONE)
		*count = reader.count;
	return err;
}

/* Seconds, maybe with a fraction. */
static bool
interval_value(void *argument, const char *place, enum json_kind kind, struct slice text)
{
	uint64_t *interval_ms = argument;
	char copy[32];
	double ms;

	if (strcmp(place, "syncInterval") != 0)
		return true;
	if (kind != JSON_NUMBER || text.size >= sizeof(copy))
		return false;
	snprintf(copy, sizeof(copy), "%.*s", SLICE_ARGS(text));
	ms = strtod(copy, NULL) * 1000;
	*interval_ms = ms < SYNC_INTERVAL_MS_MIN ? SYNC_INTERVAL_MS_MIN :
	    (uint64_t)MIN_OF(ms, (double)CLUSTER_TIME_MS_MAX);
	return true;
}

uint64_t
join_sync_interval_ms(struct slice body)
{
	uint64_t interval_ms = SYNC_INTERVAL_MS_DEFAULT;
	const char *problem;

	if (json_walk(body, (struct json_walker){ interval_value, &interval_ms }, &problem) !=
	    ERR_NONE)
		return SYNC_INTERVAL_MS_DEFAULT;
	return interval_ms;
}
