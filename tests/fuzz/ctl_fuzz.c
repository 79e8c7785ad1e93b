/*
 * ctl_fuzz.c - any bytes as an answer of a server to etcdctl: read as JSON, shown as
 * an event in each form, taken as a tree, as a message of the gateway. What is shown as JSON
 * is JSON again, on a terminal too; nothing but printable text reaches a terminal. The same
 * bytes as a line of a transaction: what it is made of is JSON.
 */
#include "tests/fuzz/fuzz.h"

#include "common/printable.h"
#include "ctl/event.h"
#include "ctl/key_tree.h"
#include "ctl/v3/message.h"
#include "ctl/v3/txn_text.h"

#include <stdlib.h>

static void
check_json(struct slice text)
{
	struct json_doc doc;
	enum err err = json_doc_read(text, &doc);

	ASSERT(err == ERR_NONE);
	json_doc_free(&doc);
}

/* As output.c puts it on a terminal. */
static void
check_terminal(struct slice text, bool json)
{
	struct buf shown = BUF_INIT;
	struct slice rest;

	if (json)
		printable_put_json(&shown, text);
	else
		printable_put_lines(&shown, text);
	rest = buf_slice(&shown);
	while (rest.size > 0) {
		bool white = rest.data[0] == '\n' || rest.data[0] == '\t';
		size_t size = white ? 1 : printable_size(rest);

		ASSERT(size > 0);
		rest = slice_of(rest.data + size, rest.size - size);
	}
	if (json)
		check_json(buf_slice(&shown));
	buf_free(&shown);
}

static void
show(const struct json *event)
{
	static const enum output_format formats[] = { FORMAT_SIMPLE, FORMAT_EXTENDED, FORMAT_JSON };

	for (size_t i = 0; i < 2 * ARRAY_COUNT(formats); i++) {
		bool json = formats[i / 2] == FORMAT_JSON;
		struct buf text = BUF_INIT;

		api_event_render(event, 7, formats[i / 2], i % 2 == 1, &text);
		if (json)
			check_json(buf_slice(&text));
		check_terminal(buf_slice(&text), json);
		buf_free(&text);
	}
}

static void
show_message(const struct json *root)
{
	struct buf text = BUF_INIT;
	struct json_put json = json_put_into(&text);

	ctl3_message_put(&json, NULL, root);
	check_json(buf_slice(&text));
	check_terminal(buf_slice(&text), true);
	buf_clear(&text);
	for (const struct json *member = root->first; member != NULL; member = member->next) {
		if (member->type == JSON_STRING)
			ctl3_quote(&text, member->text);
	}
	check_terminal(buf_slice(&text), false);
	buf_free(&text);
}

static void
read_line(const uint8_t *data, size_t size)
{
	struct buf line = BUF_INIT, text = BUF_INIT;
	struct json_put json = json_put_into(&text);
	struct ctl3_words words;
	char *problem = NULL;

	buf_append(&line, data, size);
	buf_append_byte(&line, '\0');
	if (ctl3_compare_read((const char *)line.data, &json, &problem) == ERR_NONE)
		check_json(buf_slice(&text));
	else
		ASSERT(problem != NULL);
	free(problem);
	problem = NULL;
	if (ctl3_words_read((const char *)line.data, &words, &problem) == ERR_NONE)
		ctl3_words_free(&words);
	else
		ASSERT(problem != NULL);
	free(problem);
	buf_free(&line);
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_doc doc;
	struct key_tree tree;

	read_line(data, size);
	if (json_doc_read(slice_of(data, size), &doc) != ERR_NONE)
		return 0;
	show(doc.root);
	show_message(doc.root);
	key_tree_from(&doc, &tree);
	for (size_t i = 0; i < tree.count; i++) {
		const struct key_tree_entry *found = key_tree_find(&tree, tree.entries[i].key);

		ASSERT(found != NULL);
		(void)key_tree_change_of(&tree.entries[i], found);
		(void)key_tree_is_hidden(found->key, 0);
		(void)key_tree_is_registry(found->key);
	}
	key_tree_free(&tree);
	return 0;
}
