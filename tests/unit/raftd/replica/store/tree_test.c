/*
 * tree_test.c - nodes, searches, walks.
 */
#include "raftd/replica/store/tree.h"

#include "common/limits.h"
#include "common/xmem.h"
#include "raftd/replica/store/path.h"
#include "tests/lib/test.h"

#include <stdlib.h>

/* Make the node of a path, with directories above; a file unless it ends in "/". */
static struct tree_node *
grow(struct tree *tree, const char *text)
{
	bool is_dir = text[strlen(text) - 1] == '/';
	struct slice path = slice_of(text, strlen(text) - is_dir);
	struct path_names names = path_names(path);
	struct tree_node *node = tree->root;
	struct slice name;

	while (path_next(&names, &name)) {
		struct tree_node *child = tree_child(node, name);

		if (child == NULL)
			child = tree_make(tree, node, name,
			    names.at != names.end || is_dir, 1);
		node = child;
	}
	return node;
}

static struct tree
sample(void)
{
	static const char *const paths[] = {
		"/d/b", "/d/a/z", "/d/a/10", "/d/a/9", "/d/a-b", "/d/B", "/e/",
	};
	struct tree tree;
	size_t i;

	tree_init(&tree, 5);
	for (i = 0; i < ARRAY_COUNT(paths); i++)
		grow(&tree, paths[i]);
	return tree;
}

TEST(a_search_tells_how_far_it_came)
{
	static const struct {
		const char *path;
		enum err error;
		const char *seen;
	} table[] = {
		{ "/", ERR_NONE, "/" },
		{ "/d", ERR_NONE, "/d" },
		{ "/d/a/z", ERR_NONE, "/d/a/z" },
		{ "/x/y/z", ERR_KEY_NOT_FOUND, "/x" },
		{ "/d/x/z", ERR_KEY_NOT_FOUND, "/d/x" },
		{ "/d/a/x", ERR_KEY_NOT_FOUND, "/d/a/x" },
		{ "/d/b/x", ERR_NOT_DIR, "/d/b" },
		{ "/d/b/x/y", ERR_NOT_DIR, "/d/b" },
	};
	struct tree tree = sample();
	size_t i;

	for (i = 0; i < ARRAY_COUNT(table); i++) {
		struct tree_search search = tree_find(&tree, slice_text(table[i].path));

		assert_int_equal(search.error, table[i].error);
		assert_int_equal(search.size, strlen(table[i].seen));
	}
	tree_free(&tree);
}

TEST(a_walk_goes_down_before_on_and_in_byte_order)
{
	static const struct {
		const char *path;
		uint32_t depth;
	} expected[] = {
		{ "/", 0 }, { "/d", 1 }, { "/d/B", 2 }, { "/d/a", 2 }, { "/d/a/10", 3 },
		{ "/d/a/9", 3 }, { "/d/a/z", 3 }, { "/d/a-b", 2 }, { "/d/b", 2 }, { "/e", 1 },
	};
	struct tree tree = sample();
	struct tree_walk walk = { 0 };
	struct tree_node *node;
	size_t i = 0;

	tree_walk_begin(&walk, tree.root, SLICE_LITERAL("/"));
	while ((node = tree_walk_next(&walk)) != NULL) {
		assert_true(i < ARRAY_COUNT(expected));
		assert_true(slice_equal(tree_walk_path(&walk), slice_text(expected[i].path)));
		assert_int_equal(walk.current.depth, expected[i].depth);
		i++;
		if (tree_is_dir(node))
			tree_walk_enter(&walk);
	}
	assert_int_equal(i, ARRAY_COUNT(expected));
	tree_walk_free(&walk);
	tree_free(&tree);
}

TEST(a_walk_from_below_does_not_leave_its_directory)
{
	struct tree tree = sample();
	struct tree_walk walk = { 0 };
	struct tree_node *node;
	size_t count = 0;

	tree_walk_begin(&walk, grow(&tree, "/d/a/"), SLICE_LITERAL("/d/a"));
	while ((node = tree_walk_next(&walk)) != NULL) {
		assert_true(path_is_at_or_below(tree_walk_path(&walk), SLICE_LITERAL("/d/a")));
		count++;
		if (tree_is_dir(node))
			tree_walk_enter(&walk);
	}
	assert_int_equal(count, 4);
	tree_walk_free(&walk);
	tree_free(&tree);
}

TEST(a_walk_goes_on_behind_any_path)
{
	struct tree tree = sample();
	struct tree_walk whole = { 0 }, rest = { 0 }, left = { 0 };
	struct tree_node *node;

	tree_walk_begin(&whole, tree.root, SLICE_LITERAL("/"));
	while ((node = tree_walk_next(&whole)) != NULL) {
		struct slice path = tree_walk_path(&whole);
		struct path_names names = path_names(path);
		struct tree_node *dir = tree.root;
		uint32_t depth = 1, size = 0;
		struct slice name;

		if (tree_is_dir(node))
			tree_walk_enter(&whole);
		tree_walk_clear(&rest);
		tree_walk_stand(&rest, path, 0);
		while (path_next(&names, &name)) {
			tree_walk_add(&rest, dir, name, depth++, size);
			size = (uint32_t)(names.at - path.data);
			dir = tree_child(dir, name);
		}
		if (tree_is_dir(node))
			tree_walk_add(&rest, node, SLICE_EMPTY, depth, size);
		/* A copy of the walk, so that both go on alike to the end. */
		tree_walk_clear(&left);
		left.steps = xgrow(left.steps, &left.capacity, whole.count + 1,
		    sizeof(*left.steps));
		memcpy(left.steps, whole.steps, whole.count * sizeof(*left.steps));
		left.count = whole.count;
		buf_clear(&left.path);
		buf_append_slice(&left.path, buf_slice(&whole.path));
		do {
			node = tree_walk_next(&left);
			assert_ptr_equal(tree_walk_next(&rest), node);
			if (node == NULL)
				break;
			assert_int_equal(rest.current.depth, left.current.depth);
			assert_true(slice_equal(tree_walk_path(&rest), tree_walk_path(&left)));
			if (tree_is_dir(node)) {
				tree_walk_enter(&left);
				tree_walk_enter(&rest);
			}
		} while (true);
	}
	tree_walk_free(&whole);
	tree_walk_free(&rest);
	tree_walk_free(&left);
	tree_free(&tree);
}

TEST(what_is_detached_is_found_no_more_and_stays_as_it_is)
{
	struct tree tree = sample();
	struct tree_node *a = grow(&tree, "/d/a/");

	assert_int_equal(tree.count, 9);
	assert_true(tree_has(&tree, tree_child(a, SLICE_LITERAL("z"))));
	tree_detach(&tree, a);
	assert_int_equal(tree_find(&tree, SLICE_LITERAL("/d/a")).error, ERR_KEY_NOT_FOUND);
	assert_int_equal(tree_find(&tree, SLICE_LITERAL("/d/a-b")).error, ERR_NONE);
	assert_false(tree_has(&tree, tree_child(a, SLICE_LITERAL("z"))));
	assert_int_equal(tree_depth(tree_child(a, SLICE_LITERAL("z"))), 3);
	tree_drop(&tree, tree_child(a, SLICE_LITERAL("z")));
	assert_int_equal(tree.count, 8);
	tree_free_detached(&tree, a);
	assert_int_equal(tree.count, 5);
	tree_free(&tree);
}

TEST(a_tree_knows_what_its_nodes_weigh)
{
	size_t node = sizeof(struct tree_node);
	struct tree tree;
	struct tree_node *dir, *file;

	tree_init(&tree, 1);
	dir = grow(&tree, "/dir/");
	file = grow(&tree, "/dir/f");
	assert_int_equal(tree.bytes, node + 3 + node + 1);
	tree_set_value(&tree, file, SLICE_LITERAL("12345"));
	tree_set_value(&tree, file, SLICE_LITERAL("12"));
	assert_int_equal(tree.bytes, node + 3 + node + 1 + 2);
	tree_make_dir(&tree, file);
	assert_int_equal(tree.bytes, node + 3 + node + 1);
	tree_set_value(&tree, grow(&tree, "/dir/f/g"), SLICE_LITERAL("123"));
	tree_detach(&tree, dir);
	assert_int_equal(tree.bytes, node + 3 + node + 1 + node + 1 + 3);
	tree_free_detached(&tree, dir);
	assert_int_equal(tree.bytes, 0);
	tree_free(&tree);
}

TEST(depth_is_no_burden)
{
	struct buf path = BUF_INIT;
	struct tree tree;
	struct tree_node *node;
	size_t i;

	tree_init(&tree, 1);
	node = tree.root;
	for (i = 0; i < KEY_NAMES_MAX; i++) {
		path_push(&path, SLICE_LITERAL("a"));
		node = tree_make(&tree, node, SLICE_LITERAL("a"), true, 1);
	}
	assert_ptr_equal(tree_find(&tree, buf_slice(&path)).node, node);
	assert_int_equal(tree_depth(node), KEY_NAMES_MAX);
	tree_free(&tree);
	buf_free(&path);
}
