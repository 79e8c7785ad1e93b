/*
 * policy.h - what the supervisor keeps when it confines itself, and so the most
 * that any of its children can have. Called by main.c and the resolver; by
 * tests/confinement, which tries what is not in it.
 *
 * The kernel hands a filter on to every program that is executed, so it cannot
 * be a list of the calls that the supervisor alone makes: it names those that
 * no process of the node needs. The children add lists of their own.
 * Source: docs/security.md, "Process by process".
 */
#ifndef MOOTHALL_SUPERVISOR_POLICY_H
#define MOOTHALL_SUPERVISOR_POLICY_H

#include "common/sandbox.h"

/*
 * After the listening sockets are there, before the first fork. From now on:
 * only the programs beside these run, no TCP port is bound, signals reach our
 * children only. own_path: our program, which an upgrade runs; NULL: none.
 */
enum err supervisor_policy(enum sandbox_mode mode, const char *raftd_path,
    const char *httpd_path, const char *own_path) MUST_CHECK;
/* The resolver's: runs nothing and writes nothing. */
enum err resolver_policy(enum sandbox_mode mode) MUST_CHECK;

#endif
