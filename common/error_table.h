/*
 * error_table.h - every error: tag, number, HTTP status (0: never sent), text.
 *
 * What passes by itself has a 5xx: clients repeat after that only, and take a 4xx
 * for final. Known to clients and not sent: 402, which told such a state by a 400.
 * 15 and 16 were errors once, and are not given again.
 *
 * No guard: included many times, undefines its macro at the end.
 */
ERROR(NONE, 0, 0, "no error")
ERROR(MALFORMED, 1, 0, "malformed bytes")
ERROR(TOO_BIG, 2, 0, "above the limit")
ERROR(IO, 3, 0, "input/output error")
ERROR(NO_SPACE, 4, 0, "no space left on device")
ERROR(CORRUPT, 5, 0, "damaged data")
ERROR(NOT_FOUND, 6, 0, "not found")
ERROR(CLOSED, 7, 0, "closed by the other side")
ERROR(BUSY, 8, 0, "in use")
ERROR(DENIED, 9, 0, "permission denied")
ERROR(INVALID, 10, 0, "invalid argument")
ERROR(AGAIN, 11, 0, "try again")
ERROR(TIMED_OUT, 12, 0, "timed out")
ERROR(REFUSED, 13, 0, "connection refused")
ERROR(NOT_LEADER, 14, 0, "not the leader")
ERROR(FOREIGN, 17, 0, "data of another program or format")
ERROR(UNSUPPORTED, 18, 0, "not supported")
ERROR(INTERNAL, 19, 0, "internal error")
ERROR(READ_ONLY, 20, 0, "read-only file system")
ERROR(REMOVED, 25, 0, "removed for good")
ERROR(KEY_NOT_FOUND, 100, 404, "Key not found")
ERROR(COMPARE_FAILED, 101, 412, "Compare failed")
ERROR(NOT_FILE, 102, 403, "Not a file")
ERROR(NO_MORE_PEER, 103, 400, "Reached the max number of peers in the cluster")
ERROR(NOT_DIR, 104, 400, "Not a directory")
ERROR(KEY_EXISTS, 105, 412, "Key already exists")
ERROR(KEYWORD, 106, 400, "The prefix of given key is a keyword in etcd")
ERROR(ROOT_READ_ONLY, 107, 400, "Root is read only")
ERROR(DIR_NOT_EMPTY, 108, 403, "Directory not empty")
ERROR(PEER_ADDRESS_EXISTS, 109, 400, "Peer address has existed")
ERROR(VALUE_REQUIRED, 200, 400, "Value is Required in POST form")
ERROR(PREV_VALUE_REQUIRED, 201, 400, "PrevValue is Required in POST form")
ERROR(TTL_NOT_NUMBER, 202, 400, "The given TTL in POST form is not a number")
ERROR(INDEX_NOT_NUMBER, 203, 400, "The given index in POST form is not a number")
ERROR(INVALID_FIELD, 209, 400, "Invalid field")
ERROR(INVALID_FORM, 210, 400, "Invalid POST form")
ERROR(REFRESH_VALUE, 211, 400, "Value provided on refresh")
ERROR(REFRESH_TTL_REQUIRED, 212, 400, "A TTL must be provided on refresh")
ERROR(RAFT_INTERNAL, 300, 500, "Raft Internal Error")
ERROR(LEADER_ELECT, 301, 500, "During Leader Election")
ERROR(WATCHER_CLEARED, 400, 400, "watcher is cleared due to etcd recovery")
ERROR(EVENT_INDEX_CLEARED, 401, 400, "The event in requested index is outdated and cleared")
#undef ERROR
