/*
 * trace.c - frames as lines of the log (see trace.h).
 */
#include "common/ipc/trace.h"

#include "common/diag.h"
#include "common/ipc/message.h"
#include "common/limits.h"

#include <inttypes.h>
#include <stdlib.h>

bool
trace_wanted(void)
{
	return diag_enabled(DIAG_TRACE, "ipc");
}

static void
print_head(FILE *out, const struct frame *frame)
{
	if (message_is_peer(frame->type))
		fprintf(out, " node=%016" PRIx64, frame->request_id);
	else
		fprintf(out, " id=%" PRIu64, frame->request_id);
	if ((frame->flags & FRAME_MORE) != 0)
		fputs(" more", out);
	if ((frame->flags & FRAME_AGAIN) != 0)
		fputs(" again", out);
	fprintf(out, " bytes=%zu ", FRAME_HEADER_BYTES + frame->payload.size);
}

void
trace_frame(const char *way, const char *other, const struct frame *frame)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return;
	fprintf(out, "%s %s:", way, other);
	print_head(out, frame);
	message_print(out, frame, diag_keys() ? TRACE_BYTES_MAX : 0);
	if (fclose(out) == 0)
		diag_trace("ipc", text);
	free(text);
}

void
trace_batch(const char *way, const char *other, struct slice frames, struct slice tail)
{
	struct buf whole = BUF_INIT;
	struct frame frame;
	size_t used;

	while (frame_parse(frames, &frame, &used) == ERR_NONE) {
		trace_frame(way, other, &frame);
		frames = slice_of(frames.data + used, frames.size - used);
	}
	if (tail.size > 0) {
		buf_append_slice(&whole, frames);
		buf_append_slice(&whole, tail);
		if (frame_parse(buf_slice(&whole), &frame, &used) == ERR_NONE)
			trace_frame(way, other, &frame);
		buf_free(&whole);
	}
}
