/*
 * message_fuzz.c - any bytes as frames, as each message and record of
 * message_table.h, and as what another node tells of itself.
 */
#include "tests/fuzz/fuzz.h"

#include "common/condition.h"
#include "common/ipc/message.h"

#include <stdlib.h>

#define CODEC_TABLE "common/ipc/message_table.h"
#define TRY_ALL try_all_records
#include "tests/fuzz/table_fuzz.h"

static void
print(const struct frame *frame)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	ASSERT(out != NULL);
	message_print(out, frame, 4);
	message_print(out, frame, 0);
	fclose(out);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = slice_of(data, size);
	struct condition condition;
	struct frame frame;
	size_t used;

	try_all_records(bytes);
	if (!condition_get(&condition, bytes))
		ASSERT(condition.version[0] == '\0' && condition.restart_count == 0);
	while (frame_parse(bytes, &frame, &used) == ERR_NONE) {
		ASSERT(used <= bytes.size);
		print(&frame);
		try_all_records(frame.payload);
		bytes = slice_of(bytes.data + used, bytes.size - used);
	}
	return 0;
}
