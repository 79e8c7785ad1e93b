/*
 * form.c - escapes (see form.h).
 */
#include "ctl/form.h"

static bool
is_plain(uint8_t byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	    (byte >= '0' && byte <= '9') || (byte != '\0' && strchr("-_.~", byte) != NULL);
}

static void
put_escaped(struct buf *text, uint8_t byte)
{
	static const char digits[] = "0123456789ABCDEF";

	buf_append_byte(text, '%');
	buf_append_byte(text, (uint8_t)digits[byte >> 4]);
	buf_append_byte(text, (uint8_t)digits[byte & 0x0fU]);
}

void
form_key(struct buf *path, struct slice key)
{
	if (key.size == 0 || key.data[0] != '/')
		buf_append_byte(path, '/');
	for (size_t i = 0; i < key.size; i++) {
		if (is_plain(key.data[i]) || key.data[i] == '/')
			buf_append_byte(path, key.data[i]);
		else
			put_escaped(path, key.data[i]);
	}
}

void
form_add(struct buf *form, const char *name, struct slice value)
{
	if (form->size > 0)
		buf_append_byte(form, '&');
	buf_append_text(form, name);
	buf_append_byte(form, '=');
	for (size_t i = 0; i < value.size; i++) {
		if (is_plain(value.data[i]))
			buf_append_byte(form, value.data[i]);
		else if (value.data[i] == ' ')
			buf_append_byte(form, '+');
		else
			put_escaped(form, value.data[i]);
	}
}

void
form_add_u64(struct buf *form, const char *name, uint64_t value)
{
	form_add(form, name, SLICE_EMPTY);
	buf_append_u64(form, value);
}

void
form_add_bool(struct buf *form, const char *name, bool value)
{
	form_add(form, name, slice_text(value ? "true" : "false"));
}

void
form_shell_word(struct buf *line, struct slice text)
{
	bool plain = text.size > 0;

	for (size_t i = 0; i < text.size; i++)
		plain = plain &&
		    (is_plain(text.data[i]) || memchr(":/=,@%+", text.data[i], 7) != NULL);
	if (plain) {
		buf_append_slice(line, text);
		return;
	}
	buf_append_byte(line, '\'');
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] == '\'')
			buf_append_text(line, "'\\''");
		else
			buf_append_byte(line, text.data[i]);
	}
	buf_append_byte(line, '\'');
}
