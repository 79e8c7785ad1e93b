/*
 * sim_model_priv.h - the model's own, for sim_model.c, sim_members.c and
 * sim_compare.c.
 */
#ifndef MOOTHALL_TESTS_SIM_MODEL_PRIV_H
#define MOOTHALL_TESTS_SIM_MODEL_PRIV_H

#include "common/clock.h"
#include "common/cluster_config.h"
#include "common/hash.h"
#include "raftd/command.h"
#include "tests/sim/sim_model.h"

struct model_version {
	uint64_t store_index;		/* so from then on; the last of an index counts */
	struct model_node node;
};

struct model_path {
	struct blob *name;
	struct slice key;		/* the same */
	size_t count, capacity;
	struct model_version *versions;	/* rising */
};

struct model_member {
	uint64_t id;
	char *name;
	char urls[256];			/* peer and client URL, with a blank between them */
	char peer_url[128];
};

/* A place for a member, once made never forgotten. */
struct model_place {
	uint64_t id, node;
	bool removed;
	char url[128];
};

#define MODEL_TEXTS 16
#define MODEL_TEXT_BYTES 32

struct model_texts {
	size_t count;
	char list[MODEL_TEXTS][MODEL_TEXT_BYTES];
};

/* A user with his roles (first), or a role with what it may read (first) and write (second). */
struct model_named {
	bool there;
	char name[MODEL_TEXT_BYTES];
	uint64_t credential;		/* of a user */
	bool none_given;		/* he was made without any role, and has got none since */
	struct model_texts first, second;
};

struct model_auth {
	bool enabled;
	uint64_t revision;
	struct model_named users[MODEL_TEXTS], roles[MODEL_TEXTS];
};

struct sim_model {
	struct world *world;
	uint64_t index;			/* the store index: count of events */
	raft_index raft_index;
	uint64_t time_ns;
	size_t path_count, path_capacity;
	struct model_path **paths;	/* by key */
	size_t event_capacity;
	struct model_event *events;	/* events[i] took index i + 1 */
	struct model_window window;
	struct cluster_config config;
	struct hash sessions;
	struct raft_conf conf;
	size_t member_count;
	struct model_member members[MEMBERS_MAX];
	size_t place_count, place_capacity;
	struct model_place *places;
	struct model_auth auth;
	size_t removed_count, removed_capacity;
	uint64_t *removed;		/* members that were */
};

/* Where key is or would be. */
size_t model_place(const struct sim_model *model, struct slice key);
const struct model_node *model_version(const struct model_path *path, uint64_t store_index);
bool model_is_below(struct slice key, struct slice dir);

/* A write as it is in the log; internal: the registry's own. */
enum err model_carry_out(struct sim_model *model, const struct command_write *write,
    uint64_t time_ns, bool internal);

/* Remove a node, with all below; change a file. Both with their event. */
void model_remove(struct sim_model *model, struct slice key);
void model_change(struct sim_model *model, struct slice key, const struct command_write *write,
    uint64_t time_ns);
/* sim_lock.c: a write of a lock. */
enum err model_lock(struct sim_model *model, const struct command_write *write,
    uint64_t time_ns);

/* sim_window.c: the newest event joins the history. */
void model_window_add(struct sim_model *model);
/* What the cluster is to be like; false: that is no list of values. */
bool model_configure(struct sim_model *model, struct slice items);

/* sim_auth.c. */
enum err model_change_auth(struct sim_model *model, const struct command_auth *asked);
bool model_may_write(struct sim_model *model, struct slice user, uint64_t credential,
    const struct command_write *write);

/* sim_members.c: what an entry does to the members and their registry keys, and
 * to the configuration. */
enum err model_join(struct sim_model *model, const struct command_member *m, uint64_t time_ns);
enum err model_change_member(struct sim_model *model, const struct raft_entry *entry,
    const struct command_member *m);
enum err model_change_place(struct sim_model *model, const struct raft_entry *entry,
    const struct command_place *p);
void model_change_conf(struct sim_model *model, const struct raft_entry *entry);
/* Members are who counts for Raft. */
void model_check_members(struct sim_model *model);

#endif
