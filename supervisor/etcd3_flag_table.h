/*
 * etcd3_flag_table.h - flags of etcd 3 (3.4 and 3.5) that no option here is like:
 *	ETCD3_FLAG(name, flag, kind, fate, usual, sentence)
 *
 *	kind	BOOL: its value may be left out; VALUE
 *	fate	ACCEPTED: it has no meaning here, and the sentence says what is so instead
 *		REFUSED: without what it asks for the node would be something else, mostly less
 *		safe; the sentence says what to do
 *	usual	values between "|" of which nothing is said; empty is always one
 *
 * Its variable is ETCD_ and the flag in capitals, with "_". Those that mean something are in
 * common/option_table.h or option_alias_table.h. No guard: undefines its macro at the end.
 */
ETCD3_FLAG(config_file, "config-file", VALUE, REFUSED, "",
    "files of etcd 3 (YAML) are not read; give the same as flags or variables, or in a file "
    "for -config, which -print-config writes")
ETCD3_FLAG(initial_election_tick_advance, "initial-election-tick-advance", BOOL, ACCEPTED, "true",
    "a node that starts waits for a leader as long as any other")
ETCD3_FLAG(backend_batch_interval, "backend-batch-interval", VALUE, ACCEPTED, "0|0s|100ms",
    "each write is on the disk before it is answered; those that come together share a sync")
ETCD3_FLAG(backend_batch_limit, "backend-batch-limit", VALUE, ACCEPTED, "0",
    "each write is on the disk before it is answered; those that come together share a sync")
ETCD3_FLAG(max_concurrent_streams, "max-concurrent-streams", VALUE, ACCEPTED,
    "math.MaxUint32|4294967295", "a connection has a bound of its own, see the limits")
ETCD3_FLAG(grpc_keepalive_min_time, "grpc-keepalive-min-time", VALUE, ACCEPTED, "5s",
    "pings of clients are answered, however often they come")
ETCD3_FLAG(grpc_keepalive_interval, "grpc-keepalive-interval", VALUE, ACCEPTED, "2h|2h0m0s",
    "TCP finds out who is gone; -idle-timeout ends connections at rest")
ETCD3_FLAG(grpc_keepalive_timeout, "grpc-keepalive-timeout", VALUE, ACCEPTED, "20s",
    "TCP finds out who is gone; -idle-timeout ends connections at rest")
ETCD3_FLAG(enable_grpc_gateway, "enable-grpc-gateway", BOOL, ACCEPTED, "true",
    "v3 is served as gRPC and as JSON, with the same rights")
ETCD3_FLAG(listen_client_http_urls, "listen-client-http-urls", VALUE, REFUSED, "",
    "HTTP and gRPC are served at the same addresses; add it to -listen-client-urls")
ETCD3_FLAG(socket_reuse_port, "socket-reuse-port", BOOL, ACCEPTED, "false",
    "the sockets are kept over restarts of all processes but the supervisor")
ETCD3_FLAG(socket_reuse_address, "socket-reuse-address", BOOL, ACCEPTED, "false",
    "an address is always used again at once")
ETCD3_FLAG(discovery_fallback, "discovery-fallback", VALUE, ACCEPTED, "proxy|exit",
    "a machine that finds the cluster full stands by")
ETCD3_FLAG(discovery_proxy, "discovery-proxy", VALUE, REFUSED, "",
    "a discovery service is asked directly, never by a proxy")
ETCD3_FLAG(discovery_srv_name, "discovery-srv-name", VALUE, REFUSED, "",
    "the records that are asked for are _etcd-server-ssl._tcp and _etcd-server._tcp of "
    "-discovery-srv; name a domain of its own there")
ETCD3_FLAG(client_crl_file, "client-crl-file", VALUE, REFUSED, "",
    "lists of revoked certificates are not looked at; give clients certificates that end soon, "
    "of an authority of their own")
ETCD3_FLAG(client_cert_allowed_hostname, "client-cert-allowed-hostname", VALUE, REFUSED, "",
    "every certificate that comes from -trusted-ca-file is let in; use an authority of its own "
    "for clients, or users and -client-cert-user")
ETCD3_FLAG(client_cert_file, "client-cert-file", VALUE, ACCEPTED, "",
    "no process here is a client of the client port")
ETCD3_FLAG(client_key_file, "client-key-file", VALUE, ACCEPTED, "",
    "no process here is a client of the client port")
ETCD3_FLAG(peer_client_cert_file, "peer-client-cert-file", VALUE, REFUSED, "",
    "a node shows -peer-cert-file both ways; give it a certificate for servers and clients")
ETCD3_FLAG(peer_client_key_file, "peer-client-key-file", VALUE, REFUSED, "",
    "a node shows -peer-cert-file both ways; give it a certificate for servers and clients")
ETCD3_FLAG(auto_tls, "auto-tls", BOOL, REFUSED, "false",
    "no certificates are made here; make some, and give "
    "-cert-file and -key-file")
ETCD3_FLAG(peer_auto_tls, "peer-auto-tls", BOOL, REFUSED, "false",
    "no certificates are made here; make some, and give "
    "-peer-cert-file, -peer-key-file and -peer-ca-file")
ETCD3_FLAG(self_signed_cert_validity, "self-signed-cert-validity", VALUE, ACCEPTED, "1",
    "no certificates are made here")
ETCD3_FLAG(peer_crl_file, "peer-crl-file", VALUE, REFUSED, "",
    "lists of revoked certificates are not looked at; name those that are let in by "
    "-peer-cert-names")
ETCD3_FLAG(tls_max_version, "tls-max-version", VALUE, REFUSED, "TLS1.3",
    "TLS 1.3 is spoken with whoever can; there is no way to forbid it")
ETCD3_FLAG(auth_token, "auth-token", VALUE, REFUSED, "simple",
    "tokens are simple ones, known to the cluster; others (jwt) would be let in or out by a key "
    "that is not looked at")
ETCD3_FLAG(bcrypt_cost, "bcrypt-cost", VALUE, ACCEPTED, "10",
    "hashes of passwords are made as strong as crypt(3) makes them by itself")
ETCD3_FLAG(auth_token_ttl, "auth-token-ttl", VALUE, ACCEPTED, "300",
    "a token is forgotten after 300 seconds without use")
ETCD3_FLAG(enable_pprof, "enable-pprof", BOOL, ACCEPTED, "false",
    "there are no profiles; perf(1) knows the processes")
ETCD3_FLAG(enable_log_rotation, "enable-log-rotation", BOOL, ACCEPTED, "false",
    "logrotate does it, SIGHUP opens the file again")
ETCD3_FLAG(log_rotation_config_json, "log-rotation-config-json", VALUE, ACCEPTED, "",
    "logrotate does it, SIGHUP opens the file again")
ETCD3_FLAG(proxy_failure_wait, "proxy-failure-wait", VALUE, ACCEPTED, "5000",
    "there are no proxies")
ETCD3_FLAG(proxy_refresh_interval, "proxy-refresh-interval", VALUE, ACCEPTED, "30000",
    "there are no proxies")
ETCD3_FLAG(proxy_dial_timeout, "proxy-dial-timeout", VALUE, ACCEPTED, "1000",
    "there are no proxies")
ETCD3_FLAG(proxy_write_timeout, "proxy-write-timeout", VALUE, ACCEPTED, "5000",
    "there are no proxies")
ETCD3_FLAG(proxy_read_timeout, "proxy-read-timeout", VALUE, ACCEPTED, "0",
    "there are no proxies")
ETCD3_FLAG(v2_deprecation, "v2-deprecation", VALUE, ACCEPTED, "not-yet", "/v2 is always served")
ETCD3_FLAG(feature_gates, "feature-gates", VALUE, ACCEPTED, "", "there are none")
ETCD3_FLAG(max_learners, "max-learners", VALUE, ACCEPTED, "1",
    "machines join by themselves, and vote when they have caught up")
ETCD3_FLAG(experimental_max_learners, "experimental-max-learners", VALUE, ACCEPTED, "1",
    "machines join by themselves, and vote when they have caught up")
ETCD3_FLAG(experimental_corrupt_check_time, "experimental-corrupt-check-time", VALUE, ACCEPTED,
    "0|0s", "'endpoint hashkv' compares the members; every record on the disk has a sum")
ETCD3_FLAG(experimental_compact_hash_check_enabled, "experimental-compact-hash-check-enabled",
    BOOL, ACCEPTED, "false",
    "'endpoint hashkv' compares the members; every record on the disk has a sum")
ETCD3_FLAG(experimental_compact_hash_check_time, "experimental-compact-hash-check-time", VALUE,
    ACCEPTED, "1m|1m0s",
    "'endpoint hashkv' compares the members; every record on the disk has a sum")
ETCD3_FLAG(experimental_enable_v2v3, "experimental-enable-v2v3", VALUE, REFUSED, "",
    "/v2 and v3 have keys of their own; copy one to the other with etcdctl")
ETCD3_FLAG(experimental_backend_bbolt_freelist_type, "experimental-backend-bbolt-freelist-type",
    VALUE, ACCEPTED, "array|map", "the storage has no free list")
ETCD3_FLAG(experimental_enable_lease_checkpoint, "experimental-enable-lease-checkpoint", BOOL,
    ACCEPTED, "false", "long leases always keep their time over changes of the leader")
ETCD3_FLAG(experimental_enable_lease_checkpoint_persist,
    "experimental-enable-lease-checkpoint-persist", BOOL, ACCEPTED, "false",
    "long leases always keep their time over changes of the leader")
ETCD3_FLAG(experimental_compaction_batch_limit, "experimental-compaction-batch-limit", VALUE,
    ACCEPTED, "1000", "what was compacted is freed in small steps, and no write waits for it")
ETCD3_FLAG(experimental_compaction_sleep_interval, "experimental-compaction-sleep-interval", VALUE,
    ACCEPTED, "10ms", "what was compacted is freed in small steps, and no write waits for it")
ETCD3_FLAG(experimental_peer_skip_client_san_verification,
    "experimental-peer-skip-client-san-verification", BOOL, ACCEPTED, "false",
    "of a peer's certificate the names count that -peer-cert-names has, and nothing else")
ETCD3_FLAG(experimental_warning_apply_duration, "experimental-warning-apply-duration", VALUE,
    ACCEPTED, "100ms", "-slow-request says of which requests the log tells")
ETCD3_FLAG(experimental_warning_unary_request_duration,
    "experimental-warning-unary-request-duration", VALUE, ACCEPTED, "300ms",
    "-slow-request says of which requests the log tells")
ETCD3_FLAG(warning_unary_request_duration, "warning-unary-request-duration", VALUE, ACCEPTED,
    "300ms", "-slow-request says of which requests the log tells")
ETCD3_FLAG(experimental_memory_mlock, "experimental-memory-mlock", BOOL, ACCEPTED, "false",
    "memory may be paged out; LimitMEMLOCK and swapoff are the system's")
ETCD3_FLAG(experimental_txn_mode_write_with_shared_buffer,
    "experimental-txn-mode-write-with-shared-buffer", BOOL, ACCEPTED, "true",
    "a txn copies nothing")
ETCD3_FLAG(experimental_bootstrap_defrag_threshold_megabytes,
    "experimental-bootstrap-defrag-threshold-megabytes", VALUE, ACCEPTED, "0",
    "nothing is to be defragmented")
ETCD3_FLAG(experimental_stop_grpc_service_on_defrag, "experimental-stop-grpc-service-on-defrag",
    BOOL, ACCEPTED, "false", "nothing is to be defragmented")
ETCD3_FLAG(experimental_downgrade_check_time, "experimental-downgrade-check-time", VALUE, ACCEPTED,
    "5s", "there are no downgrades of a cluster that runs")
ETCD3_FLAG(experimental_wait_cluster_ready_timeout, "experimental-wait-cluster-ready-timeout",
    VALUE, ACCEPTED, "5s", "-start-timeout says when a node counts as ready at the latest")
ETCD3_FLAG(experimental_snapshot_catch_up_entries, "experimental-snapshot-catch-up-entries", VALUE,
    ACCEPTED, "5000", "-snapshot-count says how many entries are kept for slow followers")
ETCD3_FLAG(experimental_enable_distributed_tracing, "experimental-enable-distributed-tracing",
    BOOL, ACCEPTED, "false", "no traces are sent; the log and /metrics have times")
ETCD3_FLAG(experimental_distributed_tracing_address, "experimental-distributed-tracing-address",
    VALUE, ACCEPTED, "localhost:4317", "no traces are sent; the log and /metrics have times")
ETCD3_FLAG(experimental_distributed_tracing_service_name,
    "experimental-distributed-tracing-service-name", VALUE, ACCEPTED, "etcd",
    "no traces are sent; the log and /metrics have times")
ETCD3_FLAG(experimental_distributed_tracing_instance_id,
    "experimental-distributed-tracing-instance-id", VALUE, ACCEPTED, "",
    "no traces are sent; the log and /metrics have times")
ETCD3_FLAG(experimental_distributed_tracing_sampling_rate,
    "experimental-distributed-tracing-sampling-rate", VALUE, ACCEPTED, "0",
    "no traces are sent; the log and /metrics have times")
#undef ETCD3_FLAG
