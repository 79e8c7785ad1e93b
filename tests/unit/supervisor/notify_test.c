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
	notify_open(&notify);
	assert_null(getenv("NOTIFY_SOCKET"));
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
	notify_open(&notify);
	assert_int_equal(notify.fd, -1);
	notify_send(&notify, "READY=1");
	setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1);
	notify_open(&notify);
	assert_int_equal(notify.fd, -1);
	notify_close(&notify);
}
