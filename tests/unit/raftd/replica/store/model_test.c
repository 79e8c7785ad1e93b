/*
 * model_test.c - random work on the store and on a model of it that is as
 * simple as its rules: arrays, searched from one end to the other.
 *
 * After each command both must give the same answer and the same hits, and now
 * and then the store is made again from its disk and must be the same.
 */
#include "tests/unit/raftd/replica/store/fixture.h"

#include "common/limits.h"
#include "common/rand.h"
#include "raftd/replica/store/effect.h"

#include <inttypes.h>
#include <stdio.h>

#define NODES_MAX 400
#define EVENTS_MAX 6000
#define WATCHES_MAX 64
#define KEY_MAX 64

struct model_node {
	char key[KEY_MAX];
	bool dir, expires;
	char value[16];
	uint64_t created, modified, expire_at_s;
};

struct model_event {
	char key[KEY_MAX];
	bool removes_dir, refresh;
	char text[256];
};

struct model_watch {
	uint64_t id, since;
	char key[KEY_MAX];
	bool recursive, stream;
};

struct model {
	struct model_node nodes[NODES_MAX];	/* in no order; a directory before what is in it */
	size_t node_count;
	struct model_event events[EVENTS_MAX];	/* [index] */
	uint64_t index;
	struct model_watch watches[WATCHES_MAX]; /* by rising id */
	size_t watch_count;
	uint64_t next_id;
	uint64_t now_s;
	char hits[8192];
};

/* ---- paths ------------------------------------------------------------------- */

static bool
below(const char *key, const char *top)
{
	size_t size = strlen(top);

	if (strcmp(top, "/") == 0)
		return strcmp(key, "/") != 0;
	return strncmp(key, top, size) == 0 && key[size] == '/';
}

static bool
hidden_after(const char *key, const char *top)
{
	return strstr(key + (strcmp(top, "/") == 0 ? 0 : strlen(top)), "/_") != NULL;
}

/* Byte order with "/" before all: name by name. */
static int
order(const char *a, const char *b)
{
	for (; *a != 0 && *a == *b; a++)
		b++;
	if (*a == 0 || *b == 0)
		return (*a != 0) - (*b != 0);
	return (*a == '/' ? 1 : *a) - (*b == '/' ? 1 : *b);
}

/* ---- nodes ------------------------------------------------------------------- */

static struct model_node *
find(struct model *m, const char *key)
{
	size_t i;

	for (i = 0; i < m->node_count; i++)
		if (strcmp(m->nodes[i].key, key) == 0)
			return &m->nodes[i];
	return NULL;
}

/* The first of the key's prefixes that is missing or, but for the key itself,
 * a file: ERR_NONE, or an error with its prefix in cause. */
static enum err
search(struct model *m, const char *key, char *cause)
{
	size_t size;

	for (size = 1; size <= strlen(key); size++) {
		const struct model_node *node;

		if (key[size] != '/' && key[size] != 0)
			continue;
		snprintf(cause, KEY_MAX, "%.*s", (int)size, key);
		node = find(m, cause);
		if (node == NULL)
			return ERR_KEY_NOT_FOUND;
		if (!node->dir && key[size] == '/')
			return ERR_NOT_DIR;
	}
	return ERR_NONE;
}

static struct model_node *
add(struct model *m, const char *key, bool dir)
{
	struct model_node *node = &m->nodes[m->node_count++];

	assert_true(m->node_count < NODES_MAX);
	memset(node, 0, sizeof(*node));
	snprintf(node->key, sizeof(node->key), "%s", key);
	node->dir = dir;
	node->created = m->index;
	node->modified = m->index;
	return node;
}

static struct model_node *
add_with_parents(struct model *m, const char *key, bool dir)
{
	char cause[KEY_MAX];

	while (search(m, key, cause) == ERR_KEY_NOT_FOUND && strcmp(cause, key) != 0)
		add(m, cause, true);
	return add(m, key, dir);
}

static void
cut(struct model *m, const char *key)
{
	char top[KEY_MAX];
	size_t i, kept = 0;

	snprintf(top, sizeof(top), "%s", key);
	for (i = 0; i < m->node_count; i++)
		if (strcmp(m->nodes[i].key, top) != 0 && !below(m->nodes[i].key, top))
			m->nodes[kept++] = m->nodes[i];
	m->node_count = kept;
}

static size_t
describe(char *out, size_t size, const struct model_node *node, bool whole, uint64_t modified)
{
	int used = snprintf(out, size, "%s", node->key);

	if (node->dir)
		used += snprintf(out + used, size - (size_t)used, "/");
	else if (whole)
		used += snprintf(out + used, size - (size_t)used, "=%s", node->value);
	used += snprintf(out + used, size - (size_t)used, " m%" PRIu64 " c%" PRIu64, modified,
	    node->created);
	if (whole && node->expires)
		used += snprintf(out + used, size - (size_t)used, " @%" PRIu64,
		    node->expire_at_s);
	return (size_t)used;
}

/* ---- events and watches --------------------------------------------------------- */

static void
append_hit(struct model *m, const char *ids, const char *text)
{
	size_t used = strlen(m->hits);

	snprintf(m->hits + used, sizeof(m->hits) - used, "%s1[%s] %s", used > 0 ? "; " : "", ids,
	    text);
}

static void
forget(struct model *m, size_t at)
{
	m->watch_count--;
	memmove(&m->watches[at], &m->watches[at + 1],
	    (m->watch_count - at) * sizeof(m->watches[0]));
}

/* Keys API 10.2. The tree is still as it was before. */
static void
deliver(struct model *m, const struct model_event *event)
{
	char ids[512] = "";
	size_t i = 0;

	while (i < m->watch_count) {
		const struct model_watch *watch = &m->watches[i];
		bool wants = strcmp(watch->key, event->key) == 0 ||
		    (watch->recursive && below(event->key, watch->key) &&
		    !hidden_after(event->key, watch->key)) ||
		    (event->removes_dir && below(watch->key, event->key) &&
		    find(m, watch->key) != NULL);

		if (!wants || watch->since > m->index || event->refresh) {
			i++;
			continue;
		}
		snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%s%" PRIu64,
		    ids[0] == 0 ? "" : " ", watch->id);
		if (watch->stream)
			i++;
		else
			forget(m, i);
	}
	if (ids[0] != 0)
		append_hit(m, ids, event->text);
}

/* The event of index m->index; before and after may be the same node twice. */
static void
publish(struct model *m, const char *action, const struct model_node *after,
    const struct model_node *before, bool removed, bool refresh)
{
	struct model_event *event = &m->events[m->index];
	size_t used;

	assert_true(m->index < EVENTS_MAX);
	memset(event, 0, sizeof(*event));
	snprintf(event->key, sizeof(event->key), "%s", after->key);
	event->removes_dir = removed && after->dir;
	event->refresh = refresh;
	used = (size_t)snprintf(event->text, sizeof(event->text), "%s ", action);
	used += describe(event->text + used, sizeof(event->text) - used, after, !removed, m->index);
	if (before != NULL) {
		used += (size_t)snprintf(event->text + used, sizeof(event->text) - used, " < ");
		describe(event->text + used, sizeof(event->text) - used, before, true,
		    before->modified);
	}
	deliver(m, event);
}

static bool
fits_past(const struct model_event *event, const struct model_watch *watch)
{
	if (event->refresh)
		return false;
	return strcmp(event->key, watch->key) == 0 ||
	    (watch->recursive && below(event->key, watch->key)) ||
	    (event->removes_dir && below(watch->key, event->key));
}

/* Keys API 10.3. */
static void
model_watch(struct model *m, struct model_watch watch, char *answer, size_t size)
{
	uint64_t first = m->index < HISTORY_EVENTS_DEFAULT ? 1 :
	    m->index - HISTORY_EVENTS_DEFAULT + 1;
	uint64_t at;
	char id[24];

	snprintf(id, sizeof(id), "%" PRIu64, watch.id);
	if (watch.since != 0 && watch.since < first) {
		snprintf(answer, size, "error 401 the requested history has been cleared "
		    "[%" PRIu64 "/%" PRIu64 "]", first, watch.since);
		return;
	}
	snprintf(answer, size, "watching");
	for (at = watch.since; at != 0 && at <= m->index; at++) {
		if (!fits_past(&m->events[at], &watch))
			continue;
		append_hit(m, id, m->events[at].text);
		if (!watch.stream)
			return;
	}
	watch.since = MAX_OF(watch.since, m->index + 1);
	m->watches[m->watch_count++] = watch;
}

/* ---- operations ------------------------------------------------------------------ */

struct work {
	enum write_op op;
	char key[KEY_MAX];
	char value[16], prev[16];
	bool dir, recursive, refresh, has_ttl, has_prev;
	uint64_t ttl_s, index;
};

static void
error(char *answer, size_t size, int code, const char *cause)
{
	snprintf(answer, size, "error %d %s", code, cause);
}

static void
expire_or_not(struct model *m, struct model_node *node, const struct work *work)
{
	node->expires = work->has_ttl;
	node->expire_at_s = work->has_ttl ? m->now_s + work->ttl_s : 0;
}

static void
answer_event(struct model *m, char *answer, size_t size, bool created)
{
	snprintf(answer, size, "%d %s", created ? 201 : 200, m->events[m->index].text);
}

static void
model_put(struct model *m, const struct work *work, const char *action, struct model_node *node,
    char *answer, size_t size)
{
	bool makes = work->op == WRITE_SET || work->op == WRITE_CREATE ||
	    work->op == WRITE_CREATE_IN_ORDER;
	bool refresh = work->refresh && work->op != WRITE_CREATE &&
	    work->op != WRITE_CREATE_IN_ORDER;
	struct model_node after = { 0 }, before = { 0 };

	if (node != NULL)
		before = *node;
	after = before;
	m->index++;
	snprintf(after.key, sizeof(after.key), "%s", work->key);
	if (makes)
		after.dir = work->dir && !refresh;
	if (!refresh)
		snprintf(after.value, sizeof(after.value), "%s", after.dir ? "" : work->value);
	if (makes)
		after.created = m->index;
	if (makes || !after.dir)
		after.modified = m->index;
	expire_or_not(m, &after, work);
	publish(m, action, &after, node == NULL ? NULL : &before, false, refresh);
	if (node == NULL)
		node = add_with_parents(m, work->key, after.dir);
	*node = after;
	answer_event(m, answer, size, before.key[0] == 0);
}

static void
model_remove(struct model *m, struct model_node *node, const char *action)
{
	struct model_node before = *node;

	m->index++;
	publish(m, action, &before, &before, true, false);
	cut(m, before.key);
}

static bool
compare(const struct model_node *node, const struct work *work, char *answer, size_t size)
{
	bool value_fits = !work->has_prev || strcmp(work->prev, node->value) == 0;
	bool index_fits = work->index == 0 || work->index == node->modified;
	char value[64] = "", numbers[64] = "";

	snprintf(value, sizeof(value), "[%s != %s]", work->prev, node->value);
	snprintf(numbers, sizeof(numbers), "[%" PRIu64 " != %" PRIu64 "]", work->index,
	    node->modified);
	snprintf(answer, size, "error 101 %s%s%s", value_fits ? "" : value,
	    value_fits || index_fits ? "" : " ", index_fits ? "" : numbers);
	return value_fits && index_fits;
}

static bool
has_children(const struct model *m, const char *key)
{
	size_t i;

	for (i = 0; i < m->node_count; i++)
		if (below(m->nodes[i].key, key))
			return true;
	return false;
}

/* Keys API 5. */
static void
model_write(struct model *m, struct work *work, char *answer, size_t size)
{
	char cause[KEY_MAX] = "";
	struct model_node *node;
	enum err found;

	if (work->op == WRITE_CREATE_IN_ORDER)
		snprintf(work->key + strlen(work->key), KEY_MAX - strlen(work->key), "/%020" PRIu64,
		    m->index + 1);
	found = search(m, work->key, cause);
	node = found == ERR_NONE ? find(m, work->key) : NULL;
	if (found == ERR_NOT_DIR) {
		error(answer, size, 104, cause);
		return;
	}
	if (found == ERR_KEY_NOT_FOUND && (work->op == WRITE_UPDATE || work->op >= WRITE_DELETE ||
	    work->op == WRITE_COMPARE_AND_SWAP || (work->op == WRITE_SET && work->refresh)) &&
	    work->op != WRITE_CREATE_IN_ORDER) {
		error(answer, size, 100, cause);
		return;
	}
	switch (work->op) {
	case WRITE_SET:
		if (node != NULL && node->dir)
			error(answer, size, 102, work->key);
		else
			model_put(m, work, "set", node, answer, size);
		break;
	case WRITE_CREATE:
	case WRITE_CREATE_IN_ORDER:
		if (node != NULL)
			error(answer, size, 105, work->key);
		else
			model_put(m, work, "create", NULL, answer, size);
		break;
	case WRITE_UPDATE:
		if (node->dir && work->value[0] != 0 && !work->refresh)
			error(answer, size, 102, work->key);
		else
			model_put(m, work, "update", node, answer, size);
		break;
	case WRITE_COMPARE_AND_SWAP:
		if (node->dir)
			error(answer, size, 102, work->key);
		else if (compare(node, work, answer, size))
			model_put(m, work, "swap", node, answer, size);
		break;
	case WRITE_DELETE:
		if (node->dir && !work->dir && !work->recursive) {
			error(answer, size, 102, work->key);
		} else if (node->dir && !work->recursive && has_children(m, work->key)) {
			error(answer, size, 108, work->key);
		} else {
			model_remove(m, node, "delete");
			answer_event(m, answer, size, false);
		}
		break;
	case WRITE_COMPARE_AND_DELETE:
		if (node->dir) {
			error(answer, size, 102, work->key);
		} else if (compare(node, work, answer, size)) {
			model_remove(m, node, "cad");
			answer_event(m, answer, size, false);
		}
		break;
	case WRITE_LOCK_ACQUIRE:
	case WRITE_LOCK_RENEW:
	case WRITE_LOCK_RELEASE:
		/* Of lock_test.c, and the simulator's. */
		assert_true(false);
		break;
	}
}

/* Of one write all nodes lie on one path. */
static bool
expires_before(const struct model_node *a, const struct model_node *b)
{
	if (a->expire_at_s != b->expire_at_s)
		return a->expire_at_s < b->expire_at_s;
	if (a->created != b->created)
		return a->created < b->created;
	return order(a->key, b->key) < 0;
}

static void
model_expire(struct model *m, uint64_t cutoff_s, char *answer, size_t size)
{
	size_t count = 0;

	for (;; count++) {
		struct model_node *due = NULL;
		size_t i;

		for (i = 0; i < m->node_count; i++) {
			struct model_node *node = &m->nodes[i];

			if (!node->expires || node->expire_at_s > cutoff_s)
				continue;
			if (due == NULL || expires_before(node, due))
				due = node;
		}
		if (due == NULL)
			break;
		model_remove(m, due, "expire");
	}
	snprintf(answer, size, "%zu", count);
}

/* A recursive listing of the root, by picking the next key in order again and again. */
static void
model_list(const struct model *m, char *answer, size_t size)
{
	const struct model_node *last = NULL;
	size_t used = (size_t)snprintf(answer, size, "get //");

	for (;;) {
		const struct model_node *next = NULL;
		size_t i;

		for (i = 0; i < m->node_count; i++) {
			const struct model_node *node = &m->nodes[i];

			if (hidden_after(node->key, "/") ||
			    (last != NULL && order(node->key, last->key) <= 0))
				continue;
			if (next == NULL || order(node->key, next->key) < 0)
				next = node;
		}
		if (next == NULL)
			break;
		answer[used++] = ' ';
		used += describe(answer + used, size - used, next, true, next->modified);
		last = next;
	}
}

/* ---- random work ----------------------------------------------------------------- */

static void
random_key(struct rand *rand, char *key)
{
	static const char *const names[] = { "a", "b", "aa", "_h", "a-b" };
	size_t depth = 1 + (size_t)rand_below(rand, 3);

	key[0] = 0;
	while (depth-- > 0)
		snprintf(key + strlen(key), KEY_MAX - strlen(key), "/%s",
		    names[rand_below(rand, ARRAY_COUNT(names))]);
}

static void
random_work(struct rand *rand, const struct model *m, struct work *work, char *command, size_t size)
{
	static const char *const verbs[] = {
		"", "set", "create", "update", "swap", "delete", "cad", "post",
	};
	char text[64];

	memset(work, 0, sizeof(*work));
	work->op = (enum write_op)(1 + rand_below(rand, WRITE_CREATE_IN_ORDER));
	random_key(rand, work->key);
	snprintf(command, size, "%s %s", verbs[work->op], work->key);
	if (rand_chance(rand, 700)) {
		snprintf(work->value, sizeof(work->value), "v%u", (unsigned)rand_below(rand, 3));
		snprintf(text, sizeof(text), " %s", work->value);
		strcat(command, text);
	}
	if ((work->has_prev = rand_chance(rand, 400))) {
		snprintf(work->prev, sizeof(work->prev), "v%u", (unsigned)rand_below(rand, 3));
		snprintf(text, sizeof(text), " prev=%s", work->prev);
		strcat(command, text);
	}
	if (rand_chance(rand, 100) && m->node_count > 0) {
		work->index = m->nodes[rand_below(rand, m->node_count)].modified;
		snprintf(text, sizeof(text), " index=%" PRIu64, work->index);
		strcat(command, text);
	}
	if ((work->has_ttl = rand_chance(rand, 300))) {
		work->ttl_s = rand_below(rand, 20);
		snprintf(text, sizeof(text), " ttl=%" PRIu64, work->ttl_s);
		strcat(command, text);
	}
	if ((work->dir = rand_chance(rand, 300)))
		strcat(command, " dir");
	if ((work->recursive = rand_chance(rand, 300)))
		strcat(command, " recursive");
	if ((work->refresh = rand_chance(rand, 100)))
		strcat(command, " refresh");
}

static void
random_watch(struct rand *rand, struct model *m, struct model_watch *watch, char *command,
    size_t size)
{
	memset(watch, 0, sizeof(*watch));
	watch->id = m->next_id++;
	if (rand_chance(rand, 100))
		snprintf(watch->key, sizeof(watch->key), "/");
	else
		random_key(rand, watch->key);
	watch->recursive = rand_chance(rand, 500);
	watch->stream = rand_chance(rand, 300);
	if (rand_chance(rand, 500))
		watch->since = m->index + 5 - MIN_OF(m->index, rand_below(rand, 30));
	if (rand_chance(rand, 50))
		watch->since = 1 + rand_below(rand, m->index + 1);
	/* A stream from far behind would be a hit too long for one line. */
	if (watch->stream && watch->since + 20 < m->index)
		watch->since = 0;
	snprintf(command, size, "watch 1 %" PRIu64 " %s%s%s since=%" PRIu64, watch->id, watch->key,
	    watch->recursive ? " recursive" : "", watch->stream ? " stream" : "", watch->since);
}

static void
check_reload(const struct fixture *f, uint64_t seed)
{
	const char *where;
	struct store *store = disk_load(&f->disk, seed, &where);

	assert_non_null(store);
	assert_int_equal(store_hash(store), store_hash(f->store));
	assert_int_equal(store_next_expiry(store), store_next_expiry(f->store));
	store_free(&store);
}

/* Once everything that was removed is freed the disk holds nothing of it. */
static void
check_swept(struct fixture *f)
{
	size_t others = 0;
	size_t i;

	while (store_sweep(f->store, 3, &f->effects))
		continue;
	fixture_flush(f);
	for (i = 0; i < f->disk.count; i++)
		others += f->disk.records[i].key->data[0] != EFFECT_NODE;
	assert_int_equal(f->disk.count - others, store_key_count(f->store));
	assert_false(store_has_to_sweep(f->store));
}

/* One random command for both; the same answer is expected. */
static void
step(struct rand *rand, struct fixture *f, struct model *m)
{
	char command[256], answer[16384];
	uint64_t kind = rand_below(rand, 100);

	if (kind < 10) {
		m->now_s += rand_below(rand, 6);
		f->time_ns = m->now_s * NS_PER_SECOND;
		snprintf(command, sizeof(command), "expire %" PRIu64, m->now_s);
		model_expire(m, m->now_s, answer, sizeof(answer));
	} else if (kind < 25 && m->watch_count < WATCHES_MAX) {
		struct model_watch watch;

		random_watch(rand, m, &watch, command, sizeof(command));
		model_watch(m, watch, answer, sizeof(answer));
	} else if (kind < 28 && m->watch_count > 0) {
		size_t at = (size_t)rand_below(rand, m->watch_count);

		snprintf(command, sizeof(command), "unwatch 1 %" PRIu64, m->watches[at].id);
		forget(m, at);
		answer[0] = 0;
	} else if (kind < 32) {
		snprintf(command, sizeof(command), "get / recursive");
		model_list(m, answer, sizeof(answer));
	} else {
		struct work work;

		random_work(rand, m, &work, command, sizeof(command));
		model_write(m, &work, answer, sizeof(answer));
	}
	EXPECT(f, command, answer);
	EXPECT(f, "hits", m->hits[0] == 0 ? "none" : m->hits);
	m->hits[0] = 0;
	assert_int_equal(store_watch_count(f->store), m->watch_count);
	assert_int_equal(store_index(f->store), m->index);
}

static void
run(uint64_t seed, unsigned steps)
{
	static struct model m;
	struct fixture *f = fixture_new(seed);
	struct rand rand;
	unsigned i;

	memset(&m, 0, sizeof(m));
	m.next_id = 1;
	rand_seed(&rand, seed);
	for (i = 0; i < steps; i++) {
		step(&rand, f, &m);
		if (rand_below(&rand, 8) == 0) {
			store_sweep(f->store, (size_t)rand_below(&rand, 6), &f->effects);
			fixture_flush(f);
		}
		if (i % 100 == 0)
			check_reload(f, seed + i);
	}
	check_reload(f, seed);
	check_swept(f);
	check_reload(f, seed);
	fixture_free(&f);
}

TEST(random_work_does_what_the_model_does)
{
	uint64_t seed;

	for (seed = 1; seed <= 30; seed++)
		run(seed, 500);
}

TEST(the_model_agrees_past_the_window)
{
	run(99, 4000);
}

TEST(the_seed_of_the_tables_changes_nothing_that_is_replicated)
{
	struct fixture *a = fixture_new(1), *b = fixture_new(UINT64_MAX);
	static struct model m;
	struct rand rand;
	unsigned i;

	rand_seed(&rand, 5);
	for (i = 0; i < 1500; i++) {
		char command[256], answer[16384];
		struct work work;

		random_work(&rand, &m, &work, command, sizeof(command));
		snprintf(answer, sizeof(answer), "%s", fixture_run(a, command));
		EXPECT(b, command, answer);
	}
	assert_int_equal(store_hash(a->store), store_hash(b->store));
	/* Not even the order of the records on disk differs. */
	assert_int_equal(a->disk.count, b->disk.count);
	fixture_free(&a);
	fixture_free(&b);
}
