/*
 * loop.h - one event loop per process, in one thread (over libevent).
 *
 * A turn: the clock is read, callbacks of what is ready run, then the turn's
 * end function runs once. Callbacks never wait. Signals are delivered as
 * callbacks of the loop.
 */
#ifndef MOOTHALL_COMMON_LOOP_H
#define MOOTHALL_COMMON_LOOP_H

#include "common/clock.h"

struct loop;
struct loop_io;
struct loop_timer;
struct event_base;

enum loop_events {
	LOOP_READ = 1,
	LOOP_WRITE = 2,
	LOOP_HANGUP = 4,	/* the other side sends no more; for who does not read */
};

/* Also makes the process ignore SIGPIPE: a write to who is gone just fails. */
struct loop *loop_new(void);
void loop_free(struct loop **loop);

/* What runs at the end of each turn, in the order added. At most 8. */
void loop_at_turn_end(struct loop *loop, void (*end)(void *), void *argument);
/* Run until loop_stop, whose turn is finished first; returns its code. A stop
 * before the start counts. May be called again. */
int loop_run(struct loop *loop, int initial_code);
void loop_stop(struct loop *loop, int code);
/* Run another turn at once even if nothing is ready. */
void loop_again(struct loop *loop);

/* Time as read when first asked in this turn: after the wait, the same until
 * the turn ends. */
struct clock_time loop_now(const struct loop *loop);

/* For bufferevents of httpd; borrowed. */
struct event_base *loop_base(struct loop *loop);

/* Watch fd, edge-free. The callback gets the ready subset of events. fd stays the caller's. */
struct loop_io *loop_io_new(struct loop *loop, int fd,
    void (*ready)(void *argument, unsigned events), void *argument);
/* Which events are wanted from now on; 0: none. */
void loop_io_want(struct loop_io *io, unsigned events);
void loop_io_free(struct loop_io **io);

struct loop_timer *loop_timer_new(struct loop *loop, void (*due)(void *argument), void *argument);
/* Due once, in delay_ms from now; replaces an earlier setting. */
void loop_timer_set(struct loop_timer *timer, uint64_t delay_ms);
void loop_timer_cancel(struct loop_timer *timer);
void loop_timer_free(struct loop_timer **timer);

/* Call on each delivery of the signal; kept until loop_free. */
void loop_on_signal(struct loop *loop, int signal_number,
    void (*caught)(void *argument, int signal_number), void *argument);

#endif
