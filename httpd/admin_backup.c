/*
 * admin_backup.c - GET /v2/admin/backup: the applied state as a backup file.
 *
 *	asked ----> streaming	the first piece: the headers go out	[piece_came]
 *	streaming --> streaming	the client took most of what there was	[drained]
 *	streaming --> ended	the last piece, and the file's end	[piece_came]
 *	asked ----> refused	raftd cannot now			[piece_came]
 *	streaming --> cut	raftd is gone, the client is too slow	[piece_came]
 *	any ------> left	the client hung up			[gone]
 *
 * One piece is asked for at a time, so memory holds one or two of them. A body
 * that is cut ends without the end of the file and without the end of HTTP's chunks, so
 * nobody takes it for whole.
 */
#include "common/backup.h"
#include "common/version.h"
#include "httpd/admin.h"
#include "httpd/backend.h"
#include "httpd/cluster.h"
#include "httpd/worker.h"

#define BACKUP_TYPE "application/octet-stream"
/* Fewer bytes than this wait for the client: the next piece is asked for. */
#define BACKLOG_LOW SNAPSHOT_CHUNK_BYTES

/* In the request's arena. */
struct admin_backup {
	struct backend_backup backup;
	struct request *request;
	struct backup_writer *writer;
	uint64_t next;			/* piece to ask for; 0: one is under way */
};

static void
gone(struct request *request)
{
	struct admin_backup *backup = request->state;

	backend_backup_stop(request->worker->backend, &backup->backup);
	backup_writer_free(&backup->writer);
}

/* The worker stops: what is left would take longer than it has. */
static void
stop(struct request *request)
{
	gone(request);
	request->gone = NULL;
	if (request->streaming)
		response_abort(request);
	else
		response_plain_error(request, 503, "this node stops");
}

static void
drained(struct request *request)
{
	struct admin_backup *backup = request->state;
	uint64_t next = backup->next;

	if (next == 0 || response_backlog(request) > BACKLOG_LOW)
		return;
	backup->next = 0;
	backend_backup_next(request->worker->backend, &backup->backup, next);
}

static void
refuse(struct request *request, enum err err)
{
	if (err == ERR_BUSY)
		response_plain_error(request, 503,
		    "other backups of this node are under way; try again later");
	else
		response_plain_error(request, 503, "this node cannot give a backup now");
}

static void
failed(struct admin_backup *backup, enum err err)
{
	struct request *request = backup->request;

	request->gone = NULL;
	request->stop = NULL;
	request->drained = NULL;
	backup_writer_free(&backup->writer);
	if (request->streaming)
		response_abort(request);
	else
		refuse(request, err);
}

static void
begin(struct admin_backup *backup, const struct msg_backup_piece *piece, struct buf *out)
{
	struct request *request = backup->request;
	const struct cluster *cluster = request->worker->cluster;
	struct backup_head head = {
		.cluster_id = cluster->cluster_id,
		.node_id = cluster->node_id,
		.name = slice_text(request->worker->config.name),
		.raft_index = piece->raft_index,
		.raft_term = piece->raft_term,
		.made_ns = loop_now(request->worker->loop).wall_ns,
		.program = slice_text(version_text),
	};

	response_header_number(request, "X-Raft-Index", piece->raft_index);
	response_header_number(request, "X-Raft-Term", piece->raft_term);
	response_header(request, "Cache-Control", "no-store");
	response_stream_begin(request, 200, BACKUP_TYPE);
	backup_put_head(backup->writer, &head, out);
}

static void
piece_came(struct backend_backup *backend_backup, const struct msg_backup_piece *piece)
{
	struct admin_backup *backup = CONTAINER_OF(backend_backup, struct admin_backup, backup);
	struct request *request = backup->request;
	struct buf out = BUF_INIT;
	struct blob *blob;

	if (piece->error != ERR_NONE) {
		failed(backup, err_from_number(piece->error));
		return;
	}
	if (!request->streaming)
		begin(backup, piece, &out);
	backup_put_records(backup->writer, piece->records, piece->checksum, &out);
	if (piece->last)
		backup_put_end(backup->writer, piece->store_index, &out);
	blob = blob_new(buf_slice(&out));
	buf_free(&out);
	response_stream_blob(request, blob);
	blob_unref(&blob);
	if (!piece->last) {
		backup->next = piece->sequence + 1;
		return;
	}
	request->gone = NULL;
	request->stop = NULL;
	request->drained = NULL;
	backup_writer_free(&backup->writer);
	response_stream_end(request);
}

void
admin_backup_handle(struct request *request)
{
	struct admin_backup *backup;

	if (request->method == METHOD_HEAD) {
		response_send(request, 200, BACKUP_TYPE, SLICE_EMPTY);
		return;
	}
	backup = arena_zalloc(&request->arena, sizeof(*backup));
	backup->request = request;
	backup->backup.piece = piece_came;
	if (!backend_backup(request->worker->backend, &backup->backup)) {
		refuse(request, ERR_CLOSED);
		return;
	}
	backup->writer = backup_writer_new();
	request->state = backup;
	request->gone = gone;
	request->stop = stop;
	request->drained = drained;
}
