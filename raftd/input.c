/*
 * input.c - what workers and other nodes say, given to the part it concerns.
 *
 * Called between turns, by main.c and the sessions, as frames come. Frames of
 * other nodes are bytes from outside: a bad one is ERR_MALFORMED and changes
 * nothing.
 */
#include "raftd/node_priv.h"

#include "raftd/replica/mvcc/request.h"

/* ---- workers ---------------------------------------------------------------- */

/* What the session table knows of a request, as an answer to it. False: it does not know it. */
static bool
find_answer(const struct node *node, uint64_t session, uint64_t sequence,
    struct waiting_outcome *answer)
{
	const struct request_result *known;

	if (requests_find(node->replica->requests, session, sequence, &known) != REQUEST_KNOWN)
		return false;
	*answer = (struct waiting_outcome){
		.session = session,
		.request_id = sequence,
		.error = known->error,
		.cause = blob_ref(known->cause),
		.event = known->event ?
		    blob_ref(store_event(node->replica->store, known->store_index)) : NULL,
		.store_index = known->store_index,
		.raft_index = known->raft_index,
		.raft_term = known->raft_term,
	};
	return true;
}

/* A repeat that was applied before it could be answered: from the table, with
 * no second way through the log. */
static bool
answer_again(struct node *node, uint64_t session, uint64_t sequence)
{
	struct waiting_outcome answer;

	if (!find_answer(node, session, sequence, &answer))
		return false;
	node_answer(node, answer);
	return true;
}

void
node_write(struct node *node, uint64_t session, uint64_t sequence, bool again,
    const struct msg_write *write)
{
	if (!answer_again(node, session, sequence))
		proposals_add(node, session, sequence,
		    command_new_write(session, sequence, write), false, again);
}

void
node_v3_write(struct node *node, uint64_t session, uint64_t sequence, bool again,
    struct blob *payload)
{
	struct waiting_outcome answer;

	if (!find_answer(node, session, sequence, &answer)) {
		proposals_add(node, session, sequence, payload, false, again);
		return;
	}
	node_v3_answer_write(node, payload, answer);
	blob_unref(&payload);
}

bool
node_v3_is_request(struct slice compares, struct slice ops, bool writes)
{
	struct mvcc_request *request;
	bool right;

	if (compares.size + ops.size > V3_REQUEST_BYTES_MAX ||
	    mvcc_request_new(compares, ops, NULL, &request) != V3_NONE)
		return false;
	right = writes || !mvcc_request_writes(request);
	mvcc_request_free(&request);
	return right;
}

void
node_v3_change(struct node *node, uint64_t session, uint64_t sequence, bool again,
    const struct msg_v3_write *write)
{
	node_v3_write(node, session, sequence, again,
	    command_new_v3_write(session, sequence, write));
}

void
node_v3_compact(struct node *node, uint64_t session, uint64_t sequence, bool again,
    const struct msg_v3_compact *compact)
{
	node_v3_write(node, session, sequence, again,
	    command_new_v3_compact(session, sequence, compact));
}

void
node_v3_grant(struct node *node, uint64_t session, uint64_t sequence, bool again,
    const struct msg_v3_grant *grant)
{
	node_v3_write(node, session, sequence, again,
	    command_new_v3_grant(session, sequence, grant));
}

void
node_v3_revoke(struct node *node, uint64_t session, uint64_t sequence, bool again,
    const struct msg_v3_revoke *revoke)
{
	node_v3_write(node, session, sequence, again,
	    command_new_v3_revoke(session, sequence, revoke));
}

void
node_v3_alarm(struct node *node, uint64_t session, uint64_t sequence, bool again,
    const struct msg_v3_alarm *alarm)
{
	node_v3_write(node, session, sequence, again,
	    command_new_v3_alarm(session, sequence, alarm));
}

void
node_v3_auth_change(struct node *node, uint64_t session, uint64_t sequence, bool again,
    const struct msg_v3_auth_change *change)
{
	node_v3_write(node, session, sequence, again,
	    command_new_v3_auth(session, sequence, change));
}

void
node_v3_read(struct node *node, uint64_t session, uint64_t request_id,
    const struct msg_v3_read *read)
{
	queries_add_v3(node, session, request_id, read);
}

void
node_member_change(struct node *node, uint64_t session, uint64_t sequence, bool again,
    const struct msg_member_change *change)
{
	struct command_member member = {
		.op = change->op,
		.id = change->id,
		.name = change->name,
		.peer_url = change->peer_url,
		.client_url = change->client_url,
	};

	if (!answer_again(node, session, sequence))
		proposals_add(node, session, sequence,
		    command_new_member(session, sequence, change->low, &member), true,
		    again);
}

#define MEMBERS_FIXED "members are not changed at the client port (-member-changes off)"

void
node_place_change(struct node *node, uint64_t session, uint64_t sequence, bool again,
    const struct msg_place_change *change)
{
	struct command_place place = {
		.op = change->op,
		.id = change->id,
		.peer_urls = change->peer_urls,
		.asker = change->asker,
	};

	/* A worker says so to its client before; one that was taken over might not. */
	if (node->config.members_fixed)
		node_answer_error(node, session, sequence, ERR_RAFT_INTERNAL, MEMBERS_FIXED);
	else if (!answer_again(node, session, sequence))
		proposals_add(node, session, sequence,
		    command_new_place(session, sequence, change->low, &place), true, again);
}

void
node_config_change(struct node *node, uint64_t session, uint64_t sequence, bool again,
    bool of_client, const struct msg_config_change *change)
{
	if (of_client && node->config.members_fixed)
		node_answer_error(node, session, sequence, ERR_RAFT_INTERNAL, MEMBERS_FIXED);
	else if (!answer_again(node, session, sequence))
		proposals_add(node, session, sequence,
		    command_new_config(session, sequence, change->low, change->items), false,
		    again);
}

void
node_auth_change(struct node *node, uint64_t session, uint64_t sequence, bool again,
    const struct msg_auth_change *change)
{
	if (!answer_again(node, session, sequence))
		proposals_add(node, session, sequence,
		    command_new_auth(session, sequence, change), false, again);
}

void
node_read(struct node *node, uint64_t session, uint64_t request_id, const struct msg_read *read)
{
	queries_add(node, session, request_id, read);
}

/* Would one worker's part leave too little to the others, who have the rest of all? Of what
 * they leave it leaves some: so several that take all they get do, too. */
bool
node_takes_too_much(uint64_t own, uint64_t all, uint64_t most)
{
	uint64_t others = all - MIN_OF(own, all);
	uint64_t left = most - MIN_OF(others, most);

	return own >= left - left / SESSION_WATCHES_SHARE;
}

/* Why that session may have no further watch; NULL: it may. */
static const char *
watch_refusal(const struct node *node, uint64_t session)
{
	const struct store *store = node->replica->store;
	uint64_t most = node->config.watches_max;
	uint64_t bytes_most = WATCH_BYTES_BASE + most * WATCH_BYTES_EACH;
	size_t count = store_watch_count(store), bytes = store_watch_bytes(store);

	if (count >= most)
		return "too many watches";
	if (bytes >= bytes_most)
		return "too many watches of long keys";
	if (node->client_workers <= 1)
		return NULL;
	if (node_takes_too_much(store_watch_count_of(store, session), count, most))
		return "too many watches of one worker";
	/* What paths take that several watch is counted for each, since it goes with the last one
	 * of them, whoever that is: so this counts only where there is little left. */
	if (bytes >= bytes_most - bytes_most / SESSION_WATCHES_SHARE &&
	    node_takes_too_much(store_watch_bytes_of(store, session), bytes, bytes_most))
		return "too many watches of long keys of one worker";
	return NULL;
}

void
node_lock_look(struct node *node, uint64_t session, uint64_t request_id,
    const struct msg_lock_look *look)
{
	queries_add_look(node, session, request_id, look);
}

void
node_read_more(struct node *node, uint64_t session, uint64_t request_id)
{
	views_more(node, session, request_id);
	node_v3_more(node, session, request_id);
}

bool
node_read_stop(struct node *node, uint64_t session, uint64_t request_id)
{
	return views_stop(node, session, request_id) ||
	    node_v3_stop(node, session, request_id);
}

bool
node_reads_end(struct node *node)
{
	bool listings = views_end(node);

	return node_v3_end(node) || listings;
}

void
node_watch(struct node *node, uint64_t session, uint64_t watch_id, const struct msg_watch *watch)
{
	const char *refusal = watch_refusal(node, session);
	struct msg_watching answer = {
		.store_index = store_index(node->replica->store),
		.raft_index = node->applied.index,
		.raft_term = raft_current_term(node->raft),
	};
	struct blob *cause = NULL;
	bool behind = false;

	if (refusal != NULL) {
		answer.error = ERR_RAFT_INTERNAL;
		cause = blob_new(slice_text(refusal));
	} else {
		answer.error = (uint16_t)store_watch(node->replica->store, session, watch_id,
		    watch->key, watch->flags, watch->since, &behind, &cause);
	}
	answer.behind = behind;
	answer.cause = blob_slice(cause);
	node->io.watching(node->io.argument, session, watch_id, &answer);
	blob_unref(&cause);
}

void
node_watch_more(struct node *node, uint64_t session, uint64_t watch_id)
{
	store_watch_more(node->replica->store, session, watch_id);
}

void
node_watch_taken(struct node *node, uint64_t session, uint64_t past_bytes)
{
	store_watch_taken(node->replica->store, session, past_bytes);
}

void
node_unwatch(struct node *node, uint64_t session, uint64_t watch_id)
{
	store_unwatch(node->replica->store, session, watch_id);
}

void
node_stats(struct node *node, uint64_t session, uint64_t request_id, uint8_t kind)
{
	followers_stats(node, session, request_id, kind);
}

void
node_backup_ask(struct node *node, uint64_t session, uint64_t request_id, uint64_t sequence,
    bool of_clients)
{
	backups_ask(node, session, request_id, sequence, of_clients);
}

void
node_backup_stop(struct node *node, uint64_t session, uint64_t request_id)
{
	backups_stop(node, session, request_id);
}

void
node_set_workers(struct node *node, size_t count)
{
	node->client_workers = count;
}

void
node_session_gone(struct node *node, uint64_t session)
{
	store_unwatch_all(node->replica->store, session);
	proposals_session_gone(node, session);
	queries_session_gone(node, session);
	views_session_gone(node, session);
	node_v3_session_gone(node, session);
	node_v3_watches_gone(node, session);
	node_v3_states_session_gone(node, session);
	node_lease_asks_session_gone(node, session);
	backups_session_gone(node, session);
}

void
node_joined(struct node *node, const struct msg_joined *joined)
{
	if (node->cluster_id != 0 || joined->cluster_id == 0 ||
	    members_decode(&node->joined_with, joined->members) != ERR_NONE)
		return;
	node->standby = false;
	node->belonged = true;
	node->cluster_id = joined->cluster_id;
	node->written_cluster_id = joined->cluster_id;
	node->status_due = true;
	node_note(node, DIAG_INFO, "joined cluster=%016" PRIx64, joined->cluster_id);
}

void
node_standby(struct node *node, struct slice leader_url)
{
	if (node->cluster_id != 0)
		return;
	node->standby = true;
	snprintf(node->standby_url, sizeof(node->standby_url), "%.*s", SLICE_ARGS(leader_url));
	node->status_due = true;
}

void
node_join_removed(struct node *node, bool forgotten)
{
	if (node->cluster_id != 0)
		return;
	if (forgotten)
		node->told_forgotten = true;
	else
		node->told_removed = true;
}

void
node_peer_unreachable(struct node *node, uint64_t peer)
{
	raft_peer_unreachable(node->raft, peer);
}

/* It was away when it was removed, and no leader sends to it any more. Whoever
 * has applied its removal may tell: its id does not come back. */
static void
tell_removed(struct node *node, peer_id peer)
{
	struct buf *out;

	if (!members_was_removed(&node->replica->members, peer))
		return;
	out = node->io.peer_out(node->io.argument);
	if (members_was_forgotten(&node->replica->members, peer))
		msg_removed_told_frame(out, peer, &(struct msg_removed_told){ .id = peer });
	else
		msg_released_told_frame(out, peer, &(struct msg_released_told){ .id = peer });
}

void
node_peer_connected(struct node *node, uint64_t peer)
{
	raft_peer_connected(node->raft, peer);
	followers_connected(node, peer);
	compact_peer_connected(node, peer);
	tell_removed(node, peer);
	if (peer == raft_leader(node->raft)) {
		proposals_resend(node);
		node_lease_asks_resend(node);
	}
}

void
node_set_limits(struct node *node, uint64_t request_timeout_ms, uint64_t watches_max)
{
	node->config.request_timeout_ms = request_timeout_ms;
	node->config.watches_max = watches_max;
}

/* ---- other nodes ------------------------------------------------------------ */

static void
hear_time(struct node *node, const struct raft_message *message)
{
	if (message->type == RAFT_HEARTBEAT && message->from == raft_leader(node->raft) &&
	    message->term == raft_current_term(node->raft))
		cluster_time_heard(&node->time, message->time_ns);
}

static enum err
on_forward_proposal(struct node *node, const struct frame *frame,
    const struct msg_forward_proposal *m)
{
	return proposals_forwarded(node, frame->request_id, m);
}

static enum err
on_forward_refused(struct node *node, const struct frame *frame UNUSED,
    const struct msg_forward_refused *m)
{
	if (m->cause.size > CAUSE_BYTES_MAX)
		return ERR_MALFORMED;
	proposals_refused(node, m);
	return ERR_NONE;
}

static enum err
on_removed_told(struct node *node, const struct frame *frame UNUSED,
    const struct msg_removed_told *m)
{
	if (m->id != node->id)
		return ERR_MALFORMED;
	node->told_forgotten = true;
	return ERR_NONE;
}

static enum err
on_released_told(struct node *node, const struct frame *frame UNUSED,
    const struct msg_released_told *m)
{
	if (m->id != node->id)
		return ERR_MALFORMED;
	node->told_removed = true;
	return ERR_NONE;
}

static enum err
on_condition_ask(struct node *node, const struct frame *frame, const struct msg_condition_ask *m)
{
	conditions_asked(node, frame->request_id, m->asked_ns);
	return ERR_NONE;
}

static enum err
on_condition(struct node *node, const struct frame *frame, const struct msg_condition *m)
{
	return conditions_heard(node, frame->request_id, m);
}

static enum err
on_lease_ask(struct node *node, const struct frame *frame, const struct msg_lease_ask *m)
{
	return node_lease_asks_asked(node, frame->request_id, m);
}

static enum err
on_lease_told(struct node *node, const struct frame *frame UNUSED, const struct msg_lease_told *m)
{
	node_lease_asks_told(node, m);
	return ERR_NONE;
}

static enum err
on_snapshot_chunk(struct node *node, const struct frame *frame,
    const struct msg_snapshot_chunk *m)
{
	compact_chunk(node, frame->request_id, m);
	return ERR_NONE;
}

static enum err
on_snapshot_credit(struct node *node, const struct frame *frame,
    const struct msg_snapshot_credit *m)
{
	compact_credit(node, frame->request_id, m);
	return ERR_NONE;
}

#define DISPATCH_TO struct node
#define TO_NODE DISPATCH_ROW
#include "common/ipc/dispatch_define.h"

/* A message of the core's. */
static enum err
step(struct node *node, const struct frame *frame)
{
	enum err err = outbox_decode(&node->inbox, frame, node->id);

	if (err == ERR_NONE) {
		followers_heard(node, &node->inbox.message);
		raft_step(node->raft, &node->inbox.message);
		hear_time(node, &node->inbox.message);
	}
	inbox_release(&node->inbox);
	return err;
}

enum err
node_peer_frame(struct node *node, const struct frame *frame)
{
	if (frame->request_id == 0 || frame->request_id == node->id)
		return ERR_MALFORMED;
	/* Others than campaigners have nothing to say once they are removed. */
	if (frame->type == MSG_raft_vote)
		tell_removed(node, frame->request_id);
	if (outbox_takes(frame->type))
		return step(node, frame);
	return dispatch(node, FROM_NODE, frame);
}
