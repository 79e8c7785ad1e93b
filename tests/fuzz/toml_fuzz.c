/*
 * toml_fuzz.c - any bytes as a file of options: what is read is of the kind it
 * says, and written again it is read alike.
 */
#include "tests/fuzz/fuzz.h"

#include "common/buf.h"
#include "common/xmem.h"
#include "supervisor/toml.h"

#include <stdlib.h>

/* A text so that it is read back. */
static void
write_text(const char *text, struct buf *out)
{
	static const char bytes[] = "\b\t\n\f\r\"\\", names[] = "btnfr\"\\";

	buf_append_byte(out, '"');
	for (; *text != '\0'; text++) {
		const char *found = strchr(bytes, *text);

		if (found != NULL)
			buf_append_byte(out, '\\');
		buf_append_byte(out, (uint8_t)(found != NULL ? names[found - bytes] : *text));
	}
	buf_append_byte(out, '"');
}

static void
write_entry(const struct toml_entry *entry, size_t table_size, struct buf *out)
{
	if (entry->kind == TOML_TABLE) {
		buf_printf(out, "[%s]\n", entry->key);
		return;
	}
	buf_printf(out, "%s = %s", entry->key + table_size, entry->is_array ? "[" : "");
	for (size_t i = 0; i < entry->count; i++) {
		if (entry->kind == TOML_TEXT)
			write_text(entry->values[i], out);
		else
			buf_append_text(out, entry->values[i]);
		if (entry->is_array)
			buf_append_byte(out, ',');
	}
	buf_printf(out, "%s\n", entry->is_array ? "]" : "");
}

static void
check_entry(const struct toml_entry *entry)
{
	ASSERT(entry->key[0] != '\0' && entry->line > 0);
	ASSERT(entry->is_array || entry->count == (entry->kind == TOML_TABLE ? 0U : 1U));
	for (size_t i = 0; i < entry->count; i++) {
		const char *value = entry->values[i];

		if (entry->kind == TOML_INTEGER)
			ASSERT(value[strspn(value, "-0123456789")] == '\0');
		else if (entry->kind == TOML_FLOAT)
			ASSERT(value[strspn(value, "+-0123456789.eE")] == '\0');
		else if (entry->kind == TOML_BOOL)
			ASSERT(strcmp(value, "true") == 0 || strcmp(value, "false") == 0);
	}
}

static void
check_same(const struct toml_entry *one, const struct toml_entry *other)
{
	ASSERT(strcmp(one->key, other->key) == 0);
	ASSERT(one->kind == other->kind && one->is_array == other->is_array);
	ASSERT(one->count == other->count);
	for (size_t i = 0; i < one->count; i++)
		ASSERT(strcmp(one->values[i], other->values[i]) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf written = BUF_INIT;
	struct toml toml, again;
	size_t table_size = 0;
	char *problem;
	unsigned line;

	if (toml_read(slice_of(data, size), &toml, &line, &problem) != ERR_NONE) {
		ASSERT(line > 0 && problem[0] != '\0');
		free(problem);
		return 0;
	}
	for (size_t i = 0; i < toml.count; i++) {
		check_entry(&toml.entries[i]);
		write_entry(&toml.entries[i], table_size, &written);
		if (toml.entries[i].kind == TOML_TABLE)
			table_size = strlen(toml.entries[i].key) + 1;
	}
	MUST(toml_read(buf_slice(&written), &again, &line, &problem) == ERR_NONE);
	ASSERT(again.count == toml.count);
	for (size_t i = 0; i < toml.count; i++)
		check_same(&toml.entries[i], &again.entries[i]);
	toml_free(&toml);
	toml_free(&again);
	buf_free(&written);
	return 0;
}
