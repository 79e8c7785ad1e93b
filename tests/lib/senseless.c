/*
 * senseless.c - see senseless.h.
 */
#include "tests/lib/senseless.h"

#include "common/crc32c.h"
#include "common/ipc/v3.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "raftd/command.h"

#include <stdio.h>
#include <string.h>

/* Fields of one frame may hold so much together: more than a frame can. */
#define FIELD_BYTES (28 * MIB)
#define KEY_ROOM (3 * KIB)

void
senseless_init(struct senseless *s, uint64_t seed, unsigned sender, const char *top)
{
	*s = (struct senseless){ .sender = sender, .top = top, .big_per_mille = 1,
		.next_id = 1 };
	rand_seed(&s->rand, seed);
}

void
senseless_free(struct senseless *s)
{
	buf_free(&s->bytes);
}

void
senseless_hear(struct senseless *s, const struct frame *frame)
{
	struct msg_outcome outcome;
	struct msg_status status;

	if (frame->type == MSG_outcome &&
	    msg_outcome_decode(frame->payload, &outcome) == ERR_NONE)
		s->index = outcome.store_index;
	if (frame->type != MSG_status || msg_status_decode(frame->payload, &status) != ERR_NONE)
		return;
	s->index = status.store_index;
	s->term = status.term;
	s->log_index = status.commit;
}

/* ---- numbers -------------------------------------------------------------------- */

static uint64_t
any_number(struct senseless *s)
{
	static const uint64_t edges[] = { 0, 1, 2, UINT8_MAX, UINT16_MAX, UINT32_MAX,
		INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX >> 2, (UINT64_MAX >> 2) + 1,
		UINT64_MAX - 1, UINT64_MAX };

	switch (rand_below(&s->rand, 4)) {
	case 0:
		return edges[rand_below(&s->rand, ARRAY_COUNT(edges))];
	case 1:
		return rand_next(&s->rand);
	case 2:
		return s->index + rand_below(&s->rand, 40) - 20;
	default:
		return rand_below(&s->rand, 10);
	}
}

static uint64_t
fresh_id(struct senseless *s)
{
	uint64_t id = s->next_id++;

	s->ids[s->id_count++ % SENSELESS_IDS] = id;
	return id;
}

/* Mostly a new one or one of before; or one that nobody has had. */
static uint64_t
any_id(struct senseless *s)
{
	uint64_t kind = rand_below(&s->rand, 100);

	if (kind < 50)
		return fresh_id(s);
	if (kind < 95 && s->id_count > 0)
		return s->ids[rand_below(&s->rand, MIN_OF(s->id_count, (size_t)SENSELESS_IDS))];
	return any_number(s);
}

/* ---- bytes ---------------------------------------------------------------------- */

/* Room for so many bytes more of this frame; what was there before stays in place. */
static uint8_t *
room(struct senseless *s, size_t size)
{
	uint8_t *at;

	ASSERT(s->used + size <= FIELD_BYTES);
	at = s->bytes.data + s->used;
	s->used += size;
	return at;
}

static void
begin(struct senseless *s)
{
	if (s->bytes.data == NULL) {
		uint8_t *all = buf_reserve(&s->bytes, FIELD_BYTES);

		memset(all, 'v', FIELD_BYTES);
		buf_added(&s->bytes, FIELD_BYTES);
	}
	s->used = 0;
}

/* Of that many bytes, whatever they are. */
static struct slice
filler(struct senseless *s, size_t size)
{
	uint8_t *at = room(s, size);

	if (size > 0 && size < 256)
		memset(at, (int)rand_below(&s->rand, 256), size);
	return slice_of(at, size);
}

static struct slice
any_bytes(struct senseless *s)
{
	static const size_t sizes[] = { 0, 1, 7, 255, 256, 1024, 4096 };

	return filler(s, sizes[rand_below(&s->rand, ARRAY_COUNT(sizes))]);
}

static struct slice
value_of(struct senseless *s)
{
	static const size_t great[] = { 300 * 1024, 3 * MIB, VALUE_BYTES_MAX };

	if (rand_chance(&s->rand, s->big_per_mille))
		return filler(s, great[rand_below(&s->rand, ARRAY_COUNT(great))]);
	return filler(s, rand_below(&s->rand, 200));
}

static size_t
put_name(struct senseless *s, uint8_t *at, size_t most)
{
	static const char *const names[] = { "a", "b", "c", "_hidden", "...", "x", "%2f", "\xff",
		"\x1b[2J", "\n", "machines", "_etcd", "\xe2\x80\xae", " " };
	const char *name = names[rand_below(&s->rand, ARRAY_COUNT(names))];
	size_t size = MIN_OF(strlen(name), most);

	if (rand_chance(&s->rand, 20)) {
		size = MIN_OF((size_t)rand_below(&s->rand, 300) + 3, most);
		memset(at, rand_chance(&s->rand, 500) ? 0 : 'n', size);
		return size;
	}
	memcpy(at, name, size);
	return size;
}

/* A canonical key below top; few of them, so that they meet again. deep: up to the limits. */
static struct slice
key_of(struct senseless *s, bool deep)
{
	size_t size = strlen(s->top), names, most = deep ? KEY_BYTES_MAX : KEY_ROOM;
	uint8_t *at = room(s, most);
	uint8_t *began = at;

	memcpy(at, s->top, size);
	at += size;
	names = rand_chance(&s->rand, deep ? 300 : 20) ? rand_below(&s->rand, deep ? 1000 : 100) :
	    rand_below(&s->rand, 4);
	for (size_t i = 0; i < names && (size_t)(at - began) + 400 < most; i++) {
		*at++ = '/';
		at += put_name(s, at, 320);
	}
	if (deep && rand_chance(&s->rand, 50)) {
		/* Exactly as long as any key may be. */
		*at++ = '/';
		memset(at, 'l', (size_t)(began + most - at));
		at = began + most;
	}
	return slice_of(began, (size_t)(at - began));
}

/* What is outside of it may be read and watched, and what no key is below. */
static struct slice
key_to_read(struct senseless *s)
{
	static const char *const others[] = { "/", "/_etcd", "/_etcd/machines", "/nothing" };

	if (rand_chance(&s->rand, 100))
		return slice_text(others[rand_below(&s->rand, ARRAY_COUNT(others))]);
	return key_of(s, rand_chance(&s->rand, 30));
}

static uint64_t
any_node(struct senseless *s)
{
	return rand_chance(&s->rand, 50) ? any_number(s) :
	    s->peers[rand_below(&s->rand, ARRAY_COUNT(s->peers))];
}

static uint64_t fill_number(struct senseless *s, const char *name);

/* Members, entries or records of a state, with some that are none of it. */
static struct slice
list_of(struct senseless *s, const char *name)
{
	size_t count = rand_below(&s->rand, 4);
	struct buf list = BUF_INIT;
	struct slice copy;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(name, "members") == 0)
			member_record_put(&list, &(struct member_record){
			    .id = any_node(s), .role = (uint8_t)rand_below(&s->rand, 4),
			    .name = any_bytes(s), .peer_url = any_bytes(s),
			    .client_url = any_bytes(s), .joined = any_number(s) });
		else if (strcmp(name, "entries") == 0)
			entry_record_put(&list, &(struct entry_record){
			    .term = fill_number(s, "term"),
			    .index = fill_number(s, "index"),
			    .time_ns = any_number(s), .type = (uint8_t)rand_below(&s->rand, 5),
			    .conf_op = (uint8_t)rand_below(&s->rand, 6),
			    .conf_peer = any_node(s), .payload = any_bytes(s) });
		else if (strcmp(name, "records") == 0)
			state_record_put(&list, &(struct state_record){
			    .key = any_bytes(s), .value = any_bytes(s) });
		else
			config_item_put(&list, &(struct config_item){
			    .number = (uint16_t)rand_below(&s->rand, 400),
			    .value = any_number(s) });
	}
	if (rand_chance(&s->rand, 100))
		buf_append_slice(&list, filler(s, rand_below(&s->rand, 20)));
	copy = slice_of(room(s, list.size), list.size);
	if (list.size > 0)
		memcpy((uint8_t *)(uintptr_t)copy.data, list.data, list.size);
	buf_free(&list);
	return copy;
}

/* ---- fields, by kind and name ------------------------------------------------------- */

static struct slice
fill_bytes(struct senseless *s, const char *name)
{
	static const char *const lists[] = { "members", "entries", "records", "items" };

	for (size_t i = 0; i < ARRAY_COUNT(lists); i++)
		if (strcmp(name, lists[i]) == 0)
			return list_of(s, name);
	if (strcmp(name, "value") == 0 || strcmp(name, "prev_value") == 0)
		return value_of(s);
	if (strcmp(name, "key") == 0)
		return key_of(s, false);
	return any_bytes(s);
}

static uint64_t
fill_number(struct senseless *s, const char *name)
{
	if (strcmp(name, "low") == 0)
		return rand_chance(&s->rand, 700) ? s->next_id - 1 : any_number(s);
	if (strcmp(name, "id") == 0)
		return any_node(s);
	/* Mostly what could be meant, so that more than the first look is passed. */
	if (strstr(name, "term") != NULL && rand_chance(&s->rand, 700))
		return s->term + rand_below(&s->rand, 3);
	if (strcmp(name, "sequence") == 0 && rand_chance(&s->rand, 700))
		return rand_below(&s->rand, 3);
	if ((strstr(name, "index") != NULL || strcmp(name, "commit") == 0) &&
	    rand_chance(&s->rand, 500))
		return s->log_index + rand_below(&s->rand, 12) - 6;
	return any_number(s);
}

#define FILL_u8(name) (uint8_t)fill_number(s, #name)
#define FILL_u16(name) (uint16_t)fill_number(s, #name)
#define FILL_u32(name) (uint32_t)fill_number(s, #name)
#define FILL_u64(name) fill_number(s, #name)
#define FILL_bytes(name) fill_bytes(s, #name)
#define FILL_token(name) FILL_u64(name)
#define FILL_secret(name) FILL_bytes(name)

/* ---- commands: what stands in an entry of the log, as a node passes it on ------------ */

#define RECORD(tag, ...) \
	UNUSED static void \
	body_##tag(struct senseless *s, struct buf *out) \
	{ \
		struct tag body; \
\
		__VA_ARGS__ \
		tag##_put(out, &body); \
	}
#define FIELD(kind, name) body.name = FILL_##kind(name);
#include "raftd/command_table.h"

static struct slice
command_of(struct senseless *s)
{
	static const struct {
		uint8_t kind;
		bool harmless;
		void (*put)(struct senseless *s, struct buf *out);
	} bodies[] = {
		{ COMMAND_WRITE, true, body_command_write },
		{ COMMAND_EXPIRE, true, body_command_expire },
		{ COMMAND_REFUSED, true, body_command_refused },
		{ COMMAND_MEMBER, false, body_command_member },
		{ COMMAND_CONFIG, false, body_command_config },
		{ COMMAND_CONFIG_ITEMS, false, body_command_config_items },
		{ COMMAND_CREATE, false, body_command_create },
		{ COMMAND_CREATE_ITEMS, false, body_command_create_items },
		{ COMMAND_KNOWN, true, body_command_known },
		{ COMMAND_AUTH, false, body_command_auth },
		{ COMMAND_WRITE_AS, true, body_command_write_as },
		{ COMMAND_V3_ALARM, false, body_command_v3_alarm },
	};
	size_t which = rand_below(&s->rand, ARRAY_COUNT(bodies));
	struct command_head head = {
		.kind = bodies[which].kind,
		.session = any_number(s),
		.sequence = any_number(s),
		.low = any_number(s),
	};
	struct buf command = BUF_INIT;
	struct slice copy;

	if (s->harmless && !bodies[which].harmless)
		return any_bytes(s);
	command_head_put(&command, &head);
	bodies[which].put(s, &command);
	if (rand_chance(&s->rand, 50))
		command.size = rand_below(&s->rand, command.size + 1);
	/* More than any entry may have, as long as there is a frame for it. */
	command.size = MIN_OF(command.size, FRAME_BYTES_MAX - 1 * KIB);
	copy = slice_of(room(s, command.size), command.size);
	if (command.size > 0)
		memcpy((uint8_t *)(uintptr_t)copy.data, command.data, command.size);
	buf_free(&command);
	return copy;
}

/* ---- messages -------------------------------------------------------------------------- */

static void
tame_write(struct senseless *s, struct msg_write *m)
{
	m->op = (uint8_t)(WRITE_SET + rand_below(&s->rand, WRITE_OPS_LAST));
	m->flags = rand_chance(&s->rand, 500) ? 0 :
	    (uint8_t)rand_below(&s->rand, WRITE_FLAG_ALL + 1);
	if (rand_chance(&s->rand, 20))
		m->key = key_of(s, true);
	if (m->op >= WRITE_LOCK_ACQUIRE && rand_chance(&s->rand, 500))
		m->key = SLICE_LITERAL(LOCK_PREFIX "l");
	if (m->op == WRITE_CREATE_IN_ORDER || m->op == WRITE_LOCK_ACQUIRE)
		m->key.size = MIN_OF(m->key.size, KEY_BYTES_MAX - KEY_ORDER_DIGITS - 1);
	/* Each may be as large as it likes, but not all of them together. */
	m->prev_value.size = MIN_OF(m->prev_value.size,
	    WRITE_BYTES_MAX - m->key.size - m->value.size);
	m->user.size = MIN_OF(m->user.size, (size_t)AUTH_NAME_BYTES_MAX);
}

static void
tame_auth_change(struct senseless *s, struct msg_auth_change *m)
{
	struct slice *lists[] = { &m->first, &m->second, &m->third, &m->fourth };

	m->op = (uint8_t)(AUTH_ENABLE + rand_below(&s->rand, AUTH_REMOVE_ROLE));
	m->flags &= AUTH_FLAG_ALL;
	m->name.size = MIN_OF(m->name.size, (size_t)AUTH_NAME_BYTES_MAX);
	m->hash.size = MIN_OF(m->hash.size, (size_t)AUTH_HASH_BYTES_MAX);
	m->user.size = MIN_OF(m->user.size, (size_t)AUTH_NAME_BYTES_MAX);
	for (size_t i = 0; i < ARRAY_COUNT(lists); i++)
		lists[i]->size = MIN_OF(lists[i]->size, AUTH_BODY_BYTES_MAX / 4);
}

static void
tame_v3_auth_change(struct senseless *s, struct msg_v3_auth_change *m)
{
	m->op = (uint8_t)(V3_AUTH_ENABLE + rand_below(&s->rand, V3_AUTH_OPS_LAST));
	m->flags &= V3_AUTH_NO_PASSWORD;
	m->type = (uint8_t)rand_below(&s->rand, V3_AUTH_READWRITE + 1);
	m->name.size = MIN_OF(m->name.size, (size_t)V3_AUTH_NAME_BYTES_MAX);
	m->role.size = MIN_OF(m->role.size, (size_t)V3_AUTH_NAME_BYTES_MAX);
	m->hash.size = MIN_OF(m->hash.size, (size_t)AUTH_HASH_BYTES_MAX);
	m->key.size = MIN_OF(m->key.size, (size_t)V3_AUTH_KEY_BYTES_MAX);
	m->end.size = MIN_OF(m->end.size, (size_t)V3_AUTH_KEY_BYTES_MAX);
	if (m->op == V3_AUTH_MAKE_TOKEN && m->digest.size >= V3_TOKEN_DIGEST_BYTES)
		m->digest.size = V3_TOKEN_DIGEST_BYTES;
	else
		m->digest = SLICE_EMPTY;
}

static void
tame_member_change(struct senseless *s, struct msg_member_change *m)
{
	static const uint8_t ops[] = { MEMBER_REMOVE, MEMBER_FORGET, MEMBER_JOIN };
	static const char *const names[] = { "..", "a/b", "m\0x", "machine9", "\xff\n", "/" };

	m->op = ops[rand_below(&s->rand, s->harmless ? 2 : ARRAY_COUNT(ops))];
	m->name = rand_chance(&s->rand, 500) ?
	    filler(s, 1 + rand_below(&s->rand, NAME_BYTES_MAX)) :
	    slice_text(names[rand_below(&s->rand, ARRAY_COUNT(names))]);
	m->peer_url.size = MIN_OF(m->peer_url.size, (size_t)URL_BYTES_MAX);
	m->client_url.size = MIN_OF(m->client_url.size, (size_t)URL_BYTES_MAX);
	/* Who is to be removed may be called anything. */
	if (m->op == MEMBER_JOIN) {
		m->id |= 1;
		m->name = SLICE_LITERAL("machine8");
	}
}

static void
tame_place_change(struct senseless *s, struct msg_place_change *m)
{
	static const char *const urls[] = { "http://127.0.0.1:7001", ",", "http://m8:7001,x",
		"\xff\n", "a,,b", ",http://m9:1," };

	m->op = (uint8_t)(PLACE_MAKE + rand_below(&s->rand, 3));
	m->id = rand_chance(&s->rand, 500) ? 1 + rand_below(&s->rand, 8) : m->id | 1;
	m->peer_urls = m->op == PLACE_REMOVE ? SLICE_EMPTY :
	    slice_text(urls[rand_below(&s->rand, ARRAY_COUNT(urls))]);
	m->asker.size = MIN_OF(m->asker.size, (size_t)ASKER_BYTES_MAX);
}

/* One operation of the v3 keys, as a list: of a range what is read is shown, or counted. */
static struct slice
v3_ops(struct senseless *s, bool writes)
{
	struct buf ops = BUF_INIT, body = BUF_INIT;
	uint8_t kind = V3_OP_RANGE;
	struct slice copy;

	if (!writes || rand_chance(&s->rand, 200)) {
		v3_range_put(&body, &(struct v3_range){ .key = SLICE_LITERAL("/"),
		    .end = SLICE_LITERAL("\0"), .flags = (uint8_t)rand_below(&s->rand, 256),
		    .order = (uint8_t)rand_below(&s->rand, 3),
		    .target = (uint8_t)rand_below(&s->rand, 5), .limit = any_number(s),
		    .revision = any_number(s), .min_mod = any_number(s),
		    .max_mod = any_number(s) });
	} else if (rand_chance(&s->rand, 500)) {
		kind = V3_OP_PUT;
		v3_put_put(&body, &(struct v3_put){ .key = slice_text(s->top),
		    .value = filler(s, rand_below(&s->rand, 200)), .flags = V3_PUT_PREV_KV });
	} else {
		kind = V3_OP_DELETE;
		v3_delete_put(&body, &(struct v3_delete){ .key = slice_text(s->top),
		    .flags = (uint8_t)rand_below(&s->rand, 256) });
	}
	v3_op_put(&ops, &(struct v3_op){ .kind = kind, .body = buf_slice(&body) });
	copy = slice_of(room(s, ops.size), ops.size);
	memcpy((uint8_t *)(uintptr_t)copy.data, ops.data, ops.size);
	buf_free(&ops);
	buf_free(&body);
	return copy;
}

/* Tokens of whom and of when ever, as a list. */
static struct slice
v3_tokens(struct senseless *s)
{
	static const uint8_t digest[V3_TOKEN_DIGEST_BYTES];
	struct buf list = BUF_INIT;
	uint64_t index = 0;
	struct slice copy;

	for (uint64_t i = rand_below(&s->rand, 20); i > 0; i--) {
		index += 1 + rand_below(&s->rand, 100);
		v3_token_record_put(&list, &(struct v3_token_record){ .index = index,
		    .credential = rand_below(&s->rand, 100),
		    .digest = slice_of(digest, sizeof(digest)) });
	}
	copy = slice_of(room(s, list.size), list.size);
	if (list.size > 0)
		memcpy((uint8_t *)(uintptr_t)copy.data, list.data, list.size);
	buf_free(&list);
	return copy;
}

static void
tame_v3_write(struct senseless *s, struct msg_v3_write *m)
{
	m->compares = SLICE_EMPTY;
	m->ops = v3_ops(s, true);
}

static void
tame_v3_read(struct senseless *s, struct msg_v3_read *m)
{
	m->quorum = (uint8_t)rand_below(&s->rand, 2);
	m->compares = SLICE_EMPTY;
	m->ops = v3_ops(s, false);
}

static void
tame_v3_watch(struct senseless *s, struct msg_v3_watch *m)
{
	m->flags = (uint8_t)rand_below(&s->rand, V3_WATCH_ALL + 1);
	if (rand_chance(&s->rand, 700))
		m->end = SLICE_LITERAL("\0");
	if (rand_chance(&s->rand, 500))
		m->start = rand_below(&s->rand, 100);
}

static void
tame_v3_alarm(struct senseless *s, struct msg_v3_alarm *m)
{
	m->op = (uint8_t)(1 + rand_below(&s->rand, 2));
	m->type = (uint8_t)(1 + rand_below(&s->rand, ALARM_TYPES_LAST));
}

/* What a session looks at of messages of the v3 API is made as it has to be. */
static void
tame_v3(struct senseless *s, uint16_t type, void *message)
{
	struct msg_v3_tokens_used *used;
	struct msg_v3_state *state;

	switch (type) {
	case MSG_v3_write:
		tame_v3_write(s, message);
		break;
	case MSG_v3_read:
		tame_v3_read(s, message);
		break;
	case MSG_v3_grant:
		((struct msg_v3_grant *)message)->id |= 1;
		break;
	case MSG_v3_watch:
		tame_v3_watch(s, message);
		break;
	case MSG_v3_watch_drop:
		((struct msg_v3_watch_drop *)message)->revision = rand_below(&s->rand, 100);
		break;
	case MSG_v3_lease:
		((struct msg_v3_lease *)message)->what = (uint8_t)(1 + rand_below(&s->rand, 3));
		break;
	case MSG_v3_state:
		state = message;
		state->what = (uint8_t)(1 + rand_below(&s->rand, 4));
		state->quorum &= 1;
		break;
	case MSG_v3_auth_change:
		tame_v3_auth_change(s, message);
		break;
	case MSG_v3_alarm:
		tame_v3_alarm(s, message);
		break;
	case MSG_v3_tokens_used:
		used = message;
		used->indexes.size = MIN_OF(used->indexes.size,
		    V3_TOKENS_MAX * sizeof(uint64_t));
		break;
	case MSG_v3_tokens_kept:
		((struct msg_v3_tokens_kept *)message)->tokens = v3_tokens(s);
		break;
	default:
		break;
	}
}

/* The same of every message. */
static void
tame(struct senseless *s, uint16_t type, void *message)
{
	struct msg_forward_proposal *proposal;
	struct msg_raft_heartbeat *heartbeat;
	struct msg_snapshot_chunk *chunk;
	struct msg_watch_taken *taken;
	struct msg_standby *standby;
	struct msg_watch *watch;
	struct msg_read *read;

	switch (type) {
	case MSG_write:
		tame_write(s, message);
		break;
	case MSG_read:
		read = message;
		read->flags = (uint8_t)rand_below(&s->rand, READ_FLAG_ALL + 1);
		read->key = key_to_read(s);
		break;
	case MSG_watch:
		watch = message;
		watch->flags = (uint8_t)rand_below(&s->rand, WATCH_FLAG_ALL + 1);
		watch->key = key_to_read(s);
		break;
	case MSG_watch_taken:
		taken = message;
		if (rand_chance(&s->rand, 500))
			taken->past_bytes = rand_below(&s->rand, 1000);
		break;
	case MSG_lease_ask:
		((struct msg_lease_ask *)message)->what = (uint8_t)(1 + rand_below(&s->rand, 3));
		break;
	case MSG_auth_change:
		tame_auth_change(s, message);
		break;
	case MSG_member_change:
		tame_member_change(s, message);
		break;
	case MSG_place_change:
		tame_place_change(s, message);
		break;
	case MSG_standby:
		standby = message;
		standby->leader_url.size =
		    MIN_OF(standby->leader_url.size, (size_t)URL_BYTES_MAX);
		break;
	case MSG_forward_proposal:
		proposal = message;
		proposal->payload = command_of(s);
		if (s->harmless)
			proposal->type = 2;
		break;
	case MSG_raft_heartbeat:
		heartbeat = message;
		/* Told that it has lost entries a node ends, and nothing else is tried. */
		if (rand_chance(&s->rand, 997))
			heartbeat->commit = MIN_OF(heartbeat->commit, s->log_index);
		break;
	case MSG_snapshot_chunk:
		chunk = message;
		if (rand_chance(&s->rand, 900))
			chunk->checksum = crc32c(0, chunk->records);
		break;
	default:
		tame_v3(s, type, message);
		break;
	}
}
#undef FIELD

/* A message of that type with random fields. */
static void
put_random(struct senseless *s, struct buf *out, uint16_t type, uint64_t id)
{
	begin(s);
	switch (type) {
#define RECORD(tag, ...)
#define FIELD(kind, name) m.name = FILL_##kind(name);
#define MESSAGE(tag, number, senders, receiver, ...) \
	case number: { \
		struct msg_##tag m; \
\
		__VA_ARGS__ \
		tame(s, number, &m); \
		msg_##tag##_frame(out, id, &m); \
		return; \
	}
#include "common/ipc/message_table.h"
	default:
		return;
	}
}

/* Of the data channel, or from node to node. */
static const uint16_t requests[] = {
#define TO_SESSION(tag, number, senders) number,
#include "common/ipc/receiver_rows.h"
};

static const uint16_t of_nodes[] = {
	MSG_raft_vote_reply, MSG_raft_append_reply, MSG_raft_heartbeat_reply, MSG_raft_read_index,
	MSG_raft_read_index_reply, MSG_forward_proposal, MSG_forward_refused, MSG_snapshot_credit,
	/* These move a cluster. */
	MSG_raft_vote, MSG_raft_append, MSG_raft_committed, MSG_raft_heartbeat,
	MSG_raft_timeout_now,
	MSG_removed_told, MSG_released_told, MSG_snapshot_chunk,
};
#define HARMLESS_OF_NODES 8

void
senseless_tame(struct senseless *s, struct buf *out)
{
	size_t before = out->size;
	uint16_t flags = rand_chance(&s->rand, 50) ? (uint16_t)rand_below(&s->rand, 8) : 0;
	uint16_t type;

	if (s->sender == FROM_PEER_WORKER && rand_chance(&s->rand, 700)) {
		/* Told that it was removed a node ends, and nothing else is tried. */
		do {
			type = of_nodes[rand_below(&s->rand, s->harmless ? HARMLESS_OF_NODES :
			    ARRAY_COUNT(of_nodes))];
		} while ((type == MSG_removed_told || type == MSG_released_told) &&
		    rand_chance(&s->rand, 995));
		put_random(s, out, type, any_node(s));
	} else {
		do {
			type = requests[rand_below(&s->rand, ARRAY_COUNT(requests))];
			/* After a foreign_call a founder takes no more writes, as it should. */
		} while ((message_senders(type) & s->sender) == 0 || type == MSG_foreign_call ||
		    (s->harmless && (type == MSG_config_change || type == MSG_place_change ||
			type == MSG_auth_change || type == MSG_v3_auth_change)));
		/* Much of what there is to do begins with a write or a watch. */
		if (s->sender == FROM_CLIENT_WORKER && rand_chance(&s->rand, 300))
			type = MSG_write;
		put_random(s, out, type, any_id(s));
	}
	if (flags != 0)
		frame_set_flags(out->data + before, flags);
}

/* ---- what no channel survives ------------------------------------------------------------- */

/* A write, read or watch with one field that a session refuses. */
static void
put_refused(struct senseless *s, struct buf *out)
{
	static const char *const keys[] = { "", "a", "//", "/a/", "/a//b", "/.", "/a/..", "/../a" };
	struct msg_write write = { .op = WRITE_SET };
	struct msg_watch watch = { .flags = (uint8_t)(WATCH_FLAG_ALL + 1) };

	begin(s);
	write.key = slice_text(keys[rand_below(&s->rand, ARRAY_COUNT(keys))]);
	watch.key = SLICE_LITERAL("/a");
	switch (rand_below(&s->rand, 6)) {
	case 0:
		break;
	case 1:
		write.key = filler(s, KEY_BYTES_MAX + 1);
		*(uint8_t *)(uintptr_t)write.key.data = '/';
		break;
	case 2:
		write.key = SLICE_LITERAL("/a");
		write.value = filler(s, VALUE_BYTES_MAX + 1);
		break;
	case 3:
		/* Each is allowed. */
		write.key = SLICE_LITERAL("/a");
		write.value = filler(s, WRITE_BYTES_MAX / 2);
		write.prev_value = filler(s, WRITE_BYTES_MAX / 2);
		break;
	case 4:
		write.key = SLICE_LITERAL("/a");
		write.op = (uint8_t)(WRITE_OPS_LAST + 1 + rand_below(&s->rand, 100));
		break;
	default:
		msg_watch_frame(out, any_id(s), &watch);
		return;
	}
	msg_write_frame(out, any_id(s), &write);
}

void
senseless_wild(struct senseless *s, struct buf *out)
{
	size_t before = out->size;
	struct msg_hello hello = { .magic = WIRE_MAGIC, .protocol = WIRE_PROTOCOL,
		.role = ROLE_CLIENT, .number = 1, .token = any_number(s),
		.session = any_number(s) };
	uint16_t type;

	switch (rand_below(&s->rand, 7)) {
	case 0:				/* of somebody else, or of nobody */
		do {
			type = (uint16_t)rand_below(&s->rand, 0x200);
		} while ((message_senders(type) & s->sender) != 0);
		put_random(s, out, type, any_id(s));
		if (out->size == before)
			frame_append(out, type, 0, any_id(s), SLICE_EMPTY);
		break;
	case 1:				/* cut in the middle of a field, length as cut */
		senseless_tame(s, out);
		begin(s);
		frame_append(out, MSG_write, 0, any_id(s), filler(s, rand_below(&s->rand, 26)));
		break;
	case 2:				/* more than there should be */
		begin(s);
		frame_append(out, MSG_read_more, 0, any_id(s),
		    filler(s, 9 + rand_below(&s->rand, 100)));
		break;
	case 3:				/* greeted already */
		msg_hello_frame(out, 0, &hello);
		break;
	case 4:				/* a length that no frame has */
		put_random(s, out, MSG_read, any_id(s));
		memset(out->data + before, 0xff, 4);
		break;
	case 5:				/* a length that lies: what follows is read wrongly */
		put_random(s, out, MSG_write, any_id(s));
		out->data[before] ^= (uint8_t)(1 + rand_below(&s->rand, 255));
		for (int i = 0; i < 20; i++)
			senseless_tame(s, out);
		break;
	default:
		put_refused(s, out);
		break;
	}
}
