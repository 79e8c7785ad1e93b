/*
 * token_name.h - the keys of a directory that GET /new made (token.c).
 *
 * Pure. Such a directory is /_etcd/registry/ with 32 hexadecimal digits behind it.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_TOKEN_NAME_H
#define MOOTHALL_HTTPD_CLIENT_TOKEN_NAME_H

#include "common/slice.h"

#define TOKEN_REGISTRY_KEY "/_etcd/registry/"
#define TOKEN_CONFIG_NAME "_config"
#define TOKEN_DIGITS ((size_t)32)

/*
 * Is that key one of a machine, in such a directory? Those of its configuration are none.
 *
 *	directory	out: its key; borrowed from key
 */
bool token_is_used_by(struct slice key, struct slice *directory);

#endif
