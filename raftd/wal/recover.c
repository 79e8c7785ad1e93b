/*
 * recover.c - what the disk holds at start, and whether it can be believed.
 *
 * Called by wal.c and, for wal_recover, by main.c. Every value is opened with
 * its checksum, every read verifies LevelDB's. Then:
 *	- no batch of the last KEYSPACE_FOOTPRINTS left no footprint;
 *	- the newest batch is not below the mark file;
 *	- the log runs from compacted + 1 to last without gap, terms never fall,
 *	  and last is what the marks say;
 *	- compacted <= applied <= last.
 * Anything else is ERR_CORRUPT: a node must not vote with half a memory.
 * Source: pitfalls unseen-damage, torn-tail and healed-damage of docs/testing.md.
 */
#include "common/ipc/message.h"
#include "common/xmem.h"
#include "raftd/wal/directory.h"
#include "raftd/wal/keyspace.h"
#include "raftd/wal/wal_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Takes detail. */
static enum err
corrupt(struct wal *wal, char *detail, char **sentence)
{
	if (wal->db->torn_log != NULL) {
		char *torn = xasprintf("%s; %s is cut off", detail, wal->db->torn_log);

		free(detail);
		detail = torn;
	}
	*sentence = db_sentence(ERR_CORRUPT, "cannot use", wal->db->path, detail);
	free(detail);
	return ERR_CORRUPT;
}

/* Open a value, naming it if it does not check. */
static enum err
open_value(struct wal *wal, struct slice key, struct slice value, const char *name,
    struct slice *content, char **sentence)
{
	enum err err = record_open(key, value, content);

	if (err == ERR_UNSUPPORTED)
		*sentence = db_sentence(err, "cannot use", wal->db->path, name);
	else if (err != ERR_NONE)
		err = corrupt(wal, xasprintf("%s does not match its checksum", name), sentence);
	return err;
}

/* Read the record under key into buf. ERR_NOT_FOUND without a sentence. */
static enum err
read_record(struct wal *wal, struct keyspace_key key, const char *name, struct buf *value,
    struct reader *content, char **sentence)
{
	struct slice inner;
	enum err err = db_get(wal->db, keyspace_slice(&key), value, sentence);

	if (err != ERR_NONE)
		return err;
	err = open_value(wal, keyspace_slice(&key), buf_slice(value), name, &inner, sentence);
	if (err == ERR_NONE)
		*content = reader_of(inner);
	return err;
}

enum err
recover_identity(struct wal *wal, char **sentence)
{
	struct buf value = BUF_INIT;
	struct disk_identity identity;
	struct reader in;
	enum err err = read_record(wal, keyspace_identity(), "the identity", &value, &in, sentence);

	if (err != ERR_NONE)
		goto out;
	if (!disk_identity_get(&in, &identity) || !reader_done(&in) || identity.node_id == 0 ||
	    identity.name.size > NAME_BYTES_MAX ||
	    memchr(identity.name.data, '\0', identity.name.size) != NULL) {
		err = corrupt(wal, xstrdup("the identity makes no sense"), sentence);
		goto out;
	}
	wal->identity = (struct wal_identity){
		.node_id = identity.node_id,
		.cluster_id = identity.cluster_id,
		.founded = identity.founded != 0,
	};
	memcpy(wal->identity.name, identity.name.data, identity.name.size);
out:
	buf_free(&value);
	return err;
}

static bool
marks_make_sense(const struct disk_marks *marks)
{
	return marks->batch >= 1 && marks->generation >= 1 &&
	    marks->generation <= marks->generation_last &&
	    marks->compacted_index <= marks->applied_index &&
	    marks->applied_index <= marks->last_index &&
	    marks->compacted_term <= marks->applied_term &&
	    marks->applied_term <= marks->last_term && marks->last_index < UINT64_MAX &&
	    marks->trimmed <= marks->compacted_index + 1;
}

enum err
recover_marks(struct wal *wal, struct raft_hard_state *hard_state, char **sentence)
{
	struct buf value = BUF_INIT;
	struct disk_hard_state record = { .term = 0 };
	struct reader in;
	enum err err;

	err = read_record(wal, keyspace_marks(), "the marks record", &value, &in, sentence);

	if (err == ERR_NOT_FOUND) {
		err = corrupt(wal, xstrdup("there is no marks record"), sentence);
		goto out;
	}
	if (err != ERR_NONE)
		goto out;
	if (!disk_marks_get(&in, &wal->marks) || !reader_done(&in) ||
	    !marks_make_sense(&wal->marks)) {
		err = corrupt(wal, xstrdup("the marks record makes no sense"), sentence);
		goto out;
	}
	err = read_record(wal, keyspace_hard_state(), "the term and vote", &value, &in, sentence);
	if (err == ERR_NOT_FOUND)
		err = ERR_NONE;
	else if (err == ERR_NONE && (!disk_hard_state_get(&in, &record) || !reader_done(&in)))
		err = corrupt(wal, xstrdup("the term and vote make no sense"), sentence);
	*hard_state = (struct raft_hard_state){ .term = record.term, .vote = record.vote };
out:
	buf_free(&value);
	return err;
}

enum err
recover_check_mark(struct wal *wal, const struct disk_synced *synced, char **sentence)
{
	const struct disk_marks *marks = &wal->marks;

	if (synced->node_id == 0)
		return ERR_NONE;
	if (synced->node_id != wal->identity.node_id)
		return corrupt(wal, xasprintf("%s is of another node", MARK_FILE_NAME), sentence);
	if (synced->batch <= marks->batch)
		return ERR_NONE;
	return corrupt(wal, xasprintf("it ends at batch %" PRIu64 " with entry %" PRIu64
	    ", but batch %" PRIu64 " with entry %" PRIu64 " was synced", marks->batch,
	    marks->last_index, synced->batch, synced->last_index), sentence);
}

/* ---- scans ----------------------------------------------------------------- */

struct scan {
	struct wal *wal;
	leveldb_iterator_t *iterator;
	char **sentence;
	enum err (*state)(void *argument, struct slice key, struct slice value);
	enum err (*entry)(void *argument, const struct raft_entry *entry);
	void *argument;
};

static void
scan_seek(struct scan *scan, struct keyspace_key key)
{
	db_iterator_seek(scan->iterator, keyspace_slice(&key));
}

/* The batch whose footprint is in that slot if none is lost; 0: none yet. */
static uint64_t
footprint_expected(uint64_t newest, uint32_t slot)
{
	uint64_t behind = (newest - slot) % KEYSPACE_FOOTPRINTS;

	return behind < newest ? newest - behind : 0;
}

_Static_assert(DB_LOG_BATCHES_MAX < KEYSPACE_FOOTPRINTS, "what is lost in front of the newest log "
    "file has its slots to itself");

static enum err
scan_footprints(struct scan *scan)
{
	struct wal *wal = scan->wal;

	scan_seek(scan, keyspace_footprint(0));
	for (uint32_t slot = 0; slot < KEYSPACE_FOOTPRINTS; slot++) {
		uint64_t expected = footprint_expected(wal->marks.batch, slot);
		struct disk_footprint footprint = { .batch = 0 };
		struct slice content;
		struct reader in;
		uint32_t found;
		enum err err;

		if (expected == 0)
			continue;
		if (leveldb_iter_valid(scan->iterator) &&
		    keyspace_is_footprint(db_iterator_key(scan->iterator), &found) &&
		    found == slot) {
			err = open_value(wal, db_iterator_key(scan->iterator),
			    db_iterator_value(scan->iterator), "a footprint", &content,
			    scan->sentence);
			if (err != ERR_NONE)
				return err;
			in = reader_of(content);
			if (!disk_footprint_get(&in, &footprint))
				footprint.batch = 0;
			leveldb_iter_next(scan->iterator);
		}
		err = db_iterator_error(wal->db, scan->iterator, scan->sentence);
		if (err != ERR_NONE)
			return err;
		if (footprint.batch != expected)
			return corrupt(wal, xasprintf("batch %" PRIu64 " is missing", expected),
			    scan->sentence);
	}
	return ERR_NONE;
}

static enum err
scan_state(struct scan *scan)
{
	uint32_t current = scan->wal->marks.generation;

	for (scan_seek(scan, keyspace_generation(current)); leveldb_iter_valid(scan->iterator);
	     leveldb_iter_next(scan->iterator)) {
		struct slice bytes = db_iterator_key(scan->iterator), key, value;
		uint32_t generation;
		enum err err;

		if (!keyspace_is_state(bytes, &generation, &key) || generation != current)
			break;
		err = open_value(scan->wal, bytes, db_iterator_value(scan->iterator),
		    "a record of the applied state", &value, scan->sentence);
		if (err == ERR_NONE)
			err = scan->state(scan->argument, key, value);
		if (err != ERR_NONE)
			return err;
	}
	return db_iterator_error(scan->wal->db, scan->iterator, scan->sentence);
}

/* Take the entry the iterator is at, which must be the one behind before. */
static enum err
take_entry(struct scan *scan, struct raft_position *before)
{
	struct wal *wal = scan->wal;
	raft_index index = before->index + 1;
	struct slice content, payload;
	struct raft_entry entry;
	char name[40];
	raft_index found;
	enum err err;

	snprintf(name, sizeof(name), "entry %" PRIu64, index);
	if (!leveldb_iter_valid(scan->iterator) ||
	    !keyspace_is_log(db_iterator_key(scan->iterator), &found) || found != index)
		return corrupt(wal, xasprintf("%s is missing", name), scan->sentence);
	err = open_value(wal, db_iterator_key(scan->iterator), db_iterator_value(scan->iterator),
	    name, &content, scan->sentence);
	if (err != ERR_NONE)
		return err;
	if (record_get_entry(content, &entry, &payload) != ERR_NONE || entry.index != index)
		return corrupt(wal, xasprintf("%s makes no sense", name), scan->sentence);
	if (entry.term < before->term)
		return corrupt(wal, xasprintf("%s has term %" PRIu64 ", the one before it %" PRIu64,
		    name, entry.term, before->term), scan->sentence);
	*before = (struct raft_position){ entry.index, entry.term };
	terms_append(&wal->terms, *before);
	if (payload.size > 0)
		entry.payload = blob_new(payload);
	err = scan->entry(scan->argument, &entry);
	blob_unref(&entry.payload);
	return err;
}

static enum err
scan_log(struct scan *scan)
{
	struct wal *wal = scan->wal;
	struct raft_position at = { wal->marks.compacted_index, wal->marks.compacted_term };
	raft_index extra;
	enum err err;

	terms_reset(&wal->terms, at);
	scan_seek(scan, keyspace_log(at.index + 1));
	while (at.index < wal->marks.last_index) {
		err = db_iterator_error(wal->db, scan->iterator, scan->sentence);
		if (err == ERR_NONE)
			err = take_entry(scan, &at);
		if (err != ERR_NONE)
			return err;
		leveldb_iter_next(scan->iterator);
	}
	if (at.term != wal->marks.last_term)
		return corrupt(wal, xasprintf("the last entry has term %" PRIu64
		    " and not %" PRIu64, at.term, wal->marks.last_term), scan->sentence);
	if (leveldb_iter_valid(scan->iterator) &&
	    keyspace_is_log(db_iterator_key(scan->iterator), &extra))
		return corrupt(wal, xasprintf("entry %" PRIu64 " is behind the last one, %" PRIu64,
		    extra, at.index), scan->sentence);
	return db_iterator_error(wal->db, scan->iterator, scan->sentence);
}

enum err
wal_recover(struct wal *wal,
    enum err (*state)(void *argument, struct slice key, struct slice value),
    enum err (*entry)(void *argument, const struct raft_entry *entry), void *argument,
    char **sentence)
{
	struct scan scan = { wal, NULL, sentence, state, entry, argument };
	enum err err;

	scan.iterator = db_iterate(wal->db, NULL);
	err = scan_footprints(&scan);
	if (err == ERR_NONE)
		err = scan_state(&scan);
	if (err == ERR_NONE)
		err = scan_log(&scan);
	leveldb_iter_destroy(scan.iterator);
	wal->recovered = err == ERR_NONE;
	return err;
}
