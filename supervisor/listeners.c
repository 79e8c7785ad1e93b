/*
 * listeners.c - see listeners.h.
 */
#include "supervisor/listeners.h"

#include "common/diag.h"
#include "common/xmem.h"
#include "supervisor/addresses.h"
#include "supervisor/service.h"
#include "supervisor/setup.h"
#include "supervisor/url_flags.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One of the two ports while it is opened. */
struct opening {
	const char *name;		/* "client": as a service manager calls its sockets */
	enum option_id advertised, bind;
	const struct arguments *arguments;
	struct inherited *inherited;
	const struct notify *notify;
	struct addresses wanted;
	int fds[LISTEN_MAX];		/* for each that is wanted; -1: none yet */
	char *bound[LISTEN_MAX];	/* where each listens; NULL: none yet */
	bool stored;			/* the service manager keeps some that we have bound */
	bool changed;			/* it keeps others than are served now */
};

/* The option that says where to listen: another if only an address to be told was given. */
static enum option_id
option_of(const struct arguments *arguments, enum option_id advertised, enum option_id bind)
{
	return arguments->source[bind] != OPTION_FROM_DEFAULT ? url_flags_bound(arguments, bind) :
	    advertised;
}

/* What is asked of listen.h for each address of a port. */
struct listen_question {
	char *option, *bind_option;
	bool advertised;
};

static struct listen_question
question_of(const struct arguments *arguments, enum option_id advertised, enum option_id bind)
{
	return (struct listen_question){
	    .option = arguments_source(arguments, option_of(arguments, advertised, bind)),
	    .bind_option = xasprintf("-%s", option_rows[option_rows[bind].flag == NULL ?
		advertised : bind].flag),
	    .advertised = option_rows[bind].flag != NULL &&
		arguments->source[bind] == OPTION_FROM_DEFAULT };
}

static struct listen_request
request_of(const struct listen_question *question, const char *address)
{
	return (struct listen_request){ .address = address, .option = question->option,
		.advertised = question->advertised, .bind_option = question->bind_option };
}

static void
question_free(struct listen_question *question)
{
	free(question->option);
	free(question->bind_option);
}

/* ---- sockets of a service manager --------------------------------------------------------- */

static char *
no_listener(const char *name)
{
	return xasprintf("the socket \"%s\" of the service manager is none that listens for TCP; "
	    "use ListenStream=HOST:PORT", name);
}

static bool
is_wanted(const struct opening *opening, int fd)
{
	for (size_t i = 0; i < opening->wanted.count; i++)
		if (listen_is_at(fd, opening->wanted.items[i], false))
			return true;
	return false;
}

/* The next one goes to place i, wherever it listens. NULL, or what is wrong with it. */
static char *
take_given(struct opening *opening, size_t i, int fd)
{
	const struct arguments *arguments = opening->arguments;
	char *option;

	if (i == LISTEN_MAX) {
		close(fd);
		return xasprintf("the service manager passes on more than %d sockets \"%s\"",
		    LISTEN_MAX, opening->name);
	}
	opening->fds[i] = fd;
	if (listen_adopt(fd, &opening->bound[i]) != ERR_NONE)
		return no_listener(opening->name);
	if (is_wanted(opening, fd))
		return NULL;
	option = arguments_source(arguments,
	    option_of(arguments, opening->advertised, opening->bind));
	diag_warn("supervisor", "listens where the service manager says, not where %s does: "
	    "socket=%s option=%s", option, opening->bound[i],
	    config_text(&arguments->config, opening->bind));
	free(option);
	return NULL;
}

/* One that an earlier run has bound: only if it is where one is wanted. */
static char *
take_stored(struct opening *opening, int fd)
{
	for (size_t i = 0; i < opening->wanted.count; i++) {
		if (opening->fds[i] != -1 || !listen_is_at(fd, opening->wanted.items[i], true))
			continue;
		opening->fds[i] = fd;
		return listen_adopt(fd, &opening->bound[i]) == ERR_NONE ? NULL :
		    no_listener(opening->name);
	}
	close(fd);
	opening->changed = true;
	return NULL;
}

/* All that were passed on under the port's name. */
static char *
adopt(struct opening *opening)
{
	char *mark_name = xasprintf("%s-own", opening->name);
	char *problem = NULL;
	size_t given = 0;
	int fd;

	while ((fd = inherit_take(opening->inherited, mark_name)) != -1) {
		opening->stored = true;
		close(fd);
	}
	free(mark_name);
	while (problem == NULL && (fd = inherit_take(opening->inherited, opening->name)) != -1)
		problem = opening->stored ? take_stored(opening, fd) :
		    take_given(opening, given++, fd);
	/* They are all there is, whatever the options say. */
	while (given > 0 && problem == NULL && opening->wanted.count > given)
		free(opening->wanted.items[--opening->wanted.count]);
	while (problem == NULL && opening->wanted.count < given)
		opening->wanted.items[opening->wanted.count++] = xstrdup("");
	return problem;
}

/* ---- one port ------------------------------------------------------------------------------ */

static char *
open_missing(struct opening *opening)
{
	struct listen_question question = question_of(opening->arguments, opening->advertised,
	    opening->bind);
	char *problem = NULL;

	/* The service manager has the last end of what is let go of. */
	if (opening->changed)
		service_forget(opening->notify, opening->name);
	for (size_t i = 0; problem == NULL && i < opening->wanted.count; i++) {
		struct listen_request request = request_of(&question, opening->wanted.items[i]);

		if (opening->fds[i] != -1)
			continue;
		opening->fds[i] = listen_open(&request, &opening->bound[i], &problem);
		if (opening->stored && !opening->changed)
			service_forget(opening->notify, opening->name);
		opening->changed = true;
	}
	question_free(&question);
	if (problem == NULL && opening->changed)
		service_keep(opening->notify, opening->name, opening->fds, opening->wanted.count);
	return problem;
}

/* The sockets to set, in the order of the addresses; those to *bound. */
static void
finish(struct opening *opening, struct listen_set *set, char **bound)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < LISTEN_MAX; i++) {
		if (opening->fds[i] != -1)
			set->fds[set->count++] = opening->fds[i];
		if (opening->bound[i] != NULL)
			buf_printf(&text, "%s%s", text.size == 0 ? "" : ",", opening->bound[i]);
		free(opening->bound[i]);
	}
	*bound = xasprintf("%.*s", SLICE_ARGS(buf_slice(&text)));
	buf_free(&text);
	addresses_free(&opening->wanted);
}

static enum exit_code
open_port(struct opening opening, struct listen_set *set, char **bound, char **problem)
{
	enum exit_code code = EXIT_STOPPED;

	MUST(addresses_read(config_text(&opening.arguments->config, opening.bind),
	    &opening.wanted));
	for (size_t i = 0; i < LISTEN_MAX; i++)
		opening.fds[i] = -1;
	*problem = adopt(&opening);
	if (*problem != NULL) {
		code = EXIT_USAGE;
	} else {
		*problem = open_missing(&opening);
		if (*problem != NULL)
			code = EXIT_TROUBLE;
	}
	finish(&opening, set, bound);
	return code;
}

/* The sockets for figures and health go behind those of the client port: client workers have
 * both. */
static char *
add_metrics(struct listeners *listeners, struct listen_set *metrics)
{
	if (listeners->client.count + metrics->count > LISTEN_MAX)
		return xasprintf("-listen-metrics-urls: with the client port more than %d "
		    "addresses to listen on", LISTEN_MAX);
	for (size_t i = 0; i < metrics->count; i++)
		listeners->client.fds[listeners->client.count++] = metrics->fds[i];
	metrics->count = 0;
	return NULL;
}

/* ---- both ---------------------------------------------------------------------------------- */

enum exit_code
listeners_open(struct listeners *listeners, struct arguments *arguments,
    struct inherited *inherited, const struct notify *notify, char **problem)
{
	struct opening client = { .name = "client", .advertised = OPTION_addr,
		.bind = OPTION_bind_addr, .arguments = arguments, .inherited = inherited,
		.notify = notify };
	struct opening peer = { .name = "peer", .advertised = OPTION_peer_addr,
		.bind = OPTION_peer_bind_addr, .arguments = arguments, .inherited = inherited,
		.notify = notify };
	struct opening metrics = { .name = "metrics", .advertised = OPTION_listen_metrics_urls,
		.bind = OPTION_metrics_addr, .arguments = arguments, .inherited = inherited,
		.notify = notify };
	struct listen_set metrics_ports = { .count = 0 };
	char *metrics_bound = NULL;
	enum exit_code code;

	code = open_port(client, &listeners->client, &listeners->client_bound, problem);
	if (code == EXIT_STOPPED)
		code = open_port(peer, &listeners->peer, &listeners->peer_bound, problem);
	if (code == EXIT_STOPPED)
		code = open_port(metrics, &metrics_ports, &metrics_bound, problem);
	if (code == EXIT_STOPPED) {
		*problem = add_metrics(listeners, &metrics_ports);
		code = *problem == NULL ? EXIT_STOPPED : EXIT_USAGE;
	}
	if (code == EXIT_STOPPED)
		setup_text(&arguments->config, OPTION_metrics_addr, metrics_bound);
	free(metrics_bound);
	listen_set_close(&metrics_ports);
	if (code != EXIT_STOPPED)
		return code;
	inherit_close(inherited);
	setup_text(&arguments->config, OPTION_bind_addr, listeners->client_bound);
	setup_text(&arguments->config, OPTION_peer_bind_addr, listeners->peer_bound);
	return EXIT_STOPPED;
}

void
listeners_close(struct listeners *listeners)
{
	listen_set_close(&listeners->client);
	listen_set_close(&listeners->peer);
	free(listeners->client_bound);
	free(listeners->peer_bound);
	listeners->client_bound = NULL;
	listeners->peer_bound = NULL;
}

static char *
port_problem(const struct arguments *arguments, enum option_id advertised, enum option_id bind,
    bool runs)
{
	struct listen_question question = question_of(arguments, advertised, bind);
	struct addresses list;
	char *problem = NULL;

	MUST(addresses_read(config_text(&arguments->config, bind), &list));
	for (size_t i = 0; problem == NULL && i < list.count; i++) {
		struct listen_request request = request_of(&question, list.items[i]);

		problem = listen_problem(&request, runs);
	}
	addresses_free(&list);
	question_free(&question);
	return problem;
}

char *
listeners_problem(const struct arguments *arguments, bool runs)
{
	char *problem = port_problem(arguments, OPTION_addr, OPTION_bind_addr, runs);

	if (problem == NULL)
		problem = port_problem(arguments, OPTION_peer_addr, OPTION_peer_bind_addr, runs);
	return problem != NULL ? problem :
	    port_problem(arguments, OPTION_listen_metrics_urls, OPTION_metrics_addr, runs);
}
