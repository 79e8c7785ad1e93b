/*
 * ctl_fuzz.c - any bytes as an answer of a server to etcdctl: read as JSON, shown as
 * an event in each form, taken as a tree. What is shown as JSON is JSON again.
 */
#include "tests/fuzz/fuzz.h"

#include "ctl/event.h"
#include "ctl/tree.h"

static void
show(const struct json *event)
{
	static const enum output_format formats[] = { FORMAT_SIMPLE, FORMAT_EXTENDED, FORMAT_JSON };

	for (size_t i = 0; i < ARRAY_COUNT(formats); i++) {
		struct buf text = BUF_INIT;
		struct json_doc again;
		enum err err;

		event_render(event, 7, formats[i], &text);
		if (formats[i] == FORMAT_JSON) {
			err = json_doc_read(buf_slice(&text), &again);
			ASSERT(err == ERR_NONE);
			json_doc_free(&again);
		}
		buf_free(&text);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_doc doc;
	struct tree tree;

	if (json_doc_read(slice_of(data, size), &doc) != ERR_NONE)
		return 0;
	show(doc.root);
	tree_from(&doc, &tree);
	for (size_t i = 0; i < tree.count; i++) {
		const struct tree_entry *found = tree_find(&tree, tree.entries[i].key);

		ASSERT(found != NULL);
		(void)tree_change_of(&tree.entries[i], found);
		(void)tree_is_hidden(found->key, 0);
		(void)tree_is_registry(found->key);
	}
	tree_free(&tree);
	return 0;
}
