/*
 * apply.c - committed entries are given to the replica; what became of them, to the parts
 * of the conductor that own what follows.
 */
#include "raftd/node_priv.h"

#include "common/cause.h"

/* Not of what is read back or copied from others: that is told as one list. */
static void
note_member(struct node *node, const struct member_fact *fact)
{
	const struct member *member = members_find(&node->replica->members, fact->id);

	if (!node->members_told)
		return;
	if (fact->change == MEMBER_REMOVED)
		node_note(node, DIAG_INFO, "member removed id=%016" PRIx64, fact->id);
	if (member == NULL)
		return;
	if (fact->change == MEMBER_JOINED)
		node_note(node, DIAG_INFO, "member joined name=%s id=%016" PRIx64 " peer=%s",
		    member->name, member->id, member->peer_url);
	else if (fact->change == MEMBER_MOVED)
		node_note(node, DIAG_INFO, "member moved name=%s peer=%s client=%s",
		    member->name, member->peer_url, member->client_url);
	else if (fact->change == MEMBER_PROMOTED)
		node_note(node, DIAG_INFO, "member votes now name=%s id=%016" PRIx64,
		    member->name, member->id);
}

/* Who wanted it and what, beside the line of what it did to a member. */
static void
note_place(struct node *node, const struct place_fact *fact)
{
	static const char *const what[] = {
		[PLACE_MAKE] = "member to be added",
		[PLACE_MOVE] = "member to be moved",
		[PLACE_REMOVE] = "member to be removed",
	};

	if (fact->id == 0 || !node->members_told)
		return;
	/* The URLs may be cut. */
	node_note(node, DIAG_INFO, "%s id=%016" PRIx64 " asked-by=%.*s%s%.*s", what[fact->op],
	    fact->id, SLICE_ARGS(fact->asker), fact->peer_urls.size > 0 ? " peer=" : "",
	    SLICE_ARGS(fact->peer_urls));
}

/* A client gave this member another address: what its options say comes after that, with the
 * next start. */
static void
take_move(struct node *node, const struct replica_facts *facts)
{
	if (facts->place.id != 0 && facts->member.change == MEMBER_MOVED &&
	    facts->member.id == node->id && node->members_told)
		node->proposals.address_is_given = true;
}

static void
take_member(struct node *node, const struct member_fact *fact)
{
	if (fact->change == MEMBER_STAYED)
		return;
	node->status_due = true;
	if (fact->change == MEMBER_JOINED) {
		members_clear(&node->joined_with);
		if (fact->cluster_id != 0 && node->cluster_id == 0) {
			node->cluster_id = fact->cluster_id;
			node->founded = true;
			node->written_cluster_id = fact->cluster_id;
		}
	}
	note_member(node, fact);
}

/* "active-size=9 remove-delay-ms=1800000 ..." */
static void
note_config(struct node *node)
{
	char text[512];
	size_t length = 0;

	for (size_t i = 0; i < CONFIG_ROWS; i++) {
		uint64_t value = cluster_config_value(&node->replica->config, &config_rows[i]);
		char number[24];
		int written;

		snprintf(number, sizeof(number), "%" PRIu64, value);
		written = snprintf(text + length, sizeof(text) - length, " %s=%s",
		    config_rows[i].name, config_rows[i].kind != CONFIG_BOOL ? number :
		    value == CONFIG_YES ? "true" : "false");
		length += (size_t)written;
		ASSERT(length < sizeof(text));
	}
	for (size_t i = 0; i < length; i++)
		if (text[i] == '_')
			text[i] = '-';
	node_note(node, DIAG_INFO, "cluster configuration changed%s", text);
}

static void
take_config(struct node *node, const struct replica_facts *facts)
{
	if (!facts->config_changed)
		return;
	node->status_due = true;
	/* A node that begins a cluster is told so. */
	if (facts->member.change == MEMBER_STAYED)
		note_config(node);
}

/* The audit of users and roles: each node tells of each change, once. */
static void
note_auth(struct node *node, const struct auth_fact *fact)
{
	struct slice user = fact->user.size == 0 ? SLICE_LITERAL("-") : fact->user;

	if (fact->op == 0 || !node->members_told)
		return;
	if (fact->op == AUTH_ENABLE || fact->op == AUTH_DISABLE)
		node_note(node, DIAG_INFO, "users and roles: %.*s by=%.*s",
		    SLICE_ARGS(fact->what), SLICE_ARGS(user));
	else
		node_note(node, DIAG_INFO, "%s %.*s: name=%.*s by=%.*s",
		    fact->op == AUTH_PUT_USER || fact->op == AUTH_REMOVE_USER ? "user" : "role",
		    SLICE_ARGS(fact->what), SLICE_ARGS(fact->name), SLICE_ARGS(user));
}

/* The same of the v3 API. Names may hold any bytes: they are shown as far as they are printable. */
static void
note_v3_auth(struct node *node, const struct v3_auth_fact *fact)
{
	static const char *const what[V3_AUTH_OPS_LAST + 1] = {
		[V3_AUTH_ENABLE] = "enabled",
		[V3_AUTH_DISABLE] = "disabled",
		[V3_AUTH_ADD_USER] = "user made",
		[V3_AUTH_REMOVE_USER] = "user removed",
		[V3_AUTH_SET_PASSWORD] = "password changed",
		[V3_AUTH_GRANT_ROLE] = "role given to a user",
		[V3_AUTH_REVOKE_ROLE] = "role taken from a user",
		[V3_AUTH_ADD_ROLE] = "role made",
		[V3_AUTH_REMOVE_ROLE] = "role removed",
		[V3_AUTH_GRANT] = "permission granted",
		[V3_AUTH_REVOKE] = "permission revoked",
	};

	if (fact->op == 0 || what[fact->op] == NULL || !node->members_told)
		return;
	node_note(node, DIAG_INFO, "users of the v3 API: %s user=%.*s role=%.*s by=%s",
	    what[fact->op], SLICE_ARGS(fact->name), SLICE_ARGS(fact->role),
	    fact->by[0] == '\0' ? "-" : fact->by);
}

static void
note_v3_alarm(struct node *node, const struct v3_alarm_fact *fact)
{
	const char *type = fact->alarm.type == ALARM_NOSPACE ? "NOSPACE" : "CORRUPT";

	if (fact->op == 0 || !node->members_told)
		return;
	/* Workers show what refuses writes. */
	node->status_due = true;
	if (fact->alarm.by == ALARM_BY_QUOTA && fact->op == ALARM_RAISE)
		node_note(node, DIAG_WARN, "the quota of the v3 keys is reached: bytes=%zu; puts "
		    "and leases are refused until there are less: compact, or raise "
		    "-quota-backend-bytes",
		    mvcc_size(node->replica->mvcc));
	else if (fact->alarm.by == ALARM_BY_QUOTA)
		node_note(node, DIAG_INFO, "the v3 keys are within their quota again: bytes=%zu",
		    mvcc_size(node->replica->mvcc));
	else
		node_note(node, fact->op == ALARM_RAISE ? DIAG_WARN : DIAG_INFO,
		    "alarm %s %s by a client: member=%" PRIu64, type,
		    fact->op == ALARM_RAISE ? "raised" : "taken back", fact->alarm.member);
}

/* If a worker of this node waits for it. */
static void
answer(struct node *node, const struct raft_entry *entry, const struct replica_facts *facts)
{
	struct waiting_outcome outcome;
	const struct request_result *result = &facts->result;

	if (facts->session == 0)
		return;
	node->deduplicated += facts->seen != REQUEST_NEW;
	if (!proposals_finish(node, facts->session, facts->sequence) ||
	    facts->seen == REQUEST_FORGOTTEN)
		return;
	if (result->event && facts->event == NULL) {
		node_answer_error(node, facts->session, facts->sequence, ERR_RAFT_INTERNAL,
		    cause_text(CAUSE_ANSWER_FORGOTTEN));
		return;
	}
	outcome = (struct waiting_outcome){
		.session = facts->session,
		.request_id = facts->sequence,
		.error = result->error,
		.cause = blob_ref(result->cause),
		.event = blob_ref(facts->event),
		.store_index = result->store_index,
		.raft_index = result->raft_index,
		.raft_term = result->raft_term,
	};
	if (command_is_v3(entry->payload))
		node_v3_answer_write(node, entry->payload, outcome);
	else
		node_answer(node, outcome);
}

bool
node_apply(struct node *node, const struct raft_entry *entry)
{
	struct replica_facts facts;

	ASSERT(entry->index == node->applied.index + 1);
	submit_begin_effects(node);
	if (!replica_apply(node->replica, entry, node->config.turn_hits_max, &node->effects,
	    &facts))
		return false;
	node->applied = (struct raft_position){ entry->index, entry->term };
	if (facts.asks_for_member) {
		node->status_due = true;
		node->proposals.update_retry_ms = 0;
	}
	take_config(node, &facts);
	note_place(node, &facts.place);
	take_move(node, &facts);
	note_auth(node, &facts.auth);
	note_v3_auth(node, &facts.v3_auth);
	note_v3_alarm(node, &facts.v3_alarm);
	node_v3_auth_applied(node, entry->index, &facts.v3_auth);
	take_member(node, &facts.member);
	answer(node, entry, &facts);
	blob_unref(&facts.result.cause);
	blob_unref(&facts.event);
	return true;
}
