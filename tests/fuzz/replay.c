/*
 * replay.c - main() of a fuzz target in make check: runs it over its corpus,
 * tests/fuzz/corpus/NAME/, over every beginning of each file, and over changed
 * copies of it. The changes come from a fixed seed, so a failure repeats.
 *
 * NAME is the program's own without "_fuzz".
 */
#include "tests/fuzz/fuzz.h"

#include "common/rand.h"
#include "common/xmem.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX ((size_t)1 << 20)
#define BEGINNINGS_MAX ((size_t)4096)
#define CHANGED_COPIES 2000

/* Run over a copy of exactly that size, so that a sanitizer sees a read beyond it. */
static void
run_copy(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = xmalloc(size);

	if (size > 0)
		memcpy(copy, bytes, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void
change(struct rand *rand, uint8_t *bytes, size_t *size)
{
	static const uint8_t edges[] = { 0, 1, 2, 3, 0x7f, 0x80, 0xfe, 0xff };

	for (uint64_t i = 1 + rand_below(rand, 4); i > 0 && *size > 0; i--) {
		size_t at = (size_t)rand_below(rand, *size);
		size_t count = (size_t)rand_below(rand, *size - at);

		switch (rand_below(rand, 4)) {
		case 0:
			bytes[at] = edges[rand_below(rand, sizeof(edges))];
			break;
		case 1:
			bytes[at] ^= (uint8_t)(1U << rand_below(rand, 8));
			break;
		case 2:		/* drop a stretch */
			memmove(bytes + at, bytes + at + count, *size - at - count);
			*size -= count;
			break;
		default:	/* repeat a stretch over another */
			memmove(bytes + rand_below(rand, *size - count + 1), bytes + at, count);
			break;
		}
	}
}

static void
run_file(const char *path)
{
	uint8_t *bytes = xmalloc(FILE_BYTES_MAX), *changed = xmalloc(FILE_BYTES_MAX);
	FILE *file = fopen(path, "rb");
	struct rand rand;
	size_t size;

	if (file == NULL) {
		perror(path);
		exit(1);
	}
	size = fread(bytes, 1, FILE_BYTES_MAX, file);
	fclose(file);
	for (size_t cut = 0; cut < MIN_OF(size, BEGINNINGS_MAX); cut++)
		run_copy(bytes, cut);
	run_copy(bytes, size);
	rand_seed(&rand, 1);
	for (unsigned i = 0; i < CHANGED_COPIES; i++) {
		size_t changed_size = size;

		memcpy(changed, bytes, size);
		change(&rand, changed, &changed_size);
		run_copy(changed, changed_size);
	}
	free(bytes);
	free(changed);
}

int
main(int argc UNUSED, char **argv)
{
	const char *source = getenv("MOOTHALL_SOURCE");
	const char *name = strrchr(argv[0], '/');
	struct dirent **entries;
	unsigned done = 0;
	char *directory, *end;
	int count;

	directory = xasprintf("%s/tests/fuzz/corpus/%s", source == NULL ? "." : source,
	    name == NULL ? argv[0] : name + 1);
	end = strstr(directory, "_fuzz");
	if (end != NULL)
		*end = '\0';
	count = scandir(directory, &entries, NULL, alphasort);
	if (count == -1) {
		perror(directory);
		free(directory);
		return 1;
	}
	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.') {
			char *path = xasprintf("%s/%s", directory, entries[i]->d_name);

			run_file(path);
			printf("ok %u - %s survives %s and %d changed copies\n", ++done, argv[0],
			    entries[i]->d_name, CHANGED_COPIES);
			free(path);
		}
		free(entries[i]);
	}
	free(entries);
	free(directory);
	printf("1..%u\n", done);
	return done == 0 ? 1 : 0;
}
