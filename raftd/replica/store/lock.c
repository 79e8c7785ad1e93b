/*
 * lock.c - locks: directories whose entries are in a queue.
 *
 * A lock KEY is the directory /_etcd/mod/lock/KEY. Whoever asks for it has an entry there: a
 * file made in order, whose name is its index in decimal, with a TTL. Who has the lowest
 * index holds the lock. Indexes only rise: once none is lower than an entry's, none will be.
 * What else stands in the directory, other directories (locks below this one) and files
 * with other names, is no entry, but is walked over. So a walk is bounded by what the
 * directory holds, and one that holds more than a lock may have is refused.
 *
 * Called by write.c for what an entry of the log says, by query.c through store_lock_look.
 *
 * Source: docs/api.md, "Locks".
 */
#include "raftd/replica/store/write_priv.h"

#include "raftd/replica/store/path.h"

#include <inttypes.h>

/* Which entry is wanted, and what a walk found. */
struct lock_walk {
	uint64_t index;			/* 0: not by index */
	struct slice value;		/* empty: not by value */
	size_t seen;			/* children, LOCK_WAITERS_MAX + 1: there are more */
	struct tree_node *wanted;	/* the first of that index, or of that value; or NULL */
	uint64_t wanted_index;
	struct tree_node *holder;	/* or NULL */
	uint64_t holder_index;
	struct tree_node *before;	/* the highest below index; or NULL */
	uint64_t before_index;
};

/* A name is an index if it is a number, and no longer than one in order; 0: it is none. */
static uint64_t
index_of_name(struct slice name)
{
	uint64_t index = 0;

	if (name.size > KEY_ORDER_DIGITS)
		return 0;
	for (size_t i = 0; i < name.size; i++) {
		if (name.data[i] < '0' || name.data[i] > '9' ||
		    __builtin_mul_overflow(index, UINT64_C(10), &index) ||
		    __builtin_add_overflow(index, (uint64_t)(name.data[i] - '0'), &index))
			return 0;
	}
	return index;
}

static void
look_at(struct lock_walk *walk, struct tree_node *node)
{
	uint64_t index = index_of_name(name_of(&node->link));

	if (tree_is_dir(node) || index == 0)
		return;
	if (walk->holder == NULL || index < walk->holder_index) {
		walk->holder = node;
		walk->holder_index = index;
	}
	if (index < walk->index && (walk->before == NULL || index > walk->before_index)) {
		walk->before = node;
		walk->before_index = index;
	}
	if (walk->index != 0 ? index == walk->index && walk->wanted == NULL :
	    walk->value.size > 0 && slice_equal(tree_value(node), walk->value) &&
	    (walk->wanted == NULL || index < walk->wanted_index)) {
		walk->wanted = node;
		walk->wanted_index = index;
	}
}

/* False: it holds more than a lock may have. */
static bool
walk_over(struct lock_walk *walk, const struct tree_node *dir)
{
	struct slice name = SLICE_EMPTY;
	struct name_link *link;

	while ((link = names_after(dir->children, name)) != NULL) {
		if (++walk->seen > LOCK_WAITERS_MAX)
			return false;
		look_at(walk, tree_node_of_name(link));
		name = name_of(link);
	}
	return true;
}

static struct blob *
too_many(void)
{
	struct buf text = BUF_INIT;
	struct blob *cause;

	buf_printf(&text, "the lock's directory holds more than %d entries", LOCK_WAITERS_MAX);
	cause = blob_new(buf_slice(&text));
	buf_free(&text);
	return cause;
}

/* The job's key and search become the entry's. */
static void
choose(struct write_job *job, struct tree_node *entry)
{
	struct buf *path = &job->store->path;

	buf_clear(path);
	buf_append_slice(path, job->key);
	path_push(path, name_of(&entry->link));
	job->key = buf_slice(path);
	job->search = tree_find(&job->store->tree, job->key);
	ASSERT(job->search.node == entry);
}

/* ERR_NONE: walk is over it, or there is nothing to walk over. */
static enum err
walk_job(struct write_job *job, struct lock_walk *walk)
{
	if (job->search.error == ERR_KEY_NOT_FOUND)
		return ERR_NONE;
	if (job->search.error != ERR_NONE)
		return job_fail_search(job);
	if (!tree_is_dir(job->search.node))
		return job_fail(job, ERR_NOT_DIR, job->key);
	if (walk_over(walk, job->search.node))
		return ERR_NONE;
	job->cause = too_many();
	return ERR_RAFT_INTERNAL;
}

static enum err
check_value(struct write_job *job)
{
	if (job_flag(job, WRITE_FLAG_DIR))
		return job_fail(job, ERR_NOT_FILE, job->key);
	if (!job_flag(job, WRITE_FLAG_TTL))
		return job_fail(job, ERR_TTL_NOT_NUMBER, job->key);
	if (job->write->value.size > LOCK_VALUE_BYTES_MAX)
		return job_fail(job, ERR_INVALID_FORM,
		    SLICE_LITERAL("the value of a lock is longer than 64 KiB"));
	return ERR_NONE;
}

enum err
lock_acquire(struct write_job *job)
{
	struct lock_walk walk = { .value = job->write->value };
	enum err err = check_value(job);

	if (err == ERR_NONE)
		err = walk_job(job, &walk);
	if (err != ERR_NONE)
		return err;
	if (walk.wanted != NULL) {
		choose(job, walk.wanted);
		return job_put_over(job, ACTION_UPDATE);
	}
	if (walk.seen >= LOCK_WAITERS_MAX) {
		struct buf text = BUF_INIT;

		buf_printf(&text, "%d wait for this lock, and no more may", LOCK_WAITERS_MAX);
		job->cause = blob_new(buf_slice(&text));
		buf_free(&text);
		return ERR_RAFT_INTERNAL;
	}
	job->key = job_in_order_key(job->store, job->key, job->next);
	job->search = tree_find(&job->store->tree, job->key);
	return job_create(job);
}

/* The entry that is chosen, or an error; what is the word for what was to be done. */
static enum err
find_entry(struct write_job *job, struct slice what)
{
	struct lock_walk walk = { .index = job->write->prev_index,
		.value = job->write->prev_value };
	struct buf text = BUF_INIT;
	enum err err = walk_job(job, &walk);

	if (err != ERR_NONE)
		return err;
	if (walk.wanted != NULL) {
		choose(job, walk.wanted);
		return ERR_NONE;
	}
	if (walk.index == 0)
		return job_fail(job, ERR_KEY_NOT_FOUND, what);
	buf_printf(&text, "%.*s/%" PRIu64, SLICE_ARGS(job->key), walk.index);
	job->cause = blob_new(buf_slice(&text));
	buf_free(&text);
	return ERR_KEY_NOT_FOUND;
}

enum err
lock_renew(struct write_job *job)
{
	enum err err = check_value(job);

	if (err == ERR_NONE)
		err = find_entry(job, SLICE_LITERAL("Renew"));
	if (err != ERR_NONE)
		return err;
	job->keeps_value = job->write->value.size == 0;
	return job_put_over(job, ACTION_UPDATE);
}

enum err
lock_release(struct write_job *job)
{
	enum err err = find_entry(job, SLICE_LITERAL("Release"));

	return err == ERR_NONE ? job_remove(job) : err;
}

enum err
store_lock_look(struct store *store, struct slice key, uint64_t index, size_t *nodes,
    struct buf *record, struct blob **cause)
{
	struct tree_search search = tree_find(&store->tree, key);
	struct lock_walk walk = { .index = index };
	struct lock_record found;
	struct slice value;
	bool whole;

	*nodes -= MIN_OF(*nodes, (size_t)1);
	if (search.error != ERR_NONE) {
		/* It is the lock that is not there, whatever of its path is. */
		*cause = search.error == ERR_KEY_NOT_FOUND ? blob_new(key) :
		    store_search_cause(key, &search);
		return search.error;
	}
	if (!tree_is_dir(search.node)) {
		*cause = blob_new(key);
		return ERR_NOT_DIR;
	}
	whole = walk_over(&walk, search.node);
	*nodes -= MIN_OF(*nodes, walk.seen);
	if (!whole) {
		*cause = too_many();
		return ERR_RAFT_INTERNAL;
	}
	value = walk.holder == NULL ? SLICE_EMPTY : tree_value(walk.holder);
	if (value.size > LOCK_VALUE_BYTES_MAX) {
		*cause = blob_new(SLICE_LITERAL("the holder's value is longer than 64 KiB"));
		return ERR_RAFT_INTERNAL;
	}
	found = (struct lock_record){
		.before = walk.before_index,
		.before_name = walk.before == NULL ? SLICE_EMPTY : name_of(&walk.before->link),
		.exists = walk.wanted != NULL,
		.holder = walk.holder_index,
		.holder_value = value,
	};
	lock_record_put(record, &found);
	return ERR_NONE;
}
