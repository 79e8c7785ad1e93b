/*
 * bolt_file.c - see bolt_file.h.
 */
#include "tests/unit/ctl/bolt_file.h"

#include <openssl/sha.h>
#include <string.h>

void
bolt_put_number(struct buf *out, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		buf_append_byte(out, (uint8_t)(value >> (8 * i)));
}

static void
fill(struct buf *out)
{
	while (out->size % BOLT_PAGE != 0)
		buf_append_byte(out, 0);
}

void
bolt_file_begin(struct bolt_file *file)
{
	*file = (struct bolt_file){ .bytes = BUF_INIT };
	for (unsigned i = 0; i < 2; i++) {
		buf_append_byte(&file->bytes, 0);
		fill(&file->bytes);
	}
}

static void
put_page(struct buf *out, uint64_t number, unsigned kind, const struct bolt_item *items,
    size_t count)
{
	size_t behind = 16 * count, all = 16 + behind;

	for (size_t i = 0; i < count; i++)
		all += items[i].key.size + items[i].value.size;
	bolt_put_number(out, number, 8);
	bolt_put_number(out, kind, 2);
	bolt_put_number(out, count, 2);
	bolt_put_number(out, (all - 1) / BOLT_PAGE, 4);
	for (size_t i = 0; i < count; i++) {
		const struct bolt_item *item = &items[i];

		if (kind == 2)
			bolt_put_number(out, item->is_bucket, 4);
		bolt_put_number(out, behind - 16 * i, 4);
		bolt_put_number(out, item->key.size, 4);
		bolt_put_number(out, kind == 2 ? item->value.size : item->child,
		    kind == 2 ? 4 : 8);
		behind += item->key.size + item->value.size;
	}
	for (size_t i = 0; i < count; i++) {
		buf_append_slice(out, items[i].key);
		buf_append_slice(out, items[i].value);
	}
}

uint64_t
bolt_file_page(struct bolt_file *file, unsigned kind, const struct bolt_item *items, size_t count)
{
	uint64_t number = file->bytes.size / BOLT_PAGE;

	put_page(&file->bytes, number, kind, items, count);
	fill(&file->bytes);
	return number;
}

void
bolt_bucket(struct buf *value, uint64_t root)
{
	bolt_put_number(value, root, 8);
	bolt_put_number(value, 0, 8);
}

void
bolt_small_bucket(struct buf *value, const struct bolt_item *items, size_t count)
{
	bolt_bucket(value, 0);
	put_page(value, 0, 2, items, count);
}

void
bolt_file_end(struct bolt_file *file, uint64_t root)
{
	for (unsigned i = 0; i < 2; i++) {
		uint64_t hash = UINT64_C(0xcbf29ce484222325);
		struct buf page = BUF_INIT;

		bolt_put_number(&page, i, 8);
		bolt_put_number(&page, 4, 8);
		bolt_put_number(&page, 0xed0cdaed, 4);
		bolt_put_number(&page, 2, 4);
		bolt_put_number(&page, BOLT_PAGE, 4);
		bolt_put_number(&page, 0, 4);
		bolt_bucket(&page, root);
		bolt_put_number(&page, 2, 8);
		bolt_put_number(&page, file->bytes.size / BOLT_PAGE, 8);
		bolt_put_number(&page, 10 + i, 8);
		for (size_t at = 16; at < page.size; at++)
			hash = (hash ^ page.data[at]) * UINT64_C(0x100000001b3);
		bolt_put_number(&page, hash, 8);
		memcpy(file->bytes.data + i * (size_t)BOLT_PAGE, page.data, page.size);
		buf_free(&page);
	}
}

void
bolt_file_sum(struct bolt_file *file)
{
	uint8_t sum[SHA256_DIGEST_LENGTH];

	(void)SHA256(file->bytes.data, file->bytes.size, sum);
	buf_append(&file->bytes, sum, sizeof(sum));
}
