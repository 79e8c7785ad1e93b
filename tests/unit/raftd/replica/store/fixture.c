/*
 * fixture.c - a store that is spoken to in lines, beside the disk that its
 * effects would leave.
 */
#include "tests/unit/raftd/replica/store/fixture.h"

#include "common/xmem.h"
#include "tests/lib/joined.h"

#include <inttypes.h>
#include <stdlib.h>

#define WORDS_MAX 12

static const char *const action_names[] = {
	"get", "set", "create", "update", "swap", "delete", "cad", "expire",
};

/* ---- disk -------------------------------------------------------------------- */

static size_t
disk_place(const struct disk *disk, struct slice key, bool *found)
{
	size_t low = 0, high = disk->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (slice_compare(blob_slice(disk->records[middle].key), key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low < disk->count && slice_equal(blob_slice(disk->records[low].key), key);
	return low;
}

void
disk_put(struct disk *disk, struct slice key, struct slice value)
{
	bool found;
	size_t at = disk_place(disk, key, &found);
	struct disk_record *record;

	if (found) {
		record = &disk->records[at];
		blob_unref(&record->value);
		if (value.size > 0) {
			record->value = blob_new(value);
			return;
		}
		blob_unref(&record->key);
		disk->count--;
		memmove(record, record + 1, (disk->count - at) * sizeof(*record));
		return;
	}
	/* What is deleted was there: an effect that does nothing is a fault. */
	assert_int_not_equal(value.size, 0);
	disk->records = xgrow(disk->records, &disk->capacity, disk->count + 1, sizeof(*record));
	record = &disk->records[at];
	memmove(record + 1, record, (disk->count - at) * sizeof(*record));
	disk->count++;
	record->key = blob_new(key);
	record->value = blob_new(value);
}

void
disk_free(struct disk *disk)
{
	size_t i;

	for (i = 0; i < disk->count; i++) {
		blob_unref(&disk->records[i].key);
		blob_unref(&disk->records[i].value);
	}
	free(disk->records);
	memset(disk, 0, sizeof(*disk));
}

struct store *
disk_load(const struct disk *disk, uint64_t seed, const char **where)
{
	struct store *store = store_new(seed);
	enum err err = ERR_NONE;
	size_t i;

	*where = "a record is refused";
	for (i = 0; i < disk->count && err == ERR_NONE; i++) {
		const struct disk_record *record = &disk->records[i];

		err = store_load(store, blob_slice(record->key), blob_slice(record->value));
	}
	if (err == ERR_NONE)
		err = store_loaded(store, where);
	if (err != ERR_NONE) {
		assert_int_equal(err, ERR_CORRUPT);
		store_free(&store);
	}
	return store;
}

/* ---- fixture ----------------------------------------------------------------- */

struct fixture *
fixture_new(uint64_t seed)
{
	struct fixture *f = xzalloc(sizeof(*f));

	f->store = store_new(seed);
	/* As a large value is, are all but the shortest. */
	f->tails.min = 2;
	store_use_tails(f->store, &f->tails);
	return f;
}

void
fixture_free(struct fixture **fixture)
{
	struct fixture *f = *fixture;

	store_free(&f->store);
	disk_free(&f->disk);
	buf_free(&f->effects);
	tails_free(&f->tails);
	buf_free(&f->text);
	free(f);
	*fixture = NULL;
}

void
fixture_flush(struct fixture *f)
{
	struct blob *list = joined(buf_slice(&f->effects), &f->tails);
	struct reader in = reader_of(blob_slice(list));
	struct state_record record;

	assert_non_null(list);
	while (!reader_done(&in)) {
		assert_true(state_record_get(&in, &record));
		disk_put(&f->disk, record.key, record.value);
	}
	blob_unref(&list);
	buf_clear(&f->effects);
	tails_clear(&f->tails);
}

struct store_outcome
fixture_write(struct fixture *f, const struct command_write *write, bool internal)
{
	struct store_outcome outcome = store_write(f->store, write, f->time_ns, internal,
	    &f->effects);

	if (outcome.error != ERR_NONE)
		assert_int_equal(f->effects.size, 0);
	assert_int_equal(outcome.store_index, store_index(f->store));
	fixture_flush(f);
	return outcome;
}

void
fixture_outcome_free(struct store_outcome *outcome)
{
	blob_unref(&outcome->cause);
	blob_unref(&outcome->event);
}

static void
node_text(struct buf *out, const struct node_record *node)
{
	buf_append_slice(out, node->key);
	if ((node->flags & NODE_DIR) != 0)
		buf_append_text(out, "/");
	if ((node->flags & NODE_VALUE) != 0) {
		buf_append_text(out, "=");
		buf_append_slice(out, node->value);
	}
	if (node->modified != 0 || node->created != 0)
		buf_printf(out, " m%" PRIu64 " c%" PRIu64, node->modified, node->created);
	if ((node->flags & NODE_EXPIRES) != 0)
		buf_printf(out, " @%" PRIu64, node->expire_at_ns / NS_PER_SECOND);
}

void
event_text(struct buf *out, struct slice event)
{
	struct reader in = reader_of(event);
	struct event_record head;
	struct node_record node;
	bool first = true;

	assert_true(event_record_get(&in, &head));
	assert_true(reader_done(&in));
	buf_append_text(out, action_names[head.action]);
	in = reader_of(head.nodes);
	while (!reader_done(&in)) {
		assert_true(node_record_get(&in, &node));
		if (!first && (head.flags & EVENT_PREVIOUS) != 0)
			buf_append_text(out, " <");
		buf_append_text(out, " ");
		node_text(out, &node);
		first = false;
	}
}

static void
error_text(struct buf *out, enum err error, struct blob **cause)
{
	buf_printf(out, "error %d ", error);
	buf_append_slice(out, blob_slice(*cause));
	blob_unref(cause);
}

/* ---- commands ---------------------------------------------------------------- */

struct words {
	char *text;
	const char *word[WORDS_MAX];
	size_t count;
};

static bool
has(const struct words *words, const char *option)
{
	size_t i;

	for (i = 1; i < words->count; i++)
		if (strcmp(words->word[i], option) == 0)
			return true;
	return false;
}

/* The text behind "name=", or NULL. */
static const char *
option(const struct words *words, const char *name)
{
	size_t size = strlen(name);
	size_t i;

	for (i = 1; i < words->count; i++)
		if (strncmp(words->word[i], name, size) == 0 && words->word[i][size] == '=')
			return words->word[i] + size + 1;
	return NULL;
}

static uint64_t
number(const char *text)
{
	return text == NULL ? 0 : strtoull(text, NULL, 10);
}

/* The value is the third word, unless that is an option. */
static const char *
value_of(const struct words *words)
{
	static const char *const flags[] = { "dir", "recursive", "refresh", "internal" };
	size_t i;

	if (words->count < 3 || strncmp(words->word[2], "ttl=", 4) == 0 ||
	    strncmp(words->word[2], "prev=", 5) == 0 || strncmp(words->word[2], "index=", 6) == 0)
		return "";
	for (i = 0; i < ARRAY_COUNT(flags); i++)
		if (strcmp(words->word[2], flags[i]) == 0)
			return "";
	return words->word[2];
}

static bool
write_command(struct fixture *f, const struct words *words)
{
	static const char *const ops[] = {
		"", "set", "create", "update", "swap", "delete", "cad", "post",
		"acquire", "renew", "release",
	};
	const char *ttl = option(words, "ttl"), *prev = option(words, "prev");
	struct command_write write = { 0 };
	struct store_outcome outcome;

	while (write.op < ARRAY_COUNT(ops) && strcmp(ops[write.op], words->word[0]) != 0)
		write.op++;
	if (write.op == ARRAY_COUNT(ops))
		return false;
	write.flags = (uint8_t)((has(words, "dir") ? WRITE_FLAG_DIR : 0) |
	    (has(words, "recursive") ? WRITE_FLAG_RECURSIVE : 0) |
	    (ttl != NULL ? WRITE_FLAG_TTL : 0) | (prev != NULL ? WRITE_FLAG_PREV_VALUE : 0) |
	    (has(words, "refresh") ? WRITE_FLAG_REFRESH : 0));
	write.key = slice_text(words->word[1]);
	write.value = slice_text(value_of(words));
	write.ttl_s = number(ttl);
	write.prev_index = number(option(words, "index"));
	write.prev_value = slice_text(prev == NULL ? "" : prev);
	outcome = fixture_write(f, &write, has(words, "internal"));
	if (outcome.error != ERR_NONE) {
		error_text(&f->text, outcome.error, &outcome.cause);
	} else {
		struct reader in = reader_of(blob_slice(outcome.event));
		struct event_record head;

		assert_true(event_record_get(&in, &head));
		assert_int_equal(head.store_index, outcome.store_index);
		buf_append_text(&f->text, (head.flags & EVENT_CREATED) != 0 ? "201 " : "200 ");
		event_text(&f->text, blob_slice(outcome.event));
	}
	fixture_outcome_free(&outcome);
	return true;
}

static void
get_command(struct fixture *f, const struct words *words)
{
	unsigned flags = (has(words, "recursive") ? READ_FLAG_RECURSIVE : 0U) |
	    (has(words, "sorted") ? READ_FLAG_SORTED : 0U);
	struct buf event = BUF_INIT;
	struct blob *cause;
	enum err err = store_get(f->store, slice_text(words->word[1]), flags, f->time_ns, &event,
	    &cause);

	if (err == ERR_NONE)
		event_text(&f->text, buf_slice(&event));
	else
		error_text(&f->text, err, &cause);
	buf_free(&event);
}

static void
look_command(struct fixture *f, const struct words *words)
{
	struct buf record = BUF_INIT;
	struct blob *cause = NULL;
	struct lock_record lock;
	struct reader in;
	size_t nodes = SIZE_MAX;
	enum err err = store_lock_look(f->store, slice_text(words->word[1]),
	    number(option(words, "index")), &nodes, &record, &cause);

	assert_in_range(SIZE_MAX - nodes, 1, LOCK_WAITERS_MAX + 2);
	in = reader_of(buf_slice(&record));
	if (err != ERR_NONE) {
		assert_int_equal(record.size, 0);
		error_text(&f->text, err, &cause);
	} else {
		assert_true(lock_record_get(&in, &lock) && reader_done(&in));
		if (lock.holder == 0)
			buf_append_text(&f->text, "nobody");
		else
			buf_printf(&f->text, "holder %" PRIu64 "=%.*s", lock.holder,
			    SLICE_ARGS(lock.holder_value));
		if (lock.before != 0)
			buf_printf(&f->text, " before %" PRIu64, lock.before);
		buf_append_text(&f->text, lock.exists != 0 ? " there" : "");
	}
	buf_free(&record);
}

static void
watch_command(struct fixture *f, const struct words *words)
{
	unsigned flags = (has(words, "recursive") ? WATCH_FLAG_RECURSIVE : 0U) |
	    (has(words, "stream") ? WATCH_FLAG_STREAM : 0U) |
	    (has(words, "goes_on") ? WATCH_FLAG_GOES_ON : 0U);
	struct blob *cause;
	bool behind;
	enum err err = store_watch(f->store, number(words->word[1]), number(words->word[2]),
	    slice_text(words->word[3]), flags, number(option(words, "since")), &behind, &cause);

	if (err == ERR_NONE)
		buf_append_text(&f->text, behind && has(words, "past") ? "behind" : "watching");
	else
		error_text(&f->text, err, &cause);
}

static bool
has_room(void *argument, uint64_t owner)
{
	struct fixture *f = argument;

	return owner != f->full_owner;
}

/* "catch_up bytes=N looks=N piece=N untaken=N full=OWNER"; without a word there is no limit. */
static void
catch_up_command(struct fixture *f, const struct words *words)
{
	const char *bytes = option(words, "bytes"), *looks = option(words, "looks");
	const char *piece = option(words, "piece"), *untaken = option(words, "untaken");
	struct store_catch_up how = {
		.bytes_max = bytes == NULL ? SIZE_MAX : (size_t)number(bytes),
		.looks_max = looks == NULL ? SIZE_MAX : (size_t)number(looks),
		.piece_bytes = piece == NULL ? SIZE_MAX : (size_t)number(piece),
		.untaken_max = untaken == NULL ? SIZE_MAX : (size_t)number(untaken),
		.has_room = has_room,
		.argument = f,
	};

	f->full_owner = number(option(words, "full"));
	store_catch_up(f->store, &how);
	buf_append_text(&f->text, store_may_catch_up(f->store, &how) ? "more" : "");
}

/* with_live: also who is behind no more. */
static void
hits_command(struct fixture *f, bool with_live)
{
	const struct store_hit *hits;
	size_t count = store_take_hits(f->store, &hits);
	size_t i, j;

	for (i = 0; i < count; i++) {
		if (hits[i].kind == HIT_LIVE && !with_live)
			continue;
		buf_append_text(&f->text, f->text.size == 0 ? "" : "; ");
		buf_printf(&f->text, "%" PRIu64 "[", hits[i].owner);
		for (j = 0; j < hits[i].id_count; j++)
			buf_printf(&f->text, j == 0 ? "%" PRIu64 : " %" PRIu64, hits[i].ids[j]);
		buf_append_text(&f->text, "] ");
		if (hits[i].kind != HIT_EVENT) {
			assert_null(hits[i].event);
			buf_append_text(&f->text, hits[i].kind == HIT_LIVE ? "live" : "cleared");
		} else {
			event_text(&f->text, blob_slice(hits[i].event));
		}
	}
	if (f->text.size == 0)
		buf_append_text(&f->text, "none");
}

static void
run_words(struct fixture *f, const struct words *words)
{
	const char *verb = words->word[0];

	if (write_command(f, words))
		return;
	if (strcmp(verb, "get") == 0) {
		get_command(f, words);
	} else if (strcmp(verb, "look") == 0) {
		look_command(f, words);
	} else if (strcmp(verb, "expire") == 0) {
		struct store_budget budget = {
			.count = words->count > 2 ? (size_t)number(words->word[2]) : SIZE_MAX,
			.bytes = words->count > 3 ? (size_t)number(words->word[3]) : SIZE_MAX,
		};
		size_t count = store_expire(f->store, number(words->word[1]) * NS_PER_SECOND,
		    budget, f->time_ns, &f->effects).count;

		fixture_flush(f);
		buf_printf(&f->text, "%zu", count);
	} else if (strcmp(verb, "watch") == 0) {
		watch_command(f, words);
	} else if (strcmp(verb, "catch_up") == 0) {
		catch_up_command(f, words);
	} else if (strcmp(verb, "take") == 0) {
		store_watch_taken(f->store, number(words->word[1]), number(words->word[2]));
	} else if (strcmp(verb, "more") == 0) {
		store_watch_more(f->store, number(words->word[1]), number(words->word[2]));
	} else if (strcmp(verb, "hits") == 0) {
		catch_up_command(f, &(struct words){ .count = 0 });
		buf_clear(&f->text);
		hits_command(f, false);
	} else if (strcmp(verb, "taken") == 0) {
		hits_command(f, true);
	} else if (strcmp(verb, "unwatch") == 0) {
		if (words->count > 2)
			store_unwatch(f->store, number(words->word[1]), number(words->word[2]));
		else
			store_unwatch_all(f->store, number(words->word[1]));
	} else {
		fail_msg("no such command: %s", verb);
	}
}

const char *
fixture_run(struct fixture *f, const char *command)
{
	struct words words = { .text = xstrdup(command) };
	char *rest = words.text, *word;

	while ((word = strsep(&rest, " ")) != NULL) {
		assert_true(words.count < WORDS_MAX);
		words.word[words.count++] = word;
	}
	buf_clear(&f->text);
	run_words(f, &words);
	buf_append_byte(&f->text, 0);
	free(words.text);
	return (const char *)f->text.data;
}
