/*
 * target.c - see target.h.
 *
 * The wal is raftd's own, with its threads; the loop runs only while we wait for
 * them, so that what is queued for the disk has a bound.
 */
#include "raftd/rebuild/target.h"

#include "common/limits.h"
#include "common/data_dir.h"
#include "common/lock_text.h"
#include "common/xmem.h"
#include "raftd/wal/directory.h"
#include "raftd/wal/wal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* So much is handed to the disk before we wait for it. */
#define QUEUED_BYTES_MAX (4 * MIB)

struct target {
	char *data_dir;
	int lock_fd;			/* -1: the caller's */
	struct loop *loop;
	struct wal *wal;
	uint64_t node_id;
	uint64_t ticket, done;		/* last handed over; last on disk */
	size_t queued;			/* bytes handed over since we waited */
	enum err failed;
	char *sentence;			/* then */
};

/* ---- what the wal tells -------------------------------------------------------- */

static void
persisted(void *argument, uint64_t ticket)
{
	struct target *target = argument;

	target->done = ticket;
	if (ticket >= target->ticket)
		loop_stop(target->loop, 0);
}

static void
fetched(void *argument UNUSED, uint64_t peer UNUSED, struct raft_position prev UNUSED,
    const struct raft_entry *entries UNUSED, size_t count UNUSED)
{
}

static void
snapshot_read(void *argument UNUSED, uint64_t snapshot UNUSED,
    struct raft_position position UNUSED, struct slice records UNUSED, bool last UNUSED)
{
}

static void
snapshot_lost(void *argument UNUSED, uint64_t snapshot UNUSED)
{
}

static void
disk_failed(void *argument, enum err why, const char *sentence)
{
	struct target *target = argument;

	target->failed = why;
	target->sentence = xstrdup(sentence);
	loop_stop(target->loop, 0);
}

/* Until all that was handed over is on disk. */
static enum err
settle(struct target *target, char **sentence)
{
	if (target->failed == ERR_NONE && target->done < target->ticket)
		(void)loop_run(target->loop, 0);
	target->queued = 0;
	if (target->failed != ERR_NONE)
		*sentence = xstrdup(target->sentence);
	return target->failed;
}

/* ---- the directory --------------------------------------------------------------- */

static enum err
system_failed(const char *what, const char *path, char **sentence)
{
	enum err err = err_from_errno(errno);

	*sentence = xasprintf("cannot %s %s: %s", what, path, strerror(errno));
	return err;
}

/* The entry of a directory that was just made, for good. */
static enum err
sync_parent(const char *path, char **sentence)
{
	const char *slash = strrchr(path, '/');
	char *parent = slash == NULL ? xstrdup(".") : slash == path ? xstrdup("/") :
	    xasprintf("%.*s", (int)(slash - path), path);
	enum err err = wal_directory_sync(parent, sentence);

	free(parent);
	return err;
}

/* With its parents, as etcd makes a -data-dir. */
static enum err
make_directory(const char *data_dir, char **sentence)
{
	char *path = xstrdup(data_dir);
	enum err err = ERR_NONE;

	for (char *at = path; err == ERR_NONE; at++) {
		char end = *at;

		if ((end != '/' && end != '\0') || (end == '/' && at == path))
			continue;
		*at = '\0';
		if (mkdir(path, S_IRWXU) == 0)
			err = sync_parent(path, sentence);
		else if (errno != EEXIST)
			err = system_failed("make", path, sentence);
		*at = end;
		if (end == '\0')
			break;
	}
	free(path);
	return err;
}

/* A node takes over nobody else's directory, and neither is one made in it. */
static enum err
refuse_strangers(const char *data_dir, char **sentence)
{
	int fd = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *strangers;

	if (fd == -1)
		return system_failed("open", data_dir, sentence);
	strangers = data_dir_strangers(fd, NULL);
	close(fd);
	if (strangers == NULL)
		return ERR_NONE;
	*sentence = xasprintf("%s holds %s: this needs a new directory or an empty one", data_dir,
	    strangers);
	free(strangers);
	return ERR_INVALID;
}

static enum err
make_and_lock(struct target *target, const char *name, char **sentence)
{
	char *path;
	enum err err = make_directory(target->data_dir, sentence);

	if (err == ERR_NONE)
		err = refuse_strangers(target->data_dir, sentence);
	if (err != ERR_NONE)
		return err;
	path = xasprintf("%s/lock", target->data_dir);
	target->lock_fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
	if (target->lock_fd == -1) {
		err = system_failed("open", path, sentence);
	} else if (flock(target->lock_fd, LOCK_EX | LOCK_NB) == -1) {
		char holder[LOCK_HOLDER_BYTES];

		*sentence = xasprintf("%s is in use by process %s", target->data_dir,
		    wal_directory_lock_holder(target->lock_fd, holder));
		err = ERR_BUSY;
	} else {
		/* For people and the next start only: one that is missing harms nobody. */
		(void)!lock_text_write(target->lock_fd, name, "");
	}
	free(path);
	return err;
}

static enum err
no_state(void *argument UNUSED, struct slice key UNUSED, struct slice value UNUSED)
{
	return ERR_NONE;
}

static enum err
no_entry(void *argument UNUSED, const struct raft_entry *entry UNUSED)
{
	return ERR_NONE;
}

static enum err
open_wal(struct target *target, const char *name, char **sentence)
{
	struct wal_options options = {
		.data_dir = target->data_dir,
		.name = name,
		.cache_bytes = MIB,
		.sync = true,
		.rebuilding = true,
	};
	struct wal_recovered recovered;
	enum err err = wal_open(&options, &target->wal, &recovered, sentence);

	if (err == ERR_NONE)
		err = wal_recover(target->wal, no_state, no_entry, NULL, sentence);
	if (err != ERR_NONE)
		return err;
	target->node_id = recovered.identity.node_id;
	wal_start(target->wal, target->loop, (struct wal_callbacks){
	    .persisted = persisted, .fetched = fetched, .snapshot_read = snapshot_read,
	    .snapshot_lost = snapshot_lost,
	    .failed = disk_failed, .argument = target });
	target->ticket = wal_install_begin(target->wal);
	return ERR_NONE;
}

enum err
target_open(const struct target_options *options, struct target **result, char **sentence)
{
	struct target *target = xzalloc(sizeof(*target));
	enum err err = ERR_NONE;

	target->data_dir = xstrdup(options->data_dir);
	target->lock_fd = -1;
	target->loop = loop_new();
	if (!options->held)
		err = make_and_lock(target, options->name, sentence);
	if (err == ERR_NONE)
		err = wal_directory_rebuild(target->data_dir, sentence);
	if (err == ERR_NONE)
		err = open_wal(target, options->name, sentence);
	if (err != ERR_NONE) {
		target_close(&target);
		return err;
	}
	*result = target;
	return ERR_NONE;
}

void
target_close(struct target **target_pointer)
{
	struct target *target = *target_pointer;

	if (target == NULL)
		return;
	wal_close(&target->wal);
	loop_free(&target->loop);
	if (target->lock_fd != -1)
		close(target->lock_fd);
	free(target->sentence);
	free(target->data_dir);
	free(target);
	*target_pointer = NULL;
}

uint64_t
target_node_id(const struct target *target)
{
	return target->node_id;
}

/* ---- records ---------------------------------------------------------------------- */

enum err
target_put(struct target *target, struct slice records, char **sentence)
{
	target->ticket = wal_install_records(target->wal, records);
	target->queued += records.size;
	return target->queued < QUEUED_BYTES_MAX ? ERR_NONE : settle(target, sentence);
}

enum err
target_finish(struct target *target, struct raft_position position, uint64_t cluster_id,
    char **sentence)
{
	struct wal_turn turn = {
		.hard_state_set = true,
		.hard_state = { .term = position.term },
		.commit = position.index,
		.cluster_id = cluster_id,
	};
	enum err err;

	(void)wal_install_commit(target->wal, position, false);
	target->ticket = wal_submit(target->wal, &turn);
	err = settle(target, sentence);
	wal_close(&target->wal);
	return err == ERR_NONE ? wal_directory_rebuilt(target->data_dir, sentence) : err;
}
