/*
 * h2_client.c - a client of HTTP/2 in a test (see h2_client.h).
 */
#include "tests/lib/h2_client.h"

#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
    size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags UNUSED,
    void *user UNUSED)
{
	struct h2_answer *answer =
	    nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	if (answer == NULL)
		return 0;
	if (name_size == 7 && memcmp(name, ":status", 7) == 0)
		answer->status = (unsigned)atoi((const char *)value);
	buf_append(&answer->fields, name, name_size);
	buf_append_text(&answer->fields, ": ");
	buf_append(&answer->fields, value, value_size);
	buf_append(&answer->fields, "\n", 2);
	answer->fields.size--;
	return 0;
}

static int
on_data(nghttp2_session *session, uint8_t flags UNUSED, int32_t id, const uint8_t *data,
    size_t size, void *user UNUSED)
{
	struct h2_answer *answer = nghttp2_session_get_stream_user_data(session, id);

	if (answer != NULL)
		buf_append(&answer->body, data, size);
	return 0;
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2_client *client = user;
	struct h2_answer *answer =
	    nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	if (frame->hd.type == NGHTTP2_GOAWAY) {
		client->goaways++;
		client->goaway_code = frame->goaway.error_code;
	}
	if (answer != NULL && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
	    (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS))
		answer->ended = true;
	return 0;
}

static int
on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user UNUSED)
{
	struct h2_answer *answer = nghttp2_session_get_stream_user_data(session, id);

	if (answer != NULL && !answer->ended) {
		answer->reset = true;
		answer->code = code;
	}
	return 0;
}

static ssize_t
read_upload(nghttp2_session *session UNUSED, int32_t id UNUSED, uint8_t *data, size_t room,
    uint32_t *flags, nghttp2_data_source *source, void *user UNUSED)
{
	struct h2_answer *answer = source->ptr;
	size_t size = MIN_OF(room, answer->upload.size);

	if (size == 0 && !answer->upload_ends)
		return NGHTTP2_ERR_DEFERRED;
	if (size > 0)
		memcpy(data, answer->upload.data, size);
	buf_consume(&answer->upload, size);
	if (answer->upload.size == 0 && answer->upload_ends)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)size;
}

void
h2_client_open(struct h2_client *client, int fd, uint32_t window)
{
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window },
	};
	nghttp2_session_callbacks *callbacks;

	*client = (struct h2_client){ .fd = fd };
	assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	assert_int_equal(nghttp2_session_client_new(&client->session, callbacks, client), 0);
	nghttp2_session_callbacks_del(callbacks);
	assert_int_equal(nghttp2_submit_settings(client->session, NGHTTP2_FLAG_NONE, settings, 1),
	    0);
}

void
h2_client_close(struct h2_client *client)
{
	nghttp2_session_del(client->session);
	buf_free(&client->out);
	for (size_t i = 0; i < client->count; i++) {
		buf_free(&client->answers[i].fields);
		buf_free(&client->answers[i].body);
		buf_free(&client->answers[i].upload);
	}
	close(client->fd);
}

static nghttp2_nv
field(const char *name, const char *value)
{
	return (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)name, .namelen = strlen(name),
		.value = (uint8_t *)(uintptr_t)value, .valuelen = strlen(value) };
}

struct h2_answer *
h2_client_ask(struct h2_client *client, const char *method, const char *path, const char *type,
    bool ends)
{
	struct h2_answer *answer = &client->answers[client->count++];
	nghttp2_data_provider provider = { .source.ptr = answer, .read_callback = read_upload };
	nghttp2_nv fields[6] = { field(":method", method), field(":scheme", "http"),
		field(":path", path), field(":authority", "test"),
		field("content-type", type == NULL ? "" : type) };
	size_t count = type == NULL ? 4 : 5;

	assert_true(client->count <= H2_ANSWERS_MAX);
	if (client->token != NULL)
		fields[count++] = field("token", client->token);
	answer->id = nghttp2_submit_request(client->session, NULL, fields, count,
	    ends ? NULL : &provider, answer);
	assert_true(answer->id > 0);
	h2_client_pump(client);
	return answer;
}

void
h2_client_send(struct h2_client *client, struct h2_answer *answer, struct slice bytes, bool ends)
{
	buf_append_slice(&answer->upload, bytes);
	answer->upload_ends = ends;
	(void)nghttp2_session_resume_data(client->session, answer->id);
	h2_client_pump(client);
}

void
h2_client_reset(struct h2_client *client, const struct h2_answer *answer)
{
	assert_int_equal(nghttp2_submit_rst_stream(client->session, NGHTTP2_FLAG_NONE, answer->id,
	    NGHTTP2_CANCEL), 0);
	h2_client_pump(client);
}

static void
put(struct h2_client *client)
{
	const uint8_t *bytes;
	ssize_t size;

	for (;;) {
		if (client->out.size == 0) {
			size = nghttp2_session_mem_send(client->session, &bytes);
			if (size <= 0)
				return;
			buf_append(&client->out, bytes, (size_t)size);
		}
		size = send(client->fd, client->out.data, client->out.size, MSG_NOSIGNAL);
		if (size < 0) {
			client->closed = client->closed || errno != EAGAIN;
			return;
		}
		buf_consume(&client->out, (size_t)size);
	}
}

void
h2_client_pump(struct h2_client *client)
{
	uint8_t bytes[65536];
	ssize_t got;

	put(client);
	while ((got = read(client->fd, bytes, sizeof(bytes))) > 0)
		assert_int_equal(nghttp2_session_mem_recv(client->session, bytes, (size_t)got),
		    got);
	if (got == 0 || errno != EAGAIN)
		client->closed = true;
	put(client);
}
