/*
 * print.h - messages of the v3 API for people: lines of the log, of a debugger, of etcdctl.
 */
#ifndef MOOTHALL_HTTPD_V3_PRINT_H
#define MOOTHALL_HTTPD_V3_PRINT_H

#include "httpd/v3/message.h"

#include <stdio.h>

/*
 * The type's name and its fields, " name=value", of a part " name{ ... }", in one line without
 * its end. Of bytes and strings the first ones, printable, and how many there are if that is
 * not all; of a secret nothing.
 *
 *	shown	so many bytes of each field; 0: none, only how many
 */
void v3_print(FILE *out, const struct v3_type *type, const void *message, size_t shown);

#endif
