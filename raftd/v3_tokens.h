/*
 * v3_tokens.h - tokens of the v3 API that this node knows, and how much of them, and of its
 * users, workers know.
 *
 * Called by the conductor alone, in its turns (node_priv.h).
 */
#ifndef MOOTHALL_RAFTD_V3_TOKENS_H
#define MOOTHALL_RAFTD_V3_TOKENS_H

#include "common/buf.h"

struct node;
struct v3_auth_fact;
struct v3_token;

struct v3_tokens {
	struct v3_token *items;		/* by index */
	size_t count, capacity;
	uint64_t look_ms;		/* then one may be due */
	uint64_t kept_until_ms;		/* up to then workers may give back what they know */
	uint64_t version;		/* of what was told last */
	uint64_t auth_told;		/* version of the users and roles that workers know */
	struct buf added, removed;	/* not told yet */
	struct buf bytes;
};

void node_v3_tokens_free(struct v3_tokens *tokens);
/* What was applied with the entry of that index. */
void node_v3_auth_applied(struct node *node, uint64_t index, const struct v3_auth_fact *fact);
void node_v3_tokens_turn(struct node *node);
uint64_t node_v3_tokens_deadline(const struct node *node);
void node_v3_tokens_replaced(struct node *node);

#endif
