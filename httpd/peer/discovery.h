/*
 * discovery.h - finding the other machines through a discovery service.
 *
 * Which protocol is spoken, the directory itself says: with _config/size that of 2.x, by which
 * so many machines begin a cluster together, else that of 0.4, by which the first one begins it.
 *
 *	size --> register	it has none: 0.4		 [discovery_sized]
 *	size --> meet		it has one: 2.x
 *	size --> over		the same, and this node is a member already
 *
 *	register --> elect	our key is there		 [discovery_registered]
 *	elect --> found		we took the mark: the first	 [discovery_elected]
 *	elect --> list		somebody else has it
 *	list --> found		the machines to join through	 [discovery_listed]
 *	found --> register	every 21 h: our key lives for a week
 *
 *	meet --> enter		there is room, and we are not in yet	[discovery_met]
 *	enter --> meet		our key is there; or it was		[discovery_entered]
 *	meet --> wait		we are in, and others are missing
 *	wait --> meet		something happened, or nothing for a minute
 *	meet --> together	we are among the first, and they are all
 *	meet --> found		they are all, and we are not: through them
 *
 *	any --> failed		the service does not answer as one
 *	any --> meet		the same, but we are in: asked again, later and later
 *
 * Of 0.4 nobody but the first may ever start a cluster of its own, so what the mark says counts
 * and not what can be reached. Of 2.x the key is the node's id, which is on its disk before the
 * service is asked: a node that dies anywhere on this way and comes back finds that it is in.
 * Runs in the peer worker while -discovery is given.
 */
#ifndef MOOTHALL_HTTPD_PEER_DISCOVERY_H
#define MOOTHALL_HTTPD_PEER_DISCOVERY_H

#include "common/initial_cluster.h"

struct discovery;
struct peers;

enum discovery_state {
	DISCOVERY_ASKING,
	DISCOVERY_FIRST,	/* this node starts the cluster */
	DISCOVERY_FOUND,	/* discovery_machines has who to join through */
	DISCOVERY_ALONE,	/* there is a cluster, and nobody of it is registered */
	DISCOVERY_FAILED,	/* see discovery_reason */
	DISCOVERY_TOGETHER,	/* discovery_take_cluster has all that begin together */
	DISCOVERY_OVER,		/* this node is a member: nothing is to be asked */
};

/* decided is called from the loop, each time an answer is known. */
struct discovery *discovery_new(struct peers *peers, void (*decided)(struct peers *peers));
/* Stop, whatever is under way; accepts NULL in *discovery. */
void discovery_free(struct discovery **discovery);
/* The first answer; what comes of a later registration does not change it. */
enum discovery_state discovery_state(const struct discovery *discovery);
/* "host:port,host:port"; borrowed. */
const char *discovery_machines(const struct discovery *discovery);
/* Of DISCOVERY_TOGETHER, once: the cluster, owned by the caller; empty after that. */
struct initial_cluster discovery_take_cluster(struct discovery *discovery);
/* The last part of the path of -discovery; borrowed. */
const char *discovery_token(const struct discovery *discovery);
/* Of DISCOVERY_FOUND by 2.x: what to do if nobody of them can be reached; or "". Borrowed. */
const char *discovery_hint(const struct discovery *discovery);
/* Why it failed; borrowed. */
const char *discovery_reason(const struct discovery *discovery);

#endif
