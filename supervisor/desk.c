/*
 * desk.c - see desk.h.
 *
 * A transfer has one asker, since there is one transfer at a time (restart.c):
 *
 *	none --> asked	the transfer is under way	[ask_lead]
 *	asked --> none	it is over; who asked is told, if he is there still	[lead_done]
 */
#include "supervisor/desk.h"

#include "common/diag.h"
#include "common/xmem.h"
#include "supervisor/log.h"
#include "supervisor/marks.h"
#include "supervisor/supervisor.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct desk {
	struct supervisor *supervisor;
	struct marks marks;
	struct buf members;		/* list of member_record, as it was looked at last */
	uint64_t leader_id, term;	/* the same */
	pid_t asker;			/* who waits for the transfer; 0: nobody */
	uint64_t asker_id;		/* and what he called it */
};

struct desk *
desk_new(struct supervisor *supervisor)
{
	struct desk *desk = xzalloc(sizeof(*desk));

	desk->supervisor = supervisor;
	return desk;
}

void
desk_free(struct desk **desk)
{
	if (*desk == NULL)
		return;
	buf_free(&(*desk)->members);
	free(*desk);
	*desk = NULL;
}

/* ---- what happened ------------------------------------------------------------------ */

static void PRINTF_LIKE(3, 4)
note(struct desk *desk, uint8_t kind, const char *format, ...)
{
	char text[MARK_TEXT_BYTES_MAX + 1];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	marks_add(&desk->marks, loop_now(desk->supervisor->loop).wall_ns, kind, text);
}

static bool
find_member(struct slice list, uint64_t id, struct member_record *member)
{
	struct reader in = reader_of(list);

	while (!reader_done(&in) && member_record_get(&in, member))
		if (member->id == id)
			return true;
	return false;
}

static void
note_members(struct desk *desk, struct slice before, struct slice after)
{
	struct member_record member, other;
	struct reader in = reader_of(after);

	while (!reader_done(&in) && member_record_get(&in, &member)) {
		const char *role = member.role == MEMBER_VOTER ? "votes" : "does not vote";

		if (!find_member(before, member.id, &other))
			note(desk, MARK_MEMBERSHIP, "%.*s joined, and %s", SLICE_ARGS(member.name),
			    role);
		else if (other.role != member.role)
			note(desk, MARK_MEMBERSHIP, "%.*s %s now", SLICE_ARGS(member.name), role);
	}
	in = reader_of(before);
	while (!reader_done(&in) && member_record_get(&in, &member))
		if (!find_member(after, member.id, &other))
			note(desk, MARK_MEMBERSHIP, "%.*s was removed", SLICE_ARGS(member.name));
}

void
desk_note_state(struct desk *desk)
{
	const struct node_view *node = &desk->supervisor->node;
	struct slice members = buf_slice(&node->members);

	if (node->phase != PHASE_MEMBER)
		return;
	/* What it finds at the start did not happen then. */
	if (desk->members.size > 0 && !slice_equal(buf_slice(&desk->members), members))
		note_members(desk, buf_slice(&desk->members), members);
	buf_clear(&desk->members);
	buf_append_slice(&desk->members, members);
	/* raftd that starts again finds the leader that was there. */
	if (node->leader_id == 0 ||
	    (node->leader_id == desk->leader_id && node->term == desk->term))
		return;
	desk->leader_id = node->leader_id;
	desk->term = node->term;
	note(desk, MARK_ELECTION, "%.*s leads, term %" PRIu64,
	    SLICE_ARGS(supervisor_member_name(desk->supervisor, node->leader_id)), node->term);
}

void
desk_note_end(struct desk *desk, const struct process *process, int status)
{
	if (process->retired || process->renewed)
		note(desk, MARK_RESTART, "%s was replaced", process->name);
	else if (WIFSIGNALED(status))
		note(desk, MARK_RESTART, "%s was ended by signal %d", process->name,
		    WTERMSIG(status));
	else
		note(desk, MARK_RESTART, "%s ended with code %d", process->name,
		    WEXITSTATUS(status));
}

/* ---- answers -------------------------------------------------------------------------- */

static void
tell(const struct desk *desk, const struct process *process, uint64_t id, const char *problem,
    struct slice text)
{
	msg_told_frame(channel_out(process->channel), id, &(struct msg_told){
	    .problem = problem == NULL ? SLICE_EMPTY : slice_text(problem), .text = text });
	loop_again(desk->supervisor->loop);
}

static void
put_processes(const struct supervisor *supervisor, struct buf *out)
{
	uint64_t up_ns = clock_monotonic_ns() - supervisor->started_ns;
	const struct process *process;

	process_record_put(out, &(struct process_record){ .role = ROLE_SUPERVISOR,
	    .name = SLICE_LITERAL("supervisor"), .pid = (uint32_t)getpid(),
	    .started_ns = clock_now().wall_ns - up_ns });
	TAILQ_FOREACH(process, &supervisor->processes, link)
		process_record_put(out, &(struct process_record){
		    .role = (uint8_t)process->role, .number = process->number,
		    .name = slice_text(process->name), .pid = (uint32_t)process->pid,
		    .restarts = process->restarts, .started_ns = process->started_wall_ns,
		    .flags = (uint8_t)((process->hasty ? PROCESS_FLAG_HASTY : 0) |
			(process->quiet ? PROCESS_FLAG_QUIET : 0)) });
}

static void
send_view(const struct desk *desk, const struct process *process, uint64_t id)
{
	const struct supervisor *supervisor = desk->supervisor;
	struct buf processes = BUF_INIT, marks = BUF_INIT;
	char *waiting = console_reason(supervisor);

	put_processes(supervisor, &processes);
	marks_put(&desk->marks, &marks);
	msg_view_frame(channel_out(process->channel), id, &(struct msg_view){
	    .waiting = waiting == NULL ? SLICE_EMPTY : slice_text(waiting),
	    .notice = buf_slice(&supervisor->node.notice),
	    .processes = buf_slice(&processes), .reach = buf_slice(&supervisor->node.reach),
	    .marks = buf_slice(&marks) });
	loop_again(supervisor->loop);
	free(waiting);
	buf_free(&processes);
	buf_free(&marks);
}

static void
lead_done(void *argument, const char *problem)
{
	struct desk *desk = argument;
	const struct process *process;

	TAILQ_FOREACH(process, &desk->supervisor->processes, link)
		if (process->pid != 0 && process->pid == desk->asker && process->channel != NULL)
			tell(desk, process, desk->asker_id, problem, SLICE_EMPTY);
	desk->asker = 0;
}

static void
ask_lead(struct desk *desk, const struct process *process, uint64_t id, const struct msg_ask *ask)
{
	struct supervisor *supervisor = desk->supervisor;
	char *to = xasprintf("%.*s", SLICE_ARGS(ask->name));
	char *problem = NULL;

	if (strcmp(supervisor->config->member_changes, "off") == 0) {
		problem = xstrdup("the lead is not moved at the client port of this node "
		    "(-member-changes off)");
	} else if (desk->asker != 0) {
		problem = xstrdup("another restart or transfer is under way");
	} else {
		enum err err;

		desk->asker = process->pid;
		desk->asker_id = id;
		diag_info("supervisor", "a client asks to move the lead: to=%s asker=%.*s", to,
		    SLICE_ARGS(ask->asker));
		err = restart_transfer(supervisor, to, lead_done, desk);
		if (err == ERR_BUSY)
			problem = xstrdup("another restart or transfer is under way, "
			    "or the node is stopping");
		else if (err != ERR_NONE)
			problem = restart_no_transfer(supervisor);
		if (err != ERR_NONE)
			desk->asker = 0;
	}
	if (problem != NULL)
		tell(desk, process, id, problem, SLICE_EMPTY);
	free(problem);
	free(to);
}

void
desk_asked(struct desk *desk, const struct process *process, uint64_t request_id,
    const struct msg_ask *ask)
{
	switch (ask->what) {
	case ASK_LOG:
		tell(desk, process, request_id, NULL,
		    log_tail(desk->supervisor->log, ask->lines));
		break;
	case ASK_LEAD:
		ask_lead(desk, process, request_id, ask);
		break;
	default:
		send_view(desk, process, request_id);
	}
}
