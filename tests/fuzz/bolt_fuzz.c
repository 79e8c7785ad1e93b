/*
 * bolt_fuzz.c - any bytes as a file of etcd 3: what is read of it lies in it, each key once and
 * in order.
 */
#include "tests/fuzz/fuzz.h"

#include "ctl/etcd_snapshot.h"

#include <stdlib.h>

static void
check_inside(struct slice file, struct slice part)
{
	if (part.size == 0)
		return;
	ASSERT(part.data >= file.data);
	ASSERT(part.data + part.size <= file.data + file.size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice file = slice_of(data, size);
	struct etcd_snapshot snapshot;
	char *sentence = NULL;

	if (etcd_snapshot_read(file, &snapshot, &sentence) != ERR_NONE) {
		ASSERT(sentence != NULL);
		free(sentence);
		return 0;
	}
	ASSERT(snapshot.key_count <= size / 16);
	for (size_t i = 0; i < snapshot.key_count; i++) {
		check_inside(file, snapshot.keys[i].name);
		check_inside(file, snapshot.keys[i].value);
		ASSERT(i == 0 ||
		    slice_compare(snapshot.keys[i - 1].name, snapshot.keys[i].name) < 0);
	}
	etcd_snapshot_free(&snapshot);
	return 0;
}
