/*
 * message_table.h - every message of the v3 API, and its fields.
 *
 *	MESSAGE(tag, name, fields), fields in the order of their numbers:
 *
 *	FIELD(number, kind, name)	one value: int64 uint64 uint32 boolean bytes string; secret,
 *					a string that is never shown; key_value, below
 *	LIST(number, kind, name)	any number of bytes, string or key_value
 *	CHOICE(number, type, name)	a value of choice_table.h; CHOICES: any number
 *	PART(number, tag, name)		a message inside; PARTS: any number
 *	ONEOF(tag, OR_FIELD OR_PART)	at most one of them is there, and then also if it is zero
 *	NOTHING				there are no fields
 *
 * A key_value is an mvccpb.KeyValue that stays in wire form: a slice of its bytes, as they are
 * stored and sent; NULL data: it is not there. Who wants its fields decodes it as key_value.
 *
 * The names are those of the protocol: JSON has them. Numbers are sent, so they are never
 * reused. (3.5), (3.6): since then. No guard: included more than once, undefines its macros
 * at the end.
 */
#define HEADER PART(1, response_header, header)

MESSAGE(response_header, "etcdserverpb.ResponseHeader",
    FIELD(1, uint64, cluster_id)
    FIELD(2, uint64, member_id)
    FIELD(3, int64, revision)
    FIELD(4, uint64, raft_term))

/* ---- KV ---------------------------------------------------------------- */

MESSAGE(key_value, "mvccpb.KeyValue",
    FIELD(1, bytes, key)
    FIELD(2, int64, create_revision)
    FIELD(3, int64, mod_revision)
    FIELD(4, int64, version)
    FIELD(5, bytes, value)
    FIELD(6, int64, lease))
MESSAGE(event, "mvccpb.Event",
    CHOICE(1, event_type, type)
    FIELD(2, key_value, kv)
    FIELD(3, key_value, prev_kv))

MESSAGE(range_request, "etcdserverpb.RangeRequest",
    FIELD(1, bytes, key)
    FIELD(2, bytes, range_end)
    FIELD(3, int64, limit)
    FIELD(4, int64, revision)
    CHOICE(5, sort_order, sort_order)
    CHOICE(6, sort_target, sort_target)
    FIELD(7, boolean, serializable)
    FIELD(8, boolean, keys_only)
    FIELD(9, boolean, count_only)
    FIELD(10, int64, min_mod_revision)
    FIELD(11, int64, max_mod_revision)
    FIELD(12, int64, min_create_revision)
    FIELD(13, int64, max_create_revision))
MESSAGE(range_response, "etcdserverpb.RangeResponse",
    HEADER
    LIST(2, key_value, kvs)
    FIELD(3, boolean, more)
    FIELD(4, int64, count))

MESSAGE(put_request, "etcdserverpb.PutRequest",
    FIELD(1, bytes, key)
    FIELD(2, bytes, value)
    FIELD(3, int64, lease)
    FIELD(4, boolean, prev_kv)
    FIELD(5, boolean, ignore_value)
    FIELD(6, boolean, ignore_lease))
MESSAGE(put_response, "etcdserverpb.PutResponse",
    HEADER
    FIELD(2, key_value, prev_kv))

MESSAGE(delete_range_request, "etcdserverpb.DeleteRangeRequest",
    FIELD(1, bytes, key)
    FIELD(2, bytes, range_end)
    FIELD(3, boolean, prev_kv))
MESSAGE(delete_range_response, "etcdserverpb.DeleteRangeResponse",
    HEADER
    FIELD(2, int64, deleted)
    LIST(3, key_value, prev_kvs))

MESSAGE(request_op, "etcdserverpb.RequestOp",
    ONEOF(request_op,
	OR_PART(1, range_request, request_range)
	OR_PART(2, put_request, request_put)
	OR_PART(3, delete_range_request, request_delete_range)
	OR_PART(4, txn_request, request_txn)))
MESSAGE(response_op, "etcdserverpb.ResponseOp",
    ONEOF(response_op,
	OR_PART(1, range_response, response_range)
	OR_PART(2, put_response, response_put)
	OR_PART(3, delete_range_response, response_delete_range)
	OR_PART(4, txn_response, response_txn)))
MESSAGE(txn_compare, "etcdserverpb.Compare",
    CHOICE(1, compare_result, result)
    CHOICE(2, compare_target, target)
    FIELD(3, bytes, key)
    ONEOF(txn_compare,
	OR_FIELD(4, int64, version)
	OR_FIELD(5, int64, create_revision)
	OR_FIELD(6, int64, mod_revision)
	OR_FIELD(7, bytes, value)
	OR_FIELD(8, int64, lease))
    FIELD(64, bytes, range_end))
MESSAGE(txn_request, "etcdserverpb.TxnRequest",
    PARTS(1, txn_compare, compare)
    PARTS(2, request_op, success)
    PARTS(3, request_op, failure))
MESSAGE(txn_response, "etcdserverpb.TxnResponse",
    HEADER
    FIELD(2, boolean, succeeded)
    PARTS(3, response_op, responses))

MESSAGE(compaction_request, "etcdserverpb.CompactionRequest",
    FIELD(1, int64, revision)
    FIELD(2, boolean, physical))
MESSAGE(compaction_response, "etcdserverpb.CompactionResponse", HEADER)

/* ---- Watch ------------------------------------------------------------- */

MESSAGE(watch_create_request, "etcdserverpb.WatchCreateRequest",
    FIELD(1, bytes, key)
    FIELD(2, bytes, range_end)
    FIELD(3, int64, start_revision)
    FIELD(4, boolean, progress_notify)
    CHOICES(5, filter_type, filters)
    FIELD(6, boolean, prev_kv)
    FIELD(7, int64, watch_id)
    FIELD(8, boolean, fragment))
MESSAGE(watch_cancel_request, "etcdserverpb.WatchCancelRequest",
    FIELD(1, int64, watch_id))
MESSAGE(watch_progress_request, "etcdserverpb.WatchProgressRequest", NOTHING)
MESSAGE(watch_request, "etcdserverpb.WatchRequest",
    ONEOF(watch_request,
	OR_PART(1, watch_create_request, create_request)
	OR_PART(2, watch_cancel_request, cancel_request)
	OR_PART(3, watch_progress_request, progress_request)))
MESSAGE(watch_response, "etcdserverpb.WatchResponse",
    HEADER
    FIELD(2, int64, watch_id)
    FIELD(3, boolean, created)
    FIELD(4, boolean, canceled)
    FIELD(5, int64, compact_revision)
    FIELD(6, string, cancel_reason)
    FIELD(7, boolean, fragment)
    PARTS(11, event, events))

/* ---- Lease ------------------------------------------------------------- */

MESSAGE(lease_grant_request, "etcdserverpb.LeaseGrantRequest",
    FIELD(1, int64, TTL)
    FIELD(2, int64, ID))
MESSAGE(lease_grant_response, "etcdserverpb.LeaseGrantResponse",
    HEADER
    FIELD(2, int64, ID)
    FIELD(3, int64, TTL)
    FIELD(4, string, error))
MESSAGE(lease_revoke_request, "etcdserverpb.LeaseRevokeRequest",
    FIELD(1, int64, ID))
MESSAGE(lease_revoke_response, "etcdserverpb.LeaseRevokeResponse", HEADER)
MESSAGE(lease_keep_alive_request, "etcdserverpb.LeaseKeepAliveRequest",
    FIELD(1, int64, ID))
MESSAGE(lease_keep_alive_response, "etcdserverpb.LeaseKeepAliveResponse",
    HEADER
    FIELD(2, int64, ID)
    FIELD(3, int64, TTL))
MESSAGE(lease_time_to_live_request, "etcdserverpb.LeaseTimeToLiveRequest",
    FIELD(1, int64, ID)
    FIELD(2, boolean, keys))
MESSAGE(lease_time_to_live_response, "etcdserverpb.LeaseTimeToLiveResponse",
    HEADER
    FIELD(2, int64, ID)
    FIELD(3, int64, TTL)
    FIELD(4, int64, grantedTTL)
    LIST(5, bytes, keys))
MESSAGE(lease_leases_request, "etcdserverpb.LeaseLeasesRequest", NOTHING)
MESSAGE(lease_status, "etcdserverpb.LeaseStatus",
    FIELD(1, int64, ID))
MESSAGE(lease_leases_response, "etcdserverpb.LeaseLeasesResponse",
    HEADER
    PARTS(2, lease_status, leases))

/* ---- Cluster ----------------------------------------------------------- */

MESSAGE(member, "etcdserverpb.Member",
    FIELD(1, uint64, ID)
    FIELD(2, string, name)
    LIST(3, string, peerURLs)
    LIST(4, string, clientURLs)
    FIELD(5, boolean, isLearner))
MESSAGE(member_add_request, "etcdserverpb.MemberAddRequest",
    LIST(1, string, peerURLs)
    FIELD(2, boolean, isLearner))
MESSAGE(member_add_response, "etcdserverpb.MemberAddResponse",
    HEADER
    PART(2, member, member)
    PARTS(3, member, members))
MESSAGE(member_remove_request, "etcdserverpb.MemberRemoveRequest",
    FIELD(1, uint64, ID))
MESSAGE(member_remove_response, "etcdserverpb.MemberRemoveResponse",
    HEADER
    PARTS(2, member, members))
MESSAGE(member_update_request, "etcdserverpb.MemberUpdateRequest",
    FIELD(1, uint64, ID)
    LIST(2, string, peerURLs))
MESSAGE(member_update_response, "etcdserverpb.MemberUpdateResponse",
    HEADER
    PARTS(2, member, members))
MESSAGE(member_list_request, "etcdserverpb.MemberListRequest",
    FIELD(1, boolean, linearizable))	/* (3.5) */
MESSAGE(member_list_response, "etcdserverpb.MemberListResponse",
    HEADER
    PARTS(2, member, members))
MESSAGE(member_promote_request, "etcdserverpb.MemberPromoteRequest",
    FIELD(1, uint64, ID))
MESSAGE(member_promote_response, "etcdserverpb.MemberPromoteResponse",
    HEADER
    PARTS(2, member, members))

/* ---- Maintenance ------------------------------------------------------- */

MESSAGE(alarm_request, "etcdserverpb.AlarmRequest",
    CHOICE(1, alarm_action, action)
    FIELD(2, uint64, memberID)
    CHOICE(3, alarm_type, alarm))
MESSAGE(alarm_member, "etcdserverpb.AlarmMember",
    FIELD(1, uint64, memberID)
    CHOICE(2, alarm_type, alarm))
MESSAGE(alarm_response, "etcdserverpb.AlarmResponse",
    HEADER
    PARTS(2, alarm_member, alarms))
MESSAGE(status_request, "etcdserverpb.StatusRequest", NOTHING)
MESSAGE(downgrade_info, "etcdserverpb.DowngradeInfo",	/* (3.6) */
    FIELD(1, boolean, enabled)
    FIELD(2, string, targetVersion))
MESSAGE(status_response, "etcdserverpb.StatusResponse",
    HEADER
    FIELD(2, string, version)
    FIELD(3, int64, dbSize)
    FIELD(4, uint64, leader)
    FIELD(5, uint64, raftIndex)
    FIELD(6, uint64, raftTerm)
    FIELD(7, uint64, raftAppliedIndex)
    LIST(8, string, errors)
    FIELD(9, int64, dbSizeInUse)
    FIELD(10, boolean, isLearner)
    FIELD(11, string, storageVersion)	/* (3.6), and the next two */
    FIELD(12, int64, dbSizeQuota)
    PART(13, downgrade_info, downgradeInfo))
MESSAGE(defragment_request, "etcdserverpb.DefragmentRequest", NOTHING)
MESSAGE(defragment_response, "etcdserverpb.DefragmentResponse", HEADER)
MESSAGE(hash_request, "etcdserverpb.HashRequest", NOTHING)
MESSAGE(hash_response, "etcdserverpb.HashResponse",
    HEADER
    FIELD(2, uint32, hash))
MESSAGE(hash_kv_request, "etcdserverpb.HashKVRequest",
    FIELD(1, int64, revision))
MESSAGE(hash_kv_response, "etcdserverpb.HashKVResponse",
    HEADER
    FIELD(2, uint32, hash)
    FIELD(3, int64, compact_revision)
    FIELD(4, int64, hash_revision))	/* (3.6) */
MESSAGE(snapshot_request, "etcdserverpb.SnapshotRequest", NOTHING)
MESSAGE(snapshot_response, "etcdserverpb.SnapshotResponse",
    HEADER
    FIELD(2, uint64, remaining_bytes)
    FIELD(3, bytes, blob)
    FIELD(4, string, version))		/* (3.6) */
MESSAGE(move_leader_request, "etcdserverpb.MoveLeaderRequest",
    FIELD(1, uint64, targetID))
MESSAGE(move_leader_response, "etcdserverpb.MoveLeaderResponse", HEADER)
MESSAGE(downgrade_request, "etcdserverpb.DowngradeRequest",	/* (3.5) */
    CHOICE(1, downgrade_action, action)
    FIELD(2, string, version))
MESSAGE(downgrade_response, "etcdserverpb.DowngradeResponse",
    HEADER
    FIELD(2, string, version))

/* ---- Auth -------------------------------------------------------------- */

MESSAGE(auth_enable_request, "etcdserverpb.AuthEnableRequest", NOTHING)
MESSAGE(auth_enable_response, "etcdserverpb.AuthEnableResponse", HEADER)
MESSAGE(auth_disable_request, "etcdserverpb.AuthDisableRequest", NOTHING)
MESSAGE(auth_disable_response, "etcdserverpb.AuthDisableResponse", HEADER)
MESSAGE(auth_status_request, "etcdserverpb.AuthStatusRequest", NOTHING)	/* (3.5) */
MESSAGE(auth_status_response, "etcdserverpb.AuthStatusResponse",
    HEADER
    FIELD(2, boolean, enabled)
    FIELD(3, uint64, authRevision))
MESSAGE(authenticate_request, "etcdserverpb.AuthenticateRequest",
    FIELD(1, string, name)
    FIELD(2, secret, password))
MESSAGE(authenticate_response, "etcdserverpb.AuthenticateResponse",
    HEADER
    FIELD(2, secret, token))

MESSAGE(user_add_options, "authpb.UserAddOptions",
    FIELD(1, boolean, no_password))
MESSAGE(auth_user_add_request, "etcdserverpb.AuthUserAddRequest",
    FIELD(1, string, name)
    FIELD(2, secret, password)
    PART(3, user_add_options, options)
    FIELD(4, secret, hashedPassword))	/* (3.5) */
MESSAGE(auth_user_add_response, "etcdserverpb.AuthUserAddResponse", HEADER)
MESSAGE(auth_user_get_request, "etcdserverpb.AuthUserGetRequest",
    FIELD(1, string, name))
MESSAGE(auth_user_get_response, "etcdserverpb.AuthUserGetResponse",
    HEADER
    LIST(2, string, roles))
MESSAGE(auth_user_list_request, "etcdserverpb.AuthUserListRequest", NOTHING)
MESSAGE(auth_user_list_response, "etcdserverpb.AuthUserListResponse",
    HEADER
    LIST(2, string, users))
MESSAGE(auth_user_delete_request, "etcdserverpb.AuthUserDeleteRequest",
    FIELD(1, string, name))
MESSAGE(auth_user_delete_response, "etcdserverpb.AuthUserDeleteResponse", HEADER)
MESSAGE(auth_user_change_password_request, "etcdserverpb.AuthUserChangePasswordRequest",
    FIELD(1, string, name)
    FIELD(2, secret, password)
    FIELD(3, secret, hashedPassword))	/* (3.5) */
MESSAGE(auth_user_change_password_response, "etcdserverpb.AuthUserChangePasswordResponse", HEADER)
MESSAGE(auth_user_grant_role_request, "etcdserverpb.AuthUserGrantRoleRequest",
    FIELD(1, string, user)
    FIELD(2, string, role))
MESSAGE(auth_user_grant_role_response, "etcdserverpb.AuthUserGrantRoleResponse", HEADER)
MESSAGE(auth_user_revoke_role_request, "etcdserverpb.AuthUserRevokeRoleRequest",
    FIELD(1, string, name)
    FIELD(2, string, role))
MESSAGE(auth_user_revoke_role_response, "etcdserverpb.AuthUserRevokeRoleResponse", HEADER)

MESSAGE(permission, "authpb.Permission",
    CHOICE(1, permission_type, permType)
    FIELD(2, bytes, key)
    FIELD(3, bytes, range_end))
MESSAGE(auth_role_add_request, "etcdserverpb.AuthRoleAddRequest",
    FIELD(1, string, name))
MESSAGE(auth_role_add_response, "etcdserverpb.AuthRoleAddResponse", HEADER)
MESSAGE(auth_role_get_request, "etcdserverpb.AuthRoleGetRequest",
    FIELD(1, string, role))
MESSAGE(auth_role_get_response, "etcdserverpb.AuthRoleGetResponse",
    HEADER
    PARTS(2, permission, perm))
MESSAGE(auth_role_list_request, "etcdserverpb.AuthRoleListRequest", NOTHING)
MESSAGE(auth_role_list_response, "etcdserverpb.AuthRoleListResponse",
    HEADER
    LIST(2, string, roles))
MESSAGE(auth_role_delete_request, "etcdserverpb.AuthRoleDeleteRequest",
    FIELD(1, string, role))
MESSAGE(auth_role_delete_response, "etcdserverpb.AuthRoleDeleteResponse", HEADER)
MESSAGE(auth_role_grant_permission_request, "etcdserverpb.AuthRoleGrantPermissionRequest",
    FIELD(1, string, name)
    PART(2, permission, perm))
MESSAGE(auth_role_grant_permission_response, "etcdserverpb.AuthRoleGrantPermissionResponse",
    HEADER)
MESSAGE(auth_role_revoke_permission_request, "etcdserverpb.AuthRoleRevokePermissionRequest",
    FIELD(1, string, role)
    FIELD(2, bytes, key)
    FIELD(3, bytes, range_end))
MESSAGE(auth_role_revoke_permission_response, "etcdserverpb.AuthRoleRevokePermissionResponse",
    HEADER)

/* ---- Lock, Election, Health -------------------------------------------- */

MESSAGE(lock_request, "v3lockpb.LockRequest",
    FIELD(1, bytes, name)
    FIELD(2, int64, lease))
MESSAGE(lock_response, "v3lockpb.LockResponse",
    HEADER
    FIELD(2, bytes, key))
MESSAGE(unlock_request, "v3lockpb.UnlockRequest",
    FIELD(1, bytes, key))
MESSAGE(unlock_response, "v3lockpb.UnlockResponse", HEADER)

MESSAGE(leader_key, "v3electionpb.LeaderKey",
    FIELD(1, bytes, name)
    FIELD(2, bytes, key)
    FIELD(3, int64, rev)
    FIELD(4, int64, lease))
MESSAGE(campaign_request, "v3electionpb.CampaignRequest",
    FIELD(1, bytes, name)
    FIELD(2, int64, lease)
    FIELD(3, bytes, value))
MESSAGE(campaign_response, "v3electionpb.CampaignResponse",
    HEADER
    PART(2, leader_key, leader))
MESSAGE(leader_request, "v3electionpb.LeaderRequest",
    FIELD(1, bytes, name))
MESSAGE(leader_response, "v3electionpb.LeaderResponse",
    HEADER
    FIELD(2, key_value, kv))
MESSAGE(proclaim_request, "v3electionpb.ProclaimRequest",
    PART(1, leader_key, leader)
    FIELD(2, bytes, value))
MESSAGE(proclaim_response, "v3electionpb.ProclaimResponse", HEADER)
MESSAGE(resign_request, "v3electionpb.ResignRequest",
    PART(1, leader_key, leader))
MESSAGE(resign_response, "v3electionpb.ResignResponse", HEADER)

MESSAGE(health_check_request, "grpc.health.v1.HealthCheckRequest",
    FIELD(1, string, service))
MESSAGE(health_check_response, "grpc.health.v1.HealthCheckResponse",
    CHOICE(1, serving_status, status))

#undef HEADER
#undef NOTHING
#undef OR_PART
#undef OR_FIELD
#undef ONEOF
#undef PARTS
#undef PART
#undef CHOICES
#undef CHOICE
#undef LIST
#undef FIELD
#undef MESSAGE
