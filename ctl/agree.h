/*
 * agree.h - whether all that are asked tell of one cluster with one leader.
 *
 * A machine that lost its data and is started without -peers is a second cluster at an
 * address of the first. Each of the two is healthy, so nothing but a comparison
 * shows it.
 */
#ifndef MOOTHALL_CTL_AGREE_H
#define MOOTHALL_CTL_AGREE_H

#include "ctl/client.h"
#include "ctl/members.h"

/*
 * Asks every endpoint and every member for the id of its cluster and for its leader.
 * A member that cannot be reached, has no leader or no such answer says nothing; what differs is
 * asked for again for a while, since a leader may just be changing.
 *
 * CTL_DONE; or CTL_DIFFERENT, and it was said who says what. Any other code is that of
 * an interruption.
 */
int agree_check(struct client *client, const struct member_list *members) MUST_CHECK;

#endif
