/*
 * parts.c - the parts of one httpd process put together (see parts.h).
 */
#include "httpd/parts.h"

#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/metric.h"
#include "common/retain.h"
#include "httpd/backend.h"
#include "httpd/border.h"
#include "httpd/client/cache.h"
#include "httpd/client/inquiry.h"
#include "httpd/client/gate.h"
#include "httpd/client/handlers.h"
#include "httpd/client/lock_wait.h"
#include "httpd/client/v3_users.h"
#include "httpd/client/v3/call_tally.h"
#include "httpd/client/v3/refuse.h"
#include "httpd/client/v3/waiter.h"
#include "httpd/client/watch.h"
#include "httpd/cluster.h"
#include "httpd/handover.h"
#include "httpd/http/server.h"
#include "httpd/peer/peer.h"
#include "httpd/router.h"

/* ---- what --disable-v3 leaves out --------------------------------------------------- */

#ifdef WITH_V3
static void
open_v3(struct worker *worker)
{
	worker->waiters = waiters_new(worker);
	worker->call_tally = call_tally_new();
}

static void
close_v3(struct worker *worker)
{
	waiters_free(&worker->waiters);
	call_tally_free(&worker->call_tally);
}

static size_t
v3_keys(const struct worker *worker)
{
	return waiters_count(worker->waiters);
}

static size_t
v3_waiting(const struct worker *worker)
{
	return waiters_waiting(worker->waiters);
}
#else
static void
open_v3(struct worker *worker UNUSED)
{
}

static void
close_v3(struct worker *worker UNUSED)
{
}

static size_t
v3_keys(const struct worker *worker UNUSED)
{
	return 0;
}

static size_t
v3_waiting(const struct worker *worker UNUSED)
{
	return 0;
}
#endif

/* ---- what the parts ask of each other ---------------------------------------------- */

static void
changed(void *argument, const struct msg_changed *message)
{
	cache_changed(((struct worker *)argument)->cache, message);
}

static void
lost(void *argument)
{
	struct worker *worker = argument;

	cache_clear(worker->cache);
	gate_go_on(worker->gate);
}

static enum err
auth(void *argument, const struct msg_auth *message)
{
	struct worker *worker = argument;
	enum err err = gate_take(worker->gate, message);

	if (err != ERR_NONE)
		return err;
	keys_watches_review(worker);
	if (gate_is_closed(worker))
		backend_v3_watch_review(worker->backend);
	return err;
}

static enum err
v3_auth(void *argument, const struct msg_v3_auth *message)
{
	struct worker *worker = argument;
	enum err err = v3_users_take(worker->v3_users, message);

	if (err != ERR_NONE)
		return err;
	backend_v3_watch_review(worker->backend);
	gate_go_on(worker->gate);
	return ERR_NONE;
}

static enum err
v3_tokens(void *argument, const struct msg_v3_tokens *message)
{
	struct worker *worker = argument;
	enum err err = v3_users_take_tokens(worker->v3_users, message);

	if (err == ERR_NONE)
		gate_go_on(worker->gate);
	return err;
}

/* Calls of gRPC are, whose messages come one by one. */
static bool
streams(const struct request *request)
{
	return call_is_grpc(request);
}

static bool
gives(const struct worker *worker)
{
	return handover_gives(worker->handover);
}

static bool
has_room(const struct worker *worker)
{
	return handover_has_room(worker->handover);
}

static void
give(struct worker *worker, const struct msg_handed *handed, int fd)
{
	handover_send(worker->handover, handed, fd);
}

static void
go_on(struct request *request, const struct msg_handed *handed)
{
	if ((handed->flags & HANDED_LOCK) != 0)
		lock_wait_go_on(request, handed);
#ifdef WITH_V3
	else if (handed->v3_watches.size > 0)
		gateway_go_on(request, handed);
#endif
	else
		keys_watch_go_on(request, handed);
}

static bool
is_quiet(const struct worker *worker)
{
	/* Keys of who has left are being deleted. */
	return handover_is_quiet(worker->handover) && v3_keys(worker) == 0;
}

/* The supervisor has looked at it; a worker of a test has no options. */
static uint64_t
notice_ms(const struct worker *worker)
{
	const char *text = worker->config.experimental_watch_progress_notify_interval;
	uint64_t ms = V3_NOTICE_MS;

	if (text != NULL)
		MUST(retain_notice_parse(text, &ms) == NULL);
	return ms;
}

/* ---- life ---------------------------------------------------------------------------- */

void
parts_open(struct worker *worker)
{
	worker->cluster = cluster_new();
	worker->backend = backend_new(worker);
	worker->v3_notice_ms = notice_ms(worker);
	worker->border = border_new(worker);
	worker->server = server_new(&(struct server_owner){
	    .worker = worker, .loop = worker->loop, .config = &worker->config,
	    .role = worker->role, .tls = worker->tls,
	    .handle = router_handle, .streams = streams, .put_lines = border_put_lines,
	    .answered = border_answered,
	    .gives = gives, .has_room = has_room, .give = give, .go_on = go_on,
	    .is_quiet = is_quiet });
	if (worker->role != ROLE_CLIENT)
		return;
	worker->handover = handover_new(worker);
	worker->cache = cache_new(worker);
	worker->gate = gate_new(worker);
	worker->v3_users = v3_users_new(worker);
	worker->inquiries = inquiry_new(worker);
	worker->locks = locks_new(worker);
	open_v3(worker);
	backend_own_changes(worker->backend, (struct backend_changes_owner){
	    .changed = changed, .lost = lost, .auth = auth, .v3_auth = v3_auth,
	    .v3_tokens = v3_tokens, .argument = worker });
}

void
parts_reconfigure(struct worker *worker, const struct config *config)
{
	worker->config = *config;
	border_reconfigure(worker->border, worker);
}

/* What is open now: before a client sees that it is, and after it has ended. */
static void
measure(const struct worker *worker)
{
	metric_set(worker->role == ROLE_PEER ? METRIC_http_peer_connections :
	    METRIC_http_client_connections, server_connections(worker->server));
	metric_set(worker->role == ROLE_PEER ? METRIC_http_peer_held : METRIC_http_client_held,
	    server_held(worker->server));
	metric_set(METRIC_ipc_queue_depth, backend_call_count(worker->backend));
	peer_measure(worker);
	metric_set(METRIC_watches_open, backend_watch_count(worker->backend) +
	    backend_v3_watch_count(worker->backend));
	metric_set(METRIC_locks_waiting, locks_waiting(worker->locks) + v3_waiting(worker));
}

void
parts_turn(struct worker *worker)
{
	measure(worker);
	/* First raftd, which has work to do with it; then the clients. What came
	 * behind an answered request is handled in the same turn. */
	do {
		if (worker->cache != NULL)
			cache_turn(worker->cache);
		backend_flush(worker->backend);
	} while (server_flush(worker->server));
	handover_flush(worker->handover);
	measure(worker);
	border_flush(worker->border);
}

void
parts_close(struct worker *worker)
{
	handover_free(&worker->handover);
	/* Requests that end now leave the cache and the backend. */
	server_free(&worker->server);
	border_free(&worker->border);
	inquiry_free(&worker->inquiries);
	gate_free(&worker->gate);
	v3_users_free(&worker->v3_users);
	cache_free(&worker->cache);
	backend_free(&worker->backend);
	locks_free(&worker->locks);
	close_v3(worker);
	cluster_free(&worker->cluster);
}
