/*
 * key_tree.c - listings flattened and compared (see key_tree.h).
 */
#include "ctl/key_tree.h"

#include "common/xmem.h"
#include "ctl/event.h"
#include "ctl/form.h"

#include <stdlib.h>

#define TTL_SLACK_S 2
#define KEY_NOT_FOUND 100

static int
compare(const void *a, const void *b)
{
	const struct key_tree_entry *left = a, *right = b;

	return slice_compare(left->key, right->key);
}

void
key_tree_from(struct json_doc *doc, struct key_tree *tree)
{
	const struct json *root = json_member(doc->root, "node");
	const struct json *node = root == NULL ? NULL : api_event_next(root, root);

	*tree = (struct key_tree){ .doc = *doc };
	*doc = (struct json_doc){ 0 };
	for (; node != NULL; node = api_event_next(root, node)) {
		const struct json *nodes = json_member(node, "nodes");

		tree->entries = xgrow(tree->entries, &tree->capacity, tree->count + 1,
		    sizeof(*tree->entries));
		tree->entries[tree->count++] = (struct key_tree_entry){
			.key = json_string(node, "key"), .value = json_string(node, "value"),
			.dir = json_true(node, "dir"),
			.empty = nodes == NULL || nodes->first == NULL,
			.ttl_s = json_u64(node, "ttl") };
	}
	if (tree->count > 0)
		qsort(tree->entries, tree->count, sizeof(*tree->entries), compare);
}

int
key_tree_read(struct client *client, const struct output *out, struct slice root,
    struct key_tree *tree)
{
	struct api_request request = { .method = "GET", .key = root, .repeatable = true };
	struct api_answer answer = { 0 };
	enum client_result result;
	int code = CTL_DONE;

	*tree = (struct key_tree){ 0 };
	form_add_bool(&request.query, "quorum", true);
	/* The same for servers of the 0.4 series. */
	form_add_bool(&request.query, "consistent", true);
	form_add_bool(&request.query, "recursive", true);
	client_restart_clock(client);
	result = api_ask(client, &request, &answer);
	if (result == CLIENT_ANSWERED && answer.error_code == 0)
		key_tree_from(&answer.doc, tree);
	else if (result != CLIENT_ANSWERED || answer.error_code != KEY_NOT_FOUND)
		code = api_report(out, result, &answer);
	tree->index = answer.answer.store_index;
	api_answer_free(&answer);
	return code;
}

void
key_tree_free(struct key_tree *tree)
{
	free(tree->entries);
	json_doc_free(&tree->doc);
	*tree = (struct key_tree){ 0 };
}

const struct key_tree_entry *
key_tree_find(const struct key_tree *tree, struct slice key)
{
	struct key_tree_entry wanted = { .key = key };

	return tree->count == 0 ? NULL :
	    bsearch(&wanted, tree->entries, tree->count, sizeof(wanted), compare);
}

bool
key_tree_is_below(struct slice key, struct slice directory)
{
	while (directory.size > 0 && directory.data[directory.size - 1] == '/')
		directory.size--;
	return slice_starts_with(key, directory) &&
	    (key.size == directory.size || key.data[directory.size] == '/');
}

bool
key_tree_is_hidden(struct slice key, size_t skip)
{
	for (size_t i = skip; i + 1 < key.size; i++) {
		if (key.data[i] == '/' && key.data[i + 1] == '_')
			return true;
	}
	return false;
}

bool
key_tree_is_registry(struct slice key)
{
	return slice_equal(key, SLICE_LITERAL("/_etcd")) ||
	    key_tree_is_below(key, SLICE_LITERAL("/_etcd/machines")) ||
	    key_tree_is_below(key, SLICE_LITERAL("/_etcd/config"));
}

static bool
expires_alike(uint64_t a, uint64_t b)
{
	if ((a == 0) != (b == 0))
		return false;
	return (a > b ? a - b : b - a) <= TTL_SLACK_S;
}

enum key_tree_change
key_tree_change_of(const struct key_tree_entry *source, const struct key_tree_entry *target)
{
	if (target == NULL) {
		/* What lies in a directory makes it on the way. */
		return source->dir && !source->empty && source->ttl_s == 0 ? TREE_SAME : TREE_WRITE;
	}
	if (source->dir != target->dir)
		return TREE_REPLACE;
	if (!expires_alike(source->ttl_s, target->ttl_s))
		return TREE_WRITE;
	return source->dir || slice_equal(source->value, target->value) ? TREE_SAME : TREE_WRITE;
}
