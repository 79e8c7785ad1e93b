/*
 * resolver.c - the program "resolver": one host name to addresses, and the end.
 *
 *	resolver HOST		started by the supervisor; writes a list of
 *				address_record to descriptor 3
 *	resolver _SERVICE	the same of service_record, by SRV records
 *
 * Reads what the machine's name services are made of and what name servers
 * send, so it holds nothing worth having: no descriptor but its answer's, no
 * memory of the supervisor's, no right to write a file or run a program.
 */
#include "common/diag.h"
#include "common/harden.h"
#include "common/ipc/message.h"
#include "common/limits.h"
#include "common/program.h"
#include "common/services.h"
#include "supervisor/policy.h"
#include "supervisor/spawn.h"

#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIFE_S 10

static void
put_address(struct buf *out, const struct addrinfo *info)
{
	struct address_record record = { .family = 4 };

	if (info->ai_family == AF_INET) {
		const struct sockaddr_in *in =
		    (const struct sockaddr_in *)(const void *)info->ai_addr;

		record.address = slice_of(&in->sin_addr, sizeof(in->sin_addr));
		address_record_put(out, &record);
	} else if (info->ai_family == AF_INET6) {
		const struct sockaddr_in6 *in6 =
		    (const struct sockaddr_in6 *)(const void *)info->ai_addr;

		record.family = 6;
		record.address = slice_of(&in6->sin6_addr, sizeof(in6->sin6_addr));
		record.scope = in6->sin6_scope_id;
		address_record_put(out, &record);
	}
}

static void
put_addresses(struct buf *out, const char *host)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	size_t count = 0;

	if (getaddrinfo(host, NULL, &hints, &list) != 0)
		return;
	for (const struct addrinfo *info = list; info != NULL && count < RESOLVED_MAX;
	     info = info->ai_next) {
		put_address(out, info);
		count++;
	}
	if (list != NULL)
		freeaddrinfo(list);
}

/* Nothing, if nobody says whether there are any. */
static void
put_services(struct buf *out, const char *name)
{
	struct services services;
	enum err err = services_look_up(name, &services);

	if (err != ERR_NONE && err != ERR_NOT_FOUND)
		return;
	for (size_t i = 0; i < services.count; i++)
		service_record_put(out, &(struct service_record){
		    .port = services.list[i].port,
		    .host = slice_text(services.list[i].host) });
	service_record_put(out, &(struct service_record){ .port = 0 });
}

int
main(int argc, char **argv)
{
	struct buf out = BUF_INIT;
	bool written;

	diag_start("resolver");
	if (argc != 2) {
		diag_say("resolver: is started by %s, with a host name", program_etcd());
		return EXIT_USAGE;
	}
	/* Set before exec too; a program of other rights would have lost it. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	harden_start(SPAWN_CONTROL_FD + 1);
	harden_limits();
	(void)alarm(LIFE_S);
	if (resolver_policy(SANDBOX_BEST) != ERR_NONE)
		return EXIT_USAGE;
	if (argv[1][0] == '_')
		put_services(&out, argv[1]);
	else
		put_addresses(&out, argv[1]);
	/* Far below what a socket takes at once. */
	written = out.size == 0 ||
	    send(SPAWN_CONTROL_FD, out.data, out.size, MSG_NOSIGNAL) == (ssize_t)out.size;
	buf_free(&out);
	return written ? EXIT_STOPPED : EXIT_TROUBLE;
}
