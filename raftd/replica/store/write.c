/*
 * write.c - writes and expiry: the only code that changes the replicated state.
 *
 * Every change has the same steps, and fails in the first if at all:
 *
 *	1 look	the search, the conditions; nothing is changed	[write_*]
 *	2 event	is encoded from the node as it will be and was	[make_event]
 *	3 tell	index, history, watchers; the tree is still old,
 *		so "existed at that moment" can be asked	[publish]
 *	4 do	what was is kept for open views, then the tree,
 *		the expiry, and their effects; the directories
 *		above remember that something happened		[put_new, job_put_over, remove_node]
 *
 * Source: docs/api.md, "Operations"; "The registry" for its own keys.
 */
#include "raftd/replica/store/store_priv.h"

#include "raftd/replica/store/path.h"
#include "raftd/replica/store/write_priv.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- what all have in common ---------------------------------------------------- */

enum err
job_fail(struct write_job *job, enum err error, struct slice cause)
{
	job->cause = blob_new(cause);
	return error;
}

enum err
job_fail_search(struct write_job *job)
{
	job->cause = store_search_cause(job->key, &job->search);
	return job->search.error;
}

#define RECORD_AROUND_BYTES 256

/* The event of what happens to a node; before is NULL if there was none. */
static struct blob *
make_event(struct store *store, enum event_action action, unsigned flags, uint64_t now_ns,
    const struct node_record *after, const struct node_record *before)
{
	struct buf *out = &store->event;
	size_t begun;

	blob_begin(out);
	/* Both values, and about what stands around them. */
	(void)buf_reserve(out, after->value.size + after->key.size +
	    (before == NULL ? 0 : before->value.size + before->key.size) + RECORD_AROUND_BYTES);
	begun = event_begin(out, action, flags | (before == NULL ? 0 : EVENT_PREVIOUS),
	    after->modified, now_ns);
	node_record_put(out, after);
	if (before != NULL)
		node_record_put(out, before);
	event_end(out, begun);
	return blob_end(out, store->tree.pool);
}

/*
 * The event takes its index and is told to those who wait; takes a reference.
 *
 *	removed	the node that is about to go with all below, or NULL
 */
static void
publish(struct store *store, struct blob *record, const struct tree_node *removed)
{
	struct event event;
	bool parsed = event_parse(blob_ref(record), &event);

	ASSERT(parsed);
	ASSERT(event.store_index == store->index + 1);
	store->index = event.store_index;
	history_add(&store->history, event, &store->effects);
	if (!event_is_refresh(&event))
		tree_touch(store->tree.root, store->index);
	store_put_bounds(store);
	if (!event_is_refresh(&event))
		watch_deliver(&store->watch, &event, removed);
}

/* What the directory's record says is above all that is in it, from now on. The root's is
 * written with every event. */
static void
save_dir(struct store *store, const struct tree_node *dir)
{
	if (dir->parent != NULL)
		effects_node(&store->effects, dir);
}

/* A file was changed by the event of this index: its directories remember that, or if it was
 * a refresh, that it was none (effect.h). */
static void
remember_change(struct write_job *job, struct tree_node *file, bool refresh)
{
	if (refresh && !tree_is_refreshed(file))
		save_dir(job->store, file->parent);
	tree_mark_refreshed(file, refresh);
	if (!refresh)
		tree_touch(file->parent, job->next);
}

/* A node is gone from the tree, with everything below; that is freed by and by. Returned
 * borrowed if there is something below, else NULL. */
static struct doomed *
cut_node(struct store *store, struct tree_node *top)
{
	bool is_empty = !tree_is_dir(top) || top->children == NULL;

	effects_node_gone(&store->effects, top);
	tree_detach(&store->tree, top);
	if (is_empty) {
		ttl_clear(&store->ttl, top);
		tree_drop(&store->tree, top);
		return NULL;
	}
	effects_doomed(&store->effects, top);
	return doomed_add(&store->doomed, top);
}

static void
set_expiry(struct write_job *job, struct tree_node *node)
{
	if (job->expires)
		ttl_set(&job->store->ttl, node, job->expire_at_ns);
	else
		ttl_clear(&job->store->ttl, node);
}

/* The node at the job's key, made with all the directories that are missing
 * above it; those get their effects here, the node itself does not. */
static struct tree_node *
make_node(struct write_job *job, bool is_dir)
{
	struct store *store = job->store;
	struct tree_node *node = job->search.node;
	struct path_names names = path_names(job->key);
	struct slice name;

	while (path_next(&names, &name)) {
		size_t seen = (size_t)(names.at - job->key.data);
		bool last = names.at == names.end;

		if (seen < job->search.size)
			continue;
		node = tree_make(&store->tree, node, name, last ? is_dir : true, job->next);
		if (!last)
			effects_node(&store->effects, node);
	}
	return node;
}

/* ---- set and create -------------------------------------------------------------- */

/* Put a new node at the key, over the file there if there is one. */
static enum err
put_new(struct write_job *job, enum event_action action)
{
	struct store *store = job->store;
	struct tree_node *node = job->search.error == ERR_NONE ? job->search.node : NULL;
	bool refresh = action == ACTION_SET && job_flag(job, WRITE_FLAG_REFRESH);
	/* A refresh keeps what there is, and there is a file. */
	bool is_dir = !refresh && job_flag(job, WRITE_FLAG_DIR);
	struct node_record before;
	struct node_record after = {
		.flags = (uint8_t)((is_dir ? NODE_DIR : NODE_VALUE) |
		    (job->expires ? NODE_EXPIRES : 0)),
		.key = job->key,
		.value = is_dir ? SLICE_EMPTY : job->write->value,
		.modified = job->next,
		.created = job->next,
		.expire_at_ns = job->expire_at_ns,
	};

	if (node != NULL)
		before = tree_describe(node, job->key, 0);
	if (refresh && node != NULL)
		after.value = tree_value(node);
	job->event = make_event(store, action,
	    (node == NULL ? EVENT_CREATED : 0U) | (refresh ? EVENT_REFRESH : 0U),
	    job->time_ns, &after, node == NULL ? NULL : &before);
	publish(store, job->event, NULL);

	if (node != NULL)
		view_changing(store, node, job->key);
	if (node == NULL)
		node = make_node(job, is_dir);
	else if (is_dir)
		tree_make_dir(&store->tree, node);
	node->created = job->next;
	if (is_dir) {
		tree_touch(node, job->next);
	} else {
		node->modified = job->next;
		remember_change(job, node, refresh);
	}
	if (!is_dir && !refresh)
		tree_set_value(&store->tree, node, job->write->value);
	set_expiry(job, node);
	effects_node(&store->effects, node);
	return ERR_NONE;
}

static enum err
write_set(struct write_job *job)
{
	if (job->search.error == ERR_NOT_DIR)
		return job_fail_search(job);
	if (job->search.error == ERR_KEY_NOT_FOUND && job_flag(job, WRITE_FLAG_REFRESH))
		return job_fail_search(job);
	if (job->search.error == ERR_NONE && tree_is_dir(job->search.node))
		return job_fail(job, ERR_NOT_FILE, job->key);
	return put_new(job, ACTION_SET);
}

enum err
job_create(struct write_job *job)
{
	if (job->search.error == ERR_NOT_DIR)
		return job_fail_search(job);
	if (job->search.error == ERR_NONE)
		return job_fail(job, ERR_KEY_EXISTS, job->key);
	return put_new(job, ACTION_CREATE);
}

/* ---- update and compareAndSwap ------------------------------------------------------ */

/* Change the node that is there. */
enum err
job_put_over(struct write_job *job, enum event_action action)
{
	struct store *store = job->store;
	struct tree_node *node = job->search.node;
	bool refresh = job_flag(job, WRITE_FLAG_REFRESH);
	bool is_dir = tree_is_dir(node);
	bool has_value = !is_dir && !refresh && !job->keeps_value;
	struct node_record before = tree_describe(node, job->key, 0);
	struct node_record after = before;

	after.flags = (uint8_t)((before.flags & ~NODE_EXPIRES) |
	    (job->expires ? NODE_EXPIRES : 0));
	if (has_value)
		after.value = job->write->value;
	after.modified = job->next;
	after.expire_at_ns = job->expire_at_ns;
	job->event = make_event(store, action, refresh ? EVENT_REFRESH : 0U, job->time_ns,
	    &after, &before);
	publish(store, job->event, NULL);

	view_changing(store, node, job->key);
	/* A directory keeps its index: only the event shows the new one. */
	if (!is_dir) {
		node->modified = job->next;
		remember_change(job, node, refresh);
	} else if (!refresh) {
		tree_touch(node, job->next);
	}
	if (has_value)
		tree_set_value(&store->tree, node, job->write->value);
	set_expiry(job, node);
	effects_node(&store->effects, node);
	return ERR_NONE;
}

static enum err
write_update(struct write_job *job)
{
	if (job->search.error != ERR_NONE)
		return job_fail_search(job);
	if (tree_is_dir(job->search.node) && job->write->value.size > 0 &&
	    !job_flag(job, WRITE_FLAG_REFRESH))
		return job_fail(job, ERR_NOT_FILE, job->key);
	return job_put_over(job, ACTION_UPDATE);
}

/* Part of a cause: a value, cut so that the answer stays one frame. */
static void
append_value(struct buf *text, struct slice value)
{
	buf_append_slice(text, slice_of(value.data, MIN_OF(value.size, CAUSE_VALUE_BYTES_MAX)));
}

/* The conditions of compareAndSwap and compareAndDelete. */
static enum err
compare(struct write_job *job)
{
	const struct command_write *write = job->write;
	const struct tree_node *node = job->search.node;
	struct slice value;
	bool value_fits, index_fits;
	struct buf text = BUF_INIT;

	if (job->search.error != ERR_NONE)
		return job_fail_search(job);
	if (tree_is_dir(node))
		return job_fail(job, ERR_NOT_FILE, job->key);
	value = tree_value(node);
	value_fits = !job_flag(job, WRITE_FLAG_PREV_VALUE) ||
	    slice_equal(write->prev_value, value);
	index_fits = write->prev_index == 0 || write->prev_index == node->modified;
	if (value_fits && index_fits)
		return ERR_NONE;
	if (!value_fits) {
		buf_append_text(&text, "[");
		append_value(&text, write->prev_value);
		buf_append_text(&text, " != ");
		append_value(&text, value);
		buf_append_text(&text, index_fits ? "]" : "] ");
	}
	if (!index_fits)
		buf_printf(&text, "[%" PRIu64 " != %" PRIu64 "]", write->prev_index,
		    node->modified);
	job->cause = blob_new(buf_slice(&text));
	buf_free(&text);
	return ERR_COMPARE_FAILED;
}

static enum err
write_compare_and_swap(struct write_job *job)
{
	enum err error = compare(job);

	return error == ERR_NONE ? job_put_over(job, ACTION_COMPARE_AND_SWAP) : error;
}

/* ---- delete, compareAndDelete, expiry ------------------------------------------------ */

/* Remove a node with everything below; returns the event, owned. */
static struct blob *
remove_node(struct store *store, struct tree_node *node, struct slice path,
    enum event_action action, uint64_t now_ns)
{
	struct node_record before = tree_describe(node, path, 0);
	struct node_record after = {
		.flags = before.flags & NODE_DIR,
		.key = path,
		.modified = store->index + 1,
		.created = before.created,
	};
	struct blob *record = make_event(store, action, 0, now_ns, &after, &before);
	struct tree_node *dir = node->parent;
	struct doomed *doomed;

	publish(store, record, node);
	view_changing(store, node, path);
	doomed = cut_node(store, node);
	tree_touch(dir, store->index);
	save_dir(store, dir);
	if (doomed != NULL)
		view_removed(store, doomed, path);
	return record;
}

enum err
job_remove(struct write_job *job)
{
	job->event = remove_node(job->store, job->search.node, job->key, ACTION_DELETE,
	    job->time_ns);
	return ERR_NONE;
}

static enum err
write_delete(struct write_job *job)
{
	struct tree_node *node = job->search.node;
	bool recursive = job_flag(job, WRITE_FLAG_RECURSIVE);

	if (job->search.error != ERR_NONE)
		return job_fail_search(job);
	if (tree_is_dir(node) && !recursive) {
		if (!job_flag(job, WRITE_FLAG_DIR))
			return job_fail(job, ERR_NOT_FILE, job->key);
		if (node->children != NULL)
			return job_fail(job, ERR_DIR_NOT_EMPTY, job->key);
	}
	return job_remove(job);
}

static enum err
write_compare_and_delete(struct write_job *job)
{
	enum err error = compare(job);

	if (error != ERR_NONE)
		return error;
	job->event = remove_node(job->store, job->search.node, job->key,
	    ACTION_COMPARE_AND_DELETE, job->time_ns);
	return ERR_NONE;
}

static const void *
node_above(const void *place, struct slice *name)
{
	const struct tree_node *node = place;

	*name = name_of(&node->link);
	return node->parent;
}

const struct ttl_entry *
store_first_expiry(struct store *store)
{
	const struct ttl_entry *first;

	while ((first = ttl_first(&store->ttl)) != NULL && !tree_has(&store->tree, first->node))
		ttl_put_aside(&store->ttl, first->node);
	return first;
}

struct store_budget
store_expire(struct store *store, uint64_t cutoff_ns, struct store_budget budget,
    uint64_t time_ns, struct buf *effects)
{
	struct store_budget spent = { 0 };

	store->effects.out = effects;
	while (spent.count < budget.count && spent.bytes < budget.bytes) {
		const struct ttl_entry *due = store_first_expiry(store);
		struct blob *record;
		struct slice path;

		if (due == NULL || due->at_ns > cutoff_ns)
			break;
		path = path_build(&store->path, due->node, node_above);
		spent.bytes += path.size + tree_value(due->node).size;
		/* Never before the instant itself, so no "ttl" is left to show. */
		record = remove_node(store, due->node, path, ACTION_EXPIRE,
		    MAX_OF(time_ns, due->at_ns));
		blob_unref(&record);
		stats_expire(&store->stats);
		spent.count++;
	}
	return spent;
}

bool
store_sweep(struct store *store, size_t nodes_max, struct buf *effects)
{
	store->effects.out = effects;
	doomed_sweep(&store->doomed, &store->tree, &store->ttl, &store->effects, nodes_max);
	return doomed_waits(&store->doomed);
}

bool
store_has_to_sweep(const struct store *store)
{
	return doomed_waits(&store->doomed);
}

/* ---- dispatch -------------------------------------------------------------------- */

static bool
is_delete(enum write_op op)
{
	return op == WRITE_DELETE || op == WRITE_COMPARE_AND_DELETE;
}

/* The log may hold what no worker lets through: it was written before there were
 * limits, or under others. The registry's own keys always fit. */
static enum err
check_key(struct write_job *job, bool internal)
{
	const struct key_limits *limits = internal ? &KEY_LIMITS_MAX : &job->store->limits;
	char cause[KEY_CAUSE_BYTES];

	if (key_allowed(limits, job->write->key, job->write->op, cause))
		return ERR_NONE;
	return job_fail(job, ERR_INVALID_FORM, slice_text(cause));
}

/* What is refused whatever the tree holds: the root, and the registry's keys. */
static enum err
refuse(struct write_job *job, bool internal)
{
	enum write_op op = job->write->op;
	struct slice key = job->write->key;

	if (path_is_root(key) && op == WRITE_COMPARE_AND_DELETE)
		return job_fail(job, ERR_NOT_FILE, key);
	if (path_is_root(key) && op != WRITE_CREATE_IN_ORDER)
		return job_fail(job, ERR_ROOT_READ_ONLY, key);
	if (internal)
		return ERR_NONE;
	/* Who may write a lock's directory may change its entries: so it has to be one. */
	if (op >= WRITE_LOCK_ACQUIRE && !slice_starts_with(key, SLICE_LITERAL(LOCK_PREFIX)))
		return job_fail(job, ERR_KEYWORD, key);
	if (path_is_at_or_below(key, SLICE_LITERAL("/_etcd/machines")) ||
	    path_is_at_or_below(key, SLICE_LITERAL("/_etcd/config")))
		return job_fail(job, ERR_KEYWORD, key);
	/* An expiry is a delete that comes later. */
	if (slice_equal(key, SLICE_LITERAL("/_etcd")) && (is_delete(op) ||
	    (op != WRITE_CREATE_IN_ORDER && job_flag(job, WRITE_FLAG_TTL))))
		return job_fail(job, ERR_KEYWORD, key);
	return ERR_NONE;
}

/* The key's new name below it, in store->path. */
struct slice
job_in_order_key(struct store *store, struct slice key, uint64_t store_index)
{
	char name[KEY_ORDER_DIGITS + 1];

	snprintf(name, sizeof(name), "%0*" PRIu64, KEY_ORDER_DIGITS, store_index);
	buf_clear(&store->path);
	if (!path_is_root(key))
		buf_append_slice(&store->path, key);
	path_push(&store->path, slice_text(name));
	return buf_slice(&store->path);
}

static enum err
carry_out(struct write_job *job)
{
	struct store *store = job->store;
	enum write_op op = job->write->op;

	if (op == WRITE_CREATE_IN_ORDER)
		job->key = job_in_order_key(store, job->key, job->next);
	job->expires = job_flag(job, WRITE_FLAG_TTL) &&
	    ttl_instant(job->time_ns, job->write->ttl_s, &job->expire_at_ns);
	job->search = tree_find(&store->tree, job->key);
	switch (op) {
	case WRITE_SET:
		return write_set(job);
	case WRITE_CREATE:
	case WRITE_CREATE_IN_ORDER:
		return job_create(job);
	case WRITE_UPDATE:
		return write_update(job);
	case WRITE_COMPARE_AND_SWAP:
		return write_compare_and_swap(job);
	case WRITE_DELETE:
		return write_delete(job);
	case WRITE_COMPARE_AND_DELETE:
		return write_compare_and_delete(job);
	case WRITE_LOCK_ACQUIRE:
		return lock_acquire(job);
	case WRITE_LOCK_RENEW:
		return lock_renew(job);
	case WRITE_LOCK_RELEASE:
		return lock_release(job);
	}
	return ERR_INTERNAL;
}

struct store_outcome
store_write(struct store *store, const struct command_write *write, uint64_t time_ns,
    bool internal, struct buf *effects)
{
	struct store_outcome outcome = { .error = ERR_INTERNAL, .store_index = store->index };
	struct write_job job = {
		.store = store,
		.write = write,
		.key = write->key,
		.time_ns = time_ns,
		.next = store->index + 1,
	};

	/* The command may be a worker's invention: what is not well formed
	 * fails the same way on every node. */
	if (write->op < WRITE_SET || write->op > WRITE_OPS_LAST ||
	    write->value.size > VALUE_BYTES_MAX || !path_is_canonical(write->key))
		return outcome;
	store->effects.out = effects;
	outcome.error = check_key(&job, internal);
	if (outcome.error == ERR_NONE)
		outcome.error = refuse(&job, internal);
	if (outcome.error == ERR_NONE)
		outcome.error = carry_out(&job);
	if (!internal)
		stats_write(&store->stats, write->op, outcome.error == ERR_NONE);
	outcome.cause = job.cause;
	outcome.event = job.event;
	outcome.store_index = store->index;
	return outcome;
}
