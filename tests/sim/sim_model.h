/*
 * sim_model.h - what the store has to do, said a second time and simply: every
 * path with all its versions by store index, every event, every result.
 *
 * Fed with the committed log in order, so it is the one sequence of writes
 * that all answers, reads, watches and nodes must agree with. It shares no
 * code with raftd/replica/store. Source: docs/api.md, "Keys".
 */
#ifndef MOOTHALL_TESTS_SIM_MODEL_H
#define MOOTHALL_TESTS_SIM_MODEL_H

#include "common/err.h"
#include "common/key_limits.h"
#include "common/ipc/message.h"
#include "raftd/raft/types.h"
#include "tests/sim/sim_world.h"

struct sim_model;

struct model_node {
	bool present;
	bool dir;
	struct blob *value;		/* NULL: empty */
	uint64_t modified, created;
	uint64_t expire_at_ns;		/* 0: never */
};

struct model_event {
	uint8_t action;
	bool refresh, created;
	struct slice key;
	struct model_node node;
	bool has_previous;
	struct model_node previous;
	bool removed;			/* key, and all below it, are gone */
	raft_index raft_index;
	size_t bytes;			/* of its record in the history */
	/* The oldest event of the history when this one came, and before the next came. */
	uint64_t first, first_then;
};

/* The history as of an index of the log. */
struct model_window {
	uint64_t first;
	size_t bytes, bytes_max;
};

struct model_result {
	enum err error;
	uint64_t store_index;
	raft_index raft_index;
};

struct sim_model *model_new(struct world *world);
void model_free(struct sim_model **model);

/* The next committed entry. */
void model_apply(struct sim_model *model, const struct raft_entry *entry);
uint64_t model_index(const struct sim_model *model);
/* The newest stamp of the log. */
uint64_t model_time_ns(const struct sim_model *model);

/* What the command of that session and sequence did; NULL: it is not in the log. */
const struct model_result *model_result(const struct sim_model *model, uint64_t session,
    uint64_t sequence);
/* The event that took that index; NULL: none yet. */
const struct model_event *model_event(const struct sim_model *model, uint64_t store_index);
/* The node as it was after that index; NULL: there was none. */
const struct model_node *model_node(const struct sim_model *model, struct slice key,
    uint64_t store_index);

/* Is this the event of its index as the model has it? NULL, or what differs (static). */
const char *model_compare_event(const struct sim_model *model, struct slice event);
/* Is this the right answer to a get of key at store_index? NULL, or what differs. */
const char *model_compare_get(const struct sim_model *model, struct slice key, unsigned flags,
    uint64_t store_index, enum err error, struct slice event);

/* The same of a look at a lock: sim_lock.c. */
const char *model_compare_lock(const struct sim_model *model, struct slice key, uint64_t index,
    uint64_t store_index, enum err error, struct slice record);

/* Should a watch be given the event of that index? */
enum model_want { WANT_NEVER, WANT_MAYBE, WANT_ALWAYS };
enum model_want model_wants(const struct sim_model *model, struct slice key, unsigned flags,
    uint64_t store_index);

/* Is the event of index since gone from the history of a node that is at store_index? */
enum model_want model_is_cleared(const struct sim_model *model, uint64_t since,
    uint64_t store_index);
struct model_window model_window(const struct sim_model *model);
struct key_limits model_limits(const struct sim_model *model);

/* Users and roles as of an index of the log. */
struct model_rights {
	bool enabled;
	uint64_t revision;
	size_t users, roles;
};
struct model_rights model_rights(const struct sim_model *model);
/* Of the password that he has now; 0: there is no such user. */
uint64_t model_credential(const struct sim_model *model, struct slice user);

/* A key that should have expired long ago by the log's own time; empty: none. */
struct slice model_overdue(const struct sim_model *model, uint64_t by_ns);

/* Members as the committed log has them. */
const struct raft_conf *model_conf(const struct sim_model *model);
/* A place that nobody took, from *at on; *at is set behind it, *url is borrowed. 0: no more. */
uint64_t model_open_place(const struct sim_model *model, size_t *at, const char **url);
/* Some place that is or was, by any number; 0: there was never one. */
uint64_t model_any_place(const struct sim_model *model, uint64_t number);
/* Of the member that is shown with that id, or of a place that is there, borrowed until an entry
 * is committed; NULL: of nothing. */
const char *model_url_of(struct sim_model *model, uint64_t id);
/* The id of the place that node took; 0: none. */
uint64_t model_place_of(const struct sim_model *model, uint64_t node);

#endif
