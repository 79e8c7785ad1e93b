/*
 * option_table.h - every option, a row each:
 *	OPTION(field, flag, environment, file key, kind, default, min, max, argument, help)
 *
 * No guard: included many times; undefines its macro at the end.
 */
OPTION(name, "name", "ETCD_NAME", "name", TEXT, "", 0, 0, "NAME",
    "name of this node, unique in the cluster (default: host name)")
OPTION(data_dir, "data-dir", "ETCD_DATA_DIR", "data_dir", PATH, "", 0, 0, "DIR",
    "directory of the node's data (default: NAME.etcd)")
OPTION(addr, "addr", "ETCD_ADDR", "addr", ADDRESS, "127.0.0.1:4001", 0, 0, "HOST:PORT",
    "client address that is told to others")
OPTION(bind_addr, "bind-addr", "ETCD_BIND_ADDR", "bind_addr", TEXT, "", 0, 0, "HOST[:PORT]",
    "where to listen for clients (default: -addr)")
OPTION(peer_addr, "peer-addr", "ETCD_PEER_ADDR", "peer.addr", ADDRESS, "127.0.0.1:7001", 0, 0,
    "HOST:PORT", "peer address that is told to others")
OPTION(peer_bind_addr, "peer-bind-addr", "ETCD_PEER_BIND_ADDR", "peer.bind_addr", TEXT, "", 0, 0,
    "HOST[:PORT]", "where to listen for peers (default: -peer-addr)")
OPTION(peers, "peers", "ETCD_PEERS", "peers", LIST, "", 0, 0, "HOST:PORT,...",
    "members of a cluster to join")
OPTION(peers_file, "peers-file", "ETCD_PEERS_FILE", "peers_file", PATH, "", 0, 0, "FILE",
    "file with a list of peers, instead of -peers")
OPTION(max_retry_attempts, "max-retry-attempts", "ETCD_MAX_RETRY_ATTEMPTS", "max_retry_attempts",
    NUMBER, "3", 0, 1000000, "N", "how often to try all peers before giving up a join; 0: no end")
OPTION(retry_interval, "retry-interval", "ETCD_RETRY_INTERVAL", "retry_interval", SECONDS, "0", 0,
    3600000, "SECONDS", "pause between two such attempts (default: 2.5 to 5, drawn at start)")
OPTION(snapshot, "snapshot", "ETCD_SNAPSHOT", "snapshot", BOOL, "true", 0, 0, "BOOL",
    "trim the log once it is applied")
OPTION(snapshot_count, "snapshot-count", "ETCD_SNAPSHOT_COUNT", "snapshot_count", NUMBER, "10000",
    1, 1000000000, "N", "entries applied between two trims of the log, and kept for slow followers")
OPTION(peer_heartbeat_interval, "peer-heartbeat-interval", "ETCD_PEER_HEARTBEAT_INTERVAL",
    "peer.heartbeat_interval", MS, "50", 5, 10000, "MS", "how often a leader is heard at least")
OPTION(peer_election_timeout, "peer-election-timeout", "ETCD_PEER_ELECTION_TIMEOUT",
    "peer.election_timeout", MS, "200", 10, 60000, "MS",
    "how long a follower waits for its leader before it stands for election")
OPTION(http_read_timeout, "http-read-timeout", "ETCD_HTTP_READ_TIMEOUT", "http_read_timeout",
    SECONDS, "300", 1, 86400000, "SECONDS", "time for a whole request")
OPTION(http_write_timeout, "http-write-timeout", "ETCD_HTTP_WRITE_TIMEOUT", "http_write_timeout",
    SECONDS, "300", 1, 86400000, "SECONDS", "time without progress of an answer")
OPTION(workers, "workers", "ETCD_WORKERS", "server.workers", TEXT, "auto", 0, 0, "N|auto",
    "client workers, 1 to 64 (auto: processors, at most 4)")
OPTION(run_dir, "run-dir", "ETCD_RUN_DIR", "server.run_dir", PATH, "", 0, 0, "DIR",
    "directory of the control socket (default: DATA_DIR/run)")
OPTION(pid_file, "pid-file", "ETCD_PID_FILE", "server.pid_file", PATH, "", 0, 0, "FILE",
    "file to write the supervisor's process id to")
OPTION(libexec_dir, "libexec-dir", "ETCD_LIBEXEC_DIR", "server.libexec_dir", PATH, "", 0, 0, "DIR",
    "where raftd and httpd are (default: beside this program, else as installed)")
OPTION(log_level, "log-level", "ETCD_LOG_LEVEL", "log.level", TEXT, "info", 0, 0, "LEVEL",
    "error, warn, info, debug or trace")
OPTION(max_header_bytes, "max-header-bytes", "ETCD_MAX_HEADER_BYTES", "limits.max_header_bytes",
    SIZE, "64K", 1024, 65536, "SIZE", "largest request line and headers")
OPTION(max_body_bytes, "max-body-bytes", "ETCD_MAX_BODY_BYTES", "limits.max_body_bytes", SIZE,
    "10M", 1024, 10485760, "SIZE", "largest request body")
OPTION(max_connections, "max-connections", "ETCD_MAX_CONNECTIONS", "limits.max_connections",
    NUMBER, "10000", 1, 1000000, "N", "client connections of one worker")
OPTION(max_watches, "max-watches", "ETCD_MAX_WATCHES", "limits.max_watches", NUMBER, "100000", 1,
    10000000, "N", "open watches of the node")
OPTION(header_timeout, "header-timeout", "ETCD_HEADER_TIMEOUT", "limits.header_timeout", SECONDS,
    "10", 1, 86400000, "SECONDS", "time for the head of a request")
OPTION(idle_timeout, "idle-timeout", "ETCD_IDLE_TIMEOUT", "limits.idle_timeout", SECONDS, "300", 1,
    86400000, "SECONDS", "how long a kept connection may rest")
OPTION(request_timeout, "request-timeout", "ETCD_REQUEST_TIMEOUT", "limits.request_timeout",
    SECONDS, "5", 100, 3600000, "SECONDS", "how long a write or quorum read waits for the cluster")
OPTION(backend_wait, "backend-wait", "ETCD_BACKEND_WAIT", "limits.backend_wait", SECONDS, "5", 100,
    3600000, "SECONDS", "how long a worker keeps requests while raftd restarts")
OPTION(storage_cache, "storage-cache", "ETCD_STORAGE_CACHE", "storage.cache", SIZE, "1M", 65536,
    1073741824, "SIZE", "block cache of the storage")
OPTION(start_timeout, "start-timeout", "ETCD_START_TIMEOUT", "server.start_timeout", SECONDS, "60",
    100, 3600000, "SECONDS", "readiness is reported at the latest then")
OPTION(port_file, "port-file", NULL, NULL, PATH, "", 0, 0, "FILE",
    "file to write the bound addresses to; allows port 0")
OPTION(force, "force", NULL, NULL, BOOL, "false", 0, 0, "BOOL",
    "remove this node's own state before starting")
OPTION(verbose, "v", "ETCD_VERBOSE", "verbose", BOOL, "false", 0, 0, "BOOL",
    "same as -log-level debug")
OPTION(very_verbose, "vv", "ETCD_VERY_VERBOSE", "very_verbose", BOOL, "false", 0, 0, "BOOL",
    "same as -log-level trace")
OPTION(very_very_verbose, "vvv", "ETCD_VERY_VERY_VERBOSE", "very_very_verbose", BOOL, "false", 0, 0,
    "BOOL", "same as -log-level trace")
OPTION(trace, "trace", "ETCD_TRACE", "trace", TEXT, "", 0, 0, "*", "* is the same as -vvv")
OPTION(max_result_buffer, "max-result-buffer", "ETCD_MAX_RESULT_BUFFER", "max_result_buffer",
    NUMBER, "1024", 0, 1000000000, "N", "accepted, has no effect")
OPTION(graphite_host, "graphite-host", "ETCD_GRAPHITE_HOST", "graphite_host", TEXT, "", 0, 0,
    "HOST:PORT", "accepted, has no effect: use /metrics")
OPTION(cpuprofile, "cpuprofile", "ETCD_CPU_PROFILE_FILE", "cpu_profile_file", PATH, "", 0, 0,
    "FILE", "accepted, has no effect")
OPTION(no_fsync, "no-fsync", NULL, NULL, BOOL, "false", 0, 0, "BOOL",
    "do not sync writes: loses data, for tests only")
OPTION(client_url, NULL, NULL, NULL, TEXT, "", 0, 0, "", "advertised client URL")
OPTION(peer_url, NULL, NULL, NULL, TEXT, "", 0, 0, "", "advertised peer URL")
#undef OPTION
