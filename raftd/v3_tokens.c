/*
 * v3_tokens.c - who has shown to be a user of the v3 API: tokens, as each node knows them by the
 * entries that it applies; and what of both workers are told.
 *
 *	made ----> known	its entry is applied, and is none of before this start
 *	told ----> known	a worker gives it back, which had it from the raftd before this one
 *	known ---> forgotten	not used for V3_TOKEN_MS; its user is gone or has another
 *				password; users do not count any more; there are too many
 *
 * What is given back is taken for as long as none that was known at the start can have been
 * forgotten for its age, so nothing that was forgotten comes back. Who gives a false one could
 * as well make it: workers look at passwords.
 *
 * Of a token's letters nobody has more than a checksum. Not replicated beyond its entry: who
 * comes by a snapshot knows of none, and its client shows his password again.
 */
#include "raftd/node_priv.h"

#include "common/ipc/message.h"
#include "common/limits.h"
#include "common/xmem.h"

#include <stdlib.h>

struct v3_token {
	uint64_t index;			/* raft index of its entry: rises */
	uint64_t credential;
	uint64_t used_ms;		/* monotonic */
	uint8_t digest[V3_TOKEN_DIGEST_BYTES];
};

void
node_v3_tokens_free(struct v3_tokens *tokens)
{
	free(tokens->items);
	buf_free(&tokens->added);
	buf_free(&tokens->removed);
	buf_free(&tokens->bytes);
}

static void
put_token(struct buf *out, const struct v3_token *token)
{
	v3_token_record_put(out, &(struct v3_token_record){ .index = token->index,
	    .credential = token->credential,
	    .digest = slice_of(token->digest, sizeof(token->digest)) });
}

/* The place of that index, or where it would stand. */
static size_t
place_of(const struct v3_tokens *tokens, uint64_t index)
{
	size_t low = 0, high = tokens->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (tokens->items[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Workers hear of it. */
static void
forget(struct v3_tokens *tokens, size_t at)
{
	codec_put_u64(&tokens->removed, tokens->items[at].index);
	tokens->count--;
	memmove(&tokens->items[at], &tokens->items[at + 1],
	    (tokens->count - at) * sizeof(tokens->items[0]));
}

/* One more of that user, or of anybody, needs room: the one that is not used for longest goes.
 * credential 0: of anybody. */
static void
make_room(struct v3_tokens *tokens, uint64_t credential, size_t most)
{
	size_t oldest = 0, count = 0;

	for (size_t i = 0; i < tokens->count; i++) {
		if (credential != 0 && tokens->items[i].credential != credential)
			continue;
		if (count++ == 0 || tokens->items[i].used_ms < tokens->items[oldest].used_ms)
			oldest = i;
	}
	if (count >= most)
		forget(tokens, oldest);
}

static void
add(struct node *node, uint64_t index, const struct v3_auth_fact *fact)
{
	struct v3_tokens *tokens = &node->v3_tokens;
	struct v3_token *token;

	ASSERT(tokens->count == 0 || tokens->items[tokens->count - 1].index < index);
	make_room(tokens, fact->credential, V3_TOKENS_USER_MAX);
	make_room(tokens, 0, V3_TOKENS_MAX);
	tokens->items = xgrow(tokens->items, &tokens->capacity, tokens->count + 1,
	    sizeof(tokens->items[0]));
	token = &tokens->items[tokens->count++];
	*token = (struct v3_token){ .index = index, .credential = fact->credential,
		.used_ms = node->now.monotonic_ms };
	memcpy(token->digest, fact->digest.data, sizeof(token->digest));
	put_token(&tokens->added, token);
}

/* Those of nobody any more. Workers do the same, with the users that they are given. */
static void
drop_dead(struct node *node)
{
	struct v3_tokens *tokens = &node->v3_tokens;
	const struct v3_auth *auth = &node->replica->v3_auth;
	size_t kept = 0;

	for (size_t i = 0; auth->enabled && i < tokens->count; i++)
		if (v3_auth_user_of(auth, tokens->items[i].credential) != NULL)
			tokens->items[kept++] = tokens->items[i];
	tokens->count = kept;
}

void
node_v3_auth_applied(struct node *node, uint64_t index, const struct v3_auth_fact *fact)
{
	if (fact->op == V3_AUTH_MAKE_TOKEN && index > node->told_after)
		add(node, index, fact);
	else if (fact->op != 0)
		drop_dead(node);
}

void
node_v3_tokens_used(struct node *node, struct slice indexes)
{
	struct v3_tokens *tokens = &node->v3_tokens;
	struct reader in = reader_of(indexes);
	uint64_t index;

	while (codec_get_u64(&in, &index)) {
		size_t at = place_of(tokens, index);

		if (at < tokens->count && tokens->items[at].index == index)
			tokens->items[at].used_ms = node->now.monotonic_ms;
	}
}

/* ---- what workers give back ------------------------------ */

static int
by_index(const void *left, const void *right)
{
	const struct v3_token *a = left, *b = right;

	return a->index < b->index ? -1 : a->index > b->index;
}

/* The next of a list that rises by index. False: this is none. */
static bool
next_kept(struct reader *in, uint64_t *last, struct v3_token_record *record)
{
	if (!v3_token_record_get(in, record) || record->index <= *last ||
	    record->digest.size != V3_TOKEN_DIGEST_BYTES)
		return false;
	*last = record->index;
	return true;
}

static bool
is_wanted(const struct node *node, const struct v3_token_record *record)
{
	const struct v3_tokens *tokens = &node->v3_tokens;
	const struct v3_auth *auth = &node->replica->v3_auth;
	size_t at = place_of(tokens, record->index);

	return record->index <= node->applied.index && auth->enabled &&
	    v3_auth_user_of(auth, record->credential) != NULL &&
	    (at == tokens->count || tokens->items[at].index != record->index);
}

enum err
node_v3_tokens_kept(struct node *node, struct slice records)
{
	struct v3_tokens *tokens = &node->v3_tokens;
	struct reader in = reader_of(records);
	struct v3_token_record record;
	uint64_t last = 0;
	size_t more = 0;

	while (!reader_done(&in))
		if (!next_kept(&in, &last, &record))
			return ERR_MALFORMED;
	if (node->now.monotonic_ms >= tokens->kept_until_ms)
		return ERR_NONE;
	last = 0;
	for (in = reader_of(records); tokens->count + more < V3_TOKENS_MAX &&
	     next_kept(&in, &last, &record);) {
		struct v3_token *token;

		if (!is_wanted(node, &record))
			continue;
		tokens->items = xgrow(tokens->items, &tokens->capacity,
		    tokens->count + more + 1, sizeof(tokens->items[0]));
		token = &tokens->items[tokens->count + more++];
		*token = (struct v3_token){ .index = record.index,
			.credential = record.credential, .used_ms = node->now.monotonic_ms };
		memcpy(token->digest, record.digest.data, sizeof(token->digest));
		put_token(&tokens->added, token);
	}
	tokens->count += more;
	if (more > 0)
		qsort(tokens->items, tokens->count, sizeof(tokens->items[0]), by_index);
	return ERR_NONE;
}

/* ---- what workers are told ------------------------------ */

static void
tell(struct node *node, const struct node_users *users)
{
	if (node->io.users != NULL)
		node->io.users(node->io.argument, users);
}

static void
expire(struct node *node)
{
	struct v3_tokens *tokens = &node->v3_tokens;
	uint64_t now = node->now.monotonic_ms;

	if (now < tokens->look_ms)
		return;
	tokens->look_ms = UINT64_MAX;
	for (size_t i = 0; i < tokens->count;) {
		uint64_t due = tokens->items[i].used_ms + V3_TOKEN_MS;

		if (due <= now) {
			forget(tokens, i);
			continue;
		}
		tokens->look_ms = MIN_OF(tokens->look_ms, due);
		i++;
	}
}

static void
tell_auth(struct node *node)
{
	struct v3_tokens *tokens = &node->v3_tokens;

	if (tokens->auth_told == node->replica->v3_auth.version)
		return;
	tokens->auth_told = node->replica->v3_auth.version;
	drop_dead(node);
	buf_clear(&tokens->bytes);
	v3_auth_put(&node->replica->v3_auth, &tokens->bytes);
	tokens->version++;
	tell(node, &(struct node_users){ .v3_auth = &(struct msg_v3_auth){
	    .version = tokens->version, .records = buf_slice(&tokens->bytes) } });
}

void
node_v3_tokens_turn(struct node *node)
{
	struct v3_tokens *tokens = &node->v3_tokens;

	expire(node);
	tell_auth(node);
	if (tokens->added.size == 0 && tokens->removed.size == 0)
		return;
	tokens->look_ms = MIN_OF(tokens->look_ms, node->now.monotonic_ms + V3_TOKEN_MS);
	tokens->version++;
	tell(node, &(struct node_users){ .v3_tokens = &(struct msg_v3_tokens){
	    .version = tokens->version, .added = buf_slice(&tokens->added),
	    .removed = buf_slice(&tokens->removed) } });
	buf_clear(&tokens->added);
	buf_clear(&tokens->removed);
	buf_recycle(&tokens->added, 64 * KIB);
}

uint64_t
node_v3_tokens_deadline(const struct node *node)
{
	return node->v3_tokens.count == 0 ? UINT64_MAX : node->v3_tokens.look_ms;
}

void
node_v3_tokens_replaced(struct node *node)
{
	node->v3_tokens.auth_told = UINT64_MAX;
}

void
node_v3_auth(struct node *node, struct msg_v3_auth *auth, struct msg_v3_tokens *tokens)
{
	struct v3_tokens *known = &node->v3_tokens;
	size_t records;

	/* What is on its way to all is told to all: this one gets it twice. */
	buf_clear(&known->bytes);
	v3_auth_put(&node->replica->v3_auth, &known->bytes);
	*auth = (struct msg_v3_auth){ .version = known->version };
	records = known->bytes.size;
	for (size_t i = 0; i < known->count; i++)
		put_token(&known->bytes, &known->items[i]);
	auth->records = slice_of(known->bytes.data, records);
	*tokens = (struct msg_v3_tokens){ .version = known->version, .all = 1,
		.added = slice_of(known->bytes.data + records,
		    known->bytes.size - records) };
}
