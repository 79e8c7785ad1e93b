/*
 * v3_error_table.h - what a client of the v3 API can be answered instead: tag, number, code of
 * gRPC, text.
 *
 * Clients find the error by the exact text. A number is stored and sent (the outcome of a
 * write, v3_outcome of common/ipc/v3_table.h), so it is never reused. No guard: included many
 * times; undefines its macro.
 *
 * Source: the statuses that servers of the 3.4 series answer with (docs/decisions.md).
 */
V3_ERROR(NONE, 0, 0, "")
/* Of a request itself. */
V3_ERROR(KEY_EMPTY, 1, 3, "etcdserver: key is not provided")
V3_ERROR(KEY_NOT_FOUND, 2, 3, "etcdserver: key not found")
V3_ERROR(VALUE_PROVIDED, 3, 3, "etcdserver: value is provided")
V3_ERROR(LEASE_PROVIDED, 4, 3, "etcdserver: lease is provided")
V3_ERROR(TOO_MANY_OPERATIONS, 5, 3, "etcdserver: too many operations in txn request")
V3_ERROR(DUPLICATE_KEY, 6, 3, "etcdserver: duplicate key given in txn request")
V3_ERROR(REQUEST_TOO_LARGE, 7, 3, "etcdserver: request is too large")
V3_ERROR(SORT_OPTION, 8, 3, "etcdserver: invalid sort option")
/* Of the state it meets. */
V3_ERROR(COMPACTED, 20, 11, "etcdserver: mvcc: required revision has been compacted")
V3_ERROR(FUTURE_REVISION, 21, 11, "etcdserver: mvcc: required revision is a future revision")
V3_ERROR(LEASE_NOT_FOUND, 22, 5, "etcdserver: requested lease not found")
V3_ERROR(LEASE_EXISTS, 23, 9, "etcdserver: lease already exists")
V3_ERROR(LEASE_TTL_TOO_LARGE, 24, 11, "etcdserver: too large lease TTL")
V3_ERROR(NO_SPACE, 25, 8, "etcdserver: mvcc: database space exceeded")
V3_ERROR(CORRUPT, 26, 15, "etcdserver: corrupt cluster")
/* Of watches: reasons of a cancellation, no status of a call. */
V3_ERROR(WATCH_ID_USED, 40, 3, "mvcc: duplicate watch ID provided on the WatchStream")
V3_ERROR(WATCH_RANGE_EMPTY, 41, 3, "mvcc: watcher range is empty")
/* Of the node and its moment. */
V3_ERROR(TOO_MANY_REQUESTS, 60, 8, "etcdserver: too many requests")
V3_ERROR(NO_LEADER, 61, 14, "etcdserver: no leader")
V3_ERROR(LEADER_CHANGED, 62, 14, "etcdserver: leader changed")
V3_ERROR(STOPPED, 63, 14, "etcdserver: server stopped")
V3_ERROR(TIMED_OUT, 64, 14, "etcdserver: request timed out")
V3_ERROR(TIMED_OUT_LEADER, 65, 14,
    "etcdserver: request timed out, possibly due to previous leader failure")
V3_ERROR(TIMED_OUT_CONNECTION, 66, 14,
    "etcdserver: request timed out, possibly due to connection lost")
V3_ERROR(NOT_LEADER, 67, 9, "etcdserver: not leader")
/* Of what is asked to be shown. */
V3_ERROR(TOO_MANY_LEASES, 80, 8, "there are more than 262144 leases, too many for one list")
V3_ERROR(TOO_MANY_KEYS, 81, 8,
    "too many keys hang on the lease to list them: 65536, and 16 MiB, are the most")
/* Of users and roles. */
V3_ERROR(USER_EMPTY, 100, 3, "etcdserver: user name is empty")
V3_ERROR(ROLE_EMPTY, 101, 3, "etcdserver: role name is empty")
V3_ERROR(AUTH_FAILED, 102, 3, "etcdserver: authentication failed, invalid user ID or password")
V3_ERROR(AUTH_MANAGEMENT, 103, 3, "etcdserver: invalid auth management")
V3_ERROR(AUTH_OLD_REVISION, 104, 3, "etcdserver: revision of auth store is old")
V3_ERROR(PERMISSION, 105, 7, "etcdserver: permission denied")
V3_ERROR(ROOT_USER_MISSING, 106, 9, "etcdserver: root user does not exist")
V3_ERROR(ROOT_ROLE_MISSING, 107, 9, "etcdserver: root user does not have root role")
V3_ERROR(USER_EXISTS, 108, 9, "etcdserver: user name already exists")
V3_ERROR(USER_NOT_FOUND, 109, 9, "etcdserver: user name not found")
V3_ERROR(ROLE_EXISTS, 110, 9, "etcdserver: role name already exists")
V3_ERROR(ROLE_NOT_FOUND, 111, 9, "etcdserver: role name not found")
V3_ERROR(ROLE_NOT_GRANTED, 112, 9, "etcdserver: role is not granted to the user")
V3_ERROR(PERMISSION_NOT_GRANTED, 113, 9, "etcdserver: permission is not granted to the role")
V3_ERROR(AUTH_OFF, 114, 9, "etcdserver: authentication is not enabled")
V3_ERROR(AUTH_TOKEN, 115, 16, "etcdserver: invalid auth token")
V3_ERROR(AUTH_TOO_MUCH, 116, 8, "there are too many users, roles or permissions: 1000 users, "
    "1000 roles, 64 roles for each user, 256 permissions for each role and 1048576 bytes for all "
    "of them are the most")
V3_ERROR(AUTH_LEASE_KEYS, 117, 7,
    "more than 4096 keys hang on the leases: only a user with the role root may touch them")
/* Never made by what a client may say: raftd met bytes that no worker of ours sends. */
V3_ERROR(MALFORMED, 90, 13, "etcdserver: malformed request")
#undef V3_ERROR
