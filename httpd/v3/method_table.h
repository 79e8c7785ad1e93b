/*
 * method_table.h - every method of the v3 API, for gRPC and for the JSON gateway.
 *
 *	METHOD(tag, service, name, request, response, kind, path, other path)
 *
 * Request and response are tags of message_table.h. Kinds: UNARY; SERVER_STREAM, of answers to
 * one request; BOTH_STREAM. Paths are the gateway's, below /v3; "": there is none. What is
 * asked most comes first. No guard: included more than once, undefines its macro at the end.
 */
METHOD(range, "etcdserverpb.KV", "Range", range_request, range_response, UNARY,
    "/kv/range", "")
METHOD(put, "etcdserverpb.KV", "Put", put_request, put_response, UNARY,
    "/kv/put", "")
METHOD(delete_range, "etcdserverpb.KV", "DeleteRange", delete_range_request,
    delete_range_response, UNARY, "/kv/deleterange", "")
METHOD(txn, "etcdserverpb.KV", "Txn", txn_request, txn_response, UNARY,
    "/kv/txn", "")
METHOD(compact, "etcdserverpb.KV", "Compact", compaction_request, compaction_response, UNARY,
    "/kv/compaction", "")

METHOD(watch, "etcdserverpb.Watch", "Watch", watch_request, watch_response, BOTH_STREAM,
    "/watch", "")

METHOD(lease_grant, "etcdserverpb.Lease", "LeaseGrant", lease_grant_request,
    lease_grant_response, UNARY, "/lease/grant", "")
METHOD(lease_revoke, "etcdserverpb.Lease", "LeaseRevoke", lease_revoke_request,
    lease_revoke_response, UNARY, "/lease/revoke", "/kv/lease/revoke")
METHOD(lease_keep_alive, "etcdserverpb.Lease", "LeaseKeepAlive", lease_keep_alive_request,
    lease_keep_alive_response, BOTH_STREAM, "/lease/keepalive", "")
METHOD(lease_time_to_live, "etcdserverpb.Lease", "LeaseTimeToLive", lease_time_to_live_request,
    lease_time_to_live_response, UNARY, "/lease/timetolive", "/kv/lease/timetolive")
METHOD(lease_leases, "etcdserverpb.Lease", "LeaseLeases", lease_leases_request,
    lease_leases_response, UNARY, "/lease/leases", "/kv/lease/leases")

METHOD(member_add, "etcdserverpb.Cluster", "MemberAdd", member_add_request,
    member_add_response, UNARY, "/cluster/member/add", "")
METHOD(member_remove, "etcdserverpb.Cluster", "MemberRemove", member_remove_request,
    member_remove_response, UNARY, "/cluster/member/remove", "")
METHOD(member_update, "etcdserverpb.Cluster", "MemberUpdate", member_update_request,
    member_update_response, UNARY, "/cluster/member/update", "")
METHOD(member_list, "etcdserverpb.Cluster", "MemberList", member_list_request,
    member_list_response, UNARY, "/cluster/member/list", "")
METHOD(member_promote, "etcdserverpb.Cluster", "MemberPromote", member_promote_request,
    member_promote_response, UNARY, "/cluster/member/promote", "")

METHOD(alarm, "etcdserverpb.Maintenance", "Alarm", alarm_request, alarm_response, UNARY,
    "/maintenance/alarm", "")
METHOD(status, "etcdserverpb.Maintenance", "Status", status_request, status_response, UNARY,
    "/maintenance/status", "")
METHOD(defragment, "etcdserverpb.Maintenance", "Defragment", defragment_request,
    defragment_response, UNARY, "/maintenance/defragment", "")
METHOD(hash, "etcdserverpb.Maintenance", "Hash", hash_request, hash_response, UNARY,
    "/maintenance/hash", "")
METHOD(hash_kv, "etcdserverpb.Maintenance", "HashKV", hash_kv_request, hash_kv_response, UNARY,
    "/maintenance/hashkv", "")
METHOD(snapshot, "etcdserverpb.Maintenance", "Snapshot", snapshot_request, snapshot_response,
    SERVER_STREAM, "/maintenance/snapshot", "")
METHOD(move_leader, "etcdserverpb.Maintenance", "MoveLeader", move_leader_request,
    move_leader_response, UNARY, "/maintenance/transfer-leadership", "")
METHOD(downgrade, "etcdserverpb.Maintenance", "Downgrade", downgrade_request,
    downgrade_response, UNARY, "/maintenance/downgrade", "")

METHOD(auth_enable, "etcdserverpb.Auth", "AuthEnable", auth_enable_request,
    auth_enable_response, UNARY, "/auth/enable", "")
METHOD(auth_disable, "etcdserverpb.Auth", "AuthDisable", auth_disable_request,
    auth_disable_response, UNARY, "/auth/disable", "")
METHOD(auth_status, "etcdserverpb.Auth", "AuthStatus", auth_status_request,
    auth_status_response, UNARY, "/auth/status", "")
METHOD(authenticate, "etcdserverpb.Auth", "Authenticate", authenticate_request,
    authenticate_response, UNARY, "/auth/authenticate", "")
METHOD(user_add, "etcdserverpb.Auth", "UserAdd", auth_user_add_request,
    auth_user_add_response, UNARY, "/auth/user/add", "")
METHOD(user_get, "etcdserverpb.Auth", "UserGet", auth_user_get_request,
    auth_user_get_response, UNARY, "/auth/user/get", "")
METHOD(user_list, "etcdserverpb.Auth", "UserList", auth_user_list_request,
    auth_user_list_response, UNARY, "/auth/user/list", "")
METHOD(user_delete, "etcdserverpb.Auth", "UserDelete", auth_user_delete_request,
    auth_user_delete_response, UNARY, "/auth/user/delete", "")
METHOD(user_change_password, "etcdserverpb.Auth", "UserChangePassword",
    auth_user_change_password_request, auth_user_change_password_response, UNARY,
    "/auth/user/changepw", "")
METHOD(user_grant_role, "etcdserverpb.Auth", "UserGrantRole", auth_user_grant_role_request,
    auth_user_grant_role_response, UNARY, "/auth/user/grant", "")
METHOD(user_revoke_role, "etcdserverpb.Auth", "UserRevokeRole", auth_user_revoke_role_request,
    auth_user_revoke_role_response, UNARY, "/auth/user/revoke", "")
METHOD(role_add, "etcdserverpb.Auth", "RoleAdd", auth_role_add_request,
    auth_role_add_response, UNARY, "/auth/role/add", "")
METHOD(role_get, "etcdserverpb.Auth", "RoleGet", auth_role_get_request,
    auth_role_get_response, UNARY, "/auth/role/get", "")
METHOD(role_list, "etcdserverpb.Auth", "RoleList", auth_role_list_request,
    auth_role_list_response, UNARY, "/auth/role/list", "")
METHOD(role_delete, "etcdserverpb.Auth", "RoleDelete", auth_role_delete_request,
    auth_role_delete_response, UNARY, "/auth/role/delete", "")
METHOD(role_grant_permission, "etcdserverpb.Auth", "RoleGrantPermission",
    auth_role_grant_permission_request, auth_role_grant_permission_response, UNARY,
    "/auth/role/grant", "")
METHOD(role_revoke_permission, "etcdserverpb.Auth", "RoleRevokePermission",
    auth_role_revoke_permission_request, auth_role_revoke_permission_response, UNARY,
    "/auth/role/revoke", "")

METHOD(lock, "v3lockpb.Lock", "Lock", lock_request, lock_response, UNARY,
    "/lock/lock", "")
METHOD(unlock, "v3lockpb.Lock", "Unlock", unlock_request, unlock_response, UNARY,
    "/lock/unlock", "")

METHOD(campaign, "v3electionpb.Election", "Campaign", campaign_request, campaign_response, UNARY,
    "/election/campaign", "")
METHOD(proclaim, "v3electionpb.Election", "Proclaim", proclaim_request, proclaim_response, UNARY,
    "/election/proclaim", "")
METHOD(leader, "v3electionpb.Election", "Leader", leader_request, leader_response, UNARY,
    "/election/leader", "")
METHOD(observe, "v3electionpb.Election", "Observe", leader_request, leader_response,
    SERVER_STREAM, "/election/observe", "")
METHOD(resign, "v3electionpb.Election", "Resign", resign_request, resign_response, UNARY,
    "/election/resign", "")

METHOD(health_check, "grpc.health.v1.Health", "Check", health_check_request,
    health_check_response, UNARY, "", "")
METHOD(health_watch, "grpc.health.v1.Health", "Watch", health_check_request,
    health_check_response, SERVER_STREAM, "", "")
#undef METHOD
