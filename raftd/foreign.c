/*
 * foreign.c - a cluster of one node that may be one too many.
 *
 * Another cluster has this node in its list:
 *
 * A node with an empty directory and no -peers starts a cluster. If it had a place in
 * another one before and lost its data, there are two clusters on the same addresses
 * then, and clients of one write to the other. The members of the old cluster call it,
 * as they call every member, and that is how it is found out:
 *
 *	founder ---> ended	a call, and nobody has written here	[found_out]
 *	founder ---> another	the same, and -peers was given: what is here is put away
 *				and this node joins, as one with an empty directory does
 *	founder ---> refusing	a call, and clients have written here: reads go on, writes
 *				and changes of the members are refused until the next start
 *
 * Or the operator wants it elsewhere: it was started before -peers were given to it, which
 * count for an empty directory only, so that they would be ignored in silence. Its first
 * start is no such case, nor is the founder of the documents, whose others are still to
 * come: so this alone stops nothing.
 *
 *	founder ---> noticed	started again with -peers			[foreign_turn]
 *	noticed ---> another	one of them is of another cluster, and nobody has written
 *				here: as above. Of two that are both alone the one with
 *				the smaller id stays			[node_other_cluster]
 *	noticed ---> noticed	the same, and clients have written, or it is the one that
 *				stays: both clusters are named
 *	noticed ---> founder	others have joined it			[foreign_turn]
 *
 * A founder is the only member of a cluster that it started empty (struct wal_identity).
 * A node that has others with it, or was made of a backup or of what was left of a cluster, is
 * not taken away by a machine that was forgotten somewhere.
 */
#include "raftd/node_priv.h"

#include "common/cause.h"
#include "common/printable.h"

#include <inttypes.h>

/* Where the other cluster is reached, as -peers takes it: HOST:PORT. */
static struct slice
address_of(struct slice url)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < ARRAY_COUNT(schemes); i++) {
		struct slice scheme = slice_text(schemes[i]);

		if (slice_starts_with(url, scheme))
			return slice_of(url.data + scheme.size, url.size - scheme.size);
	}
	return SLICE_LITERAL("HOST:PORT");
}

static bool
is_founder(const struct node *node)
{
	const struct members *members = &node->replica->members;

	return node->founded && members->count == 1 && members->list[0].id == node->id;
}

/* The registry's entry of a founder is the first thing in the store. */
static bool
is_unwritten(const struct node *node)
{
	return store_index(node->replica->store) == node->replica->members.list[0].joined &&
	    mvcc_revision(node->replica->mvcc) == 1 && mvcc_lease_count(node->replica->mvcc) == 0;
}

static const char *
foreign_sentence(const struct node *node)
{
	return (const char *)node->foreign.sentence.data;
}

static void
found_out(struct node *node)
{
	if (!is_unwritten(node)) {
		node->status_due = true;
		node_note(node, DIAG_ERROR, "%s; clients have written here: reads go on, "
		    "writes are refused. To give up what was written, stop it and remove what "
		    "is in %s", foreign_sentence(node), node->config.data_dir);
		return;
	}
	node->over = true;
	if (node->config.peers == NULL) {
		node->io.end(node->io.argument, EXIT_USAGE, foreign_sentence(node));
		return;
	}
	node_note(node, DIAG_WARN, "%s; nothing was written here, so it joins now",
	    foreign_sentence(node));
	node->io.retire(node->io.argument, slice_text(node->config.peers), 0);
}

void
node_foreign_call(struct node *node, const struct msg_foreign_call *call)
{
	struct foreign *foreign = &node->foreign;
	struct slice address = address_of(call->peer_url);

	if (!node->started || node->over || foreign->cluster_id != 0 ||
	    call->cluster_id == node->cluster_id || !is_founder(node))
		return;
	foreign->cluster_id = call->cluster_id;
	buf_printf(&foreign->sentence, "%s is in the list of cluster %016" PRIx64 " (says ",
	    node->name, call->cluster_id);
	printable_put(&foreign->sentence, call->name);
	buf_printf(&foreign->sentence, "), and has started cluster %016" PRIx64 " of its own: this "
	    "node lost its data? start it with -peers ", node->cluster_id);
	printable_put(&foreign->sentence, address);
	buf_append_byte(&foreign->sentence, '\0');
	found_out(node);
}

/* ---- -peers that do not count ---------------------------------------------------- */

/* A node that founds a cluster on behalf of a discovery service may have -peers as well, and waits
 * for the others. What the log of a start holds has to be applied before anybody can say
 * that this node is alone. */
static bool
ignores_peers(const struct node *node)
{
	bool begins = node->fresh && node->config.join;

	return node->started && !node->over && node->config.peers != NULL && !begins &&
	    node->foreign.cluster_id == 0 && raft_role(node->raft) == RAFT_LEADER &&
	    node->applied.term == raft_current_term(node->raft) && is_founder(node);
}

static void
set_notice(struct node *node, bool ignored)
{
	struct foreign *foreign = &node->foreign;

	buf_clear(&foreign->notice);
	if (ignored && foreign->other.size > 0)
		buf_printf(&foreign->notice, "-peers is ignored: %s. To join it, stop this node, "
		    "empty %s (what was written here is lost) and start it again",
		    (const char *)foreign->other.data, node->config.data_dir);
	else if (ignored)
		buf_printf(&foreign->notice, "-peers is ignored: %s holds a cluster that this "
		    "node started and is alone in. Others may join it. To join theirs instead, "
		    "stop this node, empty that directory and start it again",
		    node->config.data_dir);
	if (ignored)
		node_note(node, DIAG_WARN, "%.*s", SLICE_ARGS(buf_slice(&foreign->notice)));
	buf_append_byte(&foreign->notice, '\0');
	foreign->noticed = ignored;
	if (node->io.notice != NULL)
		node->io.notice(node->io.argument, (const char *)foreign->notice.data);
}

void
foreign_turn(struct node *node)
{
	bool ignored = ignores_peers(node);

	if (ignored != node->foreign.noticed)
		set_notice(node, ignored);
}

void
node_other_cluster(struct node *node, const struct msg_other_cluster *other)
{
	struct foreign *foreign = &node->foreign;
	bool gives_way = other->members > 1 || other->cluster_id < node->cluster_id;
	bool first = foreign->other.size == 0;

	if (!ignores_peers(node) || other->cluster_id == node->cluster_id)
		return;
	gives_way = gives_way && is_unwritten(node);
	/* One is enough to know: several would only take turns. */
	if (!first && !gives_way)
		return;
	buf_clear(&foreign->other);
	printable_put(&foreign->other, other->address);
	buf_printf(&foreign->other, " is in cluster %016" PRIx64 ", of %" PRIu32 " member%s, and "
	    "this node is alone in cluster %016" PRIx64 ", which it started", other->cluster_id,
	    other->members, other->members == 1 ? "" : "s", node->cluster_id);
	buf_append_byte(&foreign->other, '\0');
	if (!gives_way) {
		set_notice(node, true);
		return;
	}
	node->over = true;
	node_note(node, DIAG_WARN, "%s; nothing was written here, so it joins through -peers now",
	    (const char *)foreign->other.data);
	node->io.retire(node->io.argument, slice_text(node->config.peers), 0);
}

const char *
node_refusal(const struct node *node)
{
	if (node->foreign.cluster_id != 0)
		return foreign_sentence(node);
	return disk_refuses(node) ?
	    "disk full: writes refused, reads go on, retried every second" : NULL;
}

const char *
node_refusal_cause(const struct node *node)
{
	if (node->foreign.cluster_id != 0)
		return foreign_sentence(node);
	return disk_refuses(node) ? cause_text(CAUSE_DISK_FULL) : NULL;
}
