/*
 * server.c - listening socket, connections and their time limits (see server.h).
 *
 * Also keeps what connections share, so that an idle one has nothing of its
 * own: the buffer that is read into, and requests that are no longer in use.
 */
#include "httpd/http/server.h"
#include "common/diag.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/metric.h"
#include "common/xmem.h"
#include "httpd/http/callers.h"
#include "httpd/http/conn_priv.h"
#include "httpd/http/tls.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ACCEPT_BATCH 8			/* then other workers and our clients get their turn */
#define ACCEPT_PAUSE_MS 100
#define ACCEPT_WARN_INTERVAL_MS 60000
#define TURNED_AWAY_BATCH 64		/* in one pause: a flood leaves the queue sooner */
#define GIVES_WAY_MS 1000		/* a connection that has asked for nothing so long */
#define TICK_MS 200
#define LINGER_MS 2000
#define NEW_CONNECTION_MS 500
#define FREE_REQUESTS_MAX 64
#define FREE_LINES_BYTES 1024

struct port {
	struct server *server;
	int fd;
	bool of_metrics;		/* its clients may ask for figures and health alone */
	struct loop_io *io;
};

struct server {
	struct server_owner owner;
	struct port ports[LISTEN_MAX];
	size_t port_count;
	struct loop_timer *resume;	/* of accepting */
	struct loop_timer *tick;
	struct loop_timer *stop_limit;
	struct loop_timer *stop_new;
	bool listening;			/* server_listen was called */
	bool paused;			/* no room: until resume */
	bool full;			/* there was none once, and clients have waited since */
	uint64_t warned_ms;
	struct callers *callers;
	struct budget *budget;
	size_t descriptors;		/* that this process may have */
	TAILQ_HEAD(, conn) conns;
	size_t connections;		/* as many */
	TAILQ_HEAD(, conn) closed;	/* to be freed at the turn's end */
	STAILQ_HEAD(, conn) dirty;
	TAILQ_HEAD(, conn_clock) limits[LIMIT_COUNT];
	bool ticking;
	struct request *free_requests;
	size_t free_request_count;
	uint64_t request_number;	/* of the last one */
	bool stopping;
	bool keep_idle;			/* then: one more request of an idle connection */
	void (*stopped)(struct worker *worker);
	time_t date_second;
	char date[32];
	uint8_t scratch[CONN_READ_BYTES];
	struct buf answer;		/* emptied for each use */
};

/* ---- accepting ----------------------------------------------------------------- */

/* What is left for connections when the reserve is kept, but half at least. */
static size_t
descriptors_left(const struct server *server)
{
	return server->descriptors - MIN_OF(server->descriptors / 2,
	    (size_t)server->owner.config->descriptor_reserve);
}

static bool
has_room(const struct server *server)
{
	return server->connections < server->owner.config->max_connections &&
	    server->connections < descriptors_left(server);
}

static void
want_clients(struct server *server)
{
	bool wanted = server->listening && !server->paused && !server->stopping;

	for (size_t i = 0; i < server->port_count; i++)
		loop_io_want(server->ports[i].io, wanted ? LOOP_READ : 0);
}

static struct conn *
adopt(struct server *server, int fd, struct caller *caller, struct tls *tls)
{
	struct conn *conn = conn_new(server, &server->owner, fd, tls);

	conn->share.caller = caller;
	TAILQ_INSERT_TAIL(&server->conns, conn, link);
	server->connections++;
	conn_touch(conn);
	return conn;
}

void
server_adopt_local(struct server *server, int fd)
{
	(void)adopt(server, fd, NULL, NULL);
}

static void
pause_accepting(struct server *server)
{
	server->paused = true;
	loop_timer_set(server->resume, ACCEPT_PAUSE_MS);
}

static void
warn_of_descriptors(struct server *server, int reason)
{
	uint64_t now_ms = loop_now(server->owner.loop).monotonic_ms;

	if (server->warned_ms == 0 || now_ms - server->warned_ms >= ACCEPT_WARN_INTERVAL_MS) {
		diag_warn("http", "cannot accept connections for now: %s", strerror(reason));
		server->warned_ms = now_ms;
	}
}

static void
resume_accepting(void *argument)
{
	struct server *server = argument;

	server->paused = false;
	want_clients(server);
}

static bool
lacks_descriptors(const struct server *server)
{
	return server->connections >= descriptors_left(server);
}

/* Accepting stops at a limit; the others wait in the kernel's queue, where
 * another worker may take them. */
static void
stop_at_limit(struct server *server)
{
	if (!server->full && lacks_descriptors(server)) {
		metric_add(METRIC_rejected_descriptors, 1);
		warn_of_descriptors(server, EMFILE);
	} else if (!server->full) {
		metric_add(METRIC_rejected_connections, 1);
	}
	server->full = true;
	pause_accepting(server);
}

/* Close the connection that has asked for nothing for the longest time: it
 * rests, or a head or a handshake does not come. False: there is none. */
static bool
make_room(struct server *server)
{
	static const enum conn_limit kinds[] = { LIMIT_IDLE, LIMIT_HEAD, LIMIT_HANDSHAKE };
	uint64_t now_ms = loop_now(server->owner.loop).monotonic_ms;
	struct conn_clock *oldest = NULL;

	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		struct conn_clock *clock = TAILQ_FIRST(&server->limits[kinds[i]]);

		if (clock != NULL && now_ms - clock->since_ms >= GIVES_WAY_MS &&
		    (oldest == NULL || clock->since_ms < oldest->since_ms))
			oldest = clock;
	}
	if (oldest == NULL)
		return false;
	metric_add(METRIC_rejected_room, 1);
	conn_close(oldest->conn);
	return true;
}

/* From the reserve: nobody waits for minutes to hear that there is no room. */
static void
turn_away(struct server *server, const struct port *port)
{
	static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 25\r\n"
	    "Retry-After: 1\r\nConnection: close\r\n\r\nno room for a connection\n";

	for (int i = 0; i < TURNED_AWAY_BATCH; i++) {
		int fd = accept4(port->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd == -1)
			break;
		metric_add(METRIC_rejected_descriptors, 1);
		/* A client that speaks TLS gets the end only. */
		if (server->owner.tls == NULL || port->of_metrics)
			(void)send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
		close(fd);
	}
}

/* Serve it, unless too many come from where it comes from. */
static void
take_client(const struct port *port, int fd, const struct sockaddr_storage *address)
{
	struct server *server = port->server;
	const struct server_owner *owner = &server->owner;
	uint64_t most = owner->role == ROLE_PEER ? 0 : owner->config->max_connections_per_address;
	struct caller *caller;
	const int on = 1;

	if (!callers_enter(server->callers, address, most, &caller)) {
		metric_add(METRIC_rejected_connections_per_address, 1);
		diag_warn("http", "connection closed, its address has as many as it may have: "
		    "max=%" PRIu64, most);
		close(fd);
		return;
	}
	/* Fail only for what is no TCP socket, and there they do no good. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	adopt(server, fd, caller, port->of_metrics ? NULL : owner->tls)->of_metrics =
	    port->of_metrics;
}

static void
accept_clients(void *argument, unsigned events UNUSED)
{
	const struct port *port = argument;
	struct server *server = port->server;

	for (int i = 0; i < ACCEPT_BATCH; i++) {
		struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
		socklen_t size = sizeof(address);
		int fd;

		if (!has_room(server) && (!server->full || !make_room(server))) {
			if (server->full && lacks_descriptors(server))
				turn_away(server, port);
			stop_at_limit(server);
			break;
		}
		fd = accept4(port->fd, (struct sockaddr *)&address, &size,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1) {
			/* Another worker was faster, or the client left again. */
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			    errno == ENOMEM) {
				warn_of_descriptors(server, errno);
				pause_accepting(server);
			} else {
				/* Nobody waits: one place that is free ends it not before. */
				server->full = false;
			}
			break;
		}
		take_client(port, fd, &address);
	}
	want_clients(server);
}

void
server_listen(struct server *server)
{
	server->listening = true;
	want_clients(server);
}

/* ---- to and from other workers ---------------------------------------------------- */

void
server_take(struct server *server, int fd, const struct msg_handed *handed)
{
	struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
	socklen_t size = sizeof(address);
	struct caller *caller = NULL;

	/* A client that has hung up meanwhile is seen when it is read from. */
	if (getpeername(fd, (struct sockaddr *)&address, &size) == -1)
		address.ss_family = AF_UNSPEC;
	MUST(callers_enter(server->callers, &address, 0, &caller));
	conn_take(adopt(server, fd, caller, NULL), handed);
	want_clients(server);
}

size_t
server_room(const struct server *server)
{
	size_t most = descriptors_left(server);

	return most - MIN_OF(most, server->connections);
}

void
server_offer(struct server *server, size_t count)
{
	struct conn *conn;

	if (!server->stopping)
		return;
	TAILQ_FOREACH(conn, &server->conns, link) {
		if (count == 0)
			break;
		if (!conn_could_go(conn))
			continue;
		conn_touch(conn);
		count--;
	}
}

/* ---- time limits ------------------------------------------------------------------ */

static uint64_t
limit_ms(const struct server *server, enum conn_limit limit)
{
	const struct config *config = server->owner.config;

	switch (limit) {
	case LIMIT_HANDSHAKE:
		return TLS_HANDSHAKE_MS;
	case LIMIT_HEAD:
		return config->header_timeout;
	case LIMIT_BODY:
		return config->http_read_timeout;
	case LIMIT_IDLE:
		return config->idle_timeout;
	case LIMIT_WRITE:
		return config->http_write_timeout;
	case LIMIT_LINGER:
		return LINGER_MS;
	case LIMIT_NOTICE:
		return H2_NOTICE_MS;
	case LIMIT_DRAIN:
		return H2_DRAIN_MS;
	case LIMIT_NONE:
		break;
	}
	return UINT64_MAX;
}

void
server_limit(struct server *server, struct conn_clock *clock, enum conn_limit limit)
{
	if (clock->limit != LIMIT_NONE)
		TAILQ_REMOVE(&server->limits[clock->limit], clock, link);
	clock->limit = limit;
	if (limit == LIMIT_NONE)
		return;
	clock->since_ms = loop_now(server->owner.loop).monotonic_ms;
	TAILQ_INSERT_TAIL(&server->limits[limit], clock, link);
	if (!server->ticking) {
		server->ticking = true;
		loop_timer_set(server->tick, TICK_MS);
	}
}

static void
tick(void *argument)
{
	struct server *server = argument;
	uint64_t now_ms = loop_now(server->owner.loop).monotonic_ms;
	struct conn_clock *clock, *next;
	bool any = false;

	for (int limit = 0; limit < LIMIT_COUNT; limit++) {
		while ((clock = TAILQ_FIRST(&server->limits[limit])) != NULL &&
		    now_ms - clock->since_ms >= limit_ms(server, clock->limit)) {
			server_limit(server, clock, LIMIT_NONE);
			conn_expired(clock, (enum conn_limit)limit);
		}
		any = any || clock != NULL;
	}
	budget_tick(server->budget);
	/* A body has to come at a pace, too: conn_expired knows which. */
	for (clock = TAILQ_FIRST(&server->limits[LIMIT_BODY]); clock != NULL; clock = next) {
		next = TAILQ_NEXT(clock, link);
		conn_expired(clock, LIMIT_NONE);
	}
	server->ticking = any;
	if (any)
		loop_timer_set(server->tick, TICK_MS);
}

/* ---- what the budget has done ------------------------------------------------------ */

static struct conn *
conn_of(struct budget_share *share)
{
	return CONTAINER_OF(share, struct conn, share);
}

static void
cut(struct budget_share *share)
{
	conn_close(conn_of(share));
}

static void
refuse_upload(struct budget_share *share)
{
	conn_refuse_upload(conn_of(share));
}

static void
upload_goes_on(struct budget_share *share)
{
	conn_body_goes_on(conn_of(share));
}

static size_t
upload_bytes(const struct budget_share *share)
{
	return conn_body_bytes(CONTAINER_OF(share, const struct conn, share));
}

static size_t
upload_came(const struct budget_share *share)
{
	return conn_body_came(CONTAINER_OF(share, const struct conn, share));
}

/* ---- what connections ask for --------------------------------------------------------- */

void
server_touch(struct server *server, struct conn *conn)
{
	STAILQ_INSERT_TAIL(&server->dirty, conn, dirty_link);
}

void
server_closed(struct server *server, struct conn *conn)
{
	TAILQ_REMOVE(&server->conns, conn, link);
	TAILQ_INSERT_TAIL(&server->closed, conn, link);
	budget_leave(server->budget, &conn->share);
	callers_leave(server->callers, &conn->share.caller);
	server->connections--;
	if (server->full && server->paused && has_room(server))
		resume_accepting(server);
	/* Make sure that the turn's end sees it. */
	loop_again(server->owner.loop);
}

uint8_t *
server_scratch(struct server *server)
{
	return server->scratch;
}

struct buf *
server_answer(struct server *server)
{
	buf_clear(&server->answer);
	return &server->answer;
}

struct budget *
server_budget(struct server *server)
{
	return server->budget;
}

bool
server_is_stopping(const struct server *server)
{
	return server->stopping;
}

size_t
server_connections(const struct server *server)
{
	return server->connections;
}

size_t
server_held(const struct server *server)
{
	return budget_bytes(server->budget);
}

struct request *
server_request_new(struct server *server)
{
	struct request *request = server->free_requests;

	if (request == NULL) {
		request = xzalloc(sizeof(*request));
		arena_init(&request->arena);
	} else {
		server->free_requests = request->next;
		server->free_request_count--;
		*request = (struct request){ .arena = request->arena, .lines = request->lines };
	}
	outqueue_init(&request->out);
	request->number = ++server->request_number;
	return request;
}

void
server_request_free(struct server *server, struct request *request)
{
	outqueue_clear(&request->out);
	buf_free(&request->body_bytes);
	if (server->free_request_count == FREE_REQUESTS_MAX) {
		arena_free(&request->arena);
		buf_free(&request->lines);
		free(request);
		return;
	}
	arena_reset(&request->arena);
	buf_recycle(&request->lines, FREE_LINES_BYTES);
	request->next = server->free_requests;
	server->free_requests = request;
	server->free_request_count++;
}

const char *
server_date(struct server *server)
{
	time_t second = (time_t)(loop_now(server->owner.loop).wall_ns / NS_PER_SECOND);
	struct tm parts;

	if (second != server->date_second) {
		MUST(gmtime_r(&second, &parts) != NULL);
		strftime(server->date, sizeof(server->date), "%a, %d %b %Y %H:%M:%S GMT", &parts);
		server->date_second = second;
	}
	return server->date;
}

/* ---- life ---------------------------------------------------------------------------------- */

static void
free_closed(struct server *server)
{
	struct conn *conn;

	while ((conn = TAILQ_FIRST(&server->closed)) != NULL) {
		TAILQ_REMOVE(&server->closed, conn, link);
		conn_free(conn);
	}
}

bool
server_flush(struct server *server)
{
	struct conn *conn;
	bool handled = false;

	/* A connection that is touched meanwhile is settled in this pass too. */
	while ((conn = STAILQ_FIRST(&server->dirty)) != NULL) {
		STAILQ_REMOVE_HEAD(&server->dirty, dirty_link);
		conn->dirty = false;
		if (conn_settle(conn))
			handled = true;
	}
	budget_turn(server->budget);
	free_closed(server);
	if (server->stopping && server->stopped != NULL && TAILQ_EMPTY(&server->conns) &&
	    server->owner.is_quiet(server->owner.worker)) {
		void (*stopped)(struct worker *worker) = server->stopped;

		server->stopped = NULL;
		stopped(server->owner.worker);
	}
	return handled;
}

static void
cut_all(void *argument)
{
	struct server *server = argument;
	struct conn *conn;

	while ((conn = TAILQ_FIRST(&server->conns)) != NULL)
		conn_close(conn);
}

/* A client that connected just before the stop had the time to ask something. */
static void
stop_new(void *argument)
{
	struct server *server = argument;
	struct conn *conn;

	TAILQ_FOREACH(conn, &server->conns, link)
		conn_stop_new(conn);
	loop_again(server->owner.loop);
}

static void
stop_those_that_stay(struct server *server)
{
	struct conn *conn, *next;

	for (conn = TAILQ_FIRST(&server->conns); conn != NULL; conn = next) {
		next = TAILQ_NEXT(conn, link);
		if (!conn_may_move(conn))
			conn_stop(conn, server->keep_idle);
	}
}

void
server_keep(struct server *server)
{
	if (server->stopping)
		stop_those_that_stay(server);
}

void
server_stop(struct server *server, bool keep_idle, uint64_t limit, void (*stopped)(struct worker *))
{
	server->stopping = true;
	server->keep_idle = keep_idle;
	server->stopped = stopped;
	want_clients(server);
	stop_those_that_stay(server);
	server_offer(server, HANDOVER_WINDOW);
	if (!keep_idle)
		loop_timer_set(server->stop_new, NEW_CONNECTION_MS);
	loop_timer_set(server->stop_limit, limit);
	loop_again(server->owner.loop);
}

static size_t
descriptors_allowed(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1 || limit.rlim_cur == RLIM_INFINITY)
		return SIZE_MAX;
	return (size_t)limit.rlim_cur;
}

struct server *
server_new(const struct server_owner *owner)
{
	struct server *server = xzalloc(sizeof(*server));

	server->owner = *owner;
	server->callers = callers_new();
	server->budget = budget_new(owner->loop, (struct budget_owner){ .cut = cut,
	    .refuse = refuse_upload, .go_on = upload_goes_on, .upload_bytes = upload_bytes,
	    .upload_came = upload_came });
	server->descriptors = descriptors_allowed();
	server->resume = loop_timer_new(owner->loop, resume_accepting, server);
	server->tick = loop_timer_new(owner->loop, tick, server);
	server->stop_limit = loop_timer_new(owner->loop, cut_all, server);
	server->stop_new = loop_timer_new(owner->loop, stop_new, server);
	TAILQ_INIT(&server->conns);
	TAILQ_INIT(&server->closed);
	STAILQ_INIT(&server->dirty);
	for (int limit = 0; limit < LIMIT_COUNT; limit++)
		TAILQ_INIT(&server->limits[limit]);
	return server;
}

static void
add_port(struct server *server, int fd, bool of_metrics)
{
	struct port *port = &server->ports[server->port_count++];

	ASSERT(server->port_count <= LISTEN_MAX);
	*port = (struct port){ .server = server, .fd = fd, .of_metrics = of_metrics };
	port->io = loop_io_new(server->owner.loop, fd, accept_clients, port);
	want_clients(server);
}

void
server_add_port(struct server *server, int fd)
{
	add_port(server, fd, false);
}

void
server_add_metrics_port(struct server *server, int fd)
{
	add_port(server, fd, true);
}

void
server_free(struct server **server_pointer)
{
	struct server *server = *server_pointer;
	struct request *request;

	*server_pointer = NULL;
	if (server == NULL)
		return;
	server->stopping = true;
	cut_all(server);
	free_closed(server);
	while ((request = server->free_requests) != NULL) {
		server->free_requests = request->next;
		arena_free(&request->arena);
		buf_free(&request->lines);
		free(request);
	}
	budget_free(&server->budget);
	callers_free(&server->callers);
	buf_free(&server->answer);
	loop_timer_free(&server->stop_limit);
	loop_timer_free(&server->stop_new);
	loop_timer_free(&server->tick);
	loop_timer_free(&server->resume);
	for (size_t i = 0; i < server->port_count; i++) {
		loop_io_free(&server->ports[i].io);
		close(server->ports[i].fd);
	}
	free(server);
}
