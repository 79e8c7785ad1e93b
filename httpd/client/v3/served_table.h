/*
 * served_table.h - the methods of the v3 API that are served, and who does: a function that
 * begins a call (methods.h).
 *
 * The others are refused with V3_UNIMPLEMENTED (v3_method_unserved). No guard: included more
 * than once, undefines its macro at the end.
 */
SERVED(range, serve_range)
SERVED(put, serve_keys)
SERVED(delete_range, serve_keys)
SERVED(txn, serve_keys)
SERVED(compact, serve_compact)
SERVED(watch, serve_watch)
SERVED(lease_grant, serve_grant)
SERVED(lease_revoke, serve_revoke)
SERVED(lease_keep_alive, serve_keep_alive)
SERVED(lease_time_to_live, serve_time_to_live)
SERVED(lease_leases, serve_leases)
SERVED(member_list, serve_member_list)
SERVED(member_add, serve_member_add)
SERVED(member_remove, serve_member_remove)
SERVED(member_update, serve_member_update)
SERVED(member_promote, serve_member_promote)
SERVED(alarm, serve_alarm)
SERVED(status, serve_status)
SERVED(defragment, serve_defragment)
SERVED(hash, serve_hash)
SERVED(hash_kv, serve_hash_kv)
SERVED(move_leader, serve_move_leader)
SERVED(health_check, serve_health_check)
SERVED(snapshot, serve_snapshot)
SERVED(authenticate, serve_authenticate)
SERVED(auth_status, serve_auth_status)
SERVED(lock, serve_lock)
SERVED(unlock, serve_unlock)
SERVED(campaign, serve_campaign)
SERVED(proclaim, serve_proclaim)
SERVED(leader, serve_leader)
SERVED(observe, serve_observe)
SERVED(resign, serve_resign)
#undef SERVED
