/*
 * reload.c - read, check, compare, apply; in this order, and the last step
 * cannot fail.
 *
 * What is compared are the values as they were read, not what was worked out
 * of them: a retry interval that is drawn anew is no change.
 */
#include "supervisor/reload.h"

#include "common/diag.h"
#include "common/xmem.h"
#include "supervisor/log.h"
#include "supervisor/log_level.h"
#include "supervisor/setup.h"
#include "supervisor/supervisor.h"
#include "supervisor/tls_files.h"

#include <stdlib.h>

extern char **environ;

/* Whether a port speaks TLS, or asks for certificates, is settled at the start. */
static bool
is_switched(enum option_id id, const char *before, const char *after)
{
	static const enum option_id files[] = { OPTION_cert_file, OPTION_key_file, OPTION_ca_file,
		OPTION_peer_cert_file, OPTION_peer_key_file, OPTION_peer_ca_file };

	for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
		if (files[i] == id)
			return (before[0] == '\0') != (after[0] == '\0');
	}
	return false;
}

static void
compare(const struct arguments *before, const struct arguments *after,
    struct reload_report *report)
{
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		char *old = config_value(&before->given, id);
		char *new = config_value(&after->given, id);

		if (strcmp(old, new) != 0) {
			report->changed[id] = option_reloadable(id) && !is_switched(id, old, new);
			report->restart[id] = !report->changed[id];
		}
		free(old);
		free(new);
	}
}

/* A switched TLS file stays as it was, and so does all else that was not applied. */
static void
take_over(struct arguments *arguments, struct arguments *fresh, const struct reload_report *report)
{
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		if (!option_reloadable(id) || report->restart[id])
			continue;
		config_copy(&arguments->config, &fresh->config, id);
		config_copy(&arguments->given, &fresh->given, id);
		arguments->source[id] = fresh->source[id];
		arguments->line[id] = fresh->line[id];
	}
	if (fresh->system_file != NULL) {
		free(arguments->system_file);
		arguments->system_file = xstrdup(fresh->system_file);
	}
	if (fresh->file != NULL) {
		free(arguments->file);
		arguments->file = xstrdup(fresh->file);
	}
}

/* What needs a restart stays for certificates too, which are read here. */
static char *
reload_certificates(struct supervisor *supervisor, struct arguments *fresh,
    const struct reload_report *report)
{
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		if (!report->restart[id])
			continue;
		config_copy(&fresh->config, &supervisor->arguments->config, id);
		config_copy(&fresh->given, &supervisor->arguments->given, id);
	}
	return tls_files_reload(supervisor->tls, fresh);
}

static void
apply(struct supervisor *supervisor)
{
	const struct config *config = supervisor->config;
	struct process *process;

	log_apply(supervisor->log, config);
	TAILQ_FOREACH(process, &supervisor->processes, link) {
		process_configure(process);
		process_secure(process);
	}
	supervisor_set_workers(supervisor, setup_workers(config));
}

static char *
read_and_check(struct supervisor *supervisor, struct arguments *fresh)
{
	struct arguments_input input = supervisor->input;
	char *problem = NULL;

	input.environment = environ;
	input.quiet = true;
	switch (arguments_read(fresh, &input, &problem)) {
	case ARGUMENTS_WRONG:
		return problem;
	case ARGUMENTS_HELP:
	case ARGUMENTS_HELP_ALL:
	case ARGUMENTS_VERSION:
		/* The flags are those of the start, and they ran a node. */
		ASSERT(false);
		break;
	case ARGUMENTS_RUN:
		break;
	}
	problem = setup_check(fresh);
	if (problem != NULL)
		arguments_free(fresh);
	return problem;
}

static enum err
reload_now(struct supervisor *supervisor, struct reload_report *report, char **problem)
{
	struct arguments fresh;

	memset(report, 0, sizeof(*report));
	if (stop_under_way(supervisor) || supervisor->restart.step != RESTART_STEP_NONE)
		*problem = xstrdup("a restart, a transfer or a stop is under way");
	else
		*problem = read_and_check(supervisor, &fresh);
	if (*problem == NULL) {
		compare(supervisor->arguments, &fresh, report);
		*problem = log_prepare(supervisor->log, &fresh.config);
		if (*problem == NULL)
			*problem = reload_certificates(supervisor, &fresh, report);
		if (*problem != NULL)
			arguments_free(&fresh);
	}
	if (*problem != NULL) {
		diag_error("options", "not reloaded, nothing has changed: %s", *problem);
		return ERR_INVALID;
	}
	take_over(supervisor->arguments, &fresh, report);
	arguments_free(&fresh);
	/* The configured level is in use again, whatever an operator had said. */
	log_level_forget(supervisor);
	apply(supervisor);
	return ERR_NONE;
}

enum err
reload(struct supervisor *supervisor, struct reload_report *report, char **problem)
{
	enum err err;

	service_reloading(supervisor);
	err = reload_now(supervisor, report, problem);
	service_reloaded(supervisor);
	return err;
}

/* "-log-level, -cors"; false if there is none. */
static bool
put_flags(const bool *set, struct buf *out)
{
	bool any = false;

	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		if (!set[id])
			continue;
		buf_printf(out, "%s-%s", any ? ", " : "", option_rows[id].flag);
		any = true;
	}
	return any;
}

void
reload_report_text(const struct reload_report *report, struct buf *out)
{
	struct buf changed = BUF_INIT, restart = BUF_INIT;

	if (put_flags(report->changed, &changed))
		buf_printf(out, "changed: %.*s\n", SLICE_ARGS(buf_slice(&changed)));
	if (put_flags(report->restart, &restart))
		buf_printf(out, "needs a restart: %.*s\n", SLICE_ARGS(buf_slice(&restart)));
	if (changed.size == 0 && restart.size == 0)
		buf_append_text(out, "nothing has changed\n");
	buf_free(&changed);
	buf_free(&restart);
}

void
reload_by_signal(struct supervisor *supervisor)
{
	struct reload_report report;
	struct buf text = BUF_INIT;
	char *problem = NULL;

	if (reload(supervisor, &report, &problem) == ERR_NONE) {
		bool changed = put_flags(report.changed, &text);

		if (changed)
			diag_info("options", "reloaded: changed=%.*s",
			    SLICE_ARGS(buf_slice(&text)));
		buf_clear(&text);
		if (put_flags(report.restart, &text))
			diag_warn("options", "changed options need a restart: %.*s",
			    SLICE_ARGS(buf_slice(&text)));
		else if (!changed)
			diag_info("options", "reloaded: nothing has changed");
	}
	buf_free(&text);
	free(problem);
}
