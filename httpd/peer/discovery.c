/*
 * discovery.c - finding the other machines through a discovery service (see
 * discovery.h).
 *
 * A request whose connection failed is made once more. If that was the one for
 * the mark, the first try may have taken it: then "somebody has it" counts as ours
 * when no other machine is registered, since whoever takes the mark has
 * registered before.
 */
#include "httpd/peer/discovery.h"

#include "common/diag.h"
#include "common/limits.h"
#include "common/url_list.h"
#include "common/xmem.h"
#include "httpd/cluster.h"
#include "httpd/http/tls.h"
#include "httpd/peer/discovery_registry.h"
#include "httpd/peer/discovery_text.h"
#include "httpd/peer/http_client.h"
#include "httpd/peer/peer_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/bufferevent.h>

#define DISCOVERY_CONNECT_MS 2000
#define DISCOVERY_ANSWER_MS 5000
#define DISCOVERY_TTL_S "604800"		/* of a registration: a week */
#define DISCOVERY_BEAT_MS UINT64_C(75600000)	/* an eighth of it */
#define DISCOVERY_POLL_MS UINT64_C(60000)	/* of waiting for others */
#define DISCOVERY_MEET_MS_MIN UINT64_C(100)	/* from one look at the list to the next */
#define DISCOVERY_AGAIN_MS_MIN UINT64_C(500)	/* a service that was there and is not: twice as */
#define DISCOVERY_AGAIN_MS_MAX UINT64_C(30000)	/* long each time, up to this */
#define TOKEN_BYTES_SHOWN 8
#define PLACE_BYTES 400

enum discovery_step {
	DISCOVERY_SIZE,
	/* 0.4 */
	DISCOVERY_REGISTER,
	DISCOVERY_ELECT,
	DISCOVERY_LIST,
	/* 2.x */
	DISCOVERY_MEET,
	DISCOVERY_ENTER,
	DISCOVERY_WAIT,
};

/* What each asks for. */
static const struct {
	const char *name;		/* for people */
	const char *method;
	const char *query;
} steps[] = {
	[DISCOVERY_SIZE] = { "size", "GET", "" },
	[DISCOVERY_REGISTER] = { "registration", "PUT", "" },
	[DISCOVERY_ELECT] = { "election", "PUT", "?prevExist=false" },
	[DISCOVERY_LIST] = { "listing", "GET", "?recursive=true" },
	[DISCOVERY_MEET] = { "listing", "GET", "?recursive=true" },
	[DISCOVERY_ENTER] = { "registration", "PUT", "?prevExist=false" },
	[DISCOVERY_WAIT] = { "waiting", "GET", "?wait=true&recursive=true" },
};

struct discovery {
	struct peers *peers;
	void (*decided)(struct peers *peers);
	struct discovery_url base;	/* of the directory */
	enum discovery_step step;
	struct discovery_url target;	/* where this step's request goes: path ... */
	char query[DISCOVERY_PATH_BYTES_MAX + 1]; /* ... and what is behind it */
	unsigned redirects;
	unsigned tries;			/* of this step's request */
	bool unsure;			/* a request for the mark got no answer */
	bool registered;		/* once */
	/* Of 2.x: */
	unsigned size;			/* machines that begin together; 0: it is 0.4 */
	bool entered;			/* our key is there */
	struct registry registry;	/* the last that was read, */
	uint64_t met_ms;		/* then */
	size_t told_count;		/* of it, when it was told last */
	uint64_t wait_index;		/* the next that may happen; 0: not known */
	uint64_t again_ms;
	struct initial_cluster cluster;	/* empty, or of DISCOVERY_TOGETHER */
	char hint[PLACE_BYTES + 200];
	enum discovery_state state;
	struct buf machines;		/* NUL at its end */
	struct http_call *call;
	struct loop_timer *timer;
	char reason[PLACE_BYTES + 300];
};

static void discovery_ask(struct discovery *discovery);

static uint64_t
now_ms(const struct discovery *discovery)
{
	return loop_now(discovery->peers->worker->loop).monotonic_ms;
}

const char *
discovery_token(const struct discovery *discovery)
{
	const char *slash = strrchr(discovery->base.path, '/');

	return slash == NULL ? "" : slash + 1;
}

/* The URL as it may be shown, as much of it as there is room for. A redirect leads to
 * anywhere: of that the host. */
static void
discovery_place(const struct discovery *discovery, char place[PLACE_BYTES])
{
	const struct discovery_url *base = &discovery->base;
	const char *token = discovery_token(discovery);
	size_t above = strlen(base->path) - strlen(token);
	char host[ADDRESS_TEXT_BYTES];

	peer_address_text(&discovery->target.address, host);
	if (discovery->redirects > 0)
		snprintf(place, PLACE_BYTES, "%s", host);
	else
		snprintf(place, PLACE_BYTES, "%s://%s%.*s%.*s%s",
		    base->address.https ? "https" : "http", host,
		    (int)MIN_OF(above, (size_t)64), base->path, TOKEN_BYTES_SHOWN, token,
		    strlen(token) > TOKEN_BYTES_SHOWN ? "..." : "");
}

/* The answer is there; or the next registration had one. */
static void
discovery_decide(struct discovery *discovery, enum discovery_state state)
{
	bool first = discovery->state == DISCOVERY_ASKING;

	if (discovery->size == 0)
		loop_timer_set(discovery->timer, DISCOVERY_BEAT_MS);
	if (!first)
		return;
	discovery->state = state;
	discovery->decided(discovery->peers);
}

/* Is this node to find a cluster? */
static bool
discovery_is_wanted(const struct discovery *discovery)
{
	const struct cluster *cluster = discovery->peers->worker->cluster;

	return cluster->phase == PHASE_JOINING && cluster->cluster_id == 0;
}

/* We are in, and wait for others: the service may come back. */
static void
discovery_later(struct discovery *discovery)
{
	discovery->again_ms = discovery->again_ms == 0 ? DISCOVERY_AGAIN_MS_MIN :
	    MIN_OF(2 * discovery->again_ms, DISCOVERY_AGAIN_MS_MAX);
	diag_warn("discovery", "discovery failed, is tried again: %s", discovery->reason);
	loop_timer_set(discovery->timer, discovery->again_ms);
}

static void
discovery_fail(struct discovery *discovery, const char *why)
{
	char place[PLACE_BYTES];

	discovery_place(discovery, place);
	snprintf(discovery->reason, sizeof(discovery->reason), "%s at %s: %.290s",
	    steps[discovery->step].name, place, why);
	if (discovery->entered) {
		discovery_later(discovery);
		return;
	}
	/* A joiner's failure is told by what comes of it. */
	if (discovery->registered)
		diag_warn("discovery", "Discovery heartbeat failed: %s", discovery->reason);
	else if (discovery->peers->worker->cluster->phase != PHASE_JOINING)
		diag_warn("discovery", "discovery failed: %s", discovery->reason);
	discovery_decide(discovery, DISCOVERY_FAILED);
}

/* What nothing changes by being asked again. */
static void
discovery_fail_for_good(struct discovery *discovery, const char *why)
{
	discovery->entered = false;
	discovery_fail(discovery, why);
}

/* What is asked for in the directory, if not that itself. */
static void
discovery_key(const struct discovery *discovery, char *key, size_t size)
{
	const struct peers *peers = discovery->peers;

	switch (discovery->step) {
	case DISCOVERY_SIZE:
		snprintf(key, size, "/_config/size");
		break;
	case DISCOVERY_REGISTER:
		snprintf(key, size, "/%s", peers->worker->config.name);
		break;
	case DISCOVERY_ELECT:
		snprintf(key, size, "/_state");
		break;
	case DISCOVERY_ENTER:
		snprintf(key, size, "/%016" PRIx64, peers->node_id);
		break;
	case DISCOVERY_LIST:
	case DISCOVERY_MEET:
	case DISCOVERY_WAIT:
		key[0] = '\0';
	}
}

/* Begin a step's request. */
static void
discovery_step(struct discovery *discovery, enum discovery_step step)
{
	size_t size = strlen(discovery->base.path);

	discovery->step = step;
	discovery->target = discovery->base;
	discovery_key(discovery, discovery->target.path + size,
	    sizeof(discovery->target.path) - size);
	snprintf(discovery->query, sizeof(discovery->query), "%s", steps[step].query);
	if (step == DISCOVERY_WAIT)
		snprintf(discovery->query, sizeof(discovery->query), "%s&waitIndex=%" PRIu64,
		    steps[step].query, discovery->wait_index);
	discovery->redirects = 0;
	discovery->tries = 0;
	discovery_ask(discovery);
}

/* ---- 0.4 -------------------------------------------------------------------------------- */

static void
discovery_registered(struct discovery *discovery)
{
	if (!discovery->registered)
		diag_info("discovery", "registered at a discovery service: token=%.*s",
		    TOKEN_BYTES_SHOWN, discovery_token(discovery));
	discovery->registered = true;
	/* A member needs no more of it than to be found. */
	if (discovery->state != DISCOVERY_ASKING)
		discovery_decide(discovery, discovery->state);
	else
		discovery_step(discovery, DISCOVERY_ELECT);
}

static void
discovery_listed(struct discovery *discovery, struct slice body)
{
	size_t count;

	buf_clear(&discovery->machines);
	if (discovery_machines_parse(body, discovery->peers->worker->config.name,
		&discovery->machines, &count) != ERR_NONE) {
		discovery_fail(discovery, "the answer lists no directory");
		return;
	}
	buf_append_byte(&discovery->machines, '\0');
	if (count > 0)
		discovery_decide(discovery, DISCOVERY_FOUND);
	else
		discovery_decide(discovery, discovery->unsure ? DISCOVERY_FIRST : DISCOVERY_ALONE);
}

/* ---- 2.x -------------------------------------------------------------------------------- */

/* The machines that begin a cluster are known, and this is one of them. */
static void
discovery_together(struct discovery *discovery)
{
	const struct registry *registry = &discovery->registry;
	struct initial_told told[DISCOVERY_SIZE_MAX];
	struct cluster_config given;
	char *problem;

	initial_cluster_options(&discovery->peers->worker->config, &given);
	for (size_t i = 0; i < registry->count; i++) {
		const struct registry_entry *entry = &registry->first[i];

		told[i] = (struct initial_told){ .id = entry->id, .name = entry->name,
			.url = entry->url };
	}
	problem = initial_cluster_make(told, registry->count, discovery_token(discovery), &given,
	    &discovery->cluster);
	if (problem != NULL) {
		discovery_fail_for_good(discovery, problem);
		free(problem);
		return;
	}
	diag_info("discovery", "all machines are there: token=%.*s machines=%zu",
	    TOKEN_BYTES_SHOWN, discovery_token(discovery), registry->count);
	discovery_decide(discovery, DISCOVERY_TOGETHER);
}

/* Others have all places of the token: the cluster is theirs. */
static void
discovery_too_late(struct discovery *discovery)
{
	const struct registry *registry = &discovery->registry;
	char place[PLACE_BYTES], text[ADDRESS_TEXT_BYTES];
	struct peer_address address;

	discovery_place(discovery, place);
	diag_info("discovery", "%s is not among the first %u machines of the token, and joins the "
	    "cluster that they have begun: token=%.*s", discovery->peers->worker->config.name,
	    discovery->size, TOKEN_BYTES_SHOWN, discovery_token(discovery));
	snprintf(discovery->hint, sizeof(discovery->hint), "; %s is for %u machines, and others "
	    "have all places: see that they run and can be reached, or take a new token", place,
	    discovery->size);
	buf_clear(&discovery->machines);
	for (size_t i = 0; i < registry->count; i++) {
		MUST(peer_address_parse(slice_text(registry->first[i].url), false, &address) ==
		    ERR_NONE);
		peer_address_text(&address, text);
		buf_printf(&discovery->machines, "%s%s", i == 0 ? "" : ",", text);
	}
	buf_append_byte(&discovery->machines, '\0');
	discovery_decide(discovery, DISCOVERY_FOUND);
}

/* Under our id there is another node: this one, when it was called or reached otherwise. */
static bool
discovery_is_self(const struct discovery *discovery, const struct registry_entry *entry)
{
	const struct config *config = &discovery->peers->worker->config;

	return strcmp(entry->name, config->name) == 0 &&
	    url_list_first_is(slice_text(config->peer_url), slice_text(entry->url));
}

static void
discovery_wait(struct discovery *discovery)
{
	const struct registry *registry = &discovery->registry;

	discovery->again_ms = 0;
	if (registry->count != discovery->told_count)
		diag_info("discovery", "waits for other machines: token=%.*s there=%zu of=%u",
		    TOKEN_BYTES_SHOWN, discovery_token(discovery), registry->count,
		    discovery->size);
	discovery->told_count = registry->count;
	if (discovery->wait_index != 0)
		discovery_step(discovery, DISCOVERY_WAIT);
	else
		loop_timer_set(discovery->timer, DISCOVERY_AGAIN_MS_MIN);
}

/* Something may have happened. A service that does not wait would have us ask on and on. */
static void
discovery_meet_again(struct discovery *discovery)
{
	uint64_t since_ms = now_ms(discovery) - discovery->met_ms;

	if (since_ms >= DISCOVERY_MEET_MS_MIN)
		discovery_step(discovery, DISCOVERY_MEET);
	else
		loop_timer_set(discovery->timer, DISCOVERY_MEET_MS_MIN - since_ms);
}

static void
discovery_met(struct discovery *discovery, const struct answer *answer)
{
	struct slice index = answer_header(answer, "X-Etcd-Index");
	char problem[REGISTRY_PROBLEM_BYTES], why[300];
	const struct registry_entry *self;

	if (registry_parse(answer_body(answer), discovery->size, &discovery->registry, problem) !=
	    ERR_NONE) {
		discovery_fail(discovery, problem);
		return;
	}
	discovery->met_ms = now_ms(discovery);
	discovery->wait_index = 0;
	if (peer_number_parse(index, INT64_MAX, &discovery->wait_index))
		discovery->wait_index++;
	self = registry_find(&discovery->registry, discovery->peers->node_id);
	if (self != NULL && !discovery_is_self(discovery, self)) {
		snprintf(why, sizeof(why), "this node is there as %.100s=%.100s; start it with "
		    "that name and address, or take a new token", self->name, self->url);
		discovery_fail_for_good(discovery, why);
	} else if (discovery->registry.count == discovery->size) {
		if (self != NULL)
			discovery_together(discovery);
		else
			discovery_too_late(discovery);
	} else if (self != NULL) {
		discovery->entered = true;
		discovery_wait(discovery);
	} else if (discovery->entered) {
		discovery_fail_for_good(discovery, "somebody has removed the key of this node");
	} else {
		discovery_step(discovery, DISCOVERY_ENTER);
	}
}

static void
discovery_entered(struct discovery *discovery, bool now)
{
	if (now)
		diag_info("discovery", "registered at a discovery service: token=%.*s",
		    TOKEN_BYTES_SHOWN, discovery_token(discovery));
	discovery->entered = true;
	discovery_step(discovery, DISCOVERY_MEET);
}

/* ---- answers ---------------------------------------------------------------------------- */

/* Can a cluster of ours begin so? Else this node must not take a place of the token. */
static bool
discovery_may_enter(const struct discovery *discovery, char problem[REGISTRY_PROBLEM_BYTES])
{
	struct cluster_config given, options;

	initial_cluster_options(&discovery->peers->worker->config, &given);
	cluster_config_begin(&options, &given);
	if (discovery->size > options.active_size)
		snprintf(problem, REGISTRY_PROBLEM_BYTES, "the token is for %u machines, and "
		    "-cluster-active-size is %" PRIu64 "; give all of them a larger one",
		    discovery->size, options.active_size);
	else if (strlen(discovery_token(discovery)) > NAME_BYTES_MAX)
		snprintf(problem, REGISTRY_PROBLEM_BYTES, "the token is longer than %d bytes",
		    NAME_BYTES_MAX);
	else
		return true;
	return false;
}

static void
discovery_sized(struct discovery *discovery, const struct answer *answer)
{
	char problem[REGISTRY_PROBLEM_BYTES];

	if (registry_size_parse(answer_body(answer), &discovery->size, problem) != ERR_NONE)
		discovery_fail(discovery, problem);
	else if (!discovery_is_wanted(discovery))
		discovery_decide(discovery, DISCOVERY_OVER);
	else if (!discovery_may_enter(discovery, problem))
		discovery_fail(discovery, problem);
	else
		discovery_step(discovery, DISCOVERY_MEET);
}

/* True: the status alone says how it goes on, and it does. */
static bool
discovery_goes_on(struct discovery *discovery, unsigned status, struct slice body)
{
	if (discovery->step == DISCOVERY_SIZE && status == 404)
		discovery_step(discovery, DISCOVERY_REGISTER);
	else if (discovery->step == DISCOVERY_ELECT && status == 412 &&
	    discovery_is_error(body, 105))
		discovery_step(discovery, DISCOVERY_LIST);
	else if (discovery->step == DISCOVERY_ENTER && status == 412 &&
	    discovery_is_error(body, 105))
		discovery_entered(discovery, false);
	else if (discovery->step == DISCOVERY_WAIT && status == 400 &&
	    discovery_is_error(body, 401))
		discovery_meet_again(discovery);
	else
		return false;
	return true;
}

static void
discovery_redirected(struct discovery *discovery, const struct answer *answer)
{
	struct discovery_url from = discovery->target;
	struct slice query;

	if (discovery->redirects++ == DISCOVERY_REDIRECTS_MAX ||
	    discovery_redirect(&from, answer_header(answer, "Location"), &discovery->target,
		&query) != ERR_NONE) {
		discovery_fail(discovery, "it redirects too often, or to where nobody may follow");
		return;
	}
	snprintf(discovery->query, sizeof(discovery->query), "%.*s", SLICE_ARGS(query));
	discovery->tries = 0;
	discovery_ask(discovery);
}

static void
discovery_answered(struct discovery *discovery, const struct answer *answer)
{
	unsigned status = answer_status(answer);
	struct slice body = answer_body(answer);
	char why[64];

	if (status == 301 || status == 302 || status == 307 || status == 308) {
		discovery_redirected(discovery, answer);
		return;
	}
	if (discovery_goes_on(discovery, status, body))
		return;
	if (status != 200 && status != 201) {
		snprintf(why, sizeof(why), "status %u", status);
		discovery_fail(discovery, why);
		return;
	}
	if (!discovery_is_event(body)) {
		discovery_fail(discovery, "the answer is none of a keys API");
		return;
	}
	switch (discovery->step) {
	case DISCOVERY_SIZE:
		discovery_sized(discovery, answer);
		break;
	case DISCOVERY_MEET:
		discovery_met(discovery, answer);
		break;
	case DISCOVERY_ENTER:
		discovery_entered(discovery, true);
		break;
	case DISCOVERY_WAIT:
		discovery_meet_again(discovery);
		break;
	case DISCOVERY_REGISTER:
		discovery_registered(discovery);
		break;
	case DISCOVERY_ELECT:
		discovery_decide(discovery, DISCOVERY_FIRST);
		break;
	case DISCOVERY_LIST:
		discovery_listed(discovery, body);
		break;
	}
}

static void
discovery_done(void *argument, const struct http_result *result)
{
	struct discovery *discovery = argument;

	discovery->call = NULL;
	if (result->err == ERR_NONE && result->upgraded != NULL) {
		bufferevent_free(result->upgraded);
		discovery_fail(discovery, "it changes the protocol unasked");
		return;
	}
	if (result->err == ERR_NONE) {
		discovery_answered(discovery, result->answer);
		return;
	}
	discovery->unsure = discovery->unsure || discovery->step == DISCOVERY_ELECT;
	if (discovery->step == DISCOVERY_WAIT && result->err == ERR_TIMED_OUT)
		discovery_meet_again(discovery);
	else if (++discovery->tries < 2)
		discovery_ask(discovery);
	else
		discovery_fail(discovery, result->why);
}

static void
discovery_put_form(const struct discovery *discovery, struct buf *body)
{
	const struct config *config = &discovery->peers->worker->config;
	struct slice first = url_list_first(slice_text(config->peer_url));
	char url[URL_BYTES_MAX + 1], entry[NAME_BYTES_MAX + URL_BYTES_MAX + 2];

	snprintf(url, sizeof(url), "%.*s", SLICE_ARGS(first));
	if (discovery->step == DISCOVERY_REGISTER) {
		discovery_form_put(body, "value", url);
		discovery_form_put(body, "ttl", DISCOVERY_TTL_S);
	} else if (discovery->step == DISCOVERY_ELECT) {
		discovery_form_put(body, "value", "started");
	} else if (discovery->step == DISCOVERY_ENTER) {
		snprintf(entry, sizeof(entry), "%s=%s", config->name, url);
		discovery_form_put(body, "value", entry);
	}
}

/* Send the request of the present step to its target. */
static void
discovery_ask(struct discovery *discovery)
{
	struct worker *worker = discovery->peers->worker;
	struct buf path = BUF_INIT, body = BUF_INIT;
	struct http_request request = {
		.address = discovery->target.address,
		.method = steps[discovery->step].method,
		.content_type = "application/x-www-form-urlencoded",
		.connect_ms = DISCOVERY_CONNECT_MS,
		.answer_ms = discovery->step == DISCOVERY_WAIT ? DISCOVERY_POLL_MS :
		    DISCOVERY_ANSWER_MS,
		.silence_ms = DISCOVERY_ANSWER_MS,
		.tls = discovery->target.address.https ? worker->outside_tls : NULL,
	};

	if (discovery->target.address.https &&
	    (request.tls == NULL || !tls_is_ready(request.tls))) {
		discovery_fail(discovery, "HTTPS only if -discovery begins with https");
		return;
	}
	buf_printf(&path, "%s%s%s", discovery->target.path[0] == '\0' ? "/" : "",
	    discovery->target.path, discovery->query);
	buf_append_byte(&path, '\0');
	discovery_put_form(discovery, &body);
	request.path = (const char *)path.data;
	request.body = buf_slice(&body);
	discovery->call = http_start(discovery->peers->lookups, worker->loop, &request,
	    discovery_done, discovery);
	buf_free(&path);
	buf_free(&body);
}

static void
discovery_on_timer(void *argument)
{
	struct discovery *discovery = argument;
	const char *problem;

	if (discovery->entered)
		discovery_step(discovery, DISCOVERY_MEET);
	else if (discovery_url_parse(slice_text(discovery->peers->worker->config.discovery),
		&discovery->base, &problem) != ERR_NONE)
		discovery_fail(discovery, problem);
	else if (strlen(discovery->base.path) + NAME_BYTES_MAX + 2 > DISCOVERY_PATH_BYTES_MAX)
		discovery_fail(discovery, "the URL is too long");
	else
		discovery_step(discovery, discovery->registered ? DISCOVERY_REGISTER :
		    DISCOVERY_SIZE);
}

struct discovery *
discovery_new(struct peers *peers, void (*decided)(struct peers *peers))
{
	struct discovery *discovery = xzalloc(sizeof(*discovery));

	discovery->peers = peers;
	discovery->decided = decided;
	discovery->timer = loop_timer_new(peers->worker->loop, discovery_on_timer, discovery);
	/* From the loop: what comes of it may free us. */
	loop_timer_set(discovery->timer, 0);
	return discovery;
}

void
discovery_free(struct discovery **discovery)
{
	if (*discovery == NULL)
		return;
	http_cancel(&(*discovery)->call);
	loop_timer_free(&(*discovery)->timer);
	buf_free(&(*discovery)->machines);
	initial_cluster_free(&(*discovery)->cluster);
	free(*discovery);
	*discovery = NULL;
}

enum discovery_state
discovery_state(const struct discovery *discovery)
{
	return discovery->state;
}

const char *
discovery_machines(const struct discovery *discovery)
{
	return (const char *)discovery->machines.data;
}

struct initial_cluster
discovery_take_cluster(struct discovery *discovery)
{
	struct initial_cluster taken = discovery->cluster;

	discovery->cluster = (struct initial_cluster){ .count = 0 };
	return taken;
}

const char *
discovery_hint(const struct discovery *discovery)
{
	return discovery->hint;
}

const char *
discovery_reason(const struct discovery *discovery)
{
	return discovery->reason;
}
