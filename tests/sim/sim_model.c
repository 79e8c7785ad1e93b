/*
 * sim_model.c - the tree as a sorted list of paths, each with its versions.
 */
#include "tests/sim/sim_model.h"

#include "common/hash.h"
#include "common/key_limits.h"
#include "common/limits.h"
#include "common/ipc/wire.h"
#include "common/xmem.h"
#include "raftd/command.h"
#include "tests/sim/sim_model_priv.h"
#include "tests/sim/sim_v3.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct model_session {
	struct hash_link link;
	uint64_t id;
	uint64_t low;
	struct hash results;		/* by sequence: a senseless worker leaves gaps */
};

struct kept_result {
	struct hash_link link;
	uint64_t sequence;
	struct model_result result;
};

static bool
session_match(const struct hash_link *link, struct slice key)
{
	const struct model_session *session = CONTAINER_OF(link, struct model_session, link);

	return slice_equal(slice_of(&session->id, sizeof(session->id)), key);
}

static struct kept_result *
result_of(struct hash_link *link)
{
	return link == NULL ? NULL : CONTAINER_OF(link, struct kept_result, link);
}

static bool
result_match(const struct hash_link *link, struct slice key)
{
	const struct kept_result *result = CONTAINER_OF(link, struct kept_result, link);

	return slice_equal(slice_of(&result->sequence, sizeof(result->sequence)), key);
}

struct sim_model *
model_new(struct world *world)
{
	struct sim_model *model = xzalloc(sizeof(*model));

	model->world = world;
	model->window = (struct model_window){ .first = 1, .bytes_max = HISTORY_BYTES_DEFAULT };
	cluster_config_init(&model->config);
	hash_init(&model->sessions, 1, session_match);
	return model;
}

static void
node_release(struct model_node *node)
{
	blob_unref(&node->value);
}

void
model_free(struct sim_model **model_pointer)
{
	struct sim_model *model = *model_pointer;
	struct hash_link *link;

	for (size_t i = 0; i < model->path_count; i++) {
		struct model_path *path = model->paths[i];

		for (size_t n = 0; n < path->count; n++)
			node_release(&path->versions[n].node);
		free(path->versions);
		blob_unref(&path->name);
		free(path);
	}
	free(model->paths);
	for (size_t i = 0; i < model->index; i++) {
		node_release(&model->events[i].node);
		node_release(&model->events[i].previous);
	}
	free(model->events);
	while ((link = hash_pop(&model->sessions)) != NULL) {
		struct model_session *session = CONTAINER_OF(link, struct model_session, link);

		while ((link = hash_pop(&session->results)) != NULL)
			free(result_of(link));
		hash_free(&session->results);
		free(session);
	}
	hash_free(&model->sessions);
	for (size_t i = 0; i < model->member_count; i++)
		free(model->members[i].name);
	free(model->places);
	free(model->removed);
	free(model);
	*model_pointer = NULL;
}

/* ---- paths ------------------------------------------------------------------------ */

size_t
model_place(const struct sim_model *model, struct slice key)
{
	size_t below = 0, above = model->path_count;

	while (below < above) {
		size_t middle = below + (above - below) / 2;

		if (slice_compare(model->paths[middle]->key, key) < 0)
			below = middle + 1;
		else
			above = middle;
	}
	return below;
}

static struct model_path *
path_find(const struct sim_model *model, struct slice key)
{
	size_t place = model_place(model, key);

	if (place < model->path_count &&
	    slice_equal(model->paths[place]->key, key))
		return model->paths[place];
	return NULL;
}

static struct model_path *
path_make(struct sim_model *model, struct slice key)
{
	struct model_path *path = path_find(model, key);
	size_t place;

	if (path != NULL)
		return path;
	path = xzalloc(sizeof(*path));
	path->name = blob_new(key);
	path->key = blob_slice(path->name);
	place = model_place(model, key);
	model->paths = xgrow(model->paths, &model->path_capacity, model->path_count + 1,
	    sizeof(struct model_path *));
	memmove(&model->paths[place + 1], &model->paths[place],
	    (model->path_count - place) * sizeof(struct model_path *));
	model->paths[place] = path;
	model->path_count++;
	return path;
}

const struct model_node *
model_version(const struct model_path *path, uint64_t store_index)
{
	size_t below = 0, above = path->count;

	while (below < above) {
		size_t middle = below + (above - below) / 2;

		if (path->versions[middle].store_index <= store_index)
			below = middle + 1;
		else
			above = middle;
	}
	if (below == 0 || !path->versions[below - 1].node.present)
		return NULL;
	return &path->versions[below - 1].node;
}

const struct model_node *
model_node(const struct sim_model *model, struct slice key, uint64_t store_index)
{
	const struct model_path *path = path_find(model, key);

	return path == NULL ? NULL : model_version(path, store_index);
}

static const struct model_node *
present_node(const struct sim_model *model, struct slice key)
{
	return model_node(model, key, UINT64_MAX);
}

/* Takes node's value. */
static void
put_version(struct sim_model *model, struct slice key, struct model_node node)
{
	struct model_path *path = path_make(model, key);

	path->versions = xgrow(path->versions, &path->capacity, path->count + 1,
	    sizeof(path->versions[0]));
	path->versions[path->count++] = (struct model_version){ model->index + 1, node };
}

bool
model_is_below(struct slice key, struct slice dir)
{
	if (dir.size == 1)
		return key.size > 1;
	return key.size > dir.size && slice_starts_with(key, dir) && key.data[dir.size] == '/';
}

enum found { FOUND, MISSING, BLOCKED };

/* Walk down to key: is there a file in the way, or something missing? */
static enum found
look(const struct sim_model *model, struct slice key)
{
	for (size_t i = 1; i <= key.size; i++) {
		const struct model_node *node;

		if (i < key.size && key.data[i] != '/')
			continue;
		node = present_node(model, slice_of(key.data, i));
		if (node == NULL)
			return MISSING;
		if (i < key.size && !node->dir)
			return BLOCKED;
	}
	return FOUND;
}

static void
make_parents(struct sim_model *model, struct slice key)
{
	for (size_t i = 1; i < key.size; i++) {
		struct slice above = slice_of(key.data, i);

		if (key.data[i] == '/' && present_node(model, above) == NULL)
			put_version(model, above, (struct model_node){
			    .present = true,
			    .dir = true,
			    .modified = model->index + 1,
			    .created = model->index + 1,
			});
	}
}

static bool
has_children(const struct sim_model *model, struct slice key)
{
	for (size_t i = model_place(model, key); i < model->path_count; i++) {
		struct slice at = model->paths[i]->key;

		if (!slice_starts_with(at, key))
			return false;
		if (model_is_below(at, key) && model_version(model->paths[i], UINT64_MAX) != NULL)
			return true;
	}
	return false;
}

static void
remove_all(struct sim_model *model, struct slice key)
{
	for (size_t i = model_place(model, key); i < model->path_count; i++) {
		struct slice at = model->paths[i]->key;

		if (!slice_starts_with(at, key))
			return;
		if ((slice_equal(at, key) || model_is_below(at, key)) &&
		    model_version(model->paths[i], UINT64_MAX) != NULL)
			put_version(model, at, (struct model_node){ .present = false });
	}
}

/* ---- events -------------------------------------------------------------------------- */

static struct model_node
node_copy(const struct model_node *node)
{
	struct model_node copy = *node;

	blob_ref(copy.value);
	return copy;
}

/* The event of the next index; its versions were put already. */
static void
publish(struct sim_model *model, struct slice key, struct model_event event)
{
	event.key = path_make(model, key)->key;
	event.raft_index = model->raft_index;
	model->events = xgrow(model->events, &model->event_capacity, model->index + 1,
	    sizeof(model->events[0]));
	model->events[model->index++] = event;
	model_window_add(model);
}

static void
publish_removal(struct sim_model *model, struct slice key, uint8_t action)
{
	struct model_node old = node_copy(present_node(model, key));

	remove_all(model, key);
	publish(model, key, (struct model_event){
	    .action = action,
	    .node = { .present = true, .dir = old.dir, .modified = model->index + 1,
		.created = old.created },
	    .has_previous = true,
	    .previous = old,
	    .removed = true,
	});
}

/* ---- writes --------------------------------------------------------------------------- */

static uint64_t
expiry(const struct command_write *write, uint64_t time_ns)
{
	uint64_t ttl_s = write->ttl_s;

	if ((write->flags & WRITE_FLAG_TTL) == 0)
		return 0;
	if (ttl_s > (uint64_t)INT64_MAX / NS_PER_SECOND ||
	    time_ns + ttl_s * NS_PER_SECOND > (uint64_t)INT64_MAX)
		return 0;
	return time_ns + ttl_s * NS_PER_SECOND;
}

static struct blob *
value_blob(struct slice value)
{
	return value.size == 0 ? NULL : blob_new(value);
}

static void
put_new(struct sim_model *model, struct slice key, const struct command_write *write,
    uint8_t action, uint64_t time_ns)
{
	const struct model_node *there = present_node(model, key);
	struct model_event event = { .action = action, .has_previous = there != NULL };
	struct model_node node = {
		.present = true,
		.dir = (write->flags & WRITE_FLAG_DIR) != 0,
		.modified = model->index + 1,
		.created = model->index + 1,
		.expire_at_ns = expiry(write, time_ns),
	};

	event.created = there == NULL;
	event.refresh = action == ACTION_SET && (write->flags & WRITE_FLAG_REFRESH) != 0;
	if (there != NULL)
		event.previous = node_copy(there);
	if (event.refresh) {
		node.dir = false;
		node.value = blob_ref(event.previous.value);
	} else if (!node.dir) {
		node.value = value_blob(write->value);
	}
	make_parents(model, key);
	event.node = node_copy(&node);
	put_version(model, key, node);
	publish(model, key, event);
}

static void
put_over(struct sim_model *model, struct slice key, const struct command_write *write,
    uint8_t action, uint64_t time_ns)
{
	struct model_node old = node_copy(present_node(model, key));
	struct model_node node = old;
	struct model_event event = { .action = action, .has_previous = true };

	event.refresh = (write->flags & WRITE_FLAG_REFRESH) != 0;
	node.value = old.dir ? NULL :
	    event.refresh ? blob_ref(old.value) : value_blob(write->value);
	node.modified = model->index + 1;
	node.expire_at_ns = expiry(write, time_ns);
	event.node = node_copy(&node);
	event.previous = old;
	/* A directory keeps its modifiedIndex; only the event shows the new one. */
	if (node.dir)
		node.modified = old.modified;
	put_version(model, key, node);
	publish(model, key, event);
}

void
model_remove(struct sim_model *model, struct slice key)
{
	publish_removal(model, key, ACTION_DELETE);
}

void
model_change(struct sim_model *model, struct slice key, const struct command_write *write,
    uint64_t time_ns)
{
	put_over(model, key, write, ACTION_UPDATE, time_ns);
}

static enum err
conditions(const struct model_node *node, const struct command_write *write)
{
	if (node->dir)
		return ERR_NOT_FILE;
	if ((write->flags & WRITE_FLAG_PREV_VALUE) != 0 &&
	    !slice_equal(write->prev_value, blob_slice(node->value)))
		return ERR_COMPARE_FAILED;
	if (write->prev_index != 0 && write->prev_index != node->modified)
		return ERR_COMPARE_FAILED;
	return ERR_NONE;
}

static enum err
write_new(struct sim_model *model, struct slice key, const struct command_write *write,
    uint64_t time_ns)
{
	bool set = write->op == WRITE_SET;

	switch (look(model, key)) {
	case BLOCKED:
		return ERR_NOT_DIR;
	case MISSING:
		if (set && (write->flags & WRITE_FLAG_REFRESH) != 0)
			return ERR_KEY_NOT_FOUND;
		break;
	case FOUND:
		if (!set)
			return ERR_KEY_EXISTS;
		if (present_node(model, key)->dir)
			return ERR_NOT_FILE;
		break;
	}
	put_new(model, key, write, set ? ACTION_SET : ACTION_CREATE, time_ns);
	return ERR_NONE;
}

static enum err
write_old(struct sim_model *model, struct slice key, const struct command_write *write,
    uint64_t time_ns)
{
	const struct model_node *node = present_node(model, key);
	enum err err = ERR_NONE;

	switch (look(model, key)) {
	case BLOCKED:
		return ERR_NOT_DIR;
	case MISSING:
		return ERR_KEY_NOT_FOUND;
	case FOUND:
		break;
	}
	switch (write->op) {
	case WRITE_UPDATE:
		if (node->dir && write->value.size > 0 &&
		    (write->flags & WRITE_FLAG_REFRESH) == 0)
			return ERR_NOT_FILE;
		put_over(model, key, write, ACTION_UPDATE, time_ns);
		break;
	case WRITE_COMPARE_AND_SWAP:
		err = conditions(node, write);
		if (err == ERR_NONE)
			put_over(model, key, write, ACTION_COMPARE_AND_SWAP, time_ns);
		break;
	case WRITE_COMPARE_AND_DELETE:
		err = conditions(node, write);
		if (err == ERR_NONE)
			publish_removal(model, key, ACTION_COMPARE_AND_DELETE);
		break;
	default:
		if (node->dir && (write->flags & WRITE_FLAG_RECURSIVE) == 0) {
			if ((write->flags & WRITE_FLAG_DIR) == 0)
				return ERR_NOT_FILE;
			if (has_children(model, key))
				return ERR_DIR_NOT_EMPTY;
		}
		publish_removal(model, key, ACTION_DELETE);
		break;
	}
	return err;
}

static bool
at_or_below(struct slice key, struct slice dir)
{
	return slice_equal(key, dir) || model_is_below(key, dir);
}

enum err
model_carry_out(struct sim_model *model, const struct command_write *write, uint64_t time_ns,
    bool internal)
{
	struct slice key = write->key;
	struct key_limits limits = internal ? KEY_LIMITS_MAX : model_limits(model);
	char cause[KEY_CAUSE_BYTES];
	struct buf name = BUF_INIT;
	enum err err;

	if (!key_allowed(&limits, key, write->op, cause))
		return ERR_INVALID_FORM;
	if (key.size == 1 && write->op != WRITE_CREATE_IN_ORDER)
		return write->op == WRITE_COMPARE_AND_DELETE ? ERR_NOT_FILE : ERR_ROOT_READ_ONLY;
	if (write->op >= WRITE_LOCK_ACQUIRE)
		return !internal && !slice_starts_with(key, SLICE_LITERAL(LOCK_PREFIX)) ?
		    ERR_KEYWORD : model_lock(model, write, time_ns);
	if (!internal && (at_or_below(key, SLICE_LITERAL("/_etcd/machines")) ||
	    at_or_below(key, SLICE_LITERAL("/_etcd/config"))))
		return ERR_KEYWORD;
	if (slice_equal(key, SLICE_LITERAL("/_etcd")) &&
	    (write->op == WRITE_DELETE || write->op == WRITE_COMPARE_AND_DELETE))
		return ERR_KEYWORD;
	switch (write->op) {
	case WRITE_CREATE_IN_ORDER:
		if (key.size > 1)
			buf_append_slice(&name, key);
		buf_printf(&name, "/%020" PRIu64, model->index + 1);
		err = write_new(model, buf_slice(&name), write, time_ns);
		buf_free(&name);
		return err;
	case WRITE_SET:
	case WRITE_CREATE:
		return write_new(model, key, write, time_ns);
	default:
		return write_old(model, key, write, time_ns);
	}
}

/* ---- expiry ------------------------------------------------------------------------------ */

/* By time, then by age; of one write all nodes lie on one path. */
static bool
expires_before(const struct model_node *a, const struct model_path *path_a,
    const struct model_node *b, const struct model_path *path_b)
{
	if (a->expire_at_ns != b->expire_at_ns)
		return a->expire_at_ns < b->expire_at_ns;
	if (a->created != b->created)
		return a->created < b->created;
	return path_a->key.size < path_b->key.size;
}

static const struct model_path *
first_due(const struct sim_model *model, uint64_t cutoff_ns)
{
	const struct model_path *first = NULL;
	const struct model_node *due = NULL;

	for (size_t i = 0; i < model->path_count; i++) {
		const struct model_node *node = model_version(model->paths[i], UINT64_MAX);

		if (node == NULL || node->expire_at_ns == 0 || node->expire_at_ns > cutoff_ns)
			continue;
		if (due == NULL || expires_before(node, model->paths[i], due, first)) {
			first = model->paths[i];
			due = node;
		}
	}
	return first;
}

static void
expire(struct sim_model *model, uint64_t cutoff_ns, uint64_t time_ns)
{
	const struct model_path *path;

	if (cutoff_ns > time_ns)
		sim_fail(model->world, NULL, "an expiry's cut-off is after the entry's own stamp");
	while ((path = first_due(model, cutoff_ns)) != NULL)
		publish_removal(model, path->key, ACTION_EXPIRE);
}

struct slice
model_overdue(const struct sim_model *model, uint64_t by_ns)
{
	const struct model_path *path = first_due(model, by_ns);

	return path == NULL ? SLICE_EMPTY : path->key;
}

/* ---- sessions --------------------------------------------------------------- */

static struct model_session *
session_find(const struct sim_model *model, uint64_t id)
{
	struct hash_link *link = hash_find(&model->sessions, slice_of(&id, sizeof(id)));

	return link == NULL ? NULL : CONTAINER_OF(link, struct model_session, link);
}

/* Where the result of a new request goes; NULL: it was applied, or answered long ago. */
static struct model_result *
session_result(struct sim_model *model, const struct command_head *head)
{
	struct model_session *session = session_find(model, head->session);
	struct slice key = slice_of(&head->sequence, sizeof(head->sequence));
	struct kept_result *result;

	if (session == NULL) {
		session = xzalloc(sizeof(*session));
		session->id = head->session;
		hash_init(&session->results, 1, result_match);
		hash_insert(&model->sessions, &session->link,
		    slice_of(&session->id, sizeof(session->id)));
	}
	if (head->sequence < session->low || hash_find(&session->results, key) != NULL)
		return NULL;
	session->low = MAX_OF(session->low, MIN_OF(head->low, head->sequence));
	result = xzalloc(sizeof(*result));
	result->sequence = head->sequence;
	hash_insert(&session->results, &result->link,
	    slice_of(&result->sequence, sizeof(result->sequence)));
	return &result->result;
}

const struct model_result *
model_result(const struct sim_model *model, uint64_t session_id, uint64_t sequence)
{
	const struct model_session *session = session_find(model, session_id);

	const struct kept_result *result = session == NULL ? NULL :
	    result_of(hash_find(&session->results, slice_of(&sequence, sizeof(sequence))));

	return result == NULL ? NULL : &result->result;
}

/* ---- the log ---------------------------------------------------------------- */

static enum err
write_of(struct sim_model *model, struct slice user, uint64_t credential,
    const struct command_write *write, uint64_t time_ns)
{
	if (!model_may_write(model, user, credential, write))
		return ERR_UNAUTHORIZED;
	return model_carry_out(model, write, time_ns, false);
}

static enum err
apply_command(struct sim_model *model, const struct raft_entry *entry,
    const struct command_head *head, struct reader *body)
{
	struct command_write write;
	struct command_write_as as;
	struct command_auth auth;
	struct command_expire cutoff;
	struct command_member member;
	struct command_place place;
	struct command_create_items create;
	struct command_config_items config;
	struct command_refused refused;

	switch (head->kind) {
	case COMMAND_WRITE:
		if (command_write_get(body, &write))
			return write_of(model, SLICE_EMPTY, 0, &write, entry->time_ns);
		break;
	case COMMAND_WRITE_AS:
		if (command_write_as_get(body, &as))
			return write_of(model, as.user, as.credential, &(struct command_write){
			    .op = as.op, .flags = as.flags, .key = as.key, .value = as.value,
			    .ttl_s = as.ttl_s, .prev_index = as.prev_index,
			    .prev_value = as.prev_value }, entry->time_ns);
		break;
	case COMMAND_AUTH:
		if (command_auth_get(body, &auth))
			return model_change_auth(model, &auth);
		break;
	case COMMAND_KNOWN:
		/* All know of all removals: there is nothing of before an upgrade. */
		return ERR_NONE;
	case COMMAND_EXPIRE:
		if (command_expire_get(body, &cutoff)) {
			expire(model, cutoff.cutoff_ns, entry->time_ns);
			return ERR_NONE;
		}
		break;
	case COMMAND_MEMBER:
		if (command_member_get(body, &member))
			return model_change_member(model, entry, &member);
		break;
	case COMMAND_PLACE:
		if (command_place_get(body, &place))
			return model_change_place(model, entry, &place);
		break;
	case COMMAND_CREATE_ITEMS:
		if (!command_create_items_get(body, &create) ||
		    !model_configure(model, create.items))
			break;
		member = (struct command_member){ .id = create.id, .name = create.name,
			.peer_url = create.peer_url, .client_url = create.client_url };
		return model_join(model, &member, entry->time_ns);
	case COMMAND_CONFIG_ITEMS:
		if (command_config_items_get(body, &config) &&
		    model_configure(model, config.items))
			return ERR_NONE;
		break;
	case COMMAND_REFUSED:
		if (command_refused_get(body, &refused))
			return err_from_number(refused.error);
		break;
	default:
		if (v3_apply(model->world, entry, head, body))
			return ERR_NONE;
		break;
	}
	sim_fail(model->world, NULL, "entry %" PRIu64 " holds no command", entry->index);
}

void
model_apply(struct sim_model *model, const struct raft_entry *entry)
{
	struct reader in = reader_of(blob_slice(entry->payload));
	struct model_result *result = NULL;
	struct command_head head;
	enum err err;

	model->raft_index = entry->index;
	if (entry->time_ns < model->time_ns)
		sim_fail(model->world, NULL, "stamp of entry %" PRIu64 " falls", entry->index);
	model->time_ns = entry->time_ns;
	if (entry->type == RAFT_ENTRY_CONF)
		model_change_conf(model, entry);
	if (entry->payload == NULL)
		return;
	if (!command_head_get(&in, &head))
		sim_fail(model->world, NULL, "entry %" PRIu64 " has no head", entry->index);
	if (head.session != 0) {
		result = session_result(model, &head);
		/* Raft counts with a change of the configuration whoever asked twice. */
		if (result == NULL && entry->type != RAFT_ENTRY_CONF)
			return;
	}
	err = apply_command(model, entry, &head, &in);
	if (result != NULL)
		*result = (struct model_result){ err, model->index, entry->index };
	model_check_members(model);
}

uint64_t
model_index(const struct sim_model *model)
{
	return model->index;
}

uint64_t
model_time_ns(const struct sim_model *model)
{
	return model->time_ns;
}

const struct model_event *
model_event(const struct sim_model *model, uint64_t store_index)
{
	return store_index == 0 || store_index > model->index ? NULL :
	    &model->events[store_index - 1];
}
