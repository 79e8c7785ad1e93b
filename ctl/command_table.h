/*
 * command_table.h - the commands of etcdctl:
 *
 *	COMMAND(name, group, function, arguments, least, most, kind, help)
 *
 *	name		one word, or two: "member list"
 *	group		where help shows it: KEYS, CLUSTER, NODE, TOOLS, SELF
 *	arguments	as help shows them
 *	least, most	how many words it takes; most -1: any number
 *	kind		PLAIN
 *			TAIL	the last of the `least` words and all behind it are a
 *				command line of somebody else, whose options are not ours
 *			REST	all behind its name is read by another grammar
 *			FAMILY	stands for all names that begin with this one, in help;
 *				never run. A family with a row of another kind hands
 *				it the second words that it does not know
 *
 * Parsing, help, completion and the check of the manual page come from here.
 * Rows of one group stand together. No guard: included many times; undefines its
 * macro at the end.
 */
COMMAND("ls", KEYS, ctl_ls, "[KEY]", 0, 1, PLAIN, "list the keys of a directory")
COMMAND("get", KEYS, ctl_get, "KEY", 1, 1, PLAIN, "print the value of a key")
COMMAND("set", KEYS, ctl_set, "KEY [VALUE]", 1, 2, PLAIN,
    "set a key; the value from standard input if not given")
COMMAND("mk", KEYS, ctl_mk, "KEY [VALUE]", 1, 2, PLAIN, "make a key that is not there yet")
COMMAND("update", KEYS, ctl_update, "KEY [VALUE]", 1, 2, PLAIN, "set a key that is there")
COMMAND("rm", KEYS, ctl_rm, "KEY", 1, 1, PLAIN, "remove a key, or a directory")
COMMAND("mkdir", KEYS, ctl_mkdir, "KEY", 1, 1, PLAIN, "make a directory that is not there yet")
COMMAND("setdir", KEYS, ctl_setdir, "KEY", 1, 1, PLAIN,
    "make a directory, also in the place of a key")
COMMAND("updatedir", KEYS, ctl_updatedir, "KEY", 1, 1, PLAIN, "change when a directory expires")
COMMAND("rmdir", KEYS, ctl_rmdir, "KEY", 1, 1, PLAIN, "remove a key or an empty directory")
COMMAND("watch", KEYS, ctl_watch, "KEY", 1, 1, PLAIN, "wait for a change of a key and print it")
COMMAND("exec-watch", KEYS, ctl_exec_watch, "KEY COMMAND [ARGUMENT...]", 2, -1, TAIL,
    "run a command at each change of a key")

COMMAND("status", CLUSTER, ctl_status, "", 0, 0, PLAIN, "every member: role, term, index, memory")
COMMAND("cluster-health", CLUSTER, ctl_cluster_health, "", 0, 0, PLAIN,
    "whether each member is healthy")
COMMAND("member", CLUSTER, NULL, "COMMAND", 1, -1, FAMILY,
    "the members: list, add, remove, update")
COMMAND("member list", CLUSTER, ctl_member_list, "", 0, 0, PLAIN, "ids, names and addresses")
COMMAND("member add", CLUSTER, ctl_member_add, "NAME PEER-URL", 2, 2, PLAIN,
    "announce a member, or say how it joins")
COMMAND("member remove", CLUSTER, ctl_member_remove, "ID|NAME", 1, 1, PLAIN,
    "remove a member for good")
COMMAND("member update", CLUSTER, ctl_member_update, "ID|NAME PEER-URL", 2, 2, PLAIN,
    "change the peer URL of a member")
COMMAND("auth", CLUSTER, NULL, "COMMAND", 1, -1, FAMILY,
    "whether users count: enable, disable, status")
COMMAND("auth enable", CLUSTER, ctl_auth_enable, "", 0, 0, PLAIN,
    "from now on users count; there has to be a user root")
COMMAND("auth disable", CLUSTER, ctl_auth_disable, "", 0, 0, PLAIN, "users do not count any more")
COMMAND("auth status", CLUSTER, ctl_auth_status, "", 0, 0, PLAIN, "whether users count")
COMMAND("user", CLUSTER, NULL, "COMMAND", 1, -1, FAMILY,
    "users: add, get, list, remove, grant, revoke, passwd")
COMMAND("user add", CLUSTER, ctl_user_add, "NAME[:PASSWORD]", 1, 1, PLAIN,
    "make a user; you are asked for the password")
COMMAND("user get", CLUSTER, ctl_user_get, "NAME", 1, 1, PLAIN, "the roles of a user")
COMMAND("user list", CLUSTER, ctl_user_list, "", 0, 0, PLAIN, "all users")
COMMAND("user remove", CLUSTER, ctl_user_remove, "NAME", 1, 1, PLAIN, "remove a user")
COMMAND("user grant", CLUSTER, ctl_user_grant, "NAME", 1, 1, PLAIN, "give a user roles")
COMMAND("user revoke", CLUSTER, ctl_user_revoke, "NAME", 1, 1, PLAIN, "take roles from a user")
COMMAND("user passwd", CLUSTER, ctl_user_passwd, "NAME[:PASSWORD]", 1, 1, PLAIN,
    "another password; you are asked for it")
COMMAND("role", CLUSTER, NULL, "COMMAND", 1, -1, FAMILY,
    "roles: add, get, list, remove, grant, revoke")
COMMAND("role add", CLUSTER, ctl_role_add, "NAME", 1, 1, PLAIN, "make a role, without rights")
COMMAND("role get", CLUSTER, ctl_role_get, "NAME", 1, 1, PLAIN, "what a role may read and write")
COMMAND("role list", CLUSTER, ctl_role_list, "", 0, 0, PLAIN, "all roles")
COMMAND("role remove", CLUSTER, ctl_role_remove, "NAME", 1, 1, PLAIN, "remove a role")
COMMAND("role grant", CLUSTER, ctl_role_grant, "NAME", 1, 1, PLAIN,
    "let a role read or write what is at a path")
COMMAND("role revoke", CLUSTER, ctl_role_revoke, "NAME", 1, 1, PLAIN, "take such a right back")

COMMAND("control", NODE, ctl_control, "COMMAND [ARGUMENT]", 1, -1, PLAIN,
    "the node on this machine: status, restart, stop, ...")
COMMAND("control status", NODE, ctl_control, "", 0, 0, PLAIN,
    "what the node is, its members and processes")
COMMAND("control reload", NODE, ctl_control, "", 0, 0, PLAIN, "read the configuration again")
COMMAND("control restart", NODE, ctl_control, "raftd|peer|client|all [N]", 1, 2, PLAIN,
    "replace processes of the node; no request fails")
COMMAND("control transfer", NODE, ctl_control, "[NAME]", 0, 1, PLAIN,
    "give leadership to another member")
COMMAND("control rotate", NODE, ctl_control, "", 0, 0, PLAIN, "open the files of the log again")
COMMAND("control log-level", NODE, ctl_control, "[LEVEL|reset]", 0, 1, PLAIN,
    "what the log tells, while the node runs")
COMMAND("control backup", NODE, ctl_control, "FILE", 1, 1, PLAIN,
    "as backup, of this node and without certificates")
COMMAND("control upgrade", NODE, ctl_control, "", 0, 0, PLAIN,
    "the programs installed now take over; no request fails")
COMMAND("control drain", NODE, ctl_control, "", 0, 0, PLAIN,
    "out of rotation: /health says 503, all else goes on")
COMMAND("control undrain", NODE, ctl_control, "", 0, 0, PLAIN, "in rotation again")
COMMAND("control stop", NODE, ctl_control, "[fast|graceful]", 0, 1, PLAIN, "stop the node")

COMMAND("backup", TOOLS, ctl_backup, "FILE", 1, 1, PLAIN,
    "copy all keys, at one index, into a file")
COMMAND("restore", TOOLS, ctl_restore, "FILE", 1, 1, PLAIN,
    "make the data directory of a new cluster of a backup")
COMMAND("recover", TOOLS, ctl_recover, "DIR...", 1, -1, PLAIN,
    "a majority is lost: a new cluster of what is left")
COMMAND("lock", TOOLS, ctl_lock, "NAME COMMAND [ARGUMENT...]", 2, -1, TAIL,
    "run a command while nobody else holds that lock")
COMMAND("elect", TOOLS, ctl_elect, "NAME [VALUE [COMMAND...]]", 1, -1, TAIL,
    "become the leader of that name, or show who it is")

COMMAND("import", TOOLS, ctl_import, "SOURCE-URL,...", 1, 1, PLAIN,
    "copy another cluster's keys; follow it until cut-over")
COMMAND("bench", TOOLS, ctl_bench, "", 0, 0, PLAIN,
    "how many writes and reads a second, and how long they take")

COMMAND("certs", TOOLS, NULL, "COMMAND", 1, -1, FAMILY,
    "certificates: ca, server, peer, client")
COMMAND("certs ca", TOOLS, ctl_certs_ca, "[NAME]", 0, 1, PLAIN,
    "make an authority: ca.crt and ca.key")
COMMAND("certs server", TOOLS, ctl_certs_server, "NAME ADDRESS...", 2, -1, PLAIN,
    "NAME.crt and NAME.key for a client port")
COMMAND("certs peer", TOOLS, ctl_certs_peer, "NAME ADDRESS...", 2, -1, PLAIN,
    "the same for a peer port")
COMMAND("certs client", TOOLS, ctl_certs_client, "NAME", 1, 1, PLAIN,
    "NAME.crt and NAME.key to show to a client port")

COMMAND("v3", TOOLS, ctl_v3, "COMMAND [ARGUMENT...]", 0, -1, REST,
    "the commands of etcd 3: put, txn, lease, ...: v3 help")

COMMAND("help", SELF, ctl_help, "[COMMAND]", 0, 2, PLAIN, "what a command takes")
COMMAND("version", SELF, ctl_version, "", 0, 0, PLAIN, "the version of this program")
#undef COMMAND
