/*
 * policy.h - what a worker keeps when it confines itself: its table of system
 * calls, and no file at all. Called by main.c; by tests/confinement, which
 * tries what is not in it.
 * Source: docs/security.md, "Process by process".
 */
#ifndef MOOTHALL_HTTPD_POLICY_H
#define MOOTHALL_HTTPD_POLICY_H

#include "common/sandbox.h"

/* No file any more; role: ROLE_CLIENT or ROLE_PEER of wire.h. What threads the worker has
 * are made behind this. */
enum err httpd_policy_files(enum sandbox_mode mode, int role) MUST_CHECK;
/* Nor any other system call, in no thread. Before any byte of a client or peer. */
enum err httpd_policy_calls(enum sandbox_mode mode, int role) MUST_CHECK;

#endif
