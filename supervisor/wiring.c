/*
 * wiring.c - makes pairs and sends their ends.
 */
#include "supervisor/wiring.h"

#include "common/diag.h"
#include "common/rand.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* to gets fd, at whose other end other is. */
static void
give_end(struct process *to, const struct process *other, uint64_t token, int fd)
{
	struct buf *out = channel_out(to->channel);

	msg_attach_frame(out, 0, &(struct msg_attach){ .role = (uint8_t)other->role,
	    .number = other->number, .token = token });
	channel_attach(to->channel, fd);
	close(fd);
}

static void
pair_up(struct process *raftd, struct process *worker)
{
	uint64_t token = rand_entropy();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == -1) {
		/* Without descriptors nothing works; its restart tries again, later and later. */
		diag_error("supervisor", "cannot connect raftd with a worker: process=%s error=%s",
		    worker->name, strerror(errno));
		process_kill(worker, SIGKILL);
		return;
	}
	give_end(raftd, worker, token, pair[0]);
	give_end(worker, raftd, token, pair[1]);
}

static void
give_handover(struct process *to, const struct process *other, bool give, uint64_t token, int fd)
{
	msg_handover_frame(channel_out(to->channel), 0, &(struct msg_handover){ .give = give,
	    .number = other->number, .token = token });
	channel_attach(to->channel, fd);
	close(fd);
}

void
wiring_hand_over(struct process *from, struct process *to)
{
	uint64_t token = rand_entropy();
	int pair[2];

	if (from->channel == NULL || to->channel == NULL)
		return;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == -1) {
		diag_warn("supervisor", "cannot connect two workers, connections will be closed: "
		    "process=%s error=%s", from->name, strerror(errno));
		return;
	}
	give_handover(to, from, false, token, pair[0]);
	give_handover(from, to, true, token, pair[1]);
}

void
wiring_add(struct process_list *processes, struct process *process)
{
	struct process *other;

	TAILQ_FOREACH(other, processes, link) {
		if (other == process || !process_needs_raftd(other) || other->channel == NULL)
			continue;
		if (process->role == ROLE_RAFTD)
			pair_up(process, other);
		else if (other->role == ROLE_RAFTD)
			pair_up(other, process);
	}
}

int
wiring_visit(struct process_list *processes)
{
	struct process *process;
	int pair[2];

	TAILQ_FOREACH(process, processes, link) {
		if (process->role == ROLE_PEER && process_is_up(process) &&
		    process->channel != NULL)
			break;
	}
	if (process == NULL ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == -1)
		return -1;
	msg_attach_frame(channel_out(process->channel), 0,
	    &(struct msg_attach){ .role = ROLE_SUPERVISOR });
	channel_attach(process->channel, pair[0]);
	close(pair[0]);
	return pair[1];
}
