/*
 * propose.c - clients waiting for a commit, on the leader and on followers.
 *
 * A follower's proposal travels to the leader as it stands in the log, with
 * session and sequence in it, and is answered when it is applied here: so a
 * client reads its own writes on the node it wrote to. Nothing is lost or done
 * twice by sending it again: apply drops what it has seen.
 */
#include "raftd/node_priv.h"

#include "common/cause.h"
#include "common/xmem.h"

#include <inttypes.h>
#include <stdlib.h>

/* A forwarded proposal that was not applied by then is sent again. */
#define FORWARD_RETRY_MS 1000
/* Our own changed address is proposed again as often. */
#define UPDATE_RETRY_MS 500

static struct slice
id_key(const uint64_t id[2])
{
	return slice_of(id, 2 * sizeof(id[0]));
}

static bool
match(const struct hash_link *link, struct slice key)
{
	const struct proposal *proposal = CONTAINER_OF(link, struct proposal, link);

	return slice_equal(id_key(proposal->id), key);
}

void
proposals_init(struct proposals *proposals, uint64_t seed)
{
	hash_init(&proposals->by_id, seed, match);
	TAILQ_INIT(&proposals->all);
	TAILQ_INIT(&proposals->pending);
	TAILQ_INIT(&proposals->submitted);
	STAILQ_INIT(&proposals->forwarded);
}

static void
forwarded_free(struct proposals *proposals)
{
	struct forwarded *forwarded = STAILQ_FIRST(&proposals->forwarded);

	STAILQ_REMOVE_HEAD(&proposals->forwarded, link);
	proposals->forwarded_bytes -= forwarded->payload->size;
	blob_unref(&forwarded->payload);
	free(forwarded);
}

/* Sessions are few. NULL: it has none under way. */
static struct proposal_share *
share_of(const struct proposals *proposals, uint64_t session)
{
	for (size_t i = 0; i < proposals->share_count; i++)
		if (proposals->shares[i].session == session)
			return &proposals->shares[i];
	return NULL;
}

static void
share_add(struct proposals *proposals, uint64_t session, size_t bytes)
{
	struct proposal_share *share = share_of(proposals, session);

	proposals->bytes += bytes;
	if (share == NULL) {
		proposals->shares = xgrow(proposals->shares, &proposals->share_capacity,
		    proposals->share_count + 1, sizeof(*proposals->shares));
		share = &proposals->shares[proposals->share_count++];
		*share = (struct proposal_share){ .session = session };
	}
	share->bytes += bytes;
}

static void
share_remove(struct proposals *proposals, uint64_t session, size_t bytes)
{
	struct proposal_share *share = share_of(proposals, session);

	ASSERT(share != NULL);
	ASSERT(share->bytes >= bytes);
	proposals->bytes -= bytes;
	share->bytes -= bytes;
	if (share->bytes == 0)
		*share = proposals->shares[--proposals->share_count];
}

/* Is there no room for so many bytes more of that session? */
static bool
is_full(const struct proposals *proposals, uint64_t session, size_t bytes)
{
	const struct proposal_share *share = share_of(proposals, session);

	return proposals->bytes + bytes > PROPOSAL_BYTES_MAX ||
	    (share == NULL ? 0 : share->bytes) + bytes > SESSION_PROPOSAL_BYTES_MAX;
}

static void
to_pending(struct proposals *proposals, struct proposal *proposal)
{
	TAILQ_REMOVE(&proposals->submitted, proposal, by_state);
	proposals->submitted_bytes -= proposal->payload->size;
	TAILQ_INSERT_TAIL(&proposals->pending, proposal, by_state);
	proposal->pending = true;
}

static void
to_submitted(struct proposals *proposals, struct proposal *proposal)
{
	TAILQ_REMOVE(&proposals->pending, proposal, by_state);
	proposals->submitted_bytes += proposal->payload->size;
	TAILQ_INSERT_TAIL(&proposals->submitted, proposal, by_state);
	proposal->pending = false;
	proposal->submitted_once = true;
}

static void
unlink_free(struct proposals *proposals, struct proposal *proposal)
{
	hash_remove(&proposals->by_id, &proposal->link);
	TAILQ_REMOVE(&proposals->all, proposal, by_age);
	share_remove(proposals, proposal->id[0], proposal->payload->size);
	if (!proposal->pending)
		to_pending(proposals, proposal);
	TAILQ_REMOVE(&proposals->pending, proposal, by_state);
	blob_unref(&proposal->payload);
	free(proposal);
}

void
proposals_free(struct proposals *proposals)
{
	while (!TAILQ_EMPTY(&proposals->all))
		unlink_free(proposals, TAILQ_FIRST(&proposals->all));
	while (!STAILQ_EMPTY(&proposals->forwarded))
		forwarded_free(proposals);
	hash_free(&proposals->by_id);
	free(proposals->shares);
}

static struct proposal *
find(const struct proposals *proposals, uint64_t session, uint64_t sequence)
{
	uint64_t id[2] = { session, sequence };
	struct hash_link *link = hash_find(&proposals->by_id, id_key(id));

	return link == NULL ? NULL : CONTAINER_OF(link, struct proposal, link);
}

void
proposals_add(struct node *node, uint64_t session, uint64_t sequence, struct blob *payload,
    bool conf, bool again)
{
	struct proposals *proposals = &node->proposals;
	struct proposal *proposal;

	if (find(proposals, session, sequence) != NULL) {
		blob_unref(&payload);
		return;
	}
	if (payload->size > COMMAND_BYTES_MAX) {
		proposals->failed++;
		node_answer_error(node, session, sequence, ERR_RAFT_INTERNAL,
		    cause_text(CAUSE_ENTRY_TOO_LARGE));
		blob_unref(&payload);
		return;
	}
	if (is_full(proposals, session, payload->size)) {
		proposals->failed++;
		node_answer_error(node, session, sequence, ERR_RAFT_INTERNAL,
		    cause_text(again ? CAUSE_BUSY_AGAIN : CAUSE_BUSY));
		blob_unref(&payload);
		return;
	}
	share_add(proposals, session, payload->size);
	proposal = xzalloc(sizeof(*proposal));
	proposal->id[0] = session;
	proposal->id[1] = sequence;
	proposal->payload = payload;
	proposal->conf = conf;
	proposal->pending = true;
	proposal->started_ns = node->now.monotonic_ns;
	proposal->submitted_once = again;
	proposal->deadline_ms = node->now.monotonic_ms + node->config.request_timeout_ms;
	proposal->leader_deadline_ms = node->now.monotonic_ms + node_leader_wait_ms(node);
	hash_insert(&proposals->by_id, &proposal->link, id_key(proposal->id));
	TAILQ_INSERT_TAIL(&proposals->all, proposal, by_age);
	TAILQ_INSERT_TAIL(&proposals->pending, proposal, by_state);
}

void
proposals_session_gone(struct node *node, uint64_t session)
{
	struct proposal *proposal, *next;

	for (proposal = TAILQ_FIRST(&node->proposals.all); proposal != NULL; proposal = next) {
		next = TAILQ_NEXT(proposal, by_age);
		if (proposal->id[0] == session)
			unlink_free(&node->proposals, proposal);
	}
}

bool
proposals_finish(struct node *node, uint64_t session, uint64_t sequence)
{
	struct proposal *proposal = find(&node->proposals, session, sequence);

	if (proposal == NULL)
		return false;
	if (node->io.took != NULL)
		node->io.took(node->io.argument, NODE_SPAN_PROPOSAL,
		    node->now.monotonic_ns - proposal->started_ns);
	unlink_free(&node->proposals, proposal);
	return true;
}

/* What is in no log yet is not put into one. */
static void
refuse_pending(struct node *node, const char *cause)
{
	struct proposal *proposal, *next;

	for (proposal = TAILQ_FIRST(&node->proposals.pending); proposal != NULL; proposal = next) {
		next = TAILQ_NEXT(proposal, by_state);
		if (proposal->submitted_once)
			continue;
		node->proposals.failed++;
		node_answer_error(node, proposal->id[0], proposal->id[1], ERR_RAFT_INTERNAL, cause);
		unlink_free(&node->proposals, proposal);
	}
}

/* Everything goes again, in the order it came. */
void
proposals_resend(struct node *node)
{
	struct proposals *proposals = &node->proposals;
	struct proposal *proposal;

	TAILQ_INIT(&proposals->pending);
	TAILQ_INIT(&proposals->submitted);
	proposals->submitted_bytes = 0;
	TAILQ_FOREACH(proposal, &proposals->all, by_age) {
		proposal->pending = true;
		TAILQ_INSERT_TAIL(&proposals->pending, proposal, by_state);
	}
}

static void
forward(struct node *node, peer_id leader, struct blob *payload, bool conf)
{
	struct msg_forward_proposal message = {
		.type = conf ? RAFT_ENTRY_CONF : RAFT_ENTRY_COMMAND,
		.payload = blob_slice(payload),
	};

	msg_forward_proposal_frame(node->io.peer_out(node->io.argument), leader, &message);
}

/* At the leader, is so much in work that what comes has to wait? What is applied is counted
 * as long as the log keeps it, which is less than that. */
static bool
log_is_busy(const struct node *node)
{
	return raft_role(node->raft) == RAFT_LEADER &&
	    raft_log_bytes(node->raft) + node->unsynced_bytes >= LOG_WORK_BYTES;
}

static bool
may_submit(const struct node *node)
{
	const struct proposals *proposals = &node->proposals;

	return !log_is_busy(node) && proposals->submitted_bytes < SUBMITTED_BYTES;
}

/* False: not now, keep it pending. */
static bool
submit(struct node *node, struct proposal *proposal)
{
	struct raft_position position;

	/* A repeat: its first copy may be in the log, so it is not refused either. */
	if (raft_role(node->raft) == RAFT_LEADER && disk_refuses(node))
		return false;
	if (raft_role(node->raft) != RAFT_LEADER) {
		forward(node, raft_leader(node->raft), proposal->payload, proposal->conf);
		proposal->retry_ms = node->now.monotonic_ms + FORWARD_RETRY_MS;
		return true;
	}
	proposal->retry_ms = UINT64_MAX;
	if (proposal->conf) {
		changes_add(node, 0, proposal->payload);
		return true;
	}
	return raft_propose(node->raft, proposal->payload, &position) == ERR_NONE;
}

static uint64_t
leader_deadline_ms(const struct node *node, const struct proposal *proposal)
{
	return MAX_OF(proposal->leader_deadline_ms, node->proposals.leader_until_ms);
}

static void
fail_late(struct node *node)
{
	uint64_t now = node->now.monotonic_ms;
	struct proposal *proposal, *next;

	/* A proposal that waits for room has a leader, and from then on may wait for another
	 * one. For all alike: the one that came first is late first. */
	if (node->proposals.held)
		node->proposals.leader_until_ms = now + node_leader_wait_ms(node);
	for (proposal = TAILQ_FIRST(&node->proposals.all);
	    proposal != NULL &&
	    (proposal->deadline_ms <= now || leader_deadline_ms(node, proposal) <= now);
	    proposal = next) {
		next = TAILQ_NEXT(proposal, by_age);
		if ((proposal->submitted_once || node->proposals.held) &&
		    proposal->deadline_ms > now)
			continue;
		node->proposals.failed++;
		node_answer_error(node, proposal->id[0], proposal->id[1], ERR_RAFT_INTERNAL,
		    cause_text(proposal->submitted_once ? CAUSE_LATE :
			node->proposals.held ? CAUSE_BUSY : CAUSE_LEADERLESS));
		unlink_free(&node->proposals, proposal);
	}
}

static void
retry_forwarded(struct node *node)
{
	struct proposals *proposals = &node->proposals;
	struct proposal *proposal, *next;

	for (proposal = TAILQ_FIRST(&proposals->submitted);
	    proposal != NULL && proposal->retry_ms <= node->now.monotonic_ms; proposal = next) {
		next = TAILQ_NEXT(proposal, by_state);
		to_pending(proposals, proposal);
	}
}

/* A member that has said its client address has data, for all who ask (httpd/peer/gather.c): so
 * one that has just begun says nothing before that is on its disk. And what a client has said of
 * it since this start counts more than its options. */
static bool
may_update(const struct node *node)
{
	return node_has_leader(node) && !(node->fresh && node->synced_ticket == 0) &&
	    !node->proposals.address_is_given &&
	    members_find(&node->replica->members, node->id) != NULL;
}

/* Our address in the registry is not the one we have: ask until it is. */
static void
update_own_address(struct node *node)
{
	const struct member *self = members_find(&node->replica->members, node->id);
	struct command_member update;
	struct raft_position position;
	struct blob *payload;

	if (!may_update(node) || node->proposals.update_retry_ms > node->now.monotonic_ms)
		return;
	if (strcmp(self->peer_url, node->config.peer_url) == 0 &&
	    strcmp(self->client_url, node->config.client_url) == 0) {
		node->proposals.update_retry_ms = UINT64_MAX;
		return;
	}
	update = (struct command_member){
		.op = MEMBER_UPDATE,
		.id = node->id,
		.name = slice_text(node->name),
		.peer_url = slice_text(node->config.peer_url),
		.client_url = slice_text(node->config.client_url),
	};
	payload = command_new_member(0, 0, 0, &update);
	if (raft_role(node->raft) != RAFT_LEADER)
		forward(node, raft_leader(node->raft), payload, false);
	else if (raft_propose(node->raft, payload, &position) != ERR_NONE)
		node_note(node, DIAG_DEBUG, "own address not proposed yet");
	blob_unref(&payload);
	node->proposals.update_retry_ms = node->now.monotonic_ms + UPDATE_RETRY_MS;
}

/* Another copy of it may be in a log: nobody can say that it was not applied. With
 * a successor at hand it is left to come again, there. */
static void
refuse_forwarded(struct node *node, const struct forwarded *forwarded)
{
	struct command_head head;
	struct reader body;

	if (raft_has_successor(node->raft) || forwarded->from == 0 ||
	    !command_parse(forwarded->payload, &head, &body) || head.session == 0)
		return;
	msg_forward_refused_frame(node->io.peer_out(node->io.argument), forwarded->from,
	    &(struct msg_forward_refused){
	    .session = head.session,
	    .sequence = head.sequence,
	    .error = ERR_RAFT_INTERNAL,
	    .cause = slice_text(cause_text(CAUSE_LEADER_DISK_FULL)),
	    .store_index = store_index(node->replica->store),
	});
}

/* What other nodes sent since the last turn; a TTL counts from now at the earliest. */
static void
take_forwarded(struct node *node)
{
	struct forwarded *forwarded;
	struct raft_position position;

	while ((forwarded = STAILQ_FIRST(&node->proposals.forwarded)) != NULL) {
		if (log_is_busy(node)) {
			node->proposals.held = true;
			return;
		}
		if (disk_refuses(node) && raft_role(node->raft) == RAFT_LEADER) {
			refuse_forwarded(node, forwarded);
			forwarded_free(&node->proposals);
			continue;
		}
		/* Not taken: its sender finds the leader and sends it again. */
		if (raft_propose(node->raft, forwarded->payload, &position) != ERR_NONE)
			node_note(node, DIAG_DEBUG, "forwarded proposal has to come again");
		forwarded_free(&node->proposals);
	}
}

void
proposals_turn(struct node *node)
{
	struct proposals *proposals = &node->proposals;
	raft_term term = raft_current_term(node->raft);
	peer_id leader = raft_leader(node->raft);
	struct proposal *proposal;
	const char *cause;

	if (term != proposals->term || leader != proposals->leader) {
		if (leader != 0)
			proposals_resend(node);
		proposals->term = term;
		proposals->leader = leader;
	}
	proposals->held = false;
	take_forwarded(node);
	retry_forwarded(node);
	cause = node_refusal_cause(node);
	if (cause != NULL)
		refuse_pending(node, cause);
	if (node_has_leader(node)) {
		while ((proposal = TAILQ_FIRST(&proposals->pending)) != NULL) {
			if (!may_submit(node)) {
				proposals->held = true;
				break;
			}
			if (!submit(node, proposal))
				break;
			to_submitted(proposals, proposal);
		}
	}
	update_own_address(node);
	fail_late(node);
}

uint64_t
proposals_deadline(const struct node *node)
{
	const struct proposal *oldest = TAILQ_FIRST(&node->proposals.all);
	const struct proposal *pending = TAILQ_FIRST(&node->proposals.pending);
	const struct proposal *forwarded = TAILQ_FIRST(&node->proposals.submitted);
	uint64_t due = UINT64_MAX;

	/* There may be room since they were looked at. */
	if (node->proposals.held && may_submit(node))
		return 0;
	if (oldest != NULL)
		due = oldest->deadline_ms;
	if (pending != NULL && !pending->submitted_once && !node->proposals.held)
		due = MIN_OF(due, leader_deadline_ms(node, pending));
	if (forwarded != NULL)
		due = MIN_OF(due, forwarded->retry_ms);
	if (may_update(node))
		due = MIN_OF(due, node->proposals.update_retry_ms);
	return due;
}

enum err
proposals_forwarded(struct node *node, peer_id from, const struct msg_forward_proposal *m)
{
	struct forwarded *forwarded;
	struct command_head head;
	struct reader body;
	struct blob *payload;

	if (m->payload.size > COMMAND_BYTES_MAX)
		return ERR_MALFORMED;
	if (raft_role(node->raft) != RAFT_LEADER ||
	    node->proposals.forwarded_bytes + m->payload.size > FORWARDED_BYTES_MAX)
		return ERR_NONE; /* its sender will find the leader and send again */
	payload = blob_new(m->payload);
	if (!command_parse(payload, &head, &body)) {
		node_note(node, DIAG_WARN, "forwarded proposal is malformed from=%016" PRIx64,
		    from);
	} else if (m->type == RAFT_ENTRY_CONF) {
		changes_add(node, from, payload);
	} else {
		forwarded = xmalloc(sizeof(*forwarded));
		forwarded->from = from;
		forwarded->payload = blob_ref(payload);
		node->proposals.forwarded_bytes += payload->size;
		STAILQ_INSERT_TAIL(&node->proposals.forwarded, forwarded, link);
	}
	blob_unref(&payload);
	return ERR_NONE;
}

void
proposals_refused(struct node *node, const struct msg_forward_refused *m)
{
	enum err error = err_from_number(m->error);

	if (!proposals_finish(node, m->session, m->sequence))
		return;
	node_answer(node, (struct waiting_outcome){
	    .session = m->session,
	    .request_id = m->sequence,
	    .error = err_is_api(error) ? error : ERR_RAFT_INTERNAL,
	    .cause = m->cause.size == 0 ? NULL : blob_new(m->cause),
	    .store_index = m->store_index,
	    .raft_index = node->applied.index,
	    .raft_term = node->applied.term,
	});
}
