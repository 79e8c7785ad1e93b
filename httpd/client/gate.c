/*
 * gate.c - see gate.h.
 *
 * A check lives on the heap, since a thread may have it when its client is gone: then it goes
 * on, and is counted, so that who hangs up asks for no more than who waits.
 */
#include "httpd/client/gate.h"

#include "common/diag.h"
#include "common/ipc/wire.h"
#include "common/json_put.h"
#include "common/limits.h"
#include "common/metric.h"
#include "common/xmem.h"
#include "httpd/api_error.h"
#include "httpd/backend.h"
#include "httpd/client/attempts.h"
#include "httpd/client/auth_text.h"
#include "httpd/client/gate_class.h"
#include "httpd/client/passwords.h"
#include "httpd/client/remembered.h"
#include "httpd/client/restings.h"
#include "httpd/client/v3/refuse.h"
#include "httpd/client/v3_users.h"
#include "httpd/cluster.h"
#include "httpd/worker.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#define CHECK_FROM_BYTES 64
#define UNAUTHORIZED_TEXT "Insufficient credentials"

/* A request that waits for users and roles; in its arena. */
struct parked {
	TAILQ_ENTRY(parked) link;
	struct request *request;
	void (*handle)(struct request *request);
	uint64_t since_ms;		/* monotonic */
};

/* A request that waits for a check; in its arena. */
struct waiter {
	TAILQ_ENTRY(waiter) link;
	struct check *check;
	struct request *request;
	void (*handle)(struct request *request);
	void (*hashed)(void *argument, const char *hash); /* of a hash that is made */
	void (*told)(void *argument, bool right); /* of one that is checked for a call */
	void *argument;
};

/* A password that is checked, or that a hash is made of. */
struct check {
	TAILQ_ENTRY(check) link;
	struct password_attempt attempt;
	struct gate *gate;
	TAILQ_HEAD(, waiter) waiters;	/* none: they are gone */
	bool make;			/* a hash; else it is checked */
	bool of_call;			/* it is checked for a call of the v3 API: */
	struct buf name, hash;		/* whose it is said to be, and against what */
	bool over;			/* those that wait are being told */
	char from[CHECK_FROM_BYTES];	/* whose address: others do not wait for it */
	struct buf header;		/* that it came in; or the password */
	struct text_basic basic;
	uint64_t credential;		/* of the hash that it was held against; 0: of none */
};

struct gate {
	struct worker *worker;
	struct auth auth;
	bool closed;			/* users count */
	struct remembered *remembered;
	struct attempts *attempts;
	struct passwords *passwords;
	TAILQ_HEAD(, parked) parked;	/* the one that waits longest first */
	struct loop_timer *patience;	/* with them; due when that one has waited for too long */
	TAILQ_HEAD(, check) checks;
	struct loop_timer *timer;	/* of checks that are delayed */
	struct restings *restings;
};

/* ---- what may be done ---------------------------------------------------------------- */

const struct auth *
gate_auth(const struct worker *worker)
{
	return &worker->gate->auth;
}

bool
gate_is_closed(const struct worker *worker)
{
	return worker->gate != NULL && worker->gate->closed;
}

bool
gate_hides_hashes(const struct worker *worker)
{
	return !gate_is_closed(worker) && !v3_users_count(worker) &&
	    (gate_auth(worker)->user_count > 0 || v3_users_auth(worker)->users.count > 0);
}

static struct auth_who
gate_who(const struct request *request)
{
	return (struct auth_who){ .user = request->user, .credential = request->credential };
}

bool
gate_is_root(const struct request *request)
{
	struct auth_who who = gate_who(request);

	return !gate_is_closed(request->worker) ||
	    (!request->denied && auth_is_root(gate_auth(request->worker), &who));
}

enum auth_read
gate_may_read(const struct request *request, struct slice key)
{
	struct auth_who who = gate_who(request);

	if (!gate_is_closed(request->worker))
		return AUTH_READ_ALL;
	return request->denied ? AUTH_READ_NONE :
	    auth_may_read(gate_auth(request->worker), &who, key);
}

bool
gate_shows(const struct request *request, struct slice key, bool is_directory)
{
	struct auth_who who = gate_who(request);

	return !gate_is_closed(request->worker) || (!request->denied &&
	    auth_shows(gate_auth(request->worker), &who, key, is_directory));
}

bool
gate_may_write(const struct request *request, struct slice key, enum auth_reach reach)
{
	struct auth_who who = gate_who(request);

	return !gate_is_closed(request->worker) || (!request->denied &&
	    auth_may_write(gate_auth(request->worker), &who, key, reach));
}

/* ---- refusals ------------------------------------------------------------------------ */

void
gate_refuse_key(struct request *request)
{
	metric_add(METRIC_rejected_rights, 1);
	api_error(request, ERR_UNAUTHORIZED, SLICE_LITERAL(UNAUTHORIZED_TEXT), 0);
}

void
gate_send_message(struct request *request, unsigned status, struct slice message)
{
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);

	json_put_open(&json, NULL, '{');
	json_put_text(&json, "message", message);
	json_put_close(&json, '}');
	cluster_id_header(request);
	response_send(request, status, "application/json", buf_slice(&body));
	buf_free(&body);
}

void
gate_refuse(struct request *request)
{
	metric_add(METRIC_rejected_rights, 1);
	response_header(request, "WWW-Authenticate", "%s", AUTHENTICATE_VALUE);
	gate_send_message(request, 401, SLICE_LITERAL(UNAUTHORIZED_TEXT));
}

/* ---- whose it is ------------------------------------------------------------------------ */

static void
refuse_full(struct request *request, enum attempt_answer why)
{
	metric_add(METRIC_rejected_passwords, 1);
	if (call_refuse_crowded(request))
		return;
	response_header(request, "Retry-After", "1");
	if (why == ATTEMPT_ADDRESS_FULL)
		gate_send_message(request, 429, SLICE_LITERAL(
		    "too many passwords that come from this address wait to be checked"));
	else
		gate_send_message(request, 503, SLICE_LITERAL(
		    "too many passwords wait to be checked"));
}

/* It is known whose it is. */
static void
let_in(struct request *request, void (*handle)(struct request *request))
{
	enum gate_class class = gate_class(request);

	if (class == CLASS_ROOT && (!gate_is_root(request) || !v3_users_let_in(request)))
		gate_refuse(request);
	else if (class == CLASS_KEYS && request->denied)
		gate_refuse_key(request);
	else
		handle(request);
}

/* ---- passwords ------------------------------------------------------------------------- */

static void run_checks(struct gate *gate);

static struct check *
check_new(struct gate *gate, struct slice header, const char *from)
{
	struct check *check = xzalloc(sizeof(*check));

	check->gate = gate;
	snprintf(check->from, sizeof(check->from), "%s", from);
	buf_append_slice(&check->header, header);
	TAILQ_INIT(&check->waiters);
	TAILQ_INSERT_TAIL(&gate->checks, check, link);
	return check;
}

static void
check_free(struct check *check)
{
	TAILQ_REMOVE(&check->gate->checks, check, link);
	text_wipe(&check->header);
	text_wipe(&check->hash);
	buf_free(&check->name);
	text_basic_wipe(&check->basic);
	free(check);
}

void
gate_forget(struct waiter *waiter)
{
	struct check *check = waiter->check;

	TAILQ_REMOVE(&check->waiters, waiter, link);
	if (!TAILQ_EMPTY(&check->waiters) || check->attempt.running || check->over)
		return;
	attempts_cancel(check->gate->attempts, &check->attempt);
	check_free(check);
}

/* The client hung up. */
static void
waiter_gone(struct request *request)
{
	gate_forget(request->state);
}

static struct waiter *
add_waiter(struct check *check, struct request *request)
{
	struct waiter *waiter = arena_zalloc(&request->arena, sizeof(*waiter));

	waiter->check = check;
	TAILQ_INSERT_TAIL(&check->waiters, waiter, link);
	return waiter;
}

static struct waiter *
wait_for(struct check *check, struct request *request)
{
	struct waiter *waiter = add_waiter(check, request);

	waiter->request = request;
	request->state = waiter;
	request->gone = waiter_gone;
	return waiter;
}

/* One of those that wait, who does so no more; NULL: there is none. */
static struct waiter *
next_waiter(struct check *check)
{
	struct waiter *waiter = TAILQ_FIRST(&check->waiters);

	if (waiter == NULL)
		return NULL;
	TAILQ_REMOVE(&check->waiters, waiter, link);
	if (waiter->request != NULL)
		waiter->request->gone = NULL;
	return waiter;
}

/* Of a password that is to be kept, which is nobody's yet. */
static void
hash_made(void *argument, bool right, const char *hash)
{
	struct check *check = argument;
	struct gate *gate = check->gate;
	struct waiter *waiter = next_waiter(check);

	check->over = true;
	attempts_over(gate->attempts, &check->attempt, false,
	    loop_now(gate->worker->loop).monotonic_ms);
	if (waiter != NULL)
		waiter->hashed(waiter->argument, right ? hash : NULL);
	check_free(check);
	run_checks(gate);
}

/* Is what it was held against still the user's? */
static bool
is_of_now(const struct check *check)
{
	const struct auth_user *user =
	    auth_user(&check->gate->auth, text_basic_user(&check->basic));

	return check->credential == (user == NULL ? 0 : user->credential);
}

static void
checked(void *argument, bool right, const char *hash UNUSED)
{
	struct check *check = argument;
	struct gate *gate = check->gate;
	uint64_t now_ms = loop_now(gate->worker->loop).monotonic_ms;
	bool of_now = is_of_now(check);
	struct waiter *waiter;

	check->over = true;
	metric_add(right ? METRIC_passwords_right : METRIC_passwords_wrong, 1);
	attempts_over(gate->attempts, &check->attempt, !right, now_ms);
	if (right)
		remembered_add(gate->remembered, buf_slice(&check->header),
		    text_basic_user(&check->basic), check->credential, now_ms);
	else if (of_now)
		diag_info("http", "a wrong password: user=%.*s from=%s",
		    SLICE_ARGS(text_basic_user(&check->basic)), check->from);
	while ((waiter = next_waiter(check)) != NULL) {
		struct request *request = waiter->request;

		if (right || !of_now) {
			/* From the start: it is remembered now, or there is another one. */
			gate_pass(request, waiter->handle);
		} else {
			request->denied = true;
			let_in(request, waiter->handle);
		}
	}
	check_free(check);
	run_checks(gate);
}

/* Of a call: nothing of it is remembered, that is what tokens are for. */
static void
checked_for_call(void *argument, bool right, const char *hash UNUSED)
{
	struct check *check = argument;
	struct gate *gate = check->gate;
	struct waiter *waiter = next_waiter(check);

	check->over = true;
	metric_add(right ? METRIC_passwords_right : METRIC_passwords_wrong, 1);
	attempts_over(gate->attempts, &check->attempt, !right,
	    loop_now(gate->worker->loop).monotonic_ms);
	if (!right)
		diag_info("http", "a wrong password: v3 user=%.*s from=%s",
		    SLICE_ARGS(buf_slice(&check->name)), check->from);
	if (waiter != NULL)
		waiter->told(waiter->argument, right);
	check_free(check);
	run_checks(gate);
}

static void
run_check(struct gate *gate, struct check *check)
{
	const struct auth_user *user;

	if (check->of_call) {
		passwords_check(gate->passwords, buf_slice(&check->header),
		    buf_slice(&check->hash), checked_for_call, check);
		return;
	}

	if (check->make) {
		passwords_hash(gate->passwords, buf_slice(&check->header), hash_made, check);
		return;
	}
	user = auth_user(&gate->auth, text_basic_user(&check->basic));
	check->credential = user == NULL ? 0 : user->credential;
	passwords_check(gate->passwords, text_basic_password(&check->basic),
	    user == NULL ? SLICE_EMPTY : buf_slice(&user->hash), checked, check);
}

static void
run_checks(struct gate *gate)
{
	uint64_t now_ms = loop_now(gate->worker->loop).monotonic_ms;
	struct password_attempt *attempt;
	uint64_t again_ms;

	while ((attempt = attempts_next(gate->attempts, now_ms, &again_ms)) != NULL)
		run_check(gate, CONTAINER_OF(attempt, struct check, attempt));
	if (again_ms != UINT64_MAX)
		loop_timer_set(gate->timer, again_ms - now_ms);
}

static void
timer_due(void *argument)
{
	run_checks(argument);
}

/* Let the check wait for its turn, or have it answered that there are too many. NULL: the
 * latter. */
static struct waiter *
begin_check(struct check *check, struct request *request)
{
	struct gate *gate = check->gate;
	enum attempt_answer answer = attempts_add(gate->attempts, &check->attempt, check->from,
	    loop_now(gate->worker->loop).monotonic_ms);

	if (answer != ATTEMPT_WAITS) {
		check_free(check);
		restings_add(gate->restings, request, answer);
		return NULL;
	}
	return wait_for(check, request);
}

void
gate_hash(struct request *request, struct slice password,
    void (*done)(void *argument, const char *hash), void *argument)
{
	struct gate *gate = request->worker->gate;
	struct check *check = check_new(gate, password, request_from(request));
	struct waiter *waiter;

	check->make = true;
	waiter = begin_check(check, request);
	if (waiter == NULL)
		return;
	waiter->hashed = done;
	waiter->argument = argument;
	run_checks(gate);
}

/* NULL: too many wait. */
static struct waiter *
begin_for_call(struct check *check, struct request *request)
{
	struct gate *gate = check->gate;

	if (attempts_add(gate->attempts, &check->attempt, check->from,
	    loop_now(gate->worker->loop).monotonic_ms) != ATTEMPT_WAITS) {
		metric_add(METRIC_rejected_passwords, 1);
		check_free(check);
		return NULL;
	}
	return add_waiter(check, request);
}

struct waiter *
gate_check_for_call(struct request *request, struct slice name, struct slice password,
    struct slice hash, void (*done)(void *argument, bool right), void *argument)
{
	struct gate *gate = request->worker->gate;
	struct check *check = check_new(gate, password, request_from(request));
	struct waiter *waiter;

	check->of_call = true;
	buf_append_slice(&check->name, name);
	buf_append_slice(&check->hash, hash);
	waiter = begin_for_call(check, request);
	if (waiter == NULL)
		return NULL;
	waiter->told = done;
	waiter->argument = argument;
	run_checks(gate);
	return waiter;
}

struct waiter *
gate_hash_for_call(struct request *request, struct slice password,
    void (*done)(void *argument, const char *hash), void *argument)
{
	struct gate *gate = request->worker->gate;
	struct check *check = check_new(gate, password, request_from(request));
	struct waiter *waiter;

	check->make = true;
	waiter = begin_for_call(check, request);
	if (waiter == NULL)
		return NULL;
	waiter->hashed = done;
	waiter->argument = argument;
	run_checks(gate);
	return waiter;
}

/* ---- who ---------------------------------------------------------------------------------- */

/* He has shown that he is that user. */
static void
set_user(struct request *request, struct slice user, uint64_t credential)
{
	request->user = arena_copy(&request->arena, user);
	request->credential = credential;
}

/* Host and port: how many bytes the host has. */
static size_t
host_bytes(const char *from)
{
	const char *colon = strrchr(from, ':');

	return colon == NULL ? strlen(from) : (size_t)(colon - from);
}

/* One of the same header and host that is not over: whoever begins with many connections
 * asks once. */
static struct check *
find_check(const struct gate *gate, struct slice header, const char *from)
{
	size_t size = host_bytes(from);
	struct check *check;

	TAILQ_FOREACH(check, &gate->checks, link)
		if (!check->make && !check->of_call && !check->over &&
		    check->header.size == header.size &&
		    host_bytes(check->from) == size && memcmp(check->from, from, size) == 0 &&
		    CRYPTO_memcmp(check->header.data, header.data, header.size) == 0)
			return check;
	return NULL;
}

static void
begin_password(struct request *request, struct slice header,
    void (*handle)(struct request *request), const struct text_basic *basic)
{
	struct gate *gate = request->worker->gate;
	struct check *check = find_check(gate, header, request_from(request));
	struct waiter *waiter;

	if (check != NULL) {
		wait_for(check, request)->handle = handle;
		return;
	}
	check = check_new(gate, header, request_from(request));
	check->basic = *basic;
	waiter = begin_check(check, request);
	if (waiter == NULL)
		return;
	waiter->handle = handle;
	run_checks(gate);
}

static void
identify(struct request *request, struct slice header,
    void (*handle)(struct request *request))
{
	struct gate *gate = request->worker->gate;
	struct text_basic basic;
	const struct auth_user *user;
	struct slice name;
	uint64_t credential = remembered_find(gate->remembered, header,
	    loop_now(gate->worker->loop).monotonic_ms, &name);

	user = credential == 0 ? NULL : auth_user(&gate->auth, name);
	if (user != NULL && user->credential == credential) {
		set_user(request, name, credential);
		let_in(request, handle);
	} else if (text_basic_read(header, &basic)) {
		begin_password(request, header, handle, &basic);
		text_basic_wipe(&basic);
	} else {
		request->denied = true;
		let_in(request, handle);
	}
}

/* Of who shows no password: the name in his certificate, if that counts; else a guest. */
static void
take_certificate(struct request *request)
{
	const struct worker *worker = request->worker;
	const struct auth_user *user;
	struct slice name;

	if (!worker->config.client_cert_user)
		return;
	name = request_certificate_name(request);
	user = name.size == 0 ? NULL : auth_user(gate_auth(worker), name);
	if (user != NULL)
		set_user(request, name, user->credential);
	else if (name.size > 0)
		request->denied = true;
}

static void
parked_gone(struct request *request)
{
	struct parked *parked = request->state;

	TAILQ_REMOVE(&request->worker->gate->parked, parked, link);
}

/* Nothing was asked of raftd for it, so nothing can have taken effect. */
static void
give_up_parked(void *argument)
{
	struct gate *gate = argument;
	uint64_t limit_ms = gate->worker->config.request_timeout;
	uint64_t now_ms = loop_now(gate->worker->loop).monotonic_ms;
	struct parked *parked;

	while ((parked = TAILQ_FIRST(&gate->parked)) != NULL &&
	    now_ms - parked->since_ms >= limit_ms) {
		TAILQ_REMOVE(&gate->parked, parked, link);
		parked->request->gone = NULL;
		if (!call_refuse_late(parked->request))
			api_error(parked->request, ERR_RAFT_INTERNAL, SLICE_LITERAL("raftd gave "
			    "no users and roles in time, nothing was done"),
			    gate->worker->cluster->store_index);
	}
	if (parked != NULL)
		loop_timer_set(gate->patience, parked->since_ms + limit_ms - now_ms);
}

static void
park(struct request *request, void (*handle)(struct request *request))
{
	const struct worker *worker = request->worker;
	struct parked *parked = arena_zalloc(&request->arena, sizeof(*parked));

	parked->request = request;
	parked->handle = handle;
	parked->since_ms = loop_now(worker->loop).monotonic_ms;
	if (TAILQ_EMPTY(&worker->gate->parked))
		loop_timer_set(worker->gate->patience, worker->config.request_timeout);
	request->state = parked;
	request->gone = parked_gone;
	TAILQ_INSERT_TAIL(&request->worker->gate->parked, parked, link);
}

bool
gate_is_current(const struct worker *worker)
{
	return backend_auth_is_at(worker->backend, worker->gate->auth.revision) &&
	    v3_users_are_current(worker);
}

/* It is known of all whether they count. */
static void
pass(struct request *request, void (*handle)(struct request *request))
{
	struct gate *gate = request->worker->gate;
	struct slice header;

	if (!gate->closed) {
		let_in(request, handle);
		return;
	}
	request->user = SLICE_EMPTY;
	request->credential = 0;
	request->denied = false;
	header = request_header(request, "authorization");
	if (header.data != NULL) {
		identify(request, header, handle);
		return;
	}
	take_certificate(request);
	let_in(request, handle);
}

void
gate_pass(struct request *request, void (*handle)(struct request *request))
{
	struct gate *gate = request->worker->gate;
	bool v3 = v3_users_may_be_shown(request);

	if (gate == NULL || (gate_is_current(request->worker) && !gate->closed && !v3) ||
	    gate_class(request) == CLASS_OPEN)
		handle(request);
	else if (!gate_is_current(request->worker))
		park(request, handle);
	else if (!v3 || !v3_users_ask(request, handle, pass))
		pass(request, handle);
}

/* ---- users and roles -------------------------------------------------------------------- */

static enum err
load(struct auth *auth, struct slice records)
{
	struct reader in = reader_of(records);
	struct state_record record;

	while (!reader_done(&in))
		if (!state_record_get(&in, &record) ||
		    auth_load(auth, record.key, record.value) != ERR_NONE)
			return ERR_MALFORMED;
	return ERR_NONE;
}

void
gate_go_on(struct gate *gate)
{
	struct parked *parked;

	/* There may be newer ones already. */
	while (gate_is_current(gate->worker) && (parked = TAILQ_FIRST(&gate->parked)) != NULL) {
		TAILQ_REMOVE(&gate->parked, parked, link);
		parked->request->gone = NULL;
		gate_pass(parked->request, parked->handle);
	}
}

enum err
gate_take(struct gate *gate, const struct msg_auth *message)
{
	struct auth auth = { .enabled = false };
	enum err err = load(&auth, message->records);

	if (err == ERR_NONE && auth.revision != message->revision)
		err = ERR_MALFORMED;
	if (err != ERR_NONE) {
		auth_clear(&auth);
		return err;
	}
	auth_clear(&gate->auth);
	gate->auth = auth;
	gate->closed = auth.enabled;
	gate_go_on(gate);
	return ERR_NONE;
}

/* ---- life ---------------------------------------------------------------------------------- */

struct gate *
gate_new(struct worker *worker)
{
	struct gate *gate = xzalloc(sizeof(*gate));

	gate->worker = worker;
	gate->remembered = remembered_new();
	gate->attempts = attempts_new(PASSWORDS_AT_ONCE);
	gate->passwords = passwords_new(worker->loop);
	gate->timer = loop_timer_new(worker->loop, timer_due, gate);
	gate->restings = restings_new(worker, refuse_full);
	gate->patience = loop_timer_new(worker->loop, give_up_parked, gate);
	TAILQ_INIT(&gate->parked);
	TAILQ_INIT(&gate->checks);
	return gate;
}

void
gate_start(struct gate *gate)
{
	passwords_start(gate->passwords);
}

void
gate_free(struct gate **freed)
{
	struct gate *gate = *freed;
	struct check *check;

	*freed = NULL;
	if (gate == NULL)
		return;
	ASSERT(TAILQ_EMPTY(&gate->parked));
	passwords_free(&gate->passwords);
	/* Of those whose clients were gone. */
	while ((check = TAILQ_FIRST(&gate->checks)) != NULL) {
		attempts_cancel(gate->attempts, &check->attempt);
		check_free(check);
	}
	attempts_free(&gate->attempts);
	remembered_free(&gate->remembered);
	loop_timer_free(&gate->timer);
	restings_free(&gate->restings);
	loop_timer_free(&gate->patience);
	auth_clear(&gate->auth);
	free(gate);
}
