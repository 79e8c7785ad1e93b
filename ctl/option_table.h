/*
 * option_table.h - the options of etcdctl:
 *
 *	CTL_OPTION(tag, commands, name, letter, kind, argument, environment, initial, help)
 *
 *	commands	who takes it, separated by commas: "ls,get"; "member" takes in
 *			all of "member ..."; "*": before or behind every command
 *	letter		a short name, or NULL
 *	kind		FLAG, TEXT, NUMBER (whole, from 0), DURATION (2s, 500ms, 1m30s; a
 *			bare number is seconds), CHOICE (one of the words of argument), FILE
 *	argument	as help shows it; NULL for a FLAG
 *	environment	a variable that gives it, or NULL
 *	initial		its value if nobody gives one, or NULL
 *
 * "-name value", "-name=value", "--name value" and "--name=value" are the same.
 * Parsing, help, completion and the check of the manual page come from here.
 * No guard: included many times; undefines its macro at the end.
 */
CTL_OPTION(ENDPOINTS, "*", "endpoints", NULL, TEXT, "URL,...", "ETCDCTL_ENDPOINTS",
    "http://127.0.0.1:4001", "client URLs of the cluster, asked in turn")
CTL_OPTION(PEERS, "*", "peers", "C", TEXT, "URL,...", "ETCDCTL_PEERS", NULL,
    "older name of --endpoints")
CTL_OPTION(ENDPOINT, "*", "endpoint", NULL, TEXT, "URL", "ETCDCTL_ENDPOINT", NULL,
    "older name of --endpoints")
CTL_OPTION(DISCOVERY_SRV, "*", "discovery-srv", "D", TEXT, "DOMAIN", "ETCDCTL_DISCOVERY_SRV", NULL,
    "ask the client URLs that the SRV records of this domain name")
CTL_OPTION(NO_SYNC, "*", "no-sync", NULL, FLAG, NULL, "ETCDCTL_NO_SYNC", NULL,
    "ask only the endpoints given, not other members that they name")
CTL_OPTION(OUTPUT, "*", "output", "o", CHOICE, "simple|extended|json", "ETCDCTL_OUTPUT", "simple",
    "form of what is printed")
CTL_OPTION(DEBUG, "*", "debug", NULL, FLAG, NULL, "ETCDCTL_DEBUG", NULL,
    "print the curl command of each request")
CTL_OPTION(TIMEOUT, "*", "timeout", NULL, DURATION, "TIME", "ETCDCTL_TIMEOUT", "2s",
    "how long it may take to connect")
CTL_OPTION(TOTAL_TIMEOUT, "*", "total-timeout", NULL, DURATION, "TIME", "ETCDCTL_TOTAL_TIMEOUT",
    "12s", "how long a command may take, unless it is one that waits")
CTL_OPTION(CERT_FILE, "*", "cert-file", NULL, FILE, "FILE", "ETCDCTL_CERT_FILE", NULL,
    "certificate to show to an HTTPS server")
CTL_OPTION(KEY_FILE, "*", "key-file", NULL, FILE, "FILE", "ETCDCTL_KEY_FILE", NULL,
    "its key")
CTL_OPTION(CA_FILE, "*", "ca-file", NULL, FILE, "FILE", "ETCDCTL_CA_FILE", NULL,
    "certificates of the authorities to trust")
CTL_OPTION(USERNAME, "*", "username", "u", TEXT, "NAME[:PASSWORD]", "ETCDCTL_USERNAME", NULL,
    "who you are, if the cluster asks; you are asked for a missing password")
CTL_OPTION(WIDE, "*", "wide", NULL, FLAG, NULL, "ETCDCTL_WIDE", NULL,
    "tables wider than 80 columns")
CTL_OPTION(COLOR, "*", "color", NULL, CHOICE, "auto|always|never", "ETCDCTL_COLOR", "auto",
    "colours")
CTL_OPTION(YES, "*", "yes", NULL, FLAG, NULL, NULL, NULL,
    "do not ask before what cannot be undone")
CTL_OPTION(HELP, "*", "help", "h", FLAG, NULL, NULL, NULL,
    "help, for the command if there is one; --help=all shows everything")
CTL_OPTION(VERSION, "*", "version", "v", FLAG, NULL, NULL, NULL,
    "the version of this program")

CTL_OPTION(SORT, "ls,get", "sort", NULL, FLAG, NULL, NULL, NULL,
    "in the order of the names")
CTL_OPTION(RECURSIVE_LS, "ls", "recursive", "r", FLAG, NULL, NULL, NULL,
    "everything below, not only the next level")
CTL_OPTION(SLASH, "ls", "p", NULL, FLAG, NULL, NULL, NULL,
    "a slash behind the name of a directory")
CTL_OPTION(QUORUM, "ls,get", "quorum", "q", FLAG, NULL, NULL, NULL,
    "never stale: confirmed by a majority")
CTL_OPTION(TTL, "set,mk,update,mkdir,setdir,updatedir", "ttl", NULL, NUMBER, "SECONDS", NULL, "0",
    "expires after that time; 0: never")
CTL_OPTION(SWAP_VALUE, "set", "swap-with-value", NULL, TEXT, "VALUE", NULL, NULL,
    "only if that is its value")
CTL_OPTION(SWAP_INDEX, "set", "swap-with-index", NULL, NUMBER, "INDEX", NULL, "0",
    "only if that is its modified index")
CTL_OPTION(IN_ORDER, "mk", "in-order", NULL, FLAG, NULL, NULL, NULL,
    "a key below KEY whose name is the next number")
CTL_OPTION(RM_DIR, "rm", "dir", NULL, FLAG, NULL, NULL, NULL,
    "also an empty directory")
CTL_OPTION(RM_RECURSIVE, "rm", "recursive", "r", FLAG, NULL, NULL, NULL,
    "a directory with all that is in it")
CTL_OPTION(WITH_VALUE, "rm", "with-value", NULL, TEXT, "VALUE", NULL, NULL,
    "only if that is its value")
CTL_OPTION(WITH_INDEX, "rm", "with-index", NULL, NUMBER, "INDEX", NULL, "0",
    "only if that is its modified index")
CTL_OPTION(FOREVER, "watch", "forever", "f", FLAG, NULL, NULL, NULL,
    "until CTRL-C, not only one change")
CTL_OPTION(AFTER_INDEX, "watch,exec-watch", "after-index", NULL, NUMBER, "INDEX", NULL, "0",
    "also changes of the past, if they came after that index")
CTL_OPTION(RECURSIVE_WATCH, "watch,exec-watch", "recursive", "r", FLAG, NULL, NULL, NULL,
    "also changes of what is below")

CTL_OPTION(PEER_URL, "backup", "peer-url", NULL, TEXT, "URL", "ETCDCTL_PEER_URL",
    "http://127.0.0.1:7001", "peer address of the member to ask")
CTL_OPTION(CHECK, "backup", "check", NULL, FLAG, NULL, NULL, NULL,
    "only look whether FILE is whole and undamaged")
CTL_OPTION(TO, "restore,recover", "to", NULL, FILE, "DIR", NULL, NULL,
    "the new data directory; recover without it only shows what there is")
CTL_OPTION(NODE_NAME, "restore,recover", "name", NULL, TEXT, "NAME", NULL, NULL,
    "name of its node; recover: that of the directory that is taken")
CTL_OPTION(FOREVER_HEALTH, "cluster-health", "forever", "f", FLAG, NULL, NULL, NULL,
    "again every 10 seconds, until CTRL-C")
CTL_OPTION(ROLES, "user grant,user revoke", "roles", NULL, TEXT, "ROLE,...", NULL, NULL,
    "the roles")
CTL_OPTION(AUTH_PATH, "role grant,role revoke", "path", NULL, TEXT, "PATH", NULL, NULL,
    "a key, or the beginning of keys with a * behind it")
CTL_OPTION(READ, "role grant,role revoke", "read", NULL, FLAG, NULL, NULL, NULL,
    "to read it")
CTL_OPTION(WRITE, "role grant,role revoke", "write", NULL, FLAG, NULL, NULL, NULL,
    "to write it")
CTL_OPTION(READWRITE, "role grant,role revoke", "readwrite", NULL, FLAG, NULL, NULL, NULL,
    "both")
CTL_OPTION(RW, "role grant,role revoke", "rw", NULL, FLAG, NULL, NULL, NULL,
    "the same as --readwrite")

CTL_OPTION(RUN_DIR, "control", "run-dir", NULL, FILE, "DIR", "ETCD_RUN_DIR", NULL,
    "the directory of the node's control socket")
CTL_OPTION(DATA_DIR, "control", "data-dir", NULL, FILE, "DIR", "ETCD_DATA_DIR", NULL,
    "the node's data directory, which says where the socket is")
CTL_OPTION(JSON, "control status,control reload", "json", NULL, FLAG, NULL, NULL, NULL,
    "the answer as one line of JSON, as -o json")

CTL_OPTION(LOCK_TTL, "lock,elect", "ttl", NULL, NUMBER, "SECONDS", NULL, "30",
    "when others may have it after this program was killed")
CTL_OPTION(WAIT, "lock,elect", "wait", NULL, DURATION, "TIME", NULL, NULL,
    "give up after that time")
CTL_OPTION(LISTEN, "elect", "listen", "l", FLAG, NULL, NULL, NULL,
    "print who is the leader, at each change")

CTL_OPTION(FOLLOW, "import", "follow", "f", FLAG, NULL, NULL, NULL,
    "go on with every change, until CTRL-C; then a last comparison")
CTL_OPTION(HIDDEN, "import", "hidden", NULL, TEXT, "KEY,...", NULL, "/_coreos.com,/_etcd/registry",
    "hidden directories to copy as well; no listing shows them")

CTL_OPTION(BENCH_CONNECTIONS, "bench", "connections", NULL, NUMBER, "N", NULL, "16",
    "requests under way at a time")
CTL_OPTION(BENCH_TIME, "bench", "time", NULL, DURATION, "TIME", NULL, "3s",
    "how long to write, and then to read")
CTL_OPTION(BENCH_SIZE, "bench", "size", NULL, NUMBER, "BYTES", NULL, "64",
    "size of the values")
CTL_OPTION(BENCH_KEYS, "bench", "keys", NULL, NUMBER, "N", NULL, "1000",
    "number of different keys")
CTL_OPTION(BENCH_QUORUM, "bench", "quorum", "q", FLAG, NULL, NULL, NULL,
    "reads that are never stale")

CTL_OPTION(CERTS_DIR, "certs", "dir", NULL, FILE, "DIR", NULL, ".",
    "where ca.crt and ca.key are, and where the new files go")
CTL_OPTION(CERTS_DAYS, "certs", "days", NULL, NUMBER, "N", NULL, NULL,
    "how long it is good; without: 3650 for an authority, else 365")
#undef CTL_OPTION
