/*
 * json_put.c - writes JSON into a buffer (see json_put.h).
 */
#include "common/json_put.h"

#include "common/json_text.h"

#include <inttypes.h>
#include <stdio.h>

static void
separate(struct json_put *json)
{
	if (json->comma)
		buf_append_byte(json->out, ',');
	json->comma = true;
}

/* What stands before a value. */
static void
begin(struct json_put *json, const char *name)
{
	separate(json);
	if (name == NULL)
		return;
	buf_append_byte(json->out, '"');
	buf_append_text(json->out, name);
	buf_append(json->out, "\":", 2);
}

void
json_put_open(struct json_put *json, const char *name, char bracket)
{
	begin(json, name);
	buf_append_byte(json->out, (uint8_t)bracket);
	json->comma = false;
}

void
json_put_close(struct json_put *json, char bracket)
{
	buf_append_byte(json->out, (uint8_t)bracket);
	json->comma = true;
}

void
json_put_name(struct json_put *json, const char *name)
{
	begin(json, name);
	json->comma = false;
}

void
json_put_name_slice(struct json_put *json, struct slice name)
{
	separate(json);
	json_text_put(json->out, name);
	buf_append_byte(json->out, ':');
	json->comma = false;
}

void
json_put_text(struct json_put *json, const char *name, struct slice text)
{
	begin(json, name);
	json_text_put(json->out, text);
}

void
json_put_number(struct json_put *json, const char *name, uint64_t number)
{
	begin(json, name);
	buf_append_u64(json->out, number);
}

void
json_put_bool(struct json_put *json, const char *name, bool value)
{
	json_put_raw(json, name, value ? "true" : "false");
}

void
json_put_id(struct json_put *json, const char *name, uint64_t id)
{
	begin(json, name);
	buf_printf(json->out, "\"%016" PRIx64 "\"", id);
}

void
json_put_decimal(struct json_put *json, const char *name, double number, unsigned digits)
{
	char text[64];
	int size = snprintf(text, sizeof(text), "%.*f", (int)digits, number);

	while (digits > 0 && text[size - 1] == '0')
		size--;
	if (text[size - 1] == '.')
		size--;
	begin(json, name);
	buf_append(json->out, text, (size_t)size);
}

void
json_put_ms(struct json_put *json, const char *name, uint64_t ns)
{
	begin(json, name);
	buf_printf(json->out, "%" PRIu64 ".%03" PRIu64, ns / 1000000, ns / 1000 % 1000);
}

void
json_put_raw(struct json_put *json, const char *name, const char *text)
{
	begin(json, name);
	buf_append_text(json->out, text);
}
