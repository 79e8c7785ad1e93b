/*
 * backend_backup.c - backups under way (see backend.h).
 *
 * A backup is of one raftd: when that is gone its image is, so it fails and is
 * not asked for again.
 */
#include "httpd/backend_priv.h"

static struct backend_backup *
backup_of(struct question *question)
{
	return CONTAINER_OF(question, struct backend_backup, question);
}

static void
send_ask(struct backend *backend, struct backend_backup *backup, uint64_t sequence)
{
	msg_backup_ask_frame(channel_out(backend->channel), backup->question.id,
	    &(struct msg_backup_ask){ .sequence = sequence });
}

/* There is none under way when a channel opens: see lost_backup. */
static void
send_backup(struct backend *backend UNUSED, struct question *question UNUSED)
{
}

static void
lost_backup(struct backend *backend, struct question *question)
{
	question_over(backend, question);
	backup_of(question)->piece(backup_of(question),
	    &(struct msg_backup_piece){ .error = ERR_CLOSED });
}

static void
fail_backup(struct backend *backend, struct question *question, enum question_failure why UNUSED)
{
	struct backend_backup *backup = backup_of(question);

	backend_backup_stop(backend, backup);
	backup->piece(backup, &(struct msg_backup_piece){ .error = ERR_CLOSED });
}

static void
drop_backup(struct question *question UNUSED)
{
}

static const struct question_kind backup_kind = {
	.ids = IDS_CALLS, .send = send_backup, .lost = lost_backup, .fail = fail_backup,
	.drop = drop_backup,
};

bool
backend_backup(struct backend *backend, struct backend_backup *backup)
{
	ASSERT(backup->piece != NULL);
	if (!backend->open)
		return false;
	question_begin(backend, &backup->question, &backup_kind, backend->next_id++, PLACE_ASKED);
	backup->question.patience = PATIENCE_ALIVE;
	backup->question.begun = true;
	send_ask(backend, backup, 0);
	return true;
}

void
backend_backup_next(struct backend *backend, struct backend_backup *backup, uint64_t sequence)
{
	question_ask(backend, &backup->question);
	send_ask(backend, backup, sequence);
	/* It may be asked for while answers are written, behind the frames of this turn. */
	loop_again(backend->worker->loop);
}

void
backend_backup_stop(struct backend *backend, struct backend_backup *backup)
{
	msg_backup_stop_frame(channel_out(backend->channel), backup->question.id,
	    &(struct msg_backup_stop){ .unused = 0 });
	question_over(backend, &backup->question);
	loop_again(backend->worker->loop);
}

void
backend_backup_piece(struct backend *backend, uint64_t id, const struct msg_backup_piece *piece)
{
	struct question *question = question_find(backend, &backup_kind, id);

	if (question == NULL)
		return;
	if (piece->last || piece->error != ERR_NONE)
		question_over(backend, question);
	else
		question_move(backend, question, PLACE_RESTING);
	backup_of(question)->piece(backup_of(question), piece);
}
