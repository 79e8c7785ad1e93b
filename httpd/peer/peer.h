/*
 * peer.h - what the rest of httpd sees of the peer role.
 *
 * The peer worker keeps frame streams with the other members, relays raftd's
 * frames on them unread, joins a cluster on behalf of a node that is none's
 * member yet, and answers readable HTTP for everything else on the peer port.
 * Everything here runs in the worker's loop; its state is one object, made by
 * peer_start and found again through the worker it was started for.
 */
#ifndef MOOTHALL_HTTPD_PEER_PEER_H
#define MOOTHALL_HTTPD_PEER_PEER_H

#include "httpd/http/request.h"

/*
 * Begin with a peer worker that has its configuration, backend and cluster;
 * takes over the backend's peer side. Once in a process.
 */
void peer_start(struct worker *worker);
/* An answer to resolve() of the worker's owner came. Accepts a worker that was not started. */
void peer_resolved(struct worker *worker, uint64_t id, struct slice addresses);
/* Close every stream and forget; accepts a worker that was not started. */
void peer_stop(struct worker *worker);
/* Which other nodes there are streams with, for the figures. Does nothing in a client worker. */
void peer_measure(const struct worker *worker);

/* Append a reach_record for each member but this one; none of a worker that was
 * not started. */
void peer_put_reach(const struct worker *worker, struct buf *out);

/* Handlers of route_table.h. */
void peer_stream_handle(struct request *request);
void peer_begin_handle(struct request *request);
void peer_join_handle(struct request *request);
void peer_version_handle(struct request *request);
void peer_version_check_handle(struct request *request);
void peer_name_handle(struct request *request);
void peer_client_url_handle(struct request *request);
void peer_machines_handle(struct request *request);
void peer_machine_handle(struct request *request);
void peer_status_handle(struct request *request);
void peer_goraft_handle(struct request *request);

#endif
