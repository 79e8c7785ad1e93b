/*
 * sim_store.h - what a real store keeps to itself, for the checks.
 *
 * Apart from sim_check.c, since a node of the tree and a node of the cluster have one name.
 */
#ifndef MOOTHALL_TESTS_SIM_STORE_H
#define MOOTHALL_TESTS_SIM_STORE_H

#include "common/key_limits.h"

struct store;

struct store_facts {
	uint64_t first, last;		/* of the history */
	size_t bytes;			/* of the events in it; */
	size_t kept_bytes, kept_bytes_max, kept_count; /* of older ones, for answers */
	struct key_limits limits;
	size_t nodes;			/* of the tree, removed ones that are not yet freed, too */
	uint64_t past_looks;		/* at most, that all who are behind have to come */
};

struct store_facts store_facts(const struct store *store);

#endif
