/*
 * auto_compact.c - the leader compacts the v3 keys by itself, as -auto-compaction-mode and
 * -auto-compaction-retention say.
 *
 *	revision	every five minutes: so many revisions stay
 *	periodic	ten times in a period, or in an hour if that is less, each node notes the
 *			revision; the one of a period ago is compacted to, first after a period,
 *			then each period, or each hour if that is less
 *
 * Every node notes, and the leader alone proposes, the command that clients have, too: so whoever
 * becomes leader goes on. What a node has noted is forgotten when it is started again. Pure: time
 * is the turn's.
 *
 * Source: what servers of etcd 3 do with the same options.
 */
#include "raftd/node_priv.h"

#include "common/xmem.h"
#include "raftd/replica/mvcc/mvcc.h"

#include <stdlib.h>

#define REVISION_EVERY_MS (5 * UINT64_C(60000))
#define INTERVAL_MS_MAX UINT64_C(3600000)
#define NOTES_OF_INTERVAL 10

static uint64_t
interval_ms(const struct node *node)
{
	return MIN_OF(node->config.v3_compact_ms, INTERVAL_MS_MAX);
}

static bool
is_periodic(const struct node *node)
{
	return node->config.v3_compact_ms != 0;
}

/* How often it is looked at. */
static uint64_t
every_ms(const struct node *node)
{
	return is_periodic(node) ?
	    MAX_OF(interval_ms(node) / NOTES_OF_INTERVAL, UINT64_C(1)) : REVISION_EVERY_MS;
}

static bool
is_on(const struct node *node)
{
	return is_periodic(node) || node->config.v3_compact_revisions != 0;
}

/* The notes are a ring: the one of a period ago is where the next one goes. */
static void
note(struct node *node)
{
	struct auto_compact *c = &node->auto_compact;

	if (c->notes == NULL) {
		c->note_max = (size_t)(node->config.v3_compact_ms / every_ms(node)) + 1;
		c->notes = xmalloc(c->note_max * sizeof(*c->notes));
	}
	c->notes[c->next_note] = mvcc_revision(node->replica->mvcc);
	c->next_note = (c->next_note + 1) % c->note_max;
	c->note_count = MIN_OF(c->note_count + 1, c->note_max);
}

/* Where it is to be compacted to now; 0: not now. */
static uint64_t
target(struct node *node)
{
	const struct auto_compact *c = &node->auto_compact;
	uint64_t revision = mvcc_revision(node->replica->mvcc);

	if (!is_periodic(node))
		return revision - MIN_OF(revision, node->config.v3_compact_revisions);
	if (c->note_count < c->note_max || node->now.monotonic_ms < c->due_ms)
		return 0;
	return c->notes[c->next_note];
}

static void
compact_to(struct node *node, uint64_t revision)
{
	struct auto_compact *c = &node->auto_compact;

	if ((int64_t)revision <= MAX_OF(mvcc_compacted(node->replica->mvcc), INT64_C(1)) ||
	    !node_leases_lead(node) || node_own_is_under_way(node, &c->under_way))
		return;
	node_own_propose(node, command_new_v3_auto_compact(revision), &c->under_way);
	if (c->under_way.index == 0)
		return;
	c->due_ms = node->now.monotonic_ms + interval_ms(node);
	node_note(node, DIAG_INFO, "v3 keys are compacted: revision=%" PRIu64 " of=%" PRIu64,
	    revision, mvcc_revision(node->replica->mvcc));
}

void
node_auto_compact_turn(struct node *node)
{
	struct auto_compact *c = &node->auto_compact;

	if (!is_on(node))
		return;
	if (c->next_ms == 0) {
		c->due_ms = node->now.monotonic_ms + node->config.v3_compact_ms;
		c->next_ms = node->now.monotonic_ms + (is_periodic(node) ? 0 : every_ms(node));
	}
	if (node->now.monotonic_ms < c->next_ms)
		return;
	c->next_ms = node->now.monotonic_ms + every_ms(node);
	if (is_periodic(node))
		note(node);
	compact_to(node, target(node));
}

uint64_t
node_auto_compact_deadline(const struct node *node)
{
	return is_on(node) ? node->auto_compact.next_ms : UINT64_MAX;
}

void
node_auto_compact_free(struct node *node)
{
	free(node->auto_compact.notes);
}
