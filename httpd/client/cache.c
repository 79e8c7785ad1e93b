/*
 * cache.c - rendered bodies by key and kind of listing (see cache.h).
 *
 * A changed path drops its own bodies and those of every directory above it,
 * each a look-up by a hash that goes on from the one above: so all together cost
 * what the path is long. A removed directory drops what is below it by one walk
 * over all entries, which is rare; where it is not, everything goes.
 */
#include "httpd/client/cache.h"

#include "common/hash.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/metric.h"
#include "common/rand.h"
#include "common/xmem.h"
#include "httpd/api_error.h"
#include "httpd/backend.h"
#include "httpd/client/gate.h"
#include "httpd/worker.h"

#include <stdlib.h>
#include <sys/queue.h>

struct entry {
	struct hash_link link;
	TAILQ_ENTRY(entry) by_use;	/* least recently used first */
	struct blob *body;
	uint64_t until_ns;		/* wall time it is true up to; UINT64_MAX: no end */
	size_t name_size;		/* kind byte and key */
	uint8_t name[];
};

/* A GET that waits for the turn's end; in its request's arena. */
struct kept_request {
	TAILQ_ENTRY(kept_request) link;
	struct request *request;
	struct slice key;
	bool recursive;
	void (*ask)(struct request *request, struct slice key, bool recursive);
};

struct cache {
	struct worker *worker;
	struct hash entries;
	TAILQ_HEAD(, entry) by_use;
	TAILQ_HEAD(, kept_request) kept;
	struct buf name;		/* of the entry that is looked for */
	size_t bytes;
	uint64_t store_index, raft_index, raft_term; /* as raftd last said */
};

static bool
match(const struct hash_link *link, struct slice name)
{
	const struct entry *entry = CONTAINER_OF(link, const struct entry, link);

	return slice_equal(slice_of(entry->name, entry->name_size), name);
}

struct cache *
cache_new(struct worker *worker)
{
	struct cache *cache = xzalloc(sizeof(*cache));

	cache->worker = worker;
	hash_init(&cache->entries, rand_entropy(), match);
	TAILQ_INIT(&cache->by_use);
	TAILQ_INIT(&cache->kept);
	return cache;
}

static size_t
entry_bytes(const struct entry *entry)
{
	return sizeof(*entry) + entry->name_size + sizeof(*entry->body) + entry->body->size;
}

static void
drop(struct cache *cache, struct entry *entry)
{
	cache->bytes -= entry_bytes(entry);
	hash_remove(&cache->entries, &entry->link);
	TAILQ_REMOVE(&cache->by_use, entry, by_use);
	blob_unref(&entry->body);
	free(entry);
}

void
cache_clear(struct cache *cache)
{
	while (!TAILQ_EMPTY(&cache->by_use))
		drop(cache, TAILQ_FIRST(&cache->by_use));
}

void
cache_free(struct cache **cache)
{
	if (*cache == NULL)
		return;
	cache_clear(*cache);
	hash_free(&(*cache)->entries);
	buf_free(&(*cache)->name);
	free(*cache);
	*cache = NULL;
}

static uint8_t
kind_of(bool recursive)
{
	return recursive ? 'r' : 'p';
}

static struct slice
name_of(struct cache *cache, struct slice key, bool recursive)
{
	buf_clear(&cache->name);
	buf_append_byte(&cache->name, kind_of(recursive));
	buf_append_slice(&cache->name, key);
	return buf_slice(&cache->name);
}

static struct entry *
find(struct cache *cache, struct slice key, bool recursive)
{
	struct hash_link *link = hash_find(&cache->entries, name_of(cache, key, recursive));

	return link == NULL ? NULL : CONTAINER_OF(link, struct entry, link);
}

/* ---- filling -------------------------------------------------------------------- */

/* Up to when every "ttl" in a rendered event stays what it is. */
static uint64_t
true_until(struct slice bytes)
{
	struct reader in = reader_of(bytes);
	uint64_t until_ns = UINT64_MAX;
	struct event_record event;
	struct node_record node;

	if (!event_record_get(&in, &event))
		return 0;
	in = reader_of(event.nodes);
	while (!reader_done(&in)) {
		uint64_t left_ns;

		if (!node_record_get(&in, &node))
			return 0;
		if ((node.flags & NODE_EXPIRES) == 0 || node.expire_at_ns <= event.now_ns)
			continue;
		left_ns = node.expire_at_ns - event.now_ns;
		until_ns = MIN_OF(until_ns, event.now_ns + (left_ns - 1) % NS_PER_SECOND);
	}
	return until_ns;
}

void
cache_fill(struct cache *cache, struct slice key, bool recursive, struct slice event,
    struct slice body, const struct msg_outcome *outcome)
{
	struct entry *entry = find(cache, key, recursive);
	struct slice name = buf_slice(&cache->name);

	/* An answer is never older than what was announced before it came. */
	cache->store_index = MAX_OF(cache->store_index, outcome->store_index);
	cache->raft_index = MAX_OF(cache->raft_index, outcome->raft_index);
	cache->raft_term = MAX_OF(cache->raft_term, outcome->raft_term);
	if (entry != NULL)
		drop(cache, entry);
	if (body.size > CACHE_BODY_BYTES_MAX)
		return;
	entry = xzalloc(sizeof(*entry) + name.size);
	entry->body = blob_new(body);
	entry->until_ns = true_until(event);
	entry->name_size = name.size;
	memcpy(entry->name, name.data, name.size);
	hash_insert(&cache->entries, &entry->link, name);
	TAILQ_INSERT_TAIL(&cache->by_use, entry, by_use);
	cache->bytes += entry_bytes(entry);
	while (cache->bytes > CACHE_BYTES_MAX)
		drop(cache, TAILQ_FIRST(&cache->by_use));
}

/* ---- changes -------------------------------------------------------------------- */

static bool
is_below(struct slice key, struct slice directory)
{
	return slice_starts_with(key, directory) &&
	    (directory.size == 1 || (key.size > directory.size && key.data[directory.size] == '/'));
}

static void
drop_below(struct cache *cache, struct slice directory)
{
	struct entry *entry, *next;

	for (entry = TAILQ_FIRST(&cache->by_use); entry != NULL; entry = next) {
		next = TAILQ_NEXT(entry, by_use);
		if (is_below(slice_of(entry->name + 1, entry->name_size - 1), directory))
			drop(cache, entry);
	}
}

/* Both bodies of the first size bytes of the path that stands in cache->name;
 * runs: the hashes of what goes before them. */
static void
drop_beginning(struct cache *cache, struct hash_run runs[2], size_t size)
{
	for (int recursive = 0; recursive <= 1; recursive++) {
		struct hash_run *run = &runs[recursive];
		struct slice name = slice_of(cache->name.data, 1 + size);
		struct hash_link *link;

		cache->name.data[0] = kind_of(recursive);
		hash_run_add(run, slice_of(name.data + run->size, name.size - run->size));
		link = hash_find_hashed(&cache->entries, hash_run_value(run), name);
		if (link != NULL)
			drop(cache, CONTAINER_OF(link, struct entry, link));
	}
}

/* The path, the directories above it, and the root. */
static void
drop_path(struct cache *cache, struct slice path)
{
	struct hash_run runs[2];

	(void)name_of(cache, path, false);
	for (int recursive = 0; recursive <= 1; recursive++)
		hash_run_begin(&runs[recursive], cache->entries.seed);
	drop_beginning(cache, runs, 1);
	for (size_t i = 1; i < path.size; i++)
		if (path.data[i] == '/')
			drop_beginning(cache, runs, i);
	if (path.size > 1)
		drop_beginning(cache, runs, path.size);
}

void
cache_changed(struct cache *cache, const struct msg_changed *changed)
{
	struct reader in = reader_of(changed->paths);
	struct path_record path;
	unsigned walks = 0;

	cache->store_index = changed->store_index;
	cache->raft_index = changed->raft_index;
	cache->raft_term = changed->raft_term;
	while (!TAILQ_EMPTY(&cache->by_use) && !reader_done(&in)) {
		if (!path_record_get(&in, &path) || path.path.size == 0 ||
		    (path.below && ++walks > CACHE_WALKS_MAX)) {
			cache_clear(cache);
			return;
		}
		if (path.below)
			drop_below(cache, path.path);
		drop_path(cache, path.path);
	}
}

/* ---- answering ------------------------------------------------------------------ */

static void
gone(struct request *request)
{
	struct kept_request *kept = request->state;

	TAILQ_REMOVE(&request->worker->cache->kept, kept, link);
}

bool
cache_take(struct cache *cache, struct request *request, struct slice key, bool recursive,
    void (*ask)(struct request *request, struct slice key, bool recursive))
{
	struct kept_request *kept;

	if (TAILQ_EMPTY(&cache->by_use) || find(cache, key, recursive) == NULL) {
		metric_add(METRIC_cache_misses, 1);
		return false;
	}
	kept = arena_zalloc(&request->arena, sizeof(*kept));
	kept->request = request;
	kept->key = key;
	kept->recursive = recursive;
	kept->ask = ask;
	request->state = kept;
	request->gone = gone;
	TAILQ_INSERT_TAIL(&cache->kept, kept, link);
	return true;
}

static void
answer(struct cache *cache, struct request *request, struct entry *entry)
{
	struct blob *body = blob_ref(entry->body);

	TAILQ_REMOVE(&cache->by_use, entry, by_use);
	TAILQ_INSERT_TAIL(&cache->by_use, entry, by_use);
	cluster_id_header(request);
	response_header_number(request, "X-Etcd-Index", cache->store_index);
	response_header_number(request, "X-Raft-Index", cache->raft_index);
	response_header_number(request, "X-Raft-Term", cache->raft_term);
	response_send(request, 200, "application/json", blob_slice(body));
	blob_unref(&body);
}

void
cache_turn(struct cache *cache)
{
	uint64_t now_ns = loop_now(cache->worker->loop).wall_ns;
	struct kept_request *kept;
	bool current;

	if (TAILQ_EMPTY(&cache->kept))
		return;
	current = backend_is_at(cache->worker->backend, &cache->store_index);
	while ((kept = TAILQ_FIRST(&cache->kept)) != NULL) {
		struct request *request = kept->request;
		struct entry *entry = find(cache, kept->key, kept->recursive);

		TAILQ_REMOVE(&cache->kept, kept, link);
		request->gone = NULL;
		if (entry != NULL && entry->until_ns < now_ns) {
			drop(cache, entry);
			entry = NULL;
		}
		/* Rights may have changed since it was kept, and there may be news of them:
		 * raftd's answer comes behind these. */
		if (!gate_is_current(cache->worker) ||
		    gate_may_read(request, kept->key) != AUTH_READ_ALL)
			entry = NULL;
		metric_add(current && entry != NULL ? METRIC_cache_hits : METRIC_cache_misses, 1);
		if (current && entry != NULL)
			answer(cache, request, entry);
		else
			kept->ask(request, kept->key, kept->recursive);
	}
}
