/*
 * srv.c - see srv.h.
 */
#include "httpd/peer/srv.h"

#include "common/diag.h"
#include "common/url_list.h"
#include "common/xmem.h"
#include "httpd/peer/lookup.h"
#include "httpd/peer/peer_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SRV_PAUSE_MS UINT64_C(2500)
#define URL_BYTES (ADDRESS_HOST_BYTES_MAX + 32)

/* A cluster that speaks HTTPS between its nodes has records of the first name. */
static const struct {
	const char *service, *scheme;
} names[] = {
	{ SERVICE_SERVER_SSL, "https" },
	{ SERVICE_SERVER, "http" },
};

struct srv {
	struct peers *peers;
	void (*known)(struct peers *peers);
	struct lookup_call *call;
	struct loop_timer *timer;
	size_t at;			/* which name is looked up */
	uint64_t attempts;
	char urls[VOTERS_MAX + 1][URL_BYTES];	/* one more tells that they are too many */
	size_t count;
	struct initial_cluster cluster;
	struct buf others;		/* NUL at its end, once it is known */
	bool is_known;
};

static void ask(struct srv *srv);

static const struct config *
config_of(const struct srv *srv)
{
	return &srv->peers->worker->config;
}

static void
give_up(struct srv *srv, enum exit_code code, const char *problem)
{
	const struct worker_owner *owner = &srv->peers->worker->owner;
	char sentence[1400];

	loop_timer_cancel(srv->timer);
	snprintf(sentence, sizeof(sentence), "-discovery-srv %s: %s",
	    config_of(srv)->discovery_srv, problem);
	owner->end_node(owner->argument, code, sentence);
}

/* Name servers may be there later. */
static void
try_again(struct srv *srv)
{
	const struct config *config = config_of(srv);
	char problem[ADDRESS_HOST_BYTES_MAX + 200];

	srv->attempts++;
	snprintf(problem, sizeof(problem), "no name server gives a usable answer for the SRV "
	    "records %s%s", names[srv->at].service, config->discovery_srv);
	if (config->max_retry_attempts != 0 && srv->attempts >= config->max_retry_attempts) {
		strcat(problem, "; see /etc/resolv.conf, or give -initial-cluster");
		give_up(srv, EXIT_TROUBLE, problem);
		return;
	}
	diag_warn("discovery", "%s; is tried again: attempts=%" PRIu64, problem, srv->attempts);
	loop_timer_set(srv->timer, config->retry_interval != 0 ? config->retry_interval :
	    SRV_PAUSE_MS);
}

/* ---- what was found ------------------------------------------------------------------- */

/* The records do not say what this node tells others. */
static void
give_up_self(struct srv *srv)
{
	struct buf text = BUF_INIT;

	buf_printf(&text, "no SRV record is of this node, whose peer URL is %s "
	    "(-initial-advertise-peer-urls); there are", config_of(srv)->peer_url);
	for (size_t i = 0; i < srv->count && text.size < 900; i++)
		buf_printf(&text, "%s %s", i == 0 ? "" : ",", srv->urls[i]);
	buf_append_byte(&text, '\0');
	give_up(srv, EXIT_USAGE, (const char *)text.data);
	buf_free(&text);
}

/* The first URL that this node has told. */
static bool
is_self(const struct srv *srv, const char *url)
{
	return url_list_first_is(slice_text(config_of(srv)->peer_url), slice_text(url));
}

static void
put_others(struct srv *srv)
{
	for (size_t i = 0; i < srv->count; i++)
		if (!is_self(srv, srv->urls[i]))
			buf_printf(&srv->others, "%s%s", srv->others.size == 0 ? "" : ",",
			    strstr(srv->urls[i], "://") + 3);
	buf_append_byte(&srv->others, '\0');
}

/* The same on every node. False: it ends. */
static bool
make_cluster(struct srv *srv)
{
	const struct config *config = config_of(srv);
	struct cluster_config given;
	const char *urls[VOTERS_MAX];
	bool self = false;
	char *problem;

	for (size_t i = 0; i < srv->count; i++) {
		self = self || is_self(srv, srv->urls[i]);
		urls[i] = srv->urls[i];
	}
	if (!self) {
		give_up_self(srv);
		return false;
	}
	initial_cluster_options(config, &given);
	problem = initial_cluster_of_urls(urls, srv->count, config->initial_cluster_token, &given,
	    &srv->cluster);
	if (problem == NULL)
		return true;
	give_up(srv, EXIT_USAGE, problem);
	free(problem);
	return false;
}

static void
take_all(struct srv *srv)
{
	const struct config *config = config_of(srv);

	if (srv->count == 0) {
		give_up(srv, EXIT_USAGE, "there are no SRV records " SERVICE_SERVER_SSL " nor "
		    SERVICE_SERVER " of it");
		return;
	}
	if (srv->count > VOTERS_MAX) {
		snprintf(srv->urls[0], URL_BYTES, "more than %d SRV records", VOTERS_MAX);
		give_up(srv, EXIT_USAGE, srv->urls[0]);
		return;
	}
	put_others(srv);
	if (strcmp(config->initial_cluster_state, "new") == 0 && !make_cluster(srv))
		return;
	srv->is_known = true;
	diag_info("discovery", "SRV records name the nodes of the cluster: domain=%s nodes=%zu",
	    config->discovery_srv, srv->count);
	srv->known(srv->peers);
}

static void
answered(void *argument, bool told, struct slice services)
{
	struct srv *srv = argument;
	struct reader in = reader_of(services);
	struct service_record record;

	srv->call = NULL;
	if (!told) {
		try_again(srv);
		return;
	}
	while (srv->count <= VOTERS_MAX && !reader_done(&in) && service_record_get(&in, &record))
		snprintf(srv->urls[srv->count++], URL_BYTES, "%s://%.*s:%u",
		    names[srv->at].scheme, (int)MIN_OF(record.host.size,
		    (size_t)ADDRESS_HOST_BYTES_MAX), (const char *)record.host.data,
		    (unsigned)record.port);
	if (++srv->at < ARRAY_COUNT(names))
		ask(srv);
	else
		take_all(srv);
}

/* ---- asking --------------------------------------------------------------------------- */

static void
ask(struct srv *srv)
{
	char name[ADDRESS_HOST_BYTES_MAX + 1];

	snprintf(name, sizeof(name), "%s%s", names[srv->at].service,
	    config_of(srv)->discovery_srv);
	srv->call = lookup_services(srv->peers->lookups, name, answered, srv);
}

static void
on_timer(void *argument)
{
	struct srv *srv = argument;

	srv->at = 0;
	srv->count = 0;
	ask(srv);
}

struct srv *
srv_new(struct peers *peers, void (*known)(struct peers *peers))
{
	struct srv *srv = xzalloc(sizeof(*srv));

	srv->peers = peers;
	srv->known = known;
	srv->timer = loop_timer_new(peers->worker->loop, on_timer, srv);
	/* From the loop: what comes of it may free us. */
	loop_timer_set(srv->timer, 0);
	return srv;
}

void
srv_free(struct srv **srv)
{
	if (*srv == NULL)
		return;
	lookup_cancel(&(*srv)->call);
	loop_timer_free(&(*srv)->timer);
	initial_cluster_free(&(*srv)->cluster);
	buf_free(&(*srv)->others);
	free(*srv);
	*srv = NULL;
}

bool
srv_is_known(const struct srv *srv)
{
	return srv->is_known;
}

struct initial_cluster
srv_take_cluster(struct srv *srv)
{
	struct initial_cluster taken = srv->cluster;

	srv->cluster = (struct initial_cluster){ .count = 0 };
	return taken;
}

const char *
srv_others(const struct srv *srv)
{
	return (const char *)srv->others.data;
}
