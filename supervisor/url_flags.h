/*
 * url_flags.h - addresses and the cluster as etcd 2 and 3 are told them.
 *
 * Their flags give URLs where ours give HOST:PORT, and a list of all nodes where ours give
 * the peers to join. They are options like the others (common/option_table.h); here they
 * become the ones that the rest of the program knows.
 * Source: docs/operations.md, "From etcd 2 and 3: flags".
 */
#ifndef MOOTHALL_SUPERVISOR_URL_FLAGS_H
#define MOOTHALL_SUPERVISOR_URL_FLAGS_H

#include "supervisor/arguments.h"

/*
 * Before the addresses are checked. Fills in, of what these flags say:
 *	addr, peer_addr			the first of those that are told to others; and, with any
 *					of the flags, ports 2379 and 2380
 *	advertise_client_urls,
 *	initial_advertise_peer_urls	all of them, http://HOST:PORT,... or https
 *	bind_addr, peer_bind_addr	HOST:PORT,...
 *	peers				the others of -initial-cluster that has begun
 *	name				"default", if it has one of that name and none was given
 *	ca_file				of -client-cert-auth
 *	log_level, log_output		in our words
 *
 * NULL, or what is wrong: "SOURCE: PROBLEM", freed by the caller.
 */
char *url_flags_check(struct arguments *arguments) MUST_CHECK;

/* Which option an advertised address came from: id, which is addr or peer_addr, or one of
 * these flags that it was taken from. */
enum option_id url_flags_told(const struct arguments *arguments, enum option_id id);
/* The flag that says the same as id, of etcd 2 and 3. */
enum option_id url_flags_advertise(enum option_id id);

/* Which option said where to listen: id, which is bind_addr or peer_bind_addr, or the flag that
 * it was taken from. */
enum option_id url_flags_bound(const struct arguments *arguments, enum option_id id);

/* Once there is a log: what was taken in part. */
void url_flags_tell(const struct arguments *arguments);

#endif
