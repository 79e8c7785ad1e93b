/*
 * interrupt.c - noting signals (see interrupt.h).
 */
#include "ctl/interrupt.h"

#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t noted;

static const int caught[] = { SIGINT, SIGTERM, SIGHUP };

static void
note(int signal_number)
{
	noted = signal_number;
}

void
interrupt_catch(void)
{
	/* No SA_RESTART: a call that waits has to come back so that we look. */
	struct sigaction action = { .sa_handler = note };

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_COUNT(caught); i++)
		(void)sigaction(caught[i], &action, NULL);
}

int
interrupt_signal(void)
{
	return noted;
}

void
interrupt_clear(void)
{
	noted = 0;
}

void
interrupt_die(int signal_number)
{
	struct sigaction action = { .sa_handler = SIG_DFL };

	sigemptyset(&action.sa_mask);
	(void)sigaction(signal_number, &action, NULL);
	(void)raise(signal_number);
	_exit(128 + signal_number);
}
