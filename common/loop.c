/*
 * loop.c - one event loop per process, over libevent's core.
 *
 * A turn is one pass of event_base_loop, then the timers that are due, then the
 * turn-end functions. The clock is read when somebody first asks in a turn: that
 * is after the wait, and before anything of the turn was done that could depend
 * on it.
 *
 *	waiting ---> callbacks ---> timers ---> turn ends ---> waiting	[loop_run]
 *	turn ends ---> returned, if loop_stop was called		[loop_run]
 *
 * A turn in steady state asks the kernel for nothing but what is ready. Timers are
 * the loop's own: libevent's have the kernel's coarse clock, or set a timer in each
 * turn. Here it is set when one is due earlier than it stands, and wakes the loop
 * for nothing at times. And a descriptor that is not to be read for a while stays
 * registered until it is ready (see loop_io_want).
 */
#include "common/loop.h"

#include "common/heap.h"
#include "common/xmem.h"

#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define TURN_ENDS_MAX 8

/* Apart from the loop, so that reading the time of a const loop may cache it. */
struct turn_time {
	struct clock_time now;
	bool is_read;
};

struct turn_end {
	void (*run)(void *argument);
	void *argument;
};

struct signal_watch {
	STAILQ_ENTRY(signal_watch) link;
	struct event *event;
	void (*caught)(void *argument, int signal_number);
	void *argument;
};

struct loop {
	struct event_base *base;
	struct turn_time *time;
	struct turn_end ends[TURN_ENDS_MAX];
	size_t end_count;
	STAILQ_HEAD(, signal_watch) signals;
	struct heap timers;
	int alarm_fd;		/* the kernel's timer */
	struct event *alarm;
	uint64_t alarm_ns;	/* it stands at; UINT64_MAX: at nothing */
	bool again;		/* the next turn does not wait */
	bool stopped;
	int code;
};

struct loop_io {
	struct loop *loop;
	struct event *event;
	int fd;
	unsigned wanted;
	unsigned registered;	/* wanted, or more than that */
	void (*ready)(void *argument, unsigned events);
	void *argument;
};

struct loop_timer {
	struct loop *loop;
	struct heap_link link;	/* loop: timers, if it is set */
	uint64_t due_ns;	/* monotonic */
	void (*due)(void *argument);
	void *argument;
};

/* ---- libevent's small pieces ------------------------------------------------ */

/*
 * libevent keeps a few bytes for each descriptor number for ever. Among the
 * memory of connections each of them would hold a page back when the connections
 * are gone; so what is as small as that comes from blocks of its own. The
 * library's hooks have no argument, hence the static list.
 */
#define CELL_BYTES 48
#define CELLS_PER_BLOCK 1024

union cell {
	struct {
		bool small;
		size_t size;
	} head;
	max_align_t align;
};

struct free_cell {
	union cell head;
	struct free_cell *next;
	uint8_t rest[CELL_BYTES - sizeof(struct free_cell *)];
};

static struct free_cell *free_cells;

static void *
cell_alloc(size_t size)
{
	union cell *head;

	if (size > CELL_BYTES) {
		head = xmalloc(sizeof(*head) + size);
		head->head.small = false;
	} else {
		if (free_cells == NULL) {
			struct free_cell *block = xmalloc(CELLS_PER_BLOCK * sizeof(*block));

			for (size_t i = 0; i < CELLS_PER_BLOCK; i++) {
				block[i].next = free_cells;
				free_cells = &block[i];
			}
		}
		head = &free_cells->head;
		free_cells = free_cells->next;
		head->head.small = true;
	}
	head->head.size = size;
	return head + 1;
}

static void
cell_free(void *memory)
{
	union cell *head;

	if (memory == NULL)
		return;
	head = (union cell *)memory - 1;
	if (!head->head.small) {
		free(head);
		return;
	}
	CONTAINER_OF(head, struct free_cell, head)->next = free_cells;
	free_cells = CONTAINER_OF(head, struct free_cell, head);
}

static void *
cell_resize(void *memory, size_t size)
{
	void *moved = cell_alloc(size);

	if (memory != NULL) {
		memcpy(moved, memory, MIN_OF(size, ((union cell *)memory - 1)->head.size));
		cell_free(memory);
	}
	return moved;
}

/* ---- timers ----------------------------------------------------------------- */

static bool
due_before(const struct heap_link *a, const struct heap_link *b)
{
	return CONTAINER_OF(a, const struct loop_timer, link)->due_ns <
	    CONTAINER_OF(b, const struct loop_timer, link)->due_ns;
}

static struct loop_timer *
first_timer(const struct loop *loop)
{
	struct heap_link *link = heap_first(&loop->timers);

	return link == NULL ? NULL : CONTAINER_OF(link, struct loop_timer, link);
}

static void
alarm_rang(evutil_socket_t fd, short what UNUSED, void *argument)
{
	struct loop *loop = argument;
	uint64_t count;

	/* It may stand at another time by now: then there is nothing to read. */
	if (read((int)fd, &count, sizeof(count)) == (ssize_t)sizeof(count))
		loop->alarm_ns = UINT64_MAX;
}

/* Before the loop waits. */
static void
set_alarm(struct loop *loop)
{
	const struct loop_timer *timer = first_timer(loop);
	struct itimerspec at = { .it_value = { .tv_sec = 0 } };

	if (timer == NULL || timer->due_ns >= loop->alarm_ns)
		return;
	loop->alarm_ns = timer->due_ns;
	at.it_value.tv_sec = (time_t)(timer->due_ns / NS_PER_SECOND);
	at.it_value.tv_nsec = (long)(timer->due_ns % NS_PER_SECOND);
	MUST(timerfd_settime(loop->alarm_fd, TFD_TIMER_ABSTIME, &at, NULL) == 0);
}

/* Those that are set meanwhile are for the next turn. */
static void
run_timers(struct loop *loop)
{
	struct loop_timer *timer = first_timer(loop);
	uint64_t now_ns;

	if (timer == NULL)
		return;
	now_ns = loop_now(loop).monotonic_ns;
	while ((timer = first_timer(loop)) != NULL && timer->due_ns <= now_ns) {
		heap_remove(&loop->timers, &timer->link);
		timer->due(timer->argument);
	}
}

/* ---- the loop ---------------------------------------------------------------- */

static void
open_alarm(struct loop *loop)
{
	heap_init(&loop->timers, due_before);
	loop->alarm_ns = UINT64_MAX;
	loop->alarm_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	ASSERT(loop->alarm_fd != -1);
	loop->alarm = event_new(loop->base, loop->alarm_fd, EV_READ | EV_PERSIST, alarm_rang,
	    loop);
	ASSERT(loop->alarm != NULL);
	MUST(event_add(loop->alarm, NULL) == 0);
}

struct loop *
loop_new(void)
{
	struct event_config *config;
	struct loop *loop = xzalloc(sizeof(*loop));

	event_set_mem_functions(cell_alloc, cell_resize, cell_free);
	config = event_config_new();
	ASSERT(config != NULL);
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	loop->base = event_base_new_with_config(config);
	ASSERT(loop->base != NULL);
	event_config_free(config);
	loop->time = xzalloc(sizeof(*loop->time));
	STAILQ_INIT(&loop->signals);
	open_alarm(loop);
	/* A peer that goes away is an error of the write, not our death. */
	signal(SIGPIPE, SIG_IGN);
	return loop;
}

void
loop_free(struct loop **loop_pointer)
{
	struct loop *loop = *loop_pointer;
	struct signal_watch *watch;

	*loop_pointer = NULL;
	if (loop == NULL)
		return;
	while ((watch = STAILQ_FIRST(&loop->signals)) != NULL) {
		STAILQ_REMOVE_HEAD(&loop->signals, link);
		event_free(watch->event);
		free(watch);
	}
	event_free(loop->alarm);
	close(loop->alarm_fd);
	heap_free(&loop->timers);
	event_base_free(loop->base);
	free(loop->time);
	free(loop);
}

void
loop_at_turn_end(struct loop *loop, void (*end)(void *), void *argument)
{
	ASSERT(loop->end_count < TURN_ENDS_MAX);
	loop->ends[loop->end_count++] = (struct turn_end){ end, argument };
}

int
loop_run(struct loop *loop, int initial_code)
{
	/* A stop before the start counts. */
	if (!loop->stopped)
		loop->code = initial_code;
	while (!loop->stopped) {
		int flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY;

		if (loop->again)
			flags |= EVLOOP_NONBLOCK;
		else
			set_alarm(loop);
		loop->again = false;
		loop->time->is_read = false;
		MUST(event_base_loop(loop->base, flags) != -1);
		run_timers(loop);
		for (size_t i = 0; i < loop->end_count; i++)
			loop->ends[i].run(loop->ends[i].argument);
	}
	loop->stopped = false;
	return loop->code;
}

void
loop_stop(struct loop *loop, int code)
{
	loop->stopped = true;
	loop->code = code;
}

void
loop_again(struct loop *loop)
{
	loop->again = true;
}

struct clock_time
loop_now(const struct loop *loop)
{
	struct turn_time *time = loop->time;

	if (!time->is_read) {
		time->now = clock_now();
		time->is_read = true;
	}
	return time->now;
}

struct event_base *
loop_base(struct loop *loop)
{
	return loop->base;
}

static bool
has_hung_up(int fd)
{
	struct pollfd look = { .fd = fd, .events = POLLRDHUP };

	return poll(&look, 1, 0) == 1 && (look.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

static void io_ready(evutil_socket_t fd, short what, void *argument);

static void
io_register(struct loop_io *io, unsigned events)
{
	short what = EV_PERSIST;

	if (io->registered != 0)
		event_del(io->event);
	io->registered = events;
	if (events == 0)
		return;
	if ((events & LOOP_READ) != 0)
		what |= EV_READ;
	if ((events & LOOP_WRITE) != 0)
		what |= EV_WRITE;
	if ((events & LOOP_HANGUP) != 0)
		what |= EV_CLOSED;
	/* libevent tells of a connection that was reset those only who read or write, and
	 * would be told of it again and again. With edges what is not read costs a call
	 * when more of it comes. */
	if (events == LOOP_HANGUP)
		what |= EV_READ | EV_ET;
	MUST(event_assign(io->event, io->loop->base, io->fd, what, io_ready, io) == 0);
	MUST(event_add(io->event, NULL) == 0);
}

/* Readable, and nobody wants to read now: it may be that the other side has hung up. */
static unsigned
unread(struct loop_io *io)
{
	unsigned hangup = (io->wanted & LOOP_HANGUP) != 0 && has_hung_up(io->fd) ? LOOP_HANGUP : 0;

	if (io->registered != LOOP_HANGUP)
		io_register(io, io->wanted);
	return hangup;
}

static void
io_ready(evutil_socket_t fd UNUSED, short what, void *argument)
{
	struct loop_io *io = argument;
	unsigned events = 0;

	if ((what & EV_WRITE) != 0)
		events |= LOOP_WRITE;
	if ((what & EV_CLOSED) != 0)
		events |= LOOP_HANGUP;
	if ((what & EV_READ) != 0)
		events |= (io->wanted & LOOP_READ) != 0 ? LOOP_READ : unread(io);
	if (events != 0)
		io->ready(io->argument, events);
}

struct loop_io *
loop_io_new(struct loop *loop, int fd, void (*ready)(void *argument, unsigned events),
    void *argument)
{
	struct loop_io *io = xzalloc(sizeof(*io));

	io->loop = loop;
	io->fd = fd;
	io->ready = ready;
	io->argument = argument;
	io->event = event_new(loop->base, fd, EV_READ | EV_PERSIST, io_ready, io);
	ASSERT(io->event != NULL);
	return io;
}

void
loop_io_want(struct loop_io *io, unsigned events)
{
	if (events == io->wanted)
		return;
	io->wanted = events;
	/* For a moment, mostly, and mostly nothing comes in it: what is registered for
	 * reading stays so until it is ready. */
	if ((io->registered & LOOP_READ) != 0 && events != 0 &&
	    (io->registered & LOOP_WRITE) == (events & LOOP_WRITE))
		return;
	io_register(io, events);
}

void
loop_io_free(struct loop_io **io_pointer)
{
	struct loop_io *io = *io_pointer;

	*io_pointer = NULL;
	if (io == NULL)
		return;
	event_free(io->event);
	free(io);
}

struct loop_timer *
loop_timer_new(struct loop *loop, void (*due)(void *argument), void *argument)
{
	struct loop_timer *timer = xzalloc(sizeof(*timer));

	timer->loop = loop;
	timer->due = due;
	timer->argument = argument;
	return timer;
}

void
loop_timer_set(struct loop_timer *timer, uint64_t delay_ms)
{
	uint64_t now_ns = clock_monotonic_ns();

	timer->due_ns = delay_ms > (UINT64_MAX - now_ns) / NS_PER_MS ? UINT64_MAX :
	    now_ns + delay_ms * NS_PER_MS;
	if (timer->link.place == 0)
		heap_insert(&timer->loop->timers, &timer->link);
	else
		heap_update(&timer->loop->timers, &timer->link);
}

void
loop_timer_cancel(struct loop_timer *timer)
{
	if (timer->link.place != 0)
		heap_remove(&timer->loop->timers, &timer->link);
}

void
loop_timer_free(struct loop_timer **timer_pointer)
{
	struct loop_timer *timer = *timer_pointer;

	*timer_pointer = NULL;
	if (timer == NULL)
		return;
	loop_timer_cancel(timer);
	free(timer);
}

static void
signal_caught(evutil_socket_t number, short what UNUSED, void *argument)
{
	struct signal_watch *watch = argument;

	watch->caught(watch->argument, (int)number);
}

void
loop_on_signal(struct loop *loop, int signal_number,
    void (*caught)(void *argument, int signal_number), void *argument)
{
	struct signal_watch *watch = xzalloc(sizeof(*watch));

	watch->caught = caught;
	watch->argument = argument;
	watch->event = evsignal_new(loop->base, signal_number, signal_caught, watch);
	ASSERT(watch->event != NULL);
	MUST(event_add(watch->event, NULL) == 0);
	STAILQ_INSERT_TAIL(&loop->signals, watch, link);
}
