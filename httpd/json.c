/*
 * json.c - writes JSON into a buffer (see json.h).
 */
#include "httpd/json.h"
#include "common/json_text.h"

#include <stdio.h>

static void
separate(struct json *json)
{
	if (json->comma)
		buf_append_byte(json->out, ',');
	json->comma = true;
}

void
json_open(struct json *json, char bracket)
{
	separate(json);
	buf_append_byte(json->out, (uint8_t)bracket);
	json->comma = false;
}

void
json_close(struct json *json, char bracket)
{
	buf_append_byte(json->out, (uint8_t)bracket);
	json->comma = true;
}

void
json_name(struct json *json, const char *name)
{
	separate(json);
	buf_append_byte(json->out, '"');
	buf_append_text(json->out, name);
	buf_append(json->out, "\":", 2);
	json->comma = false;
}

void
json_name_slice(struct json *json, struct slice name)
{
	separate(json);
	json_text_put(json->out, name);
	buf_append_byte(json->out, ':');
	json->comma = false;
}

void
json_text(struct json *json, struct slice text)
{
	separate(json);
	json_text_put(json->out, text);
}

void
json_number(struct json *json, uint64_t number)
{
	separate(json);
	buf_append_u64(json->out, number);
}

void
json_bool(struct json *json, bool value)
{
	json_raw(json, value ? "true" : "false");
}

void
json_decimal(struct json *json, double number, unsigned digits)
{
	char text[64];
	int size = snprintf(text, sizeof(text), "%.*f", (int)digits, number);

	while (digits > 0 && text[size - 1] == '0')
		size--;
	if (text[size - 1] == '.')
		size--;
	separate(json);
	buf_append(json->out, text, (size_t)size);
}

void
json_raw(struct json *json, const char *text)
{
	separate(json);
	buf_append_text(json->out, text);
}
