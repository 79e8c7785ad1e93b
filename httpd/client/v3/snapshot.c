/*
 * snapshot.c - Snapshot of the Maintenance service: the applied state of this node as a stream
 * of a backup file (common/backup.h), then its SHA-256.
 *
 *	asked ----> streaming	a piece came: a message			[piece_came]
 *	streaming --> streaming	the client took most of what there was	[drained]
 *	streaming --> ended	the last piece, and a message with the sum
 *	any ------> failed	raftd cannot, or is gone
 *
 * How long it will be is not known before it is read from the disk: 1 byte remains as long as
 * more follows.
 */
#include "common/backup.h"
#include "common/version.h"
#include "httpd/backend.h"
#include "httpd/client/gate.h"
#include "httpd/client/v3/call.h"
#include "httpd/client/v3/methods.h"
#include "httpd/cluster.h"
#include "httpd/worker.h"

/* In the call's arena. */
struct v3_snapshot {
	struct backend_backup backup;
	struct v3_call *of;
	struct backup_writer *writer;
	bool begun;
	uint64_t next;			/* piece to ask for; 0: one is under way */
};

static void
gone(struct v3_call *call)
{
	struct v3_snapshot *snapshot = call->state;

	backend_backup_stop(call->request->worker->backend, &snapshot->backup);
	backup_writer_free(&snapshot->writer);
}

static void
stop(struct v3_call *call)
{
	gone(call);
	call_end(call, v3_status_of(V3_REFUSE_STOPPED));
}

static void
drained(struct v3_call *call)
{
	struct v3_snapshot *snapshot = call->state;
	uint64_t next = snapshot->next;

	if (next == 0 || call_backlog(call) > SNAPSHOT_CHUNK_BYTES)
		return;
	snapshot->next = 0;
	backend_backup_next(call->request->worker->backend, &snapshot->backup, next);
}

static void
fail(struct v3_snapshot *snapshot, enum err err)
{
	backup_writer_free(&snapshot->writer);
	call_end(snapshot->of, v3_status_of(err == ERR_BUSY ? V3_REFUSE_TOO_MANY_REQUESTS :
	    V3_REFUSE_STOPPED));
}

static void
put_head(struct v3_snapshot *snapshot, const struct msg_backup_piece *piece, struct buf *out)
{
	const struct worker *worker = snapshot->of->request->worker;

	backup_put_head(snapshot->writer, &(struct backup_head){
	    .cluster_id = worker->cluster->cluster_id,
	    .node_id = worker->cluster->node_id,
	    .name = slice_text(worker->config.name),
	    .raft_index = piece->raft_index,
	    .raft_term = piece->raft_term,
	    .made_ns = loop_now(worker->loop).wall_ns,
	    .program = slice_text(version_text),
	}, out);
	snapshot->begun = true;
}

/* False: the call is over. */
static bool
say(const struct v3_snapshot *snapshot, uint64_t term, struct slice blob, bool last)
{
	struct v3_response_header header = call_header(snapshot->of, term);

	return call_message(snapshot->of, &(struct v3_snapshot_response){ .header = &header,
	    .remaining_bytes = last ? 0 : 1, .blob = blob });
}

static void
piece_came(struct backend_backup *backup, const struct msg_backup_piece *piece)
{
	struct v3_snapshot *snapshot = CONTAINER_OF(backup, struct v3_snapshot, backup);
	struct v3_call *call = snapshot->of;
	uint8_t sum[BACKUP_DIGEST_BYTES];
	struct buf out = BUF_INIT;
	bool goes_on;

	if (piece->error != ERR_NONE) {
		fail(snapshot, err_from_number(piece->error));
		return;
	}
	if (!snapshot->begun)
		put_head(snapshot, piece, &out);
	backup_put_records(snapshot->writer, piece->records, piece->checksum, &out);
	if (piece->last) {
		backup_put_padded_end(snapshot->writer, piece->store_index, &out, sum);
		backup_writer_free(&snapshot->writer);
		/* Nothing is under way any more. */
		call->gone = NULL;
	} else {
		snapshot->next = piece->sequence + 1;
	}
	goes_on = say(snapshot, piece->raft_term, buf_slice(&out), piece->last);
	buf_free(&out);
	if (goes_on && piece->last && say(snapshot, piece->raft_term, slice_of(sum, sizeof(sum)),
	    true))
		call_end(call, (struct v3_status){ V3_OK, "" });
}

void
serve_snapshot(struct v3_call *call, const void *message UNUSED)
{
	struct v3_snapshot *snapshot;

	/* Hashes of passwords are in it: not for whoever comes. */
	if (gate_hides_hashes(call->request->worker)) {
		call_end(call, (struct v3_status){ V3_PERMISSION_DENIED,
			"there are users, who do not count now: a backup with their passwords' "
			"hashes is made at the peer port, or with etcdctl control backup FILE" });
		return;
	}
	if (!call_may_ask(call))
		return;
	snapshot = arena_zalloc(&call->request->arena, sizeof(*snapshot));
	snapshot->of = call;
	snapshot->backup.piece = piece_came;
	if (!backend_backup(call->request->worker->backend, &snapshot->backup)) {
		call_end(call, v3_status_of(V3_REFUSE_TIMED_OUT));
		return;
	}
	snapshot->writer = backup_writer_new();
	call->state = snapshot;
	call->gone = gone;
	call->stop = stop;
	call->drained = drained;
}
