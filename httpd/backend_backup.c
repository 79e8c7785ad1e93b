/*
 * backend_backup.c - backups under way (see backend.h).
 *
 * A backup is of one raftd: when that is gone its image is, so it fails and is
 * not asked for again.
 */
#include "httpd/backend_priv.h"

static void
ask(struct backend *backend, struct backend_backup *backup, uint64_t sequence)
{
	backup->asked_ms = loop_now(backend->worker->loop).monotonic_ms;
	backend_tick_soon(backend);
	msg_backup_ask_frame(channel_out(backend->channel), backup->id,
	    &(struct msg_backup_ask){ .sequence = sequence });
}

bool
backend_backup(struct backend *backend, struct backend_backup *backup)
{
	ASSERT(backup->piece != NULL);
	if (!backend->open)
		return false;
	backup->id = backend->next_read++;
	TAILQ_INSERT_TAIL(&backend->backups, backup, link);
	ask(backend, backup, 0);
	return true;
}

void
backend_backup_next(struct backend *backend, struct backend_backup *backup, uint64_t sequence)
{
	ask(backend, backup, sequence);
	/* It may be asked for while answers are written, behind the frames of this turn. */
	loop_again(backend->worker->loop);
}

void
backend_backup_stop(struct backend *backend, struct backend_backup *backup)
{
	TAILQ_REMOVE(&backend->backups, backup, link);
	msg_backup_stop_frame(channel_out(backend->channel), backup->id,
	    &(struct msg_backup_stop){ .unused = 0 });
	loop_again(backend->worker->loop);
}

void
backend_backup_piece(struct backend *backend, uint64_t id, const struct msg_backup_piece *piece)
{
	struct backend_backup *backup;

	TAILQ_FOREACH(backup, &backend->backups, link) {
		if (backup->id != id)
			continue;
		backup->asked_ms = 0;
		if (piece->last || piece->error != ERR_NONE)
			TAILQ_REMOVE(&backend->backups, backup, link);
		backup->piece(backup, piece);
		return;
	}
}

static struct backend_backup *
first_overdue(const struct backend *backend, uint64_t now_ms)
{
	struct backend_backup *backup;

	/* A raftd that lives may read from its disk for as long as it takes. */
	TAILQ_FOREACH(backup, &backend->backups, link)
		if (backend->silent && backup->asked_ms != 0 &&
		    backend_is_overdue(backend, backup->asked_ms, BACKEND_WAIT_QUEUED, now_ms))
			return backup;
	return NULL;
}

bool
backend_backup_expire(struct backend *backend, uint64_t now_ms)
{
	struct backend_backup *backup;

	while ((backup = first_overdue(backend, now_ms)) != NULL) {
		backend_backup_stop(backend, backup);
		backup->piece(backup, &(struct msg_backup_piece){ .error = ERR_CLOSED });
	}
	return !TAILQ_EMPTY(&backend->backups);
}

void
backend_backup_lost(struct backend *backend)
{
	struct backend_backup *backup;

	while ((backup = TAILQ_FIRST(&backend->backups)) != NULL) {
		TAILQ_REMOVE(&backend->backups, backup, link);
		backup->piece(backup, &(struct msg_backup_piece){ .error = ERR_CLOSED });
	}
}
