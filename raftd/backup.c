/*
 * backup.c - images of the applied state for operators, piece by piece.
 *
 *	asked ----> syncing	what is applied is in a batch		[backups_turn]
 *	syncing --> reading	that is synced: the image is opened	[backups_turn]
 *	reading --> sent	the disk gave a piece			[backups_read]
 *	sent -----> reading	the worker asks for the next		[backups_ask]
 *	any ------> free	the last piece, the worker is gone, or too late
 *	reading, sent --> free	the image is lost: the disk was full	[backups_lost]
 *
 * The image has everything that this node had applied when it was asked, so all
 * that it has answered. No write waits for it, and no log is kept for it; but the
 * disk keeps what it holds as long as it lasts. So a worker that does not ask for
 * the next piece in time, or takes an hour in all, gets no more.
 */
#include "raftd/node_priv.h"

#include "common/crc32c.h"

/* A piece that is not asked for within this time: given up. */
#define PIECE_WAIT_MS 60000

static struct backup *
backup_find(struct node *node, uint64_t session, uint64_t request_id)
{
	for (size_t i = 0; i < BACKUPS_MAX; i++)
		if (node->backups[i].phase != BACKUP_FREE && node->backups[i].session == session &&
		    node->backups[i].request_id == request_id)
			return &node->backups[i];
	return NULL;
}

static void
send_failure(struct node *node, uint64_t session, uint64_t request_id, enum err error)
{
	node->io.backup_piece(node->io.argument, session, request_id,
	    &(struct msg_backup_piece){ .error = (uint16_t)error });
}

static void
backup_end(struct node *node, struct backup *backup)
{
	if (backup->phase >= BACKUP_READING)
		node->io.snapshot_end(node->io.argument, backup->snapshot);
	*backup = (struct backup){ .phase = BACKUP_FREE };
}

/* Those who come by the client port leave a place for operators. */
static void
begin(struct node *node, uint64_t session, uint64_t request_id, bool of_clients)
{
	struct backup *backup = NULL;
	size_t clients = 0;

	for (size_t i = 0; i < BACKUPS_MAX; i++) {
		clients += node->backups[i].of_clients;
		if (node->backups[i].phase == BACKUP_FREE)
			backup = &node->backups[i];
	}
	if (backup == NULL || (of_clients && clients >= BACKUPS_OF_CLIENTS_MAX)) {
		send_failure(node, session, request_id, ERR_BUSY);
		return;
	}
	*backup = (struct backup){
		.phase = BACKUP_ASKED,
		.session = session,
		.request_id = request_id,
		.of_clients = of_clients,
		.begun_ms = node->now.monotonic_ms,
	};
}

static void
read_piece(struct node *node, struct backup *backup)
{
	backup->phase = BACKUP_READING;
	node->io.snapshot_read(node->io.argument, backup->snapshot, SNAPSHOT_CHUNK_BYTES);
}

void
backups_ask(struct node *node, uint64_t session, uint64_t request_id, uint64_t sequence,
    bool of_clients)
{
	struct backup *backup = backup_find(node, session, request_id);

	if (backup == NULL && sequence == 0)
		begin(node, session, request_id, of_clients);
	else if (backup == NULL)
		send_failure(node, session, request_id, ERR_TIMED_OUT);
	else if (backup->phase == BACKUP_SENT && sequence == backup->next)
		read_piece(node, backup);
}

void
backups_stop(struct node *node, uint64_t session, uint64_t request_id)
{
	struct backup *backup = backup_find(node, session, request_id);

	if (backup == NULL)
		return;
	node_note(node, DIAG_WARN, "backup given up, it is not wanted any more: pieces=%" PRIu64,
	    backup->next);
	backup_end(node, backup);
}

void
backups_session_gone(struct node *node, uint64_t session)
{
	for (size_t i = 0; i < BACKUPS_MAX; i++)
		if (node->backups[i].phase != BACKUP_FREE && node->backups[i].session == session)
			backup_end(node, &node->backups[i]);
}

/* The record of the store index, if it is among them. */
static void
note_store_index(struct backup *backup, struct slice records)
{
	struct reader in = reader_of(records);
	struct state_record record;

	while (!reader_done(&in) && state_record_get(&in, &record))
		(void)store_record_index(record.key, record.value, &backup->store_index);
}

bool
backups_read(struct node *node, uint64_t snapshot, struct raft_position position,
    struct slice records, bool last)
{
	struct backup *backup = NULL;
	struct msg_backup_piece piece;

	for (size_t i = 0; i < BACKUPS_MAX; i++)
		if (node->backups[i].phase == BACKUP_READING &&
		    node->backups[i].snapshot == snapshot)
			backup = &node->backups[i];
	if (backup == NULL)
		return false;
	note_store_index(backup, records);
	piece = (struct msg_backup_piece){
		.sequence = backup->next,
		.last = last,
		.raft_index = position.index,
		.raft_term = position.term,
		.store_index = backup->store_index,
		.records = records,
		.checksum = crc32c(0, records),
	};
	node->io.backup_piece(node->io.argument, backup->session, backup->request_id, &piece);
	backup->next++;
	backup->phase = BACKUP_SENT;
	backup->deadline_ms = node->now.monotonic_ms + PIECE_WAIT_MS;
	if (!last)
		return true;
	node_note(node, DIAG_INFO, "backup read index=%" PRIu64 " store=%" PRIu64 " pieces=%" PRIu64
	    " ms=%" PRIu64, position.index, backup->store_index, backup->next,
	    node->now.monotonic_ms - backup->begun_ms);
	backup_end(node, backup);
	return true;
}

bool
backups_lost(struct node *node, uint64_t snapshot)
{
	for (size_t i = 0; i < BACKUPS_MAX; i++) {
		struct backup *backup = &node->backups[i];

		if (backup->phase < BACKUP_READING || backup->snapshot != snapshot)
			continue;
		node_note(node, DIAG_WARN, "backup given up, the disk was full and its image is "
		    "lost pieces=%" PRIu64, backup->next);
		send_failure(node, backup->session, backup->request_id, ERR_NO_SPACE);
		backup_end(node, backup);
		return true;
	}
	return false;
}

bool
backups_want_disk(const struct node *node)
{
	for (size_t i = 0; i < BACKUPS_MAX; i++)
		if (node->backups[i].phase == BACKUP_ASKED)
			return true;
	return false;
}

void
backups_turn(struct node *node)
{
	uint64_t now = node->now.monotonic_ms;

	for (size_t i = 0; i < BACKUPS_MAX; i++) {
		struct backup *backup = &node->backups[i];

		/* What was applied is with the disk, unless that is half an entry. */
		if (backup->phase == BACKUP_ASKED && !node->applied_dirty) {
			backup->ticket = node->last_ticket;
			backup->phase = BACKUP_SYNCING;
		}
		if (backup->phase == BACKUP_SYNCING && node->synced_ticket >= backup->ticket) {
			backup->snapshot = node->io.snapshot_begin(node->io.argument);
			read_piece(node, backup);
		}
		if (backup->phase == BACKUP_SENT &&
		    (now >= backup->deadline_ms || now - backup->begun_ms >= BACKUP_MS_MAX)) {
			node_note(node, DIAG_WARN,
			    "backup given up, it is taken too slowly pieces=%" PRIu64,
			    backup->next);
			send_failure(node, backup->session, backup->request_id, ERR_TIMED_OUT);
			backup_end(node, backup);
		}
	}
}

uint64_t
backups_deadline(const struct node *node)
{
	uint64_t due = UINT64_MAX;

	for (size_t i = 0; i < BACKUPS_MAX; i++)
		if (node->backups[i].phase == BACKUP_SENT)
			due = MIN_OF(due, MIN_OF(node->backups[i].deadline_ms,
			    node->backups[i].begun_ms + BACKUP_MS_MAX));
	return due;
}
