/*
 * interrupt.h - CTRL-C and TERM for commands that have to tidy up or go on.
 *
 * Without interrupt_catch a signal ends the program as usual, and the shell sees
 * 130. The only mutable state outside of a main.c: a signal handler has no other
 * place.
 */
#ifndef MOOTHALL_CTL_INTERRUPT_H
#define MOOTHALL_CTL_INTERRUPT_H

#include "common/base.h"

/* From now on INT, TERM and HUP are noted; system calls are interrupted. */
void interrupt_catch(void);
/* The signal that came since then; 0: none. */
int interrupt_signal(void);
/* Forget it: the next one counts anew. */
void interrupt_clear(void);
/* End as if the signal had never been caught. */
NORETURN void interrupt_die(int signal_number);

#endif
