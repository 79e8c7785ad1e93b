/*
 * h2_field.c - see h2_field.h.
 */
#include "httpd/http/h2_field.h"

#include <string.h>

/* Of a token but for upper case (RFC 9110, 5.6.2). */
static bool
is_of_name(uint8_t byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
	    (byte != '\0' && strchr("!#$%&'*+-.^_`|~", byte) != NULL);
}

static bool
name_is_good(struct slice name)
{
	size_t first = name.size > 0 && name.data[0] == ':';

	for (size_t i = first; i < name.size; i++)
		if (!is_of_name(name.data[i]))
			return false;
	return name.size > first;
}

static bool
is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

static bool
value_is_good(struct slice value)
{
	for (size_t i = 0; i < value.size; i++)
		if ((value.data[i] < ' ' && value.data[i] != '\t') || value.data[i] == 0x7f)
			return false;
	return value.size == 0 || (!is_blank(value.data[0]) &&
	    !is_blank(value.data[value.size - 1]));
}

static bool
is_of_connection(struct slice name, struct slice value)
{
	static const char *const names[] = { "connection", "keep-alive", "proxy-connection",
		"transfer-encoding", "upgrade" };

	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		if (slice_equal(name, slice_text(names[i])))
			return true;
	return slice_equal(name, SLICE_LITERAL("te")) &&
	    !slice_equal(value, SLICE_LITERAL("trailers"));
}

bool
h2_field_is_good(struct slice name, struct slice value)
{
	return name_is_good(name) && value_is_good(value) && !is_of_connection(name, value);
}

bool
h2_field_length(struct slice text, size_t *length)
{
	*length = 0;
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		*length = *length > (SIZE_MAX - 10) / 10 ? SIZE_MAX - 1 :
		    *length * 10 + (size_t)(text.data[i] - '0');
	}
	return text.size > 0;
}
