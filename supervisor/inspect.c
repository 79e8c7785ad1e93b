/*
 * inspect.c - the checks of a start that setup_check leaves to those who do the
 * thing: names of hosts, rights of the data directory.
 */
#include "supervisor/inspect.h"

#include "common/program.h"
#include "common/xmem.h"
#include "supervisor/directory.h"
#include "supervisor/listen.h"
#include "supervisor/setup.h"
#include "supervisor/tls_files.h"

#include <stdlib.h>

static char *
check_address(const struct arguments *arguments, enum option_id id, const char *address)
{
	char *source, *sentence;
	char *problem = NULL;

	if (listen_resolves(address, &problem))
		return NULL;
	source = arguments_source(arguments, id);
	sentence = xasprintf("%s: %s", source, problem);
	free(source);
	free(problem);
	return sentence;
}

static char *
check_addresses(const struct arguments *arguments)
{
	static const enum option_id ids[] = { OPTION_addr, OPTION_bind_addr, OPTION_peer_addr,
		OPTION_peer_bind_addr };
	char *problem = NULL;
	char *list, *rest, *item;

	for (size_t i = 0; problem == NULL && i < ARRAY_COUNT(ids); i++)
		problem = check_address(arguments, ids[i], config_text(&arguments->config, ids[i]));
	list = xstrdup(arguments->config.peers);
	rest = list;
	while (problem == NULL && (item = strsep(&rest, ",")) != NULL) {
		if (item[0] != '\0')
			problem = check_address(arguments, arguments->config.peers_file[0] != '\0' ?
			    OPTION_peers_file : OPTION_peers, item);
	}
	free(list);
	return problem;
}

static char *
check_certificates(const struct arguments *arguments)
{
	char *problem;
	struct tls_files *files = tls_files_load(arguments, &problem);

	tls_files_free(&files);
	return problem;
}

char *
inspect(struct arguments *arguments, const struct privileges *privileges, const char *raftd_path,
    struct buf *out)
{
	const struct config *config = &arguments->config;
	char *problem = check_addresses(arguments);
	char *directory = NULL;
	unsigned workers = setup_workers(config);

	if (problem == NULL)
		problem = check_certificates(arguments);
	if (problem != NULL)
		return problem;
	if (directory_check(arguments, privileges, &directory, &problem) != EXIT_STOPPED)
		return problem;
	buf_printf(out, "data      %s\n", directory);
	buf_printf(out, "clients   %s, listening on %s\n", config->addr, config->bind_addr);
	buf_printf(out, "peers     %s, listening on %s\n", config->peer_addr,
	    config->peer_bind_addr);
	if (config->discovery[0] != '\0')
		buf_append_text(out,
		    "cluster   as in the data, or as the discovery service says\n");
	else
		buf_printf(out, "cluster   %s%s\n", config->peers[0] == '\0' ?
		    "as in the data, or a new one" : "as in the data, or to be joined by ",
		    config->peers);
	buf_printf(out, "programs  %.*s, %u client worker%s\n",
	    (int)(strrchr(raftd_path, '/') - raftd_path), raftd_path, workers,
	    workers == 1 ? "" : "s");
	buf_printf(out, "good: %s can be started so\n", program_own());
	free(directory);
	return NULL;
}
