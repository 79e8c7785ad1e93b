/*
 * url_list.c - see url_list.h.
 */
#include "common/url_list.h"

#include <string.h>
#include <strings.h>

bool
url_list_next(struct slice *rest, struct slice *url)
{
	const uint8_t *comma;
	size_t size;

	if (rest->size == 0)
		return false;
	comma = memchr(rest->data, ',', rest->size);
	size = comma == NULL ? rest->size : (size_t)(comma - rest->data);
	*url = slice_of(rest->data, size);
	size = MIN_OF(size + 1, rest->size);
	*rest = slice_of(rest->data + size, rest->size - size);
	return true;
}

struct slice
url_list_first(struct slice list)
{
	struct slice url = SLICE_EMPTY;

	(void)url_list_next(&list, &url);
	return url;
}

bool
url_list_first_is(struct slice list, struct slice url)
{
	struct slice first = url_list_first(list);

	return first.size == url.size && (url.size == 0 ||
	    strncasecmp((const char *)first.data, (const char *)url.data, url.size) == 0);
}

static bool
has(struct slice list, struct slice wanted)
{
	struct slice url;

	while (url_list_next(&list, &url))
		if (slice_equal(url, wanted))
			return true;
	return false;
}

bool
url_list_shares(struct slice one, struct slice other)
{
	struct slice url;

	while (url_list_next(&one, &url))
		if (has(other, url))
			return true;
	return false;
}

bool
url_list_same(struct slice one, struct slice other)
{
	struct slice rest = one, url;

	while (url_list_next(&rest, &url))
		if (!has(other, url))
			return false;
	while (url_list_next(&other, &url))
		if (!has(one, url))
			return false;
	return true;
}
