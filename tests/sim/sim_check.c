/*
 * sim_check.c - the promises of the log and of the replicated state.
 */
#include "tests/sim/sim_check.h"

#include "common/crc32c.h"
#include "common/ipc/wire.h"
#include "common/xmem.h"
#include "raftd/node_priv.h"
#include "tests/sim/sim_check_priv.h"
#include "tests/sim/sim_fault.h"
#include "tests/sim/sim_store.h"
#include "tests/sim/sim_together.h"

#include <inttypes.h>
#include <stdlib.h>

/* More turns than that in one millisecond that apply nothing, free nothing and are not one look
 * back each for a watch that is behind, and the conductor spins. */
#define TURNS_MAX 1000

/* Hashing walks everything: done at each such index, and wherever one is known. */
#define HASH_EVERY 16
/* So often all v3 keys are compared. */
#define KEYS_EVERY 8

struct sim_check *
check_new(void)
{
	return xzalloc(sizeof(struct sim_check));
}

void
check_free(struct sim_check **check_pointer)
{
	struct sim_check *check = *check_pointer;

	for (size_t i = 0; i < check->count; i++)
		blob_unref(&check->committed[i].entry.payload);
	free(check->committed);
	for (size_t i = 0; i < check->slot_count; i++)
		free(check->slots[i].prints);
	free(check->slots);
	free(check->leaders);
	free(check->refusals);
	free(check);
	*check_pointer = NULL;
}

raft_index
check_committed(const struct world *world)
{
	return world->check->count;
}

/* ---- log matching ------------------------------------------------------------------ */

static uint32_t
entry_print(const struct raft_entry *entry, raft_term before)
{
	uint64_t fields[] = { entry->term, entry->index, entry->time_ns, entry->type,
		entry->conf_op, entry->conf_peer, before };

	return crc32c(crc32c(0, slice_of(fields, sizeof(fields))), blob_slice(entry->payload));
}

/* Every entry that any node ever wrote: (index, term) names exactly one, and
 * so does it its predecessor. */
static void
match(struct machine *machine, const struct raft_entry *entry, raft_term before)
{
	struct sim_check *check = machine->world->check;
	uint32_t print = entry_print(entry, before);
	struct slot *slot;

	while (check->slot_count <= entry->index) {
		check->slots = xgrow(check->slots, &check->slot_capacity, check->slot_count + 1,
		    sizeof(check->slots[0]));
		check->slots[check->slot_count++] = (struct slot){ NULL, 0, 0 };
	}
	slot = &check->slots[entry->index];
	for (size_t i = 0; i < slot->count; i++) {
		if (slot->prints[i].term != entry->term)
			continue;
		if (slot->prints[i].print != print)
			sim_fail(machine->world, machine, "log matching: there are two entries of "
			    "term %" PRIu64 " at index %" PRIu64 ", or two before it",
			    entry->term, entry->index);
		return;
	}
	slot->prints = xgrow(slot->prints, &slot->capacity, slot->count + 1,
	    sizeof(slot->prints[0]));
	slot->prints[slot->count++] = (struct print){ entry->term, print };
}

/* Cut off, it lacks at one who may have been counted for its commit. Who is of an
 * earlier term than that was not: it may hear first, and late, a leader of a term
 * between the two, whose log ends before the entry. */
static bool
cuts_committed(const struct machine *machine, raft_index from)
{
	const struct sim_disk *disk = machine->disk;
	const struct sim_check *check = machine->world->check;
	const struct committed *committed;

	if (from > check->count || sim_log_last(&disk->written) < from)
		return false;
	committed = &check->committed[from - 1];
	return sim_log_term(&disk->written, from) == committed->entry.term &&
	    disk->written_hard_state.term >= committed->commit_term;
}

void
check_submit(struct machine *machine, const struct wal_turn *turn)
{
	const struct sim_disk *disk = machine->disk;
	raft_index last = sim_log_last(&disk->written);
	raft_term before;

	if (turn->truncate_from != 0) {
		if (cuts_committed(machine, turn->truncate_from))
			sim_fail(machine->world, machine, "committed entry %" PRIu64 " is cut off",
			    turn->truncate_from);
		if (turn->truncate_from <= disk->acked.index &&
		    disk->acked.term == raft_current_term(node_raft(machine->node)))
			sim_fail(machine->world, machine, "entry %" PRIu64 " is cut off, though it "
			    "was acknowledged to the leader of this term up to %" PRIu64,
			    turn->truncate_from, disk->acked.index);
		last = MIN_OF(last, turn->truncate_from - 1);
	}
	before = sim_log_term(&disk->written, last);
	for (size_t i = 0; i < turn->entry_count; i++) {
		const struct raft_entry *entry = &turn->entries[i];

		if (entry->index != last + 1)
			sim_fail(machine->world, machine, "entry %" PRIu64 " is written behind %"
			    PRIu64, entry->index, last);
		if (entry->term < before)
			sim_fail(machine->world, machine, "term falls along the log at %" PRIu64,
			    entry->index);
		match(machine, entry, before);
		before = entry->term;
		last = entry->index;
	}
	if (turn->compact_to > last)
		sim_fail(machine->world, machine, "compaction to %" PRIu64
		    " which is not in the log", turn->compact_to);
	if (turn->hard_state_set) {
		if (turn->hard_state.term < disk->written_hard_state.term)
			sim_fail(machine->world, machine, "term falls");
		if (turn->hard_state.term == disk->written_hard_state.term &&
		    disk->written_hard_state.vote != 0 &&
		    turn->hard_state.vote != disk->written_hard_state.vote)
			sim_fail(machine->world, machine, "vote changes within term %" PRIu64,
			    turn->hard_state.term);
		fault_moment(machine, MOMENT_VOTED);
	}
}

/* ---- commit --------------------------------------------------------------------------- */

static bool
has_durable(const struct sim_disk *disk, const struct raft_entry *entry)
{
	return disk->log.before.index >= entry->index ||
	    sim_log_term(&disk->log, entry->index) == entry->term;
}

static bool
id_has_durable(const struct world *world, peer_id id, const struct raft_entry *entry)
{
	for (size_t i = 0; i < world->machine_count; i++) {
		const struct machine *machine = world->machines[i];

		if (machine_node_id(machine) == id)
			return has_durable(machine->disk, entry);
		for (size_t n = 0; n < machine->old_count; n++)
			if (machine->old_disks[n]->identity.node_id == id)
				return has_durable(machine->old_disks[n], entry);
	}
	return false;
}

static bool
quorum_has(const struct world *world, const struct raft_conf *conf, const struct raft_entry *entry)
{
	size_t have = 0;

	for (size_t i = 0; i < conf->voter_count; i++)
		have += id_has_durable(world, conf->voters[i], entry);
	return have > conf->voter_count / 2;
}

static void
commit_next(struct machine *machine)
{
	struct world *world = machine->world;
	struct sim_check *check = world->check;
	const struct raft *raft = node_raft(machine->node);
	raft_index index = check->count + 1;
	const struct raft_entry *entry = sim_log_at(&machine->disk->written, index);
	struct committed *slot;

	if (entry == NULL)
		sim_fail(world, machine, "commit index %" PRIu64 " reaches past its own log",
		    raft_commit(raft));
	if (!together_has(world, index) && !quorum_has(world, raft_conf(raft), entry) &&
	    !quorum_has(world, &machine->conf_before, entry))
		sim_fail(world, machine, "entry %" PRIu64 " of term %" PRIu64
		    " is committed in term %"
		    PRIu64 " but not durable on a majority", index, entry->term,
		    raft_current_term(raft));
	check->committed = xgrow(check->committed, &check->capacity, index,
	    sizeof(check->committed[0]));
	slot = &check->committed[check->count++];
	*slot = (struct committed){
		.entry = *entry,
		.commit_term = raft_current_term(raft),
	};
	blob_ref(slot->entry.payload);
	model_apply(world->model, &slot->entry);
	slot->store_index = model_index(world->model);
	slot->window = model_window(world->model);
	slot->limits = model_limits(world->model);
	slot->rights = model_rights(world->model);
	slot->v3 = v3_figures_of_log(world);
	world_tell(world, machine, "commits index=%" PRIu64 " term=%" PRIu64 " store=%" PRIu64,
	    index, entry->term, slot->store_index);
}

void
check_spins(struct machine *machine)
{
	struct world *world = machine->world;
	struct store_facts facts = store_facts(machine->node->replica->store);
	struct turns_at at = { .ms = world->now_ms, .nodes = facts.nodes, .event = facts.last,
		.applied = raft_applied(node_raft(machine->node)) };

	if (machine->turns_at.ms != at.ms || machine->turns_at.applied != at.applied ||
	    machine->turns_at.event != at.event || machine->turns_at.nodes != at.nodes) {
		machine->turns_at = at;
		machine->turns_in_ms = 0;
		machine->looks_in_ms = 0;
	}
	machine->looks_in_ms = MAX_OF(machine->looks_in_ms, facts.past_looks);
	if (++machine->turns_in_ms > TURNS_MAX + machine->looks_in_ms)
		sim_fail(world, machine, "%" PRIu64 " turns in one millisecond: the node spins",
		    machine->turns_in_ms);
}

/* What the cluster is to be like holds here from the same entry on as everywhere: which keys
 * may be made, and what the history keeps. */
static void
check_limits(const struct machine *machine, const struct committed *slot, raft_index applied)
{
	struct store_facts facts = store_facts(machine->node->replica->store);

	if (facts.limits.names != slot->limits.names || facts.limits.bytes != slot->limits.bytes)
		sim_fail(machine->world, machine, "keys of %" PRIu64 " names and %" PRIu64
		    " bytes may be made at applied index %" PRIu64 ", by the log of %" PRIu64
		    " and %" PRIu64, facts.limits.names, facts.limits.bytes, applied,
		    slot->limits.names, slot->limits.bytes);
	if (facts.first != slot->window.first || facts.bytes != slot->window.bytes)
		sim_fail(machine->world, machine, "the history begins with event %" PRIu64
		    " and has %zu bytes at applied index %" PRIu64 ", by the log %" PRIu64
		    " and %zu", facts.first, facts.bytes, applied, slot->window.first,
		    slot->window.bytes);
	if (facts.bytes > slot->window.bytes_max && facts.first < facts.last)
		sim_fail(machine->world, machine, "the history has %zu bytes, more than %zu",
		    facts.bytes, slot->window.bytes_max);
	if (facts.kept_bytes > facts.kept_bytes_max && facts.kept_count > 1)
		sim_fail(machine->world, machine, "answers keep %zu bytes of history, more than "
		    "%zu", facts.kept_bytes, facts.kept_bytes_max);
}

static void
check_rights(const struct machine *machine, const struct committed *slot, raft_index applied)
{
	const struct auth *auth = &machine->node->replica->auth;
	const struct model_rights *rights = &slot->rights;

	if (auth->enabled != rights->enabled || auth->revision != rights->revision ||
	    auth->user_count != rights->users || auth->role_count != rights->roles)
		sim_fail(machine->world, machine, "users count: %d, %zu and %zu roles of revision "
		    "%" PRIu64 " at applied index %" PRIu64 ", by the log: %d, %zu and %zu roles "
		    "of %" PRIu64, auth->enabled, auth->user_count, auth->role_count,
		    auth->revision, applied, rights->enabled, rights->users, rights->roles,
		    rights->revision);
}

/* What it applied in this turn is what was committed. */
static void
check_applied(struct machine *machine, raft_index applied)
{
	struct world *world = machine->world;
	struct sim_check *check = world->check;
	struct committed *slot;
	struct msg_status status;

	for (raft_index index = machine->checked_applied + 1; index <= applied; index++) {
		raft_term term = sim_log_term(&machine->disk->written, index);

		if (term != 0 && term != check->committed[index - 1].entry.term)
			sim_fail(world, machine, "state machine safety: entry %" PRIu64
			    " applied here has term %" PRIu64 ", elsewhere %" PRIu64, index, term,
			    check->committed[index - 1].entry.term);
	}
	if (applied == machine->checked_applied && !machine->hash_due)
		return;
	machine->checked_applied = applied;
	/* It walks everything: in the other seeds only now and then. */
	if (world->seed % 4 == 0 || applied % HASH_EVERY == 0)
		replica_invariants(machine->node->replica);
	/* In the middle of the next entry the state is that of none. */
	if (applied == 0 || replica_is_within_entry(machine->node->replica))
		return;
	slot = &check->committed[applied - 1];
	node_status(machine->node, &status);
	if (status.applied != applied)
		sim_fail(world, machine, "status tells applied index %" PRIu64
		    ", the core %" PRIu64, status.applied, applied);
	if (status.store_index != slot->store_index)
		sim_fail(world, machine, "store index at applied index %" PRIu64 " is %" PRIu64
		    ", by the log it is %" PRIu64 ": an entry took effect twice or not at all",
		    applied, status.store_index, slot->store_index);
	check_limits(machine, slot, applied);
	check_rights(machine, slot, applied);
	v3_check_figures(machine, &slot->v3);
	if (applied == check->count && applied % KEYS_EVERY == 0)
		v3_check_keys(machine);
	if (!slot->hash_known && !machine->hash_due && applied % HASH_EVERY != 0)
		return;
	machine->hash_due = false;
	if (!slot->hash_known) {
		slot->hash_known = true;
		slot->hash = node_hash(machine->node);
		slot->hashed_by = machine->number;
	} else if (slot->hash != node_hash(machine->node)) {
		sim_fail(world, machine,
		    "state differs from that of m%zu at applied index %" PRIu64,
		    slot->hashed_by + 1, applied);
	}
}

/* ---- leaders ----------------------------------------------------------------------------- */

static void
check_leader(struct machine *machine, raft_term term)
{
	struct world *world = machine->world;
	struct sim_check *check = world->check;
	raft_index index = check->count;

	while (check->leader_count <= term) {
		check->leaders = xgrow(check->leaders, &check->leader_capacity,
		    check->leader_count + 1, sizeof(check->leaders[0]));
		check->leaders[check->leader_count++] = 0;
	}
	if (check->leaders[term] != 0 && check->leaders[term] != machine_node_id(machine))
		sim_fail(world, machine, "election safety: term %" PRIu64 " has a second leader",
		    term);
	if (check->leaders[term] != 0)
		return;
	check->leaders[term] = machine_node_id(machine);
	world->elections++;
	world_tell(world, machine, "leads term %" PRIu64, term);
	fault_moment(machine, MOMENT_LEADS);
	while (index > 0 && check->committed[index - 1].commit_term >= term)
		index--;
	if (index == 0 || machine->disk->written.before.index >= index)
		return;
	if (sim_log_term(&machine->disk->written, index) != check->committed[index - 1].entry.term)
		sim_fail(world, machine, "leader completeness: the leader of term %" PRIu64
		    " lacks entry %" PRIu64 " that was committed in term %" PRIu64, term, index,
		    check->committed[index - 1].commit_term);
}

/* It is a member as of what was committed when it first met a leader, or later. */
static void
check_belongs(struct machine *machine, const struct raft *raft)
{
	raft_index met;

	if (!machine->belonged && raft_met_leader(raft, &met) && raft_applied(raft) >= met)
		machine->belonged = machine_serves(machine);
}

void
check_started(struct machine *machine)
{
	const struct raft *raft = node_raft(machine->node);

	machine->checked_applied = machine->disk->applied.index;
	machine->checked_term = raft_current_term(raft);
	machine->conf_before = *raft_conf(raft);
	machine->disk->acked = (struct raft_position){ 0, 0 };
	machine->hash_due = true;
	machine->belonged = machine->config.resumes && raft_last(raft).index > 0;
	machine->away_until = check_committed(machine->world);
	check_turn(machine);
}

void
check_turn(struct machine *machine)
{
	struct world *world = machine->world;
	const struct raft *raft = node_raft(machine->node);
	raft_term term = raft_current_term(raft);

	raft_invariants(raft);
	if (term < machine->checked_term)
		sim_fail(world, machine, "current term falls from %" PRIu64 " to %" PRIu64,
		    machine->checked_term, term);
	machine->checked_term = term;
	if (raft_role(raft) == RAFT_LEADER)
		check_leader(machine, term);
	while (world->check->count < raft_commit(raft)) {
		commit_next(machine);
		fault_moment(machine, MOMENT_COMMITTED);
	}
	if (raft_applied(raft) > raft_commit(raft))
		sim_fail(world, machine, "applied before it was committed");
	check_applied(machine, raft_applied(raft));
	check_belongs(machine, raft);
	machine->conf_before = *raft_conf(raft);
}

/* ---- who was away when it was removed ------------------------------------------------------- */

void
check_joined(struct machine *machine)
{
	struct msg_status status;

	/* One that has begun with others has a cluster, whatever its disk knows of that yet. */
	node_status(machine->node, &status);
	if (status.cluster_id == 0)
		machine->belonged = true;
}

static raft_index
removal_of(const struct sim_check *check, peer_id id)
{
	for (size_t i = check->count; i-- > 0;)
		if (check->committed[i].entry.type == RAFT_ENTRY_CONF &&
		    check->committed[i].entry.conf_op == RAFT_CONF_REMOVE &&
		    check->committed[i].entry.conf_peer == id)
			return i + 1;
	return 0;
}

/* Who met a leader first that was about to be deposed may take its removal for a later
 * one; nothing is said of whom. */
void
check_retired(struct machine *machine)
{
	struct world *world = machine->world;
	raft_index removed = removal_of(world->check, machine_node_id(machine)), met;
	bool met_any = raft_met_leader(node_raft(machine->node), &met);

	if (removed == 0)
		sim_fail(world, machine, "gives its id up, but was never removed");
	if (machine->belonged && machine->retire_wait_ms == 0)
		sim_fail(world, machine, "was sent away by entry %" PRIu64 ", and asks to come "
		    "back at once", removed);
	if (!machine->belonged && removed <= machine->away_until &&
	    (!met_any || met >= removed) && machine->retire_wait_ms > 0)
		sim_fail(world, machine, "was away when entry %" PRIu64 " removed it, and waits",
		    removed);
}

/* ---- frames that promise something --------------------------------------------------------- */

static void
check_vote(struct machine *machine, raft_term term, peer_id candidate)
{
	const struct sim_disk *disk = machine->disk;

	if (disk->hard_state.term < term ||
	    (disk->hard_state.term == term && disk->hard_state.vote != candidate))
		sim_fail(machine->world, machine, "a vote of term %" PRIu64
		    " leaves before it is on disk", term);
}

/* One vote in a term, over all the lives of a data directory. */
static void
check_one_vote(struct machine *machine, raft_term term, peer_id candidate)
{
	struct sim_disk *disk = machine->disk;

	for (size_t i = disk->vote_count; i-- > 0;) {
		if (disk->votes[i].term != term)
			continue;
		if (disk->votes[i].vote != candidate)
			sim_fail(machine->world, machine, "votes twice in term %" PRIu64, term);
		return;
	}
	disk->votes = xgrow(disk->votes, &disk->vote_capacity, disk->vote_count + 1,
	    sizeof(disk->votes[0]));
	disk->votes[disk->vote_count++] = (struct raft_hard_state){ term, candidate };
}

static void
check_append_reply(struct machine *machine, const struct msg_raft_append_reply *reply)
{
	struct sim_disk *disk = machine->disk;

	/* One to the leader of an earlier term was true when it was made, before
	 * the vote or append that ended that term: it can do no harm. */
	if (reply->reject || reply->term < disk->hard_state.term)
		return;
	if (reply->index > sim_log_last(&disk->log))
		sim_fail(machine->world, machine, "append up to %" PRIu64
		    " is acknowledged, synced is %" PRIu64, reply->index,
		    sim_log_last(&disk->log));
	if (reply->term > disk->hard_state.term)
		sim_fail(machine->world, machine, "append is acknowledged in term %" PRIu64
		    " which is not on disk", reply->term);
	if (disk->acked.term != reply->term)
		disk->acked = (struct raft_position){ 0, reply->term };
	disk->acked.index = MAX_OF(disk->acked.index, reply->index);
}

/* A leader sends what is in its own log and nothing else, wherever it has that from. */
static void
check_append(const struct machine *machine, const struct msg_raft_append *append)
{
	const struct sim_log *log = &machine->disk->written;
	struct reader in = reader_of(append->entries);
	struct entry_record entry = { .index = append->prev_index, .term = append->prev_term };

	do {
		raft_term term = sim_log_term(log, entry.index);

		if (entry.index > sim_log_last(log) || (term != 0 && term != entry.term))
			sim_fail(machine->world, machine, "an append of term %" PRIu64
			    " has entry %" PRIu64 " of term %" PRIu64
			    ", the leader's own log %" PRIu64,
			    append->term, entry.index, entry.term, term);
	} while (!reader_done(&in) && entry_record_get(&in, &entry));
}

/* Frames that only the leader of their term may send: each says its term first. */
static void
check_leads(struct machine *machine, const struct frame *frame)
{
	const struct sim_check *check = machine->world->check;
	struct reader in = reader_of(frame->payload);
	raft_term term;

	if (!codec_get_u64(&in, &term) || term >= check->leader_count ||
	    check->leaders[term] != machine_node_id(machine))
		sim_fail(machine->world, machine, "%s of term %" PRIu64
		    " is sent by one who did not lead it", message_name(frame->type), term);
}

void
check_frame(struct machine *machine, const struct frame *frame)
{
	struct msg_raft_vote vote;
	struct msg_raft_vote_reply vote_reply;
	struct msg_raft_append append;
	struct msg_raft_append_reply append_reply;

	if (!message_is_peer(frame->type))
		sim_fail(machine->world, machine, "frame %s is sent to a node",
		    message_name(frame->type));
	switch (frame->type) {
	case MSG_raft_vote:
		if (msg_raft_vote_decode(frame->payload, &vote) == ERR_NONE && !vote.pre) {
			check_vote(machine, vote.term, machine_node_id(machine));
			check_one_vote(machine, vote.term, machine_node_id(machine));
		}
		break;
	case MSG_raft_vote_reply:
		if (msg_raft_vote_reply_decode(frame->payload, &vote_reply) == ERR_NONE &&
		    !vote_reply.pre && !vote_reply.reject) {
			check_vote(machine, vote_reply.term, frame->request_id);
			check_one_vote(machine, vote_reply.term, frame->request_id);
		}
		break;
	case MSG_raft_append_reply:
		if (msg_raft_append_reply_decode(frame->payload, &append_reply) == ERR_NONE)
			check_append_reply(machine, &append_reply);
		break;
	case MSG_raft_append:
		check_leads(machine, frame);
		if (msg_raft_append_decode(frame->payload, &append) == ERR_NONE)
			check_append(machine, &append);
		break;
	case MSG_raft_committed:
	case MSG_raft_heartbeat:
	case MSG_raft_timeout_now:
	case MSG_snapshot_chunk:
		check_leads(machine, frame);
		break;
	default:
		break;
	}
}

/* ---- the end ---------------------------------------------------------------- */

static bool
same_conf(const struct raft_conf *a, const struct raft_conf *b)
{
	return a->voter_count == b->voter_count && a->learner_count == b->learner_count &&
	    memcmp(a->voters, b->voters, a->voter_count * sizeof(a->voters[0])) == 0 &&
	    memcmp(a->learners, b->learners, a->learner_count * sizeof(a->learners[0])) == 0;
}

void
check_agreement(struct world *world)
{
	const struct machine *first = NULL;

	for (size_t i = 0; i < world->machine_count; i++) {
		struct machine *machine = world->machines[i];

		if (first == NULL)
			first = machine;
		if (raft_applied(node_raft(machine->node)) !=
		    raft_applied(node_raft(first->node)))
			sim_fail(world, machine, "applied index differs from that of %s at the end",
			    first->name);
		if (node_hash(machine->node) != node_hash(first->node))
			sim_fail(world, machine, "state differs from that of %s at the end",
			    first->name);
		if (!same_conf(raft_conf(node_raft(machine->node)), model_conf(world->model)))
			sim_fail(world, machine, "members differ from those of the log at the end");
		v3_check_keys(machine);
	}
	check_refusals(world);
}
