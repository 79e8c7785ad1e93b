/*
 * change.c - membership changes that wait for their turn at the leader.
 *
 * One at a time (thesis 4.1), the guards on names and addresses
 * (docs/architecture.md, "A join"), and the promotion of learners that have caught
 * up. A list here is only the leader's: when it changes, whoever asked sends the
 * change again.
 *
 *	queued --may change, guards pass--> in the log	[propose_change]
 *	queued --a dead member has its name--> that one is removed first
 *	queued --guards--> refused by the log		[decline]
 *	queued --deadline, not decided--> refused as not known	[refuse]
 */
#include "raftd/node_priv.h"

#include "common/node_name.h"
#include "common/xmem.h"

#include <stdlib.h>

#define CHANGE_WAIT_MS 5000

static void
change_free(struct node *node, struct waiting_change *change)
{
	TAILQ_REMOVE(&node->changes, change, link);
	blob_unref(&change->payload);
	free(change);
}

void
changes_clear(struct node *node)
{
	while (!TAILQ_EMPTY(&node->changes))
		change_free(node, TAILQ_FIRST(&node->changes));
}

/* It may come from another node. Takes the body apart. */
static bool
is_change(const struct command_head *head, struct reader *body)
{
	struct command_member member;
	struct command_place place;

	if (head->kind == COMMAND_PLACE)
		return command_place_get(body, &place) && reader_done(body) &&
		    command_is_place(&place);
	return head->kind == COMMAND_MEMBER && command_member_get(body, &member) &&
	    reader_done(body) && command_is_member(&member) &&
	    (member.op != MEMBER_JOIN || node_name_valid(member.name));
}

void
changes_add(struct node *node, peer_id origin, struct blob *payload)
{
	struct command_head head;
	struct reader body;
	struct waiting_change *change;
	size_t count = 0;

	if (!command_parse(payload, &head, &body) || !is_change(&head, &body))
		return;
	TAILQ_FOREACH(change, &node->changes, link) {
		if (change->session == head.session && change->sequence == head.sequence)
			return;
		count++;
	}
	if (count == CHANGES_MAX)
		return;		/* who asked asks again */
	change = xzalloc(sizeof(*change));
	change->session = head.session;
	change->sequence = head.sequence;
	change->origin = origin;
	change->deadline_ms = node->now.monotonic_ms + CHANGE_WAIT_MS;
	change->payload = blob_ref(payload);
	TAILQ_INSERT_TAIL(&node->changes, change, link);
}

/* The asker learns nothing of what will become of its request: another copy may
 * be on its way. */
static void
refuse(struct node *node, struct waiting_change *change, enum err error, const char *cause)
{
	struct msg_forward_refused message = {
		.session = change->session,
		.sequence = change->sequence,
		.error = (uint16_t)error,
		.cause = slice_text(cause),
		.store_index = store_index(node->replica->store),
	};

	if (change->origin == 0)
		proposals_refused(node, &message);
	else
		msg_forward_refused_frame(node->io.peer_out(node->io.argument), change->origin,
		    &message);
	change_free(node, change);
}

/* An error that says that the change will not be is only true if no late copy of
 * the request can bring it about. So it goes into the log, the session remembers
 * it, and the change stays at the head of the queue until it is applied, however long
 * that takes: a copy must not be taken behind it. */
static void
decline(struct node *node, struct waiting_change *change, const struct command_head *head,
    enum err error, const char *cause)
{
	struct command_refused refused = {
		.error = (uint16_t)error,
		.cause = slice_text(cause),
	};
	struct blob *payload = command_new_refused(change->session, change->sequence, head->low,
	    &refused);
	struct raft_position position;

	if (raft_propose(node->raft, payload, &position) == ERR_NONE)
		change->decided_index = position.index;
	blob_unref(&payload);
}

/* The log takes it, or it has to wait, or it never can. */
static void
propose_change(struct node *node, struct waiting_change *change, const struct command_head *head,
    enum raft_conf_op op, peer_id peer, struct blob *payload)
{
	struct raft_position position;

	switch (raft_propose_conf(node->raft, op, peer, payload, &position)) {
	case ERR_NONE:
		change_free(node, change);
		return;
	case ERR_INVALID:
		if (op == RAFT_CONF_REMOVE && head->kind == COMMAND_PLACE)
			decline(node, change, head, ERR_INVALID,
			    "the last voting member cannot be removed");
		else if (op == RAFT_CONF_REMOVE)
			refuse(node, change, ERR_RAFT_INTERNAL,
			    "the last voting member cannot be removed");
		else
			decline(node, change, head, ERR_NO_MORE_PEER, "");
		return;
	default:
		return;
	}
}

/* The command with the head of what was asked, so that its outcome is found. */
static struct blob *
payload_for(const struct waiting_change *change, const struct command_head *head,
    const struct command_member *member)
{
	return command_new_member(change->session, change->sequence, head->low, member);
}

/* A member that was started again with its own identity: nothing but, maybe,
 * an address is new. */
static void
rejoin(struct node *node, struct waiting_change *change, const struct command_head *head,
    const struct command_member *m)
{
	struct command_member update = *m;
	struct raft_position position;
	struct blob *payload;

	update.op = MEMBER_UPDATE;
	payload = payload_for(change, head, &update);
	if (raft_propose(node->raft, payload, &position) == ERR_NONE)
		change_free(node, change);
	blob_unref(&payload);
}

/* The name belongs to a machine that lost its data: take the old id out for good,
 * since it has a successor. The registry entry stays; the join goes on once that
 * is applied. */
static void
replace(struct node *node, const struct member *old)
{
	struct command_member remove = { .op = MEMBER_FORGET, .id = old->id };
	struct blob *payload = command_new_member(0, 0, 0, &remove);
	struct raft_position position;

	if (raft_propose_conf(node->raft, RAFT_CONF_REMOVE, old->id, payload, &position) ==
	    ERR_NONE)
		node_note(node, DIAG_INFO, "member is being replaced name=%s id=%016" PRIx64,
		    old->name, old->id);
	blob_unref(&payload);
}

bool
node_hears(const struct node *node, peer_id id)
{
	return id == node->id ||
	    raft_heard_ago(node->raft, id) < 2 * node->config.election_ms;
}

/* Where a joiner has to have a place, or the rest is kept for those who have one. */
static bool
has_room(struct node *node, struct waiting_change *change, const struct command_head *head,
    const struct command_member *m)
{
	const struct members *members = &node->replica->members;
	const struct cluster_config *config = &node->replica->config;
	bool placed = places_open_at(&members->places, m->peer_url) != NULL;
	size_t kept = placed ? 0 : places_open_count(&members->places);
	char cause[64];

	if (!placed && config->strict_members == CONFIG_YES) {
		decline(node, change, head, ERR_NO_MORE_PEER, JOIN_NO_PLACE_CAUSE);
		return false;
	}
	if (members->count + kept < config->active_size)
		return true;
	snprintf(cause, sizeof(cause), "active size %" PRIu64, config->active_size);
	decline(node, change, head, ERR_NO_MORE_PEER, cause);
	return false;
}

static void
step_join(struct node *node, struct waiting_change *change, const struct command_head *head,
    const struct command_member *m)
{
	const struct member *same_id = members_find(&node->replica->members, m->id);
	const struct member *same_name = members_named(&node->replica->members, m->name);
	const struct member *same_url = members_sharing_url(&node->replica->members, m->peer_url,
	    NULL);
	char cause[NAME_BYTES_MAX + URL_BYTES_MAX + 2];

	if (members_was_removed(&node->replica->members, m->id)) {
		refuse(node, change, ERR_RAFT_INTERNAL,
		    members_was_forgotten(&node->replica->members, m->id) ?
		    JOIN_FORGOTTEN_CAUSE : JOIN_REMOVED_CAUSE);
		return;
	}
	if (same_id != NULL && same_id == same_name &&
	    (same_url == NULL || same_url == same_id)) {
		rejoin(node, change, head, m);
	} else if (same_url != NULL && same_url != same_name) {
		decline(node, change, head, ERR_PEER_ADDRESS_EXISTS, same_url->peer_url);
	} else if (same_name != NULL && node_hears(node, same_name->id)) {
		snprintf(cause, sizeof(cause), "%s %s", same_name->name, same_name->peer_url);
		decline(node, change, head, ERR_KEY_EXISTS, cause);
	} else if (same_name != NULL && node->replica->config.strict_members == CONFIG_YES) {
		decline(node, change, head, ERR_NO_MORE_PEER, JOIN_NO_PLACE_CAUSE);
	} else if (same_name != NULL) {
		replace(node, same_name);
	} else if (same_id != NULL) {
		decline(node, change, head, ERR_KEY_EXISTS, same_id->name);
	} else if (has_room(node, change, head, m)) {
		propose_change(node, change, head, RAFT_CONF_ADD_LEARNER, m->id, change->payload);
	}
}

static void
step_remove(struct node *node, struct waiting_change *change, const struct command_head *head,
    const struct command_member *m)
{
	const struct member *member = members_named(&node->replica->members, m->name);
	struct command_member remove;
	char cause[NAME_BYTES_MAX + 1];
	struct blob *payload;

	if (member == NULL) {
		snprintf(cause, sizeof(cause), "%.*s", SLICE_ARGS(m->name));
		decline(node, change, head, ERR_KEY_NOT_FOUND, cause);
		return;
	}
	remove = (struct command_member){
		.op = m->op,
		.id = member->id,
		.name = m->name,
	};
	payload = payload_for(change, head, &remove);
	propose_change(node, change, head, RAFT_CONF_REMOVE, member->id, payload);
	blob_unref(&payload);
}

/* What is to become of it is decided when it is applied, but for a member that is to go: that
 * changes the configuration. */
static void
step_place(struct node *node, struct waiting_change *change, const struct command_head *head,
    struct reader *body)
{
	const struct member *member = NULL;
	struct raft_position position;
	struct command_place p;

	if (!command_place_get(body, &p)) {
		refuse(node, change, ERR_RAFT_INTERNAL, "malformed command");
		return;
	}
	if (p.op == PLACE_REMOVE)
		member = members_shown_as(&node->replica->members, p.id);
	if (member != NULL)
		propose_change(node, change, head, RAFT_CONF_REMOVE, member->id, change->payload);
	else if (raft_propose(node->raft, change->payload, &position) == ERR_NONE)
		change->decided_index = position.index;
}

static void
step_change(struct node *node, struct waiting_change *change)
{
	const struct request_result *known;
	struct raft_position position;
	struct command_head head;
	struct command_member m;
	struct reader body;

	if (change->decided_index != 0) {
		if (change->decided_index <= node->applied.index)
			change_free(node, change);
		return;
	}
	if (!command_parse(change->payload, &head, &body)) {
		refuse(node, change, ERR_RAFT_INTERNAL, "malformed command");
		return;
	}
	/* A copy of one that took effect must not move the configuration again:
	 * its name may be another node's by now. As a plain command it only
	 * brings the first answer to who still waits. */
	if (requests_find(node->replica->requests, head.session, head.sequence, &known) !=
	    REQUEST_NEW) {
		if (raft_propose(node->raft, change->payload, &position) == ERR_NONE)
			change_free(node, change);
		return;
	}
	if (head.kind == COMMAND_PLACE) {
		step_place(node, change, &head, &body);
		return;
	}
	if (!command_member_get(&body, &m) || !reader_done(&body)) {
		refuse(node, change, ERR_RAFT_INTERNAL, "malformed command");
		return;
	}
	switch ((enum member_op)m.op) {
	case MEMBER_JOIN:
		step_join(node, change, &head, &m);
		return;
	case MEMBER_REMOVE:
	case MEMBER_FORGET:
		step_remove(node, change, &head, &m);
		return;
	case MEMBER_UPDATE:
		break;
	}
	refuse(node, change, ERR_RAFT_INTERNAL, "unknown membership change");
}

static void
promote_learners(struct node *node)
{
	struct raft_position position;

	for (size_t i = 0; i < node->replica->members.count; i++) {
		const struct member *member = &node->replica->members.list[i];

		if (member->role != MEMBER_LEARNER || !raft_caught_up(node->raft, member->id))
			continue;
		if (raft_propose_conf(node->raft, RAFT_CONF_PROMOTE, member->id, NULL,
		    &position) == ERR_NONE)
			return;
	}
}

/* What is committed and not yet applied may hold the outcome of a waiting change,
 * which an earlier leader brought about. */
static bool
may_step(const struct node *node)
{
	return raft_can_change_conf(node->raft) &&
	    node->applied.index == raft_commit(node->raft);
}

void
changes_turn(struct node *node)
{
	struct waiting_change *change, *next;

	if (raft_role(node->raft) != RAFT_LEADER) {
		changes_clear(node);
		return;
	}
	for (change = TAILQ_FIRST(&node->changes); change != NULL; change = next) {
		next = TAILQ_NEXT(change, link);
		if (change->decided_index == 0 &&
		    change->deadline_ms <= node->now.monotonic_ms)
			refuse(node, change, ERR_RAFT_INTERNAL, "membership change in progress");
	}
	/* A waiting join goes before a promotion: it has somebody who waits. */
	while (may_step(node) && !TAILQ_EMPTY(&node->changes)) {
		change = TAILQ_FIRST(&node->changes);
		step_change(node, change);
		if (TAILQ_FIRST(&node->changes) == change)
			break;
	}
	if (raft_can_change_conf(node->raft))
		promote_learners(node);
}

uint64_t
changes_deadline(const struct node *node)
{
	const struct waiting_change *change;

	/* They stand in the order of their deadlines; one that is decided waits for the log. */
	TAILQ_FOREACH(change, &node->changes, link)
		if (change->decided_index == 0)
			return change->deadline_ms;
	return UINT64_MAX;
}
