/*
 * client.c - one request after the other, over libcurl's easy interface (see
 * client.h).
 */
#include "ctl/client.h"

#include "common/clock.h"
#include "common/limits.h"
#include "common/xmem.h"
#include "config.h"
#include "ctl/client_curl.h"
#include "ctl/discover.h"
#include "ctl/endpoints.h"
#include "ctl/form.h"
#include "ctl/interrupt.h"
#include "ctl/password.h"
#include "ctl/problem.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct client {
	CURL *curl;
	struct endpoints endpoints;
	const struct ctl_arguments *arguments;
	bool source;		/* of a copy, not the endpoints of the command line */
	char *credentials;	/* NAME:PASSWORD; NULL: none */
	uint64_t deadline_ns;
	char error[CURL_ERROR_SIZE];
};

/* ---- setting up ------------------------------------------------------------------ */

static int
look_up_interrupt(void *unused UNUSED, curl_off_t a UNUSED, curl_off_t b UNUSED,
    curl_off_t c UNUSED, curl_off_t d UNUSED)
{
	return interrupt_signal() != 0;
}

static void
set_file(CURL *curl, CURLoption option, const struct ctl_arguments *arguments,
    enum ctl_option_tag tag)
{
	const char *path = ctl_arguments_text(arguments, tag);

	if (path != NULL && path[0] != '\0')
		curl_easy_setopt(curl, option, path);
}

CURL *
client_handle(const struct client *client)
{
	const struct ctl_arguments *arguments = client->arguments;
	const struct ctl_grammar *grammar = arguments->grammar;
	CURL *curl = curl_easy_init();

	ASSERT(curl != NULL);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "etcdctl/" PACKAGE_VERSION);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* Servers of the 0.4 series send who asks a follower to the leader. */
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(curl, CURLOPT_MAXREDIRS, CTL_REDIRECTS_MAX);
	curl_easy_setopt(curl, CURLOPT_POSTREDIR, (long)CURL_REDIR_POST_ALL);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)client_connect_ms(client));
	set_file(curl, CURLOPT_SSLCERT, arguments, grammar->cert);
	set_file(curl, CURLOPT_SSLKEY, arguments, grammar->key);
	set_file(curl, CURLOPT_CAINFO, arguments, grammar->ca);
	if (ctl_arguments_flag(arguments, OPT_V3_INSECURE_SKIP_TLS_VERIFY)) {
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (client->credentials != NULL) {
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(curl, CURLOPT_USERPWD, client->credentials);
	}
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_up_interrupt);
	return curl;
}

/* By the strongest source; among equals the newest name. */
static const char *
endpoint_list(const struct ctl_arguments *arguments)
{
	const enum ctl_option_tag tags[] = { arguments->grammar->endpoints, OPT_PEERS,
		OPT_ENDPOINT };
	enum ctl_option_tag best = tags[0];

	for (size_t i = 1; i < ARRAY_COUNT(tags); i++) {
		if (arguments->values[tags[i]].source > arguments->values[best].source)
			best = tags[i];
	}
	return ctl_arguments_text(arguments, best);
}

static int
take_endpoints(struct client *client, const char *list)
{
	bool secure = ctl_arguments_given(client->arguments, client->arguments->grammar->ca) ||
	    ctl_arguments_given(client->arguments, client->arguments->grammar->cert) ||
	    (ctl_arguments_given(client->arguments, OPT_V3_INSECURE_TRANSPORT) &&
	    !ctl_arguments_flag(client->arguments, OPT_V3_INSECURE_TRANSPORT));
	char *bad = NULL;

	if (endpoints_add(&client->endpoints, slice_text(list), secure, &bad) != ERR_NONE) {
		output_fail(CTL_BAD_ARGUMENTS, "\"%s\" is no client URL (%s); write "
		    "http://HOST:PORT", bad, client->source ? "SOURCE-URL" : "--endpoints");
		free(bad);
		return CTL_BAD_ARGUMENTS;
	}
	if (client->endpoints.count == 0)
		return output_fail(CTL_BAD_ARGUMENTS, "no client URL is given (--endpoints)");
	return CTL_DONE;
}

/* Whatever else says who is to be asked. */
static int
take_discovered(struct client *client)
{
	char *list = NULL;
	int code;

	code = discover_endpoints(ctl_arguments_text(client->arguments,
	    client->arguments->grammar->discovery), &list);
	if (code == CTL_DONE)
		code = take_endpoints(client, list);
	free(list);
	return code;
}

/* The other members, behind the endpoints that were given. */
static int
synchronise(struct client *client)
{
	struct client_request request = { .method = "GET", .path = "/v2/machines",
		.repeatable = true };
	struct client_answer answer = { 0 };
	enum client_result result = client_ask(client, &request, &answer);
	int code = CTL_DONE;

	if (result != CLIENT_ANSWERED) {
		code = client_fail(result, &answer);
	} else if (answer.status == 200) {
		char *bad = NULL;

		/* What is no list of URLs comes from no etcd; the command itself will tell. */
		if (endpoints_add(&client->endpoints, buf_slice(&answer.body), false, &bad) !=
		    ERR_NONE)
			free(bad);
	}
	client_answer_free(&answer);
	return code;
}

static int
take_credentials(struct client *client)
{
	const char *text = ctl_arguments_text(client->arguments, OPT_USERNAME);

	if (text == NULL)
		return CTL_DONE;
	if (strchr(text, ':') != NULL)
		client->credentials = xstrdup(text);
	else
		client->credentials = password_ask(text);
	if (client->credentials == NULL)
		return output_fail(CTL_BAD_ARGUMENTS,
		    "no password for \"%s\" (--username): write NAME:PASSWORD", text);
	return CTL_DONE;
}

int
client_open(const struct ctl *ctl, const char *source, struct client **result)
{
	const struct ctl_arguments *arguments = ctl->arguments;
	struct client *client;
	int code;

	code = problem_check_files(arguments);
	if (code != CTL_DONE)
		return code;
	client = xzalloc(sizeof(*client));
	client->source = source != NULL;
	client->arguments = arguments;
	client_restart_clock(client);
	code = take_credentials(client);
	client->curl = client_handle(client);
	if (code == CTL_DONE && source == NULL &&
	    ctl_arguments_given(arguments, arguments->grammar->discovery))
		code = take_discovered(client);
	else if (code == CTL_DONE)
		code = take_endpoints(client, source != NULL ? source : endpoint_list(arguments));
	if (code == CTL_DONE && arguments->grammar->synchronises &&
	    !ctl_arguments_flag(arguments, OPT_NO_SYNC))
		code = synchronise(client);
	if (code != CTL_DONE)
		client_free(&client);
	else
		*result = client;
	return code;
}

void
client_free(struct client **client_pointer)
{
	struct client *client = *client_pointer;

	if (client == NULL)
		return;
	curl_easy_cleanup(client->curl);
	endpoints_free(&client->endpoints);
	free(client->credentials);
	free(client);
	*client_pointer = NULL;
}

void
client_restart_clock(struct client *client)
{
	client->deadline_ns = clock_monotonic_ns() + client_total_ms(client) * NS_PER_MS;
}

uint64_t
client_total_ms(const struct client *client)
{
	return ctl_arguments_number(client->arguments, client->arguments->grammar->total_time);
}

uint64_t
client_connect_ms(const struct client *client)
{
	return ctl_arguments_number(client->arguments, client->arguments->grammar->connect_time);
}

size_t
client_endpoint_count(const struct client *client)
{
	return client->endpoints.count;
}

const char *
client_endpoint(const struct client *client, size_t i)
{
	return client->endpoints.urls[i];
}

/* ---- one request ------------------------------------------------------------------ */

static size_t
on_body(char *data, size_t one, size_t count, void *argument)
{
	struct client_answer *answer = argument;

	buf_append(&answer->body, data, one * count);
	return answer->body.overflowed ? 0 : one * count;
}

static void
take_index(struct slice line, const char *name, uint64_t *index)
{
	size_t length = strlen(name);
	char digits[24] = "";

	if (line.size <= length || strncasecmp((const char *)line.data, name, length) != 0)
		return;
	memcpy(digits, line.data + length, MIN_OF(line.size - length, sizeof(digits) - 1));
	*index = strtoull(digits, NULL, 10);
}

/* Anything longer than an id is none. */
static void
take_cluster_id(struct slice line, char id[CLUSTER_ID_BYTES])
{
	static const char name[] = "X-Etcd-Cluster-ID:";
	size_t length = sizeof(name) - 1;
	size_t size;

	if (line.size <= length || strncasecmp((const char *)line.data, name, length) != 0)
		return;
	line = slice_of(line.data + length, line.size - length);
	while (line.size > 0 && line.data[0] == ' ')
		line = slice_of(line.data + 1, line.size - 1);
	for (size = 0; size < line.size && isxdigit(line.data[size]) != 0; size++)
		;
	snprintf(id, CLUSTER_ID_BYTES, "%.*s", size < CLUSTER_ID_BYTES ? (int)size : 0,
	    size == 0 ? "" : (const char *)line.data);
}

static size_t
on_head(char *data, size_t one, size_t count, void *argument)
{
	struct client_answer *answer = argument;
	struct slice line = slice_of(data, one * count);

	/* Of the last answer only, if there was a redirect. */
	if (slice_starts_with(line, SLICE_LITERAL("HTTP/")))
		*answer = (struct client_answer){ .body = answer->body, .from = answer->from,
			.problem = answer->problem, .of_source = answer->of_source };
	take_cluster_id(line, answer->cluster_id);
	take_index(line, "X-Etcd-Index:", &answer->store_index);
	take_index(line, "X-Raft-Index:", &answer->raft_index);
	take_index(line, "X-Raft-Term:", &answer->raft_term);
	return one * count;
}

static void
show_curl(const struct client_request *request, const char *url)
{
	struct buf line = BUF_INIT;

	buf_printf(&line, "cURL Command: curl -L -X %s ", request->method);
	form_shell_word(&line, slice_text(url));
	if (request->body_type != NULL && strstr(request->body_type, "form") == NULL)
		buf_printf(&line, " -H 'Content-Type: %s'", request->body_type);
	if (request->body_type != NULL) {
		buf_append_text(&line, " -d ");
		form_shell_word(&line, request->body);
	}
	output_say("%.*s\n", SLICE_ARGS(line));
	buf_free(&line);
}

/* What is left of the command's time, or of the request's. */
static uint64_t
time_left_ms(const struct client *client, const struct client_request *request, size_t others)
{
	uint64_t now = clock_monotonic_ns();
	uint64_t left = now < client->deadline_ns ? (client->deadline_ns - now) / NS_PER_MS : 0;
	uint64_t connect_ms = client_connect_ms(client);

	if (request->limit_ms != 0)
		return request->limit_ms;
	/* One that hangs must leave some time for the others. */
	if (request->repeatable && others > 0)
		left = MAX_OF(left / 2, MIN_OF(left, connect_ms));
	return left;
}

static struct curl_slist *
headers_of(const struct client_request *request)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
	char *type;

	if (request->body_type != NULL) {
		type = xasprintf("Content-Type: %s", request->body_type);
		headers = curl_slist_append(headers, type);
		free(type);
	}
	if (request->authorization != NULL) {
		type = xasprintf("Authorization: %s", request->authorization);
		headers = curl_slist_append(headers, type);
		free(type);
	}
	return headers;
}

struct curl_slist *
client_prepare(CURL *curl, const struct client_request *request, const char *url,
    struct client_answer *answer)
{
	struct curl_slist *headers = headers_of(request);

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR,
	    strncmp(url, "https:", 6) == 0 ? "https" : "http,https");
	if (request->body_type != NULL) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
		    request->body.size == 0 ? "" : (const char *)request->body.data);
	} else {
		curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
	}
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	/* On a connection that was used before, libcurl repeats by itself what got no answer. */
	curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, request->repeatable ? 0L : 1L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_head);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, answer);
	return headers;
}

static CURLcode
perform(struct client *client, const struct client_request *request, const char *url,
    uint64_t left_ms, struct client_answer *answer)
{
	struct curl_slist *headers = client_prepare(client->curl, request, url, answer);
	uint64_t begun_ns = clock_monotonic_ns();
	CURL *curl = client->curl;
	CURLcode code;

	client->error[0] = '\0';
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->error);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
	    request->limit_ms == CLIENT_NO_LIMIT ? 0L : (long)left_ms);
	code = curl_easy_perform(curl);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	answer->took_ns = clock_monotonic_ns() - begun_ns;
	return code;
}

static bool
was_sent(CURL *curl)
{
	long size = 0;

	return curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &size) == CURLE_OK && size > 0;
}

/* True: the server has refused to look at the request, so nothing was carried out; or there is
 * nothing to note. */
static bool
note_problem(struct client *client, const char *url, CURLcode code, struct client_answer *answer)
{
	struct problem problem = { .url = url, .curl_code = (int)code, .status = answer->status,
		.body = buf_slice(&answer->body), .said = client->error };
	char *before = answer->problem;
	bool certain;
	char *why;

	(void)curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &problem.system_error);
	why = problem_words(client->arguments, &problem, &certain);
	if (code == CURLE_WRITE_ERROR && answer->body.overflowed) {
		free(why);
		why = xstrdup("its answer is too long");
	}
	if (why == NULL)
		return true;
	answer->problem = xasprintf("%s%s%s: %s", before == NULL ? "" : before,
	    before == NULL ? "" : "; ", url, why);
	free(before);
	free(why);
	return certain;
}

/* False: that port is not one that has what is asked for, and said so. */
static bool
took_part(struct client *client, const char *url, struct client_answer *answer)
{
	char *before = answer->problem;

	(void)note_problem(client, url, CURLE_OK, answer);
	return answer->problem == before;
}

/* True: this is the end of it. */
static bool
ask_one(struct client *client, const struct client_request *request, const char *base,
    size_t others, struct client_answer *answer, enum client_result *result)
{
	uint64_t left_ms = time_left_ms(client, request, others);
	char *url = xasprintf("%s%s", base, request->path);
	CURLcode code = CURLE_OPERATION_TIMEDOUT;
	long status = 0;
	bool certain;

	buf_clear(&answer->body);
	if (ctl_arguments_flag(client->arguments, client->arguments->grammar->debug))
		show_curl(request, url);
	if (left_ms > 0)
		code = perform(client, request, url, left_ms, answer);
	free(url);
	if (code == CURLE_OK) {
		curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
		answer->status = (unsigned)status;
		free(answer->from);
		answer->from = xstrdup(base);
		if (!took_part(client, base, answer))
			return false;
		*result = CLIENT_ANSWERED;
		return status < 500 || !request->repeatable;
	}
	certain = note_problem(client, base, code, answer);
	if (code == CURLE_ABORTED_BY_CALLBACK) {
		*result = CLIENT_INTERRUPTED;
		return true;
	}
	if (left_ms == 0 || certain || !was_sent(client->curl))
		return false;
	if (!request->repeatable) {
		*result = CLIENT_UNKNOWN;
		return true;
	}
	*result = CLIENT_TIMED_OUT;
	return code == CURLE_OPERATION_TIMEDOUT && request->limit_ms != 0;
}

enum client_result
client_ask(struct client *client, const struct client_request *request,
    struct client_answer *answer)
{
	enum client_result result = CLIENT_NO_HOST;

	client_answer_free(answer);
	answer->body.limit = CLIENT_BODY_BYTES_MAX;
	answer->of_source = client->source;
	if (request->only != NULL) {
		(void)ask_one(client, request, request->only, 0, answer, &result);
		return result;
	}
	for (size_t i = 0; i < client->endpoints.count; i++) {
		size_t others = client->endpoints.count - 1 - i;

		if (ask_one(client, request, client->endpoints.urls[i], others, answer, &result)) {
			if (result == CLIENT_ANSWERED)
				endpoints_prefer(&client->endpoints, i);
			break;
		}
	}
	return result;
}

void
client_answer_free(struct client_answer *answer)
{
	buf_free(&answer->body);
	free(answer->from);
	free(answer->problem);
	*answer = (struct client_answer){ 0 };
}

int
client_fail(enum client_result result, const struct client_answer *answer)
{
	const char *problem = answer->problem == NULL ? "" : answer->problem;

	switch (result) {
	case CLIENT_ANSWERED:
		return CTL_DONE;
	case CLIENT_NO_HOST:
		return output_fail(CTL_NO_HOST, "%s: %s", answer->of_source ?
		    "the source cannot be reached (SOURCE-URL)" :
		    "no endpoint can be reached (--endpoints)", problem);
	case CLIENT_UNKNOWN:
		return output_fail(CTL_UNKNOWN_OUTCOME,
		    "no answer; it may or may not have been carried out: %s", problem);
	case CLIENT_TIMED_OUT:
		return output_fail(CTL_NO_HOST, "no answer (--total-timeout): %s", problem);
	case CLIENT_INTERRUPTED:
		return 128 + interrupt_signal();
	}
	return CTL_NO_HOST;
}
