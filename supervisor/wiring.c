/*
 * wiring.c - makes pairs and sends their ends.
 */
#include "supervisor/wiring.h"

#include "common/diag.h"
#include "common/limits.h"
#include "common/metric.h"
#include "common/rand.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A channel that lasted so long has not broken in a row with the one before. */
#define LINK_LONG_ENOUGH_MS 60000
#define LINK_BACK_OFF_FIRST_MS 100
#define LINK_BACK_OFF_MAX_MS 5000
#define LINK_DEATH_MS 100		/* until a death behind a closed channel is known */

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

static const char *
end_text(int why)
{
	switch (why) {
	case CHANNEL_END_QUEUE:
		return "what was sent was not taken";
	case CHANNEL_END_BYTES:
		return "what came was no frame";
	case CHANNEL_END_RULES:
		return "what came was no message of the sender's";
	case CHANNEL_END_SOCKET:
		return "the socket failed";
	default:
		return "it was closed";
	}
}

/* Make another when it is time. */
static void
link_later(struct process *worker, int why)
{
	struct process_link *link = &worker->link_to_raftd;
	uint64_t now_ms = loop_now(worker->world->loop).monotonic_ms;
	uint64_t delay_ms = 0;

	if (now_ms - link->made_ms >= LINK_LONG_ENOUGH_MS)
		link->breaks = 0;
	if (link->breaks > 0)
		delay_ms = MIN_OF((uint64_t)LINK_BACK_OFF_FIRST_MS << (link->breaks - 1),
		    (uint64_t)LINK_BACK_OFF_MAX_MS);
	if (why == CHANNEL_END_CLOSED)
		delay_ms = MAX_OF(delay_ms, (uint64_t)LINK_DEATH_MS);
	link->why = why;
	loop_timer_set(link->timer, delay_ms);
}

static void
pair_up(struct process *raftd, struct process *worker)
{
	struct process_link *link = &worker->link_to_raftd;
	int pair[2];

	link->why = 0;
	loop_timer_cancel(link->timer);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == -1) {
		diag_error("supervisor", "cannot connect raftd with a worker: process=%s error=%s",
		    worker->name, strerror(errno));
		link_later(worker, CHANNEL_END_SOCKET);
		return;
	}
	link->token = rand_entropy();
	link->made_ms = loop_now(worker->world->loop).monotonic_ms;
	give_end(raftd, worker, link->token, pair[0]);
	give_end(worker, raftd, link->token, pair[1]);
}

/* The worker of that pair; NULL: it is of an earlier one. */
static struct process *
worker_of(struct process_list *processes, struct process *sender, uint64_t token)
{
	struct process *process;

	/* Before another program took our place there may have been a pair that it
	 * does not know. */
	if (sender->role != ROLE_RAFTD)
		return sender->link_to_raftd.token == 0 ||
		    sender->link_to_raftd.token == token ? sender : NULL;
	TAILQ_FOREACH(process, processes, link)
		if (token != 0 && process->link_to_raftd.token == token)
			return process;
	return NULL;
}

void
wiring_lost(struct process_list *processes, struct process *sender,
    const struct msg_channel_lost *lost)
{
	struct process *worker = worker_of(processes, sender, lost->token);
	struct process_link *link;

	if (worker == NULL || !process_needs_raftd(worker))
		return;
	link = &worker->link_to_raftd;
	/* The other end has been faster; but if it knew less, this is the reason. */
	if (link->why == 0 ||
	    (link->why == CHANNEL_END_CLOSED && lost->why != CHANNEL_END_CLOSED))
		link_later(worker, lost->why);
}

void
wiring_again(struct process_list *processes, struct process *worker)
{
	struct process_link *link = &worker->link_to_raftd;
	struct process *raftd;

	TAILQ_FOREACH(raftd, processes, link)
		if (raftd->role == ROLE_RAFTD && process_is_up(raftd) && raftd->channel != NULL)
			break;
	/* A process that is not there is connected when it is started. */
	if (link->why == 0 || raftd == NULL || !process_needs_raftd(worker) ||
	    worker->channel == NULL) {
		link->why = 0;
		return;
	}
	if (link->breaks == LINK_BREAKS_MAX) {
		diag_error("supervisor", "channel to raftd breaks again and again, killed: "
		    "process=%s pid=%ld why=%s", worker->name, (long)worker->pid,
		    end_text(link->why));
		process_kill(worker, SIGKILL);
		return;
	}
	link->breaks++;
	diag_warn("supervisor", "channel between raftd and a worker broke, made anew: process=%s "
	    "why=%s breaks=%u", worker->name, end_text(link->why), link->breaks);
	metric_add(METRIC_channels_remade, 1);
	pair_up(raftd, worker);
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
