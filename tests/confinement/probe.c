/*
 * probe.c - becomes one of the node's processes as far as its rights go, and
 * tries something.
 *
 *	probe PROCESS MODE DIRECTORY ATTEMPT [ARGUMENT]
 *	    PROCESS	supervisor, raftd, client, peer, resolver
 *	    MODE	on, best, off: of -sandbox
 *	    DIRECTORY	data directory (raftd), libexec directory (supervisor, resolver)
 *	    ATTEMPT	of attempt.c
 *	probe without CALL PROGRAM [ARGUMENT ...]
 *	    run a program on a kernel that has not that system call
 *
 * Says "done" or the name of the error; or is killed. Uses the very tables of the processes.
 */
#include "common/harden.h"
#include "common/ipc/wire.h"
#include "httpd/policy.h"
#include "raftd/policy.h"
#include "supervisor/policy.h"
#include "tests/confinement/attempt.h"

#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef HAVE_SECCOMP
#include <seccomp.h>
#endif

#define EXIT_UNABLE 99		/* the probe itself is wrong */

static enum err
confine_supervisor(enum sandbox_mode mode, const char *directory)
{
	char raftd[4096], httpd[4096];

	snprintf(raftd, sizeof(raftd), "%s/raftd", directory);
	snprintf(httpd, sizeof(httpd), "%s/httpd", directory);
	return supervisor_policy(mode, raftd, httpd, NULL);
}

static enum err
confine_raftd(enum sandbox_mode mode, const char *directory)
{
	enum err err = raftd_policy_open(mode, directory);

	return err == ERR_NONE ? raftd_policy_serve(mode, directory) : err;
}

static enum err
confine_client(enum sandbox_mode mode, const char *directory UNUSED)
{
	enum err err = httpd_policy_files(mode, ROLE_CLIENT);

	return err == ERR_NONE ? httpd_policy_calls(mode, ROLE_CLIENT) : err;
}

static enum err
confine_peer(enum sandbox_mode mode, const char *directory UNUSED)
{
	enum err err = httpd_policy_files(mode, ROLE_PEER);

	return err == ERR_NONE ? httpd_policy_calls(mode, ROLE_PEER) : err;
}

static enum err
confine_resolver(enum sandbox_mode mode, const char *directory)
{
	enum err err = confine_supervisor(mode, directory);

	return err == ERR_NONE ? resolver_policy(mode) : err;
}

static int
run_without(int argc, char **argv)
{
#ifdef HAVE_SECCOMP
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (argc < 4 || filter == NULL ||
	    seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), seccomp_syscall_resolve_name(argv[2]),
		0) != 0 || seccomp_load(filter) != 0)
		return EXIT_UNABLE;
	seccomp_release(filter);
	execv(argv[3], argv + 3);
#endif
	(void)argc;
	(void)argv;
	return EXIT_UNABLE;
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		enum err (*confine)(enum sandbox_mode mode, const char *directory);
	} processes[] = {
		{ "supervisor", confine_supervisor }, { "raftd", confine_raftd },
		{ "client", confine_client }, { "peer", confine_peer },
		{ "resolver", confine_resolver },
	};
	const struct attempt *attempt = argc < 5 ? NULL : attempt_find(argv[4]);
	enum sandbox_mode mode;
	int prepared = -1;
	size_t which = 0;
	int result;

	if (argc >= 2 && strcmp(argv[1], "without") == 0)
		return run_without(argc, argv);
	if (attempt == NULL || !sandbox_mode_parse(argv[2], &mode))
		return EXIT_UNABLE;
	while (which < ARRAY_COUNT(processes) && strcmp(processes[which].name, argv[1]) != 0)
		which++;
	if (which == ARRAY_COUNT(processes))
		return EXIT_UNABLE;
	harden_start(-1);
	harden_no_new_privileges();
	if (attempt->prepare != NULL && (prepared = attempt->prepare(argv[5])) == -1)
		return EXIT_UNABLE;
	if (processes[which].confine(mode, argv[3]) != ERR_NONE)
		return EXIT_UNABLE;
	errno = 0;
	result = attempt->run(prepared, argc > 5 ? argv[5] : "");
	dprintf(STDOUT_FILENO, "%s\n", result == 0 ? "done" : strerrorname_np(errno));
	return 0;
}
