/*
 * attempt.c - what an attacker who runs code inside of a process would try,
 * and some of what the process itself has to be able to do.
 */
#include "tests/confinement/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_LOOKS_US 20000

/* ---- sockets ------------------------------------------------------------------- */

static int
made(int fd)
{
	if (fd == -1)
		return -1;
	close(fd);
	return 0;
}

static int
socket_inet(int prepared UNUSED, const char *argument UNUSED)
{
	return made(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int
socket_inet6(int prepared UNUSED, const char *argument UNUSED)
{
	return made(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int
socket_udp(int prepared UNUSED, const char *argument UNUSED)
{
	return made(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static int
socket_unix(int prepared UNUSED, const char *argument UNUSED)
{
	return made(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int
socket_netlink(int prepared UNUSED, const char *argument UNUSED)
{
	return made(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int
socket_pair(int prepared UNUSED, const char *argument UNUSED)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		return -1;
	close(pair[0]);
	close(pair[1]);
	return 0;
}

static int
have_socket(const char *argument UNUSED)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static struct sockaddr_in
loopback(const char *port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int
connect_to(int fd, const char *port)
{
	struct sockaddr_in address = loopback(port);

	return connect(fd, (const struct sockaddr *)&address, sizeof(address));
}

static int
bind_to(int fd, const char *port)
{
	struct sockaddr_in address = loopback(port);

	return bind(fd, (const struct sockaddr *)&address, sizeof(address));
}

static int
listen_on(int fd, const char *argument UNUSED)
{
	return listen(fd, 1);
}

/* ---- files ----------------------------------------------------------------------- */

static int
open_file(int prepared UNUSED, const char *path)
{
	return made(open(path, O_RDONLY | O_CLOEXEC));
}

static int
open_for_writing(int prepared UNUSED, const char *path)
{
	return made(open(path, O_WRONLY | O_CLOEXEC));
}

static int
make_file(int prepared UNUSED, const char *path)
{
	return made(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
}

static int
remove_file(int prepared UNUSED, const char *path)
{
	return unlink(path);
}

static int
make_directory(int prepared UNUSED, const char *path)
{
	return mkdir(path, 0700);
}

static int
make_link(int prepared UNUSED, const char *path)
{
	return symlink("/etc/passwd", path);
}

static int
make_device(int prepared UNUSED, const char *path)
{
	return mknod(path, S_IFCHR | 0600, (dev_t)0x0103);
}

static int
rename_away(int prepared UNUSED, const char *path)
{
	char target[4096];
	const char *slash = strrchr(path, '/');

	if (slash == NULL || (size_t)(slash - path) + 16 > sizeof(target)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(target, path, (size_t)(slash - path));
	strcpy(target + (slash - path), "/../renamed");
	return rename(path, target);
}

static int
change_mode(int prepared UNUSED, const char *path)
{
	return chmod(path, 0777);
}

/* ---- processes --------------------------------------------------------------------- */

static int
execute(int prepared UNUSED, const char *path)
{
	char *argv[] = { (char *)(uintptr_t)path, "--version", NULL };
	char *environment[] = { NULL };

	return execve(path, argv, environment);
}

static int
fork_child(int prepared UNUSED, const char *argument UNUSED)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	if (pid == -1)
		return -1;
	return waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

static void *
do_nothing(void *argument)
{
	return argument;
}

static int
make_thread(int prepared UNUSED, const char *argument UNUSED)
{
	pthread_t thread;
	int result = pthread_create(&thread, NULL, do_nothing, NULL);

	if (result != 0) {
		errno = result;
		return -1;
	}
	return pthread_join(thread, NULL) == 0 ? 0 : -1;
}

/* A process of our own, of the same user, outside of what will confine us. */
static int
have_child(const char *argument UNUSED)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid == 0) {
		/* Not by a signal at its death: that comes from a process that may
		 * then not send any. */
		(void)close_range(0, ~0U, 0);
		while (getppid() == parent)
			(void)usleep(CHILD_LOOKS_US);
		_exit(0);
	}
	return (int)pid;
}

static int
signal_child(int pid, const char *argument UNUSED)
{
	return kill(pid, SIGTERM);
}

static int
trace_child(int pid, const char *argument UNUSED)
{
	return (int)ptrace(PTRACE_SEIZE, pid, NULL, NULL);
}

static int
read_child(int pid, const char *argument UNUSED)
{
	char byte;

	return syscall(SYS_process_vm_readv, pid, &byte, 0, &byte, 0, 0) == -1 ? -1 : 0;
}

static int
limit_child(int pid, const char *argument UNUSED)
{
	return prlimit(pid, RLIMIT_NOFILE, &(struct rlimit){ 1, 1 }, NULL);
}

static int
become_root(int prepared UNUSED, const char *argument UNUSED)
{
	return setresuid(0, 0, 0);
}

static int
allow_dumps(int prepared UNUSED, const char *argument UNUSED)
{
	return prctl(PR_SET_DUMPABLE, 1);
}

static int
executable_memory(int prepared UNUSED, const char *argument UNUSED)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? -1 : munmap(memory, 4096);
}

static int
memory_made_executable(int prepared UNUSED, const char *argument UNUSED)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? -1 : mprotect(memory, 4096, PROT_READ | PROT_EXEC);
}

/* ---- the kernel ----------------------------------------------------------------------- */

static int
mount_something(int prepared UNUSED, const char *argument UNUSED)
{
	return mount("none", "/nowhere", "tmpfs", 0, NULL);
}

static int
load_bpf(int prepared UNUSED, const char *argument UNUSED)
{
	return syscall(SYS_bpf, 0, NULL, 0) == -1 ? -1 : 0;
}

static int
use_keys(int prepared UNUSED, const char *argument UNUSED)
{
	return syscall(SYS_keyctl, 0, -3, 1) == -1 ? -1 : 0;
}

static int
start_io_uring(int prepared UNUSED, const char *argument UNUSED)
{
	char parameters[256] = { 0 };

	return syscall(SYS_io_uring_setup, 1, parameters) == -1 ? -1 : 0;
}

static int
use_userfaultfd(int prepared UNUSED, const char *argument UNUSED)
{
	return syscall(SYS_userfaultfd, 1) == -1 ? -1 : 0;
}

static int
leave_namespace(int prepared UNUSED, const char *argument UNUSED)
{
	return unshare(CLONE_NEWUSER);
}

static int
change_root(int prepared UNUSED, const char *argument UNUSED)
{
	return chroot("/");
}

static const struct attempt attempts[] = {
	{ "socket-inet", NULL, socket_inet },
	{ "socket-inet6", NULL, socket_inet6 },
	{ "socket-udp", NULL, socket_udp },
	{ "socket-unix", NULL, socket_unix },
	{ "socket-netlink", NULL, socket_netlink },
	{ "socketpair", NULL, socket_pair },
	{ "connect", have_socket, connect_to },
	{ "bind", have_socket, bind_to },
	{ "listen", have_socket, listen_on },
	{ "open", NULL, open_file },
	{ "open-write", NULL, open_for_writing },
	{ "make", NULL, make_file },
	{ "remove", NULL, remove_file },
	{ "mkdir", NULL, make_directory },
	{ "symlink", NULL, make_link },
	{ "mknod", NULL, make_device },
	{ "rename-away", NULL, rename_away },
	{ "chmod", NULL, change_mode },
	{ "exec", NULL, execute },
	{ "fork", NULL, fork_child },
	{ "thread", NULL, make_thread },
	{ "kill", have_child, signal_child },
	{ "ptrace", have_child, trace_child },
	{ "read-memory", have_child, read_child },
	{ "prlimit", have_child, limit_child },
	{ "setuid", NULL, become_root },
	{ "dumpable", NULL, allow_dumps },
	{ "mmap-exec", NULL, executable_memory },
	{ "mprotect-exec", NULL, memory_made_executable },
	{ "mount", NULL, mount_something },
	{ "bpf", NULL, load_bpf },
	{ "keyctl", NULL, use_keys },
	{ "io_uring", NULL, start_io_uring },
	{ "userfaultfd", NULL, use_userfaultfd },
	{ "unshare", NULL, leave_namespace },
	{ "chroot", NULL, change_root },
};

const struct attempt *
attempt_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(attempts); i++) {
		if (strcmp(attempts[i].name, name) == 0)
			return &attempts[i];
	}
	return NULL;
}
