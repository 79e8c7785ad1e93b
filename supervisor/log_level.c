/*
 * log_level.c - levels set at run time (see log_level.h). The level in use is
 * that of the supervisor's configuration, which children get at their start.
 */
#include "supervisor/log_level.h"

#include "common/diag.h"
#include "common/xmem.h"
#include "supervisor/setup.h"
#include "supervisor/supervisor.h"

#include <stdlib.h>
#include <string.h>

static void
use(struct supervisor *supervisor, const char *text, const struct diag_levels *levels)
{
	struct process *process;

	setup_text(supervisor->config, OPTION_log_level, text);
	diag_set_levels(levels);
	TAILQ_FOREACH(process, &supervisor->processes, link)
		process_configure(process);
	diag_info("log", "level set: level=%s", text);
}

char *
log_level_set(struct supervisor *supervisor, const char *spec)
{
	const char *configured = supervisor->log_level_configured;
	bool reset = strcmp(spec, "reset") == 0;
	struct diag_levels levels;
	char *problem;

	if (spec[0] == '\0' || (reset && configured == NULL))
		return NULL;
	problem = diag_levels_parse(reset ? configured : spec, &levels);
	if (problem != NULL)
		return problem;
	if (configured == NULL)
		supervisor->log_level_configured = xstrdup(supervisor->config->log_level);
	use(supervisor, reset ? configured : spec, &levels);
	if (reset)
		log_level_forget(supervisor);
	return NULL;
}

void
log_level_forget(struct supervisor *supervisor)
{
	free(supervisor->log_level_configured);
	supervisor->log_level_configured = NULL;
}
