/*
 * apply.c - a committed entry -> store command -> outcome.
 *
 * Deterministic: what varies between nodes (clocks, waiters) is not looked at
 * before the effect is decided. An entry that makes no sense does nothing, and
 * does it on every node alike.
 */
#include "raftd/node_priv.h"

#include "raftd/state.h"

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

	command_head_put(&bytes, &head);
	return bytes;
}

static struct blob *
payload_of(struct buf *bytes)
{
	struct blob *payload = blob_new(buf_slice(bytes));

	buf_free(bytes);
	return payload;
}

struct blob *
apply_payload_write(uint64_t session, uint64_t sequence, const struct msg_write *write)
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
	struct buf bytes = begin(COMMAND_WRITE, session, sequence, write->low);

	command_write_put(&bytes, &body);
	return payload_of(&bytes);
}

struct blob *
apply_payload_member(uint64_t session, uint64_t sequence, uint64_t low,
    const struct command_member *member)
{
	struct buf bytes = begin(COMMAND_MEMBER, session, sequence, low);

	command_member_put(&bytes, member);
	return payload_of(&bytes);
}

struct blob *
apply_payload_expire(uint64_t cutoff_ns)
{
	struct command_expire body = { .cutoff_ns = cutoff_ns };
	struct buf bytes = begin(COMMAND_EXPIRE, 0, 0, 0);

	command_expire_put(&bytes, &body);
	return payload_of(&bytes);
}

struct blob *
apply_payload_config(uint64_t session, uint64_t sequence, uint64_t low,
    struct slice items)
{
	struct buf bytes = begin(COMMAND_CONFIG_ITEMS, session, sequence, low);

	command_config_items_put(&bytes, &(struct command_config_items){ .items = items });
	return payload_of(&bytes);
}

struct blob *
apply_payload_create(const struct command_create_items *create)
{
	struct buf bytes = begin(COMMAND_CREATE_ITEMS, 0, 0, 0);

	command_create_items_put(&bytes, create);
	return payload_of(&bytes);
}

struct blob *
apply_payload_refused(uint64_t session, uint64_t sequence, uint64_t low,
    const struct command_refused *refused)
{
	struct buf bytes = begin(COMMAND_REFUSED, session, sequence, low);

	command_refused_put(&bytes, refused);
	return payload_of(&bytes);
}

bool
apply_payload_parse(const struct blob *payload, struct command_head *head, struct reader *body)
{
	*body = reader_of(blob_slice(payload));
	return command_head_get(body, head);
}

static struct store_outcome
failed(const struct node *node, enum err error, const char *cause)
{
	return (struct store_outcome){
		.error = error,
		.cause = cause == NULL ? NULL : blob_new(slice_text(cause)),
		.store_index = store_index(node->replica.store),
	};
}

static struct store_outcome
apply_write(struct node *node, struct reader *body, uint64_t time_ns)
{
	struct command_write write;

	if (!command_write_get(body, &write) || !reader_done(body))
		return failed(node, ERR_RAFT_INTERNAL, "malformed command");
	return store_write(node->replica.store, &write, time_ns, false, &node->effects);
}

/* ---- members -------------------------------------------------------------- */

static struct store_outcome
write_registry(struct node *node, enum write_op op, struct slice name, struct slice peer_url,
    struct slice client_url, uint64_t time_ns)
{
	struct buf key = BUF_INIT, value = BUF_INIT;
	struct command_write write = { .op = (uint8_t)op };
	struct store_outcome outcome;

	members_registry_key(&key, name);
	if (op != WRITE_DELETE)
		members_registry_value(&value, peer_url, client_url);
	write.key = buf_slice(&key);
	write.value = buf_slice(&value);
	outcome = store_write(node->replica.store, &write, time_ns, true, &node->effects);
	buf_free(&key);
	buf_free(&value);
	return outcome;
}

/* A joiner whose name has a registry entry left replaces a dead member: the
 * entry keeps its createdIndex. */
static struct store_outcome
apply_join(struct node *node, const struct command_member *m, enum member_role role,
    uint64_t time_ns)
{
	struct buf key = BUF_INIT;
	struct store_outcome outcome;
	struct member_values values = {
		.id = m->id,
		.role = role,
		.name = m->name,
		.peer_url = m->peer_url,
		.client_url = m->client_url,
	};
	bool known;

	members_registry_key(&key, m->name);
	known = store_exists(node->replica.store, buf_slice(&key));
	buf_free(&key);
	outcome = write_registry(node, known ? WRITE_UPDATE : WRITE_CREATE, m->name, m->peer_url,
	    m->client_url, time_ns);
	if (outcome.error != ERR_NONE)
		return outcome;
	values.joined = outcome.store_index;
	members_put(&node->replica.members, &values, &node->effects);
	members_clear(&node->joined_with);
	if (m->cluster_id != 0 && node->cluster_id == 0) {
		node->cluster_id = m->cluster_id;
		node->founded = true;
		node->written_cluster_id = m->cluster_id;
	}
	if (node->members_told)
		node_note(node, DIAG_INFO, "member joined name=%.*s id=%016" PRIx64 " peer=%.*s",
		    SLICE_ARGS(m->name), m->id, SLICE_ARGS(m->peer_url));
	return outcome;
}

/* With an empty name the registry entry stays: the member is being replaced. */
static struct store_outcome
apply_remove(struct node *node, const struct command_member *m, uint64_t time_ns)
{
	struct store_outcome outcome = failed(node, ERR_NONE, NULL);

	if (m->name.size > 0)
		outcome = write_registry(node, WRITE_DELETE, m->name, SLICE_EMPTY, SLICE_EMPTY,
		    time_ns);
	members_remove(&node->replica.members, m->id, m->op == MEMBER_FORGET, &node->effects);
	if (node->members_told)
		node_note(node, DIAG_INFO, "member removed id=%016" PRIx64, m->id);
	return outcome;
}

static struct store_outcome
apply_update(struct node *node, const struct command_member *m, uint64_t time_ns)
{
	const struct member *member = members_find(&node->replica.members, m->id);
	const struct member *other = members_at_peer_url(&node->replica.members, m->peer_url);
	struct store_outcome outcome;
	struct member_values values;

	if (member == NULL)
		return failed(node, ERR_KEY_NOT_FOUND, "no member of that id");
	if (other != NULL && other != member)
		return failed(node, ERR_PEER_ADDRESS_EXISTS, other->peer_url);
	if (slice_equal(slice_text(member->peer_url), m->peer_url) &&
	    slice_equal(slice_text(member->client_url), m->client_url))
		return failed(node, ERR_NONE, NULL);
	outcome = write_registry(node, WRITE_UPDATE, slice_text(member->name), m->peer_url,
	    m->client_url, time_ns);
	if (outcome.error != ERR_NONE)
		return outcome;
	if (node->members_told)
		node_note(node, DIAG_INFO, "member moved name=%s peer=%.*s client=%.*s",
		    member->name, SLICE_ARGS(m->peer_url), SLICE_ARGS(m->client_url));
	values = (struct member_values){
		.id = member->id,
		.role = member->role,
		.joined = member->joined,
		.name = slice_text(member->name),
		.peer_url = m->peer_url,
		.client_url = m->client_url,
	};
	members_put(&node->replica.members, &values, &node->effects);
	return outcome;
}

bool
apply_is_member(const struct command_member *m)
{
	return m->name.size <= NAME_BYTES_MAX && m->peer_url.size <= URL_BYTES_MAX &&
	    m->client_url.size <= URL_BYTES_MAX;
}

static struct store_outcome
apply_member(struct node *node, const struct raft_entry *entry, struct reader *body)
{
	struct command_member m;

	if (!command_member_get(body, &m) || !reader_done(body) || !apply_is_member(&m))
		return failed(node, ERR_RAFT_INTERNAL, "malformed command");
	node->status_due = true;
	node->proposals.update_retry_ms = 0;
	switch (entry->conf_op) {
	case RAFT_CONF_ADD_VOTER:
		return apply_join(node, &m, MEMBER_VOTER, entry->time_ns);
	case RAFT_CONF_ADD_LEARNER:
		return apply_join(node, &m, MEMBER_LEARNER, entry->time_ns);
	case RAFT_CONF_REMOVE:
		return apply_remove(node, &m, entry->time_ns);
	case RAFT_CONF_NONE:
		return apply_update(node, &m, entry->time_ns);
	case RAFT_CONF_PROMOTE:
		break;
	}
	return failed(node, ERR_RAFT_INTERNAL, "malformed command");
}

/* The session remembers the error as what became of the request. */
static struct store_outcome
apply_refused(struct node *node, struct reader *body)
{
	struct command_refused refused;
	struct store_outcome outcome;

	if (!command_refused_get(body, &refused) || !reader_done(body) ||
	    refused.cause.size > CAUSE_BYTES_MAX)
		return failed(node, ERR_RAFT_INTERNAL, "malformed command");
	outcome = failed(node, err_from_number(refused.error), NULL);
	if (refused.cause.size > 0)
		outcome.cause = blob_new(refused.cause);
	return outcome;
}

/* ---- the cluster ----------------------------------------------------------- */

static void
config_changed(struct node *node)
{
	replica_configure(&node->replica, &node->effects);
	config_state_save(&node->replica.config, &node->effects);
	node->status_due = true;
}

/* "active-size=9 remove-delay-ms=1800000 ..." */
static void
note_config(struct node *node)
{
	char text[512];
	size_t length = 0;

	for (size_t i = 0; i < CONFIG_ROWS; i++) {
		int written;

		written = snprintf(text + length, sizeof(text) - length, " %s=%" PRIu64,
		    config_rows[i].name,
		    cluster_config_value(&node->replica.config, &config_rows[i]));
		length += (size_t)written;
		ASSERT(length < sizeof(text));
	}
	for (size_t i = 0; i < length; i++)
		if (text[i] == '_')
			text[i] = '-';
	node_note(node, DIAG_INFO, "cluster configuration changed%s", text);
}

/* Of either kind: a list of items, or in logs begun before it the three numbers. */
static struct store_outcome
apply_config(struct node *node, uint8_t kind, struct reader *body)
{
	struct cluster_config *config = &node->replica.config;
	struct command_config_items change;
	struct command_config old;

	if (kind == COMMAND_CONFIG) {
		if (!command_config_get(body, &old) || !reader_done(body))
			return failed(node, ERR_RAFT_INTERNAL, "malformed command");
		config_state_change(config, &old);
	} else if (!command_config_items_get(body, &change) || !reader_done(body) ||
	    cluster_config_take(config, change.items) != ERR_NONE) {
		return failed(node, ERR_RAFT_INTERNAL, "malformed command");
	}
	config_changed(node);
	note_config(node);
	return failed(node, ERR_NONE, NULL);
}

/*
 * The first member, and what its options say of the cluster, by one entry: with
 * a list of items, or in logs begun before it with the three numbers.
 */
static struct store_outcome
apply_create(struct node *node, const struct raft_entry *entry, uint8_t kind, struct reader *body)
{
	struct cluster_config *config = &node->replica.config;
	struct command_member member = { .op = MEMBER_JOIN };
	struct command_create_items create;
	struct command_create old = { .id = 0 };
	bool well_formed;

	if (kind == COMMAND_CREATE) {
		well_formed = command_create_get(body, &old);
		create = (struct command_create_items){ .id = old.id,
			.cluster_id = old.cluster_id, .name = old.name,
			.peer_url = old.peer_url, .client_url = old.client_url };
	} else {
		well_formed = command_create_items_get(body, &create);
	}
	if (!well_formed || !reader_done(body) || entry->conf_op != RAFT_CONF_ADD_VOTER)
		return failed(node, ERR_RAFT_INTERNAL, "malformed command");
	member.id = create.id;
	member.cluster_id = create.cluster_id;
	member.name = create.name;
	member.peer_url = create.peer_url;
	member.client_url = create.client_url;
	if (!apply_is_member(&member) || cluster_config_take(config, create.items) != ERR_NONE)
		return failed(node, ERR_RAFT_INTERNAL, "malformed command");
	config_state_change(config, &(struct command_config){
	    .active_size = old.active_size,
	    .remove_delay_ms = old.remove_delay_ms,
	    .sync_interval_ms = old.sync_interval_ms });
	config_changed(node);
	return apply_join(node, &member, MEMBER_VOTER, entry->time_ns);
}

static void
apply_promote(struct node *node, peer_id id)
{
	const struct member *member = members_find(&node->replica.members, id);
	struct member_values values;

	if (member == NULL)
		return;
	values = (struct member_values){
		.id = id,
		.role = MEMBER_VOTER,
		.joined = member->joined,
		.name = slice_text(member->name),
		.peer_url = slice_text(member->peer_url),
		.client_url = slice_text(member->client_url),
	};
	if (node->members_told)
		node_note(node, DIAG_INFO, "member votes now name=%s id=%016" PRIx64, member->name,
		    id);
	members_put(&node->replica.members, &values, &node->effects);
	node->status_due = true;
}

/* ---- commands ------------------------------------------------------------- */

static struct store_outcome
apply_command(struct node *node, const struct raft_entry *entry, const struct command_head *head,
    struct reader *body)
{
	struct command_expire expire;

	switch (head->kind) {
	case COMMAND_WRITE:
		return apply_write(node, body, entry->time_ns);
	case COMMAND_MEMBER:
		return apply_member(node, entry, body);
	case COMMAND_CONFIG:
	case COMMAND_CONFIG_ITEMS:
		return apply_config(node, head->kind, body);
	case COMMAND_CREATE:
	case COMMAND_CREATE_ITEMS:
		return apply_create(node, entry, head->kind, body);
	case COMMAND_REFUSED:
		return apply_refused(node, body);
	case COMMAND_EXPIRE:
		node->expiring = false;
		if (command_expire_get(body, &expire) && reader_done(body))
			store_expire(node->replica.store, expire.cutoff_ns,
			    (struct store_budget){ EXPIRE_COUNT_MAX, EXPIRE_BYTES_MAX },
			    entry->time_ns, &node->effects);
		return failed(node, ERR_NONE, NULL);
	default:
		return failed(node, ERR_RAFT_INTERNAL, "unknown command");
	}
}

static void
answer_known(struct node *node, const struct command_head *head,
    const struct request_result *result)
{
	struct blob *event = NULL;

	if (!proposals_finish(node, head->session, head->sequence))
		return;
	if (result->event)
		event = blob_ref(store_event(node->replica.store, result->store_index));
	if (result->event && event == NULL) {
		node_answer_error(node, head->session, head->sequence, ERR_RAFT_INTERNAL,
		    "the write was applied, its answer is not kept any more");
		return;
	}
	node_answer(node, (struct answer){
	    .session = head->session,
	    .request_id = head->sequence,
	    .error = result->error,
	    .cause = blob_ref(result->cause),
	    .event = event,
	    .store_index = result->store_index,
	    .raft_index = result->raft_index,
	    .raft_term = result->raft_term,
	});
}

static void
apply_request(struct node *node, const struct raft_entry *entry, const struct command_head *head,
    struct reader *body)
{
	const struct request_result *known;
	struct store_outcome outcome;

	if (head->session != 0) {
		switch (requests_find(node->replica.requests, head->session, head->sequence,
		    &known)) {
		case REQUEST_KNOWN:
			node->deduplicated++;
			answer_known(node, head, known);
			return;
		case REQUEST_FORGOTTEN:
			node->deduplicated++;
			proposals_finish(node, head->session, head->sequence);
			return;
		case REQUEST_NEW:
			break;
		}
	}
	outcome = apply_command(node, entry, head, body);
	if (head->session == 0) {
		blob_unref(&outcome.cause);
		blob_unref(&outcome.event);
		return;
	}
	requests_record(node->replica.requests, node->replica.store, head->session,
	    head->sequence, head->low, (struct request_result){
		.error = outcome.error,
		.cause = blob_ref(outcome.cause),
		.store_index = outcome.store_index,
		.raft_index = entry->index,
		.raft_term = entry->term,
		.event = outcome.event != NULL,
	    }, &node->effects);
	if (!proposals_finish(node, head->session, head->sequence)) {
		blob_unref(&outcome.cause);
		blob_unref(&outcome.event);
		return;
	}
	node_answer(node, (struct answer){
	    .session = head->session,
	    .request_id = head->sequence,
	    .error = outcome.error,
	    .cause = outcome.cause,
	    .event = outcome.event,
	    .store_index = outcome.store_index,
	    .raft_index = entry->index,
	    .raft_term = entry->term,
	});
}

void
apply_entry(struct node *node, const struct raft_entry *entry)
{
	struct command_head head;
	struct reader body;

	ASSERT(entry->index == node->applied.index + 1);
	node->applied = (struct raft_position){ entry->index, entry->term };
	node->replica.applied_ns = MAX_OF(node->replica.applied_ns, entry->time_ns);
	node_begin_effects(node);
	if (entry->type == RAFT_ENTRY_CONF && entry->conf_op == RAFT_CONF_PROMOTE)
		apply_promote(node, entry->conf_peer);
	else if (entry->payload != NULL && apply_payload_parse(entry->payload, &head, &body))
		apply_request(node, entry, &head, &body);
}
