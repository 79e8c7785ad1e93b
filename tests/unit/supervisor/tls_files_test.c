/*
 * tls_files_test.c - what workers are given, and when. What is refused in files
 * is tested with real ones by tests/integration/test_certificates.py.
 */
#include "tests/lib/certificate.h"
#include "tests/lib/test.h"

#include "common/ipc/message.h"
#include "common/ipc/wire.h"
#include "common/xmem.h"
#include "supervisor/tls_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HOUR_MS UINT64_C(3600000)
#define DAY_S 86400

struct folder {
	char path[64];
	struct certificate authority;
	struct arguments arguments;
};

static char *
file_in(const struct folder *folder, const char *name)
{
	return xasprintf("%s/%s", folder->path, name);
}

static void
write_file(const struct folder *folder, const char *name, const char *text)
{
	char *path = file_in(folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd != -1);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	free(path);
}

static void
set_file(struct folder *folder, enum option_id id, const char *name)
{
	char *path = file_in(folder, name);
	char *problem;

	assert_int_equal(config_set(&folder->arguments.config, id, path, &problem), ERR_NONE);
	assert_int_equal(config_set(&folder->arguments.given, id, path, &problem), ERR_NONE);
	free(path);
}

/* A new certificate of that name in node.crt and node.key, for so many days. */
static void
issue(struct folder *folder, const char *name, long days)
{
	struct certificate made = certificate_make(&(struct certificate_wish){ .name = name,
	    .san = "IP:127.0.0.1", .issuer = &folder->authority, .from_s = -DAY_S,
	    .to_s = days * DAY_S });

	write_file(folder, "node.crt", made.text);
	write_file(folder, "node.key", made.key);
	certificate_free(&made);
}

static struct folder *
folder_new(void)
{
	struct folder *folder = xzalloc(sizeof(*folder));

	strcpy(folder->path, "/tmp/tls_files_test.XXXXXX");
	assert_non_null(mkdtemp(folder->path));
	config_init(&folder->arguments.config);
	config_init(&folder->arguments.given);
	folder->authority = certificate_make(&(struct certificate_wish){ .name = "authority" });
	write_file(folder, "ca.crt", folder->authority.text);
	issue(folder, "first", 1);
	set_file(folder, OPTION_peer_cert_file, "node.crt");
	set_file(folder, OPTION_peer_key_file, "node.key");
	set_file(folder, OPTION_peer_ca_file, "ca.crt");
	return folder;
}

static void
folder_free(struct folder *folder)
{
	static const char *const names[] = { "node.crt", "node.key", "ca.crt" };

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		char *path = file_in(folder, names[i]);

		(void)unlink(path);
		free(path);
	}
	assert_int_equal(rmdir(folder->path), 0);
	config_free(&folder->arguments.config);
	config_free(&folder->arguments.given);
	certificate_free(&folder->authority);
	free(folder);
}

static struct tls_files *
load(const struct folder *folder)
{
	char *problem = NULL;
	struct tls_files *files = tls_files_load(&folder->arguments,
	    (struct tls_reader){ geteuid(), getegid() }, &problem);

	if (files == NULL)
		fail_msg("%s", problem);
	return files;
}

/* What a worker of that role is given, all borrowed from out. False: nothing. */
static bool
given(const struct tls_files *files, int role, struct buf *out, struct msg_tls_tickets *tickets,
    struct msg_tls *material)
{
	struct frame frame;
	size_t used, first;

	buf_clear(out);
	tls_files_give(files, role, out);
	if (out->size == 0)
		return false;
	assert_int_equal(frame_parse(buf_slice(out), &frame, &first), ERR_NONE);
	assert_int_equal(frame.type, MSG_tls_tickets);
	assert_int_equal(msg_tls_tickets_decode(frame.payload, tickets), ERR_NONE);
	assert_int_equal(frame_parse(slice_of(out->data + first, out->size - first), &frame, &used),
	    ERR_NONE);
	assert_int_equal(frame.type, MSG_tls);
	assert_int_equal(msg_tls_decode(frame.payload, material), ERR_NONE);
	assert_int_equal(first + used, out->size);
	return true;
}

TEST(only_who_has_a_port_with_tls_is_given_a_key)
{
	struct folder *folder = folder_new();
	struct tls_files *files = load(folder);
	struct msg_tls_tickets tickets;
	struct buf out = BUF_INIT;
	struct msg_tls material;

	assert_false(given(files, ROLE_RAFTD, &out, &tickets, &material));
	assert_false(given(files, ROLE_CLIENT, &out, &tickets, &material));
	assert_true(given(files, ROLE_PEER, &out, &tickets, &material));
	assert_int_equal(material.flags, TLS_FLAG_ASK);
	assert_int_equal(material.min_version, TLS_VERSION_1_2);
	assert_int_equal(tickets.keys.size, TLS_TICKET_KEY_BYTES);
	assert_true(slice_equal(material.authorities, slice_text(folder->authority.text)));
	assert_false(given(NULL, ROLE_PEER, &out, &tickets, &material));
	buf_free(&out);
	tls_files_free(&files);
	folder_free(folder);
}

TEST(ticket_keys_change_every_twelve_hours_and_the_last_stays)
{
	struct folder *folder = folder_new();
	struct tls_files *files = load(folder);
	uint8_t first[TLS_TICKET_KEY_BYTES], second[TLS_TICKET_KEY_BYTES];
	struct clock_time now = clock_now();
	struct msg_tls_tickets tickets;
	struct buf out = BUF_INIT;
	struct msg_tls material;

	assert_false(tls_files_tick(files, now));
	assert_true(given(files, ROLE_PEER, &out, &tickets, &material));
	memcpy(first, tickets.keys.data, sizeof(first));
	now.monotonic_ms += 12 * HOUR_MS - 1;
	assert_false(tls_files_tick(files, now));
	now.monotonic_ms += 1;
	assert_true(tls_files_tick(files, now));
	assert_false(tls_files_tick(files, now));
	assert_true(given(files, ROLE_PEER, &out, &tickets, &material));
	assert_int_equal(tickets.keys.size, 2 * TLS_TICKET_KEY_BYTES);
	assert_memory_equal(tickets.keys.data + TLS_TICKET_KEY_BYTES, first, sizeof(first));
	memcpy(second, tickets.keys.data, sizeof(second));
	assert_memory_not_equal(first, second, sizeof(first));
	now.monotonic_ms += 12 * HOUR_MS;
	assert_true(tls_files_tick(files, now));
	assert_true(given(files, ROLE_PEER, &out, &tickets, &material));
	assert_int_equal(tickets.keys.size, 2 * TLS_TICKET_KEY_BYTES);
	assert_memory_equal(tickets.keys.data + TLS_TICKET_KEY_BYTES, second, sizeof(second));
	buf_free(&out);
	tls_files_free(&files);
	folder_free(folder);
}

TEST(a_reload_takes_all_or_nothing)
{
	struct folder *folder = folder_new();
	struct tls_files *files = load(folder);
	struct buf before = BUF_INIT, after = BUF_INIT;
	struct msg_tls_tickets tickets;
	struct msg_tls material;
	char *problem;

	assert_true(given(files, ROLE_PEER, &before, &tickets, &material));
	/* A key that is not the certificate's. */
	write_file(folder, "node.key", folder->authority.key);
	problem = tls_files_reload(files, &folder->arguments);
	assert_non_null(
	    strstr(problem, "do not belong together (-peer-cert-file, -peer-key-file)"));
	free(problem);
	assert_true(given(files, ROLE_PEER, &after, &tickets, &material));
	assert_true(slice_equal(buf_slice(&before), buf_slice(&after)));
	issue(folder, "second", 1);
	assert_null(tls_files_reload(files, &folder->arguments));
	assert_true(given(files, ROLE_PEER, &after, &tickets, &material));
	assert_false(slice_equal(buf_slice(&before), buf_slice(&after)));
	/* The client port was plain at the start. */
	set_file(folder, OPTION_cert_file, "node.crt");
	set_file(folder, OPTION_key_file, "node.key");
	problem = tls_files_reload(files, &folder->arguments);
	assert_non_null(problem);
	free(problem);
	assert_false(given(files, ROLE_CLIENT, &before, &tickets, &material));
	buf_free(&before);
	buf_free(&after);
	tls_files_free(&files);
	folder_free(folder);
}

/* How many lines a look at the files wrote so many hours from now, and the last. */
static unsigned
lines_after(struct tls_files *files, struct clock_time now, uint64_t hours, char line[512])
{
	FILE *out = tmpfile();
	int saved = dup(STDERR_FILENO);
	unsigned lines = 0;

	assert_non_null(out);
	assert_true(dup2(fileno(out), STDERR_FILENO) != -1);
	now.wall_ns += hours * HOUR_MS * NS_PER_MS;
	assert_false(tls_files_tick(files, now));
	assert_true(dup2(saved, STDERR_FILENO) != -1);
	close(saved);
	rewind(out);
	while (fgets(line, 512, out) != NULL)
		lines++;
	fclose(out);
	return lines;
}

TEST(the_end_of_a_certificate_is_told_once_a_day_from_thirty_days_before)
{
	struct folder *folder = folder_new();
	struct clock_time now = clock_now();
	struct tls_files *files;
	char line[512] = "";

	issue(folder, "ends", 40);
	files = load(folder);
	assert_int_equal(lines_after(files, now, 0, line), 0);
	assert_int_equal(lines_after(files, now, 9 * 24, line), 0);
	assert_int_equal(lines_after(files, now, 10 * 24 + 1, line), 1);
	assert_non_null(strstr(line, "node.crt (-peer-cert-file) ends on "));
	assert_non_null(strstr(line, ", in 29 days; replace the file and send SIGHUP"));
	for (uint64_t hour = 2; hour < 25; hour++)
		assert_int_equal(lines_after(files, now, 10 * 24 + hour, line), 0);
	assert_int_equal(lines_after(files, now, 11 * 24 + 1, line), 1);
	assert_non_null(strstr(line, "in 28 days"));
	assert_int_equal(lines_after(files, now, 38 * 24 + 23, line), 1);
	assert_non_null(strstr(line, "in 1 day;"));
	assert_int_equal(lines_after(files, now, 41 * 24, line), 1);
	assert_non_null(strstr(line, "has expired on "));
	tls_files_free(&files);
	folder_free(folder);
}
