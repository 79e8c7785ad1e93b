/*
 * setup.c - one function for each rule, called in order; the first that
 * complains ends it.
 */
#include "supervisor/setup.h"

#include "common/diag.h"
#include "common/limits.h"
#include "common/modules.h"
#include "common/node_name.h"
#include "common/rand.h"
#include "common/retain.h"
#include "common/xmem.h"
#include "supervisor/addresses.h"
#include "supervisor/privileges.h"
#include "supervisor/url_flags.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WORKERS_MAX 64
#define WORKERS_AUTO_MAX 4
#define RETRY_MS_MIN 2500
#define READY_FD_DIGITS 6
#define RETRY_MS_MAX 5000

void
setup_text(struct config *config, enum option_id id, const char *text)
{
	char *problem;

	MUST(config_set(config, id, text, &problem) == ERR_NONE);
}

/* What is too small is raised, as the cluster would do it. */
static char *
check_cluster(struct arguments *arguments)
{
	struct config *config = &arguments->config;

	config->cluster_active_size = MAX_OF(config->cluster_active_size,
	    (uint64_t)ACTIVE_SIZE_MIN);
	config->cluster_remove_delay = MAX_OF(config->cluster_remove_delay,
	    (uint64_t)REMOVE_DELAY_MS_MIN);
	config->cluster_sync_interval = MAX_OF(config->cluster_sync_interval,
	    (uint64_t)SYNC_INTERVAL_MS_MIN);
	if (config->cluster_active_size > ACTIVE_SIZE_DEFAULT)
		diag_warn("options",
		    "-cluster-active-size (%llu): every write waits for most of so "
		    "many machines", (unsigned long long)config->cluster_active_size);
	return NULL;
}

static char *
check_log_level(struct arguments *arguments)
{
	struct config *config = &arguments->config;
	struct diag_levels levels;
	char *problem;

	if (config->verbose)
		setup_text(config, OPTION_log_level, "debug");
	if (config->very_verbose || config->very_very_verbose || strcmp(config->trace, "*") == 0)
		setup_text(config, OPTION_log_level, "trace");
	problem = diag_levels_parse(config->log_level, &levels);
	return problem == NULL ? NULL : arguments_problem(arguments, OPTION_log_level, problem);
}

static char *
check_workers(struct arguments *arguments)
{
	const char *text = arguments->config.workers;
	unsigned long number;
	char *end;

	if (strcmp(text, "auto") == 0)
		return NULL;
	number = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0')
		return arguments_problem(arguments, OPTION_workers,
		    xasprintf("\"%s\" is neither a whole number nor auto", text));
	if (number < 1)
		return arguments_problem(arguments, OPTION_workers,
		    xasprintf("%s is below the minimum 1", text));
	if (number > WORKERS_MAX)
		return arguments_problem(arguments, OPTION_workers,
		    xasprintf("%s is above the maximum %d", text, WORKERS_MAX));
	return NULL;
}

unsigned
setup_workers(const struct config *config)
{
	long processors;

	if (strcmp(config->workers, "auto") != 0)
		return (unsigned)strtoul(config->workers, NULL, 10);
	processors = sysconf(_SC_NPROCESSORS_ONLN);
	return (unsigned)MAX_OF(1, MIN_OF(WORKERS_AUTO_MAX, processors));
}

static char *
check_times(struct arguments *arguments)
{
	struct config *config = &arguments->config;
	bool both = arguments->source[OPTION_peer_election_timeout] != OPTION_FROM_DEFAULT &&
	    arguments->source[OPTION_peer_heartbeat_interval] != OPTION_FROM_DEFAULT;
	unsigned long long election = config->peer_election_timeout;
	unsigned long long heartbeat = config->peer_heartbeat_interval;
	struct rand rand;

	if (election < 2 * heartbeat)
		return xasprintf("-peer-election-timeout (%llu) must be at least twice "
		    "-peer-heartbeat-interval (%llu)", election, heartbeat);
	if (both && election < 4 * heartbeat)
		diag_warn("options", "-peer-election-timeout (%llu) should be at least four times "
		    "-peer-heartbeat-interval (%llu)", election, heartbeat);
	if (arguments->source[OPTION_retry_interval] == OPTION_FROM_DEFAULT) {
		rand_seed(&rand, rand_entropy());
		config->retry_interval = RETRY_MS_MIN +
		    rand_below(&rand, RETRY_MS_MAX - RETRY_MS_MIN + 1);
	}
	return NULL;
}

/* The content of -peers-file, where a newline is as good as a comma. */
static char *
read_peers_file(const char *path, char **problem)
{
	struct buf text = { .limit = MIB };
	FILE *file = fopen(path, "re");
	char piece[4096];
	char *result = NULL;
	size_t size;

	if (file == NULL) {
		*problem = xasprintf("cannot read %s: %s", path, strerror(errno));
		return NULL;
	}
	while ((size = fread(piece, 1, sizeof(piece), file)) > 0)
		buf_append(&text, piece, size);
	if (ferror(file) != 0 || text.overflowed) {
		*problem = xasprintf("cannot read %s: %s", path,
		    text.overflowed ? "too long for a list of peers" : strerror(errno));
	} else {
		result = xasprintf("%.*s", SLICE_ARGS(buf_slice(&text)));
		for (char *at = result; *at != '\0'; at++) {
			if (*at == '\n' || *at == '\r')
				*at = ',';
		}
	}
	fclose(file);
	buf_free(&text);
	return result;
}

static const char *
without_scheme(const char *item)
{
	const char *scheme = strstr(item, "://");

	return scheme == NULL ? item : scheme + 3;
}

static bool
is_listened_on(const struct config *config, const char *address)
{
	struct addresses list;
	bool is = false;

	MUST(addresses_read(config->peer_bind_addr, &list));
	for (size_t i = 0; i < list.count; i++)
		is = is || strcmp(list.items[i], address) == 0;
	addresses_free(&list);
	return is;
}

/* One item of the list to kept, unless it is this machine. Cuts item. */
static char *
take_peer(const struct config *config, char *item, struct buf *kept)
{
	char *address = item + (without_scheme(item) - item);
	char *problem;

	address[strcspn(address, "/")] = '\0';
	problem = option_address_problem(address);
	if (problem != NULL)
		return problem;
	if (strcmp(address, config->peer_addr) == 0 || is_listened_on(config, address))
		return NULL;
	if (kept->size > 0)
		buf_append_byte(kept, ',');
	buf_append_text(kept, address);
	return NULL;
}

static char *
check_peers(struct arguments *arguments)
{
	struct config *config = &arguments->config;
	enum option_id source = OPTION_peers;
	struct buf kept = BUF_INIT;
	char *problem = NULL;
	char *list, *rest, *item;
	char *text;
	bool given;

	if (config->peers_file[0] != '\0') {
		source = OPTION_peers_file;
		list = read_peers_file(config->peers_file, &problem);
		if (list == NULL)
			return arguments_problem(arguments, source, problem);
		setup_text(config, OPTION_peers, list);
		free(list);
	}
	given = config->peers[0] != '\0';
	list = xstrdup(config->peers);
	rest = list;
	while (problem == NULL && (item = strsep(&rest, ",")) != NULL) {
		if (item[0] != '\0')
			problem = take_peer(config, item, &kept);
	}
	free(list);
	text = xasprintf("%.*s", (int)kept.size, kept.size == 0 ? "" : (const char *)kept.data);
	buf_free(&kept);
	if (problem == NULL)
		setup_text(config, OPTION_peers, text);
	if (problem == NULL && given && text[0] == '\0') {
		char *name = arguments_source(arguments, source);

		free(text);
		text = xasprintf("%s names only this machine", name);
		free(name);
		return text;
	}
	free(text);
	return problem == NULL ? NULL : arguments_problem(arguments, source, problem);
}

char *
setup_absolute(const char *path)
{
	char *here, *absolute;

	if (path[0] == '/')
		return xstrdup(path);
	here = getcwd(NULL, 0);
	/* Somebody has removed it: no relative path leads anywhere. */
	if (here == NULL)
		return xstrdup(path);
	while (strncmp(path, "./", 2) == 0)
		path += 2;
	absolute = xasprintf("%s/%s", here, path);
	free(here);
	return absolute;
}

static void
absolute_path(struct config *config, enum option_id id)
{
	const char *given = config_text(config, id);
	char *absolute;

	if (given[0] == '\0')
		return;
	absolute = setup_absolute(given);
	setup_text(config, id, absolute);
	free(absolute);
}

/* Anything else that -log-output names is a file. */
static bool
is_word_for_output(const char *output)
{
	return strcmp(output, "stderr") == 0 || strcmp(output, "stdout") == 0 ||
	    strcmp(output, "journal") == 0 || strcmp(output, "syslog") == 0 ||
	    strncmp(output, "syslog:", strlen("syslog:")) == 0;
}

/* The data directory is shown as it was written, so directory.c makes it absolute. */
static void
absolute_paths(struct config *config)
{
	static const enum option_id paths[] = { OPTION_peers_file, OPTION_run_dir, OPTION_pid_file,
		OPTION_libexec_dir, OPTION_port_file, OPTION_cert_file, OPTION_key_file,
		OPTION_ca_file, OPTION_trusted_ca_file, OPTION_peer_cert_file,
		OPTION_peer_key_file, OPTION_peer_ca_file };

	for (size_t i = 0; i < ARRAY_COUNT(paths); i++)
		absolute_path(config, paths[i]);
	if (!is_word_for_output(config->log_output))
		absolute_path(config, OPTION_log_output);
	if (strcmp(config->access_log, "-") != 0 && strcmp(config->access_log, "off") != 0)
		absolute_path(config, OPTION_access_log);
}

static char *
check_name(struct arguments *arguments)
{
	char *problem;

	if (arguments->source[OPTION_name] == OPTION_FROM_DEFAULT)
		return NULL;
	problem = node_name_problem(arguments->config.name);
	return problem == NULL ? NULL : arguments_problem(arguments, OPTION_name, problem);
}

/* A certificate and its key come together, and a CA only with them. */
static char *
check_tls_pairs(struct arguments *arguments)
{
	static const enum option_id ports[][3] = {
		{ OPTION_cert_file, OPTION_key_file, OPTION_ca_file },
		{ OPTION_peer_cert_file, OPTION_peer_key_file, OPTION_peer_ca_file },
	};

	for (size_t i = 0; i < ARRAY_COUNT(ports); i++) {
		const char *const flags[] = { option_rows[ports[i][0]].flag,
			option_rows[ports[i][1]].flag, option_rows[ports[i][2]].flag };
		bool cert = config_text(&arguments->config, ports[i][0])[0] != '\0';
		bool key = config_text(&arguments->config, ports[i][1])[0] != '\0';

		if (cert != key)
			return xasprintf("-%s given without -%s", flags[cert ? 0 : 1],
			    flags[cert ? 1 : 0]);
		if (!cert && config_text(&arguments->config, ports[i][2])[0] != '\0')
			return xasprintf("-%s needs -%s and -%s", flags[2], flags[0], flags[1]);
	}
	return NULL;
}

/* The value has to be one of these words; the list ends with NULL. */
static char *
check_choice(const struct arguments *arguments, enum option_id id, const char *const *words)
{
	const char *value = config_text(&arguments->config, id);
	struct buf list = BUF_INIT;
	char *problem;

	for (size_t i = 0; words[i] != NULL; i++) {
		if (strcmp(value, words[i]) == 0) {
			buf_free(&list);
			return NULL;
		}
		buf_printf(&list, "%s%s", i == 0 ? "" : ", ", words[i]);
	}
	problem = xasprintf("\"%s\" is none of %.*s", value, SLICE_ARGS(buf_slice(&list)));
	buf_free(&list);
	return arguments_problem(arguments, id, problem);
}

static char *
check_modules(const struct arguments *arguments)
{
	struct slice unknown;

	(void)modules_read(arguments->config.modules, &unknown);
	if (unknown.size == 0)
		return NULL;
	return arguments_problem(arguments, OPTION_modules,
	    xasprintf("\"%.*s\" is no module; there are lock and leader", SLICE_ARGS(unknown)));
}

static char *
check_choices(struct arguments *arguments)
{
	static const char *const sandbox[] = { "on", "off", "best", NULL };
	static const char *const versions[] = { "1.2", "1.3", NULL };
	static const char *const formats[] = { "text", "json", NULL };
	static const char *const changes[] = { "on", "off", NULL };
	static const char *const pages[] = { "on", "read-only", "off", NULL };
	char *problem = check_choice(arguments, OPTION_sandbox, sandbox);

	if (problem == NULL)
		problem = check_choice(arguments, OPTION_tls_min_version, versions);
	if (problem == NULL)
		problem = check_choice(arguments, OPTION_log_format, formats);
	if (problem == NULL)
		problem = check_choice(arguments, OPTION_member_changes, changes);
	if (problem == NULL)
		problem = check_choice(arguments, OPTION_ui, pages);
	if (problem == NULL)
		problem = check_modules(arguments);
	return problem;
}

/* In the background nobody reads the terminal, and nobody knows the process id. */
static char *
check_daemon(struct arguments *arguments)
{
	const struct config *config = &arguments->config;
	const char *number = config->ready_fd;

	if (number[0] != '\0' && (strspn(number, "0123456789") != strlen(number) ||
	    strlen(number) > READY_FD_DIGITS))
		return arguments_problem(arguments, OPTION_ready_fd,
		    xasprintf("\"%s\" is not the number of a descriptor", number));
	if (!config->daemon)
		return NULL;
	if (config->pid_file[0] == '\0')
		return xstrdup("-daemon needs -pid-file");
	if (strcmp(config->log_output, "stderr") == 0 ||
	    strcmp(config->log_output, "stdout") == 0 ||
	    strcmp(config->log_output, "journal") == 0)
		return xasprintf("-daemon needs a -log-output that is no terminal: \"%s\" may "
		    "be one",
		    config->log_output);
	return NULL;
}

/* What a browser may send as Origin: scheme://host[:port], no blanks, right escapes. */
static bool
is_origin(const char *item)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	size_t scheme = strspn(item, letters);

	if (strcmp(item, "*") == 0)
		return true;
	if (scheme == 0 || strncmp(item + scheme, "://", 3) != 0 || item[scheme + 3] == '\0')
		return false;
	for (const char *at = item + scheme + 3; *at != '\0'; at++) {
		if ((unsigned char)*at <= ' ' || *at == 0x7f || strchr("\"<>\\^`{|}", *at) != NULL)
			return false;
		if (*at == '%' &&
		    (!isxdigit((unsigned char)at[1]) || !isxdigit((unsigned char)at[2])))
			return false;
	}
	return true;
}

static char *
check_cors(struct arguments *arguments)
{
	struct config *config = &arguments->config;
	char *list = xstrdup(config->cors);
	char *rest = list;
	char *problem = NULL;
	char *item;

	while (problem == NULL && (item = strsep(&rest, ",")) != NULL) {
		if (item[0] != '\0' && !is_origin(item))
			problem = arguments_problem(arguments, OPTION_cors,
			    xasprintf("\"%s\" is not a URL", item));
	}
	free(list);
	if (arguments->source[OPTION_origin_check] == OPTION_FROM_DEFAULT)
		config->origin_check = config->cors[0] != '\0';
	return problem;
}

/* What the header Host can have of a name: no port, no pattern. */
static char *
check_host_names(struct arguments *arguments)
{
	static const char bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789.-_";
	char *list = xstrdup(arguments->config.host_names);
	char *rest = list;
	char *problem = NULL;
	char *item;

	while (problem == NULL && (item = strsep(&rest, ",")) != NULL) {
		if (item[strspn(item, bytes)] != '\0')
			problem = arguments_problem(arguments, OPTION_host_names,
			    xasprintf("\"%s\" is not the name of a host: letters, digits, "
			    "\".\", \"-\" and \"_\", without a port; addresses may always be "
			    "used", item));
	}
	free(list);
	return problem;
}

/* Not to be read as whoever we are: and how it could be. */
static char *
cannot_read(const char *path)
{
	char user[PRIVILEGES_NAME_BYTES], group[PRIVILEGES_NAME_BYTES];
	int error = errno;

	if (error != EACCES)
		return xasprintf("cannot read %s: %s", path, strerror(error));
	return xasprintf("cannot read %s: %s; let %s read it and enter its folder: for a key, "
	    "chgrp it to %s and chmod 640 it", path, strerror(error),
	    privileges_user_text(geteuid(), user), privileges_group_text(getegid(), group));
}

/* Read as whoever we are now: the rights that are dropped later do not count. */
static char *
check_files(struct arguments *arguments)
{
	static const enum option_id files[] = { OPTION_cert_file, OPTION_key_file, OPTION_ca_file,
		OPTION_peer_cert_file, OPTION_peer_key_file, OPTION_peer_ca_file };

	for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
		const char *path = config_text(&arguments->config, files[i]);

		if (path[0] != '\0' && access(path, R_OK) == -1)
			return arguments_problem(arguments, files[i], cannot_read(path));
	}
	return NULL;
}

/* The worker that asks there reads the rest of it. */
static char *
check_discovery(struct arguments *arguments)
{
	const char *url = arguments->config.discovery;
	const char *host = strstr(url, "://");
	size_t length;

	if (url[0] == '\0')
		return NULL;
	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return arguments_problem(arguments, OPTION_discovery,
		    xasprintf("\"%s\" does not begin with http:// or https://", url));
	host += 3;
	length = strcspn(host, "/");
	/* It may have a password in it, so it is not repeated. */
	if (memchr(host, '@', length) != NULL)
		return arguments_problem(arguments, OPTION_discovery,
		    xstrdup("a user in the URL is not supported"));
	for (const char *at = host; *at != '\0'; at++)
		if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7f ||
		    *at == '?' || *at == '#')
			return arguments_problem(arguments, OPTION_discovery,
			    xasprintf("\"%s\" is not a URL http://HOST:PORT/PATH", url));
	if (length == 0)
		return arguments_problem(arguments, OPTION_discovery,
		    xasprintf("\"%s\" is not a URL http://HOST:PORT/PATH", url));
	return NULL;
}

/* A backup becomes a cluster of one, in a directory of its own. */
static char *
check_restore(struct arguments *arguments)
{
	const struct config *config = &arguments->config;

	if (config->restore[0] == '\0')
		return NULL;
	if (config->peers[0] != '\0' || config->discovery[0] != '\0')
		return arguments_problem(arguments, OPTION_restore,
		    xstrdup("it makes a new cluster of this node alone; leave out -peers and "
		    "-discovery, and let the others join it empty"));
	if (config->force)
		return arguments_problem(arguments, OPTION_restore,
		    xstrdup("it needs a new -data-dir; leave "
		    "out -force"));
	return NULL;
}

void
setup_tell_ineffective(const struct arguments *arguments)
{
	const struct config *config = &arguments->config;

	if (config->ipc_max_frame != FRAME_BYTES_MAX)
		diag_warn("options", "-ipc-max-frame has no effect: frames have at most 16M");
	if (config->graphite_host[0] != '\0')
		diag_warn("options", "-graphite-host has no effect: use /metrics");
	if (config->cpuprofile[0] != '\0')
		diag_warn("options", "-cpuprofile has no effect");
	url_flags_tell(arguments);
	if (config->no_fsync)
		diag_warn("options", "-no-fsync: what is acknowledged can be lost");
}

/* What raftd is told of the v3 keys. */
static char *
check_v3(struct arguments *arguments)
{
	const struct config *config = &arguments->config;
	struct retention retention;
	bool mode_is_wrong;
	uint64_t quota, notice_ms;
	char *problem;

	problem = retain_notice_parse(config->experimental_watch_progress_notify_interval,
	    &notice_ms);
	if (problem != NULL)
		return arguments_problem(arguments,
		    OPTION_experimental_watch_progress_notify_interval, problem);
	problem = retain_quota_parse(config->quota_backend_bytes, &quota);
	if (problem != NULL)
		return arguments_problem(arguments, OPTION_quota_backend_bytes, problem);
	problem = retain_history_parse(config->auto_compaction_mode,
	    config->auto_compaction_retention, &retention, &mode_is_wrong);
	return problem == NULL ? NULL : arguments_problem(arguments, mode_is_wrong ?
	    OPTION_auto_compaction_mode : OPTION_auto_compaction_retention, problem);
}

char *
setup_check(struct arguments *arguments)
{
	static char *(*const checks[])(struct arguments *) = { url_flags_check, check_log_level,
		check_name, check_cluster, check_workers, check_times, addresses_check, check_peers,
		check_discovery,
		check_tls_pairs, check_files, check_choices,
		check_daemon, check_cors, check_host_names, check_restore, check_v3 };
	char *problem = NULL;

	for (size_t i = 0; problem == NULL && i < ARRAY_COUNT(checks); i++)
		problem = checks[i](arguments);
	if (problem != NULL)
		return problem;
	absolute_paths(&arguments->config);
	return NULL;
}
