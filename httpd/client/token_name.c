/*
 * token_name.c - see token_name.h.
 */
#include "httpd/client/token_name.h"

static bool
is_token(struct slice text)
{
	for (size_t i = 0; i < text.size; i++)
		if (!((text.data[i] >= '0' && text.data[i] <= '9') ||
		    (text.data[i] >= 'a' && text.data[i] <= 'f')))
			return false;
	return true;
}

bool
token_is_used_by(struct slice key, struct slice *directory)
{
	struct slice registry = SLICE_LITERAL(TOKEN_REGISTRY_KEY);
	struct slice config = SLICE_LITERAL(TOKEN_CONFIG_NAME);
	size_t end = registry.size + TOKEN_DIGITS;
	struct slice rest;

	if (key.size <= end + 1 || !slice_starts_with(key, registry) || key.data[end] != '/' ||
	    !is_token(slice_of(key.data + registry.size, TOKEN_DIGITS)))
		return false;
	rest = slice_of(key.data + end + 1, key.size - end - 1);
	if (slice_starts_with(rest, config) &&
	    (rest.size == config.size || rest.data[config.size] == '/'))
		return false;
	*directory = slice_of(key.data, end);
	return true;
}
