/*
 * refusal_table.h - what a v3 request is refused with: code and text.
 *
 *	REFUSAL(tag, code, text)
 *
 * Clients find an error by its text, to the letter, so none is changed. No guard: included
 * more than once, undefines its macros at the end.
 */
#define ETCD "etcdserver: "

REFUSAL(WATCH_CANCELED, CANCELLED, ETCD "watch canceled")

REFUSAL(NO_ELECTION_LEADER, UNKNOWN, "election: no leader")
REFUSAL(NOT_ELECTION_LEADER, UNKNOWN, "election: not leader")
REFUSAL(LEADER_KEY_MISSING, UNKNOWN, "\"leader\" field must be provided")
REFUSAL(LOCK_LOST, UNKNOWN, "mutex: session is expired")

REFUSAL(EMPTY_KEY, INVALID_ARGUMENT, ETCD "key is not provided")
REFUSAL(KEY_NOT_FOUND, INVALID_ARGUMENT, ETCD "key not found")
REFUSAL(VALUE_PROVIDED, INVALID_ARGUMENT, ETCD "value is provided")
REFUSAL(LEASE_PROVIDED, INVALID_ARGUMENT, ETCD "lease is provided")
REFUSAL(TOO_MANY_OPS, INVALID_ARGUMENT, ETCD "too many operations in txn request")
REFUSAL(DUPLICATE_KEY, INVALID_ARGUMENT, ETCD "duplicate key given in txn request")
REFUSAL(REQUEST_TOO_LARGE, INVALID_ARGUMENT, ETCD "request is too large")
REFUSAL(SORT_OPTION, INVALID_ARGUMENT, ETCD "invalid sort option")
REFUSAL(COMPARE, INVALID_ARGUMENT, ETCD "invalid compare option")
REFUSAL(MEMBER_URLS, INVALID_ARGUMENT, ETCD "given member URLs are invalid")
REFUSAL(USER_EMPTY, INVALID_ARGUMENT, ETCD "user name is empty")
REFUSAL(ROLE_EMPTY, INVALID_ARGUMENT, ETCD "role name is empty")
REFUSAL(AUTH_FAILED, INVALID_ARGUMENT,
    ETCD "authentication failed, invalid user ID or password")
REFUSAL(AUTH_MANAGEMENT, INVALID_ARGUMENT, ETCD "invalid auth management")
REFUSAL(AUTH_OLD_REVISION, INVALID_ARGUMENT, ETCD "revision of auth store is old")
REFUSAL(PERMISSION_NOT_GIVEN, INVALID_ARGUMENT, ETCD "permission not given")
REFUSAL(CLIENT_API_VERSION, INVALID_ARGUMENT, ETCD "invalid client api version")

REFUSAL(DEADLINE, DEADLINE_EXCEEDED, "context deadline exceeded")

REFUSAL(LEASE_NOT_FOUND, NOT_FOUND, ETCD "requested lease not found")
REFUSAL(MEMBER_NOT_FOUND, NOT_FOUND, ETCD "member not found")
REFUSAL(SERVICE_NOT_FOUND, NOT_FOUND, "unknown service")

REFUSAL(PERMISSION, PERMISSION_DENIED, ETCD "permission denied")

REFUSAL(NO_SPACE, RESOURCE_EXHAUSTED, ETCD "mvcc: database space exceeded")
REFUSAL(TOO_MANY_REQUESTS, RESOURCE_EXHAUSTED, ETCD "too many requests")

REFUSAL(LEASE_EXISTS, FAILED_PRECONDITION, ETCD "lease already exists")
REFUSAL(MEMBER_EXISTS, FAILED_PRECONDITION, ETCD "member ID already exist")
REFUSAL(PEER_URL_EXISTS, FAILED_PRECONDITION, ETCD "Peer URLs already exists")
REFUSAL(MEMBER_NOT_STARTED, FAILED_PRECONDITION,
    ETCD "re-configuration failed due to not enough started members")
REFUSAL(MEMBER_NOT_LEARNER, FAILED_PRECONDITION, ETCD "can only promote a learner member")
REFUSAL(LEARNER_NOT_READY, FAILED_PRECONDITION,
    ETCD "can only promote a learner member which is in sync with leader")
REFUSAL(TOO_MANY_LEARNERS, FAILED_PRECONDITION, ETCD "too many learner members in cluster")
REFUSAL(NOT_LEADER, FAILED_PRECONDITION, ETCD "not leader")
REFUSAL(BAD_TRANSFEREE, FAILED_PRECONDITION, ETCD "bad leader transferee")
REFUSAL(ROOT_USER_MISSING, FAILED_PRECONDITION, ETCD "root user does not exist")
REFUSAL(ROOT_ROLE_MISSING, FAILED_PRECONDITION, ETCD "root user does not have root role")
REFUSAL(USER_EXISTS, FAILED_PRECONDITION, ETCD "user name already exists")
REFUSAL(USER_NOT_FOUND, FAILED_PRECONDITION, ETCD "user name not found")
REFUSAL(ROLE_EXISTS, FAILED_PRECONDITION, ETCD "role name already exists")
REFUSAL(ROLE_NOT_FOUND, FAILED_PRECONDITION, ETCD "role name not found")
REFUSAL(ROLE_NOT_GRANTED, FAILED_PRECONDITION, ETCD "role is not granted to the user")
REFUSAL(PERMISSION_NOT_GRANTED, FAILED_PRECONDITION,
    ETCD "permission is not granted to the role")
REFUSAL(AUTH_OFF, FAILED_PRECONDITION, ETCD "authentication is not enabled")
REFUSAL(NOT_FOR_LEARNERS, FAILED_PRECONDITION, ETCD "rpc not supported for learner")

REFUSAL(COMPACTED, OUT_OF_RANGE, ETCD "mvcc: required revision has been compacted")
REFUSAL(FUTURE_REVISION, OUT_OF_RANGE, ETCD "mvcc: required revision is a future revision")
REFUSAL(LEASE_TTL_TOO_LARGE, OUT_OF_RANGE, ETCD "too large lease TTL")

REFUSAL(NO_LEADER, UNAVAILABLE, ETCD "no leader")
REFUSAL(LEADER_CHANGED, UNAVAILABLE, ETCD "leader changed")
REFUSAL(STOPPED, UNAVAILABLE, ETCD "server stopped")
REFUSAL(TIMED_OUT, UNAVAILABLE, ETCD "request timed out")
REFUSAL(TIMED_OUT_LEADER, UNAVAILABLE,
    ETCD "request timed out, possibly due to previous leader failure")
REFUSAL(TIMED_OUT_CONNECTION, UNAVAILABLE,
    ETCD "request timed out, possibly due to connection lost")
REFUSAL(TIMED_OUT_APPLY, UNAVAILABLE,
    ETCD "request timed out, waiting for the applied index took too long")
REFUSAL(UNHEALTHY, UNAVAILABLE, ETCD "unhealthy cluster")

REFUSAL(CORRUPT, DATA_LOSS, ETCD "corrupt cluster")

REFUSAL(AUTH_TOKEN, UNAUTHENTICATED, ETCD "invalid auth token")
#undef ETCD
#undef REFUSAL
