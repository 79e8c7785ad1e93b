/*
 * discovery.h - finding the other machines through a discovery service.
 *
 *	register --> elect	our key is there		 [discovery_registered]
 *	elect --> found		we took the mark: the first	 [discovery_elected]
 *	elect --> list		somebody else has it
 *	list --> found		the machines to join through	 [discovery_listed]
 *	any --> failed		the service does not answer as one
 *	found --> register	every 21 h: our key lives for a week
 *
 * Nobody but the first may ever start a cluster of its own, so what the mark
 * says counts and not what can be reached. Runs in the peer worker while
 * -discovery is given.
 */
#ifndef MOOTHALL_HTTPD_PEER_DISCOVERY_H
#define MOOTHALL_HTTPD_PEER_DISCOVERY_H

struct discovery;
struct peers;

enum discovery_state {
	DISCOVERY_ASKING,
	DISCOVERY_FIRST,	/* this node starts the cluster */
	DISCOVERY_FOUND,	/* discovery_machines has who to join through */
	DISCOVERY_ALONE,	/* there is a cluster, and nobody of it is registered */
	DISCOVERY_FAILED,	/* see discovery_reason */
};

/* decided is called from the loop, each time an answer is known. */
struct discovery *discovery_new(struct peers *peers, void (*decided)(struct peers *peers));
/* Stop, whatever is under way; accepts NULL in *discovery. */
void discovery_free(struct discovery **discovery);
/* The first answer; what comes of a later registration does not change it. */
enum discovery_state discovery_state(const struct discovery *discovery);
/* "host:port,host:port"; borrowed. */
const char *discovery_machines(const struct discovery *discovery);
/* Why it failed; borrowed. */
const char *discovery_reason(const struct discovery *discovery);

#endif
