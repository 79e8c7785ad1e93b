/*
 * overlay_test.c - keys of paths and their order; entries.
 */
#include "raftd/replica/store/overlay.h"

#include "common/limits.h"
#include "tests/lib/test.h"

/* In the order of a listing. */
static const char *const paths[] = {
	"", "/\x01", "/!", "/-", "/-/x", "/.a", "/0", "/a", "/a/\x01", "/a/b", "/a/b/c", "/a/b-",
	"/a/b.", "/a/b0", "/a\x01", "/a-", "/a-/b", "/a.", "/a0", "/a_", "/b", "/\xff",
	"/\xff/\xff",
};

static struct slice
key_of(struct buf *key, const char *path)
{
	buf_clear(key);
	overlay_key_put(key, slice_text(path));
	return buf_slice(key);
}

TEST(keys_are_in_the_order_of_a_listing_and_lead_back_to_their_paths)
{
	struct buf a = BUF_INIT, b = BUF_INIT;
	size_t i, j;

	for (i = 0; i < ARRAY_COUNT(paths); i++) {
		for (j = 0; j < ARRAY_COUNT(paths); j++) {
			int order = slice_compare(key_of(&a, paths[i]), key_of(&b, paths[j]));

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
		buf_clear(&b);
		overlay_path_put(&b, key_of(&a, paths[i]));
		assert_true(slice_equal(buf_slice(&b), slice_text(paths[i])));
	}
	buf_free(&a);
	buf_free(&b);
}

TEST(every_byte_of_a_name_comes_back)
{
	struct buf path = BUF_INIT, key = BUF_INIT, back = BUF_INIT;
	unsigned byte;

	for (byte = 0; byte < 256; byte++)
		buf_append_byte(&path, (uint8_t)byte);
	overlay_key_put(&key, buf_slice(&path));
	overlay_path_put(&back, buf_slice(&key));
	assert_true(slice_equal(buf_slice(&path), buf_slice(&back)));
	buf_free(&path);
	buf_free(&key);
	buf_free(&back);
}

TEST(at_or_below_goes_by_names)
{
	static const struct {
		const char *path, *top;
		bool expected;
	} table[] = {
		{ "/a", "", true }, { "", "", true }, { "/a", "/a", true },
		{ "/a/b", "/a", true }, { "/a-", "/a", false }, { "/a", "/a/b", false },
		{ "/b/a", "/a", false }, { "/aa/b", "/a", false },
	};
	struct buf a = BUF_INIT, b = BUF_INIT;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(table); i++)
		assert_int_equal(overlay_key_is_at_or_below(key_of(&a, table[i].path),
		    key_of(&b, table[i].top)), table[i].expected);
	buf_free(&a);
	buf_free(&b);
}

TEST(an_entry_weighs_what_it_keeps_until_it_is_dropped)
{
	struct overlay overlay = { .seed = 3 };
	struct doomed_list list;
	struct tree tree;
	struct ttl ttl;
	struct buf key = BUF_INIT;
	struct tree_node *dir, *file;
	struct doomed *doomed;
	struct buf records = BUF_INIT;
	struct effects effects = { .out = &records };
	struct kept_node *kept;
	size_t alone;

	tree_init(&tree, 3);
	ttl_init(&ttl, tree.pool);
	doomed_init(&list);
	dir = tree_make(&tree, tree.root, SLICE_LITERAL("d"), true, 1);
	file = tree_make(&tree, dir, SLICE_LITERAL("f"), false, 2);
	tree_set_value(&tree, file, SLICE_LITERAL("12345"));
	kept = overlay_add(&overlay, key_of(&key, "/d/f"));
	alone = overlay.bytes;
	assert_int_equal(alone, sizeof(*kept) + 4);
	overlay_describe(&overlay, kept, file);
	assert_int_equal(overlay.bytes, alone + 5);
	assert_int_equal(kept->created, 2);
	assert_ptr_equal(overlay_find(&overlay, key_of(&key, "/d/f")), kept);
	assert_ptr_equal(overlay_after(&overlay, key_of(&key, "/d")), kept);
	assert_null(overlay_after(&overlay, key_of(&key, "/d/f")));

	tree_detach(&tree, dir);
	doomed = doomed_add(&list, dir);
	overlay_hold(&overlay, overlay_add(&overlay, key_of(&key, "/d")), &list, doomed, dir);
	assert_int_equal(overlay.bytes, alone + 5 + sizeof(*kept) + 2 + VIEW_HELD_BYTES);
	doomed_sweep(&list, &tree, &ttl, &effects, 10);
	assert_int_equal(tree.count, 2);
	overlay_drop(&overlay, kept, &list);
	assert_null(overlay_find(&overlay, key_of(&key, "/d/f")));
	overlay_clear(&overlay, &list);
	assert_int_equal(overlay.bytes, 0);
	doomed_sweep(&list, &tree, &ttl, &effects, 10);
	assert_int_equal(tree.count, 0);
	ttl_free(&ttl);
	tree_free(&tree);
	effects_free(&effects);
	buf_free(&records);
	buf_free(&key);
}
