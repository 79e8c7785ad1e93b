/*
 * status.c - status: every member of the cluster as it shows itself at its client
 * port.
 */
#include "common/json_put.h"
#include "ctl/agree.h"
#include "ctl/client.h"
#include "ctl/form.h"
#include "ctl/members.h"

#include <inttypes.h>
#include <stdlib.h>

#define WORD_BYTES 24

struct state {
	bool reached, healthy;
	char role[WORD_BYTES], version[WORD_BYTES];
	uint64_t term, raft_index, store_index;
	uint64_t memory;	/* bytes, of all processes of the node; 0: not known */
	uint64_t ping_ns;
};

/* True: a JSON answer with status 200, to be freed. */
static bool
ask(struct client *client, const struct listed_member *member, const char *path,
    struct client_answer *answer, struct json_doc *doc)
{
	struct client_request request = { .method = "GET", .path = path,
		.only = member->client_url, .repeatable = true };

	return client_ask(client, &request, answer) == CLIENT_ANSWERED && answer->status == 200 &&
	    json_doc_read(buf_slice(&answer->body), doc) == ERR_NONE;
}

static void
copy_word(char word[WORD_BYTES], struct slice text)
{
	size_t size = MIN_OF(text.size, (size_t)WORD_BYTES - 1);

	memcpy(word, text.data == NULL ? (const uint8_t *)"" : text.data, size);
	word[size] = '\0';
}

/* "StateLeader" of the 2.x series is "leader". */
static void
take_role(struct state *state, struct slice role)
{
	struct slice prefix = SLICE_LITERAL("State");

	if (slice_starts_with(role, prefix))
		role = slice_of(role.data + prefix.size, role.size - prefix.size);
	copy_word(state->role, role);
	if (state->role[0] >= 'A' && state->role[0] <= 'Z')
		state->role[0] = (char)(state->role[0] - 'A' + 'a');
}

/* The sum of a metric over its labels. */
static uint64_t
metric_sum(struct slice text, const char *name)
{
	const char *at = (const char *)text.data;
	const char *end = at + text.size;
	size_t length = strlen(name);
	double sum = 0;

	while (at < end) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));
		const char *stop = line_end == NULL ? end : line_end;
		const char *blank = memrchr(at, ' ', (size_t)(stop - at));

		if (blank != NULL && (size_t)(stop - at) > length &&
		    strncmp(at, name, length) == 0 && (at[length] == '{' || at[length] == ' ')) {
			size_t size = (size_t)(stop - blank - 1);
			char number[32] = "";

			memcpy(number, blank + 1, MIN_OF(size, sizeof(number) - 1));
			sum += strtod(number, NULL);
		}
		at = stop + 1;
	}
	return sum > 0 && sum < 1e18 ? (uint64_t)sum : 0;
}

/* Its registry key: its answer carries the indexes, on success the term as well. */
static void
take_indexes(struct client *client, const struct listed_member *member, struct state *state)
{
	struct client_answer answer = { 0 };
	struct buf path = BUF_INIT;
	struct json_doc doc;

	buf_append_text(&path, "/v2/keys/_etcd/machines");
	form_key(&path, member->name);
	buf_append_byte(&path, '\0');
	if (ask(client, member, (const char *)path.data, &answer, &doc))
		json_doc_free(&doc);
	state->store_index = answer.store_index;
	state->raft_index = answer.raft_index;
	state->term = answer.raft_term;
	client_answer_free(&answer);
	buf_free(&path);
}

/* Its own, which it says beside the one that clients of v3 choose by. */
static void
take_version(struct state *state, const struct json *root)
{
	struct slice own = json_string(root, "moothall");

	copy_word(state->version, own.size > 0 ? own : json_string(root, "etcdserver"));
}

static struct state
look_at(struct client *client, const struct listed_member *member)
{
	struct client_request metrics = { .method = "GET", .path = "/metrics",
		.only = member->client_url, .repeatable = true };
	struct client_answer answer = { 0 };
	struct state state = { 0 };
	struct json_doc doc;

	if (member->client_url != NULL && ask(client, member, "/v2/stats/self", &answer, &doc)) {
		state.reached = true;
		take_role(&state, json_string(doc.root, "state"));
		json_doc_free(&doc);
		if (ask(client, member, "/version", &answer, &doc)) {
			take_version(&state, doc.root);
			json_doc_free(&doc);
		}
		/* On a connection that is there already: what a request takes. */
		state.ping_ns = answer.took_ns;
		take_indexes(client, member, &state);
		if (ask(client, member, "/health", &answer, &doc)) {
			state.healthy = json_true(doc.root, "health") ||
			    slice_equal(json_string(doc.root, "health"), SLICE_LITERAL("true"));
			json_doc_free(&doc);
		}
		if (client_ask(client, &metrics, &answer) == CLIENT_ANSWERED &&
		    answer.status == 200)
			state.memory = metric_sum(buf_slice(&answer.body),
			    "process_resident_memory_bytes");
	}
	client_answer_free(&answer);
	return state;
}

static void
put_json(const struct output *out, const struct listed_member *member, const struct state *state)
{
	struct buf line = BUF_INIT;
	struct json_put json = json_put_into(&line);

	json_put_open(&json, NULL, '{');
	json_put_text(&json, "id", member->id);
	json_put_text(&json, "name", member->name);
	json_put_text(&json, "client_urls", member->client_urls);
	json_put_bool(&json, "reached", state->reached);
	if (state->reached) {
		json_put_bool(&json, "healthy", state->healthy);
		json_put_text(&json, "state", slice_text(state->role));
		json_put_text(&json, "version", slice_text(state->version));
		json_put_number(&json, "term", state->term);
		json_put_number(&json, "raft_index", state->raft_index);
		json_put_number(&json, "store_index", state->store_index);
		json_put_number(&json, "memory", state->memory);
		json_put_ms(&json, "ping_ms", state->ping_ns);
	}
	json_put_close(&json, '}');
	output_json_line(out, &json);
	buf_free(&line);
}

static void
put_row(struct table *table, const struct listed_member *member, const struct state *state)
{
	char text[OUTPUT_TEXT_BYTES];

	table_add(table, COLOR_NONE, "%.*s", SLICE_ARGS(member->name));
	table_add(table, !state->reached || !state->healthy ? COLOR_BAD : COLOR_GOOD, "%s%s",
	    state->reached ? state->role : "unreachable",
	    state->reached && !state->healthy ? " (unhealthy)" : "");
	if (!state->reached) {
		for (int i = 0; i < 5; i++)
			table_add(table, COLOR_FAINT, "-");
	} else {
		if (state->term == 0)
			table_add(table, COLOR_FAINT, "-");
		else
			table_add(table, COLOR_NONE, "%" PRIu64, state->term);
		table_add(table, COLOR_NONE, "%" PRIu64, state->store_index);
		table_add(table, COLOR_NONE, "%s", state->version);
		table_add(table, COLOR_NONE, "%s", output_time(state->ping_ns, text));
		table_add(table, COLOR_NONE, "%s",
		    state->memory == 0 ? "-" : output_size(state->memory, text));
	}
	table_add(table, COLOR_NONE, "%.*s", SLICE_ARGS(member->client_urls));
}

int
ctl_status(struct ctl *ctl)
{
	static const struct table_column columns[] = { { "MEMBER", false, true },
		{ "STATE", false, false }, { "TERM", true, false }, { "INDEX", true, false },
		{ "VERSION", false, false }, { "PING", true, false }, { "MEMORY", true, false },
		{ "CLIENT URL", false, false } };
	struct client *client = NULL;
	struct member_list members = { 0 };
	size_t healthy = 0;
	struct table table;
	int code = client_open(ctl, NULL, &client);

	if (code == CTL_DONE)
		code = member_list_read(client, &members);
	table_init(&table, columns, ARRAY_COUNT(columns));
	for (size_t i = 0; code == CTL_DONE && i < members.count; i++) {
		struct state state;

		client_restart_clock(client);
		state = look_at(client, &members.list[i]);
		healthy += state.reached && state.healthy;
		if (ctl->out.format == FORMAT_JSON)
			put_json(&ctl->out, &members.list[i], &state);
		else
			put_row(&table, &members.list[i], &state);
	}
	if (code == CTL_DONE && ctl->out.format != FORMAT_JSON)
		table_print(&ctl->out, &table);
	if (code == CTL_DONE)
		code = agree_check(client, &members);
	if (code == CTL_DONE && healthy == 0)
		code = CTL_SERVER_ERROR;
	table_free(&table);
	member_list_free(&members);
	client_free(&client);
	return code;
}
