/*
 * notify_test.c - datagrams to the init system.
 */
#include "supervisor/notify.h"

#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const int nobody[NOTIFY_READY_FDS] = { -1, -1 };

static int
listener(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd != -1);
	memcpy(address.sun_path, name, length);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (const struct sockaddr *)&address,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)), 0);
	return fd;
}

static void
assert_heard(const char *name)
{
	int fd = listener(name);
	struct notify notify;
	char text[64];
	ssize_t size;

	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "30000000", 1);
	notify_open(&notify, nobody);
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_null(getenv("WATCHDOG_USEC"));
	assert_int_equal(notify.watchdog_us, 30000000);
	notify_export(&notify);
	assert_string_equal(getenv("NOTIFY_SOCKET"), name);
	assert_string_equal(getenv("WATCHDOG_USEC"), "30000000");
	notify_send(&notify, "READY=1\nSTATUS=%s", "ready");
	size = recv(fd, text, sizeof(text), 0);
	assert_int_equal(size, strlen("READY=1\nSTATUS=ready"));
	assert_memory_equal(text, "READY=1\nSTATUS=ready", (size_t)size);
	notify_close(&notify);
	close(fd);
}

TEST(the_init_system_hears_by_path_and_by_abstract_name)
{
	char name[64];

	snprintf(name, sizeof(name), "/tmp/notify_test.%ld", (long)getpid());
	assert_heard(name);
	unlink(name);
	snprintf(name, sizeof(name), "@notify_test.%ld", (long)getpid());
	assert_heard(name);
}

TEST(without_an_init_system_nothing_is_sent)
{
	struct notify notify;

	unsetenv("NOTIFY_SOCKET");
	notify_open(&notify, nobody);
	assert_int_equal(notify.fd, -1);
	notify_send(&notify, "READY=1");
	setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1);
	notify_open(&notify, nobody);
	assert_int_equal(notify.fd, -1);
	notify_close(&notify);
}

TEST(a_watchdog_that_is_no_number_or_of_another_process_is_none)
{
	static const char *const wrong[][2] = { { "x", NULL }, { "-1", NULL }, { "1s", NULL },
		{ "1000000", "1" }, { "", NULL } };
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "@notify_test.%ld", (long)getpid());
	fd = listener(name);
	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		struct notify notify;

		setenv("NOTIFY_SOCKET", name, 1);
		setenv("WATCHDOG_USEC", wrong[i][0], 1);
		if (wrong[i][1] != NULL)
			setenv("WATCHDOG_PID", wrong[i][1], 1);
		notify_open(&notify, nobody);
		assert_int_equal(notify.watchdog_us, 0);
		notify_close(&notify);
	}
	close(fd);
}

TEST(readiness_is_one_line_and_the_end_on_each_descriptor)
{
	struct notify notify;
	char text[8];
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	notify_open(&notify, (const int[]){ -1, ends[1] });
	notify_ready(&notify);
	notify_ready(&notify);
	assert_int_equal(read(ends[0], text, sizeof(text)), 1);
	assert_int_equal(text[0], '\n');
	assert_int_equal(read(ends[0], text, sizeof(text)), 0);
	close(ends[0]);
	notify_close(&notify);
}
