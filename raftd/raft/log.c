/*
 * log.c - the log, as much of it as is in memory.
 *
 * The array has free room in front (entries that were forgotten) and behind;
 * it is moved down only when the room in front is at least as large as what
 * is held, so a push costs constant time on average.
 */
#include "raftd/raft/log.h"

#include <stdlib.h>
#include <string.h>

#include "common/xmem.h"

void
raft_log_init(struct raft_log *log, struct raft_position position, raft_index compacted)
{
	*log = (struct raft_log){ .base = position, .compacted = compacted,
		.submitted = position.index, .persisted = position.index };
}

/* Give up the last `count` entries held. */
static void
raft_log_pop(struct raft_log *log, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct raft_entry *entry = &log->entries[log->head + --log->count];

		log->bytes -= raft_entry_bytes(entry);
		blob_unref(&entry->payload);
	}
}

void
raft_log_clear(struct raft_log *log)
{
	raft_log_pop(log, log->count);
	free(log->entries);
	*log = (struct raft_log){ 0 };
}

struct raft_position
raft_log_last(const struct raft_log *log)
{
	if (log->count == 0)
		return log->base;
	const struct raft_entry *last = &log->entries[log->head + log->count - 1];
	return (struct raft_position){ last->index, last->term };
}

uint64_t
raft_log_last_time(const struct raft_log *log)
{
	return raft_log_time(log, log->base.index + log->count);
}

const struct raft_entry *
raft_log_entry(const struct raft_log *log, raft_index index)
{
	if (index <= log->base.index || index - log->base.index > log->count)
		return NULL;
	return &log->entries[log->head + (size_t)(index - log->base.index) - 1];
}

raft_term
raft_log_term(const struct raft_log *log, raft_index index)
{
	const struct raft_entry *entry = raft_log_entry(log, index);

	if (entry != NULL)
		return entry->term;
	return index == log->base.index ? log->base.term : 0;
}

uint64_t
raft_log_time(const struct raft_log *log, raft_index index)
{
	const struct raft_entry *entry = raft_log_entry(log, index);

	if (entry != NULL)
		return entry->time_ns;
	return index == log->base.index ? log->base_time_ns : 0;
}

size_t
raft_entry_bytes(const struct raft_entry *entry)
{
	return RAFT_ENTRY_BYTES + (entry->payload == NULL ? 0 : entry->payload->size);
}

void
raft_log_push(struct raft_log *log, const struct raft_entry *entry)
{
	struct raft_position last = raft_log_last(log);

	ASSERT(entry->index == last.index + 1);
	ASSERT(entry->term >= last.term);
	if (log->head + log->count == log->capacity) {
		if (log->head > 0 && log->head >= log->count) {
			memmove(log->entries, log->entries + log->head,
			    log->count * sizeof(*log->entries));
			log->head = 0;
		} else {
			log->entries = xgrow(log->entries, &log->capacity,
			    log->head + log->count + 1, sizeof(*log->entries));
		}
	}
	log->entries[log->head + log->count] = *entry;
	blob_ref(entry->payload);
	log->count++;
	log->bytes += raft_entry_bytes(entry);
}

void
raft_log_truncate(struct raft_log *log, raft_index from)
{
	raft_index last = raft_log_last(log).index;

	ASSERT(from > log->base.index);
	if (from > last)
		return;
	raft_log_pop(log, (size_t)(last - from) + 1);
	/* What was never handed out is not on disk either. */
	if (from <= log->submitted) {
		if (log->truncate_from == 0 || from < log->truncate_from)
			log->truncate_from = from;
		log->submitted = from - 1;
	}
	log->persisted = MIN_OF(log->persisted, from - 1);
}

void
raft_log_forget(struct raft_log *log, raft_index index)
{
	while (log->count > 0 && log->base.index < index) {
		struct raft_entry *first = &log->entries[log->head];

		log->base = (struct raft_position){ first->index, first->term };
		log->base_time_ns = first->time_ns;
		log->bytes -= raft_entry_bytes(first);
		blob_unref(&first->payload);
		log->head++;
		log->count--;
	}
	if (log->count == 0)
		log->head = 0;
}

void
raft_log_reset(struct raft_log *log, struct raft_position position)
{
	raft_log_pop(log, log->count);
	log->head = 0;
	log->base = position;
	log->base_time_ns = 0;
	log->submitted = position.index;
	log->persisted = position.index;
	log->truncate_from = 0;
}

raft_index
raft_log_seek(const struct raft_log *log, raft_index index, raft_term term)
{
	raft_index low = log->base.index;	/* may be the answer, or nothing better is */
	raft_index high = MIN_OF(index, raft_log_last(log).index);

	if (high <= low)
		return high;
	while (low < high) {
		raft_index middle = low + (high - low + 1) / 2;

		if (raft_log_term(log, middle) <= term)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}
