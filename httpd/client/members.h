/*
 * members.h - members as JSON, for others that show them, too.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_MEMBERS_H
#define MOOTHALL_HTTPD_CLIENT_MEMBERS_H

#include "common/json_put.h"

/* URLs that are separated by commas, as a list. */
void members_put_urls(struct json_put *json, const char *name, const char *urls);

#endif
