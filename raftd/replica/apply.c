/*
 * apply.c - one entry of the log changes the applied state.
 *
 * Deterministic: what varies between nodes (clocks, waiters) is not looked at before the
 * effect is decided, but for how much of an expiry fits into one call. An entry that makes
 * no sense does nothing, and does it on every node alike.
 *
 *	replica_apply ---> apply_command	what it asks for, if it is no repeat
 *	              ---> facts		what became of it, for the conductor
 */
#include "raftd/replica/replica.h"

#include "raftd/replica/state.h"

/* One call of replica_apply. */
struct applying {
	struct replica *replica;
	const struct raft_entry *entry;
	struct buf *effects;
	struct replica_facts *facts;
};

static struct store_outcome
failed(const struct applying *a, enum err error, const char *cause)
{
	return (struct store_outcome){
		.error = error,
		.cause = cause == NULL ? NULL : blob_new(slice_text(cause)),
		.store_index = store_index(a->replica->store),
	};
}

static struct store_outcome
apply_write(struct applying *a, struct reader *body)
{
	struct command_write write;

	if (!command_write_get(body, &write) || !reader_done(body))
		return failed(a, ERR_RAFT_INTERNAL, "malformed command");
	return store_write(a->replica->store, &write, a->entry->time_ns, false,
	    a->effects);
}

/* ---- members -------------------------------------------------------------- */

static struct store_outcome
write_registry(struct applying *a, enum write_op op, struct slice name, struct slice peer_url,
    struct slice client_url)
{
	struct buf key = BUF_INIT, value = BUF_INIT;
	struct command_write write = { .op = (uint8_t)op };
	struct store_outcome outcome;

	members_registry_key(&key, name);
	if (op != WRITE_DELETE)
		members_registry_value(&value, peer_url, client_url);
	write.key = buf_slice(&key);
	write.value = buf_slice(&value);
	outcome = store_write(a->replica->store, &write, a->entry->time_ns, true,
	    a->effects);
	buf_free(&key);
	buf_free(&value);
	return outcome;
}

/* A joiner whose name has a registry entry left replaces a dead member: the
 * entry keeps its createdIndex. */
static struct store_outcome
apply_join(struct applying *a, const struct command_member *m, enum member_role role)
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
	known = store_exists(a->replica->store, buf_slice(&key));
	buf_free(&key);
	outcome = write_registry(a, known ? WRITE_UPDATE : WRITE_CREATE, m->name, m->peer_url,
	    m->client_url);
	if (outcome.error != ERR_NONE)
		return outcome;
	values.joined = outcome.store_index;
	members_put(&a->replica->members, &values, a->effects);
	a->facts->member = (struct member_fact){
		.change = MEMBER_JOINED,
		.id = m->id,
		.cluster_id = m->cluster_id,
	};
	return outcome;
}

/* With an empty name the registry entry stays: the member is being replaced. */
static struct store_outcome
apply_remove(struct applying *a, const struct command_member *m)
{
	struct store_outcome outcome = failed(a, ERR_NONE, NULL);

	if (m->name.size > 0)
		outcome = write_registry(a, WRITE_DELETE, m->name, SLICE_EMPTY, SLICE_EMPTY);
	members_remove(&a->replica->members, m->id, m->op == MEMBER_FORGET, a->effects);
	a->facts->member = (struct member_fact){ .change = MEMBER_REMOVED, .id = m->id };
	return outcome;
}

static struct store_outcome
apply_update(struct applying *a, const struct command_member *m)
{
	const struct member *member = members_find(&a->replica->members, m->id);
	const struct member *other = members_at_peer_url(&a->replica->members, m->peer_url);
	struct store_outcome outcome;
	struct member_values values;

	if (member == NULL)
		return failed(a, ERR_KEY_NOT_FOUND, "no member of that id");
	if (other != NULL && other != member)
		return failed(a, ERR_PEER_ADDRESS_EXISTS, other->peer_url);
	if (slice_equal(slice_text(member->peer_url), m->peer_url) &&
	    slice_equal(slice_text(member->client_url), m->client_url))
		return failed(a, ERR_NONE, NULL);
	outcome = write_registry(a, WRITE_UPDATE, slice_text(member->name), m->peer_url,
	    m->client_url);
	if (outcome.error != ERR_NONE)
		return outcome;
	values = (struct member_values){
		.id = member->id,
		.role = member->role,
		.joined = member->joined,
		.name = slice_text(member->name),
		.peer_url = m->peer_url,
		.client_url = m->client_url,
	};
	members_put(&a->replica->members, &values, a->effects);
	a->facts->member = (struct member_fact){ .change = MEMBER_MOVED, .id = m->id };
	return outcome;
}

static struct store_outcome
apply_member(struct applying *a, struct reader *body)
{
	struct command_member m;

	if (!command_member_get(body, &m) || !reader_done(body) || !command_is_member(&m))
		return failed(a, ERR_RAFT_INTERNAL, "malformed command");
	a->facts->asks_for_member = true;
	switch (a->entry->conf_op) {
	case RAFT_CONF_ADD_VOTER:
		return apply_join(a, &m, MEMBER_VOTER);
	case RAFT_CONF_ADD_LEARNER:
		return apply_join(a, &m, MEMBER_LEARNER);
	case RAFT_CONF_REMOVE:
		return apply_remove(a, &m);
	case RAFT_CONF_NONE:
		return apply_update(a, &m);
	case RAFT_CONF_PROMOTE:
		break;
	}
	return failed(a, ERR_RAFT_INTERNAL, "malformed command");
}

/* The session remembers the error as what became of the request. */
static struct store_outcome
apply_refused(struct applying *a, struct reader *body)
{
	struct command_refused refused;
	struct store_outcome outcome;

	if (!command_refused_get(body, &refused) || !reader_done(body) ||
	    refused.cause.size > CAUSE_BYTES_MAX)
		return failed(a, ERR_RAFT_INTERNAL, "malformed command");
	outcome = failed(a, err_from_number(refused.error), NULL);
	if (refused.cause.size > 0)
		outcome.cause = blob_new(refused.cause);
	return outcome;
}

/* ---- the cluster ----------------------------------------------------------- */

static void
config_changed(struct applying *a)
{
	replica_configure(a->replica, a->effects);
	config_state_save(&a->replica->config, a->effects);
	a->facts->config_changed = true;
}

/* Of either kind: a list of items, or in logs begun before it the three numbers. */
static struct store_outcome
apply_config(struct applying *a, uint8_t kind, struct reader *body)
{
	struct cluster_config *config = &a->replica->config;
	struct command_config_items change;
	struct command_config old;

	if (kind == COMMAND_CONFIG) {
		if (!command_config_get(body, &old) || !reader_done(body))
			return failed(a, ERR_RAFT_INTERNAL, "malformed command");
		config_state_change(config, &old);
	} else if (!command_config_items_get(body, &change) || !reader_done(body) ||
	    cluster_config_take(config, change.items) != ERR_NONE) {
		return failed(a, ERR_RAFT_INTERNAL, "malformed command");
	}
	config_changed(a);
	return failed(a, ERR_NONE, NULL);
}

/*
 * The first member, and what its options say of the cluster, by one entry: with
 * a list of items, or in logs begun before it with the three numbers.
 */
static struct store_outcome
apply_create(struct applying *a, uint8_t kind, struct reader *body)
{
	struct cluster_config *config = &a->replica->config;
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
	if (!well_formed || !reader_done(body) || a->entry->conf_op != RAFT_CONF_ADD_VOTER)
		return failed(a, ERR_RAFT_INTERNAL, "malformed command");
	member.id = create.id;
	member.cluster_id = create.cluster_id;
	member.name = create.name;
	member.peer_url = create.peer_url;
	member.client_url = create.client_url;
	if (!command_is_member(&member) || cluster_config_take(config, create.items) != ERR_NONE)
		return failed(a, ERR_RAFT_INTERNAL, "malformed command");
	config_state_change(config, &(struct command_config){
	    .active_size = old.active_size,
	    .remove_delay_ms = old.remove_delay_ms,
	    .sync_interval_ms = old.sync_interval_ms });
	config_changed(a);
	return apply_join(a, &member, MEMBER_VOTER);
}

static void
apply_promote(struct applying *a, peer_id id)
{
	const struct member *member = members_find(&a->replica->members, id);
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
	members_put(&a->replica->members, &values, a->effects);
	a->facts->member = (struct member_fact){ .change = MEMBER_PROMOTED, .id = id };
}

/* ---- commands ------------------------------------------------------------- */

static struct store_outcome
apply_command(struct applying *a, const struct command_head *head, struct reader *body)
{
	switch (head->kind) {
	case COMMAND_WRITE:
		return apply_write(a, body);
	case COMMAND_MEMBER:
		return apply_member(a, body);
	case COMMAND_CONFIG:
	case COMMAND_CONFIG_ITEMS:
		return apply_config(a, head->kind, body);
	case COMMAND_CREATE:
	case COMMAND_CREATE_ITEMS:
		return apply_create(a, head->kind, body);
	case COMMAND_REFUSED:
		return apply_refused(a, body);
	case COMMAND_EXPIRE:
		/* apply_expire has done it. */
		a->facts->expired = true;
		return failed(a, ERR_NONE, NULL);
	default:
		return failed(a, ERR_RAFT_INTERNAL, "unknown command");
	}
}

/*
 * Let expire what is due, as far as those who watch can be told in one turn: each of many
 * keys is told to each of many watches. False: the entry goes on with the next call.
 *
 * How much one entry lets go is the same on every node; the rest is due at once again.
 */
static bool
apply_expire(struct applying *a, struct reader body, size_t hits_max)
{
	const struct store_budget one = { 1, SIZE_MAX };
	struct store_budget *spent = &a->replica->expired;
	struct command_expire expire;
	struct store_budget step;

	if (!command_expire_get(&body, &expire) || !reader_done(&body))
		return true;
	while (spent->count < EXPIRE_COUNT_MAX && spent->bytes < EXPIRE_BYTES_MAX) {
		if (store_hits_waiting(a->replica->store) >= hits_max)
			return false;
		step = store_expire(a->replica->store, expire.cutoff_ns, one, a->entry->time_ns,
		    a->effects);
		if (step.count == 0)
			break;
		spent->count += step.count;
		spent->bytes += step.bytes;
	}
	*spent = (struct store_budget){ 0 };
	return true;
}

/* What became of a request that was applied before. */
static void
recall(struct applying *a, const struct request_result *known)
{
	struct replica_facts *facts = a->facts;

	facts->result = *known;
	blob_ref(facts->result.cause);
	if (known->event)
		facts->event = blob_ref(store_event(a->replica->store, known->store_index));
}

static void
apply_request(struct applying *a, const struct command_head *head, struct reader *body)
{
	struct replica_facts *facts = a->facts;
	struct store_outcome outcome = apply_command(a, head, body);

	facts->result = (struct request_result){
		.error = outcome.error,
		.cause = outcome.cause,
		.store_index = outcome.store_index,
		.raft_index = a->entry->index,
		.raft_term = a->entry->term,
		.event = outcome.event != NULL,
	};
	facts->event = outcome.event;
	if (head->session == 0)
		return;
	blob_ref(outcome.cause);
	requests_record(a->replica->requests, a->replica->store, head->session, head->sequence,
	    head->low, facts->result, a->effects);
}

bool
replica_apply(struct replica *replica, const struct raft_entry *entry, size_t hits_max,
    struct buf *effects, struct replica_facts *facts)
{
	struct applying a = { replica, entry, effects, facts };
	const struct request_result *known = NULL;
	struct command_head head;
	struct reader body;

	*facts = (struct replica_facts){ .seen = REQUEST_NEW };
	replica->applied_ns = MAX_OF(replica->applied_ns, entry->time_ns);
	if (entry->type == RAFT_ENTRY_CONF && entry->conf_op == RAFT_CONF_PROMOTE) {
		apply_promote(&a, entry->conf_peer);
		return true;
	}
	if (entry->payload == NULL || !command_parse(entry->payload, &head, &body))
		return true;
	if (head.session != 0)
		facts->seen = requests_find(replica->requests, head.session, head.sequence,
		    &known);
	if (head.kind == COMMAND_EXPIRE && facts->seen == REQUEST_NEW &&
	    !apply_expire(&a, body, hits_max))
		return false;
	facts->session = head.session;
	facts->sequence = head.sequence;
	if (facts->seen == REQUEST_KNOWN)
		recall(&a, known);
	else if (facts->seen == REQUEST_NEW)
		apply_request(&a, &head, &body);
	return true;
}

bool
replica_is_within_entry(const struct replica *replica)
{
	return replica->expired.count > 0;
}
