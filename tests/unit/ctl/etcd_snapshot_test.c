/*
 * etcd_snapshot_test.c - files of etcd 3: what is read of them, and what is refused.
 */
#include "ctl/etcd_snapshot.h"

#include "ctl/bolt.h"
#include "tests/lib/test.h"
#include "tests/unit/ctl/bolt_file.h"

#include <stdlib.h>
#include <string.h>

#define ITEMS_MAX 16

/* A file in the making: changes of a bucket "key", leases. */
struct scene {
	struct bolt_file file;
	struct bolt_item changes[ITEMS_MAX];
	size_t change_count;
	struct buf lease_value;
	struct bolt_item lease;
	struct buf texts[3 * ITEMS_MAX];
	size_t text_count;
};

static struct slice
keep(struct scene *scene, struct buf *text)
{
	scene->texts[scene->text_count] = *text;
	return buf_slice(&scene->texts[scene->text_count++]);
}

static void
put_big(struct buf *out, uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		buf_append_byte(out, (uint8_t)(value >> (56 - 8 * i)));
}

static void
put_bytes(struct buf *out, uint8_t tag, struct slice bytes)
{
	size_t size = bytes.size;

	buf_append_byte(out, tag);
	for (; size >= 0x80; size >>= 7)
		buf_append_byte(out, (uint8_t)(size | 0x80));
	buf_append_byte(out, (uint8_t)size);
	buf_append_slice(out, bytes);
}

static void
change(struct scene *scene, uint64_t revision, uint64_t sub, const char *name, const char *value)
{
	struct buf key = BUF_INIT, wire = BUF_INIT;

	put_big(&key, revision);
	buf_append_byte(&key, '_');
	put_big(&key, sub);
	put_bytes(&wire, 0x0a, slice_text(name));
	if (value == NULL) {
		buf_append_byte(&key, 't');
	} else {
		buf_append(&wire, "\x10\x02\x18\x02\x20\x01", 6);
		if (value[0] != '\0')
			put_bytes(&wire, 0x2a, slice_text(value));
		if (strcmp(name, "leased") == 0)
			buf_append(&wire, "\x30\x07", 2);
	}
	scene->changes[scene->change_count++] = (struct bolt_item){ .key = keep(scene, &key),
		.value = keep(scene, &wire) };
}

/* Some keys, a lease, a user; the changes on two leaves below a branch. */
static void
make(struct scene *scene)
{
	struct buf lease_id = BUF_INIT, lease = BUF_INIT, leases = BUF_INIT, users = BUF_INIT;
	struct buf keys = BUF_INIT;
	struct bolt_item user = { .key = SLICE_LITERAL("u"), .value = SLICE_LITERAL("x") };
	struct bolt_item branch[2], buckets[3];
	size_t half = scene->change_count / 2;

	branch[0] = (struct bolt_item){ .key = scene->changes[0].key,
		.child = bolt_file_page(&scene->file, 2, scene->changes, half) };
	branch[1] = (struct bolt_item){ .key = scene->changes[half].key,
		.child = bolt_file_page(&scene->file, 2, scene->changes + half,
		    scene->change_count - half) };
	bolt_bucket(&keys, bolt_file_page(&scene->file, 1, branch, 2));
	put_big(&lease_id, 7);
	buf_append(&lease, "\x08\x07\x10\x3c\x18\x05", 6);
	bolt_small_bucket(&leases, &(struct bolt_item){ .key = keep(scene, &lease_id),
	    .value = keep(scene, &lease) }, 1);
	bolt_small_bucket(&users, &user, 1);
	buckets[0] = (struct bolt_item){ .key = SLICE_LITERAL("authUsers"),
		.value = keep(scene, &users), .is_bucket = true };
	buckets[1] = (struct bolt_item){ .key = SLICE_LITERAL("key"),
		.value = keep(scene, &keys), .is_bucket = true };
	buckets[2] = (struct bolt_item){ .key = SLICE_LITERAL("lease"),
		.value = keep(scene, &leases), .is_bucket = true };
	bolt_file_end(&scene->file, bolt_file_page(&scene->file, 2, buckets, 3));
}

static void
begin(struct scene *scene)
{
	*scene = (struct scene){ .change_count = 0 };
	bolt_file_begin(&scene->file);
	change(scene, 2, 0, "a", "1");
	change(scene, 3, 0, "b", "gone");
	change(scene, 4, 0, "leased", "x");
	change(scene, 5, 0, "a", "2");
	change(scene, 6, 0, "b", NULL);
	change(scene, 7, 0, "c", NULL);
	change(scene, 7, 1, "c", "");
}

static void
end(struct scene *scene)
{
	for (size_t i = 0; i < scene->text_count; i++)
		buf_free(&scene->texts[i]);
	buf_free(&scene->file.bytes);
}

static void
refused(struct slice file, const char *why)
{
	struct etcd_snapshot snapshot;
	char *sentence = NULL;

	assert_int_equal(etcd_snapshot_read(file, &snapshot, &sentence), ERR_MALFORMED);
	if (strstr(sentence, why) == NULL)
		fail_msg("%s", sentence);
	assert_int_equal(snapshot.key_count, 0);
	free(sentence);
}

TEST(the_newest_value_of_each_key_is_read_with_its_lease)
{
	static const char *const names[] = { "a", "c", "leased" }, *const values[] = { "2", "",
		"x" };
	struct etcd_snapshot snapshot;
	char *sentence = NULL;
	struct scene scene;

	begin(&scene);
	make(&scene);
	for (unsigned summed = 0; summed < 2; summed++) {
		assert_int_equal(etcd_snapshot_read(buf_slice(&scene.file.bytes), &snapshot,
		    &sentence), ERR_NONE);
		assert_int_equal(snapshot.unchecked, summed == 0);
		assert_int_equal(snapshot.key_count, 3);
		for (size_t i = 0; i < 3; i++) {
			const struct etcd_snapshot_key *key = &snapshot.keys[i];

			assert_true(slice_equal(key->name, slice_text(names[i])));
			assert_true(slice_equal(key->value, slice_text(values[i])));
			assert_int_equal(key->lease, i == 2 ? 7 : 0);
		}
		assert_int_equal(snapshot.revision, 7);
		assert_int_equal(snapshot.lease_count, 1);
		assert_int_equal(snapshot.leases[0].id, 7);
		assert_int_equal(snapshot.leases[0].ttl_s, 60);
		assert_int_equal(snapshot.users, 1);
		assert_int_equal(snapshot.roles, 0);
		etcd_snapshot_free(&snapshot);
		bolt_file_sum(&scene.file);
	}
	end(&scene);
}

TEST(a_value_of_many_pages_is_one)
{
	struct etcd_snapshot snapshot;
	char *sentence = NULL, large[3 * BOLT_PAGE];
	struct scene scene;

	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	begin(&scene);
	change(&scene, 8, 0, "large", large);
	make(&scene);
	assert_int_equal(etcd_snapshot_read(buf_slice(&scene.file.bytes), &snapshot, &sentence),
	    ERR_NONE);
	assert_true(slice_equal(snapshot.keys[2].value, slice_text(large)));
	etcd_snapshot_free(&snapshot);
	end(&scene);
}

TEST(what_is_no_such_file_is_refused_with_what_is_wrong)
{
	struct bolt_item page = { .key = SLICE_LITERAL("a"), .child = 3 }, other = page;
	struct scene scene;
	uint64_t root;

	refused(SLICE_LITERAL(""), "it has not the first pages of one");
	refused(SLICE_LITERAL("something else"), "it has not the first pages of one");
	begin(&scene);
	change(&scene, 7, 1, "d", "2");
	make(&scene);
	refused(buf_slice(&scene.file.bytes), "keys are not in order");
	end(&scene);

	begin(&scene);
	make(&scene);
	bolt_file_sum(&scene.file);
	scene.file.bytes.data[scene.file.bytes.size - 1] ^= 1;
	refused(buf_slice(&scene.file.bytes), "its checksum is not that of what is in it");
	end(&scene);

	begin(&scene);
	make(&scene);
	scene.file.bytes.size -= 2 * BOLT_PAGE;
	refused(buf_slice(&scene.file.bytes), "a page is not in the file");
	end(&scene);

	/* A branch that is its own child; one that has the same child twice. */
	begin(&scene);
	page.child = scene.file.bytes.size / BOLT_PAGE;
	root = bolt_file_page(&scene.file, 1, &page, 1);
	bolt_file_end(&scene.file, root);
	refused(buf_slice(&scene.file.bytes), "goes in circles");
	end(&scene);
	begin(&scene);
	page = other;
	for (unsigned depth = 0; depth < 20; depth++) {
		struct bolt_item twice[2] = { page, page };

		page.child = bolt_file_page(&scene.file, depth == 0 ? 2 : 1, twice, 2);
	}
	bolt_file_end(&scene.file, page.child);
	refused(buf_slice(&scene.file.bytes), "goes in circles");
	end(&scene);

	begin(&scene);
	bolt_file_end(&scene.file, bolt_file_page(&scene.file, 2, NULL, 0));
	refused(buf_slice(&scene.file.bytes), "has no keys of etcd 3");
	end(&scene);
}

/* Of two first pages one may be torn; the newer one counts. */
TEST(one_whole_first_page_is_enough)
{
	struct etcd_snapshot snapshot;
	char *sentence = NULL;

	for (size_t torn = 0; torn < 2; torn++) {
		struct scene scene;

		begin(&scene);
		make(&scene);
		scene.file.bytes.data[torn * BOLT_PAGE + 40] ^= 1;
		assert_int_equal(etcd_snapshot_read(buf_slice(&scene.file.bytes), &snapshot,
		    &sentence), ERR_NONE);
		assert_int_equal(snapshot.key_count, 3);
		etcd_snapshot_free(&snapshot);
		scene.file.bytes.data[(1 - torn) * BOLT_PAGE + 40] ^= 1;
		refused(buf_slice(&scene.file.bytes), "it has not the first pages of one");
		end(&scene);
	}
}
