/*
 * forget.c - what a node was before it was removed is not needed once it votes again.
 *
 * A database has as many files as its data needs, and on a disk that hangs the removal of
 * one does not end. So "rebuild forget" removes them, a child that nobody waits for; what
 * it leaves when it is ended goes the next time that this node begins to vote.
 *
 *	kept --> going	the node votes, as of raftd's state	[forget_look]
 *	going -> gone	the child has ended			[forget_reaped]
 */
#include "supervisor/supervisor.h"

#include "common/diag.h"
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
forget_look(struct supervisor *supervisor)
{
	char *argv[] = { "rebuild", "forget", supervisor->config->data_dir, NULL };
	/* It is told nothing. */
	struct spawn spawn = { .path = supervisor->rebuild_path, .argv = argv,
		.control_fd = STDERR_FILENO, .listen_fd = -1 };
	bool voter = is_voter(&supervisor->node);

	if (voter == supervisor->voter)
		return;
	supervisor->voter = voter;
	if (!voter || supervisor->forgetting != 0)
		return;
	supervisor->forgetting = spawn_program(&spawn);
	if (supervisor->forgetting != -1)
		return;
	complain(supervisor, strerror(errno));
	supervisor->forgetting = 0;
}

bool
forget_reaped(struct supervisor *supervisor, pid_t pid, int status)
{
	if (supervisor->forgetting == 0 || pid != supervisor->forgetting)
		return false;
	supervisor->forgetting = 0;
	if (WIFSIGNALED(status))
		complain(supervisor, strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != EXIT_STOPPED)
		complain(supervisor, "rebuild has said it");
	return true;
}
