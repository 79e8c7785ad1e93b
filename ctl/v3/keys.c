/*
 * keys.c - keys page by page (see keys.h).
 */
#include "ctl/v3/keys.h"

#include "ctl/v3/message.h"

#define PAGE_BYTES (4 * MIB)
#define PAGE_KEYS_FIRST 16
#define PAGE_KEYS_MAX 2000

void
ctl3_keys_free(struct ctl3_keys *keys)
{
	ctl3_answer_free(&keys->answer);
	buf_free(&keys->key);
	buf_free(&keys->value);
}

/* As many as came make a page of this size; no more than four times as many as before. */
static void
choose_limit(struct ctl3_keys *keys)
{
	size_t each = keys->page_keys == 0 ? 0 : keys->page_bytes / keys->page_keys + 1;

	if (keys->limit == 0)
		keys->limit = PAGE_KEYS_FIRST;
	else if (each > 0)
		keys->limit = MIN_OF(MIN_OF(4 * keys->limit, (size_t)PAGE_KEYS_MAX),
		    MAX_OF(PAGE_BYTES / each, 1U));
	keys->page_keys = 0;
	keys->page_bytes = 0;
}

/* From behind the last key on. */
static int
ask_page(struct ctl3_keys *keys)
{
	struct ctl3_request request = { .path = "/v3/kv/range", .repeatable = true };
	struct buf body = BUF_INIT;
	struct json_put json = json_put_into(&body);
	int code;

	choose_limit(keys);
	/* The first key that can be, or the one behind the last. */
	buf_append_byte(&keys->key, 0);
	json_put_open(&json, NULL, '{');
	ctl3_put_bytes(&json, "key", buf_slice(&keys->key));
	ctl3_put_bytes(&json, "range_end", SLICE_LITERAL("\0"));
	ctl3_put_int(&json, "limit", (int64_t)keys->limit);
	if (keys->revision > 0)
		ctl3_put_int(&json, "revision", keys->revision);
	json_put_close(&json, '}');
	request.body = buf_slice(&body);
	code = ctl3_call(keys->v3, &request, &keys->answer);
	buf_free(&body);
	if (code != CTL3_DONE)
		return code;
	if (keys->revision == 0)
		keys->revision = ctl3_message_i64(json_member(keys->answer.root, "header"),
		    "revision");
	keys->next = ctl3_message_first(keys->answer.root, "kvs");
	keys->more = json_true(keys->answer.root, "more");
	return CTL3_DONE;
}

static void
take_of_file(struct ctl3_keys *keys)
{
	const struct etcd_snapshot_key *key = &keys->file->keys[keys->place];

	keys->ended = keys->place == keys->file->key_count;
	if (keys->ended)
		return;
	keys->place++;
	buf_append_slice(&keys->key, key->name);
	buf_append_slice(&keys->value, key->value);
	keys->lease = key->lease;
}

/* Of a cluster. A server that gave keys again and again would be asked for ever. */
static int
take_of_page(struct ctl3_keys *keys, bool begins_page)
{
	struct buf name = BUF_INIT;
	int order;

	ctl3_message_bytes(keys->next, "key", &name);
	order = slice_compare(buf_slice(&name), buf_slice(&keys->key));
	buf_free(&keys->key);
	keys->key = name;
	if (order < 0 || (order == 0 && !begins_page))
		return output_error(CTL3_ERROR, "%s gives keys that are not in order",
		    keys->answer.http.from);
	ctl3_message_bytes(keys->next, "value", &keys->value);
	keys->lease = ctl3_message_u64(keys->next, "lease");
	keys->page_keys++;
	keys->page_bytes += keys->key.size + keys->value.size;
	keys->next = keys->next->next;
	return CTL3_DONE;
}

int
ctl3_keys_next(struct ctl3_keys *keys)
{
	bool begins_page = keys->next == NULL && (keys->limit == 0 || keys->more);

	buf_clear(&keys->value);
	if (keys->file != NULL) {
		buf_clear(&keys->key);
		take_of_file(keys);
		return CTL3_DONE;
	}
	if (begins_page) {
		int code = ask_page(keys);

		if (code != CTL3_DONE)
			return code;
	}
	keys->ended = keys->next == NULL;
	return keys->ended ? CTL3_DONE : take_of_page(keys, begins_page);
}
