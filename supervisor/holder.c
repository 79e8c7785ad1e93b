/*
 * holder.c - port -> socket inode (/proc/net/tcp, tcp6) -> process (/proc/N/fd).
 *
 * A line of /proc/net/tcp: number, local address:port in hex, remote one, state
 * (0A: listening), queues, timers, retransmissions, user, time-out, inode.
 */
#include "supervisor/holder.h"

#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATE_LISTENING 0x0a

static unsigned long
inode_in(const char *path, unsigned port)
{
	FILE *file = fopen(path, "re");
	unsigned long found = 0;
	char line[512];

	if (file == NULL)
		return 0;
	while (found == 0 && fgets(line, sizeof(line), file) != NULL) {
		unsigned local_port, state;
		unsigned long inode;

		if (sscanf(line,
		    "%*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*d %*d %lu",
			&local_port, &state, &inode) == 3 &&
		    local_port == port && state == STATE_LISTENING)
			found = inode;
	}
	fclose(file);
	return found;
}

static bool
process_has(pid_t pid, const char *socket_name)
{
	char path[64], link_path[512], target[64];
	bool found = false;
	const struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%ld/fd", (long)pid);
	directory = opendir(path);
	if (directory == NULL)
		return false;
	while (!found && (entry = readdir(directory)) != NULL) {
		ssize_t size;

		snprintf(link_path, sizeof(link_path), "%s/%s", path, entry->d_name);
		size = readlink(link_path, target, sizeof(target) - 1);
		if (size <= 0)
			continue;
		target[size] = '\0';
		found = strcmp(target, socket_name) == 0;
	}
	closedir(directory);
	return found;
}

static void
name_of(pid_t pid, char *name, size_t size)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/comm", (long)pid);
	snprintf(name, size, "unknown");
	file = fopen(path, "re");
	if (file == NULL)
		return;
	if (fgets(name, (int)size, file) != NULL)
		name[strcspn(name, "\n")] = '\0';
	fclose(file);
}

bool
holder_of_port(const struct sockaddr *address, struct holder *holder)
{
	unsigned port = ntohs(address->sa_family == AF_INET6 ?
	    ((const struct sockaddr_in6 *)(const void *)address)->sin6_port :
	    ((const struct sockaddr_in *)(const void *)address)->sin_port);
	unsigned long inode = inode_in("/proc/net/tcp", port);
	const struct dirent *entry;
	char socket_name[64];
	pid_t lowest = 0;
	DIR *directory;

	if (inode == 0)
		inode = inode_in("/proc/net/tcp6", port);
	if (inode == 0)
		return false;
	snprintf(socket_name, sizeof(socket_name), "socket:[%lu]", inode);
	directory = opendir("/proc");
	if (directory == NULL)
		return false;
	/* A socket may be shared with children; the oldest, mostly the parent, is told. */
	while ((entry = readdir(directory)) != NULL) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && (lowest == 0 || pid < lowest) && process_has(pid, socket_name))
			lowest = pid;
	}
	closedir(directory);
	if (lowest == 0)
		return false;
	holder->pid = lowest;
	name_of(lowest, holder->name, sizeof(holder->name));
	return true;
}
