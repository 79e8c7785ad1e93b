/*
 * members.c - /v2/members and /v2/members/leader (see members.h).
 */
#include "ctl/members.h"

#include <strings.h>

/* The texts of an array of strings, joined by commas. */
static struct slice
joined(struct arena *arena, const struct json *array)
{
	struct buf text = BUF_INIT;
	struct slice copy;

	for (const struct json *i = array == NULL ? NULL : array->first; i != NULL; i = i->next) {
		if (i->type != JSON_STRING)
			continue;
		if (text.size > 0)
			buf_append_byte(&text, ',');
		buf_append_slice(&text, i->text);
	}
	copy = arena_copy(arena, buf_slice(&text));
	buf_free(&text);
	return copy;
}

static char *
first_of(struct arena *arena, struct slice list)
{
	const uint8_t *comma = list.size == 0 ? NULL : memchr(list.data, ',', list.size);

	if (list.size == 0)
		return NULL;
	return arena_text(arena,
	    slice_of(list.data, comma == NULL ? list.size : (size_t)(comma - list.data)));
}

static void
take_list(struct member_list *members)
{
	const struct json *list = json_member(members->doc.root, "members");
	struct arena *arena = &members->doc.arena;

	for (const struct json *i = list == NULL ? NULL : list->first;
	     i != NULL && members->count < MEMBERS_SHOWN_MAX; i = i->next) {
		struct listed_member *member = &members->list[members->count++];

		*member = (struct listed_member){ .id = json_string(i, "id"),
			.name = json_string(i, "name"),
			.peer_urls = joined(arena, json_member(i, "peerURLs")),
			.client_urls = joined(arena, json_member(i, "clientURLs")) };
		member->peer_url = first_of(arena, member->peer_urls);
		member->client_url = first_of(arena, member->client_urls);
	}
}

/* Servers write ids with leading zeros or without. */
static struct slice
significant(struct slice id)
{
	while (id.size > 1 && id.data[0] == '0')
		id = slice_of(id.data + 1, id.size - 1);
	return id;
}

bool
member_list_same_id(struct slice a, struct slice b)
{
	a = significant(a);
	b = significant(b);
	return a.size == b.size && (a.size == 0 ||
	    strncasecmp((const char *)a.data, (const char *)b.data, a.size) == 0);
}

/* Without a leader nobody is marked. */
static void
find_leader(struct client *client, struct member_list *members)
{
	struct client_request request = { .method = "GET", .path = "/v2/members/leader",
		.repeatable = true };
	struct client_answer answer = { 0 };
	struct json_doc doc;

	if (client_ask(client, &request, &answer) == CLIENT_ANSWERED && answer.status == 200 &&
	    json_doc_read(buf_slice(&answer.body), &doc) == ERR_NONE) {
		for (size_t i = 0; i < members->count; i++)
			members->list[i].leader =
			    member_list_same_id(members->list[i].id, json_string(doc.root, "id"));
		json_doc_free(&doc);
	}
	client_answer_free(&answer);
}

int
member_list_read(struct client *client, struct member_list *members)
{
	struct client_request request = { .method = "GET", .path = "/v2/members",
		.repeatable = true };
	struct client_answer answer = { 0 };
	enum client_result result = client_ask(client, &request, &answer);
	int code = CTL_DONE;

	*members = (struct member_list){ 0 };
	if (result != CLIENT_ANSWERED)
		code = client_fail(result, &answer);
	else if (answer.status != 200 ||
	    json_doc_read(buf_slice(&answer.body), &members->doc) != ERR_NONE)
		code = output_fail(CTL_SERVER_ERROR, "%s has no list of members: it answers %u%s",
		    answer.from, answer.status, answer.status == 404 ? "; an etcd of the 3.x "
		    "series has it if it is started with --enable-v2" : "");
	client_answer_free(&answer);
	if (code != CTL_DONE)
		return code;
	take_list(members);
	find_leader(client, members);
	return CTL_DONE;
}

void
member_list_free(struct member_list *members)
{
	json_doc_free(&members->doc);
	members->count = 0;
}

const struct listed_member *
member_list_find(const struct member_list *members, const char *word)
{
	for (size_t i = 0; i < members->count; i++) {
		if (member_list_same_id(members->list[i].id, slice_text(word)))
			return &members->list[i];
	}
	for (size_t i = 0; i < members->count; i++) {
		if (slice_equal(members->list[i].name, slice_text(word)))
			return &members->list[i];
	}
	return NULL;
}
