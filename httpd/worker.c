/*
 * worker.c - the parts of one httpd process put together: what main.c runs and
 * what tests run with a raftd of their own.
 */
#include "httpd/worker.h"

#include "common/ipc/wire.h"
#include "common/metric.h"
#include "httpd/access.h"
#include "httpd/backend.h"
#include "httpd/client/cache.h"
#include "httpd/client/cors.h"
#include "httpd/cluster.h"
#include "httpd/handover.h"
#include "httpd/http/host.h"
#include "httpd/peer/peer.h"
#include "httpd/http/server.h"

static void
changed(void *argument, const struct msg_changed *message)
{
	cache_changed(argument, message);
}

static void
lost(void *argument)
{
	cache_clear(argument);
}

void
worker_open(struct worker *worker, int listen_fd)
{
	worker->cluster = cluster_new();
	worker->backend = backend_new(worker);
	worker->server = server_new(worker, listen_fd);
	worker->access = access_new(worker);
	worker->hosts = hosts_new(&worker->config);
	if (worker->role != ROLE_CLIENT)
		return;
	worker->handover = handover_new(worker);
	worker->cors = cors_new(&worker->config);
	worker->cache = cache_new(worker);
	backend_own_changes(worker->backend, (struct backend_changes_owner){
	    .changed = changed, .lost = lost, .argument = worker->cache });
}

void
worker_reconfigure(struct worker *worker, const struct config *config)
{
	worker->config = *config;
	access_free(&worker->access);
	worker->access = access_new(worker);
	hosts_free(&worker->hosts);
	worker->hosts = hosts_new(&worker->config);
	if (worker->role != ROLE_CLIENT)
		return;
	cors_free(&worker->cors);
	worker->cors = cors_new(&worker->config);
}

/* What is open now: before a client sees that it is, and after it has ended. */
static void
measure(const struct worker *worker)
{
	metric_set(worker->role == ROLE_PEER ? METRIC_http_peer_connections :
	    METRIC_http_client_connections, worker->connections);
	metric_set(worker->role == ROLE_PEER ? METRIC_http_peer_held : METRIC_http_client_held,
	    server_held(worker->server));
	metric_set(METRIC_ipc_queue_depth, backend_call_count(worker->backend));
	peer_measure(worker);
	metric_set(METRIC_watches_open, backend_watch_count(worker->backend));
}

void
worker_turn(struct worker *worker)
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
	access_flush(worker->access);
}

void
worker_close(struct worker *worker)
{
	handover_free(&worker->handover);
	/* Requests that end now leave the cache and the backend. */
	server_free(&worker->server);
	access_free(&worker->access);
	hosts_free(&worker->hosts);
	cors_free(&worker->cors);
	cache_free(&worker->cache);
	backend_free(&worker->backend);
	cluster_free(&worker->cluster);
}
