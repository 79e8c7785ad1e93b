/*
 * conditions.c - what the other members tell of themselves (common/condition.h): asked of them
 * while somebody asks this node for it, so that it costs nothing while nobody looks.
 *
 *	silent --asked of--> asked --answers--> heard	for CONDITION_FRESH_MS	[conditions_ask]
 *
 * An answer shows how far the clocks are apart, at least: it was written after the question
 * and before it came. Nothing depends on any of it.
 */
#include "raftd/node_priv.h"

#define ASK_MS 900			/* a page asks once in a second */
#define FRESH_MS 5000
#define OWN_MS 500			/* all who ask within that get the same */

static struct told_condition *
told_by(struct node *node, peer_id id)
{
	struct told_condition *unused = NULL;

	for (size_t i = 0; i < ARRAY_COUNT(node->conditions.list); i++) {
		struct told_condition *told = &node->conditions.list[i];

		if (told->id == id)
			return told;
		if (unused == NULL && (told->id == 0 ||
		    members_find(&node->replica->members, told->id) == NULL))
			unused = told;
	}
	if (unused != NULL) {
		blob_unref(&unused->facts);
		*unused = (struct told_condition){ .id = id };
	}
	return unused;
}

static bool
is_other_member(const struct node *node, peer_id id)
{
	return id != node->id && members_find(&node->replica->members, id) != NULL;
}

void
conditions_ask(struct node *node)
{
	struct conditions *conditions = &node->conditions;
	uint64_t now_ms = node->now.monotonic_ms;
	struct buf *out;

	if (node->io.wall_ns == NULL ||
	    (conditions->asked_ms != 0 && now_ms - conditions->asked_ms < ASK_MS))
		return;
	conditions->asked_ms = now_ms;
	out = node->io.peer_out(node->io.argument);
	for (size_t i = 0; i < node->replica->members.count; i++) {
		peer_id id = node->replica->members.list[i].id;
		struct told_condition *told = id == node->id ? NULL : told_by(node, id);

		if (told == NULL)
			continue;
		if (told->asked_ns == 0)
			told->owes_ms = now_ms;
		told->asked_ns = node->io.wall_ns(node->io.argument);
		msg_condition_ask_frame(out, id,
		    &(struct msg_condition_ask){ .asked_ns = told->asked_ns });
	}
}

void
conditions_asked(struct node *node, peer_id from, uint64_t asked_ns)
{
	struct conditions *conditions = &node->conditions;
	uint64_t now_ms = node->now.monotonic_ms;

	if (node->io.wall_ns == NULL || !is_other_member(node, from))
		return;
	if (conditions->made_ms == 0 || now_ms - conditions->made_ms >= OWN_MS) {
		buf_clear(&conditions->own);
		node->io.condition(node->io.argument, &conditions->own);
		conditions->made_ms = now_ms;
	}
	msg_condition_frame(node->io.peer_out(node->io.argument), from, &(struct msg_condition){
	    .asked_ns = asked_ns, .wall_ns = node->io.wall_ns(node->io.argument),
	    .applied = node->applied.index, .facts = buf_slice(&conditions->own) });
}

enum err
conditions_heard(struct node *node, peer_id from, const struct msg_condition *m)
{
	struct told_condition *told;
	uint64_t wall_ns;

	if (m->facts.size > CONDITION_BYTES_MAX)
		return ERR_MALFORMED;
	if (node->io.wall_ns == NULL || !is_other_member(node, from))
		return ERR_NONE;
	told = told_by(node, from);
	/* Asked for once, answered once. */
	if (told == NULL || told->asked_ns == 0 || told->asked_ns != m->asked_ns)
		return ERR_NONE;
	wall_ns = node->io.wall_ns(node->io.argument);
	told->ahead_ns = m->wall_ns - MIN_OF(wall_ns, m->wall_ns);
	told->behind_ns = told->asked_ns - MIN_OF(m->wall_ns, told->asked_ns);
	told->asked_ns = 0;
	told->heard_ms = node->now.monotonic_ms;
	told->applied = m->applied;
	blob_unref(&told->facts);
	told->facts = blob_new(m->facts);
	return ERR_NONE;
}

void
conditions_put(struct node *node, peer_id id, struct progress_record *record)
{
	const struct told_condition *told = told_by(node, id);

	if (told != NULL && told->asked_ns != 0)
		record->owes_ms = node->now.monotonic_ms - told->owes_ms;
	if (told == NULL || told->facts == NULL ||
	    node->now.monotonic_ms - told->heard_ms >= FRESH_MS)
		return;
	record->applied = told->applied;
	record->ahead_ns = told->ahead_ns;
	record->behind_ns = told->behind_ns;
	record->condition = blob_slice(told->facts);
}

void
conditions_free(struct node *node)
{
	for (size_t i = 0; i < ARRAY_COUNT(node->conditions.list); i++)
		blob_unref(&node->conditions.list[i].facts);
	buf_free(&node->conditions.own);
}
