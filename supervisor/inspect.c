/*
 * inspect.c - the checks of a start that setup_check leaves to those who do the
 * thing: certificates, programs, the data directory, files, addresses.
 */
#include "supervisor/inspect.h"

#include "common/program.h"
#include "common/xmem.h"
#include "supervisor/directory.h"
#include "supervisor/listen.h"
#include "supervisor/listeners.h"
#include "supervisor/setup.h"
#include "supervisor/tls_files.h"
#include "supervisor/upgrade.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

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
check_list(const struct arguments *arguments, enum option_id id, const char *text)
{
	char *list = xstrdup(text);
	char *rest = list;
	char *problem = NULL;
	char *item;

	while (problem == NULL && (item = strsep(&rest, ",")) != NULL)
		if (item[0] != '\0')
			problem = check_address(arguments, id, item);
	free(list);
	return problem;
}

static char *
check_addresses(const struct arguments *arguments)
{
	static const enum option_id ids[] = { OPTION_addr, OPTION_bind_addr, OPTION_peer_addr,
		OPTION_peer_bind_addr };
	const struct config *config = &arguments->config;
	char *problem = NULL;

	for (size_t i = 0; problem == NULL && i < ARRAY_COUNT(ids); i++)
		problem = check_list(arguments, ids[i], config_text(config, ids[i]));
	return problem != NULL ? problem : check_list(arguments, config->peers_file[0] != '\0' ?
	    OPTION_peers_file : OPTION_peers, config->peers);
}

static char *
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? xstrdup(".") : slash == path ? xstrdup("/") :
	    xasprintf("%.*s", (int)(slash - path), path);
}

/* A file that is made, or written to if it is there. */
static char *
check_file(const struct arguments *arguments, enum option_id id)
{
	const char *path = config_text(&arguments->config, id);
	char *folder, *source, *problem = NULL;
	bool writable;
	int error;

	if (path[0] != '/')
		return NULL;
	folder = folder_of(path);
	writable = access(path, F_OK) == 0 ? access(path, W_OK) == 0 :
	    access(folder, W_OK | X_OK) == 0;
	error = errno;
	free(folder);
	if (!writable) {
		source = arguments_source(arguments, id);
		problem = xasprintf("%s: cannot write %s: %s", source, path, strerror(error));
		free(source);
	}
	return problem;
}

static char *
check_files(const struct arguments *arguments)
{
	static const enum option_id ids[] = { OPTION_log_output, OPTION_access_log,
		OPTION_pid_file, OPTION_port_file };
	const char *run_dir = arguments->config.run_dir;
	char *problem = NULL;

	for (size_t i = 0; problem == NULL && i < ARRAY_COUNT(ids); i++)
		problem = check_file(arguments, ids[i]);
	if (problem == NULL && run_dir[0] != '\0' && (access(run_dir, F_OK) == 0 ?
	    access(run_dir, W_OK | X_OK) == -1 : !directory_can_be_made(run_dir)))
		problem = xasprintf("cannot make %s (-run-dir): no right to", run_dir);
	return problem;
}

/* In the order of a start, but for the network, which comes last: it may take a while. */
static char *
check_all(struct arguments *arguments, const struct privileges *privileges,
    const struct inspect_programs *programs, struct directory_found *found)
{
	const char *const paths[] = { programs->raftd, programs->httpd };
	char *problem = tls_files_problem(arguments,
	    (struct tls_reader){ privileges->uid, privileges->gid });

	*found = (struct directory_found){ .summary = NULL };
	if (problem == NULL)
		problem = upgrade_check_programs(paths, ARRAY_COUNT(paths), programs->build);
	if (problem == NULL &&
	    directory_check(arguments, privileges, found, &problem) != EXIT_STOPPED)
		return problem;
	if (problem == NULL)
		problem = check_files(arguments);
	if (problem == NULL)
		problem = check_addresses(arguments);
	if (problem == NULL)
		problem = listeners_problem(arguments, found->runs);
	return problem;
}

/* Data that goes on counts for itself; -peers and -discovery count for an empty directory. */
static void
put_cluster(const struct config *config, bool goes_on, struct buf *out)
{
	buf_printf(out, "cluster   %s", goes_on ? "as in the data; if that were lost, " : "");
	if (config->discovery[0] != '\0')
		buf_append_text(out, "as the discovery service says\n");
	else if (config->discovery_srv[0] != '\0')
		buf_append_text(out, "as the SRV records of -discovery-srv say\n");
	else if (config->peers[0] == '\0' && config->initial_cluster[0] != '\0')
		buf_append_text(out, "a new one, with all that are in -initial-cluster\n");
	else if (config->peers[0] == '\0')
		buf_append_text(out, "a new one\n");
	else
		buf_printf(out, "to be joined by %s\n", config->peers);
}

/* What a port speaks is said, too: "good" is said of its certificates as well. */
static const char *
speaks(const char *certificate, const char *authorities)
{
	if (certificate[0] == '\0')
		return "";
	return authorities[0] == '\0' ? ", with HTTPS" :
	    ", with HTTPS and certificates of those who call";
}

char *
inspect(struct arguments *arguments, const struct privileges *privileges,
    const struct inspect_programs *programs, struct buf *out)
{
	const struct config *config = &arguments->config;
	struct directory_found found;
	char *problem = check_all(arguments, privileges, programs, &found);
	unsigned workers = setup_workers(config);

	if (problem != NULL) {
		free(found.summary);
		return problem;
	}
	buf_printf(out, "data      %s\n", found.summary);
	buf_printf(out, "clients   %s, listening on %s%s\n", config->addr, config->bind_addr,
	    speaks(config->cert_file, config->ca_file));
	buf_printf(out, "peers     %s, listening on %s%s\n", config->peer_addr,
	    config->peer_bind_addr, speaks(config->peer_cert_file, config->peer_ca_file));
	put_cluster(config, found.holds, out);
	buf_printf(out, "programs  %.*s, %u client worker%s\n",
	    (int)(strrchr(programs->raftd, '/') - programs->raftd), programs->raftd, workers,
	    workers == 1 ? "" : "s");
	buf_printf(out, "good: %s can be started so\n", program_own());
	free(found.summary);
	return NULL;
}
