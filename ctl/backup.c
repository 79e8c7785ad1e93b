/*
 * backup.c - see backup.h.
 *
 *	asked ----> receiving	200, and the file's first bytes		[take_body]
 *	asked ----> refused	another status: its sentence		[take_body]
 *	receiving --> kept	whole, synced, renamed			[keep]
 *	receiving --> removed	cut, damaged, CTRL-C			[ctl_backup_fetch]
 *
 * The request is libcurl's. Over a connection that is there already it cannot be:
 * libcurl connects what it is given. That answer is read through http-parser.
 */
#include "ctl/backup.h"

#include "common/backup.h"
#include "common/clock.h"
#include "common/json_put.h"
#include "common/xmem.h"
#include "ctl/interrupt.h"
#include "ctl/problem.h"
#include "ctl/whole_file.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <http_parser.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_MS 5000L
/* Nothing at all for so long: the node is gone, or stopped. */
#define SILENCE_S 60L
#define RECEIVE_BYTES ((size_t)64 * 1024)
#define REFUSAL_BYTES_MAX ((size_t)4096)
#define OK_STATUS 200L

struct fetch {
	const struct backup_order *order;
	CURL *curl;			/* NULL: over a connection that was there */
	long status;			/* of the answer; 0: none came */
	bool ended;			/* the answer came to its end */
	struct whole_file file;
	struct backup_reader *reader;
	struct output_progress progress;
	uint64_t bytes;
	char *words;			/* why there is no file of it; NULL: see status */
	struct buf refusal;		/* body of an answer that is no backup */
	enum err err;			/* of the file that came */
	int write_error;		/* errno of a failed write; 0: none */
	uint64_t store_index, raft_index, made_ns;
	char made_by[NAME_BYTES_MAX + 1];
};

/* ---- what the reader tells ------------------------------------------------------- */

static enum err
head_came(void *argument, const struct backup_head *head)
{
	struct fetch *fetch = argument;

	fetch->raft_index = head->raft_index;
	fetch->made_ns = head->made_ns;
	snprintf(fetch->made_by, sizeof(fetch->made_by), "%.*s", SLICE_ARGS(head->name));
	return ERR_NONE;
}

static enum err
end_came(void *argument, const struct backup_end *end)
{
	struct fetch *fetch = argument;

	fetch->store_index = end->store_index;
	return ERR_NONE;
}

static struct backup_owner
owner_of(struct fetch *fetch)
{
	return (struct backup_owner){ .head = head_came, .end = end_came, .argument = fetch };
}

static void
print_json(const struct fetch *fetch, const struct ctl *ctl, const char *file, const char *made)
{
	struct buf line = BUF_INIT;
	struct json_put json = json_put_into(&line);

	json_put_open(&json, NULL, '{');
	json_put_text(&json, "file", slice_text(file));
	json_put_number(&json, "bytes", fetch->bytes);
	json_put_number(&json, "storeIndex", fetch->store_index);
	json_put_number(&json, "raftIndex", fetch->raft_index);
	json_put_text(&json, "made", slice_text(made));
	json_put_text(&json, "node", slice_text(fetch->made_by));
	json_put_close(&json, '}');
	output_json_line(&ctl->out, &json);
	buf_free(&line);
}

static void
print_summary(const struct fetch *fetch, const struct ctl *ctl, const char *file)
{
	char size[OUTPUT_TEXT_BYTES], made[CLOCK_TEXT_BYTES];

	clock_format(fetch->made_ns, 0, false, made);
	if (ctl->out.format == FORMAT_JSON)
		print_json(fetch, ctl, file, made);
	else
		output_print(&ctl->out, "%s: %s, store index %" PRIu64 ", raft index %" PRIu64
		    ", made %s by %s\n", file, output_size(fetch->bytes, size),
		    fetch->store_index, fetch->raft_index, made, fetch->made_by);
}

/* ---- what libcurl tells ------------------------------------------------------------ */

static bool
write_all(struct fetch *fetch, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fetch->file.fd, bytes, size);

		if (written == -1 && errno == EINTR && interrupt_signal() == 0)
			continue;
		if (written == -1) {
			fetch->write_error = errno;
			return false;
		}
		bytes += written;
		size -= (size_t)written;
	}
	return true;
}

/* False: this is the end of the transfer. */
static bool
take_body(struct fetch *fetch, const char *bytes, size_t size)
{
	if (fetch->status != OK_STATUS) {
		buf_append(&fetch->refusal, bytes, size);
		return true;
	}
	fetch->err = backup_reader_feed(fetch->reader, slice_of(bytes, size));
	if (fetch->err != ERR_NONE || !write_all(fetch, bytes, size))
		return false;
	fetch->bytes += size;
	return true;
}

static size_t
body_came(char *bytes, size_t unit, size_t count, void *argument)
{
	struct fetch *fetch = argument;

	curl_easy_getinfo(fetch->curl, CURLINFO_RESPONSE_CODE, &fetch->status);
	return take_body(fetch, bytes, unit * count) ? unit * count : 0;
}

static int
time_passed(void *argument, curl_off_t total UNUSED, curl_off_t now UNUSED,
    curl_off_t up_total UNUSED, curl_off_t up_now UNUSED)
{
	struct fetch *fetch = argument;

	output_progress_show(&fetch->progress, fetch->bytes, 0);
	return interrupt_signal() != 0;
}

/* ---- what http-parser tells ---------------------------------------------------------- */

static int
on_headers(http_parser *parser)
{
	((struct fetch *)parser->data)->status = (long)parser->status_code;
	return 0;
}

static int
on_body(http_parser *parser, const char *bytes, size_t size)
{
	return take_body(parser->data, bytes, size) ? 0 : -1;
}

static int
on_end(http_parser *parser)
{
	((struct fetch *)parser->data)->ended = true;
	return 0;
}

/* Some bytes, or 0: it closed, or nothing came for too long, or a signal did. */
static size_t
receive(int fd, char *bytes, size_t room)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	ssize_t size;

	for (;;) {
		int count = poll(&ready, 1, (int)SILENCE_S * 1000);

		if (interrupt_signal() != 0 || count == 0)
			return 0;
		size = count == -1 ? -1 : recv(fd, bytes, room, 0);
		if (size >= 0)
			return (size_t)size;
		if (errno != EINTR && errno != EAGAIN)
			return 0;
	}
}

/* The same request over the connection that is there. */
static void
ask_connected(struct fetch *fetch)
{
	static const char request[] = "GET /v2/admin/backup HTTP/1.1\r\nHost: localhost\r\n"
	    "Connection: close\r\n\r\n";
	http_parser_settings settings = { .on_headers_complete = on_headers, .on_body = on_body,
		.on_message_complete = on_end };
	char *bytes = xmalloc(RECEIVE_BYTES);
	http_parser parser;
	size_t size;

	http_parser_init(&parser, HTTP_RESPONSE);
	parser.data = fetch;
	if (send(fetch->order->connected_fd, request, sizeof(request) - 1, MSG_NOSIGNAL) ==
	    (ssize_t)sizeof(request) - 1) {
		while (!fetch->ended &&
		    (size = receive(fetch->order->connected_fd, bytes, RECEIVE_BYTES)) > 0) {
			if (http_parser_execute(&parser, &settings, bytes, size) != size)
				break;
			output_progress_show(&fetch->progress, fetch->bytes, 0);
		}
	}
	free(bytes);
}

/* ---- the file ------------------------------------------------------------------------ */

static int
file_failed(const char *what, const char *path, int why)
{
	return output_fail(CTL_BAD_FILE, "cannot %s %s: %s", what, path, strerror(why));
}

static int
keep(struct fetch *fetch)
{
	if (!whole_file_keep(&fetch->file))
		return file_failed(fetch->file.failed, fetch->file.path, errno);
	print_summary(fetch, fetch->order->ctl, fetch->order->file);
	return CTL_DONE;
}

/* ---- the request ----------------------------------------------------------------------- */

static char *
url_of(const struct backup_order *order)
{
	const char *base = order->peer_url;
	size_t length = strlen(base);

	if (order->connected_fd != -1)
		return xstrdup("the node");
	while (length > 0 && base[length - 1] == '/')
		length--;
	return xasprintf("%s%.*s/v2/admin/backup", strstr(base, "://") == NULL ? "http://" : "",
	    (int)length, base);
}

static void
set_up(struct fetch *fetch, const char *url)
{
	static const struct {
		CURLoption option;
		enum ctl_option_tag tag;
	} files[] = { { CURLOPT_CAINFO, OPT_CA_FILE }, { CURLOPT_SSLCERT, OPT_CERT_FILE },
		{ CURLOPT_SSLKEY, OPT_KEY_FILE } };
	const struct backup_order *order = fetch->order;
	CURL *curl = fetch->curl;

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, SILENCE_S);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, body_came);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, fetch);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, time_passed);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, fetch);
	for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
		const char *path = ctl_arguments_text(order->ctl->arguments, files[i].tag);

		if (path != NULL && path[0] != '\0')
			curl_easy_setopt(curl, files[i].option, path);
	}
}

static void
ask_by_url(struct fetch *fetch, const char *url)
{
	char why[CURL_ERROR_SIZE] = "";
	long system_error = 0;
	CURLcode result;
	bool certain;

	fetch->curl = curl_easy_init();
	ASSERT(fetch->curl != NULL);
	set_up(fetch, url);
	curl_easy_setopt(fetch->curl, CURLOPT_ERRORBUFFER, why);
	result = curl_easy_perform(fetch->curl);
	curl_easy_getinfo(fetch->curl, CURLINFO_RESPONSE_CODE, &fetch->status);
	curl_easy_getinfo(fetch->curl, CURLINFO_OS_ERRNO, &system_error);
	fetch->words = problem_words(fetch->order->ctl->arguments, &(struct problem){ .url = url,
	    .curl_code = (int)result, .status = (unsigned)fetch->status,
	    .body = buf_slice(&fetch->refusal), .said = why, .system_error = system_error },
	    &certain);
	curl_easy_cleanup(fetch->curl);
}

static int
refused(const struct fetch *fetch, const char *url)
{
	int length = (int)fetch->refusal.size;

	while (length > 0 && fetch->refusal.data[length - 1] == '\n')
		length--;
	return output_fail(CTL_SERVER_ERROR, "%s answered %ld: %.*s", url, fetch->status, length,
	    (const char *)fetch->refusal.data);
}

/* The transfer is over: well or not. */
static int
judge(struct fetch *fetch, const char *url)
{
	const char *file = fetch->order->file;

	if (interrupt_signal() != 0) {
		return output_fail(CTL_BAD_FILE, "interrupted, %s was not written", file);
	}
	if (fetch->write_error != 0)
		return file_failed("write", fetch->file.partial, fetch->write_error);
	if (fetch->words != NULL && fetch->status != OK_STATUS)
		return output_fail(CTL_NO_HOST, "%s (--peer-url): %s", url, fetch->words);
	if (fetch->status == 0)
		return output_fail(CTL_NO_HOST, "%s: no answer", url);
	if (fetch->status != OK_STATUS)
		return refused(fetch, url);
	if (fetch->err == ERR_NONE)
		fetch->err = backup_reader_finish(fetch->reader);
	if (fetch->err == ERR_NONE)
		return keep(fetch);
	return output_fail(CTL_BAD_FILE, "the backup that came from %s %s; %s was not written", url,
	    backup_reader_problem(fetch->reader), file);
}

int
ctl_backup_fetch(const struct backup_order *order)
{
	struct fetch fetch = { .order = order };
	char *url = url_of(order);
	int code;

	if (!whole_file_begin(&fetch.file, order->file)) {
		(void)file_failed(fetch.file.failed, fetch.file.path, errno);
		code = CTL_BAD_ARGUMENTS;
		goto out;
	}
	/* So that what is half written is removed. */
	interrupt_catch();
	fetch.reader = backup_reader_new(owner_of(&fetch));
	buf_init(&fetch.refusal, REFUSAL_BYTES_MAX);
	output_progress_begin(&fetch.progress, &order->ctl->out, "backup");
	if (order->connected_fd != -1)
		ask_connected(&fetch);
	else
		ask_by_url(&fetch, url);
	output_progress_end(&fetch.progress);
	code = judge(&fetch, url);
	backup_reader_free(&fetch.reader);
	buf_free(&fetch.refusal);
out:
	if (order->connected_fd != -1)
		close(order->connected_fd);
	whole_file_end(&fetch.file);
	free(fetch.words);
	free(url);
	if (interrupt_signal() != 0)
		interrupt_die(interrupt_signal());
	return code;
}

static int
check(const struct ctl *ctl, const char *file)
{
	struct fetch fetch = { .bytes = 0 };
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	char *sentence = NULL;
	enum err err;

	if (fd == -1)
		return file_failed("read", file, errno);
	err = backup_file_read(fd, file, owner_of(&fetch), &sentence);
	if (err == ERR_NONE) {
		fetch.bytes = (uint64_t)lseek(fd, 0, SEEK_END);
		print_summary(&fetch, ctl, file);
	} else {
		output_fail(CTL_BAD_FILE, "%s", sentence == NULL ? err_text(err) : sentence);
	}
	close(fd);
	free(sentence);
	return err == ERR_NONE ? CTL_DONE : CTL_BAD_FILE;
}

int
ctl_backup(struct ctl *ctl)
{
	struct backup_order order = {
		.ctl = ctl,
		.file = ctl->arguments->words[0],
		.peer_url = ctl_arguments_text(ctl->arguments, OPT_PEER_URL),
		.connected_fd = -1,
	};

	int code;

	if (ctl_arguments_flag(ctl->arguments, OPT_CHECK))
		return check(ctl, order.file);
	code = problem_check_files(ctl->arguments);
	return code != CTL_DONE ? code : ctl_backup_fetch(&order);
}
