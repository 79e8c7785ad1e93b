/*
 * path.c - keys: canonical form, names in them, what is below and hidden.
 *
 * Pure functions over bytes.
 */
#include "raftd/replica/store/path.h"

bool
path_name_is_canonical(struct slice name)
{
	return name.size > 0 && memchr(name.data, '/', name.size) == NULL &&
	    !slice_equal(name, SLICE_LITERAL(".")) &&
	    !slice_equal(name, SLICE_LITERAL(".."));
}

bool
path_is_canonical(struct slice path)
{
	struct path_names names;
	struct slice name;

	if (path.size == 0 || path.size > PATH_BYTES_MAX || path.data[0] != '/')
		return false;
	names = path_names(path);
	while (path_next(&names, &name))
		if (!path_name_is_canonical(name))
			return false;
	return true;
}

struct path_names
path_names(struct slice path)
{
	const uint8_t *end = path.data + path.size;

	return (struct path_names){ path_is_root(path) ? end : path.data, end };
}

bool
path_next(struct path_names *names, struct slice *name)
{
	const uint8_t *begin, *slash;
	size_t left;

	if (names->at == names->end)
		return false;
	begin = names->at + 1;
	left = (size_t)(names->end - begin);
	slash = left == 0 ? NULL : memchr(begin, '/', left);
	names->at = slash == NULL ? names->end : slash;
	*name = slice_of(begin, (size_t)(names->at - begin));
	return true;
}

bool
path_is_below(struct slice path, struct slice top)
{
	if (path_is_root(top))
		return !path_is_root(path);
	return path.size > top.size && path.data[top.size] == '/' &&
	    slice_starts_with(path, top);
}

bool
path_is_at_or_below(struct slice path, struct slice top)
{
	return slice_equal(path, top) || path_is_below(path, top);
}

size_t
path_last_hidden(struct slice path)
{
	size_t i;

	for (i = path.size; i > 1; i--)
		if (path.data[i - 1] == '_' && path.data[i - 2] == '/')
			return i - 1;
	return 0;
}

struct slice
path_last(struct slice path)
{
	size_t at = path.size;

	while (path.data[at - 1] != '/')
		at--;
	return slice_of(path.data + at, path.size - at);
}

struct slice
path_build(struct buf *path, const void *place,
    const void *(*above)(const void *place, struct slice *name))
{
	const void *at = place, *next;
	struct slice name;
	size_t size = 0;
	uint8_t *end;

	for (; (next = above(at, &name)) != NULL; at = next)
		size += 1 + name.size;
	if (size == 0)
		return SLICE_LITERAL("/");
	buf_clear(path);
	end = buf_reserve(path, size) + size;
	buf_added(path, size);
	for (at = place; (next = above(at, &name)) != NULL; at = next) {
		end -= name.size;
		memcpy(end, name.data, name.size);
		*--end = '/';
	}
	return buf_slice(path);
}

void
path_push(struct buf *path, struct slice name)
{
	buf_append_byte(path, '/');
	buf_append_slice(path, name);
}
