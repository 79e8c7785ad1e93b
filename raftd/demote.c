/*
 * demote.c - members that the leader removes by itself: those above the active
 * size of the cluster, and those that were silent for longer than its remove delay.
 *
 * Looks once a second, one change at a time, behind what people asked for. A member that
 * is removed here may come back: it gives up its id and asks to join as another one.
 *
 * Guard: the voters that stay must have a majority of living ones, living being who
 * was heard within two election time-outs. Silence is counted from the time this
 * node leads, and anew when it stood still itself: then it could hear nobody.
 *
 * Source: docs/operations.md, "Silent members".
 */
#include "raftd/node_priv.h"

#define LOOK_MS 1000
/* A look that is so late: the machine slept, or this process was stopped. */
#define STOOD_STILL_MS LOOK_MS

enum reason { REASON_NONE, REASON_SIZE, REASON_SILENCE };

struct choice {
	enum reason reason;
	const struct member *member;
	uint64_t silent_ms;
};

static uint64_t
silent_ms(const struct node *node, peer_id id)
{
	const struct demotion *demotion = &node->demotion;

	for (size_t i = 0; i < demotion->count; i++)
		if (demotion->members[i].id == id)
			return node->now.monotonic_ms - demotion->members[i].since_ms;
	return 0;
}

/* Bring the table up to the present members: one that is new in it counts as heard now. */
static void
listen(struct node *node)
{
	struct demotion *demotion = &node->demotion;
	const struct members *members = &node->replica->members;
	struct member_silence fresh[MEMBERS_MAX];
	uint64_t now_ms = node->now.monotonic_ms;

	for (size_t i = 0; i < members->count; i++) {
		peer_id id = members->list[i].id;
		uint64_t silent = silent_ms(node, id);
		uint64_t ago = id == node->id ? 0 : raft_heard_ago(node->raft, id);

		fresh[i] = (struct member_silence){ id, now_ms - MIN_OF(silent, ago) };
	}
	demotion->count = members->count;
	memcpy(demotion->members, fresh, members->count * sizeof(fresh[0]));
}

static size_t
count_voters(const struct node *node)
{
	size_t count = 0;

	for (size_t i = 0; i < node->replica->members.count; i++)
		count += node->replica->members.list[i].role == MEMBER_VOTER ? 1 : 0;
	return count;
}

/* Without it, the rest has a majority of living voters. */
static bool
may_go(const struct node *node, const struct member *gone)
{
	size_t rest = 0, living = 0;

	for (size_t i = 0; i < node->replica->members.count; i++) {
		const struct member *member = &node->replica->members.list[i];

		if (member->role != MEMBER_VOTER || member == gone)
			continue;
		rest++;
		living += node_hears(node, member->id) ? 1 : 0;
	}
	return rest > 0 && living > rest / 2;
}

/* Is a further behind than b? Those that keep up are equal, however many entries
 * are under way at the moment; of equals the youngest is, which is later in the list. */
static bool
is_behind(const struct node *node, const struct member *a, const struct member *b)
{
	bool a_fit = node_hears(node, a->id) && raft_caught_up(node->raft, a->id);
	bool b_fit = node_hears(node, b->id) && raft_caught_up(node->raft, b->id);

	if (a_fit || b_fit)
		return !a_fit || b_fit;
	return raft_match(node->raft, a->id) <= raft_match(node->raft, b->id);
}

static struct choice
choose(const struct node *node)
{
	const struct members *members = &node->replica->members;
	bool too_many = count_voters(node) > node->replica->config.active_size;
	struct choice choice = { .reason = REASON_NONE };

	for (size_t i = 0; i < members->count; i++) {
		const struct member *member = &members->list[i];
		uint64_t silent = silent_ms(node, member->id);

		if (member->role != MEMBER_VOTER || member->id == node->id)
			continue;
		/* A silent member is of no use to the others: it goes before one too many. But
		 * one that a cluster began with may not have been started yet (begin.c). */
		if (member->client_url[0] != '\0' &&
		    silent > node->replica->config.remove_delay_ms &&
		    (choice.reason != REASON_SILENCE || silent > choice.silent_ms))
			choice = (struct choice){ REASON_SILENCE, member, silent };
		else if (too_many && choice.reason != REASON_SILENCE &&
		    (choice.member == NULL || is_behind(node, member, choice.member)))
			choice = (struct choice){ REASON_SIZE, member, silent };
	}
	if (choice.reason != REASON_NONE && !may_go(node, choice.member))
		choice.reason = REASON_NONE;
	return choice;
}

static void
demote(struct node *node, const struct choice *choice)
{
	const struct member *member = choice->member;
	struct command_member remove = {
		.op = MEMBER_REMOVE,
		.id = member->id,
		.name = slice_text(member->name),
	};
	struct blob *payload = command_new_member(0, 0, 0, &remove);
	struct raft_position position;

	if (raft_propose_conf(node->raft, RAFT_CONF_REMOVE, member->id, payload, &position) ==
	    ERR_NONE) {
		if (choice->reason == REASON_SILENCE)
			node_note(node, DIAG_WARN, "%s is removed: silent for %" PRIu64
			    " ms, the remove delay is %" PRIu64 " ms", member->name,
			    choice->silent_ms, node->replica->config.remove_delay_ms);
		else
			node_note(node, DIAG_INFO, "%s is removed: %zu members vote, the active "
			    "size is %" PRIu64, member->name, count_voters(node),
			    node->replica->config.active_size);
	}
	blob_unref(&payload);
}

void
demote_turn(struct node *node)
{
	struct demotion *demotion = &node->demotion;
	uint64_t now_ms = node->now.monotonic_ms;
	struct choice choice;

	if (raft_role(node->raft) != RAFT_LEADER) {
		demotion->term = 0;
		return;
	}
	if (demotion->term != raft_current_term(node->raft) ||
	    now_ms > demotion->look_ms + STOOD_STILL_MS) {
		*demotion = (struct demotion){
			.term = raft_current_term(node->raft),
			.look_ms = now_ms + LOOK_MS + 2 * node->config.election_ms,
		};
		listen(node);
		return;
	}
	if (now_ms < demotion->look_ms)
		return;
	demotion->look_ms = now_ms + LOOK_MS;
	listen(node);
	if (!raft_can_change_conf(node->raft) || disk_refuses(node))
		return;
	choice = choose(node);
	if (choice.reason != REASON_NONE)
		demote(node, &choice);
}

uint64_t
demote_deadline(const struct node *node)
{
	const struct demotion *demotion = &node->demotion;

	/* Alone there is nobody to remove, and a cluster of one sleeps without timers. */
	if (demotion->term == 0 || node->replica->members.count < 2)
		return UINT64_MAX;
	return demotion->look_ms;
}
