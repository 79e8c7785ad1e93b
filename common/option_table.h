/*
 * option_table.h - every option, a row each:
 *	OPTION(field, flag, environment, file key, kind, default, min, max, argument, help)
 *
 * No guard: included many times; undefines its macro at the end.
 */
OPTION(config, "config", "ETCD_CONFIG", NULL, PATH, "", 0, 0, "FILE",
    "file of options, read after the system's own")
OPTION(name, "name", "ETCD_NAME", "name", TEXT, "", 0, 0, "NAME",
    "name of this node, unique in the cluster (default: host name)")
OPTION(data_dir, "data-dir", "ETCD_DATA_DIR", "data_dir", PATH, "", 0, 0, "DIR",
    "directory of the node's data (default: NAME.etcd)")
OPTION(addr, "addr", "ETCD_ADDR", "addr", ADDRESS, "127.0.0.1:4001", 0, 0, "HOST:PORT",
    "client address that is told to others")
OPTION(bind_addr, "bind-addr", "ETCD_BIND_ADDR", "bind_addr", TEXT, "", 0, 0, "HOST[:PORT],...",
    "where to listen for clients (default: -addr)")
OPTION(listen_client_urls, "listen-client-urls", "ETCD_LISTEN_CLIENT_URLS", "listen_client_urls",
    LIST, "", 0, 0, "URL,...", "where to listen for clients, as etcd 2 and 3 are told it")
OPTION(advertise_client_urls, "advertise-client-urls", "ETCD_ADVERTISE_CLIENT_URLS",
    "advertise_client_urls", LIST, "", 0, 0, "URL,...",
    "client addresses that are told to others, as etcd 2 and 3 are told them")
OPTION(listen_metrics_urls, "listen-metrics-urls", "ETCD_LISTEN_METRICS_URLS",
    "listen_metrics_urls", LIST, "", 0, 0, "URL,...",
    "where /metrics and /health are served besides, by plain HTTP, to whoever asks")
OPTION(peer_addr, "peer-addr", "ETCD_PEER_ADDR", "peer.addr", ADDRESS, "127.0.0.1:7001", 0, 0,
    "HOST:PORT", "peer address that is told to others")
OPTION(peer_bind_addr, "peer-bind-addr", "ETCD_PEER_BIND_ADDR", "peer.bind_addr", TEXT, "", 0, 0,
    "HOST[:PORT],...", "where to listen for peers (default: -peer-addr)")
OPTION(listen_peer_urls, "listen-peer-urls", "ETCD_LISTEN_PEER_URLS", "listen_peer_urls", LIST, "",
    0, 0, "URL,...", "where to listen for peers, as etcd 2 and 3 are told it")
OPTION(initial_advertise_peer_urls, "initial-advertise-peer-urls",
    "ETCD_INITIAL_ADVERTISE_PEER_URLS", "initial_advertise_peer_urls", LIST, "", 0, 0, "URL,...",
    "peer addresses that are told to others, as etcd 2 and 3 are told them")
OPTION(peers, "peers", "ETCD_PEERS", "peers", LIST, "", 0, 0, "HOST:PORT,...",
    "members of a cluster to join")
OPTION(peers_file, "peers-file", "ETCD_PEERS_FILE", "peers_file", PATH, "", 0, 0, "FILE",
    "file with a list of peers, instead of -peers")
OPTION(discovery, "discovery", "ETCD_DISCOVERY", "discovery", TEXT, "", 0, 0, "URL",
    "directory of a discovery service, where the machines of a new cluster meet")
OPTION(discovery_srv, "discovery-srv", "ETCD_DISCOVERY_SRV", "discovery_srv", TEXT, "", 0, 0,
    "DOMAIN", "domain whose SRV records name all nodes of a new cluster, which begin it together")
OPTION(initial_cluster, "initial-cluster", "ETCD_INITIAL_CLUSTER", "initial_cluster", TEXT, "", 0,
    0, "NAME=URL,...", "all nodes of a new cluster, which begin it together")
OPTION(initial_cluster_state, "initial-cluster-state", "ETCD_INITIAL_CLUSTER_STATE",
    "initial_cluster_state", TEXT, "new", 0, 0, "new|existing",
    "existing: join the others of -initial-cluster, who have begun")
OPTION(initial_cluster_token, "initial-cluster-token", "ETCD_INITIAL_CLUSTER_TOKEN",
    "initial_cluster_token", TEXT, "etcd-cluster", 0, 0, "TEXT",
    "tells clusters apart that begin with the same -initial-cluster")
OPTION(ca_file, "ca-file", "ETCD_CA_FILE", "ca_file", PATH, "", 0, 0, "FILE",
    "authorities that client certificates have to come from")
OPTION(trusted_ca_file, "trusted-ca-file", "ETCD_TRUSTED_CA_FILE", "trusted_ca_file", PATH, "", 0,
    0, "FILE", "as -ca-file, with -client-cert-auth; without it clients need no certificate")
OPTION(client_cert_auth, "client-cert-auth", "ETCD_CLIENT_CERT_AUTH", "client_cert_auth", BOOL,
    "false", 0, 0, "BOOL", "clients need a certificate that comes from -trusted-ca-file")
OPTION(client_cert_user, "client-cert-user", "ETCD_CLIENT_CERT_USER", "client_cert_user", BOOL,
    "false", 0, 0, "BOOL",
    "whoever shows no password is the user that his certificate's common name says")
OPTION(cert_file, "cert-file", "ETCD_CERT_FILE", "cert_file", PATH, "", 0, 0, "FILE",
    "certificate of the client port: makes it HTTPS")
OPTION(key_file, "key-file", "ETCD_KEY_FILE", "key_file", PATH, "", 0, 0, "FILE",
    "private key of -cert-file")
OPTION(peer_ca_file, "peer-ca-file", "ETCD_PEER_CA_FILE", "peer.ca_file", PATH, "", 0, 0, "FILE",
    "authorities that certificates of peers have to come from")
OPTION(peer_cert_file, "peer-cert-file", "ETCD_PEER_CERT_FILE", "peer.cert_file", PATH, "", 0, 0,
    "FILE", "certificate of the peer port: makes it HTTPS")
OPTION(peer_key_file, "peer-key-file", "ETCD_PEER_KEY_FILE", "peer.key_file", PATH, "", 0, 0,
    "FILE", "private key of -peer-cert-file")
OPTION(peer_cert_names, "peer-cert-names", "ETCD_PEER_CERT_NAMES", "peer.cert_names", LIST, "", 0,
    0, "NAME,...", "names that certificates of peers may have (default: any)")
OPTION(tls_min_version, "tls-min-version", "ETCD_TLS_MIN_VERSION", "server.tls_min_version", TEXT,
    "1.2", 0, 0, "1.2|1.3", "oldest version of TLS that is spoken")
OPTION(tls_ciphers, "tls-ciphers", "ETCD_TLS_CIPHERS", "server.tls_ciphers", TEXT, "", 0, 0,
    "LIST", "cipher list for TLS 1.2 (default: ECDHE with AES-GCM or ChaCha20)")
OPTION(cors, "cors", "ETCD_CORS", "cors", LIST, "", 0, 0, "ORIGIN,...",
    "origins that web pages may come from, or *")
OPTION(origin_check, "origin-check", "ETCD_ORIGIN_CHECK", "server.origin_check", BOOL, "false", 0,
    0, "BOOL", "refuse writes of web pages of other origins (default: true if -cors is given)")
OPTION(host_names, "host-names", "ETCD_HOST_NAMES", "server.host_names", LIST, "", 0, 0,
    "NAME,...", "names that requests may call this node by in Host (default: any)")
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
OPTION(cluster_active_size, "cluster-active-size", "ETCD_CLUSTER_ACTIVE_SIZE",
    "cluster.active_size", NUMBER, "9", 0, 31, "N",
    "voting members that a new cluster may have, 3 or more")
OPTION(cluster_remove_delay, "cluster-remove-delay", "ETCD_CLUSTER_REMOVE_DELAY",
    "cluster.remove_delay", SECONDS, "1800", 0, 31536000000, "SECONDS",
    "after so long the leader removes a silent member, 2 or more")
OPTION(cluster_sync_interval, "cluster-sync-interval", "ETCD_CLUSTER_SYNC_INTERVAL",
    "cluster.sync_interval", SECONDS, "5", 0, 86400000, "SECONDS",
    "how often a machine that found the cluster full asks again, 1 or more")
OPTION(max_key_names, "max-key-names", "ETCD_MAX_KEY_NAMES", "cluster.max_key_names", NUMBER, "128",
    1, 1024, "N", "names that a key of a new cluster has at most")
OPTION(max_key_bytes, "max-key-bytes", "ETCD_MAX_KEY_BYTES", "cluster.max_key_bytes", SIZE, "16K",
    1024, 49152, "SIZE", "bytes that a key of a new cluster has at most")
OPTION(history_events, "history-events", "ETCD_HISTORY_EVENTS", "cluster.history_events", NUMBER,
    "1000", 100, 1000000, "N", "events that a new cluster keeps for waitIndex, at most")
OPTION(history_bytes, "history-bytes", "ETCD_HISTORY_BYTES", "cluster.history_bytes", SIZE, "16M",
    1048576, 1073741824, "SIZE", "bytes of the events that a new cluster keeps for waitIndex")
OPTION(quota_backend_bytes, "quota-backend-bytes", "ETCD_QUOTA_BACKEND_BYTES",
    "v3.quota_backend_bytes", TEXT, "", 0, 0, "SIZE",
    "bytes of the v3 keys with their history, above which nothing is added; 0: 2G; -1: no quota")
OPTION(auto_compaction_mode, "auto-compaction-mode", "ETCD_AUTO_COMPACTION_MODE",
    "v3.auto_compaction_mode", TEXT, "periodic", 0, 0, "periodic|revision",
    "whether -auto-compaction-retention is a time or a number of revisions")
OPTION(auto_compaction_retention, "auto-compaction-retention", "ETCD_AUTO_COMPACTION_RETENTION",
    "v3.auto_compaction_retention", TEXT, "", 0, 0, "TIME|N",
    "history of the v3 keys that is kept, as 30m, hours without a unit, or revisions; 0: all")
OPTION(strict_members, "strict-members", "ETCD_STRICT_MEMBERS", "cluster.strict_members", BOOL,
    "false", 0, 0, "BOOL",
    "only machines for which a place was made (member add) may join a new cluster")
OPTION(member_changes, "member-changes", "ETCD_MEMBER_CHANGES", "server.member_changes", TEXT,
    "on", 0, 0, "on|off", "let clients change the members at the client port")
OPTION(ui, "ui", "ETCD_UI", "server.ui", TEXT, "on", 0, 0, "on|read-only|off",
    "page for browsers at /ui/ of the client port; read-only: it changes nothing")
OPTION(modules, "modules", "ETCD_MODULES", "server.modules", LIST, "", 0, 0, "lock,leader",
    "what clients may ask for beside keys: lock for locks, leader for leaders")
OPTION(workers, "workers", "ETCD_WORKERS", "server.workers", TEXT, "auto", 0, 0, "N|auto",
    "client workers, 1 to 64 (auto: processors, at most 4)")
OPTION(run_dir, "run-dir", "ETCD_RUN_DIR", "server.run_dir", PATH, "", 0, 0, "DIR",
    "directory of the control socket (default: DATA_DIR/run)")
OPTION(pid_file, "pid-file", "ETCD_PID_FILE", "server.pid_file", PATH, "", 0, 0, "FILE",
    "file to write the supervisor's process id to")
OPTION(libexec_dir, "libexec-dir", "ETCD_LIBEXEC_DIR", "server.libexec_dir", PATH, "", 0, 0, "DIR",
    "where raftd and httpd are (default: beside this program, else as installed)")
OPTION(user, "user", "ETCD_USER", "server.user", TEXT, "", 0, 0, "NAME",
    "user to become when started as root")
OPTION(group, "group", "ETCD_GROUP", "server.group", TEXT, "", 0, 0, "NAME",
    "group to become when started as root (default: the user's)")
OPTION(sandbox, "sandbox", "ETCD_SANDBOX", "server.sandbox", TEXT, "best", 0, 0, "on|off|best",
    "confine the processes; on: or else do not start")
OPTION(allow_core, "allow-core", "ETCD_ALLOW_CORE", "server.allow_core", BOOL, "false", 0, 0,
    "BOOL", "let a crash leave a core file, which holds keys and values")
OPTION(log_level, "log-level", "ETCD_LOG_LEVEL", "log.level", TEXT, "info", 0, 0, "LEVEL",
    "level: error, warn, info, debug, trace; PART=LEVEL for one part")
OPTION(log_format, "log-format", "ETCD_LOG_FORMAT", "log.format", TEXT, "text", 0, 0, "text|json",
    "how a line of the log is written")
OPTION(log_output, "log-output", "ETCD_LOG_OUTPUT", "log.output", TEXT, "stderr", 0, 0,
    "stderr|stdout|syslog|journal|FILE", "where the log goes; syslog:PATH: to another socket")
OPTION(access_log, "access-log", "ETCD_ACCESS_LOG", "log.access", TEXT, "off", 0, 0, "FILE|-|off",
    "where each request is written; -: standard output")
OPTION(slow_request, "slow-request", "ETCD_SLOW_REQUEST", "log.slow_request", SECONDS, "1", 0,
    86400000, "SECONDS", "the log tells of requests that take longer; 0: none")
OPTION(log_keys, "log-keys", "ETCD_LOG_KEYS", "log.keys", BOOL, "true", 0, 0, "BOOL",
    "let the log show the names of keys")
OPTION(max_header_bytes, "max-header-bytes", "ETCD_MAX_HEADER_BYTES", "limits.max_header_bytes",
    SIZE, "64K", 1024, 65536, "SIZE", "largest request line and headers")
OPTION(max_body_bytes, "max-body-bytes", "ETCD_MAX_BODY_BYTES", "limits.max_body_bytes", SIZE,
    "10M", 1024, 10485760, "SIZE", "largest request body")
OPTION(max_connections, "max-connections", "ETCD_MAX_CONNECTIONS", "limits.max_connections",
    NUMBER, "10000", 1, 1000000, "N", "client connections of one worker")
OPTION(max_connections_per_address, "max-connections-per-address",
    "ETCD_MAX_CONNECTIONS_PER_ADDRESS", "limits.max_connections_per_address", NUMBER, "1024", 0,
    1000000, "N", "client connections from one address to one worker; 0: no limit")
OPTION(descriptor_reserve, "descriptor-reserve", "ETCD_DESCRIPTOR_RESERVE",
    "limits.descriptor_reserve", NUMBER, "64", 1, 1000000, "N",
    "descriptors of a worker that connections may not have")
OPTION(max_requests, "max-requests", "ETCD_MAX_REQUESTS", "limits.max_requests", NUMBER, "4096", 1,
    4096, "N", "requests that one worker has under way with raftd")
OPTION(min_body_rate, "min-body-rate", "ETCD_MIN_BODY_RATE", "limits.min_body_rate", SIZE, "1K", 0,
    1073741824, "SIZE", "bytes of a request body per second, after 5 s; 0: any")
OPTION(max_watch_backlog, "max-watch-backlog", "ETCD_MAX_WATCH_BACKLOG",
    "limits.max_watch_backlog", SIZE, "1M", 1024, 268435456, "SIZE",
    "bytes that may wait for a client that reads its watch slowly")
OPTION(max_txn_ops, "max-txn-ops", "ETCD_MAX_TXN_OPS", "limits.max_txn_ops", NUMBER, "128", 1,
    16384, "N", "operations of a txn of v3, on any path through it")
OPTION(max_watches, "max-watches", "ETCD_MAX_WATCHES", "limits.max_watches", NUMBER, "100000", 1,
    10000000, "N", "open watches of the node")
OPTION(header_timeout, "header-timeout", "ETCD_HEADER_TIMEOUT", "limits.header_timeout", SECONDS,
    "10", 1, 86400000, "SECONDS", "time for the head of a request")
OPTION(idle_timeout, "idle-timeout", "ETCD_IDLE_TIMEOUT", "limits.idle_timeout", SECONDS, "300", 1,
    86400000, "SECONDS", "how long a kept connection may rest")
OPTION(request_timeout, "request-timeout", "ETCD_REQUEST_TIMEOUT", "limits.request_timeout",
    SECONDS, "5", 100, 3600000, "SECONDS", "how long a write or quorum read waits for the cluster")
OPTION(ipc_max_frame, "ipc-max-frame", "ETCD_IPC_MAX_FRAME", "limits.ipc_max_frame", SIZE, "16M",
    1048576, 16777216, "SIZE", "accepted, has no effect: frames have at most 16M")
OPTION(backend_wait, "backend-wait", "ETCD_BACKEND_WAIT", "limits.backend_wait", SECONDS, "5", 100,
    3600000, "SECONDS", "how long a worker keeps requests while raftd restarts")
OPTION(storage_cache, "storage-cache", "ETCD_STORAGE_CACHE", "storage.cache", SIZE, "1M", 65536,
    1073741824, "SIZE", "block cache of the storage")
OPTION(start_timeout, "start-timeout", "ETCD_START_TIMEOUT", "server.start_timeout", SECONDS, "60",
    100, 3600000, "SECONDS", "the node counts as ready after that at the latest")
OPTION(daemon, "daemon", NULL, NULL, BOOL, "false", 0, 0, "BOOL",
    "go on in the background once the node is ready; needs -pid-file and -log-output")
OPTION(ready_fd, "ready-fd", NULL, NULL, TEXT, "", 0, 0, "N",
    "descriptor that gets a newline once the node is ready")
OPTION(port_file, "port-file", NULL, NULL, PATH, "", 0, 0, "FILE",
    "file to write the bound addresses to; allows port 0")
OPTION(force, "force", NULL, NULL, BOOL, "false", 0, 0, "BOOL",
    "remove this node's own state before starting")
OPTION(restore, "restore", NULL, NULL, PATH, "", 0, 0, "FILE",
    "make the data directory of this backup, as a new cluster of one, and start")
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
OPTION(enable_v2, "enable-v2", "ETCD_ENABLE_V2", NULL, BOOL, "true", 0, 0, "BOOL",
    "accepted: /v2 is always served")
OPTION(logger, "logger", "ETCD_LOGGER", NULL, TEXT, "", 0, 0, "NAME",
    "accepted: -log-format says how a line of the log is written")
OPTION(log_package_levels, "log-package-levels", "ETCD_LOG_PACKAGE_LEVELS", NULL, TEXT, "", 0, 0,
    "LEVELS",
    "accepted: -log-level PART=LEVEL is for one part")
OPTION(metrics, "metrics", "ETCD_METRICS", NULL, TEXT, "", 0, 0, "KIND",
    "accepted: /metrics has all figures")
OPTION(strict_reconfig_check, "strict-reconfig-check", "ETCD_STRICT_RECONFIG_CHECK", NULL, BOOL,
    "true", 0, 0, "BOOL",
    "accepted: members change only by a majority that is alive")
OPTION(pre_vote, "pre-vote", "ETCD_PRE_VOTE", NULL, BOOL, "true", 0, 0, "BOOL",
    "accepted: who stands for election always asks first whether it could win")
OPTION(max_snapshots, "max-snapshots", "ETCD_MAX_SNAPSHOTS", NULL, TEXT, "", 0, 0, "N",
    "accepted: one state is kept, and the log as -snapshot-count says")
OPTION(max_wals, "max-wals", "ETCD_MAX_WALS", NULL, TEXT, "", 0, 0, "N",
    "accepted: one state is kept, and the log as -snapshot-count says")
OPTION(wal_dir, "wal-dir", "ETCD_WAL_DIR", NULL, TEXT, "", 0, 0, "DIR",
    "accepted: the log is in -data-dir, with all other data")
OPTION(peer_client_cert_auth, "peer-client-cert-auth", "ETCD_PEER_CLIENT_CERT_AUTH", NULL, BOOL,
    "false", 0, 0, "BOOL",
    "accepted: with -peer-ca-file every peer needs a certificate")
OPTION(experimental_initial_corrupt_check, "experimental-initial-corrupt-check",
    "ETCD_EXPERIMENTAL_INITIAL_CORRUPT_CHECK", NULL, BOOL, "true", 0, 0, "BOOL",
    "accepted: the data is always checked at the start")
OPTION(experimental_watch_progress_notify_interval, "experimental-watch-progress-notify-interval",
    "ETCD_EXPERIMENTAL_WATCH_PROGRESS_NOTIFY_INTERVAL", "v3.watch_progress_notify_interval", TEXT,
    "10m", 0, 0, "TIME", "how often a quiet watch of v3 that wants it is told of progress")
OPTION(force_new_cluster, "force-new-cluster", "ETCD_FORCE_NEW_CLUSTER", NULL, BOOL, "false", 0, 0,
    "BOOL", "refused if true: stop the node, and recover its directory")
OPTION(proxy, "proxy", "ETCD_PROXY", NULL, TEXT, "off", 0, 0, "off",
    "refused unless off: every node passes on what only the leader can do")
OPTION(no_fsync, "no-fsync", "ETCD_UNSAFE_NO_FSYNC", NULL, BOOL, "false", 0, 0, "BOOL",
    "do not sync writes: loses data, for tests only")
OPTION(check_config, "check-config", NULL, NULL, BOOL, "false", 0, 0, "BOOL",
    "check all options and what they name, and end")
OPTION(print_config, "print-config", NULL, NULL, BOOL, "false", 0, 0, "BOOL",
    "print the values of all options as a file, and end")
OPTION(metrics_addr, NULL, NULL, NULL, TEXT, "", 0, 0, "", "of -listen-metrics-urls")
OPTION(client_url, NULL, NULL, NULL, TEXT, "", 0, 0, "", "advertised client URL")
OPTION(peer_url, NULL, NULL, NULL, TEXT, "", 0, 0, "", "advertised peer URL")
#undef OPTION
