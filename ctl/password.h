/*
 * password.h - asking for a password on the terminal.
 */
#ifndef MOOTHALL_CTL_PASSWORD_H
#define MOOTHALL_CTL_PASSWORD_H

/* "NAME:PASSWORD", owned by the caller; NULL: there is no terminal to ask on. */
char *password_ask(const char *name);

#endif
