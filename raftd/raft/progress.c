/*
 * progress.c - what a leader knows of one peer.
 *
 * Called by replicate.c and transfer.c only.
 */
#include "raftd/raft/progress.h"

#include <stdlib.h>

#include "common/xmem.h"

struct progress *
progress_new(peer_id id, raft_index next, size_t window_max)
{
	struct progress *progress = xzalloc(sizeof(*progress));

	ASSERT(next > 0);
	progress->id = id;
	progress->window_max = MAX_OF(window_max, (size_t)1);
	progress->window = xmalloc(progress->window_max * sizeof(*progress->window));
	progress_probe(progress, next);
	return progress;
}

void
progress_free(struct progress **progress)
{
	if (*progress == NULL)
		return;
	progress_drop_fetched(*progress);
	free((*progress)->window);
	free(*progress);
	*progress = NULL;
}

static void
progress_enter(struct progress *progress, enum progress_state state, raft_index next)
{
	ASSERT(next > progress->match);
	progress->state = state;
	progress->next = next;
	progress->tail_term = 0;
	progress->probe_sent = false;
	progress->probe_plain = false;
	progress->nudge = false;
	progress->quiet = false;
	progress->window_first = 0;
	progress->window_count = 0;
	progress->window_bytes = 0;
}

void
progress_probe(struct progress *progress, raft_index next)
{
	progress_enter(progress, PROGRESS_PROBE, next);
	/* What was sent may be lost, and with it the commit index. */
	progress->commit_told = 0;
}

void
progress_replicate(struct progress *progress)
{
	progress_enter(progress, PROGRESS_REPLICATE, progress->match + 1);
}

void
progress_snapshot(struct progress *progress)
{
	progress_enter(progress, PROGRESS_SNAPSHOT, progress->next);
	progress->commit_told = 0;
}

bool
progress_has_room(const struct progress *progress, size_t bytes_max)
{
	return progress->window_count < progress->window_max &&
	    (progress->window_count == 0 || progress->window_bytes < bytes_max);
}

void
progress_sent(struct progress *progress, struct raft_position last, size_t bytes)
{
	size_t place = (progress->window_first + progress->window_count) % progress->window_max;

	ASSERT(progress->state == PROGRESS_REPLICATE);
	ASSERT(progress->window_count < progress->window_max);
	ASSERT(last.index >= progress->next);
	progress->window[place] = (struct inflight){ last.index, bytes };
	progress->window_count++;
	progress->window_bytes += bytes;
	progress->next = last.index + 1;
	progress->tail_term = last.term;
}

bool
progress_matched(struct progress *progress, raft_index index)
{
	if (index <= progress->match)
		return false;
	progress->match = index;
	if (progress->next <= index) {
		progress->next = index + 1;
		progress->tail_term = 0;
	}
	while (progress->window_count > 0 &&
	    progress->window[progress->window_first].last <= index) {
		progress->window_bytes -= progress->window[progress->window_first].bytes;
		progress->window_first = (progress->window_first + 1) % progress->window_max;
		progress->window_count--;
	}
	return true;
}

void
progress_keep_fetched(struct progress *progress, struct raft_position prev,
    const struct raft_entry *entries, size_t count)
{
	progress_drop_fetched(progress);
	progress->fetched_prev = prev;
	progress->fetched = xmalloc(count * sizeof(*entries));
	progress->fetched_count = count;
	for (size_t i = 0; i < count; i++) {
		progress->fetched[i] = entries[i];
		blob_ref(entries[i].payload);
	}
}

void
progress_drop_fetched(struct progress *progress)
{
	for (size_t i = 0; i < progress->fetched_count; i++)
		blob_unref(&progress->fetched[i].payload);
	free(progress->fetched);
	progress->fetched = NULL;
	progress->fetched_count = 0;
	progress->fetched_sent = false;
}
