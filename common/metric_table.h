/*
 * metric_table.h - every metric, a row each:
 *	METRIC(id, owners, type, unit, name, labels, help)
 *
 *	owners	who counts it: SUPERVISOR, RAFTD, CLIENT, PEER, WORKER, NODES, ALL
 *	type	COUNTER		what was counted, ever since the node was started
 *		GAUGE		what is now: the sum of what the processes say
 *		NEWEST		what is now: the largest of what they say
 *		DISK_TIME	histogram from 1 ms on
 *		SHORT_TIME	histogram from 0.1 ms on
 *		SIZE		histogram of numbers, from 1 on
 *	unit	ONE as it is counted; NS counted in ns, shown in seconds
 *	labels	"": none; with '=' in it: constant, as they are shown; else the
 *		names of labels whose values metric_series is given
 *
 * Rows of one name stand together and have the same type, unit and help. What
 * etcd 3 has too has its name there. No label may have values without bound:
 * never a key, never a client's address.
 *
 * No guard: included many times; undefines its macro at the end.
 */

/* ---- the node and its processes ------------------------------------------ */

METRIC(build_info, SUPERVISOR, GAUGE, ONE, "etcd_build_info", "version",
    "1, with the version of the program etcd as a label.")
METRIC(up, SUPERVISOR, GAUGE, ONE, "etcd_up", "",
    "1 if the node is a member with a known leader and its processes serve, else 0.")
METRIC(process_restarts, SUPERVISOR, COUNTER, ONE, "etcd_process_restarts_total", "process",
    "Starts of a process of the node but for the first one.")
METRIC(channels_remade, SUPERVISOR, COUNTER, ONE, "etcd_ipc_channels_remade_total", "",
    "Channels between raftd and a worker that broke while both lived, and were made anew.")
METRIC(process_cpu, ALL, COUNTER, NS, "process_cpu_seconds_total", "process",
    "User and system time of the process and those it replaced.")
METRIC(process_resident, ALL, GAUGE, ONE, "process_resident_memory_bytes", "process",
    "Resident memory, with pages that it shares with others.")
METRIC(process_virtual, ALL, GAUGE, ONE, "process_virtual_memory_bytes", "process",
    "Address space in use.")
METRIC(process_open_fds, ALL, GAUGE, ONE, "process_open_fds", "process",
    "Open descriptors (from Linux 6.2 on).")
METRIC(process_max_fds, ALL, NEWEST, ONE, "process_max_fds", "process",
    "Descriptors that the process may have.")
METRIC(process_start_time, ALL, NEWEST, NS, "process_start_time_seconds", "process",
    "When the process was started, since 1970.")
METRIC(log_dropped, ALL, COUNTER, ONE, "etcd_log_dropped_lines_total", "",
    "Lines of the logs that were dropped, because they came faster than they could be written.")

/* ---- raftd ------------------------------------------------------------------ */

METRIC(has_leader, RAFTD, GAUGE, ONE, "etcd_server_has_leader", "",
    "1 if a leader is known, else 0.")
METRIC(is_leader, RAFTD, GAUGE, ONE, "etcd_server_is_leader", "",
    "1 if this node leads, else 0.")
METRIC(is_learner, RAFTD, GAUGE, ONE, "etcd_server_is_learner", "",
    "1 if this node does not vote, else 0.")
METRIC(places_open, RAFTD, GAUGE, ONE, "etcd_server_member_places", "state=\"open\"",
    "Places for members that were made by POST /v2/members and are there, as this node knows them.")
METRIC(places_taken, RAFTD, GAUGE, ONE, "etcd_server_member_places", "state=\"taken\"",
    "Places for members that were made by POST /v2/members and are there, as this node knows them.")
METRIC(leader_changes, RAFTD, COUNTER, ONE, "etcd_server_leader_changes_seen_total", "",
    "How often another leader was seen than before.")
METRIC(proposals_committed, RAFTD, COUNTER, ONE, "etcd_server_proposals_committed_total", "",
    "Log index up to which entries are committed.")
METRIC(proposals_applied, RAFTD, COUNTER, ONE, "etcd_server_proposals_applied_total", "",
    "Log index up to which entries are applied here.")
METRIC(proposals_pending, RAFTD, GAUGE, ONE, "etcd_server_proposals_pending", "",
    "Writes of this node's clients that wait to be applied.")
METRIC(proposals_failed, RAFTD, COUNTER, ONE, "etcd_server_proposals_failed_total", "",
    "Writes of this node's clients that were refused or not applied in time.")
METRIC(proposal_time, RAFTD, SHORT_TIME, NS, "etcd_server_proposal_durations_seconds", "",
    "Time from a write of this node's clients to its being applied here, or refused.")
METRIC(apply_time, RAFTD, SHORT_TIME, NS, "etcd_server_apply_durations_seconds", "",
    "Time of applying the entries that were committed at once.")
METRIC(read_index_time, RAFTD, SHORT_TIME, NS, "etcd_server_read_index_durations_seconds", "",
    "Time from a quorum read to the index that a majority confirmed for it.")
METRIC(log_entries, RAFTD, GAUGE, ONE, "etcd_log_entries", "",
    "Entries of the Raft log that are kept.")
METRIC(log_trims, RAFTD, COUNTER, ONE, "etcd_log_trims_total", "",
    "How often the beginning of the Raft log was dropped.")
METRIC(snapshots_sent, RAFTD, COUNTER, ONE, "etcd_snapshot_sent_total", "",
    "Snapshots that another node has taken from this one.")
METRIC(snapshots_received, RAFTD, COUNTER, ONE, "etcd_snapshot_received_total", "",
    "Snapshots of another node that were installed here.")
METRIC(reads_pending, RAFTD, GAUGE, ONE, "etcd_server_reads_pending", "",
    "Reads that wait for their worker to take what it was sent, or for others to end.")
METRIC(reads_under_way, RAFTD, GAUGE, ONE, "etcd_server_reads_under_way", "",
    "Answers of reads that are sent in pieces now.")
METRIC(term, RAFTD, GAUGE, ONE, "etcd_server_term", "", "Term of the Raft log.")
METRIC(retry_deduplicated, RAFTD, COUNTER, ONE, "etcd_retry_deduplicated_total", "",
    "Copies of a write in the log that had taken effect already.")
METRIC(store_watchers, RAFTD, GAUGE, ONE, "etcd_debugging_store_watchers", "",
    "Watches that wait in the store.")
METRIC(store_keys, RAFTD, GAUGE, ONE, "etcd_store_keys", "",
    "Keys and directories in the store.")
METRIC(store_index, RAFTD, GAUGE, ONE, "etcd_store_index", "",
    "Index of the last change, as X-Etcd-Index has it.")
METRIC(store_gets, RAFTD, COUNTER, ONE, "etcd_store_reads_total",
    "action=\"get\",result=\"success\"",
    "Reads by the store; those that a worker's cache answered are not among them.")
METRIC(store_gets_failed, RAFTD, COUNTER, ONE, "etcd_store_reads_total",
    "action=\"get\",result=\"fail\"",
    "Reads by the store; those that a worker's cache answered are not among them.")
#define WRITES(id, action)						\
	METRIC(store_##id, RAFTD, COUNTER, ONE, "etcd_store_writes_total", \
	    "action=\"" action "\",result=\"success\"", "Writes by the store.") \
	METRIC(store_##id##_failed, RAFTD, COUNTER, ONE, "etcd_store_writes_total", \
	    "action=\"" action "\",result=\"fail\"", "Writes by the store.")
WRITES(sets, "set")
WRITES(deletes, "delete")
WRITES(updates, "update")
WRITES(creates, "create")
WRITES(swaps, "compareAndSwap")
WRITES(compared_deletes, "compareAndDelete")
#undef WRITES
METRIC(store_expires, RAFTD, COUNTER, ONE, "etcd_store_expires_total", "",
    "Keys and directories that expired.")
METRIC(v3_revision, RAFTD, GAUGE, ONE, "etcd_debugging_mvcc_current_revision", "",
    "Revision of the v3 keys.")
METRIC(v3_compacted, RAFTD, GAUGE, ONE, "etcd_debugging_mvcc_compact_revision", "",
    "What is below that revision of the v3 keys cannot be read any more.")
METRIC(v3_keys, RAFTD, GAUGE, ONE, "etcd_debugging_mvcc_keys_total", "",
    "Keys of v3 that there are.")
METRIC(v3_changes, RAFTD, GAUGE, ONE, "etcd_mvcc_changes_kept", "",
    "Changes of v3 keys that are kept, with all history.")
METRIC(v3_bytes, RAFTD, GAUGE, ONE, "etcd_mvcc_memory_bytes", "",
    "Memory of the v3 keys, with all history, leases and watches.")
METRIC(v3_size, RAFTD, GAUGE, ONE, "etcd_mvcc_quota_used_bytes", "",
    "Memory of the v3 keys with all history: what the quota is for.")
METRIC(v3_quota, RAFTD, GAUGE, ONE, "etcd_server_quota_backend_bytes", "",
    "The quota for the v3 keys, as of this node; 0: none.")
METRIC(v3_alarms, RAFTD, GAUGE, ONE, "etcd_server_alarms", "",
    "Alarms of the v3 API that stand.")
METRIC(v3_watchers, RAFTD, GAUGE, ONE, "etcd_debugging_mvcc_watcher_total", "",
    "Watches of v3 keys at raftd.")
METRIC(v3_calls_began, CLIENT, COUNTER, ONE, "grpc_server_started_total",
    "grpc_method,grpc_service,grpc_type",
    "Calls of the v3 API that began, by gRPC or as JSON.")
METRIC(v3_calls_ended, CLIENT, COUNTER, ONE, "grpc_server_handled_total",
    "grpc_code,grpc_method,grpc_service,grpc_type",
    "Calls of the v3 API that ended, by how; streams that are open are those that did not.")
METRIC(leases, RAFTD, GAUGE, ONE, "etcd_leases", "",
    "Leases of the v3 keys.")
METRIC(lease_renewals, RAFTD, COUNTER, ONE, "etcd_debugging_lease_renewed_total", "",
    "Renewals of leases that this node has answered as leader, of all members.")
METRIC(wal_fsync, RAFTD, DISK_TIME, NS, "etcd_disk_wal_fsync_duration_seconds", "",
    "Time of a synced write of the log.")
METRIC(backend_commit, RAFTD, DISK_TIME, NS, "etcd_disk_backend_commit_duration_seconds", "",
    "Time of a whole batch for the disk: the synced write and all around it.")
METRIC(batch_entries, RAFTD, SIZE, ONE, "etcd_wal_batch_entries", "",
    "Entries of the log that one synced write took.")
METRIC(db_size, RAFTD, GAUGE, ONE, "etcd_mvcc_db_total_size_in_bytes", "",
    "Size of all files of the database, looked at while it is written to, each 5 s or 4 MiB.")
METRIC(db_in_use, RAFTD, GAUGE, ONE, "etcd_mvcc_db_total_size_in_use_in_bytes", "",
    "Size of what is in the tables of the database, about; looked at with the total size.")
METRIC(disk_written, RAFTD, COUNTER, ONE, "etcd_disk_written_bytes_total", "",
    "Bytes of the batches that were written, before the storage adds its own.")
METRIC(disk_stalls, RAFTD, COUNTER, ONE, "etcd_disk_stalls_total", "",
    "Writes of the log that took longer than followers wait for a leader.")
METRIC(disk_free, RAFTD, GAUGE, ONE, "etcd_disk_free_bytes", "",
    "Free space on the disk of the data directory, as an ordinary user may take it.")
METRIC(ipc_queue_bytes, RAFTD, GAUGE, ONE, "etcd_ipc_queue_bytes", "",
    "Bytes that raftd has ready and that workers have not taken.")

/* ---- workers ------------------------------------------------------------------ */

METRIC(ipc_queue_depth, WORKER, GAUGE, ONE, "etcd_ipc_queue_depth", "",
    "Requests of workers that raftd has not answered.")
METRIC(http_client_connections, CLIENT, GAUGE, ONE, "etcd_http_connections", "port=\"client\"",
    "Open connections.")
METRIC(http_peer_connections, PEER, GAUGE, ONE, "etcd_http_connections", "port=\"peer\"",
    "Open connections.")
METRIC(http_client_held, CLIENT, GAUGE, ONE, "etcd_http_held_bytes", "port=\"client\"",
    "Memory for answers that were not taken yet and requests that were not answered.")
METRIC(http_peer_held, PEER, GAUGE, ONE, "etcd_http_held_bytes", "port=\"peer\"",
    "Memory for answers that were not taken yet and requests that were not answered.")
METRIC(http_requests, WORKER, COUNTER, ONE, "etcd_http_requests_total", "route,method,code",
    "Requests by what they were answered; a watch counts when its head goes out.")
METRIC(http_duration, WORKER, SHORT_TIME, NS, "etcd_http_request_duration_seconds", "route",
    "Time from a whole request to its answer, of a watch to the answer's head.")
METRIC(read_time, CLIENT, SHORT_TIME, NS, "etcd_http_read_duration_seconds", "",
    "Time from a whole GET or HEAD of a key to its answer; of watches none.")
#define REJECTED(reason, owners)					\
	METRIC(rejected_##reason, owners, COUNTER, ONE, "etcd_http_rejected_total", \
	    "reason=\"" #reason "\"", "What a limit or a rule did not let through.")
REJECTED(malformed, WORKER)
REJECTED(request_line, WORKER)
REJECTED(head, WORKER)
REJECTED(body, WORKER)
REJECTED(head_timeout, WORKER)
REJECTED(body_timeout, WORKER)
REJECTED(body_rate, WORKER)
REJECTED(write_timeout, WORKER)
REJECTED(connections, WORKER)
REJECTED(connections_per_address, CLIENT)
REJECTED(descriptors, WORKER)
REJECTED(room, WORKER)
REJECTED(memory, WORKER)
REJECTED(requests, WORKER)
REJECTED(form_fields, CLIENT)
REJECTED(origin, WORKER)
REJECTED(host, WORKER)
REJECTED(slow_watch, CLIENT)
REJECTED(resets, CLIENT)
REJECTED(bodies, CLIENT)
REJECTED(silence, CLIENT)
REJECTED(rights, CLIENT)
REJECTED(passwords, CLIENT)
REJECTED(watches, RAFTD)
#undef REJECTED
METRIC(watches_open, CLIENT, GAUGE, ONE, "etcd_watches_open", "",
    "Watches of clients that are open.")
METRIC(watches_begun, CLIENT, COUNTER, ONE, "etcd_watches_begun_total", "",
    "Watches whose answer's head went out; they are among the requests.")
METRIC(watch_resumed, CLIENT, COUNTER, ONE, "etcd_watch_resumed_total", "",
    "Watches that were registered again with a new raftd.")
METRIC(locks_waiting, CLIENT, GAUGE, ONE, "etcd_lock_waiting", "",
    "Requests that wait for a lock of the module lock or leader, or for a lock or an election "
    "of v3.")
METRIC(locks_acquired, CLIENT, COUNTER, ONE, "etcd_lock_acquired_total", "",
    "Requests for a lock that have got it.")
METRIC(locks_given_up, CLIENT, COUNTER, ONE, "etcd_lock_given_up_total", "",
    "Requests for a lock that ended without it: late, or entry, client or worker were gone.")
METRIC(locks_failed, CLIENT, COUNTER, ONE, "etcd_lock_failed_total", "",
    "Requests for a lock that ended with an error of the API.")
METRIC(handed_over, CLIENT, COUNTER, ONE, "etcd_http_connections_handed_over_total", "",
    "Connections of clients that a worker gave to its successor.")
METRIC(passwords_right, CLIENT, COUNTER, ONE, "etcd_auth_passwords_checked_total",
    "result=\"right\"",
    "Passwords that were hashed to be checked; one that was right is remembered.")
METRIC(passwords_wrong, CLIENT, COUNTER, ONE, "etcd_auth_passwords_checked_total",
    "result=\"wrong\"",
    "Passwords that were hashed to be checked; one that was right is remembered.")
METRIC(cache_hits, CLIENT, COUNTER, ONE, "etcd_cache_hits_total", "",
    "Reads that a worker answered from rendered bodies.")
METRIC(cache_misses, CLIENT, COUNTER, ONE, "etcd_cache_misses_total", "",
    "Reads that could have been, but had to be asked of raftd.")

/* ---- TLS ------------------------------------------------------------------------ */

METRIC(tls_failures, WORKER, COUNTER, ONE, "etcd_tls_handshake_failures_total", "port,reason",
    "Handshakes that others made with the port and that were refused.")
METRIC(tls_expiry, SUPERVISOR, NEWEST, ONE, "etcd_tls_certificate_expiry_timestamp_seconds",
    "port,file", "When the certificate of that port ends, since 1970.")

/* ---- other nodes: To and From are ids of members ------------------------------ */

METRIC(peer_active, PEER, GAUGE, ONE, "etcd_network_active_peers", "Local,Remote",
    "1 if there is a stream with that other node, else 0; ids of this node and that one.")
METRIC(peer_sent, NODES, COUNTER, ONE, "etcd_network_peer_sent_bytes_total", "To",
    "Bytes of frames for another node.")
METRIC(peer_received, NODES, COUNTER, ONE, "etcd_network_peer_received_bytes_total", "From",
    "Bytes of frames of another node.")
METRIC(peer_failures, NODES, COUNTER, ONE, "etcd_network_peer_sent_failures_total", "To",
    "Frames for another node that were dropped: no stream, or a full one.")
METRIC(peer_round_trip, NODES, SHORT_TIME, NS, "etcd_network_peer_round_trip_time_seconds", "To",
    "Time from a heartbeat to its answer, as long as this node leads.")
#undef METRIC
