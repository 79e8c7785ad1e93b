/*
 * backend_time.c - how long the backend waits for raftd (see backend.h).
 *
 * Time with a channel and time without one are not the same: without one a new
 * raftd is on its way, and what it is then asked has its time before it. Called by
 * the other files of the backend and by who asks for raftd's health. Decides only;
 * what is overdue is ended where it is kept.
 */
#include "common/diag.h"
#include "common/ipc/shared_index.h"
#include "common/limits.h"
#include "httpd/backend_priv.h"

/* raftd's own answer that its time is up says more, and is on its way. */
#define GRACE_MS 500

bool
backend_is_overdue(const struct backend *backend, uint64_t asked_ms, enum patience patience,
    uint64_t now_ms)
{
	const struct config *config = &backend->worker->config;
	uint64_t waited_ms = now_ms - asked_ms;

	/* A raftd that lives may read from its disk for as long as it takes. */
	if (patience == PATIENCE_ALIVE && !backend->silent)
		return false;
	if (waited_ms >= config->request_timeout + config->backend_wait)
		return true;
	if (!backend->open)
		return now_ms - MAX_OF(asked_ms, backend->shut_since_ms) >= config->backend_wait;
	/* The next look would be too late for some of them. */
	if (backend->silent)
		return waited_ms + BACKEND_TICK_MS > config->request_timeout;
	return patience == PATIENCE_TIMED && now_ms - MAX_OF(asked_ms, backend->open_since_ms) >=
	    config->request_timeout + GRACE_MS;
}

bool
backend_is_silent(struct backend *backend)
{
	bool was_silent = backend->silent;

	if (!backend->open)
		return false;
	backend->silent = silence_look(&backend->silence,
	    loop_now(backend->worker->loop).monotonic_ms, shared_index_beats(backend->announced));
	if (backend->silent && !was_silent)
		diag_warn("backend", "raftd gives no sign of life: for_ms=%d", RAFTD_SILENT_MS);
	else if (was_silent && !backend->silent)
		diag_info("backend", "raftd gives signs of life again");
	if (silence_is_suspected(&backend->silence))
		backend_tick_soon(backend);
	return backend->silent;
}
