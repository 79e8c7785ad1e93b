/*
 * option_reload_table.h - options that a running node takes over when it reads
 * its configuration again: OPTION_RELOADABLE(field). All others need a restart.
 *
 * Of the TLS files a new path counts; whether a port speaks TLS at all needs a
 * restart. No guard: undefines its macro at the end.
 */
OPTION_RELOADABLE(ca_file)
OPTION_RELOADABLE(cert_file)
OPTION_RELOADABLE(key_file)
OPTION_RELOADABLE(peer_ca_file)
OPTION_RELOADABLE(peer_cert_file)
OPTION_RELOADABLE(peer_key_file)
OPTION_RELOADABLE(peer_cert_names)
OPTION_RELOADABLE(cors)
OPTION_RELOADABLE(origin_check)
OPTION_RELOADABLE(host_names)
OPTION_RELOADABLE(http_read_timeout)
OPTION_RELOADABLE(http_write_timeout)
OPTION_RELOADABLE(workers)
OPTION_RELOADABLE(log_level)
OPTION_RELOADABLE(log_format)
OPTION_RELOADABLE(log_output)
OPTION_RELOADABLE(access_log)
OPTION_RELOADABLE(slow_request)
OPTION_RELOADABLE(log_keys)
OPTION_RELOADABLE(verbose)
OPTION_RELOADABLE(very_verbose)
OPTION_RELOADABLE(very_very_verbose)
OPTION_RELOADABLE(trace)
OPTION_RELOADABLE(max_header_bytes)
OPTION_RELOADABLE(max_body_bytes)
OPTION_RELOADABLE(max_connections)
OPTION_RELOADABLE(max_connections_per_address)
OPTION_RELOADABLE(descriptor_reserve)
OPTION_RELOADABLE(max_requests)
OPTION_RELOADABLE(min_body_rate)
OPTION_RELOADABLE(max_watch_backlog)
OPTION_RELOADABLE(max_watches)
OPTION_RELOADABLE(header_timeout)
OPTION_RELOADABLE(idle_timeout)
OPTION_RELOADABLE(request_timeout)
OPTION_RELOADABLE(backend_wait)
#undef OPTION_RELOADABLE
