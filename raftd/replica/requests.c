/*
 * requests.c - sessions by id in a hash table and in a list by last use; each
 * with its results sorted by sequence.
 *
 * Sequences come nearly in order and leave from the front, so a session's
 * results are an array with a moving start; a late one is inserted from the back.
 */
#include "raftd/replica/requests.h"

#include "common/crc32c.h"
#include "common/hash.h"
#include "common/limits.h"
#include "common/xmem.h"
#include "raftd/replica/state.h"

#include <sys/queue.h>

#include <stdlib.h>

struct stored_result {
	uint64_t sequence;
	struct request_result result;
};

struct session_entry {
	struct hash_link link;
	TAILQ_ENTRY(session_entry) by_use;	/* least recently used first */
	TAILQ_ENTRY(session_entry) by_dirt;
	uint64_t id;
	uint64_t low;
	raft_index used;
	bool dirty;		/* its 'S' record waits for requests_flush */
	bool known;		/* loading: its 'S' record was seen */
	size_t start, count, capacity;
	struct stored_result *results;		/* [start, start + count), by sequence */
};

TAILQ_HEAD(session_list, session_entry);

struct requests {
	struct hash by_id;
	struct session_list by_use, dirty;
};

static struct slice
id_key(const uint64_t *id)
{
	return slice_of(id, sizeof(*id));
}

static bool
match(const struct hash_link *link, struct slice key)
{
	const struct session_entry *entry = CONTAINER_OF(link, struct session_entry, link);

	return slice_equal(id_key(&entry->id), key);
}

struct requests *
requests_new(uint64_t seed)
{
	struct requests *requests = xzalloc(sizeof(*requests));

	hash_init(&requests->by_id, seed, match);
	TAILQ_INIT(&requests->by_use);
	TAILQ_INIT(&requests->dirty);
	return requests;
}

static void
entry_free(struct session_entry *entry)
{
	for (size_t i = 0; i < entry->count; i++)
		blob_unref(&entry->results[entry->start + i].result.cause);
	free(entry->results);
	free(entry);
}

void
requests_free(struct requests **requests)
{
	struct hash_link *link;

	if (*requests == NULL)
		return;
	while ((link = hash_pop(&(*requests)->by_id)) != NULL)
		entry_free(CONTAINER_OF(link, struct session_entry, link));
	hash_free(&(*requests)->by_id);
	free(*requests);
	*requests = NULL;
}

static struct session_entry *
find_session(const struct requests *requests, uint64_t id)
{
	struct hash_link *link = hash_find(&requests->by_id, id_key(&id));

	return link == NULL ? NULL : CONTAINER_OF(link, struct session_entry, link);
}

static struct session_entry *
add_session(struct requests *requests, uint64_t id)
{
	struct session_entry *entry = xzalloc(sizeof(*entry));

	entry->id = id;
	hash_insert(&requests->by_id, &entry->link, id_key(&entry->id));
	TAILQ_INSERT_TAIL(&requests->by_use, entry, by_use);
	return entry;
}

/* Where the first result at or above sequence is, from the start. */
static size_t
find_place(const struct session_entry *entry, uint64_t sequence)
{
	size_t below = 0, above = entry->count;

	while (below < above) {
		size_t middle = below + (above - below) / 2;

		if (entry->results[entry->start + middle].sequence < sequence)
			below = middle + 1;
		else
			above = middle;
	}
	return below;
}

enum request_seen
requests_find(const struct requests *requests, uint64_t session, uint64_t sequence,
    const struct request_result **result)
{
	const struct session_entry *entry = find_session(requests, session);
	size_t place;

	if (entry == NULL)
		return REQUEST_NEW;
	place = find_place(entry, sequence);
	if (place < entry->count && entry->results[entry->start + place].sequence == sequence) {
		*result = &entry->results[entry->start + place].result;
		return REQUEST_KNOWN;
	}
	return sequence < entry->low ? REQUEST_FORGOTTEN : REQUEST_NEW;
}

static void
insert_result(struct session_entry *entry, uint64_t sequence, struct request_result result)
{
	struct stored_result *at;
	size_t place = find_place(entry, sequence);

	if (entry->start + entry->count == entry->capacity) {
		if (entry->start > entry->count) {
			memmove(entry->results, entry->results + entry->start,
			    entry->count * sizeof(*entry->results));
			entry->start = 0;
		} else {
			entry->results = xgrow(entry->results, &entry->capacity,
			    entry->capacity + 1, sizeof(*entry->results));
		}
	}
	at = entry->results + entry->start + place;
	memmove(at + 1, at, (entry->count - place) * sizeof(*at));
	*at = (struct stored_result){ .sequence = sequence, .result = result };
	entry->count++;
}

static void
drop_first(struct session_entry *entry, struct store *store, struct buf *effects)
{
	struct stored_result *first = &entry->results[entry->start];
	uint8_t key[STATE_KEY_BYTES];

	if (first->result.event)
		store_event_release(store, first->result.store_index, effects);
	blob_unref(&first->result.cause);
	state_effect(effects, state_key_pair(key, STATE_RESULT, entry->id, first->sequence),
	    SLICE_EMPTY);
	entry->start++;
	entry->count--;
	if (entry->count == 0)
		entry->start = 0;
}

static void
remove_session(struct requests *requests, struct session_entry *entry, struct store *store,
    struct buf *effects)
{
	uint8_t key[STATE_KEY_BYTES];

	while (entry->count > 0)
		drop_first(entry, store, effects);
	state_effect(effects, state_key(key, STATE_SESSION, entry->id), SLICE_EMPTY);
	TAILQ_REMOVE(&requests->by_use, entry, by_use);
	if (entry->dirty)
		TAILQ_REMOVE(&requests->dirty, entry, by_dirt);
	hash_remove(&requests->by_id, &entry->link);
	entry_free(entry);
}

static void
store_result(struct buf *effects, const struct session_entry *entry, uint64_t sequence,
    const struct request_result *result)
{
	struct result_state state = {
		.format = STATE_FORMAT,
		.error = (uint16_t)result->error,
		.cause = blob_slice(result->cause),
		.store_index = result->store_index,
		.raft_index = result->raft_index,
		.raft_term = result->raft_term,
		.event = result->event,
	};
	uint8_t key[STATE_KEY_BYTES];
	struct buf value = BUF_INIT;

	result_state_put(&value, &state);
	state_effect(effects, state_key_pair(key, STATE_RESULT, entry->id, sequence),
	    buf_slice(&value));
	buf_free(&value);
}

void
requests_record(struct requests *requests, struct store *store, uint64_t session,
    uint64_t sequence, uint64_t low, struct request_result result, struct buf *effects)
{
	struct session_entry *entry = find_session(requests, session);

	if (entry == NULL)
		entry = add_session(requests, session);
	entry->used = result.raft_index;
	TAILQ_REMOVE(&requests->by_use, entry, by_use);
	TAILQ_INSERT_TAIL(&requests->by_use, entry, by_use);
	if (!entry->dirty) {
		entry->dirty = true;
		TAILQ_INSERT_TAIL(&requests->dirty, entry, by_dirt);
	}

	if (result.event)
		store_event_retain(store, result.store_index);
	insert_result(entry, sequence, result);
	store_result(effects, entry, sequence, &result);

	/* A low above the own sequence makes no sense; it must not lose the answer. */
	entry->low = MAX_OF(entry->low, MIN_OF(low, sequence));
	while (entry->count > 0 && (entry->results[entry->start].sequence < entry->low ||
	    entry->count > SESSION_RESULTS_MAX)) {
		entry->low = MAX_OF(entry->low, entry->results[entry->start].sequence + 1);
		drop_first(entry, store, effects);
	}
	while (requests->by_id.count > SESSIONS_MAX)
		remove_session(requests, TAILQ_FIRST(&requests->by_use), store, effects);
}

void
requests_flush(struct requests *requests, struct buf *effects)
{
	struct session_entry *entry;
	struct buf value = BUF_INIT;

	while ((entry = TAILQ_FIRST(&requests->dirty)) != NULL) {
		struct session_state state = {
			.format = STATE_FORMAT,
			.low = entry->low,
			.used = entry->used,
		};
		uint8_t key[STATE_KEY_BYTES];

		buf_clear(&value);
		session_state_put(&value, &state);
		state_effect(effects, state_key(key, STATE_SESSION, entry->id), buf_slice(&value));
		entry->dirty = false;
		TAILQ_REMOVE(&requests->dirty, entry, by_dirt);
	}
	buf_free(&value);
}

static enum err
load_session(struct requests *requests, struct slice key, struct slice value)
{
	struct reader in = reader_of(value);
	struct session_state state;
	struct session_entry *entry;
	uint64_t id;

	if (!state_key_parse(key, &id, NULL, 1) || !session_state_get(&in, &state) ||
	    !reader_done(&in) || state.format != STATE_FORMAT)
		return ERR_CORRUPT;
	entry = find_session(requests, id);
	if (entry == NULL)
		entry = add_session(requests, id);
	entry->low = state.low;
	entry->used = state.used;
	entry->known = true;
	return ERR_NONE;
}

static enum err
load_result(struct requests *requests, struct slice key, struct slice value)
{
	struct reader in = reader_of(value);
	struct result_state state;
	struct session_entry *entry;
	uint64_t id, sequence;

	if (!state_key_parse(key, &id, &sequence, 2) || !result_state_get(&in, &state) ||
	    !reader_done(&in) || state.format != STATE_FORMAT ||
	    state.cause.size > CAUSE_BYTES_MAX)
		return ERR_CORRUPT;
	entry = find_session(requests, id);
	if (entry == NULL)
		entry = add_session(requests, id);
	insert_result(entry, sequence, (struct request_result){
	    .error = err_from_number(state.error),
	    .cause = state.cause.size == 0 ? NULL : blob_new(state.cause),
	    .store_index = state.store_index,
	    .raft_index = state.raft_index,
	    .raft_term = state.raft_term,
	    .event = state.event != 0,
	});
	return ERR_NONE;
}

enum err
requests_load(struct requests *requests, struct slice key, struct slice value)
{
	if (key.size == 0)
		return ERR_CORRUPT;
	switch (key.data[0]) {
	case STATE_SESSION:
		return load_session(requests, key, value);
	case STATE_RESULT:
		return load_result(requests, key, value);
	default:
		return ERR_CORRUPT;
	}
}

static int
compare_use(const void *a, const void *b)
{
	const struct session_entry *const *left = a, *const *right = b;

	if ((*left)->used == (*right)->used)
		return 0;
	return (*left)->used < (*right)->used ? -1 : 1;
}

enum err
requests_loaded(struct requests *requests, struct store *store)
{
	size_t count = requests->by_id.count, i = 0;
	struct session_entry **sorted, *entry;
	enum err err = ERR_NONE;

	if (count == 0)
		return ERR_NONE;
	sorted = xmalloc(count * sizeof(struct session_entry *));
	TAILQ_FOREACH(entry, &requests->by_use, by_use) {
		if (!entry->known)
			err = ERR_CORRUPT;
		for (size_t n = 0; n < entry->count; n++) {
			const struct request_result *result =
			    &entry->results[entry->start + n].result;

			if (result->store_index > store_index(store))
				err = ERR_CORRUPT;
			/* One that had to go leaves its result behind. */
			if (result->event)
				store_event_retain(store, result->store_index);
		}
		sorted[i++] = entry;
	}
	qsort(sorted, count, sizeof(*sorted), compare_use);
	TAILQ_INIT(&requests->by_use);
	for (i = 0; i < count; i++)
		TAILQ_INSERT_TAIL(&requests->by_use, sorted[i], by_use);
	free(sorted);
	return err;
}

uint32_t
requests_hash(const struct requests *requests)
{
	const struct session_entry *entry;
	struct buf bytes = BUF_INIT;
	uint32_t hash = 0;

	TAILQ_FOREACH(entry, &requests->by_use, by_use) {
		buf_clear(&bytes);
		codec_put_u64(&bytes, entry->id);
		codec_put_u64(&bytes, entry->low);
		codec_put_u64(&bytes, entry->used);
		for (size_t i = 0; i < entry->count; i++) {
			const struct stored_result *stored = &entry->results[entry->start + i];

			codec_put_u64(&bytes, stored->sequence);
			codec_put_u64(&bytes, stored->result.store_index);
			codec_put_u64(&bytes, stored->result.raft_index);
			codec_put_u16(&bytes, (uint16_t)stored->result.error);
			codec_put_bytes(&bytes, blob_slice(stored->result.cause));
		}
		hash = crc32c(hash, buf_slice(&bytes));
	}
	buf_free(&bytes);
	return hash;
}

static size_t
check_session(const struct session_entry *entry, const struct store *store)
{
	const struct stored_result *results = entry->results + entry->start;
	size_t events = 0;

	ASSERT(entry->count <= SESSION_RESULTS_MAX);
	for (size_t i = 0; i < entry->count; i++) {
		ASSERT(results[i].sequence >= entry->low);
		ASSERT(i == 0 || results[i].sequence > results[i - 1].sequence);
		ASSERT(results[i].result.raft_index <= entry->used);
		ASSERT(results[i].result.store_index <= store_index(store));
		events += results[i].result.event &&
		    store_event(store, results[i].result.store_index) != NULL;
	}
	return events;
}

size_t
requests_invariants(const struct requests *requests, const struct store *store)
{
	const struct session_entry *entry;
	size_t sessions = 0, events = 0;
	raft_index used = 0;

	TAILQ_FOREACH(entry, &requests->by_use, by_use) {
		ASSERT(find_session(requests, entry->id) == entry);
		ASSERT(entry->used > used);
		used = entry->used;
		sessions++;
		events += check_session(entry, store);
	}
	ASSERT(sessions == requests->by_id.count);
	ASSERT(sessions <= SESSIONS_MAX);
	return events;
}
