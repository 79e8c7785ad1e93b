/*
 * field_list.c - see field_list.h.
 */
#include "common/field_list.h"

#include <string.h>

static bool
is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

static struct slice
trim(struct slice text)
{
	while (text.size > 0 && is_blank(text.data[0]))
		text = slice_of(text.data + 1, text.size - 1);
	while (text.size > 0 && is_blank(text.data[text.size - 1]))
		text.size--;
	return text;
}

struct slice
field_list_next(struct slice *rest, char mark)
{
	const uint8_t *end = rest->size == 0 ? NULL : memchr(rest->data, mark, rest->size);
	size_t size = end == NULL ? rest->size : (size_t)(end - rest->data);
	struct slice item = slice_of(rest->data, size);

	size += end == NULL ? 0 : 1;
	*rest = slice_of(rest->data + size, rest->size - size);
	return trim(item);
}
