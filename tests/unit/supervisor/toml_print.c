/*
 * toml_print.c - no test by itself: reads files as the supervisor does and says
 * what it found, for tests/integration/test_toml.py.
 *
 * For each file, one line "refused LINE SENTENCE", or one for each entry,
 * "KEY KIND is_array HEX HEX ...", then "end".
 */
#include "common/buf.h"
#include "common/xmem.h"
#include "supervisor/toml.h"

#include <stdio.h>
#include <stdlib.h>

static void
print_entry(const struct toml_entry *entry)
{
	static const char *const kinds[] = { "text", "integer", "float", "bool", "table" };

	printf("%s %s %d", entry->key, kinds[entry->kind], entry->is_array ? 1 : 0);
	for (size_t i = 0; i < entry->count; i++) {
		printf(" x");
		for (const char *at = entry->values[i]; *at != '\0'; at++)
			printf("%02x", (unsigned)(unsigned char)*at);
	}
	printf("\n");
}

static void
print_text(struct slice text)
{
	struct toml toml;
	char *problem;
	unsigned line;

	if (toml_read(text, &toml, &line, &problem) != ERR_NONE) {
		printf("refused %u %s\n", line, problem);
		free(problem);
		return;
	}
	for (size_t i = 0; i < toml.count; i++)
		print_entry(&toml.entries[i]);
	printf("end\n");
	toml_free(&toml);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "re");
		struct buf text = BUF_INIT;
		char piece[4096];
		size_t size;

		if (file == NULL)
			return EXIT_USAGE;
		while ((size = fread(piece, 1, sizeof(piece), file)) > 0)
			buf_append(&text, piece, size);
		fclose(file);
		print_text(buf_slice(&text));
		buf_free(&text);
	}
	return EXIT_STOPPED;
}
