/*
 * compact.c - how much log to keep; sending and installing snapshots, chunk by
 * chunk.
 *
 * The applied state is always on disk, so trimming costs nothing but deletes,
 * and a peer that is too far behind gets an image of that state.
 *
 *	sender:   core asks --image opened--> reading --chunk--> sent --credit--> reading ...
 *	          last chunk has credit DONE --> the core is told
 *	          no credit in time, or chunks known to be lost --> again
 *	receiver: chunk 0 --> a second replica is built, records go to the next
 *	          generation on disk; last chunk --> both become current at once,
 *	          in memory by one pointer, on the disk by one batch.
 *
 * The receiver's credits wait for the disk, so a slow disk slows the sender.
 * Memory holds the new replica as a whole beside the old one while it comes, and whatever
 * is wrong with it leaves the old one as it is.
 * A chunk that is lost, doubled or of another snapshot than the one under way
 * ends or is ignored; the sender starts over.
 */
#include "raftd/node_priv.h"

#include "common/crc32c.h"

/* A snapshot without progress for this long is given up, at both ends. */
#define SNAPSHOT_WAIT_MS 10000
/* For the sake of slow followers up to so many times -snapshot-count entries stay. */
#define HELD_FACTOR_MAX 64

/* ---- trimming --------------------------------------------------------------- */

/* What followers that live still need, or will when their snapshot is
 * installed: trimmed faster than it is sent, they would need another, for ever. */
static raft_index
needed_from(const struct node *node)
{
	raft_index needed = UINT64_MAX;

	for (size_t i = 0; i < SNAPSHOT_SENDINGS_MAX; i++)
		if (node->compaction.sendings[i].peer != 0)
			needed = MIN_OF(needed, node->compaction.sendings[i].position.index);
	if (raft_role(node->raft) != RAFT_LEADER)
		return needed;
	for (size_t i = 0; i < node->replica->members.count; i++) {
		peer_id id = node->replica->members.list[i].id;

		if (id != node->id &&
		    raft_heard_ago(node->raft, id) < 2 * node->config.election_ms)
			needed = MIN_OF(needed, raft_match(node->raft, id));
	}
	return needed;
}

raft_index
compact_target(const struct node *node)
{
	uint64_t keep = node->config.trim_entries;
	raft_index applied = node->stored, target;

	if (!node->config.trim_log || applied < node->compaction.compacted + 2 * keep)
		return 0;
	target = MIN_OF(applied - keep, needed_from(node));
	if (applied > HELD_FACTOR_MAX * keep)
		target = MAX_OF(target, applied - HELD_FACTOR_MAX * keep);
	return target > node->compaction.compacted ? target : 0;
}

/* ---- sending ---------------------------------------------------------------- */

static struct snapshot_sending *
sending_to(struct node *node, peer_id peer)
{
	for (size_t i = 0; i < SNAPSHOT_SENDINGS_MAX; i++)
		if (node->compaction.sendings[i].peer == peer)
			return &node->compaction.sendings[i];
	return NULL;
}

static void
sending_end(struct node *node, struct snapshot_sending *sending, raft_index index)
{
	peer_id peer = sending->peer;

	node->io.snapshot_end(node->io.argument, sending->snapshot);
	node->compaction.sent += index != 0;
	*sending = (struct snapshot_sending){ 0 };
	raft_snapshot_sent(node->raft, peer, index);
}

static void
read_next(struct node *node, struct snapshot_sending *sending)
{
	if (sending->reading || sending->ended ||
	    sending->next - sending->taken >= SNAPSHOT_CHUNK_WINDOW)
		return;
	sending->reading = true;
	node->io.snapshot_read(node->io.argument, sending->snapshot, SNAPSHOT_CHUNK_BYTES);
}

void
compact_send(struct node *node, peer_id peer)
{
	struct snapshot_sending *sending = sending_to(node, 0);

	if (sending_to(node, peer) != NULL)
		return;
	if (sending == NULL) {
		raft_snapshot_sent(node->raft, peer, 0);
		return;
	}
	*sending = (struct snapshot_sending){
		.peer = peer,
		.snapshot = node->io.snapshot_begin(node->io.argument),
		.deadline_ms = node->now.monotonic_ms + SNAPSHOT_WAIT_MS,
	};
	node_note(node, DIAG_INFO, "snapshot is being sent to=%016" PRIx64, peer);
	read_next(node, sending);
}

void
compact_read(struct node *node, uint64_t snapshot, struct raft_position position,
    struct slice records, bool last)
{
	struct snapshot_sending *sending = NULL;
	struct msg_snapshot_chunk chunk;

	for (size_t i = 0; i < SNAPSHOT_SENDINGS_MAX; i++)
		if (node->compaction.sendings[i].peer != 0 &&
		    node->compaction.sendings[i].snapshot == snapshot)
			sending = &node->compaction.sendings[i];
	/* A chunk names its sender the leader of its term: one deposed since it
	 * asked the disk must not send it under the new term. */
	if (sending == NULL || raft_role(node->raft) != RAFT_LEADER)
		return;
	sending->reading = false;
	sending->position = position;
	chunk = (struct msg_snapshot_chunk){
		.term = raft_current_term(node->raft),
		.snapshot_index = position.index,
		.snapshot_term = position.term,
		.sequence = sending->next,
		.last = last,
		.records = records,
		.checksum = crc32c(0, records),
	};
	msg_snapshot_chunk_frame(node->io.peer_out(node->io.argument), sending->peer, &chunk);
	sending->next++;
	sending->ended = last;
	read_next(node, sending);
}

void
compact_lost(struct node *node, uint64_t snapshot)
{
	for (size_t i = 0; i < SNAPSHOT_SENDINGS_MAX; i++) {
		struct snapshot_sending *sending = &node->compaction.sendings[i];

		if (sending->peer != 0 && sending->snapshot == snapshot)
			sending->lost = true;
	}
}

void
compact_credit(struct node *node, peer_id from, const struct msg_snapshot_credit *credit)
{
	struct snapshot_sending *sending = from == 0 ? NULL : sending_to(node, from);

	if (sending == NULL)
		return;
	/* Started anew, it knows of no snapshot and names none. */
	if (credit->state == SNAPSHOT_FAILED && credit->snapshot_index == 0)
		sending->lost = true;
	if (credit->snapshot_index != sending->position.index)
		return;
	switch (credit->state) {
	case SNAPSHOT_DONE:
		if (sending->ended)
			sending_end(node, sending, sending->position.index);
		return;
	case SNAPSHOT_FAILED:
		sending_end(node, sending, 0);
		return;
	case SNAPSHOT_TAKING:
		if (credit->sequence > sending->taken && credit->sequence <= sending->next) {
			sending->taken = credit->sequence;
			sending->deadline_ms = node->now.monotonic_ms + SNAPSHOT_WAIT_MS;
		}
		read_next(node, sending);
		return;
	default:
		return;
	}
}

/* ---- installing ------------------------------------------------------------- */

static void
install_drop(struct install *install)
{
	replica_free(&install->replica);
	*install = (struct install){ 0 };
}

static void
send_credit(struct node *node, uint64_t ticket, const struct install *install,
    enum snapshot_state state)
{
	struct msg_snapshot_credit credit = {
		.term = raft_current_term(node->raft),
		.snapshot_index = install->position.index,
		.sequence = install->next,
		.state = (uint8_t)state,
	};

	msg_snapshot_credit_frame(node_after(node, ticket), install->from, &credit);
}

static enum err
load_records(struct install *install, struct slice records)
{
	struct reader in = reader_of(records);
	struct state_record record;
	enum err err = ERR_NONE;

	while (err == ERR_NONE && !reader_done(&in)) {
		if (!state_record_get(&in, &record))
			return ERR_MALFORMED;
		err = replica_load(install->replica, record.key, record.value);
	}
	return err;
}

/* The new replica is the node's from here on; who keeps something of the state is told. */
static void
take_place(struct node *node, struct install *install)
{
	struct replica *old = node->replica;

	replica_adopt(install->replica, old);
	node->replica = install->replica;
	install->replica = NULL;
	replica_free(&old);
	node->applied = install->position;
	node->compaction.compacted = install->position.index;
	node->members_told = false;
	node->told_after = 0;
	node->status_due = true;
	submit_replaced(node, install->position.index);
	announce_replaced(node);
}

/* The new state becomes ours, in memory now and on disk by one batch; what is
 * sent after this waits for that batch. */
static void
install_commit(struct node *node)
{
	struct install *install = &node->compaction.install;
	struct raft_conf conf;
	const char *where;
	bool keep;
	uint64_t ticket;

	if (replica_loaded(install->replica, &where) != ERR_NONE ||
	    !raft_wants_snapshot(node->raft, install->position, install->term)) {
		send_credit(node, 0, install, SNAPSHOT_FAILED);
		install_drop(install);
		return;
	}
	keep = raft_term_at(node->raft, install->position.index) == install->position.term;
	members_conf(&install->replica->members, &conf);
	ticket = node->io.install_commit(node->io.argument, install->position, keep);
	raft_snapshot_installed(node->raft, install->position, &conf);
	send_credit(node, ticket, install, SNAPSHOT_DONE);
	node->compaction.received++;
	node_note(node, DIAG_INFO, "snapshot installed index=%" PRIu64 " term=%" PRIu64,
	    install->position.index, install->position.term);

	take_place(node, install);
	install_drop(install);
}

static void
install_begin(struct node *node, peer_id from, const struct msg_snapshot_chunk *chunk)
{
	struct install *install = &node->compaction.install;

	install_drop(install);
	*install = (struct install){
		.from = from,
		.position = { chunk->snapshot_index, chunk->snapshot_term },
		.term = chunk->term,
		.replica = replica_new(node->config.seed),
	};
	node->io.install_begin(node->io.argument);
	node_note(node, DIAG_INFO, "snapshot is being received from=%016" PRIx64 " index=%" PRIu64,
	    from, chunk->snapshot_index);
}

void
compact_chunk(struct node *node, peer_id from, const struct msg_snapshot_chunk *chunk)
{
	struct install *install = &node->compaction.install;
	struct raft_position position = { chunk->snapshot_index, chunk->snapshot_term };
	uint64_t ticket;

	if (crc32c(0, chunk->records) != chunk->checksum)
		return;
	if (!raft_wants_snapshot(node->raft, position, chunk->term)) {
		/* Said at once, so that its sender does not wait for credit. */
		send_credit(node, 0, &(struct install){ .from = from, .position = position },
		    SNAPSHOT_FAILED);
		return;
	}
	raft_snapshot_progress(node->raft, from, chunk->term);
	if (chunk->sequence == 0)
		install_begin(node, from, chunk);
	else if (install->from != from || install->position.index != position.index ||
	    install->position.term != position.term || install->term != chunk->term ||
	    install->next != chunk->sequence)
		return;
	install->next++;
	install->deadline_ms = node->now.monotonic_ms + SNAPSHOT_WAIT_MS;
	if (load_records(install, chunk->records) != ERR_NONE) {
		node_note(node, DIAG_ERROR, "snapshot has a bad record from=%016" PRIx64, from);
		send_credit(node, 0, install, SNAPSHOT_FAILED);
		install_drop(install);
		return;
	}
	ticket = node->io.install_records(node->io.argument, chunk->records);
	send_credit(node, ticket, install, SNAPSHOT_TAKING);
	if (chunk->last)
		install_commit(node);
}

/* ---- both --------------------------------------------------------------------- */

void
compact_peer_connected(struct node *node, peer_id peer)
{
	struct snapshot_sending *sending = sending_to(node, peer);

	/* Its chunks under way do not arrive. */
	if (peer != 0 && sending != NULL)
		sending->lost = true;
	/* So are those it sent to the raftd that was here before us. */
	if (node->compaction.install.from != peer)
		send_credit(node, 0, &(struct install){ .from = peer }, SNAPSHOT_FAILED);
}

void
compact_turn(struct node *node)
{
	uint64_t now = node->now.monotonic_ms;
	struct install *install = &node->compaction.install;

	for (size_t i = 0; i < SNAPSHOT_SENDINGS_MAX; i++) {
		struct snapshot_sending *sending = &node->compaction.sendings[i];

		if (sending->peer == 0)
			continue;
		if (sending->lost || sending->deadline_ms <= now ||
		    raft_role(node->raft) != RAFT_LEADER)
			sending_end(node, sending, 0);
	}
	if (install->from != 0 && install->deadline_ms <= now)
		install_drop(install);
}

uint64_t
compact_deadline(const struct node *node)
{
	uint64_t due = UINT64_MAX;

	for (size_t i = 0; i < SNAPSHOT_SENDINGS_MAX; i++) {
		const struct snapshot_sending *sending = &node->compaction.sendings[i];

		if (sending->peer != 0)
			due = MIN_OF(due, sending->lost ? 0 : sending->deadline_ms);
	}
	if (node->compaction.install.from != 0)
		due = MIN_OF(due, node->compaction.install.deadline_ms);
	return due;
}

void
compact_free(struct node *node)
{
	install_drop(&node->compaction.install);
}
