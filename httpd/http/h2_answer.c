/*
 * h2_answer.c - the answers of a connection of HTTP/2 (see h2_stream.h).
 *
 * A head is made of the lines that HTTP/1.1 would send, but for their names, which are in lower
 * case here. Bytes of a body wait in the stream's queue; the library asks how many there are for
 * a frame (read_answer) and has them put behind the frame's head (h2_send_data).
 */
#include "httpd/http/h2_answer.h"

#include "common/xmem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define STATUS_BYTES 12

/* ---- heads --------------------------------------------------------------------------- */

/* "Name: value" and the end of a line, any number of them, as the library has them. The names
 * are written over. */
struct fields {
	nghttp2_nv *list;
	size_t count;
};

/* HTTP/2 has what these say in its frames. */
static bool
is_of_connection(struct slice name)
{
	static const char *const names[] = { "connection", "keep-alive", "transfer-encoding",
		"upgrade" };

	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		if (slice_equal(name, slice_text(names[i])))
			return true;
	return false;
}

static void
add_field(struct fields *fields, uint8_t *line, size_t size)
{
	uint8_t *colon = memchr(line, ':', size);
	size_t name_size;

	ASSERT(colon != NULL);
	name_size = (size_t)(colon - line);
	for (size_t i = 0; i < name_size; i++)
		line[i] = (uint8_t)tolower(line[i]);
	if (is_of_connection(slice_of(line, name_size)))
		return;
	colon++;
	while (colon < line + size && *colon == ' ')
		colon++;
	fields->list[fields->count++] = (nghttp2_nv){ .name = line, .namelen = name_size,
		.value = colon, .valuelen = size - (size_t)(colon - line) };
}

static void
add_lines(struct fields *fields, struct buf *lines)
{
	uint8_t *line = lines->data, *end = lines->data + lines->size;

	while (line < end) {
		uint8_t *line_feed = memchr(line, '\n', (size_t)(end - line));

		ASSERT(line_feed != NULL && line_feed > line && line_feed[-1] == '\r');
		add_field(fields, line, (size_t)(line_feed - line) - 1);
		line = line_feed + 1;
	}
}

static struct fields
fields_of(struct buf *lines)
{
	struct fields fields = { .count = 0 };
	size_t most = 1;		/* and the status */

	for (size_t i = 0; i < lines->size; i++)
		most += lines->data[i] == '\n' ? 1 : 0;
	fields.list = xmalloc(most * sizeof(fields.list[0]));
	return fields;
}

static void
put_line(struct buf *lines, const char *name, const char *value)
{
	buf_append_text(lines, name);
	buf_append(lines, ": ", 2);
	buf_append_text(lines, value);
	buf_append(lines, "\r\n", 2);
}

/* All lines of the answer's head. */
static struct buf
lines_of(struct request *request, unsigned status, const char *content_type, size_t size)
{
	struct conn *conn = request->conn;
	struct buf lines = BUF_INIT;

	if (status < 200)
		return lines;
	put_line(&lines, "date", server_date(conn->server));
	if (content_type != NULL)
		put_line(&lines, "content-type", content_type);
	buf_append_slice(&lines, buf_slice(&request->lines));
	conn->owner->put_lines(request, &lines);
	if (size != SIZE_MAX && status != 204 && status != 304) {
		buf_append_text(&lines, "content-length: ");
		buf_append_u64(&lines, size);
		buf_append(&lines, "\r\n", 2);
	}
	return lines;
}

/* ---- bodies -------------------------------------------------------------------------- */

static void
submit_trailers(struct h2_stream *stream)
{
	struct fields fields = fields_of(&stream->trailers);

	add_lines(&fields, &stream->trailers);
	/* It fails if the stream is over, and then nobody waits for them. */
	(void)nghttp2_submit_trailer(stream->h2->session, stream->id, fields.list, fields.count);
	free(fields.list);
	buf_free(&stream->trailers);
}

/* How many bytes of the body may stand in a frame of at most length. */
static ssize_t
read_answer(nghttp2_session *session UNUSED, int32_t id UNUSED, uint8_t *data UNUSED, size_t length,
    uint32_t *flags, nghttp2_data_source *source, void *user UNUSED)
{
	struct h2_stream *stream = source->ptr;
	size_t left = outqueue_size(&stream->out);
	size_t size = MIN_OF(left, length);

	if (size == 0 && stream->cut)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (size == 0 && !stream->ended) {
		stream->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (stream->ended && !stream->cut && size == left) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		if (stream->trailers.size > 0) {
			*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
			submit_trailers(stream);
		}
	}
	return (ssize_t)size;
}

static void
move_bytes(struct outqueue *to, struct outqueue *from, size_t size)
{
	struct iovec piece;

	while (size > 0 && outqueue_pieces(from, &piece, 1) == 1) {
		size_t part = MIN_OF(piece.iov_len, size);

		buf_append(outqueue_tail(to), piece.iov_base, part);
		outqueue_consume(from, part);
		size -= part;
	}
}

int
h2_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t length,
    nghttp2_data_source *source UNUSED, void *user)
{
	struct h2 *h2 = user;
	struct h2_stream *stream =
	    nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	/* What it had to send went with it. */
	if (stream == NULL || outqueue_size(&stream->out) < length)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (outqueue_size(&h2->conn->out) >= H2_WRITE_BYTES)
		return NGHTTP2_ERR_WOULDBLOCK;
	buf_append(outqueue_tail(&h2->conn->out), head, H2_FRAME_HEAD_BYTES);
	move_bytes(&h2->conn->out, &stream->out, length);
	stream->sent = true;
	h2_stream_touch(stream);
	return 0;
}

/* ---- rows of struct protocol ------------------------------------------------------------- */

void
h2_head(struct request *request, unsigned status, const char *content_type, size_t size,
    bool has_body)
{
	struct h2_stream *stream = request->stream;
	nghttp2_data_provider provider = { .source.ptr = stream, .read_callback = read_answer };
	struct buf lines = lines_of(request, status, content_type, size);
	struct fields fields = fields_of(&lines);
	char text[STATUS_BYTES];

	snprintf(text, sizeof(text), "%u", status);
	fields.list[fields.count++] = (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)":status",
		.namelen = 7, .value = (uint8_t *)text, .valuelen = strlen(text) };
	add_lines(&fields, &lines);
	request->bytes_out += lines.size;
	/* Either fails if the stream is over, and then nobody waits for it. */
	if (status < 200)
		(void)nghttp2_submit_headers(stream->h2->session, NGHTTP2_FLAG_NONE, stream->id,
		    NULL, fields.list, fields.count, NULL);
	else
		(void)nghttp2_submit_response(stream->h2->session, stream->id, fields.list,
		    fields.count, has_body ? &provider : NULL);
	free(fields.list);
	buf_free(&lines);
	if (status >= 200)
		h2_stream_begun(stream);
	h2_stream_touch(stream);
}

struct outqueue *
h2_queue(const struct request *request)
{
	return &request->stream->out;
}

void
h2_touch(const struct request *request)
{
	h2_stream_touch(request->stream);
}

void
h2_complete(struct request *request)
{
	struct h2_stream *stream = request->stream;

	if (request->streaming) {
		stream->trailers = request->lines;
		request->lines = (struct buf)BUF_INIT;
	}
	stream->ended = true;
	h2_stream_answered(stream);
}

void
h2_abort(struct request *request)
{
	struct h2_stream *stream = request->stream;

	stream->cut = true;
	stream->ended = true;
	h2_stream_answered(stream);
}
