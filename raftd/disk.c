/*
 * disk.c - a disk that is full or hangs, as the conductor sees it.
 *
 *	well -----> full	the wal says so				[node_disk_space]
 *	well -----> stalled	a write is not synced after two election
 *				time-outs: as long as the slowest follower
 *				would wait for a dead leader		[disk_turn]
 *	full, stalled --> well	there is space; the write is synced
 *
 * In both a leader hands leadership to a voter that is not so itself, and tries
 * again until somebody has it; a follower tells its leader that it is unfit. Full:
 * new writes of clients are refused as not applied; reads go on, and so does
 * what the cluster needs, as long as the wal has room for it. Pure: it knows
 * of the disk what the wal says and how long batches are under way.
 * Source: pitfalls late-heartbeats and disk-full of docs/testing.md; docs/operations.md,
 * "A full disk".
 */
#include "raftd/node_priv.h"

/* Slow writes are counted over this long; a lasting stall is told as often. */
#define SLOW_WINDOW_MS 60000
#define STALL_TOLD_MS 10000
#define MIB_OF(bytes) ((bytes) >> 20)

enum scarce { SCARCE_NOT, SCARCE_10_PERCENT, SCARCE_2_PERCENT, SCARCE_FULL };

static uint64_t
stall_ms(const struct node *node)
{
	return 2 * node->config.election_ms;
}

bool
disk_refuses(const struct node *node)
{
	return node->disk.space.full;
}

/* ---- space ------------------------------------------------------------------- */

static enum scarce
scarcity(const struct wal_space *space)
{
	if (space->full)
		return SCARCE_FULL;
	if (space->free_bytes < space->total_bytes / 50)
		return SCARCE_2_PERCENT;
	return space->free_bytes < space->total_bytes / 10 ? SCARCE_10_PERCENT : SCARCE_NOT;
}

/* It has to be clearly better before that is told. */
static bool
is_relaxed(const struct wal_space *space)
{
	return space->free_bytes >= space->total_bytes / 10 + space->total_bytes / 100;
}

static void
tell_space(struct node *node)
{
	struct disk_health *disk = &node->disk;
	const struct wal_space *space = &disk->space;
	enum scarce scarce = scarcity(space);

	if (scarce > disk->scarce) {
		static const char *const words[] = { "", "is getting full", "is nearly full",
			"full: writes refused, reads go on, retried every second" };

		disk->scarce = scarce;
		node_note(node, scarce == SCARCE_FULL ? DIAG_ERROR : DIAG_WARN, "disk %s: dir=%s "
		    "free_mib=%" PRIu64 " total_mib=%" PRIu64 "; free some space", words[scarce],
		    node->config.data_dir, MIB_OF(space->free_bytes), MIB_OF(space->total_bytes));
		return;
	}
	if (disk->scarce == SCARCE_FULL && scarce != SCARCE_FULL) {
		disk->scarce = scarce;
		node_note(node, DIAG_INFO, "disk has space again, writes go on: dir=%s "
		    "free_mib=%" PRIu64, node->config.data_dir, MIB_OF(space->free_bytes));
	} else if (is_relaxed(space)) {
		disk->scarce = SCARCE_NOT;
	}
}

static void
judge(struct node *node)
{
	raft_set_unfit(node->raft, node->disk.stalled || node->disk.space.full);
}

void
node_disk_space(struct node *node, const struct wal_space *space)
{
	struct disk_health *disk = &node->disk;

	/* What waited for space was not slow. */
	if (disk->space.full || space->full)
		disk->excused_ms = node->now.monotonic_ms;
	if (disk->space.full != space->full)
		node->status_due = true;
	disk->space = *space;
	tell_space(node);
	judge(node);
}

/* ---- slow writes --------------------------------------------------------------- */

static struct slow_writes *
slow_now(struct node *node)
{
	struct slow_writes *slow = &node->disk.slow;
	uint64_t now = node->now.monotonic_ms;

	if (now >= slow->since_ms + SLOW_WINDOW_MS) {
		bool follows = now < slow->since_ms + 2 * (uint64_t)SLOW_WINDOW_MS;

		slow->counts[1] = follows ? slow->counts[0] : 0;
		slow->longest_ms[1] = follows ? slow->longest_ms[0] : 0;
		slow->counts[0] = 0;
		slow->longest_ms[0] = 0;
		slow->since_ms = now;
	}
	return slow;
}

void
disk_synced(struct node *node, uint64_t submitted_ms)
{
	uint64_t since = MAX_OF(submitted_ms, node->disk.excused_ms);
	uint64_t took_ms = node->now.monotonic_ms - MIN_OF(since, node->now.monotonic_ms);
	struct slow_writes *slow;

	if (took_ms < node->config.election_ms)
		return;
	slow = slow_now(node);
	slow->counts[0]++;
	slow->longest_ms[0] = MAX_OF(slow->longest_ms[0], took_ms);
}

/* "writes took up to 2.3 s (14 in the last minute) in DIR; ..." */
static void
tell_slow(struct node *node, const char *what, const char *whom)
{
	const struct disk_health *disk = &node->disk;
	const struct slow_writes *slow = slow_now(node);
	uint64_t longest = MAX_OF(slow->longest_ms[0], slow->longest_ms[1]);
	unsigned count = slow->counts[0] + slow->counts[1];

	if (disk->stalled) {
		longest = MAX_OF(longest, node->now.monotonic_ms - disk->stalled_since_ms);
		count++;
	}
	node_note(node, DIAG_WARN, "writes took up to %" PRIu64 ".%" PRIu64 " s (%u in the last "
	    "minute) in %s%s%s", longest / 1000, longest % 1000 / 100, count,
	    node->config.data_dir, what, whom);
}

/* ---- stalls ------------------------------------------------------------------------ */

/* When the oldest batch under way will have stalled; UINT64_MAX: there is none. */
static uint64_t
stall_due_ms(const struct node *node)
{
	const struct disk_batch *oldest = STAILQ_FIRST(&node->batches);

	if (oldest == NULL || node->disk.space.full)
		return UINT64_MAX;
	return MAX_OF(oldest->submitted_ms, node->disk.excused_ms) + stall_ms(node);
}

static void
stall_begins(struct node *node)
{
	struct disk_health *disk = &node->disk;

	disk->stalled = true;
	disk->stalled_since_ms = node->now.monotonic_ms - stall_ms(node);
	disk->told_ms = node->now.monotonic_ms;
	disk->stalls++;
	if (!raft_has_successor(node->raft))
		tell_slow(node, "", "");
}

static void
watch_writes(struct node *node)
{
	struct disk_health *disk = &node->disk;
	uint64_t now = node->now.monotonic_ms, due = stall_due_ms(node);

	/* Woken too late: it was us who stood still, and the disk's answer may lie there. */
	if (due != UINT64_MAX && !disk->stalled && now > due + node->config.election_ms) {
		disk->excused_ms = now;
		due = stall_due_ms(node);
	}
	if (due > now) {
		if (disk->stalled)
			node_note(node, DIAG_INFO, "disk works again: stalled_ms=%" PRIu64,
			    now - disk->stalled_since_ms);
		disk->stalled = false;
	} else if (!disk->stalled) {
		stall_begins(node);
	} else if (now >= disk->told_ms + STALL_TOLD_MS) {
		disk->told_ms = now;
		node_note(node, DIAG_WARN, "disk stalled %" PRIu64 " s: dir=%s",
		    (now - disk->stalled_since_ms) / 1000, node->config.data_dir);
	}
}

static void
hand_over(struct node *node)
{
	struct disk_health *disk = &node->disk;
	const struct member *leader;

	if (raft_role(node->raft) != RAFT_LEADER) {
		leader = members_find(&node->replica->members, raft_leader(node->raft));
		if (!disk->handing || leader == NULL)
			return;
		disk->handing = false;
		if (disk->space.full)
			node_note(node, DIAG_WARN, "leadership handed to %s, the disk is full",
			    leader->name);
		else
			tell_slow(node, "; leadership handed to ", leader->name);
		return;
	}
	if (!(disk->stalled || disk->space.full) || node->now.monotonic_ms < disk->hand_over_ms)
		return;
	disk->hand_over_ms = node->now.monotonic_ms + stall_ms(node);
	if (!move_is_under_way(node))
		disk->handing = raft_transfer(node->raft, 0) == ERR_NONE;
}

void
disk_turn(struct node *node)
{
	watch_writes(node);
	judge(node);
	hand_over(node);
}

uint64_t
disk_deadline(const struct node *node)
{
	const struct disk_health *disk = &node->disk;
	uint64_t due = UINT64_MAX;

	if (!disk->stalled)
		due = stall_due_ms(node);
	else
		due = disk->told_ms + STALL_TOLD_MS;
	if ((disk->stalled || disk->space.full) && raft_role(node->raft) == RAFT_LEADER &&
	    raft_has_successor(node->raft))
		due = MIN_OF(due, disk->hand_over_ms);
	return due;
}
