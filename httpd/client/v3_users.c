/*
 * v3_users.c - see v3_users.h.
 *
 * A token is letters, a dot, and the number of the entry that made it. Of letters nobody keeps
 * more than their SHA-256; the number finds it.
 */
#include "httpd/client/v3_users.h"

#include "common/clock.h"
#include "common/limits.h"
#include "common/loop.h"
#include "common/rand.h"
#include "common/xmem.h"
#include "httpd/backend.h"
#include "httpd/client/params.h"
#include "httpd/http/head.h"
#include "httpd/worker.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdlib.h>

struct token {
	uint64_t index;			/* of its entry: rises */
	uint64_t credential;
	uint64_t told_ms;		/* monotonic, when raftd heard that it is used; 0: never */
	uint8_t digest[V3_TOKEN_DIGEST_BYTES];
};

struct v3_users {
	struct worker *worker;
	struct v3_auth auth;
	uint64_t version;		/* of what came last */
	struct token *tokens;		/* by index */
	size_t count, capacity;
	uint64_t newest;		/* index of a token that was ever known */
};

bool
v3_users_are_current(const struct worker *worker)
{
	return backend_v3_auth_is_at(worker->backend, worker->v3_users->version);
}

bool
v3_users_count(const struct worker *worker)
{
	return worker->v3_users != NULL && worker->v3_users->auth.enabled;
}

const struct v3_auth *
v3_users_auth(const struct worker *worker)
{
	return &worker->v3_users->auth;
}

/* ---- what raftd gives ------------------------------ */

static enum err
load(struct v3_auth *auth, struct slice records)
{
	struct reader in = reader_of(records);
	struct state_record record;

	while (!reader_done(&in))
		if (!state_record_get(&in, &record) ||
		    v3_auth_load(auth, record.key, record.value) != ERR_NONE)
			return ERR_MALFORMED;
	return ERR_NONE;
}

/* Those of nobody any more, as raftd does. */
static void
drop_dead(struct v3_users *users)
{
	size_t kept = 0;

	for (size_t i = 0; users->auth.enabled && i < users->count; i++)
		if (v3_auth_user_of(&users->auth, users->tokens[i].credential) != NULL)
			users->tokens[kept++] = users->tokens[i];
	users->count = kept;
}

enum err
v3_users_take(struct v3_users *users, const struct msg_v3_auth *message)
{
	struct v3_auth auth = { .enabled = false };

	if (load(&auth, message->records) != ERR_NONE) {
		v3_auth_clear(&auth);
		return ERR_MALFORMED;
	}
	v3_auth_clear(&users->auth);
	users->auth = auth;
	users->version = message->version;
	drop_dead(users);
	return ERR_NONE;
}

/* The place of that index, or where it would stand. */
static size_t
place_of(const struct v3_users *users, uint64_t index)
{
	size_t low = 0, high = users->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (users->tokens[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
has(const struct v3_users *users, size_t at, uint64_t index)
{
	return at < users->count && users->tokens[at].index == index;
}

/* One that came before is not taken again. */
static void
add(struct v3_users *users, const struct v3_token_record *record)
{
	size_t at = place_of(users, record->index);
	struct token *token;

	users->newest = MAX_OF(users->newest, record->index);
	if (has(users, at, record->index))
		return;
	users->tokens = xgrow(users->tokens, &users->capacity, users->count + 1,
	    sizeof(users->tokens[0]));
	token = &users->tokens[at];
	memmove(token + 1, token, (users->count - at) * sizeof(*token));
	users->count++;
	*token = (struct token){ .index = record->index, .credential = record->credential };
	memcpy(token->digest, record->digest.data, sizeof(token->digest));
}

static void
forget(struct v3_users *users, uint64_t index)
{
	size_t at = place_of(users, index);

	if (!has(users, at, index))
		return;
	users->count--;
	memmove(&users->tokens[at], &users->tokens[at + 1],
	    (users->count - at) * sizeof(users->tokens[0]));
}

/* To a raftd that may have been started after they were made: what it takes it tells all of
 * its workers. Until then they are none, and are asked for. */
static void
give_back(struct v3_users *users)
{
	struct buf *out = backend_out(users->worker->backend);
	struct buf tokens = BUF_INIT;

	for (size_t i = 0; i < users->count; i++)
		v3_token_record_put(&tokens, &(struct v3_token_record){
		    .index = users->tokens[i].index,
		    .credential = users->tokens[i].credential,
		    .digest = slice_of(users->tokens[i].digest, V3_TOKEN_DIGEST_BYTES) });
	if (out != NULL && tokens.size > 0)
		msg_v3_tokens_kept_frame(out, 0, &(struct msg_v3_tokens_kept){
		    .tokens = buf_slice(&tokens) });
	buf_free(&tokens);
	users->count = 0;
	users->newest = 0;
}

enum err
v3_users_take_tokens(struct v3_users *users, const struct msg_v3_tokens *message)
{
	struct reader in = reader_of(message->added);
	struct v3_token_record record;
	uint64_t index;

	if (message->all != 0)
		give_back(users);
	while (!reader_done(&in)) {
		if (!v3_token_record_get(&in, &record) ||
		    record.digest.size != V3_TOKEN_DIGEST_BYTES)
			return ERR_MALFORMED;
		add(users, &record);
	}
	in = reader_of(message->removed);
	while (codec_get_u64(&in, &index))
		forget(users, index);
	drop_dead(users);
	users->version = message->version;
	return ERR_NONE;
}

/* ---- tokens ------------------------------ */

static void
digest_of(struct slice letters, uint8_t digest[V3_TOKEN_DIGEST_BYTES])
{
	_Static_assert(V3_TOKEN_DIGEST_BYTES == SHA256_DIGEST_LENGTH, "a digest is that long");
	/* A worker may open no file, and needs no configuration for this. */
	MUST(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1);
	(void)SHA256(letters.data, letters.size, digest);
}

void
v3_users_make_token(char letters[V3_TOKEN_LETTERS + 1], uint8_t digest[V3_TOKEN_DIGEST_BYTES])
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	const unsigned count = sizeof(alphabet) - 1;
	size_t made = 0;

	while (made < V3_TOKEN_LETTERS) {
		uint64_t random = rand_entropy();

		/* A byte that would prefer some of the letters is left out. */
		for (; random != 0 && made < V3_TOKEN_LETTERS; random >>= 8)
			if ((random & 0xff) < 256 / count * count)
				letters[made++] = alphabet[(random & 0xff) % count];
	}
	letters[made] = '\0';
	digest_of(slice_text(letters), digest);
}

/* What a request shows as a token; empty: none. What is for the users of /v2 is none. */
static struct slice
shown_token(const struct request *request, bool grpc)
{
	struct slice token = request_header(request, grpc ? "token" : "grpc-metadata-token");

	if (token.data != NULL)
		return token;
	token = request_header(request, "authorization");
	return token.size >= 6 && head_name_equal(slice_of(token.data, 6),
	    "Basic ") ? SLICE_EMPTY : token;
}

/* False: it has not the form of one. */
static bool
take_apart(struct slice token, struct slice *letters, uint64_t *index)
{
	if (token.size < V3_TOKEN_LETTERS + 2 || token.data[V3_TOKEN_LETTERS] != '.')
		return false;
	*letters = slice_of(token.data, V3_TOKEN_LETTERS);
	return params_number(slice_of(token.data + V3_TOKEN_LETTERS + 1,
	    token.size - V3_TOKEN_LETTERS - 1), index);
}

static struct token *
find(const struct v3_users *users, struct slice shown)
{
	uint8_t digest[V3_TOKEN_DIGEST_BYTES];
	struct slice letters;
	uint64_t index;
	size_t at;

	if (!take_apart(shown, &letters, &index))
		return NULL;
	at = place_of(users, index);
	if (!has(users, at, index))
		return NULL;
	digest_of(letters, digest);
	return CRYPTO_memcmp(digest, users->tokens[at].digest, sizeof(digest)) == 0 ?
	    &users->tokens[at] : NULL;
}

/* raftd hears of it now and then. */
static void
renew(const struct v3_users *users, struct token *token)
{
	uint64_t now_ms = loop_now(users->worker->loop).monotonic_ms;
	struct buf *out = backend_out(users->worker->backend);
	struct buf index = BUF_INIT;

	if (out == NULL || (token->told_ms != 0 && now_ms - token->told_ms < V3_TOKEN_USED_MS))
		return;
	token->told_ms = now_ms;
	codec_put_u64(&index, token->index);
	msg_v3_tokens_used_frame(out, 0, &(struct msg_v3_tokens_used){
	    .indexes = buf_slice(&index) });
	buf_free(&index);
}

static struct v3_who
who_by_certificate(struct request *request)
{
	const struct v3_auth_entry *user;
	struct slice name = SLICE_EMPTY;

	if (request->worker->config.client_cert_user)
		name = request_certificate_name(request);
	if (name.size == 0)
		return (struct v3_who){ .credential = 0 };
	user = v3_auth_user(v3_users_auth(request->worker), name);
	return (struct v3_who){ .unknown = user == NULL,
		.credential = user == NULL ? 0 : user->credential };
}

struct v3_who
v3_users_who(struct request *request, bool grpc)
{
	struct v3_users *users = request->worker->v3_users;
	struct slice shown = shown_token(request, grpc);
	struct token *token;

	if (shown.size > 0) {
		token = find(users, shown);
		if (token == NULL)
			return (struct v3_who){ .bad_token = true };
		renew(users, token);
		return (struct v3_who){ .credential = token->credential };
	}
	return grpc && users->auth.enabled ? who_by_certificate(request) :
	    (struct v3_who){ .credential = 0 };
}

bool
v3_users_let_in(struct request *request)
{
	const struct worker *worker = request->worker;
	struct v3_who who;

	if (!v3_users_count(worker))
		return true;
	who = v3_users_who(request, false);
	return v3_auth_is_root(v3_auth_user_of(v3_users_auth(worker), who.credential));
}

/* ---- tokens that may become known ------------------------------ */

/* In the request's arena. */
struct asking {
	struct backend_call call;
	struct request *request;
	void (*handle)(struct request *request);
	void (*go_on)(struct request *request, void (*handle)(struct request *request));
};

static void
answered(struct backend_call *call, const struct msg_outcome *outcome UNUSED)
{
	struct asking *asking = CONTAINER_OF(call, struct asking, call);

	asking->request->gone = NULL;
	asking->go_on(asking->request, asking->handle);
}

static void
gone(struct request *request)
{
	struct asking *asking = request->state;

	backend_cancel(request->worker->backend, &asking->call);
}

static bool
may_become_known(const struct request *request)
{
	const struct v3_users *users = request->worker->v3_users;
	struct slice shown = shown_token(request, request->stream != NULL), letters;
	uint64_t index;

	return take_apart(shown, &letters, &index) && index > users->newest &&
	    !backend_is_full(request->worker->backend);
}

bool
v3_users_may_be_shown(const struct request *request)
{
	/* Of the gateway, or a call of gRPC: others show none of a set that does not count. */
	return v3_users_count(request->worker) || (request->worker->v3_users != NULL &&
	    (request->stream != NULL || slice_starts_with(request->path, SLICE_LITERAL("/v3"))) &&
	    may_become_known(request));
}

bool
v3_users_ask(struct request *request, void (*handle)(struct request *request),
    void (*go_on)(struct request *request, void (*handle)(struct request *request)))
{
	struct asking *asking;

	if (!may_become_known(request))
		return false;
	asking = arena_zalloc(&request->arena, sizeof(*asking));
	asking->request = request;
	asking->handle = handle;
	asking->go_on = go_on;
	asking->call.done = answered;
	request->state = asking;
	request->gone = gone;
	backend_v3_state(request->worker->backend, &asking->call,
	    &(struct msg_v3_state){ .what = V3_STATE_FIGURES, .quorum = 1 });
	return true;
}

/* ---- life ------------------------------ */

struct v3_users *
v3_users_new(struct worker *worker)
{
	struct v3_users *users = xzalloc(sizeof(*users));

	users->worker = worker;
	return users;
}

void
v3_users_free(struct v3_users **users)
{
	if (*users == NULL)
		return;
	v3_auth_clear(&(*users)->auth);
	free((*users)->tokens);
	free(*users);
	*users = NULL;
}
