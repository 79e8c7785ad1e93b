/*
 * main.c - from a command line to a v3 command (see v3.h).
 */
#include "common/program.h"
#include "common/version.h"
#include "common/xmem.h"
#include "config.h"
#include "ctl/password.h"
#include "ctl/usage.h"
#include "ctl/v3/v3.h"

#include <stdlib.h>

/* ---- what is the same for all commands ----------------------------------------- */

static int
take_format(struct ctl3 *v3)
{
	static const struct {
		const char *name;
		enum ctl3_format format;
	} formats[] = { { "simple", CTL3_SIMPLE }, { "fields", CTL3_FIELDS },
		{ "json", CTL3_JSON }, { "table", CTL3_TABLE } };
	const char *name = ctl_arguments_text(v3->arguments, OPT_V3_WRITE_OUT);

	for (size_t i = 0; i < ARRAY_COUNT(formats); i++) {
		if (strcmp(formats[i].name, name) == 0) {
			v3->format = formats[i].format;
			return CTL3_DONE;
		}
	}
	return output_error(CTL3_BAD_FEATURE, "unsupported output format \"%s\" (--write-out); "
	    "write simple, json, fields or table", name);
}

/* As in 3.4: with --password the whole of --user is the name. */
static int
take_user(struct ctl3 *v3)
{
	const char *user = ctl_arguments_text(v3->arguments, OPT_V3_USER);
	const char *password = ctl_arguments_text(v3->arguments, OPT_V3_PASSWORD);
	char *asked = NULL;
	const char *colon;

	if (user == NULL || user[0] == '\0')
		return CTL3_DONE;
	colon = password == NULL ? strchr(user, ':') : NULL;
	if (password == NULL && colon == NULL) {
		asked = password_ask(user);
		if (asked == NULL)
			return output_error(CTL3_BAD_ARGS, "no password for \"%s\" (--user): write "
			    "NAME:PASSWORD, or give --password", user);
		colon = asked + strlen(user);
	}
	v3->user = colon == NULL || asked != NULL ? xstrdup(user) :
	    xasprintf("%.*s", (int)(colon - user), user);
	v3->password = xstrdup(colon == NULL ? password : colon + 1);
	if (asked != NULL)
		explicit_bzero(asked, strlen(asked));
	free(asked);
	return CTL3_DONE;
}

static void
forget(char **secret)
{
	if (*secret != NULL)
		explicit_bzero(*secret, strlen(*secret));
	free(*secret);
	*secret = NULL;
}

static int
run_command(struct ctl3 *v3)
{
	int code = take_format(v3);

	if (code == CTL3_DONE)
		code = take_user(v3);
	v3->hex = ctl_arguments_flag(v3->arguments, OPT_V3_HEX);
	if (code == CTL3_DONE)
		code = v3->arguments->command->run_v3(v3);
	client_free(&v3->client);
	free(v3->user);
	forget(&v3->password);
	forget(&v3->token);
	return code;
}

/* ---- the command line ---------------------------------------------------------- */

static int
say_problem(const struct ctl_arguments *arguments, const char *problem)
{
	const char *name = arguments->command == NULL ? "" : arguments->command->name;

	output_error(CTL3_ERROR, "%s", problem);
	if (arguments->miscounted)
		return CTL3_BAD_ARGS;
	output_say("try '%s v3 help%s%s'\n", program_own(), name[0] == '\0' ? "" : " ", name);
	return CTL3_ERROR;
}

static int
run(const struct ctl_arguments *arguments)
{
	struct ctl3 v3 = { .arguments = arguments };

	output_init(&v3.out, arguments);
	if (ctl_arguments_flag(arguments, OPT_V3_HELP)) {
		if (strcmp(ctl_arguments_text(arguments, OPT_V3_HELP), "all") == 0)
			usage_print_all(&v3.out, arguments->grammar);
		else if (arguments->command != NULL)
			usage_print_command(&v3.out, arguments->grammar, arguments->command);
		else
			usage_print(&v3.out, arguments->grammar);
		return CTL3_DONE;
	}
	if (arguments->command == NULL) {
		usage_print(&v3.out, arguments->grammar);
		return CTL3_DONE;
	}
	return run_command(&v3);
}

int
ctl3_main(int argc, char **argv)
{
	struct ctl_arguments arguments;
	char *problem = NULL;
	int code;

	if (argc > 0 && strcmp(argv[0], "v3") == 0) {
		argc--;
		argv++;
	}
	if (ctl_arguments_read(&arguments, &ctl_grammar_v3, argc, argv, getenv, &problem) ==
	    ERR_NONE)
		code = run(&arguments);
	else
		code = say_problem(&arguments, problem);
	free(problem);
	ctl_arguments_free(&arguments);
	return code;
}

/* The row of the other grammar. */
int
ctl_v3(struct ctl *ctl)
{
	const struct ctl_arguments *arguments = ctl->arguments;
	char **argv;
	int code;

	for (size_t i = 0; i < CTL_OPTIONS_V2_COUNT; i++) {
		if (arguments->values[i].source == SOURCE_FLAG)
			return output_error(CTL3_ERROR, "--%s stands before the word v3; write the "
			    "options of v3 behind it", options[i].name);
	}
	argv = xzalloc((arguments->word_count + 1) * sizeof(*argv));
	for (size_t i = 0; i < arguments->word_count; i++)
		argv[i] = xstrdup(arguments->words[i]);
	code = ctl3_main((int)arguments->word_count, argv);
	for (size_t i = 0; i < arguments->word_count; i++)
		free(argv[i]);
	free(argv);
	return code;
}

/* ---- of this program ----------------------------------------------------------- */

int
ctl3_help(struct ctl3 *v3)
{
	return usage_help(&v3->out, v3->arguments) == CTL_DONE ? CTL3_DONE : CTL3_BAD_ARGS;
}

int
ctl3_version(struct ctl3 *v3)
{
	output_print(&v3->out, "etcdctl version: " API_VERSION "\nAPI version: 3.4\n"
	    "moothall version: %s\n",
	    PACKAGE_VERSION);
	return CTL3_DONE;
}
