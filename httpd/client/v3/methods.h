/*
 * methods.h - what the methods of the v3 API do: see served_table.h.
 *
 * Each begins one call, with its message (call.h), and answers it at once or later.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_V3_METHODS_H
#define MOOTHALL_HTTPD_CLIENT_V3_METHODS_H

struct v3_call;

#define SERVED(tag, begin) void begin(struct v3_call *call, const void *message);
#include "httpd/client/v3/served_table.h"

#endif
