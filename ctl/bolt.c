/*
 * bolt.c - see bolt.h.
 */
#include "ctl/bolt.h"

#include <stdlib.h>

#define MAGIC UINT32_C(0xed0cdaed)
#define VERSION 2
#define PAGE_BYTES_MIN 512
#define PAGE_BYTES_MAX 65536
#define DEPTH_MAX 64

/* Of a page: id u64, flags u16, count u16, overflow u32. */
#define HEADER_BYTES 16
#define ELEMENT_BYTES 16
#define IS_BRANCH 0x01
#define IS_LEAF 0x02
#define IS_META 0x04
/* Of a meta page, behind the header. */
#define META_PAGE_SIZE 8
#define META_ROOT 16
#define META_TRANSACTION 48
#define META_CHECKSUM 56
#define META_BYTES 64
/* Of an element of a leaf. */
#define IS_BUCKET 0x01
#define BUCKET_BYTES 16			/* root u64, sequence u64 */

static uint64_t
number(const uint8_t *at, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

static enum err
wrong(struct bolt *bolt, const char *why)
{
	bolt->why = why;
	return ERR_MALFORMED;
}

/* ---- where it begins ------------------------------ */

static uint64_t
fnv(struct slice bytes)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < bytes.size; i++)
		hash = (hash ^ bytes.data[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* The meta page that begins there; false: there is none that is whole. */
static bool
meta_at(struct slice file, uint64_t at, uint64_t *page_bytes, uint64_t *root, uint64_t *transaction)
{
	const uint8_t *page = file.data + at, *meta = page + HEADER_BYTES;

	if (at > file.size || file.size - at < HEADER_BYTES + META_BYTES)
		return false;
	*page_bytes = number(meta + META_PAGE_SIZE, 4);
	*root = number(meta + META_ROOT, 8);
	*transaction = number(meta + META_TRANSACTION, 8);
	return (number(page + 8, 2) & IS_META) != 0 && number(meta, 4) == MAGIC &&
	    number(meta + 4, 4) == VERSION && *page_bytes >= PAGE_BYTES_MIN &&
	    *page_bytes <= PAGE_BYTES_MAX && (*page_bytes & (*page_bytes - 1)) == 0 &&
	    fnv(slice_of(meta, META_CHECKSUM)) == number(meta + META_CHECKSUM, 8);
}

/* The first may be the one that is torn: then the second is where its own size says. */
enum err
bolt_open(struct slice file, struct bolt *bolt)
{
	uint64_t page_bytes, root, transaction, newest = 0;
	bool found = false;

	*bolt = (struct bolt){ .file = file };
	for (uint64_t at = 0; at <= PAGE_BYTES_MAX; at = at == 0 ? PAGE_BYTES_MIN : 2 * at) {
		if (!meta_at(file, at, &page_bytes, &root, &transaction) ||
		    (at != 0 && at != page_bytes) || (found && transaction <= newest))
			continue;
		found = true;
		newest = transaction;
		bolt->page_bytes = page_bytes;
		bolt->root = root;
	}
	if (!found)
		return wrong(bolt, "it has not the first pages of one");
	bolt->pages = file.size / bolt->page_bytes;
	return ERR_NONE;
}

/* ---- pages ------------------------------ */

struct bolt_page {
	struct slice bytes;		/* with its overflow; a small bucket is in a leaf */
	unsigned flags;
	size_t count;
};

struct bolt_element {
	struct slice key, value;
	bool is_bucket;
	uint64_t child;			/* of a branch */
};

/* One tree that is gone through. */
struct bolt_walking {
	struct bolt *bolt;
	bool (*take)(void *argument, struct slice key, struct slice value);
	void *argument;
	struct slice last;		/* key that was given last */
	uint64_t visited, given;
	bool ended;
};

static enum err
page_take(struct bolt *bolt, struct slice bytes, struct bolt_page *page)
{
	if (bytes.size < HEADER_BYTES)
		return wrong(bolt, "a page is cut off");
	*page = (struct bolt_page){ .bytes = bytes, .flags = (unsigned)number(bytes.data + 8, 2),
		.count = number(bytes.data + 10, 2) };
	if ((bytes.size - HEADER_BYTES) / ELEMENT_BYTES < page->count)
		return wrong(bolt, "a page has more elements than room");
	if (page->flags != IS_BRANCH && page->flags != IS_LEAF)
		return wrong(bolt, "a page is of another kind than where it stands");
	return ERR_NONE;
}

static enum err
page_get(struct bolt *bolt, uint64_t id, struct bolt_page *page)
{
	const uint8_t *at;
	uint64_t more;

	if (id < 2 || id >= bolt->pages)
		return wrong(bolt, "a page is not in the file");
	at = bolt->file.data + id * bolt->page_bytes;
	more = number(at + 12, 4);
	if (number(at, 8) != id)
		return wrong(bolt, "a page is another one");
	if (more >= bolt->pages - id)
		return wrong(bolt, "a page is cut off");
	return page_take(bolt, slice_of(at, (size_t)((1 + more) * bolt->page_bytes)), page);
}

/* size bytes that begin so far behind at. */
static bool
part_of(const struct bolt_page *page, size_t at, uint64_t behind, uint64_t size, struct slice *part)
{
	uint64_t room = page->bytes.size - at;

	if (behind > room || size > room - behind)
		return false;
	*part = slice_of(page->bytes.data + at + behind, (size_t)size);
	return true;
}

static enum err
element_get(struct bolt *bolt, const struct bolt_page *page, size_t i, struct bolt_element *element)
{
	size_t at = HEADER_BYTES + i * ELEMENT_BYTES;
	const uint8_t *head = page->bytes.data + at;
	uint64_t behind, key_size;

	*element = (struct bolt_element){ .is_bucket = false };
	if (page->flags == IS_BRANCH) {
		element->child = number(head + 8, 8);
		if (part_of(page, at, number(head, 4), number(head + 4, 4), &element->key))
			return ERR_NONE;
	} else {
		behind = number(head + 4, 4);
		key_size = number(head + 8, 4);
		element->is_bucket = (number(head, 4) & IS_BUCKET) != 0;
		if (part_of(page, at, behind, key_size, &element->key) &&
		    part_of(page, at, behind + key_size, number(head + 12, 4),
		    &element->value))
			return ERR_NONE;
	}
	return wrong(bolt, "an element is not in its page");
}

/* ---- trees ------------------------------ */

static enum err
give(struct bolt_walking *walk, const struct bolt_element *element)
{
	if (walk->given > 0 && slice_compare(walk->last, element->key) >= 0)
		return wrong(walk->bolt, "keys are not in order");
	if (++walk->given > walk->bolt->file.size / ELEMENT_BYTES)
		return wrong(walk->bolt, "it has more keys than room");
	walk->last = element->key;
	if (!element->is_bucket)
		walk->ended = !walk->take(walk->argument, element->key, element->value);
	return ERR_NONE;
}

static enum err walk_page(struct bolt_walking *walk, const struct bolt_page *page, unsigned depth);

static enum err
walk_child(struct bolt_walking *walk, uint64_t id, unsigned depth)
{
	struct bolt_page page;
	enum err err = page_get(walk->bolt, id, &page);

	if (err != ERR_NONE)
		return err;
	if (depth == DEPTH_MAX || ++walk->visited > walk->bolt->pages)
		return wrong(walk->bolt, "a tree of pages goes in circles");
	return walk_page(walk, &page, depth);
}

static enum err
walk_page(struct bolt_walking *walk, const struct bolt_page *page, unsigned depth)
{
	for (size_t i = 0; i < page->count && !walk->ended; i++) {
		struct bolt_element element;
		enum err err = element_get(walk->bolt, page, i, &element);

		if (err == ERR_NONE)
			err = page->flags == IS_BRANCH ?
			    walk_child(walk, element.child, depth + 1) :
			    give(walk, &element);
		if (err != ERR_NONE)
			return err;
	}
	return ERR_NONE;
}

/* The value of a key that is a bucket, in the tree of buckets. */
struct bolt_wanted {
	struct slice name;
	struct slice value;
	bool found;
};

/* The tree of buckets is small: all of it is looked at. */
static enum err
find_bucket(struct bolt *bolt, uint64_t id, unsigned depth, uint64_t *visited,
    struct bolt_wanted *wanted)
{
	struct bolt_page page;
	enum err err = page_get(bolt, id, &page);

	if (err == ERR_NONE && (depth == DEPTH_MAX || ++*visited > bolt->pages))
		err = wrong(bolt, "a tree of pages goes in circles");
	for (size_t i = 0; err == ERR_NONE && i < page.count && !wanted->found; i++) {
		struct bolt_element element;

		err = element_get(bolt, &page, i, &element);
		if (err != ERR_NONE)
			return err;
		if (page.flags == IS_BRANCH) {
			err = find_bucket(bolt, element.child, depth + 1, visited, wanted);
		} else if (element.is_bucket && slice_equal(element.key, wanted->name)) {
			wanted->found = true;
			wanted->value = element.value;
		}
	}
	return err;
}

enum err
bolt_walk(struct bolt *bolt, const char *bucket,
    bool (*take)(void *argument, struct slice key, struct slice value), void *argument)
{
	struct bolt_wanted wanted = { .name = slice_text(bucket) };
	struct bolt_walking walk = { .bolt = bolt, .take = take, .argument = argument };
	uint64_t visited = 0, root;
	struct bolt_page page;
	enum err err = find_bucket(bolt, bolt->root, 0, &visited, &wanted);

	if (err != ERR_NONE)
		return err;
	if (!wanted.found)
		return ERR_NOT_FOUND;
	if (wanted.value.size < BUCKET_BYTES)
		return wrong(bolt, "a bucket is cut off");
	root = number(wanted.value.data, 8);
	if (root != 0)
		return walk_child(&walk, root, 0);
	err = page_take(bolt, slice_of(wanted.value.data + BUCKET_BYTES,
	    wanted.value.size - BUCKET_BYTES), &page);
	if (err == ERR_NONE && page.flags != IS_LEAF)
		err = wrong(bolt, "a small bucket is no leaf");
	return err == ERR_NONE ? walk_page(&walk, &page, 0) : err;
}
