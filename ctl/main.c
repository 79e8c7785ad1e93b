/*
 * main.c - the program "etcdctl": reads the command line, runs the command.
 */
#include "common/program.h"
#include "ctl/ctl.h"
#include "ctl/usage.h"
#include "ctl/v3/v3.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>

static int
usage(const struct ctl_arguments *arguments, const char *problem)
{
	const char *name = arguments->command == NULL ? NULL : arguments->command->name;

	output_say("%s: %s\ntry '%s help%s%s'\n", program_own(), problem, program_own(),
	    name == NULL ? "" : " ", name == NULL ? "" : name);
	return CTL_BAD_ARGUMENTS;
}

static int
run(const struct ctl_arguments *arguments)
{
	struct ctl ctl = { .arguments = arguments };

	output_init(&ctl.out, arguments);
	if (ctl_arguments_flag(arguments, OPT_VERSION))
		return ctl_version(&ctl);
	if (ctl_arguments_flag(arguments, OPT_HELP)) {
		if (strcmp(ctl_arguments_text(arguments, OPT_HELP), "all") == 0)
			usage_print_all(&ctl.out, arguments->grammar);
		else if (arguments->command != NULL)
			usage_print_command(&ctl.out, arguments->grammar,
			    arguments->command);
		else
			usage_print(&ctl.out, arguments->grammar);
		return CTL_DONE;
	}
	if (arguments->command == NULL)
		return usage(arguments, "a command is missing");
	return arguments->command->run(&ctl);
}

static int
main_v2(int argc, char **argv)
{
	struct ctl_arguments arguments;
	char *problem = NULL;
	int code;

	if (ctl_arguments_read(&arguments, &ctl_grammar_v2, argc, argv, getenv, &problem) ==
	    ERR_NONE)
		code = run(&arguments);
	else
		code = usage(&arguments, problem);
	free(problem);
	ctl_arguments_free(&arguments);
	return code;
}

int
main(int argc, char **argv)
{
	const char *api = getenv("ETCDCTL_API");
	int code;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return output_fail(CTL_SERVER_ERROR, "libcurl cannot be started");
	if (api != NULL && strcmp(api, "3") == 0)
		code = ctl3_main(argc - 1, argv + 1);
	else
		code = main_v2(argc - 1, argv + 1);
	curl_global_cleanup();
	if (!output_flush() && code == CTL_DONE)
		code = output_fail(CTL_BAD_FILE, "cannot write standard output: %s",
		    strerror(errno));
	return code;
}
