/*
 * discard.c - what a node was before it was removed is not needed once it votes again.
 *
 * A database has as many files as its data needs, and on a disk that hangs the removal of
 * one does not end. So "rebuild discard" removes them, a child that nobody waits for; what
 * it leaves when it is ended goes the next time that this node begins to vote.
 *
 * While it lives it holds the lock of what was left (common/data_dir.h): a node that is
 * removed once more puts its data away under the same names, and raftd waits for that.
 *
 *	kept --> going	the node votes, as of raftd's state	[discard_look]
 *	going -> gone	the child has ended			[discard_reaped]
 */
#include "supervisor/supervisor.h"

#include "common/data_dir.h"
#include "common/diag.h"
#include "supervisor/log.h"
#include "supervisor/spawn.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool
is_voter(const struct node_view *node)
{
	struct reader in = reader_of(buf_slice(&node->members));
	struct member_record member;

	while (!reader_done(&in) && member_record_get(&in, &member))
		if (member.id == node->node_id)
			return node->phase == PHASE_MEMBER && member.role == MEMBER_VOTER;
	return false;
}

static void
complain(const struct supervisor *supervisor, const char *why)
{
	diag_warn("directory", "cannot remove the data of before this node was removed: "
	    "path=%s/db.removed error=%s", supervisor->config->data_dir, why);
}

void
discard_look(struct supervisor *supervisor)
{
	char *argv[] = { "rebuild", "discard", supervisor->config->data_dir, NULL };
	struct spawn spawn = { .path = supervisor->rebuild_path, .argv = argv,
		.stderr_fd = supervisor->world.log == NULL ? 0 :
		    log_crash_fd(supervisor->world.log) };
	bool voter = is_voter(&supervisor->node);

	if (voter == supervisor->voter)
		return;
	if (!voter || !data_dir_has_removed(supervisor->config->data_dir)) {
		supervisor->voter = voter;
		return;
	}
	spawn.control_fd = data_dir_lock_removed(supervisor->config->data_dir, false);
	/* One of before is at it, and is looked after with the next state. */
	if (spawn.control_fd == -1 && errno == EWOULDBLOCK)
		return;
	supervisor->voter = true;
	if (spawn.control_fd != -1)
		supervisor->discarding = spawn_program(&spawn);
	if (spawn.control_fd == -1 || supervisor->discarding == -1) {
		complain(supervisor, strerror(errno));
		supervisor->discarding = 0;
	}
	/* It is the child's now. */
	if (spawn.control_fd != -1)
		close(spawn.control_fd);
}

bool
discard_reaped(struct supervisor *supervisor, pid_t pid, int status)
{
	if (supervisor->discarding == 0 || pid != supervisor->discarding)
		return false;
	supervisor->discarding = 0;
	if (WIFSIGNALED(status))
		complain(supervisor, strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != EXIT_STOPPED)
		complain(supervisor, "rebuild has said it");
	return true;
}
