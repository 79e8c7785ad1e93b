/*
 * listen.c - listening sockets, and who holds a port that is taken.
 */
#include "supervisor/listen.h"

#include "common/clock.h"
#include "common/xmem.h"
#include "supervisor/holder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG 4096
#define BUSY_WAIT_MS 2000
#define BUSY_STEP_NS (20 * 1000 * 1000)

void
listen_set_close(struct listen_set *set)
{
	while (set->count > 0)
		close(set->fds[--set->count]);
}

/* Cut "host:port" or "[v6]:port" in two: host without brackets, freed by the
 * caller; returns the port's text, borrowed from address. */
static const char *
split(const char *address, char **host)
{
	const char *colon = strrchr(address, ':');

	ASSERT(colon != NULL);
	if (address[0] == '[')
		*host = xasprintf("%.*s", (int)(colon - address) - 2, address + 1);
	else
		*host = xasprintf("%.*s", (int)(colon - address), address);
	return colon + 1;
}

/* -1, and errno is what it was. */
static int
give_up(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
	return -1;
}

/* A socket that is bound, or -1 with errno. */
static int
try_bind(const struct addrinfo *info)
{
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;
	int off = 0;

	if (fd == -1)
		return -1;
	/* Else the connections of a node that has just ended keep the port for a minute. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* "::" listens on both families, whatever the machine's default is. */
	if (info->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	return bind(fd, info->ai_addr, info->ai_addrlen) == 0 ? fd : give_up(fd);
}

/* A socket bound and listening, or -1 with errno. */
static int
try_listen(const struct addrinfo *info)
{
	int fd = try_bind(info);

	return fd == -1 || listen(fd, BACKLOG) == 0 ? fd : give_up(fd);
}

static int
listen_patiently(const struct addrinfo *info)
{
	uint64_t deadline_ms = clock_now().monotonic_ms + BUSY_WAIT_MS;
	int fd;

	while ((fd = try_listen(info)) == -1 && errno == EADDRINUSE &&
	    clock_now().monotonic_ms < deadline_ms)
		nanosleep(&(struct timespec){ .tv_nsec = BUSY_STEP_NS }, NULL);
	return fd;
}

static char *
refusal(const struct listen_request *request, const struct addrinfo *info, int errno_value)
{
	struct holder holder;

	if (errno_value == EADDRINUSE && holder_of_port(info->ai_addr, &holder) &&
	    holder.pid == getpid())
		return xasprintf("cannot listen on %s (%s): another address of this node covers "
		    "it; leave one of them out", request->address, request->option);
	if (errno_value == EADDRINUSE && holder_of_port(info->ai_addr, &holder))
		return xasprintf("cannot listen on %s (%s): in use by pid %ld (%s); "
		    "stop it or choose another %s", request->address, request->option,
		    (long)holder.pid, holder.name, request->option);
	if (errno_value == EADDRINUSE)
		return xasprintf("cannot listen on %s (%s): in use by another process; "
		    "stop it or choose another %s", request->address, request->option,
		    request->option);
	if (errno_value == EADDRNOTAVAIL && request->advertised)
		return xasprintf("cannot listen on %s (%s): not an address of this machine; "
		    "add %s 0.0.0.0", request->address, request->option, request->bind_option);
	if (errno_value == EACCES)
		return xasprintf("cannot listen on %s (%s): not allowed to use this port; "
		    "choose one above 1023", request->address, request->option);
	return xasprintf("cannot listen on %s (%s): %s", request->address, request->option,
	    strerror(errno_value));
}

/* IPv4 where a name has both, as clients of "localhost" expect. */
static const struct addrinfo *
preferred(const struct addrinfo *list)
{
	for (const struct addrinfo *info = list; info != NULL; info = info->ai_next) {
		if (info->ai_family == AF_INET)
			return info;
	}
	return list;
}

/* In the order of the host's bytes; the field is at one place in both families. */
static unsigned
port_of(const struct sockaddr *address)
{
	return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
}

static char *
bound_address(int fd, const char *address)
{
	struct sockaddr_storage bound = { 0 };
	socklen_t size = sizeof(bound);

	MUST(getsockname(fd, (struct sockaddr *)&bound, &size) == 0);
	return xasprintf("%.*s:%u", (int)(strrchr(address, ':') - address), address,
	    port_of((const struct sockaddr *)&bound));
}

static int
resolve(const char *address, struct addrinfo **list)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV };
	char *host = NULL;
	const char *port = split(address, &host);
	int code = getaddrinfo(host, port, &hints, list);

	free(host);
	return code;
}

bool
listen_resolves(const char *address, char **problem)
{
	struct addrinfo *list = NULL;
	int code = resolve(address, &list);

	if (code == 0)
		freeaddrinfo(list);
	else
		*problem = xasprintf("\"%s\": %s", address, gai_strerror(code));
	return code == 0;
}

char *
listen_problem(const struct listen_request *request, bool runs)
{
	struct addrinfo *list = NULL;
	const struct addrinfo *info;
	struct holder holder;
	int code = resolve(request->address, &list);
	char *problem = NULL;
	int fd, error;

	if (code != 0)
		return xasprintf("%s: \"%s\": %s", request->option, request->address,
		    gai_strerror(code));
	info = preferred(list);
	fd = try_bind(info);
	error = fd == -1 ? errno : 0;
	if (fd != -1)
		close(fd);
	/* A service manager, process 1, may have it open for the node. */
	else if (error != EADDRINUSE ||
	    (!runs && !(holder_of_port(info->ai_addr, &holder) && holder.pid == 1)))
		problem = refusal(request, info, error);
	freeaddrinfo(list);
	return problem;
}

enum err
listen_adopt(int fd, char **bound)
{
	struct sockaddr_storage address = { 0 };
	char host[INET6_ADDRSTRLEN] = "";
	socklen_t size = sizeof(address);
	int listens = 0;
	socklen_t listens_size = sizeof(listens);
	char *shown;

	if (getsockname(fd, (struct sockaddr *)&address, &size) == -1 ||
	    (address.ss_family != AF_INET && address.ss_family != AF_INET6) ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_size) == -1 ||
	    listens == 0 ||
	    getnameinfo((const struct sockaddr *)&address, size, host, sizeof(host), NULL, 0,
		NI_NUMERICHOST) != 0)
		return ERR_INVALID;
	shown = xasprintf(address.ss_family == AF_INET6 ? "[%s]:0" : "%s:0", host);
	*bound = bound_address(fd, shown);
	free(shown);
	return ERR_NONE;
}

static bool
is_any_address(const struct sockaddr *address)
{
	static const struct in6_addr any6 = IN6ADDR_ANY_INIT;

	if (address->sa_family == AF_INET)
		return ((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr ==
		    htonl(INADDR_ANY);
	return memcmp(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, &any6,
	    sizeof(any6)) == 0;
}

static bool
same_host(const struct sockaddr *one, const struct sockaddr *other)
{
	if (one->sa_family != other->sa_family)
		return false;
	if (one->sa_family == AF_INET)
		return ((const struct sockaddr_in *)(const void *)one)->sin_addr.s_addr ==
		    ((const struct sockaddr_in *)(const void *)other)->sin_addr.s_addr;
	return memcmp(&((const struct sockaddr_in6 *)(const void *)one)->sin6_addr,
	    &((const struct sockaddr_in6 *)(const void *)other)->sin6_addr,
	    sizeof(struct in6_addr)) == 0;
}

bool
listen_is_at(int fd, const char *address, bool exactly)
{
	struct sockaddr_storage bound = { 0 };
	const struct sockaddr *ours = (const struct sockaddr *)&bound;
	const struct addrinfo *wanted;
	socklen_t size = sizeof(bound);
	struct addrinfo *list = NULL;
	unsigned port;
	bool found;

	if (getsockname(fd, (struct sockaddr *)&bound, &size) == -1 || resolve(address, &list) != 0)
		return false;
	wanted = preferred(list);
	port = port_of(wanted->ai_addr);
	found = (port == 0 || port == port_of(ours)) &&
	    (same_host(ours, wanted->ai_addr) || (!exactly && is_any_address(ours)));
	freeaddrinfo(list);
	return found;
}

int
listen_open(const struct listen_request *request, char **bound, char **problem)
{
	const struct addrinfo *info;
	struct addrinfo *list = NULL;
	int code = resolve(request->address, &list);
	int fd;

	if (code != 0) {
		*problem = xasprintf("cannot listen on %s (%s): %s", request->address,
		    request->option, gai_strerror(code));
		return -1;
	}
	info = preferred(list);
	fd = listen_patiently(info);
	if (fd == -1)
		*problem = refusal(request, info, errno);
	else
		*bound = bound_address(fd, request->address);
	freeaddrinfo(list);
	return fd;
}
