/*
 * sim_store.c - see sim_store.h.
 */
#include "tests/sim/sim_store.h"

#include "raftd/replica/store/store_priv.h"

struct store_facts
store_facts(const struct store *store)
{
	const struct history *history = &store->history;

	return (struct store_facts){
		.first = history->first,
		.last = history->last,
		.bytes = history->bytes,
		.kept_bytes = history->kept_bytes,
		.kept_bytes_max = HISTORY_KEPT_TIMES * history->bytes_max,
		.kept_count = history->kept.count,
		.limits = store->limits,
		.nodes = store->tree.count,
		.past_looks = store->watch.behind * (history->last - history->first + 1),
	};
}
