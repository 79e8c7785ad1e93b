/*
 * service.c - see service.h.
 */
#include "supervisor/service.h"

#include "common/xmem.h"
#include "supervisor/supervisor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WATCHDOG_RETRY_MS 1000		/* a child was silent: look again then */
#define EXTEND_STEP_MS 5000
#define EXTEND_US UINT64_C(30000000)
#define STOP_MARGIN_MS 5000
#define US_PER_MS 1000

const char *
service_state(const struct supervisor *supervisor)
{
	if (stop_under_way(supervisor))
		return "stopping";
	if (supervisor->ready)
		return supervisor->world.out_of_rotation ? "ready, drained" : "ready";
	if (supervisor->node.phase == PHASE_JOINING && supervisor->config->peers[0] != '\0')
		return "joining";
	if (supervisor->node.phase == PHASE_STANDBY)
		return "standby";
	if (supervisor->node.phase == PHASE_REMOVED)
		return "removed";
	return supervisor->ever_ready ? "degraded" : "starting";
}

/* What is not as it should be; freed by the caller. NULL: nothing to say. */
static char *
reason(const struct supervisor *supervisor)
{
	const struct process *raftd = supervisor_process(supervisor, ROLE_RAFTD, 0);
	uint64_t since_ms = (clock_monotonic_ns() - supervisor->started_ns) / NS_PER_MS;
	const struct process *process;

	if (stop_under_way(supervisor))
		return NULL;
	TAILQ_FOREACH(process, &supervisor->processes, link) {
		if (process->hasty)
			return xasprintf("%s restarts too fast", process->name);
	}
	if (raftd != NULL && raftd->state != PROCESS_RUNNING && supervisor->ever_ready)
		return xstrdup("raftd restarting");
	if (raftd != NULL && raftd->quiet)
		return xstrdup("raftd gives no sign of life");
	if (supervisor->node.refuses.size > 0)
		return xasprintf("%.*s", SLICE_ARGS(buf_slice(&supervisor->node.refuses)));
	if (supervisor->node.phase != PHASE_RECOVERING)
		return console_reason(supervisor);
	if (since_ms < EXTEND_STEP_MS)
		return NULL;
	return xasprintf("raftd recovers for more than %" PRIu64 " s",
	    since_ms / EXTEND_STEP_MS * (EXTEND_STEP_MS / 1000));
}

static void
tell_status(struct supervisor *supervisor)
{
	struct service *service = &supervisor->service;
	char *detail = supervisor->ready && !stop_under_way(supervisor) ?
	    console_place(supervisor) : reason(supervisor);
	struct slice notice = buf_slice(&supervisor->node.notice);
	char *text = xasprintf("%s%s%s%s%.*s", service_state(supervisor),
	    detail == NULL ? "" : ": ", detail == NULL ? "" : detail,
	    notice.size == 0 ? "" : "; ", SLICE_ARGS(notice));

	free(detail);
	if (service->status != NULL && strcmp(service->status, text) == 0) {
		free(text);
		return;
	}
	notify_send(&supervisor->notify, "STATUS=%s", text);
	free(service->status);
	service->status = text;
}

/* Reading back a large state takes as long as it takes; a dead raftd does not. */
static void
ask_for_time(struct supervisor *supervisor)
{
	const struct process *raftd = supervisor_process(supervisor, ROLE_RAFTD, 0);
	uint64_t now_ms = loop_now(supervisor->loop).monotonic_ms;

	if (supervisor->served || stop_under_way(supervisor) || raftd == NULL ||
	    supervisor->node.phase != PHASE_RECOVERING || !process_is_up(raftd) || raftd->hasty ||
	    process_is_silent(raftd, now_ms) ||
	    now_ms - supervisor->service.extended_ms < EXTEND_STEP_MS)
		return;
	supervisor->service.extended_ms = now_ms;
	notify_send(&supervisor->notify, "EXTEND_TIMEOUT_USEC=%" PRIu64, EXTEND_US);
}

void
service_look(struct supervisor *supervisor)
{
	tell_status(supervisor);
	ask_for_time(supervisor);
}

static bool
all_alive(const struct supervisor *supervisor)
{
	uint64_t now_ms = loop_now(supervisor->loop).monotonic_ms;
	const struct process *process;

	TAILQ_FOREACH(process, &supervisor->processes, link) {
		if (process_is_silent(process, now_ms))
			return false;
	}
	return true;
}

static void
watchdog_due(void *argument)
{
	struct supervisor *supervisor = argument;
	uint64_t half_ms = MAX_OF(supervisor->notify.watchdog_us / 2 / US_PER_MS, UINT64_C(1));
	bool alive = all_alive(supervisor);

	if (alive)
		notify_send(&supervisor->notify, "WATCHDOG=1");
	loop_timer_set(supervisor->service.watchdog,
	    alive ? half_ms : MIN_OF(half_ms, (uint64_t)WATCHDOG_RETRY_MS));
}

void
service_start(struct supervisor *supervisor)
{
	struct service *service = &supervisor->service;

	service->extended_ms = loop_now(supervisor->loop).monotonic_ms;
	if (supervisor->notify.watchdog_us != 0) {
		service->watchdog = loop_timer_new(supervisor->loop, watchdog_due, supervisor);
		loop_timer_set(service->watchdog, 0);
	}
	service_look(supervisor);
}

void
service_free(struct supervisor *supervisor)
{
	loop_timer_free(&supervisor->service.watchdog);
	free(supervisor->service.status);
	supervisor->service.status = NULL;
}

void
service_ready(struct supervisor *supervisor)
{
	if (supervisor->served)
		return;
	supervisor->served = true;
	tell_status(supervisor);
	notify_ready(&supervisor->notify);
}

void
service_reloading(struct supervisor *supervisor)
{
	if (supervisor->served)
		notify_send(&supervisor->notify, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64
		    "\nSTATUS=reloading", clock_monotonic_ns() / 1000);
	free(supervisor->service.status);
	supervisor->service.status = NULL;
}

void
service_reloaded(struct supervisor *supervisor)
{
	if (supervisor->served)
		notify_send(&supervisor->notify, "READY=1");
	tell_status(supervisor);
}

void
service_stopping(struct supervisor *supervisor, uint64_t limit_ms)
{
	notify_send(&supervisor->notify, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRIu64,
	    (limit_ms + STOP_MARGIN_MS) * US_PER_MS);
	tell_status(supervisor);
}

void
service_keep(const struct notify *notify, const char *name, const int *fds, size_t count)
{
	char *text = xasprintf("FDSTORE=1\nFDNAME=%s", name);
	char *mark_text = xasprintf("FDSTORE=1\nFDNAME=%s-own", name);
	int mark = eventfd(0, EFD_CLOEXEC);

	/* Without the mark they would be taken for those of a socket unit. */
	if (notify->fd != -1 && mark != -1) {
		notify_send_fd(notify, mark, mark_text);
		for (size_t i = 0; i < count; i++)
			notify_send_fd(notify, fds[i], text);
	}
	if (mark != -1)
		close(mark);
	free(text);
	free(mark_text);
}

void
service_forget(const struct notify *notify, const char *name)
{
	notify_send(notify, "FDSTOREREMOVE=1\nFDNAME=%s", name);
	notify_send(notify, "FDSTOREREMOVE=1\nFDNAME=%s-own", name);
}
