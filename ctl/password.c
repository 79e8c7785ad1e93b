/*
 * password.c - a line from the terminal that is not shown.
 */
#include "ctl/password.h"

#include "common/xmem.h"
#include "ctl/output.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>

#define PASSWORD_BYTES_MAX 256

char *
password_ask(const char *name)
{
	char line[PASSWORD_BYTES_MAX] = "";
	struct termios before, quiet;
	char *both = NULL;
	FILE *terminal = fopen("/dev/tty", "r+e");

	if (terminal == NULL)
		return NULL;
	if (tcgetattr(fileno(terminal), &before) == 0) {
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		/* First: what is typed at the sight of the question is neither shown nor lost. */
		(void)tcsetattr(fileno(terminal), TCSAFLUSH, &quiet);
		output_ask(terminal, "Password of %s: ", name);
		if (fgets(line, sizeof(line), terminal) != NULL)
			both = xasprintf("%s:%.*s", name, (int)strcspn(line, "\n"), line);
		(void)tcsetattr(fileno(terminal), TCSAFLUSH, &before);
		output_ask(terminal, "\n");
	}
	explicit_bzero(line, sizeof(line));
	fclose(terminal);
	return both;
}
