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
#include "httpd/http/tls.h"
#include "httpd/peer/discovery_text.h"
#include "httpd/peer/http_client.h"
#include "httpd/peer/peer_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include <event2/bufferevent.h>

#define DISCOVERY_CONNECT_MS 2000
#define DISCOVERY_ANSWER_MS 5000
#define DISCOVERY_TTL_S "604800"		/* of a registration: a week */
#define DISCOVERY_BEAT_MS UINT64_C(75600000)	/* an eighth of it */
#define TOKEN_BYTES_SHOWN 8

enum discovery_step { DISCOVERY_REGISTER, DISCOVERY_ELECT, DISCOVERY_LIST };

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
	enum discovery_state state;
	struct buf machines;		/* NUL at its end */
	struct http_call *call;
	struct loop_timer *timer;
	char reason[512];
};

static void discovery_ask(struct discovery *discovery);

/* The answer is there; or the next registration had one. */
static void
discovery_decide(struct discovery *discovery, enum discovery_state state)
{
	bool first = discovery->state == DISCOVERY_ASKING;

	loop_timer_set(discovery->timer, DISCOVERY_BEAT_MS);
	if (!first)
		return;
	discovery->state = state;
	discovery->decided(discovery->peers);
}

static void
discovery_fail(struct discovery *discovery, const char *why)
{
	static const char *const steps[] = {
		[DISCOVERY_REGISTER] = "registration",
		[DISCOVERY_ELECT] = "election",
		[DISCOVERY_LIST] = "listing",
	};
	char host[ADDRESS_TEXT_BYTES];

	peer_address_text(&discovery->target.address, host);
	snprintf(discovery->reason, sizeof(discovery->reason), "%s at %.*s: %.200s",
	    steps[discovery->step], (int)sizeof(host), host, why);
	/* A joiner's failure is told by what comes of it. */
	if (discovery->registered)
		diag_warn("discovery", "Discovery heartbeat failed: %s", discovery->reason);
	else if (discovery->peers->worker->cluster->phase != PHASE_JOINING)
		diag_warn("discovery", "discovery failed: %s", discovery->reason);
	discovery_decide(discovery, DISCOVERY_FAILED);
}

/* Begin a step's request. */
static void
discovery_step(struct discovery *discovery, enum discovery_step step)
{
	static const char *const queries[] = {
		[DISCOVERY_REGISTER] = "",
		[DISCOVERY_ELECT] = "?prevExist=false",
		[DISCOVERY_LIST] = "?recursive=true",
	};
	const char *last = step == DISCOVERY_REGISTER ? discovery->peers->worker->config.name :
	    step == DISCOVERY_ELECT ? "_state" : "";

	discovery->step = step;
	discovery->target = discovery->base;
	if (last[0] != '\0') {
		size_t size = strlen(discovery->base.path);

		snprintf(discovery->target.path + size, sizeof(discovery->target.path) - size,
		    "/%s", last);
	}
	snprintf(discovery->query, sizeof(discovery->query), "%s", queries[step]);
	discovery->redirects = 0;
	discovery->tries = 0;
	discovery_ask(discovery);
}

static void
discovery_registered(struct discovery *discovery)
{
	const char *token = strrchr(discovery->base.path, '/');

	if (!discovery->registered)
		diag_info("discovery", "registered at a discovery service: token=%.*s",
		    TOKEN_BYTES_SHOWN, token == NULL ? "" : token + 1);
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
	if (discovery->step == DISCOVERY_ELECT && status == 412 && discovery_is_error(body, 105)) {
		discovery_step(discovery, DISCOVERY_LIST);
		return;
	}
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
	if (++discovery->tries < 2)
		discovery_ask(discovery);
	else
		discovery_fail(discovery, result->why);
}

/* Send the request of the present step to its target. */
static void
discovery_ask(struct discovery *discovery)
{
	struct worker *worker = discovery->peers->worker;
	struct buf path = BUF_INIT, body = BUF_INIT;
	struct http_request request = {
		.address = discovery->target.address,
		.method = discovery->step == DISCOVERY_LIST ? "GET" : "PUT",
		.content_type = "application/x-www-form-urlencoded",
		.connect_ms = DISCOVERY_CONNECT_MS,
		.answer_ms = DISCOVERY_ANSWER_MS,
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
	if (discovery->step == DISCOVERY_REGISTER) {
		char *url = xasprintf("%.*s",
		    SLICE_ARGS(url_list_first(slice_text(worker->config.peer_url))));

		discovery_form_put(&body, "value", url);
		free(url);
		discovery_form_put(&body, "ttl", DISCOVERY_TTL_S);
	} else if (discovery->step == DISCOVERY_ELECT) {
		discovery_form_put(&body, "value", "started");
	}
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

	if (discovery_url_parse(slice_text(discovery->peers->worker->config.discovery),
		&discovery->base, &problem) != ERR_NONE)
		discovery_fail(discovery, problem);
	else if (strlen(discovery->base.path) + NAME_BYTES_MAX + 2 > DISCOVERY_PATH_BYTES_MAX)
		discovery_fail(discovery, "the URL is too long");
	else
		discovery_step(discovery, DISCOVERY_REGISTER);
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

const char *
discovery_reason(const struct discovery *discovery)
{
	return discovery->reason;
}
