/*
 * option_alias_table.h - other names of options:
 *	OPTION_ALIAS(flag, field, deprecated)
 *	OPTION_ENVIRONMENT_ALIAS(environment, field)
 *	OPTION_FILE_ALIAS(file key, field)
 *
 * Deprecated ones are told the new name. No guard: included more than once;
 * undefines its macros at the end.
 */
OPTION_ALIAS("address", addr, false)
OPTION_ALIAS("peer-address", peer_addr, false)
OPTION_ALIAS("f", force, false)
OPTION_ALIAS("C", peers, true)
OPTION_ALIAS("CF", peers_file, true)
OPTION_ALIAS("n", name, true)
OPTION_ALIAS("c", addr, true)
OPTION_ALIAS("cl", bind_addr, true)
OPTION_ALIAS("s", peer_addr, true)
OPTION_ALIAS("sl", peer_bind_addr, true)
OPTION_ALIAS("d", data_dir, true)
OPTION_ALIAS("m", max_result_buffer, true)
OPTION_ALIAS("r", max_retry_attempts, true)
OPTION_ALIAS("maxsize", cluster_active_size, true)
OPTION_ALIAS("max-cluster-size", cluster_active_size, true)
OPTION_ALIAS("clientCAFile", ca_file, true)
OPTION_ALIAS("clientCert", cert_file, true)
OPTION_ALIAS("clientKey", key_file, true)
OPTION_ALIAS("serverCAFile", peer_ca_file, true)
OPTION_ALIAS("serverCert", peer_cert_file, true)
OPTION_ALIAS("serverKey", peer_key_file, true)
OPTION_ALIAS("snapshotCount", snapshot_count, true)
OPTION_ALIAS("peer-heartbeat-timeout", peer_heartbeat_interval, true)
OPTION_ENVIRONMENT_ALIAS("ETCD_SNAPSHOTCOUNT", snapshot_count)
OPTION_ENVIRONMENT_ALIAS("ETCD_CORS_ORIGINS", cors)
OPTION_ENVIRONMENT_ALIAS("ETCD_MAX_CLUSTER_SIZE", cluster_active_size)
OPTION_ENVIRONMENT_ALIAS("ETCD_CLUSTER_HTTP_READ_TIMEOUT", http_read_timeout)
OPTION_ENVIRONMENT_ALIAS("ETCD_CLUSTER_HTTP_WRITE_TIMEOUT", http_write_timeout)
OPTION_FILE_ALIAS("max_cluster_size", cluster_active_size)
#undef OPTION_ALIAS
#undef OPTION_ENVIRONMENT_ALIAS
#undef OPTION_FILE_ALIAS
