/*
 * policy.c - the workers' tables (see policy.h).
 *
 * A client worker takes connections from the socket it was given and makes
 * none. A peer worker also makes TCP connections, to peers; the supervisor has
 * their names looked up. Neither opens a file, makes a thread or a process: the
 * threads in which a client worker checks passwords are there before, and are
 * held by the same table.
 */
#include "httpd/policy.h"

#include "common/ipc/wire.h"

#include <fcntl.h>
#include <sys/socket.h>

#define SOCKET_TYPE_BITS UINT64_C(0xf)	/* without SOCK_NONBLOCK and SOCK_CLOEXEC */

#define EVERY_WORKER \
	SANDBOX_CALL(accept4), SANDBOX_CALL(accept), \
	SANDBOX_CALL(getsockname), SANDBOX_CALL(getpeername), \
	SANDBOX_CALL(setsockopt), SANDBOX_CALL(getsockopt), \
	/* the page that raftd shares */ \
	SANDBOX_CALL_IF(fcntl, SANDBOX_IS(1, F_GET_SEALS)), \
	/* fstat() of today's C library; without a path it opens nothing */ \
	SANDBOX_CALL(newfstatat)

static const struct sandbox_call client_calls[] = {
	EVERY_WORKER,
};

static const struct sandbox_call peer_calls[] = {
	EVERY_WORKER,
	SANDBOX_CALL_IF(socket, SANDBOX_IS(0, AF_INET),
	    SANDBOX_ARGUMENT(1, SOCKET_TYPE_BITS, SOCK_STREAM)),
	SANDBOX_CALL_IF(socket, SANDBOX_IS(0, AF_INET6),
	    SANDBOX_ARGUMENT(1, SOCKET_TYPE_BITS, SOCK_STREAM)),
	SANDBOX_CALL(connect),
};

enum err
httpd_policy_files(enum sandbox_mode mode, int role)
{
	sandbox_prepare();
	return sandbox_files(mode, &(struct sandbox_files){ .keep_connect = role == ROLE_PEER });
}

enum err
httpd_policy_calls(enum sandbox_mode mode, int role)
{
	bool is_peer = role == ROLE_PEER;
	struct sandbox_calls calls = {
		.calls = is_peer ? peer_calls : client_calls,
		.count = is_peer ? ARRAY_COUNT(peer_calls) : ARRAY_COUNT(client_calls),
	};

	return sandbox_calls(mode, &calls, "httpd");
}
