/*
 * place.h - places for members: made by a client before the machine joins.
 *
 * A place has an id and peer URLs. It is no member: it counts for no quorum and is in no
 * configuration of Raft. The machine that joins with one of its URLs takes it, and is shown to
 * clients by the place's id from then on, while Raft goes on knowing it by its own, which is
 * the one of its data directory. Replicated, changed by committed entries only; pure. Part of
 * struct members.
 *
 *	(none) --POST--> open		[places_put]
 *	open ----a join---> taken	[places_put]
 *	open, taken ----> removed	[places_remove]	with its member, or alone
 *	removed --PLACES_REMOVED_MAX others were, later--> (none)
 *
 * Source: docs/architecture.md, "A place for a member"; docs/decisions.md.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_PLACE_H
#define MOOTHALL_RAFTD_REPLICA_PLACE_H

#include "common/err.h"
#include "common/ipc/message.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "raftd/raft/types.h"

/* One that is open or taken. */
struct place {
	uint64_t id;
	uint64_t since;			/* raft index: the order of making */
	peer_id node;			/* who took it; 0: it is open */
	char *peer_urls;		/* separated by commas */
};

struct removed_place {
	uint64_t id;
	uint64_t since;
};

struct places {
	size_t count;
	struct place list[PLACES_MAX];	/* by since, then id */
	struct removed_place *removed;	/* the same; at most PLACES_REMOVED_MAX */
	size_t removed_count, removed_capacity;
};

void places_clear(struct places *places);
/* Open or taken; NULL: there is none. */
const struct place *places_find(const struct places *places, uint64_t id);
/* The one that node took; NULL: none. */
const struct place *places_of_node(const struct places *places, peer_id node);
/* An open one that has that peer URL among its own; NULL: none. */
const struct place *places_open_at(const struct places *places, struct slice peer_url);
size_t places_open_count(const struct places *places);
bool places_was_removed(const struct places *places, uint64_t id);

/* What one is to be; texts are copied. */
struct place_values {
	uint64_t id, since;
	peer_id node;
	struct slice peer_urls;
};

/* Add or replace the place of that id; appends its state record. False if the table is full:
 * nothing changed. */
bool places_put(struct places *places, const struct place_values *values, struct buf *effects);
/* Remove it, if it is there, by the entry of that raft index; its id is remembered. */
void places_remove(struct places *places, uint64_t id, uint64_t since, struct buf *effects);
/* Take a state record ('P'). */
enum err places_load(struct places *places, struct slice key, struct slice value) MUST_CHECK;
/* Append those that are open or taken as a list of place_record, in order of making. */
void places_encode(const struct places *places, struct buf *out);
/* Append all that is replicated of them, for a checksum. */
void places_put_state(const struct places *places, struct buf *out);
/* Assert what always holds. */
void places_invariants(const struct places *places);

#endif
