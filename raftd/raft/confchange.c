/*
 * confchange.c - who is in the cluster, and one change of it at a time.
 *
 * Two views are kept: of the last entry in the log, which counts for every
 * quorum, and of the last applied one, to which the first falls back when an
 * entry is truncated.
 *
 *	appended --> counts at once	[conf_entry_appended]
 *	truncated --> as before it	[conf_rebuild]
 *	applied --> next one may come	[conf_entry_applied]
 *
 * Called by raft.c, replicate.c, follow.c and ready.c.
 */
#include "raftd/raft/confchange.h"

#include <string.h>

#include "raftd/raft/raft_priv.h"

/* Where the peer is among the sorted ids, or would have to be. */
static size_t
conf_place(const peer_id *peers, size_t count, peer_id peer)
{
	size_t place = 0;

	while (place < count && peers[place] < peer)
		place++;
	return place;
}

static bool
conf_contains(const peer_id *peers, size_t count, peer_id peer)
{
	size_t place = conf_place(peers, count, peer);

	return place < count && peers[place] == peer;
}

static void
conf_insert(peer_id *peers, size_t *count, peer_id peer)
{
	size_t place = conf_place(peers, *count, peer);

	memmove(peers + place + 1, peers + place, (*count - place) * sizeof(*peers));
	peers[place] = peer;
	++*count;
}

static void
conf_delete(peer_id *peers, size_t *count, peer_id peer)
{
	size_t place = conf_place(peers, *count, peer);

	if (place == *count || peers[place] != peer)
		return;
	--*count;
	memmove(peers + place, peers + place + 1, (*count - place) * sizeof(*peers));
	peers[*count] = 0;
}

bool
conf_has_voter(const struct raft_conf *conf, peer_id peer)
{
	return conf_contains(conf->voters, conf->voter_count, peer);
}

bool
conf_has_learner(const struct raft_conf *conf, peer_id peer)
{
	return conf_contains(conf->learners, conf->learner_count, peer);
}

bool
conf_has_member(const struct raft_conf *conf, peer_id peer)
{
	return conf_has_voter(conf, peer) || conf_has_learner(conf, peer);
}

bool
conf_allows(const struct raft_conf *conf, enum raft_conf_op op, peer_id peer)
{
	if (peer == 0)
		return false;
	switch (op) {
	case RAFT_CONF_NONE:
		return false;
	case RAFT_CONF_ADD_LEARNER:
		return !conf_has_member(conf, peer) &&
		    conf->voter_count + conf->learner_count < MEMBERS_MAX;
	case RAFT_CONF_PROMOTE:
		return conf_has_learner(conf, peer) && conf->voter_count < VOTERS_MAX;
	case RAFT_CONF_REMOVE:
		return conf_has_learner(conf, peer) ||
		    (conf_has_voter(conf, peer) && conf->voter_count > 1);
	case RAFT_CONF_ADD_VOTER:
		return !conf_has_member(conf, peer) && conf->voter_count < VOTERS_MAX &&
		    conf->voter_count + conf->learner_count < MEMBERS_MAX;
	}
	return false;
}

void
conf_change(struct raft_conf *conf, enum raft_conf_op op, peer_id peer)
{
	if (!conf_allows(conf, op, peer))
		return;
	switch (op) {
	case RAFT_CONF_NONE:
		break;
	case RAFT_CONF_ADD_LEARNER:
		conf_insert(conf->learners, &conf->learner_count, peer);
		break;
	case RAFT_CONF_PROMOTE:
		conf_delete(conf->learners, &conf->learner_count, peer);
		conf_insert(conf->voters, &conf->voter_count, peer);
		break;
	case RAFT_CONF_REMOVE:
		conf_delete(conf->learners, &conf->learner_count, peer);
		conf_delete(conf->voters, &conf->voter_count, peer);
		break;
	case RAFT_CONF_ADD_VOTER:
		conf_insert(conf->voters, &conf->voter_count, peer);
		break;
	}
}

void
conf_copy(struct raft_conf *result, const struct raft_conf *conf)
{
	struct raft_conf copy = { 0 };

	for (size_t i = 0; i < MIN_OF(conf->voter_count, ARRAY_COUNT(conf->voters)); i++)
		conf_change(&copy, RAFT_CONF_ADD_VOTER, conf->voters[i]);
	for (size_t i = 0; i < MIN_OF(conf->learner_count, ARRAY_COUNT(conf->learners)); i++)
		conf_change(&copy, RAFT_CONF_ADD_LEARNER, conf->learners[i]);
	*result = copy;
}

/* ---- in the core ---------------------------------------------------------- */

/* The members are others now: a leader looks after exactly them. */
static void
members_changed(struct raft *raft)
{
	if (raft->role == RAFT_LEADER)
		replicate_members(raft);
}

void
conf_entry_appended(struct raft *raft, const struct raft_entry *entry)
{
	if (entry->type != RAFT_ENTRY_CONF)
		return;
	conf_change(&raft->conf, entry->conf_op, entry->conf_peer);
	raft->conf_index = entry->index;
	members_changed(raft);
}

void
conf_rebuild(struct raft *raft)
{
	raft_index last = raft_log_last(&raft->log).index;

	raft->conf = raft->conf_applied;
	raft->conf_index = 0;
	for (raft_index index = raft->applied + 1; index <= last; index++) {
		const struct raft_entry *entry = raft_log_entry(&raft->log, index);

		if (entry->type == RAFT_ENTRY_CONF) {
			conf_change(&raft->conf, entry->conf_op, entry->conf_peer);
			raft->conf_index = index;
		}
	}
	members_changed(raft);
}

void
conf_entry_applied(struct raft *raft, const struct raft_entry *entry)
{
	if (entry->type == RAFT_ENTRY_CONF)
		conf_change(&raft->conf_applied, entry->conf_op, entry->conf_peer);
}
