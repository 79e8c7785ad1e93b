/*
 * silence.h - for how long a worker has seen no sign of life of raftd.
 *
 * raftd counts its signs of life where every worker can look (shared_index.h); a
 * worker looks now and then. What counts is the time in which the worker itself
 * was there to see one: if the machine sleeps, or all its processes are stopped
 * for a while, nobody is judged by that. Pure.
 *
 *	alive ----> suspect	a look found no new sign	[silence_look]
 *	suspect --> silent	RAFTD_SILENT_MS of looking	[silence_look]
 *	any ------> alive	a look found a new one		[silence_look]
 */
#ifndef MOOTHALL_HTTPD_SILENCE_H
#define MOOTHALL_HTTPD_SILENCE_H

#include "common/base.h"

struct silence {
	uint64_t looked_ms;		/* monotonic */
	uint64_t beats;			/* as seen last */
	uint64_t silent_ms;		/* looked for a new one for so long */
};

/* raftd has just said something by itself. */
void silence_begin(struct silence *silence, uint64_t now_ms, uint64_t beats);
/* Look: true if raftd is silent. At least every ALIVE_INTERVAL_MS, and often while
 * it is suspected. */
bool silence_look(struct silence *silence, uint64_t now_ms, uint64_t beats);
/* True between the first look that found nothing new and the last word on it. */
bool silence_is_suspected(const struct silence *silence);

#endif
