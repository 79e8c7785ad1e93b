/*
 * command.c - see command.h.
 */
#include "raftd/command.h"

#include "common/limits.h"

#define CODEC_TABLE "raftd/command_table.h"
#include "common/ipc/table_define.h"
#undef CODEC_TABLE

/* Of a write, beside its texts. */
#define NUMBERS_ROOM ((size_t)64)

/* The head of a payload; its body's record goes behind. */
static struct buf
begin(enum command_kind kind, uint64_t session, uint64_t sequence, uint64_t low)
{
	struct command_head head = {
		.kind = (uint8_t)kind,
		.session = session,
		.sequence = sequence,
		.low = low,
	};
	struct buf bytes = BUF_INIT;

	blob_begin(&bytes);
	command_head_put(&bytes, &head);
	return bytes;
}

static struct blob *
payload_of(struct buf *bytes)
{
	struct blob *payload = blob_end(bytes, NULL);

	buf_free(bytes);
	return payload;
}

/* Of a user who has shown who he is. */
static void
put_write_as(struct buf *bytes, const struct msg_write *write)
{
	struct command_write_as body = {
		.user = write->user,
		.credential = write->credential,
		.op = write->op,
		.flags = write->flags,
		.key = write->key,
		.value = write->value,
		.ttl_s = write->ttl_s,
		.prev_index = write->prev_index,
		.prev_value = write->prev_value,
	};

	command_write_as_put(bytes, &body);
}

struct blob *
command_new_write(uint64_t session, uint64_t sequence, const struct msg_write *write)
{
	struct command_write body = {
		.op = write->op,
		.flags = write->flags,
		.key = write->key,
		.value = write->value,
		.ttl_s = write->ttl_s,
		.prev_index = write->prev_index,
		.prev_value = write->prev_value,
	};
	struct buf bytes = begin(write->user.size == 0 ? COMMAND_WRITE : COMMAND_WRITE_AS, session,
	    sequence, write->low);

	/* All of it at once: else a large one is copied as it grows. */
	(void)buf_reserve(&bytes, body.key.size + body.value.size + body.prev_value.size +
	    write->user.size + NUMBERS_ROOM);
	if (write->user.size == 0)
		command_write_put(&bytes, &body);
	else
		put_write_as(&bytes, write);
	return payload_of(&bytes);
}

struct blob *
command_new_member(uint64_t session, uint64_t sequence, uint64_t low,
    const struct command_member *member)
{
	struct buf bytes = begin(COMMAND_MEMBER, session, sequence, low);

	command_member_put(&bytes, member);
	return payload_of(&bytes);
}

struct blob *
command_new_expire(uint64_t cutoff_ns)
{
	struct command_expire body = { .cutoff_ns = cutoff_ns };
	struct buf bytes = begin(COMMAND_EXPIRE, 0, 0, 0);

	command_expire_put(&bytes, &body);
	return payload_of(&bytes);
}

struct blob *
command_new_known(void)
{
	struct buf bytes = begin(COMMAND_KNOWN, 0, 0, 0);

	command_known_put(&bytes, &(struct command_known){ 0 });
	return payload_of(&bytes);
}

struct blob *
command_new_config(uint64_t session, uint64_t sequence, uint64_t low,
    struct slice items)
{
	struct buf bytes = begin(COMMAND_CONFIG_ITEMS, session, sequence, low);

	command_config_items_put(&bytes, &(struct command_config_items){ .items = items });
	return payload_of(&bytes);
}

struct blob *
command_new_create(const struct command_create_items *create)
{
	struct buf bytes = begin(COMMAND_CREATE_ITEMS, 0, 0, 0);

	command_create_items_put(&bytes, create);
	return payload_of(&bytes);
}

struct blob *
command_new_refused(uint64_t session, uint64_t sequence, uint64_t low,
    const struct command_refused *refused)
{
	struct buf bytes = begin(COMMAND_REFUSED, session, sequence, low);

	command_refused_put(&bytes, refused);
	return payload_of(&bytes);
}

struct blob *
command_new_place(uint64_t session, uint64_t sequence, uint64_t low,
    const struct command_place *place)
{
	struct buf bytes = begin(COMMAND_PLACE, session, sequence, low);

	command_place_put(&bytes, place);
	return payload_of(&bytes);
}

struct blob *
command_new_auth(uint64_t session, uint64_t sequence, const struct msg_auth_change *change)
{
	struct command_auth body = {
		.op = change->op,
		.flags = change->flags,
		.name = change->name,
		.hash = change->hash,
		.first = change->first,
		.second = change->second,
		.third = change->third,
		.fourth = change->fourth,
		.user = change->user,
		.credential = change->credential,
	};
	struct buf bytes = begin(COMMAND_AUTH, session, sequence, change->low);

	command_auth_put(&bytes, &body);
	return payload_of(&bytes);
}

/* What a command on the v3 keys begins with. */
struct v3_head {
	uint64_t session, sequence, low;
	uint64_t credential, auth_revision;
};

/* Takes the body. */
static struct blob *
v3_payload(enum command_kind kind, const struct v3_head *head, struct buf *body)
{
	bool plain = head->credential == 0;
	struct buf bytes = begin(plain ? kind : COMMAND_V3_AS, head->session, head->sequence,
	    head->low);

	(void)buf_reserve(&bytes, body->size + NUMBERS_ROOM);
	if (plain)
		buf_append_slice(&bytes, buf_slice(body));
	else
		command_v3_as_put(&bytes, &(struct command_v3_as){
		    .credential = head->credential, .auth_revision = head->auth_revision,
		    .kind = (uint8_t)kind, .body = buf_slice(body) });
	buf_free(body);
	return payload_of(&bytes);
}

#define V3_HEAD(message) \
	&(struct v3_head){ session, sequence, (message)->low, (message)->credential, \
		(message)->auth_revision }

struct blob *
command_new_v3_write(uint64_t session, uint64_t sequence, const struct msg_v3_write *write)
{
	struct buf body = BUF_INIT;

	(void)buf_reserve(&body, write->compares.size + write->ops.size + NUMBERS_ROOM);
	command_v3_write_put(&body, &(struct command_v3_write){ .compares = write->compares,
	    .ops = write->ops });
	return v3_payload(COMMAND_V3_WRITE, V3_HEAD(write), &body);
}

struct blob *
command_new_v3_compact(uint64_t session, uint64_t sequence, const struct msg_v3_compact *compact)
{
	struct buf body = BUF_INIT;

	command_v3_compact_put(&body, &(struct command_v3_compact){
	    .revision = compact->revision });
	return v3_payload(COMMAND_V3_COMPACT, V3_HEAD(compact), &body);
}

struct blob *
command_new_v3_grant(uint64_t session, uint64_t sequence, const struct msg_v3_grant *grant)
{
	struct buf body = BUF_INIT;

	command_v3_grant_put(&body, &(struct command_v3_grant){ .id = grant->id,
	    .ttl_s = grant->ttl_s });
	return v3_payload(COMMAND_V3_GRANT, V3_HEAD(grant), &body);
}

struct blob *
command_new_v3_revoke(uint64_t session, uint64_t sequence, const struct msg_v3_revoke *revoke)
{
	struct buf body = BUF_INIT;

	command_v3_revoke_put(&body, &(struct command_v3_revoke){ .id = revoke->id });
	return v3_payload(COMMAND_V3_REVOKE, V3_HEAD(revoke), &body);
}

struct blob *
command_new_v3_alarm(uint64_t session, uint64_t sequence, const struct msg_v3_alarm *alarm)
{
	struct buf body = BUF_INIT;

	command_v3_alarm_put(&body, &(struct command_v3_alarm){ .op = alarm->op,
	    .type = alarm->type, .by = ALARM_BY_CLIENT, .member = alarm->member });
	return v3_payload(COMMAND_V3_ALARM, V3_HEAD(alarm), &body);
}

struct blob *
command_new_v3_quota(uint8_t op, uint64_t member)
{
	struct buf bytes = begin(COMMAND_V3_ALARM, 0, 0, 0);

	command_v3_alarm_put(&bytes, &(struct command_v3_alarm){ .op = op,
	    .type = ALARM_NOSPACE, .by = ALARM_BY_QUOTA, .member = member });
	return payload_of(&bytes);
}

struct blob *
command_new_v3_auto_compact(uint64_t revision)
{
	return command_new_v3_compact(0, 0, &(struct msg_v3_compact){ .revision = revision });
}

struct blob *
command_new_v3_auth(uint64_t session, uint64_t sequence, const struct msg_v3_auth_change *change)
{
	struct buf bytes = begin(COMMAND_V3_AUTH, session, sequence, change->low);

	command_v3_auth_put(&bytes, &(struct command_v3_auth){
	    .op = change->op, .flags = change->flags, .type = change->type,
	    .name = change->name, .hash = change->hash, .role = change->role,
	    .key = change->key, .end = change->end, .digest = change->digest,
	    .credential = change->credential });
	return payload_of(&bytes);
}

struct blob *
command_new_v3_expire(uint64_t term, const uint64_t *ids, size_t count)
{
	struct buf bytes = begin(COMMAND_V3_EXPIRE, 0, 0, 0), leases = BUF_INIT;

	for (size_t i = 0; i < count; i++)
		command_v3_lease_put(&leases, &(struct command_v3_lease){ .id = ids[i] });
	command_v3_expire_put(&bytes, &(struct command_v3_expire){ .term = term,
	    .leases = buf_slice(&leases) });
	buf_free(&leases);
	return payload_of(&bytes);
}

struct blob *
command_new_v3_checkpoint(uint64_t term, struct slice leases)
{
	struct buf bytes = begin(COMMAND_V3_CHECKPOINT, 0, 0, 0);

	command_v3_checkpoint_put(&bytes, &(struct command_v3_checkpoint){ .term = term,
	    .leases = leases });
	return payload_of(&bytes);
}

bool
command_parse(const struct blob *payload, struct command_head *head, struct reader *body)
{
	*body = reader_of(blob_slice(payload));
	return command_head_get(body, head);
}

bool
command_is_v3(const struct blob *payload)
{
	struct command_head head;
	struct reader body;

	return command_parse(payload, &head, &body) && ((head.kind >= COMMAND_V3_WRITE &&
	    head.kind <= COMMAND_V3_REVOKE) || head.kind == COMMAND_V3_AS ||
	    head.kind == COMMAND_V3_AUTH || head.kind == COMMAND_V3_ALARM);
}

bool
command_parse_v3(const struct blob *payload, uint8_t *kind, struct reader *body)
{
	struct command_head head;
	struct command_v3_as as;

	if (!command_parse(payload, &head, body))
		return false;
	*kind = head.kind;
	if (head.kind != COMMAND_V3_AS)
		return true;
	if (!command_v3_as_get(body, &as))
		return false;
	*kind = as.kind;
	*body = reader_of(as.body);
	return true;
}

bool
command_is_member(const struct command_member *m)
{
	return m->name.size <= NAME_BYTES_MAX && m->peer_url.size <= URL_BYTES_MAX &&
	    m->client_url.size <= URL_BYTES_MAX;
}

bool
command_is_place(const struct command_place *p)
{
	return p->op >= PLACE_MAKE && p->op <= PLACE_REMOVE && p->id != 0 &&
	    p->peer_urls.size <= PLACE_URLS_BYTES_MAX && p->asker.size <= ASKER_BYTES_MAX &&
	    (p->peer_urls.size == 0) == (p->op == PLACE_REMOVE) &&
	    (p->peer_urls.size == 0 ||
		memchr(p->peer_urls.data, '\0', p->peer_urls.size) == NULL);
}
