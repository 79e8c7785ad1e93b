/*
 * node_name.c - see node_name.h.
 */
#include "common/node_name.h"

#include "common/limits.h"
#include "common/xmem.h"

#include <string.h>

#define ALLOWED "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

bool
node_name_valid(struct slice name)
{
	if (name.size == 0 || name.size > NAME_BYTES_MAX || name.data[0] == '_' ||
	    name.data[0] == '.')
		return false;
	for (size_t i = 0; i < name.size; i++)
		if (memchr(ALLOWED, name.data[i], sizeof(ALLOWED) - 1) == NULL)
			return false;
	return true;
}

char *
node_name_problem(const char *name)
{
	if (node_name_valid(slice_text(name)))
		return NULL;
	if (name[0] == '\0')
		return xstrdup("\"\" is empty");
	if (strlen(name) > NAME_BYTES_MAX)
		return xasprintf("\"%.20s...\" is longer than %d bytes", name, NAME_BYTES_MAX);
	if (name[0] == '_' || name[0] == '.')
		return xasprintf("\"%s\" may not start with \"%c\"", name, name[0]);
	return xasprintf("\"%s\" has a character that is not allowed; allowed are letters A-Z and "
	    "a-z, digits, \".\", \"_\" and \"-\"", name);
}
