#include "ctl/key_tree.h"

#include "tests/lib/test.h"

static struct key_tree
tree_of(const char *listing)
{
	struct json_doc doc;
	struct key_tree tree;

	assert_int_equal(json_doc_read(slice_text(listing), &doc), ERR_NONE);
	key_tree_from(&doc, &tree);
	assert_null(doc.root);
	return tree;
}

TEST(a_listing_becomes_a_sorted_list)
{
	struct key_tree tree = tree_of("{\"node\":{\"key\":\"/\",\"dir\":true,\"nodes\":["
	    "{\"key\":\"/b\",\"dir\":true,\"nodes\":[{\"key\":\"/b/x\",\"value\":\"1\","
	    "\"ttl\":9}]},"
	    "{\"key\":\"/a\",\"value\":\"2\"},{\"key\":\"/b-\",\"dir\":true}]}}");
	const struct key_tree_entry *entry;

	assert_int_equal(tree.count, 4);
	entry = key_tree_find(&tree, slice_text("/b/x"));
	assert_non_null(entry);
	assert_true(slice_equal(entry->value, slice_text("1")));
	assert_int_equal(entry->ttl_s, 9);
	assert_false(key_tree_find(&tree, slice_text("/b"))->empty);
	assert_true(key_tree_find(&tree, slice_text("/b-"))->empty);
	assert_null(key_tree_find(&tree, slice_text("/c")));
	assert_null(key_tree_find(&tree, slice_text("/")));
	key_tree_free(&tree);
	tree = tree_of("{}");
	assert_int_equal(tree.count, 0);
	assert_null(key_tree_find(&tree, slice_text("/a")));
	key_tree_free(&tree);
}

static enum key_tree_change
change(struct key_tree_entry source, struct key_tree_entry target)
{
	return key_tree_change_of(&source, &target);
}

static struct key_tree_entry
file(const char *value, uint64_t ttl_s)
{
	return (struct key_tree_entry){ .value = slice_text(value), .ttl_s = ttl_s };
}

TEST(only_what_differs_is_written)
{
	struct key_tree_entry dir = { .dir = true }, timed = { .dir = true, .ttl_s = 50 };

	assert_int_equal(change(file("a", 0), file("a", 0)), TREE_SAME);
	assert_int_equal(change(file("a", 0), file("b", 0)), TREE_WRITE);
	assert_int_equal(change(file("a", 100), file("a", 98)), TREE_SAME);
	assert_int_equal(change(file("a", 100), file("a", 97)), TREE_WRITE);
	assert_int_equal(change(file("a", 1), file("a", 0)), TREE_WRITE);
	assert_int_equal(change(file("a", 0), file("a", 1)), TREE_WRITE);
	assert_int_equal(change(dir, file("", 0)), TREE_REPLACE);
	assert_int_equal(change(file("", 0), dir), TREE_REPLACE);
	assert_int_equal(change(dir, dir), TREE_SAME);
	assert_int_equal(change(timed, dir), TREE_WRITE);
}

/* What lies in a directory makes it; one that is empty or expires is made by itself. */
TEST(missing_directories_are_made_when_nothing_else_makes_them)
{
	struct key_tree_entry full = { .dir = true }, empty = { .dir = true, .empty = true };
	struct key_tree_entry timed = { .dir = true, .ttl_s = 5 };
	struct key_tree_entry value = file("", 0);

	assert_int_equal(key_tree_change_of(&full, NULL), TREE_SAME);
	assert_int_equal(key_tree_change_of(&empty, NULL), TREE_WRITE);
	assert_int_equal(key_tree_change_of(&timed, NULL), TREE_WRITE);
	assert_int_equal(key_tree_change_of(&value, NULL), TREE_WRITE);
}

TEST(below_is_by_whole_names)
{
	assert_true(key_tree_is_below(slice_text("/a/b"), slice_text("/a")));
	assert_true(key_tree_is_below(slice_text("/a"), slice_text("/a")));
	assert_true(key_tree_is_below(slice_text("/a/b"), slice_text("/a/")));
	assert_false(key_tree_is_below(slice_text("/ab"), slice_text("/a")));
	assert_true(key_tree_is_below(slice_text("/x"), slice_text("/")));
}

TEST(hidden_names_and_those_of_the_cluster_are_known)
{
	assert_true(key_tree_is_hidden(slice_text("/a/_b/c"), 0));
	assert_true(key_tree_is_hidden(slice_text("/_a"), 0));
	assert_false(key_tree_is_hidden(slice_text("/a_/b"), 0));
	assert_false(key_tree_is_hidden(slice_text("/_a/b"), strlen("/_a")));
	assert_true(key_tree_is_hidden(slice_text("/_a/_b"), strlen("/_a")));
	assert_true(key_tree_is_registry(slice_text("/_etcd/machines/m1")));
	assert_true(key_tree_is_registry(slice_text("/_etcd")));
	assert_false(key_tree_is_registry(slice_text("/_etcd/registry/t")));
	assert_false(key_tree_is_registry(slice_text("/_etcd/machinesx")));
}
