/*
 * gather.c - see gather.h.
 *
 *	asking ---> agrees	it waits for us, or has begun without us	[take_word]
 *	asking ---> foreign	it makes another cluster of its list	[take_answer]
 *	asking ---> silent	no answer, or none that says anything	[take_answer]
 *	foreign, silent ---> asking	a while later			[on_timer]
 *
 * All are asked at the same time. Who agrees is not asked again: what it has said stays
 * true, and whether it is up when there is a leader to be elected is the election's matter.
 */
#include "httpd/peer/gather.h"

#include "common/diag.h"
#include "common/printable.h"
#include "common/xmem.h"
#include "httpd/peer/http_client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/bufferevent.h>

#define GATHER_PAUSE_MS 200
#define GATHER_CONNECT_MS 1000
#define GATHER_ANSWER_MS 5000
#define GATHER_GRACE_MS 1000	/* a quorum agrees: who else is up is heard before we begin */
#define GATHER_TELL_MS 10000	/* between two lines about who is missing */
#define WHY_BYTES 240

enum word { WORD_NONE, WORD_AGREES, WORD_FOREIGN, WORD_KNOWN, WORD_GONE };

struct asked {
	struct gather *gather;
	const struct initial_member *member;
	struct peer_address addresses[URLS_MAX];
	size_t address_count, at;	/* one after the other, until one answers */
	struct http_call *call;
	enum word word;
	bool tried;			/* has answered, or failed to, once */
	char why[WHY_BYTES];		/* not yet; or the sentence of a foreign one */
};

struct gather {
	struct peers *peers;
	struct asked others[VOTERS_MAX];
	size_t count;
	uint64_t quorum_ms;		/* since when one agrees; 0: not yet */
	uint64_t told_ms;		/* when who is missing was told; or we began to ask */
	struct loop_timer *timer;
};

static struct worker *
worker_of(const struct gather *gather)
{
	return gather->peers->worker;
}

static uint64_t
now_ms(const struct gather *gather)
{
	return loop_now(worker_of(gather)->loop).monotonic_ms;
}

static size_t
count_of(const struct gather *gather, enum word word)
{
	size_t count = 0;

	for (size_t i = 0; i < gather->count; i++)
		count += gather->others[i].word == word ? 1 : 0;
	return count;
}

/* ---- what is to be done ---------------------------------------------------------------- */

/* End the node with that sentence; nobody is asked any more. */
static void
give_up(struct gather *gather, const char *sentence)
{
	const struct worker_owner *owner = &worker_of(gather)->owner;

	for (size_t i = 0; i < gather->count; i++)
		http_cancel(&gather->others[i].call);
	loop_timer_cancel(gather->timer);
	owner->end_node(owner->argument, EXIT_USAGE, sentence);
}

static void
give_up_lost(struct gather *gather, const struct asked *asked)
{
	const char *name = worker_of(gather)->config.name;
	bool found = gather->peers->discovery != NULL;
	char sentence[900];

	if (asked->word == WORD_KNOWN)
		snprintf(sentence, sizeof(sentence), "%s says that %s has taken part in cluster "
		    "%016" PRIx64 ", and there is no data of it here: it cannot begin anew under "
		    "its old id. If its data is lost, %s, and it gets all of it from the "
		    "others", asked->member->name, name, gather->peers->initial.cluster_id,
		    found ? "empty its data directory" :
		    "start it with -initial-cluster-state existing");
	else
		snprintf(sentence, sizeof(sentence), "%s says that %s is no member of cluster "
		    "%016" PRIx64 " any more; to join it again %s", asked->member->name, name,
		    gather->peers->initial.cluster_id, found ? "empty its data directory" :
		    "start it with -initial-cluster-state existing");
	give_up(gather, sentence);
}

static void
give_up_foreign(struct gather *gather)
{
	const struct initial_cluster *initial = &gather->peers->initial;
	char sentence[900];
	size_t i = 0;

	while (gather->others[i].word != WORD_FOREIGN)
		i++;
	snprintf(sentence, sizeof(sentence), "%zu of the %zu nodes of %s are of another "
	    "cluster, so no majority can begin this one: %s", count_of(gather, WORD_FOREIGN),
	    initial->count, peers_list_name(gather->peers), gather->others[i].why);
	give_up(gather, sentence);
}

static void
tell_missing(struct gather *gather)
{
	const struct initial_cluster *initial = &gather->peers->initial;
	struct buf text = BUF_INIT;

	gather->told_ms = now_ms(gather);
	for (size_t i = 0; i < gather->count; i++)
		if (gather->others[i].word != WORD_AGREES)
			buf_printf(&text, "; %s: %s", gather->others[i].member->name,
			    gather->others[i].why);
	buf_append_byte(&text, '\0');
	diag_info("peer", "%s waits for a majority of %s: agree=%zu of=%zu%s",
	    worker_of(gather)->config.name, peers_list_name(gather->peers),
	    1 + count_of(gather, WORD_AGREES), initial->count, (const char *)text.data);
	buf_free(&text);
}

static bool
all_tried(const struct gather *gather)
{
	for (size_t i = 0; i < gather->count; i++)
		if (!gather->others[i].tried)
			return false;
	return true;
}

/* Do so many agree that this node may begin? */
static bool
may_begin(struct gather *gather)
{
	const struct initial_cluster *initial = &gather->peers->initial;
	size_t agree = 1 + count_of(gather, WORD_AGREES);

	if (agree < initial_cluster_quorum(initial))
		return false;
	if (gather->quorum_ms == 0)
		gather->quorum_ms = now_ms(gather);
	return agree == initial->count || (all_tried(gather) &&
	    now_ms(gather) >= gather->quorum_ms + GATHER_GRACE_MS);
}

/* raftd has the list of -initial-cluster itself, and no other. */
static void
tell_begin(const struct gather *gather, struct buf *out)
{
	const struct peers *peers = gather->peers;
	struct buf nodes = BUF_INIT;

	if (peers->told_token == NULL) {
		msg_create_cluster_frame(out, 0, &(struct msg_create_cluster){ 0 });
		return;
	}
	for (size_t i = 0; i < peers->initial.count; i++) {
		const struct initial_member *member = &peers->initial.list[i];

		told_record_put(&nodes, &(struct told_record){ .id = member->id,
		    .name = slice_text(member->name), .peer_url = slice_text(member->urls) });
	}
	msg_begin_cluster_frame(out, 0, &(struct msg_begin_cluster){
	    .token = slice_text(peers->told_token), .nodes = buf_slice(&nodes) });
	buf_free(&nodes);
}

/* False: it is over, and this node ends. */
static bool
decide(struct gather *gather)
{
	const struct initial_cluster *initial = &gather->peers->initial;
	struct buf *out;

	for (size_t i = 0; i < gather->count; i++)
		if (gather->others[i].word == WORD_KNOWN || gather->others[i].word == WORD_GONE) {
			give_up_lost(gather, &gather->others[i]);
			return false;
		}
	if (initial->count - count_of(gather, WORD_FOREIGN) < initial_cluster_quorum(initial)) {
		give_up_foreign(gather);
		return false;
	}
	out = backend_out(worker_of(gather)->backend);
	if (may_begin(gather) && out != NULL)
		tell_begin(gather, out);
	return true;
}

/* ---- asking ------------------------------------------------------------------------------ */

static void
take_word(struct asked *asked, struct slice word)
{
	static const struct { const char *text; enum word word; } words[] = {
		{ "waiting", WORD_AGREES },
		{ "open", WORD_AGREES },
		{ "known", WORD_KNOWN },
		{ "gone", WORD_GONE },
	};

	for (size_t i = 0; i < ARRAY_COUNT(words); i++)
		if (slice_equal(word, slice_text(words[i].text)))
			asked->word = words[i].word;
	if (asked->word == WORD_NONE)
		snprintf(asked->why, sizeof(asked->why), "its answer is none that this node knows");
}

static void
take_answer(struct asked *asked, const struct answer *answer)
{
	struct slice body = answer_body(answer);
	unsigned status = answer_status(answer);
	bool was_foreign = asked->word == WORD_FOREIGN;
	struct buf text = BUF_INIT;

	while (body.size > 0 && body.data[body.size - 1] == '\n')
		body.size--;
	asked->word = WORD_NONE;
	if (status == 200) {
		take_word(asked, body);
		return;
	}
	printable_put(&text, slice_of(body.data, MIN_OF(body.size, (size_t)(WHY_BYTES - 40))));
	buf_append_byte(&text, '\0');
	if (status == 412) {
		asked->word = WORD_FOREIGN;
		snprintf(asked->why, sizeof(asked->why), "%s", (const char *)text.data);
		if (!was_foreign)
			diag_warn("peer", "%s does not begin the same cluster: %s",
			    asked->member->name, asked->why);
	} else {
		snprintf(asked->why, sizeof(asked->why), "it answers %u: %s", status,
		    (const char *)text.data);
	}
	buf_free(&text);
}

static void
done(void *argument, const struct http_result *result)
{
	struct asked *asked = argument;
	struct gather *gather = asked->gather;

	asked->call = NULL;
	if (result->err != ERR_NONE)
		asked->at = (asked->at + 1) % asked->address_count;
	/* Only if nobody is at any of its URLs. */
	asked->tried = asked->tried || result->err == ERR_NONE || asked->at == 0;
	if (result->upgraded != NULL)
		bufferevent_free(result->upgraded);
	else if (result->err == ERR_NONE)
		take_answer(asked, result->answer);
	else
		snprintf(asked->why, sizeof(asked->why), "%s", result->why);
	if (decide(gather) && gather->quorum_ms == 0 &&
	    now_ms(gather) >= gather->told_ms + GATHER_TELL_MS)
		tell_missing(gather);
}

static void
put_header_line(void *argument, const char *header, const char *value)
{
	buf_printf(argument, "%s: %s\r\n", header, value);
}

static void
ask(struct asked *asked)
{
	struct peers *peers = asked->gather->peers;
	struct handshake ours = peers_handshake(peers, asked->member->id);
	struct buf headers = BUF_INIT;
	struct http_request request = {
		.address = asked->addresses[asked->at],
		.method = "GET",
		.path = "/raft/begin",
		.connect_ms = GATHER_CONNECT_MS,
		.answer_ms = GATHER_ANSWER_MS,
		.silence_ms = peers_silence_ms(peers),
		.tls = peers->worker->tls,
	};

	ours.cluster = peers->initial.cluster_id;
	handshake_write(&ours, put_header_line, &headers);
	request.headers = buf_slice(&headers);
	asked->call = http_start(peers->lookups, peers->worker->loop, &request, done, asked);
	buf_free(&headers);
}

static void
on_timer(void *argument)
{
	struct gather *gather = argument;

	if (!decide(gather))
		return;
	for (size_t i = 0; i < gather->count; i++)
		if (gather->others[i].call == NULL && gather->others[i].word != WORD_AGREES)
			ask(&gather->others[i]);
	loop_timer_set(gather->timer, GATHER_PAUSE_MS);
}

struct gather *
gather_new(struct peers *peers)
{
	const struct initial_cluster *initial = &peers->initial;
	struct gather *gather = xzalloc(sizeof(*gather));

	gather->peers = peers;
	for (size_t i = 0; i < initial->count; i++) {
		struct asked *asked = &gather->others[gather->count];

		if (initial->list[i].id == peers->node_id)
			continue;
		*asked = (struct asked){ .gather = gather, .member = &initial->list[i],
			.why = "not asked yet" };
		asked->address_count = peer_addresses_parse(slice_text(asked->member->urls),
		    asked->addresses);
		if (asked->address_count == 0) {
			snprintf(asked->why, sizeof(asked->why), "%.200s is no address",
			    asked->member->urls);
			diag_error("peer", "%s of %s has no usable address: %s",
			    asked->member->name, peers_list_name(peers), asked->member->urls);
			continue;
		}
		gather->count++;
	}
	gather->timer = loop_timer_new(peers->worker->loop, on_timer, gather);
	gather->told_ms = now_ms(gather);
	/* From the loop: what comes of it may free us. */
	loop_timer_set(gather->timer, 0);
	return gather;
}

void
gather_free(struct gather **gather)
{
	if (*gather == NULL)
		return;
	for (size_t i = 0; i < (*gather)->count; i++)
		http_cancel(&(*gather)->others[i].call);
	loop_timer_free(&(*gather)->timer);
	free(*gather);
	*gather = NULL;
}
