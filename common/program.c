/*
 * program.c - own name from argv[0], as the C library keeps it; the others from
 * configure.
 */
#include "common/program.h"

#include <errno.h>
#include <string.h>

const char *
program_own(void)
{
	/* A caller may leave argv[0] empty. */
	return program_invocation_short_name[0] == '\0' ? "moothall" :
	    program_invocation_short_name;
}

static bool
has_name_of_sources(void)
{
	return strcmp(program_own(), "etcd") == 0 || strcmp(program_own(), "etcdctl") == 0;
}

const char *
program_etcd(void)
{
	return has_name_of_sources() ? "etcd" : INSTALLED_ETCD;
}

const char *
program_etcdctl(void)
{
	return has_name_of_sources() ? "etcdctl" : INSTALLED_ETCDCTL;
}
