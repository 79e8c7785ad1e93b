/*
 * wiring.h - the socket pair between raftd and each worker.
 *
 * Both ends travel over the control channels with a random token, so no child
 * looks up, connects to or authenticates another. After a death there is a new
 * pair with the one that follows.
 */
#ifndef MOOTHALL_SUPERVISOR_WIRING_H
#define MOOTHALL_SUPERVISOR_WIRING_H

#include "supervisor/process.h"

/*
 * Connect two client workers: the connections of from go to to when from drains,
 * which it is to be told after this. Without a pair they end as they do alone.
 */
void wiring_hand_over(struct process *from, struct process *to);

/* process has just been started: connect it with all it belongs to. */
void wiring_add(struct process_list *processes, struct process *process);


/* A connection to the peer worker, as if to its port, but plain HTTP; -1: it is not
 * up, or errno says why not. The caller's. */
int wiring_visit(struct process_list *processes);

#endif
