/*
 * command_table.h - the v3 commands of etcdctl:
 *
 *	COMMAND(name, group, function, arguments, least, most, kind, miscounted, help)
 *
 *	miscounted	what is said to another number of words, as etcdctl 3.4 has it; NULL: it
 *			is made of the row
 *
 * The other columns are those of ctl/command_table.h. Commands that pass over words that are
 * too many do so in 3.4. Rows of one group stand together. No guard: included many times;
 * undefines its macro at the end.
 */
COMMAND("put", KEYS, ctl3_put, "KEY [VALUE]", 0, -1, PLAIN, NULL,
    "put a key; the value from standard input if not given")
COMMAND("get", KEYS, ctl3_get, "KEY [RANGE-END]", 1, 2, PLAIN,
    "get command needs one argument as key and an optional argument as range_end",
    "print a key, or those of a range")
COMMAND("del", KEYS, ctl3_del, "KEY [RANGE-END]", 1, 2, PLAIN,
    "del command needs one argument as key and an optional argument as range_end",
    "delete a key, or those of a range")
COMMAND("txn", KEYS, ctl3_txn, "", 0, 0, PLAIN, "txn command does not accept argument",
    "compare keys, and do one thing or the other; from stdin")
COMMAND("watch", KEYS, ctl3_watch, "[KEY [RANGE-END]] [-- COMMAND ...]", 0, -1, PLAIN, NULL,
    "print changes of keys, or run a command at each")
COMMAND("compaction", KEYS, ctl3_compaction, "REVISION", 1, 1, PLAIN,
    "compaction command needs 1 argument", "forget what was before a revision")

COMMAND("lease", LEASES, NULL, "COMMAND", 1, -1, FAMILY, NULL,
    "leases: grant, revoke, timetolive, list, keep-alive")
COMMAND("lease grant", LEASES, ctl3_lease_grant, "SECONDS", 1, 1, PLAIN,
    "lease grant command needs TTL argument", "make a lease")
COMMAND("lease revoke", LEASES, ctl3_lease_revoke, "ID", 1, 1, PLAIN,
    "lease revoke command needs 1 argument", "end a lease; its keys are deleted")
COMMAND("lease timetolive", LEASES, ctl3_lease_timetolive, "ID", 1, 1, PLAIN,
    "lease timetolive command needs lease ID as argument", "how long a lease has left")
COMMAND("lease list", LEASES, ctl3_lease_list, "", 0, -1, PLAIN, NULL, "all leases")
COMMAND("lease keep-alive", LEASES, ctl3_lease_keep_alive, "ID", 1, 1, PLAIN,
    "lease keep-alive command needs lease ID as argument", "renew a lease, again and again")
COMMAND("lock", LEASES, ctl3_lock, "NAME [COMMAND ...]", 1, -1, MAY_TAIL,
    "lock takes a lock name argument and an optional command to execute",
    "take a lock, and hold it or run a command")
COMMAND("elect", LEASES, ctl3_elect, "NAME [PROPOSAL]", 1, 2, PLAIN,
    "elect takes one election name argument and an optional proposal argument",
    "become the leader of that name, or show who it is")

COMMAND("endpoint", CLUSTER, NULL, "COMMAND", 1, -1, FAMILY, NULL,
    "each endpoint: health, status, hashkv")
COMMAND("endpoint health", CLUSTER, ctl3_endpoint_health, "", 0, -1, PLAIN, NULL,
    "whether it answers a read")
COMMAND("endpoint status", CLUSTER, ctl3_endpoint_status, "", 0, -1, PLAIN, NULL,
    "id, version, size, leader, term, index")
COMMAND("endpoint hashkv", CLUSTER, ctl3_endpoint_hashkv, "", 0, -1, PLAIN, NULL,
    "a hash of all keys, to compare members")
COMMAND("member", CLUSTER, NULL, "COMMAND", 1, -1, FAMILY, NULL,
    "members: list, add, remove, update, promote")
COMMAND("member list", CLUSTER, ctl3_member_list, "", 0, -1, PLAIN, NULL,
    "ids, names and addresses")
COMMAND("member add", CLUSTER, ctl3_member_add, "NAME", 1, 1, PLAIN, "member name not provided",
    "announce a member")
COMMAND("member remove", CLUSTER, ctl3_member_remove, "ID", 1, 1, PLAIN,
    "member ID is not provided", "remove a member for good")
COMMAND("member update", CLUSTER, ctl3_member_update, "ID", 1, 1, PLAIN,
    "member ID is not provided", "change the peer URLs of a member")
COMMAND("member promote", CLUSTER, ctl3_member_promote, "ID", 1, 1, PLAIN,
    "member ID is not provided", "give a learner its vote")
COMMAND("move-leader", CLUSTER, ctl3_move_leader, "ID", 1, 1, PLAIN,
    "move-leader command needs 1 argument", "another member leads")

COMMAND("user", USERS, NULL, "COMMAND", 1, -1, FAMILY, NULL,
    "users: add, delete, get, list, passwd, ...")
COMMAND("user add", USERS, ctl3_user_add, "NAME[:PASSWORD]", 1, 1, PLAIN,
    "user add command requires user name as its argument",
    "make a user; you are asked for the password")
COMMAND("user delete", USERS, ctl3_user_delete, "NAME", 1, 1, PLAIN,
    "user delete command requires user name as its argument", "remove a user")
COMMAND("user get", USERS, ctl3_user_get, "NAME", 1, 1, PLAIN,
    "user get command requires user name as its argument", "the roles of a user")
COMMAND("user list", USERS, ctl3_user_list, "", 0, 0, PLAIN,
    "user list command requires no arguments", "all users")
COMMAND("user passwd", USERS, ctl3_user_passwd, "NAME", 1, 1, PLAIN,
    "user passwd command requires user name as its argument", "another password")
COMMAND("user grant-role", USERS, ctl3_user_grant_role, "NAME ROLE", 2, 2, PLAIN,
    "user grant command requires user name and role name as its argument", "give a user a role")
COMMAND("user revoke-role", USERS, ctl3_user_revoke_role, "NAME ROLE", 2, 2, PLAIN,
    "user revoke-role requires user name and role name as its argument", "take a role back")
COMMAND("role", USERS, NULL, "COMMAND", 1, -1, FAMILY, NULL,
    "roles: add, delete, get, list, grant-permission, ...")
COMMAND("role add", USERS, ctl3_role_add, "NAME", 1, 1, PLAIN,
    "role add command requires role name as its argument", "make a role, without rights")
COMMAND("role delete", USERS, ctl3_role_delete, "NAME", 1, 1, PLAIN,
    "role delete command requires role name as its argument", "remove a role")
COMMAND("role get", USERS, ctl3_role_get, "NAME", 1, 1, PLAIN,
    "role get command requires role name as its argument", "what a role may read and write")
COMMAND("role list", USERS, ctl3_role_list, "", 0, 0, PLAIN,
    "role list command requires no arguments", "all roles")
COMMAND("role grant-permission", USERS, ctl3_role_grant, "NAME read|write|readwrite KEY [END]", 3,
    -1, PLAIN,
    "role grant command requires role name, permission type, and key [endkey] as its argument",
    "let a role read or write keys")
COMMAND("role revoke-permission", USERS, ctl3_role_revoke, "NAME KEY [END]", 2, -1, PLAIN,
    "role revoke-permission command requires role name and key [endkey] as its argument",
    "take such a right back")
COMMAND("auth", USERS, NULL, "COMMAND", 1, -1, FAMILY, NULL,
    "whether users count: enable, disable, status")
COMMAND("auth enable", USERS, ctl3_auth_enable, "", 0, 0, PLAIN,
    "auth enable command does not accept any arguments",
    "from now on users count; there has to be a user root")
COMMAND("auth disable", USERS, ctl3_auth_disable, "", 0, 0, PLAIN,
    "auth disable command does not accept any arguments", "users do not count any more")
COMMAND("auth status", USERS, ctl3_auth_status, "", 0, 0, PLAIN,
    "auth status command does not accept any arguments", "whether users count")

COMMAND("alarm", MAINTENANCE, NULL, "COMMAND", 1, -1, FAMILY, NULL,
    "alarms of members: list, disarm")
COMMAND("alarm list", MAINTENANCE, ctl3_alarm_list, "", 0, 0, PLAIN,
    "alarm list command accepts no arguments", "all alarms")
COMMAND("alarm disarm", MAINTENANCE, ctl3_alarm_disarm, "", 0, 0, PLAIN,
    "alarm disarm command accepts no arguments", "end all alarms")
COMMAND("defrag", MAINTENANCE, ctl3_defrag, "", 0, -1, PLAIN, NULL,
    "give room on the disk back, at each endpoint")
COMMAND("snapshot", MAINTENANCE, NULL, "COMMAND", 1, -1, FAMILY, NULL,
    "a copy of all keys: save, status, restore")
COMMAND("snapshot save", MAINTENANCE, ctl3_snapshot_save, "FILE", 1, 1, PLAIN,
    "snapshot save expects one argument", "copy what a member has into a file")
COMMAND("snapshot status", MAINTENANCE, ctl3_snapshot_status, "FILE", 1, 1, PLAIN,
    "snapshot status requires exactly one argument", "whether such a file is whole")
COMMAND("snapshot restore", MAINTENANCE, ctl3_snapshot_restore, "FILE", 1, -1, PLAIN,
    "snapshot restore requires exactly one argument", "says how: it is \"etcdctl restore\"")
COMMAND("import", MAINTENANCE, ctl3_import, "SOURCE-URL,...", 1, 1, PLAIN, NULL,
    "make this cluster the same as another one, or as a file")
COMMAND("export", MAINTENANCE, ctl3_export, "TARGET-URL,...", 1, 1, PLAIN, NULL,
    "make another cluster the same as this one")
COMMAND("check", MAINTENANCE, NULL, "COMMAND", 1, -1, FAMILY, NULL, "tests of a cluster: perf")
COMMAND("check perf", MAINTENANCE, ctl3_check_perf, "", 0, -1, PLAIN, NULL,
    "60 seconds of writes: are they fast enough?")

COMMAND("help", SELF, ctl3_help, "[COMMAND]", 0, 2, PLAIN, NULL, "what a command takes")
COMMAND("version", SELF, ctl3_version, "", 0, -1, PLAIN, NULL, "the version of this program")
#undef COMMAND
