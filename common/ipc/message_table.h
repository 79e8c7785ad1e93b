/*
 * message_table.h - every message of every socket, and the records in them.
 *
 *	MESSAGE(tag, number, senders, receiver, fields)	RECORD(tag, fields)
 *
 * Senders are FROM_* of message.h. The receiver is the file that has the handler on_TAG; its
 * way there is made of this table (dispatch_define.h):
 *
 *	TO_ALL		the first frame each way on every channel: greeting.h
 *	TO_CHILD	common/child.c, of the supervisor
 *	TO_PROCESS	supervisor/process.c, of a child
 *	TO_LOG		supervisor/log.c, of a child by its pipe
 *	TO_SESSION	raftd/session/dispatch.c, of a worker
 *	TO_STREAMS	raftd/session/streams.c, of the peer worker
 *	TO_BACKEND	httpd/backend.c, of raftd
 *	TO_LANE		httpd/handover.c, of another client worker
 *	TO_CORE		raftd/outbox.c, of another node, for the core
 *	TO_NODE		raftd/input.c, of another node
 *
 * Numbers are sent, so they are never reused. Kinds: u8 u16 u32 u64 bytes; and token and
 * secret, a u64 and bytes that are never shown. "list of r": records r one after the other
 * in a bytes field. Request id is 0 where nothing is said. A field that nobody needs any
 * more stays, as "unused", so that programs of two versions go on understanding each other
 * while a node or a cluster is upgraded. No guard: included many times; undefines its macros.
 */

/* ---- records ----------------------------------------------------------- */

/* One node of the tree as clients see it. In a listing: pre-order, depth 0 is
 * the node asked for, and children follow their directory at depth + 1. */
RECORD(node_record,
    FIELD(u8, flags)		/* NODE_* of wire.h */
    FIELD(u16, depth)
    FIELD(bytes, key)		/* absolute path */
    FIELD(bytes, value)		/* empty unless NODE_VALUE */
    FIELD(u64, modified)	/* store index */
    FIELD(u64, created)		/* store index */
    FIELD(u64, expire_at_ns))	/* wall time; 0: never */

/* What a successful operation answers, and what watchers get. */
RECORD(event_record,
    FIELD(u8, action)		/* ACTION_* of wire.h */
    FIELD(u8, flags)		/* EVENT_* of wire.h */
    FIELD(u64, store_index)	/* of the write; for a get: of the read */
    FIELD(u64, now_ns)		/* the time that "ttl" is counted from */
    FIELD(bytes, nodes)		/* list of node_record: listing; or node [, previous node] */)

/* A lock as a look at it finds it. An entry is a file whose name is its index in decimal. */
RECORD(lock_record,
    FIELD(u64, before)		/* the highest index below the one that was asked for; 0: none */
    FIELD(bytes, before_name)	/* of that entry in the lock's directory */
    FIELD(u8, exists)		/* 1: the one that was asked for is there */
    FIELD(u64, holder)		/* the lowest index; 0: nobody holds it */
    FIELD(bytes, holder_value))

/* A member of the cluster, as pushed to workers and answered to joiners. */
RECORD(member_record,
    FIELD(u64, id)
    FIELD(u8, role)		/* MEMBER_* of wire.h */
    FIELD(bytes, name)
    FIELD(bytes, peer_url)
    FIELD(bytes, client_url)
    FIELD(u64, joined))		/* store index of its registry entry: order of joining */

/* A place for a member: nobody has it yet, or that node has, which is shown by the place's id. */
RECORD(place_record,
    FIELD(u64, id)
    FIELD(u64, node)		/* 0: nobody */
    FIELD(bytes, peer_urls))	/* separated by commas */

/* What became of a request of the v3 keys, before the bytes of what it shows: KeyValues in wire
 * form, each behind a tag and a length, of each result in turn. */
RECORD(v3_answer,
    FIELD(u16, error)		/* enum v3_error; else the rest is empty */
    FIELD(u64, revision)	/* of the store, after it */
    FIELD(u64, ttl_s)		/* of a lease that was granted */
    FIELD(u32, alarms)		/* of a v3_alarm: 1, it is raised, or was and is taken back */
    FIELD(bytes, results))	/* list of v3_result: of each operation that was done, in their
				 * order, a txn before what is in it */
RECORD(v3_result,
    FIELD(u8, kind)		/* enum v3_op_kind */
    FIELD(u8, flags)		/* V3_RESULT_* of wire.h */
    FIELD(u32, responses)	/* of a txn: results behind it that are its own, and not of a txn
				 * in it */
    FIELD(u64, revision)	/* 0: of a txn within another */
    FIELD(u64, count)		/* range: keys; delete: keys that went */
    FIELD(u64, kvs) FIELD(u64, bytes))	/* KeyValues shown, and how long with their tags */

/* A change of the v3 keys, for watches. */
RECORD(v3_change_record,
    FIELD(u8, flags)		/* V3_CHANGE_* of wire.h */
    FIELD(u64, revision)
    FIELD(bytes, key_value)	/* in wire form; */
    FIELD(bytes, previous)	/* and as it was before; empty: it was not, is compacted, or
				 * nobody wants it */
    FIELD(bytes, watch_ids))	/* u64 little-endian, one after the other; of v3_past none */
/* What became of a question on a lease. */
RECORD(v3_lease_answer,
    FIELD(u16, error)		/* enum v3_error; else the rest is empty */
    FIELD(u64, revision)	/* of the store, when it was asked */
    FIELD(u8, found)		/* 0: there is no such lease, and the rest is empty */
    FIELD(u64, left_s)		/* whole seconds; of one that was renewed all of its TTL */
    FIELD(u64, granted_s)
    FIELD(bytes, keys))		/* each as the codec has bytes, in no order */
/* What this node says of the v3 keys as a whole. */
RECORD(v3_state_answer,
    FIELD(u16, error)		/* enum v3_error; else the rest is empty */
    FIELD(u64, revision)	/* of the store */
    FIELD(u64, hash_revision)	/* V3_STATE_HASH: up to which */
    FIELD(u64, compacted)	/* an int64; -1: never */
    FIELD(u64, commit) FIELD(u64, applied) /* of the log */
    FIELD(u64, bytes)		/* of the v3 keys with their history, which a quota is for */
    FIELD(bytes, alarms)	/* V3_STATE_FIGURES: list of v3_alarm_record */
    FIELD(u32, hash)		/* V3_STATE_HASH */
    FIELD(bytes, leases))	/* V3_STATE_LEASES: u64 each, little-endian, in no order */

RECORD(v3_alarm_record,
    FIELD(u64, member)		/* as clients know it */
    FIELD(u8, type)		/* enum alarm_type */
    FIELD(u8, by))		/* enum alarm_by */

/* A log entry on its way to a peer or to the disk. */
RECORD(entry_record,
    FIELD(u64, term)
    FIELD(u64, index)
    FIELD(u64, time_ns)		/* the leader's stamp, never falls along the log */
    FIELD(u8, type)		/* enum raft_entry_type */
    FIELD(u8, conf_op)		/* enum raft_conf_op; RAFT_CONF_NONE but for type CONF */
    FIELD(u64, conf_peer)
    FIELD(bytes, payload))

/* A record of the applied state: in effects, on disk, in snapshots. */
RECORD(state_record,
    FIELD(bytes, key)
    FIELD(bytes, value))

/* A value of the cluster's configuration, by its number in common/cluster_config_table.h. */
RECORD(config_item,
    FIELD(u16, number)
    FIELD(u64, value))

/* How another member is reached, for people. */
RECORD(reach_record,
    FIELD(u64, id)
    FIELD(u8, reach))		/* REACH_* of wire.h */

/* One option of a child, as the option table spells it. */
RECORD(setting_record,
    FIELD(bytes, name)
    FIELD(bytes, value))

/* A node of a cluster that is to begin, as it has told all others of itself. */
RECORD(told_record,
    FIELD(u64, id)
    FIELD(bytes, name)
    FIELD(bytes, peer_url))

/* An address of a host. */
RECORD(address_record,
    FIELD(u8, family)		/* 4 or 6 */
    FIELD(bytes, address)	/* 4 or 16 bytes, as they stand in a packet */
    FIELD(u32, scope))		/* of a link-local one, else 0 */

/* A place where a domain has a service; the end of a list of them has no host and port 0. */
RECORD(service_record,
    FIELD(u16, port)
    FIELD(bytes, host))

/* A follower as the leader sees it, for /v2/stats/leader. Times in ns. */
RECORD(follower_record,
    FIELD(bytes, name)
    FIELD(u64, latency_current) FIELD(u64, latency_sum) FIELD(u64, latency_square_sum_us)
    FIELD(u64, latency_minimum) FIELD(u64, latency_maximum)
    FIELD(u64, successes) FIELD(u64, failures))

/* Another member as this node sees it. */
RECORD(progress_record,
    FIELD(u64, id)
    FIELD(u64, match)		/* log index up to which it has the log; 0: only the leader knows */
    FIELD(u64, answered_ns)	/* how long its last timed append took; 0: none was timed */
    /* What it told of itself in the last seconds; 0 and empty if nothing: */
    FIELD(u64, owes_ms)		/* for so long it has not answered; 0: it has, or was not asked */
    FIELD(u64, applied)
    FIELD(u64, ahead_ns)	/* its wall clock is before ours, or behind, by at least so much */
    FIELD(u64, behind_ns)
    FIELD(bytes, condition))	/* condition_record */

/* What a node tells the others of itself, see common/condition.h. */
RECORD(condition_record,
    FIELD(bytes, version)
    FIELD(bytes, syncs)		/* u64 each: buckets, what is above all, and the sum in ns */
    FIELD(bytes, restarts)	/* list of restarts_record */
    FIELD(bytes, certificates))	/* list of certificate_record */
RECORD(restarts_record,
    FIELD(bytes, process)	/* "raftd", "client" */
    FIELD(u64, count))
RECORD(certificate_record,
    FIELD(bytes, port)		/* "client", "peer" */
    FIELD(u64, ends_s))		/* since 1970 */

/* A process of the node, for people. */
RECORD(process_record,
    FIELD(u8, role)
    FIELD(u32, number)
    FIELD(bytes, name)		/* "raftd", "client 1" */
    FIELD(u32, pid)		/* 0: it is not there now */
    FIELD(u32, restarts)
    FIELD(u64, started_ns)	/* wall time */
    FIELD(u8, flags))		/* PROCESS_FLAG_* of wire.h */

/* Something that happened to the node, for the axis of a chart. */
RECORD(mark_record,
    FIELD(u64, time_ns)		/* wall time */
    FIELD(u8, kind)		/* MARK_* of wire.h */
    FIELD(bytes, text))		/* a sentence */

/* ---- every channel: the first frame each way ---------------------------- */

MESSAGE(hello, 0x01, FROM_SUPERVISOR | FROM_CHILD, TO_ALL,
    FIELD(u32, magic)		/* WIRE_MAGIC */
    FIELD(u16, protocol)	/* WIRE_PROTOCOL; a reader refuses another, naming both */
    FIELD(u8, role)		/* ROLE_* of wire.h */
    FIELD(u32, number)		/* which client worker, from 1; 0 for the others. Of the
				 * supervisor: how often it has started this child before */
    FIELD(token, token)		/* control channel: 0; data channel: given to both */
    FIELD(u64, session))	/* data channel, from the worker: its session's id */

/* ---- control channel: supervisor <-> child ------------------------------ */

MESSAGE(settings, 0x10, FROM_SUPERVISOR, TO_CHILD,
    FIELD(secret, settings))	/* list of setting_record: the effective configuration;
				 * again when the operator had it read again */
/* Carries one end of a socket pair: to raftd for a worker, to a worker for raftd. Of role
 * ROLE_SUPERVISOR, to the peer worker: a connection of this machine's operator, HTTP. */
MESSAGE(attach, 0x11, FROM_SUPERVISOR, TO_CHILD,
    FIELD(u8, role)		/* of who is at the other end */
    FIELD(u32, number)
    FIELD(token, token))
MESSAGE(ready, 0x12, FROM_CHILD, TO_PROCESS,
    FIELD(bytes, text)		/* for the operator: "recovered 41 entries" */
    FIELD(bytes, build))	/* of its program: common/build.h */
MESSAGE(alive, 0x13, FROM_CHILD, TO_PROCESS,
    FIELD(u32, connections)	/* open client or peer connections, or sessions */
    FIELD(u64, term) FIELD(u64, store_index) /* raftd only, else 0 */
    FIELD(u8, role)		/* NODE_ROLE_* as raftd sees it; else 0 */
    FIELD(bytes, unused_leader)	/* empty */
    FIELD(u64, memory))		/* resident bytes; 0: not known */
MESSAGE(stop, 0x14, FROM_SUPERVISOR, TO_CHILD,
    FIELD(u8, how))		/* STOP_FAST, STOP_ORDERLY, STOP_DRAIN of wire.h */
/* The node as a whole has to end: exit code and the sentence to say. */
MESSAGE(end_node, 0x15, FROM_RAFTD | FROM_PEER_WORKER, TO_PROCESS,
    FIELD(u8, exit_code)
    FIELD(bytes, text))
/* raftd: lead somewhere else if there is another node. Answered by moved. */
MESSAGE(move_leader, 0x16, FROM_SUPERVISOR, TO_CHILD,
    FIELD(bytes, to))		/* name, or empty: whoever is best */
MESSAGE(moved, 0x17, FROM_RAFTD, TO_PROCESS,
    FIELD(u8, done))
/* A line for the operator's ready message: members, leader, term. */
MESSAGE(node_state, 0x18, FROM_RAFTD, TO_PROCESS,
    FIELD(u8, phase)		/* PHASE_* of wire.h */
    FIELD(u64, node_id) FIELD(u64, cluster_id)
    FIELD(u64, term) FIELD(u64, commit) FIELD(u64, applied) FIELD(u64, store_index)
    FIELD(u8, role)		/* NODE_ROLE_* */
    FIELD(u64, leader_id)
    FIELD(bytes, members)	/* list of member_record */
    FIELD(bytes, refuses))	/* as in status */
/* What an operator has to know and that stops nothing, when that has changed. */
MESSAGE(notice, 0x1d, FROM_RAFTD, TO_PROCESS,
    FIELD(bytes, text))		/* a sentence; empty: there is nothing */
/* What the worker's port shows and whom it trusts: before the first attach, and
 * again when it changed. Only to a worker whose port has a certificate. */
MESSAGE(tls, 0x19, FROM_SUPERVISOR, TO_CHILD,
    FIELD(u8, flags)		/* TLS_FLAG_* of wire.h */
    FIELD(u8, min_version)	/* TLS_VERSION_* of wire.h */
    FIELD(bytes, chain)		/* PEM, leaf first */
    FIELD(secret, key)		/* PEM, not encrypted */
    FIELD(bytes, authorities)	/* PEM: who is trusted */
    FIELD(bytes, ciphers)	/* for TLS 1.2, as OpenSSL spells them; empty: ours */
    FIELD(bytes, names))	/* -peer-cert-names: one of them has to be in a certificate */
/* The keys of session tickets, the same for every worker; before the first tls,
 * and again when they changed. */
MESSAGE(tls_tickets, 0x1a, FROM_SUPERVISOR, TO_CHILD,
    FIELD(secret, keys))	/* TLS_TICKET_KEY_BYTES each: the one in use, those before it */
/* Look up a host, which a worker may not; answered by resolved of the same id. One that begins
 * with "_" is a service, "_etcd-server._tcp.DOMAIN". */
MESSAGE(resolve, 0x1b, FROM_PEER_WORKER, TO_PROCESS,
    FIELD(bytes, host))
MESSAGE(resolved, 0x1c, FROM_SUPERVISOR, TO_CHILD,
    FIELD(bytes, addresses))	/* list of address_record; empty: not found. Of a service: list
				 * of service_record with its end; empty: nobody says */

/* Which members the peer worker reaches, when that has changed. */
MESSAGE(reach, 0x1f, FROM_PEER_WORKER, TO_PROCESS,
    FIELD(bytes, members))	/* list of reach_record: all but this node */

/* Carries the area of counters (common/metric.h): behind hello, before settings. */
MESSAGE(metrics, 0x1e, FROM_SUPERVISOR, TO_CHILD,
    FIELD(u32, slot))		/* in which this process counts */

/* Carries one end of a socket pair between two client workers: the connections
 * of one go to the other when it drains, which it is told right after this. */
MESSAGE(handover, 0x30, FROM_SUPERVISOR, TO_CHILD,
    FIELD(u8, give)		/* 1: yours go; 0: take those that come */
    FIELD(u32, number)		/* of who is at the other end */
    FIELD(token, token))
/* To client workers: is the node to get new clients? Shown by /health only. */
MESSAGE(rotation, 0x31, FROM_SUPERVISOR, TO_CHILD,
    FIELD(u8, out))		/* 1: no */

/* A data channel has ended on this side: another is wanted, if both processes live. */
MESSAGE(channel_lost, 0x32, FROM_CHILD, TO_PROCESS,
    FIELD(token, token)		/* of the pair */
    FIELD(u8, why))		/* CHANNEL_END_* of wire.h */

/* A client worker asks for what only the supervisor knows, for one of its own clients. */
MESSAGE(ask, 0x80, FROM_CLIENT_WORKER, TO_PROCESS,
    FIELD(u8, what)		/* ASK_* of wire.h */
    FIELD(u32, lines)		/* ASK_LOG: how many at most */
    FIELD(bytes, name)		/* ASK_LEAD: of a member; empty: whoever is best */
    FIELD(bytes, asker))	/* ASK_LEAD: who asked, for the log: printable */
MESSAGE(view, 0x81, FROM_SUPERVISOR, TO_CHILD,
    FIELD(bytes, waiting)	/* what the node waits for, a sentence; or empty */
    FIELD(bytes, notice)	/* as in notice */
    FIELD(bytes, processes)	/* list of process_record, the supervisor's own first */
    FIELD(bytes, reach)		/* list of reach_record */
    FIELD(bytes, marks))	/* list of mark_record, the newest last */
MESSAGE(told, 0x82, FROM_SUPERVISOR, TO_CHILD,
    FIELD(bytes, problem)	/* a sentence; empty: it is done */
    FIELD(bytes, text))		/* ASK_LOG: whole lines, the newest last */

/* Carries the end of a pipe that the child writes its lines to; before metrics. */
MESSAGE(diag_pipe, 0x60, FROM_SUPERVISOR, TO_CHILD, FIELD(u64, unused))

/* ---- that pipe: child -> supervisor; each frame in one write -------------- */

MESSAGE(diag, 0x61, FROM_CHILD, TO_LOG,
    FIELD(u64, wall_ns)		/* when it was said */
    FIELD(u8, level)		/* enum diag_level */
    FIELD(bytes, part)		/* empty: a sentence for a person */
    FIELD(bytes, text))
MESSAGE(access_lines, 0x62, FROM_WORKER, TO_LOG,
    FIELD(bytes, lines))	/* whole ones, printable, with their ends */

/* ---- data channel: worker -> raftd; request id chosen by the worker ------ */

/* A write. Request id is the sequence number of the worker's session: each is
 * used for one request only and repeated with it. */
MESSAGE(write, 0x20, FROM_CLIENT_WORKER, TO_SESSION,
    FIELD(u64, low)		/* every sequence below it has been answered: forget. First,
				 * as in member_change and config_change: known last */
    FIELD(u8, op)		/* WRITE_* of wire.h */
    FIELD(u8, flags)		/* WRITE_FLAG_* of wire.h */
    FIELD(bytes, key)
    FIELD(bytes, value)
    FIELD(u64, ttl_s)		/* with WRITE_FLAG_TTL */
    FIELD(u64, prev_index)	/* 0: no condition */
    FIELD(bytes, prev_value)	/* with WRITE_FLAG_PREV_VALUE */
    FIELD(bytes, user)		/* who asks, if users count; empty: a guest */
    FIELD(u64, credential))	/* of the password that he has shown */
/* Users, roles, and whether they count. Request id as for write. */
MESSAGE(auth_change, 0x70, FROM_CLIENT_WORKER, TO_SESSION,
    FIELD(u64, low)
    FIELD(u8, op)		/* enum auth_op of wire.h */
    FIELD(u8, flags)		/* AUTH_FLAG_* of wire.h */
    FIELD(bytes, name)		/* of the user or role */
    FIELD(secret, hash)		/* of his password; empty: as it was */
    FIELD(bytes, first) FIELD(bytes, second) FIELD(bytes, third) FIELD(bytes, fourth)
				/* lists of auth_text: see enum auth_op */
    FIELD(bytes, user) FIELD(u64, credential))	/* who asks */
/* The same of the v3 API. Answered as a write of the v3 keys. */
MESSAGE(v3_auth_change, 0xb0, FROM_CLIENT_WORKER, TO_SESSION,
    FIELD(u64, low)
    FIELD(u8, op)		/* enum v3_auth_op of wire.h: which of these it looks at */
    FIELD(u8, flags)		/* V3_AUTH_NO_PASSWORD */
    FIELD(u8, type)		/* enum v3_auth_type */
    FIELD(bytes, name) FIELD(secret, hash) FIELD(bytes, role)
    FIELD(bytes, key) FIELD(bytes, end)
    FIELD(bytes, digest)	/* SHA-256 of the letters of a token */
    FIELD(u64, credential))	/* of the v3 user who asks; 0: nobody */
/* Those tokens are used: not to be forgotten soon. */
MESSAGE(v3_tokens_used, 0xb3, FROM_CLIENT_WORKER, TO_SESSION,
    FIELD(bytes, indexes))	/* u64 little-endian, one after the other */
/* What a raftd before this one had told: this one may know none of a token that is older. */
MESSAGE(v3_tokens_kept, 0xb4, FROM_CLIENT_WORKER, TO_SESSION,
    FIELD(bytes, tokens))	/* list of v3_token_record, by index */
MESSAGE(read, 0x21, FROM_CLIENT_WORKER, TO_SESSION,
    FIELD(u8, flags)		/* READ_FLAG_* of wire.h */
    FIELD(bytes, key))
/* Its answer came with FRAME_MORE: now the next piece is wanted; or no more of it. */
MESSAGE(read_more, 0x34, FROM_CLIENT_WORKER, TO_SESSION, FIELD(u64, unused))
MESSAGE(read_stop, 0x35, FROM_CLIENT_WORKER, TO_SESSION, FIELD(u64, unused))
/* Of the v3 keys. Writes: request id as for write. credential: of the v3 user who asks, as he was
 * at that auth revision; 0: nobody has to be asked. Lists as in common/ipc/v3_table.h; they are one
 * operation, with all that is in it. Answered by outcome, whose event begins with a v3_answer;
 * KeyValues follow, a piece at a time: each next one is asked for by read_more. */
MESSAGE(v3_write, 0x90, FROM_CLIENT_WORKER, TO_SESSION,
    FIELD(u64, low) FIELD(u64, credential) FIELD(u64, auth_revision)
    FIELD(bytes, compares)	/* list of v3_compare */
    FIELD(bytes, ops))		/* list of v3_op */
MESSAGE(v3_compact, 0x91, FROM_CLIENT_WORKER, TO_SESSION,
    FIELD(u64, low) FIELD(u64, credential) FIELD(u64, auth_revision) FIELD(u64, revision))
MESSAGE(v3_grant, 0x92, FROM_CLIENT_WORKER, TO_SESSION,
    FIELD(u64, low) FIELD(u64, credential) FIELD(u64, auth_revision)
    FIELD(u64, id)		/* not 0: chosen before it is asked for */
    FIELD(u64, ttl_s))
MESSAGE(v3_revoke, 0x93, FROM_CLIENT_WORKER, TO_SESSION,
    FIELD(u64, low) FIELD(u64, credential) FIELD(u64, auth_revision) FIELD(u64, id))
MESSAGE(v3_alarm, 0xa2, FROM_CLIENT_WORKER, TO_SESSION,
    FIELD(u64, low) FIELD(u64, credential) FIELD(u64, auth_revision)
    FIELD(u8, op)		/* enum alarm_op */
    FIELD(u8, type)		/* enum alarm_type */
    FIELD(u64, member))		/* as clients know it, or whatever they say */
MESSAGE(v3_read, 0x94, FROM_CLIENT_WORKER, TO_SESSION,
    FIELD(u8, quorum)		/* 1: what was acknowledged before is in it */
    FIELD(bytes, compares)
    FIELD(bytes, ops))		/* none that writes */
/* A watch of the v3 keys. Request id is its id, unique in the worker until v3_unwatch or its
 * end. */
MESSAGE(v3_watch, 0x95, FROM_CLIENT_WORKER, TO_SESSION,
    FIELD(u8, flags)		/* V3_WATCH_* of wire.h */
    FIELD(u64, start)		/* revision, may be to come; 0: the next one */
    FIELD(bytes, key) FIELD(bytes, end)) /* as of a range; key empty: of one zero byte */
MESSAGE(v3_unwatch, 0x96, FROM_CLIENT_WORKER, TO_SESSION, FIELD(u64, unused))
/* One that is behind gets a piece of the past (v3_past), and nothing until this comes again. */
MESSAGE(v3_watch_more, 0x97, FROM_CLIENT_WORKER, TO_SESSION, FIELD(u64, unused))
/* Its client is slow: what came of that revision and later was dropped, it is behind from there. */
MESSAGE(v3_watch_drop, 0x98, FROM_CLIENT_WORKER, TO_SESSION, FIELD(u64, revision))
/* Answered by v3_progress. */
MESSAGE(v3_progress_ask, 0x99, FROM_CLIENT_WORKER, TO_SESSION, FIELD(u64, unused))
/* On a lease, of the leader alone: outcome, with a v3_lease_answer as its event. */
MESSAGE(v3_lease, 0xa0, FROM_CLIENT_WORKER, TO_SESSION,
    FIELD(u8, what)		/* V3_LEASE_* of wire.h */
    FIELD(u64, id))
/* On all of the v3 keys, of this node: outcome, with a v3_state_answer as its event. */
MESSAGE(v3_state, 0xa1, FROM_CLIENT_WORKER, TO_SESSION,
    FIELD(u8, what)		/* V3_STATE_* of wire.h */
    FIELD(u8, quorum)		/* 1: what was acknowledged before is in it */
    FIELD(u64, revision))	/* of V3_STATE_HASH and _SWEPT, an int64 */
/* A look at a lock, answered by a quorum: outcome, with a lock_record as its event. */
MESSAGE(lock_look, 0x3f, FROM_CLIENT_WORKER, TO_SESSION,
    FIELD(bytes, key)		/* its directory */
    FIELD(u64, index))		/* of the entry that is asked for; 0: of none */
/* Request id is the watch id, unique in the worker until unwatch or its end. */
MESSAGE(watch, 0x22, FROM_CLIENT_WORKER, TO_SESSION,
    FIELD(u8, flags)		/* WATCH_FLAG_* of wire.h */
    FIELD(u64, since)		/* store index; 0: from now on */
    FIELD(bytes, key))
MESSAGE(unwatch, 0x23, FROM_CLIENT_WORKER, TO_SESSION, FIELD(u64, unused))
/* A watch that is behind gets WATCH_PIECE_BYTES of events and what passes it, then
 * nothing until this. */
MESSAGE(watch_more, 0x39, FROM_CLIENT_WORKER, TO_SESSION, FIELD(u64, unused))
/* Events of so many past_bytes, all together, have been given to their watches. */
MESSAGE(watch_taken, 0x3b, FROM_CLIENT_WORKER, TO_SESSION, FIELD(u64, past_bytes))
/* Answered by stats of the same kind. */
MESSAGE(stats_ask, 0x24, FROM_CLIENT_WORKER, TO_SESSION,
    FIELD(u8, kind))		/* STATS_* of wire.h */
/* The peer worker passes on what came as HTTP on the peer port. Request id as for
 * write: a replay takes effect once. */
MESSAGE(member_change, 0x25, FROM_PEER_WORKER, TO_SESSION,
    FIELD(u64, low)
    FIELD(u8, op)		/* MEMBER_JOIN, MEMBER_REMOVE, MEMBER_FORGET of wire.h */
    FIELD(u64, id)		/* the node's id; for remove 0 */
    FIELD(bytes, name)
    FIELD(bytes, peer_url)
    FIELD(bytes, client_url))
/* A client of the client port changes the members. Request id as for write. */
MESSAGE(place_change, 0x3e, FROM_CLIENT_WORKER, TO_SESSION,
    FIELD(u64, low)
    FIELD(u8, op)		/* PLACE_* of wire.h */
    FIELD(u64, id)		/* of the place that is made, or of place or member */
    FIELD(bytes, peer_urls)	/* separated by commas; of PLACE_REMOVE none */
    FIELD(bytes, asker))	/* who asked, for the log: printable */
/* What the cluster is to be like: what is not in the list stays. Request id as for write. */
MESSAGE(config_change, 0x2a, FROM_WORKER, TO_SESSION,
    FIELD(u64, low)
    FIELD(bytes, items))	/* list of config_item */
/* A join of ours through another node was answered: who we are members with. */
MESSAGE(joined, 0x26, FROM_PEER_WORKER, TO_SESSION,
    FIELD(u64, cluster_id)
    FIELD(bytes, members))	/* list of member_record */
/* A discovery service says that this node is the first of its cluster. */
MESSAGE(create_cluster, 0x2b, FROM_PEER_WORKER, TO_SESSION, FIELD(u64, unused))
/* A discovery service has named all nodes of a cluster that begins at all of them together, and
 * enough of them agree. Again until it has begun. */
MESSAGE(begin_cluster, 0x38, FROM_PEER_WORKER, TO_SESSION,
    FIELD(bytes, token)		/* where they met */
    FIELD(bytes, nodes))	/* list of told_record, this node among them */
/* The cluster is full: this node stands by until there is room. Again at each try. */
MESSAGE(standby, 0x2e, FROM_PEER_WORKER, TO_SESSION,
    FIELD(bytes, leader_url))	/* client URL of the cluster's leader; empty: not known */
/* Who asked to join under this id is told that it was removed meanwhile. */
MESSAGE(join_removed, 0x2f, FROM_PEER_WORKER, TO_SESSION, FIELD(u8, forgotten)) /* 1: for good */
/* A member of another cluster called this node, since it has this node's peer address in
 * its list. Again at each call. */
MESSAGE(foreign_call, 0x36, FROM_PEER_WORKER, TO_SESSION,
    FIELD(u64, cluster_id)
    FIELD(bytes, name)		/* of who called; */
    FIELD(bytes, peer_url))	/* and its own, empty: not said */
/* A node of -peers answered that it is of another cluster. Only of one that is alone in
 * its cluster, whatever -peers says. */
MESSAGE(other_cluster, 0x37, FROM_PEER_WORKER, TO_SESSION,
    FIELD(u64, cluster_id)
    FIELD(u32, members)		/* of that cluster, 1 or more */
    FIELD(bytes, address))	/* HOST:PORT, as -peers has it */
/* The stream to that node closed and its port refuses connections. */
MESSAGE(peer_unreachable, 0x27, FROM_PEER_WORKER, TO_SESSION, FIELD(u64, id))
/* A stream to that node is up (again), or one for snapshots broke alone: what was under
 * way may be lost. */
MESSAGE(peer_connected, 0x28, FROM_PEER_WORKER, TO_SESSION, FIELD(u64, id))

/* Carries a connection with that node, its handshake over: raftd reads and writes it from now
 * on. A newer one of the same node and opener takes its place. */
MESSAGE(peer_stream, 0x72, FROM_PEER_WORKER, TO_STREAMS,
    FIELD(u64, number)		/* of this stream, unique in the worker, not 0 */
    FIELD(u64, id)
    FIELD(u64, local)		/* whom the handshake took for this node */
    FIELD(u8, flags)		/* PEER_STREAM_* of wire.h */
    FIELD(bytes, in)		/* what was read from it and not used */
    FIELD(bytes, out))		/* what is to be written first */

/* The next piece of a backup; 0 begins one. Request id is the backup's, unique in the worker. */
MESSAGE(backup_ask, 0x2c, FROM_WORKER, TO_SESSION, FIELD(u64, sequence))
MESSAGE(backup_stop, 0x2d, FROM_WORKER, TO_SESSION, FIELD(u64, unused))

/* ---- data channel: raftd -> worker; request id is the request's --------- */

/* Of write, read, lock_look, member_change, v3_write and its kin; with FRAME_MORE the event
 * goes on: the next frame's event bytes follow this one's, its other fields are the same,
 * unless it is an error. Of a read, the next frame comes when read_more has asked for it, and
 * the length of the event's nodes reads UINT32_MAX: they end where the answer does. */
MESSAGE(outcome, 0x40, FROM_RAFTD, TO_BACKEND,
    FIELD(u16, error)		/* enum err: ERR_NONE or an API error */
    FIELD(bytes, cause)
    FIELD(u64, store_index)	/* X-Etcd-Index */
    FIELD(u64, raft_index)
    FIELD(u64, raft_term)
    FIELD(bytes, event))	/* one event_record, or what is said there; or empty */
/* The watch is registered, or ended by an error (401). Sent before its events.
 * behind 1: it is given the past first; one with 0 follows when it has all up to
 * store_index. */
MESSAGE(watching, 0x41, FROM_RAFTD, TO_BACKEND,
    FIELD(u16, error)
    FIELD(bytes, cause)
    FIELD(u64, store_index) FIELD(u64, raft_index) FIELD(u64, raft_term)
    FIELD(u8, behind))
/* One event for all the watches of this worker that want it, in index order.
 * A watch that is no stream is gone in raftd with its first event. */
MESSAGE(event, 0x42, FROM_RAFTD, TO_BACKEND,
    FIELD(bytes, watch_ids)	/* u64 little-endian, one after the other */
    FIELD(u64, past_bytes)	/* to be told back by watch_taken; the same in each frame */
    FIELD(bytes, event))	/* one event_record; FRAME_MORE as for outcome */
/* A watch of the v3 keys is registered, or ended by an error; or it is behind from now on, since
 * raftd could not give it all at once. Sent before its events. */
MESSAGE(v3_watching, 0x9a, FROM_RAFTD, TO_BACKEND,
    FIELD(u16, error)		/* enum v3_error */
    FIELD(u64, revision)	/* of the store, when it was registered; else what it has all of */
    FIELD(u64, compacted)	/* V3_COMPACTED: what is below that is gone */
    FIELD(u64, raft_term)
    FIELD(u8, behind))		/* 1: the past has something for it, maybe: to be asked for */
/* What happened, for all watches of this worker that are not behind: whole revisions, in order.
 * These have all that is for them up to that revision then. FRAME_MORE as for outcome. */
MESSAGE(v3_events, 0x9b, FROM_RAFTD, TO_BACKEND,
    FIELD(u64, revision)
    FIELD(u64, raft_term)
    FIELD(bytes, events))	/* list of v3_change_record */
/* A piece of the past for one that is behind: it has all up to that revision then. behind 0: from
 * now on it gets what happens. FRAME_MORE as for outcome. */
MESSAGE(v3_past, 0x9c, FROM_RAFTD, TO_BACKEND,
    FIELD(u64, revision)
    FIELD(u64, raft_term)
    FIELD(u8, behind)
    FIELD(bytes, events))
/* All that is for them up to that revision has been sent to watches that are not behind. Request
 * id 0: nobody has asked. */
MESSAGE(v3_progress, 0x9d, FROM_RAFTD, TO_BACKEND,
    FIELD(u64, revision)
    FIELD(u64, raft_term))
MESSAGE(stats, 0x43, FROM_RAFTD, TO_BACKEND,
    FIELD(u8, kind)
    FIELD(u16, error)		/* STATS_LEADER, STATS_PROGRESS: ERR_NOT_LEADER elsewhere */
    FIELD(bytes, numbers)	/* u64 little-endian in the order of wire.h */
    FIELD(bytes, followers))	/* list of follower_record; STATS_PROGRESS: of progress_record */
/* Pushed to every worker when it changed, before the turn's outcomes. */
MESSAGE(status, 0x44, FROM_RAFTD, TO_BACKEND,
    FIELD(u8, phase)		/* PHASE_* */
    FIELD(u64, node_id) FIELD(u64, cluster_id)
    FIELD(u8, role)		/* NODE_ROLE_* */
    FIELD(u64, term) FIELD(u64, commit) FIELD(u64, applied) FIELD(u64, store_index)
    FIELD(u64, leader_id)	/* 0: none known */
    FIELD(u64, leader_since_ns)	/* wall time this leader was first seen here */
    FIELD(u64, started_ns)	/* wall time raftd's node started */
    FIELD(bytes, members)	/* list of member_record, in order of joining */
    FIELD(bytes, config)	/* list of config_item: what the cluster is to be like */
    FIELD(bytes, standby_url)	/* PHASE_STANDBY: where clients are sent; empty: not known */
    FIELD(bytes, rejoin)	/* PHASE_STANDBY of one who was removed: peers, by commas */
    FIELD(u64, rejoin_wait_ms)	/* and it asks them then; 0: at once */
    FIELD(bytes, refuses)	/* why clients' writes are refused; empty: they are not */
    FIELD(bytes, places))	/* list of place_record, in order of making */
/* Paths that changed this turn, before its outcomes: caches drop them and
 * every directory above. */
MESSAGE(changed, 0x45, FROM_RAFTD, TO_BACKEND,
    FIELD(u64, store_index) FIELD(u64, raft_index) FIELD(u64, raft_term)
    FIELD(bytes, paths))	/* list of path_record */
/* All users and roles, when they have changed, before anything that follows from the change
 * or came after it. */
MESSAGE(auth, 0x71, FROM_RAFTD, TO_BACKEND,
    FIELD(u64, revision)
    FIELD(secret, records))	/* list of state_record: common/auth/auth_table.h */
/* The same of the v3 API. version is that of what raftd gave last of these two, to all workers;
 * it means nothing beyond this raftd. */
MESSAGE(v3_auth, 0xb1, FROM_RAFTD, TO_BACKEND,
    FIELD(u64, version)
    FIELD(secret, records))	/* list of state_record: common/v3_auth/v3_auth_table.h */
/* Tokens that are known from now on, and that are no more. Those of a user who is gone, or has
 * another password, and all when users do not count any more, go without a word. */
MESSAGE(v3_tokens, 0xb2, FROM_RAFTD, TO_BACKEND,
    FIELD(u64, version)
    FIELD(u8, all)		/* 1: none but these are */
    FIELD(bytes, added)		/* list of v3_token_record, by index */
    FIELD(bytes, removed))	/* indexes, as in v3_tokens_used */
RECORD(v3_token_record,
    FIELD(u64, index)		/* of its raft entry, and what stands behind its letters */
    FIELD(u64, credential)	/* whose it is */
    FIELD(bytes, digest))	/* SHA-256 of its letters */
/* A stream that raftd was given has ended, or was not taken. */
MESSAGE(peer_stream_over, 0x73, FROM_RAFTD, TO_BACKEND, FIELD(u64, number))
MESSAGE(backup_piece, 0x4a, FROM_RAFTD, TO_BACKEND,
    FIELD(u16, error)		/* enum err; not ERR_NONE: the backup is over, and not whole */
    FIELD(u64, sequence)	/* from 0, without gap */
    FIELD(u8, last)
    FIELD(u64, raft_index) FIELD(u64, raft_term) /* what it is of; the same each time */
    FIELD(u64, store_index)	/* with the last one */
    FIELD(bytes, records)	/* list of state_record */
    FIELD(u32, checksum))	/* CRC32C of records */
RECORD(path_record, FIELD(bytes, path) FIELD(u8, below)) /* below: everything under it too */

/* ---- client worker to client worker: hello, then ------------------------- */

/* From who takes: so many connections more may come. */
MESSAGE(room, 0x50, FROM_CLIENT_WORKER, TO_LANE, FIELD(u32, connections))
/* Carries a connection, with what was read from it and not used, and what was
 * not written yet. */
MESSAGE(handed, 0x51, FROM_CLIENT_WORKER, TO_LANE,
    FIELD(u8, flags)		/* HANDED_* of wire.h */
    FIELD(secret, in)		/* a request may hold a password */
    FIELD(secret, out)
    /* with HANDED_WATCH, or what of it HANDED_LOCK needs, too: */
    FIELD(u8, watch_flags)	/* WATCH_FLAG_* */
    FIELD(bytes, key)
    FIELD(u64, next_index)	/* store index that is waited for */
    FIELD(bytes, user)		/* who waits; empty: a guest */
    FIELD(u64, credential)	/* of the password that he has shown */
    FIELD(secret, target)	/* the rest for the access log: as it came; */
    FIELD(bytes, route)		/* name of its route; */
    FIELD(u64, begun_ns)	/* monotonic */
    FIELD(u64, bytes_in) FIELD(u64, bytes_out)
    /* with HANDED_LOCK, where key is the lock's directory and next_index its own entry: */
    FIELD(u8, lock_flags)	/* HANDED_LOCK_* */
    FIELD(u64, lock_ttl_s)
    FIELD(u64, lock_until_ms)	/* monotonic; 0: it waits for ever */
    /* with HANDED_WATCH, of a stream of the v3 API: */
    FIELD(bytes, v3_watches)	/* list of v3_handed_watch; empty: it is none */
    FIELD(u64, v3_next_id)	/* of a watch that is given none */
    FIELD(u8, v3_progress)	/* 1: it waits to hear how far it is */
    FIELD(u64, v3_credential))	/* of the v3 user who waits; 0: nobody has to be asked */
RECORD(v3_handed_watch,
    FIELD(u64, id)		/* an int64 */
    FIELD(u64, served)		/* it has all up to this revision */
    FIELD(u8, flags)		/* V3_WATCH_* and V3_HANDED_* of wire.h */
    FIELD(bytes, key) FIELD(bytes, end))

/* ---- node to node: request id is the other node's id --------------------- */
/* enum raft_message_type in raftd/raft/message.h; one row each. The receiver's
 * own id is checked in the stream's handshake. */

MESSAGE(raft_vote, 0x100, FROM_NODE, TO_CORE,
    FIELD(u64, term) FIELD(u8, pre) FIELD(u8, flags) /* RAFT_VOTE_TRANSFER, RAFT_VOTE_DEAD_LEADER */
    FIELD(u64, last_index) FIELD(u64, last_term))
MESSAGE(raft_vote_reply, 0x101, FROM_NODE, TO_CORE,
    FIELD(u64, term) FIELD(u8, pre) FIELD(u8, reject))
MESSAGE(raft_append, 0x102, FROM_NODE, TO_CORE,
    FIELD(u64, term) FIELD(u64, prev_index) FIELD(u64, prev_term) FIELD(u64, commit)
    FIELD(bytes, entries))	/* list of entry_record */
MESSAGE(raft_append_reply, 0x103, FROM_NODE, TO_CORE,
    FIELD(u64, term) FIELD(u8, reject)
    FIELD(u64, index)		/* matched up to; or the prev_index refused */
    FIELD(u64, hint_index) FIELD(u64, hint_term)) /* reject: where to try next */
MESSAGE(raft_heartbeat, 0x104, FROM_NODE, TO_CORE,
    FIELD(u64, term) FIELD(u64, commit) FIELD(u64, context) /* ReadIndex round */
    FIELD(u64, time_ns))	/* the leader's time, which entries are stamped with */
MESSAGE(raft_heartbeat_reply, 0x105, FROM_NODE, TO_CORE,
    FIELD(u64, term) FIELD(u64, context)
    FIELD(u8, flags))		/* RAFT_REPLY_UNFIT */
MESSAGE(raft_read_index, 0x106, FROM_NODE, TO_CORE,
    FIELD(u64, term) FIELD(u64, context))
MESSAGE(raft_read_index_reply, 0x107, FROM_NODE, TO_CORE,
    FIELD(u64, term) FIELD(u64, context) FIELD(u64, index) FIELD(u8, reject))
MESSAGE(raft_timeout_now, 0x108, FROM_NODE, TO_CORE, FIELD(u64, term))
MESSAGE(raft_committed, 0x109, FROM_NODE, TO_CORE, /* raft_append without entries and answer */
    FIELD(u64, term) FIELD(u64, prev_index) FIELD(u64, prev_term) FIELD(u64, commit))
/* A proposal of a follower, on its way to the leader. Not answered: the
 * follower sees it applied, or sends it again. */
MESSAGE(forward_proposal, 0x110, FROM_NODE, TO_NODE,
    FIELD(u8, type)		/* enum raft_entry_type */
    FIELD(u8, unused_op) FIELD(u64, unused_peer) /* 0 */
    FIELD(bytes, payload))	/* as in the entry: has session and sequence in it */
/* The leader cannot take a forwarded membership change now or ever. */
MESSAGE(forward_refused, 0x111, FROM_NODE, TO_NODE,
    FIELD(u64, session) FIELD(u64, sequence)
    FIELD(u16, error) FIELD(bytes, cause) FIELD(u64, store_index))
/* To one who was removed for good while it was away, and whose id never comes back. */
MESSAGE(removed_told, 0x112, FROM_NODE, TO_NODE, FIELD(u64, id))
/* The same, but it may come back with another id. */
MESSAGE(released_told, 0x113, FROM_NODE, TO_NODE, FIELD(u64, id))
/* How is it? Asked while somebody looks at the asker's page; answered at once. */
MESSAGE(condition_ask, 0x114, FROM_NODE, TO_NODE,
    FIELD(u64, asked_ns))	/* the asker's wall clock; comes back */
MESSAGE(condition, 0x115, FROM_NODE, TO_NODE,
    FIELD(u64, asked_ns)
    FIELD(u64, wall_ns)		/* the sender's wall clock */
    FIELD(u64, applied)
    FIELD(bytes, facts))	/* condition_record; CONDITION_BYTES_MAX */
/* A question on a lease, to the leader. Who leads no more says nothing; its sender asks again. */
MESSAGE(lease_ask, 0x116, FROM_NODE, TO_NODE,
    FIELD(u64, number)		/* the sender's, not 0; comes back */
    FIELD(u8, what)		/* V3_LEASE_* of wire.h */
    FIELD(u64, id))
MESSAGE(lease_told, 0x117, FROM_NODE, TO_NODE,
    FIELD(u64, number)
    FIELD(u8, found)		/* as in v3_lease_answer, as the next */
    FIELD(u64, left_s) FIELD(u64, granted_s)
    FIELD(u64, index))		/* what the leader had applied then, of the log */
/* Snapshot: the sender streams chunks while the receiver gives credits. */
MESSAGE(snapshot_chunk, 0x120, FROM_NODE, TO_NODE,
    FIELD(u64, term)
    FIELD(u64, snapshot_index) FIELD(u64, snapshot_term)
    FIELD(u64, sequence)	/* from 0, without gap */
    FIELD(u8, last)
    FIELD(bytes, records)	/* list of state_record */
    FIELD(u32, checksum))	/* CRC32C of records */
MESSAGE(snapshot_credit, 0x121, FROM_NODE, TO_NODE,
    FIELD(u64, term) FIELD(u64, snapshot_index)
    FIELD(u64, sequence)	/* chunks below it have been taken */
    FIELD(u8, state))		/* SNAPSHOT_TAKING, SNAPSHOT_DONE, SNAPSHOT_FAILED */

#undef MESSAGE
#undef RECORD
#undef FIELD
