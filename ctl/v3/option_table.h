/*
 * option_table.h - the options of the v3 commands of etcdctl; rows as those of
 * ctl/option_table.h.
 *
 * Names, variables and initial values are those of etcdctl 3.4, but for the endpoints, which
 * are those of a node of ours. No guard: included many times; undefines its macro at the end.
 */
CTL_OPTION(V3_ENDPOINTS, "*", "endpoints", NULL, TEXT, "URL,...", "ETCDCTL_ENDPOINTS",
    "127.0.0.1:4001", "client URLs of the cluster, asked in turn")
CTL_OPTION(V3_WRITE_OUT, "*", "write-out", "w", TEXT, "simple|json|fields|table",
    "ETCDCTL_WRITE_OUT", "simple", "form of what is printed")
CTL_OPTION(V3_HEX, "*", "hex", NULL, FLAG, NULL, "ETCDCTL_HEX", NULL,
    "keys and values as \\x and two hexadecimal digits for each byte")
CTL_OPTION(V3_USER, "*", "user", NULL, TEXT, "NAME[:PASSWORD]", "ETCDCTL_USER", NULL,
    "who you are, if the cluster asks; you are asked for a missing password")
CTL_OPTION(V3_PASSWORD, "*", "password", NULL, TEXT, "PASSWORD", "ETCDCTL_PASSWORD", NULL,
    "that of --user, if it does not stand there")
CTL_OPTION(V3_CACERT, "*", "cacert", NULL, FILE, "FILE", "ETCDCTL_CACERT", NULL,
    "certificates of the authorities to trust")
CTL_OPTION(V3_CERT, "*", "cert", NULL, FILE, "FILE", "ETCDCTL_CERT", NULL,
    "certificate to show to an HTTPS server")
CTL_OPTION(V3_KEY, "*", "key", NULL, FILE, "FILE", "ETCDCTL_KEY", NULL, "its key")
CTL_OPTION(V3_DIAL_TIMEOUT, "*", "dial-timeout", NULL, DURATION, "TIME", "ETCDCTL_DIAL_TIMEOUT",
    "2s", "how long it may take to connect")
CTL_OPTION(V3_COMMAND_TIMEOUT, "*", "command-timeout", NULL, DURATION, "TIME",
    "ETCDCTL_COMMAND_TIMEOUT", "5s", "how long a command may take, unless it is one that waits")
CTL_OPTION(V3_KEEPALIVE_TIME, "*", "keepalive-time", NULL, DURATION, "TIME",
    "ETCDCTL_KEEPALIVE_TIME", "2s", "how long a stream may be idle before TCP asks for the server")
CTL_OPTION(V3_KEEPALIVE_TIMEOUT, "*", "keepalive-timeout", NULL, DURATION, "TIME",
    "ETCDCTL_KEEPALIVE_TIMEOUT", "6s", "how long TCP waits for the answer to that")
CTL_OPTION(V3_INSECURE_TRANSPORT, "*", "insecure-transport", NULL, FLAG, NULL,
    "ETCDCTL_INSECURE_TRANSPORT", "true", "=false: HTTPS to endpoints without a scheme")
CTL_OPTION(V3_INSECURE_SKIP_TLS_VERIFY, "*", "insecure-skip-tls-verify", NULL, FLAG, NULL,
    "ETCDCTL_INSECURE_SKIP_TLS_VERIFY", NULL, "take any certificate of a server: for tests only")
CTL_OPTION(V3_DISCOVERY_SRV, "*", "discovery-srv", "d", TEXT, "DOMAIN", "ETCDCTL_DISCOVERY_SRV",
    NULL, "ask the client URLs that the SRV records of this domain name")
CTL_OPTION(V3_INSECURE_DISCOVERY, "*", "insecure-discovery", NULL, FLAG, NULL,
    "ETCDCTL_INSECURE_DISCOVERY", "true", "taken and without effect: plain HTTP is asked last")
CTL_OPTION(V3_DEBUG, "*", "debug", NULL, FLAG, NULL, "ETCDCTL_DEBUG", NULL,
    "print the curl command of each request")
CTL_OPTION(V3_HELP, "*", "help", "h", FLAG, NULL, NULL, NULL,
    "help, for the command if there is one; --help=all shows everything")

CTL_OPTION(V3_PREFIX, "get,del,watch,role grant-permission,role revoke-permission", "prefix", NULL,
    FLAG, NULL, NULL, NULL, "all keys that begin with KEY")
CTL_OPTION(V3_FROM_KEY, "get,del,role grant-permission,role revoke-permission", "from-key", NULL,
    FLAG, NULL, NULL, NULL, "KEY and all keys behind it")
CTL_OPTION(V3_PREV_KV, "put,del,watch", "prev-kv", NULL, FLAG, NULL, NULL, NULL,
    "also what was there before")
CTL_OPTION(V3_REV, "get,watch,endpoint hashkv", "rev", NULL, NUMBER, "REVISION", NULL, "0",
    "as it was then; watch: from there on; 0: now")
CTL_OPTION(V3_CONSISTENCY, "get", "consistency", NULL, TEXT, "l|s", NULL, "l",
    "l: never stale, confirmed by a majority; s: what this member has")
CTL_OPTION(V3_LIMIT, "get", "limit", NULL, NUMBER, "N", NULL, "0", "so many keys at most; 0: all")
CTL_OPTION(V3_ORDER, "get", "order", NULL, TEXT, "ASCEND|DESCEND", NULL, "",
    "of what is printed")
CTL_OPTION(V3_SORT_BY, "get", "sort-by", NULL, TEXT, "KEY|VERSION|CREATE|MODIFY|VALUE", NULL, "",
    "what makes the order")
CTL_OPTION(V3_KEYS_ONLY, "get", "keys-only", NULL, FLAG, NULL, NULL, NULL, "no values")
CTL_OPTION(V3_COUNT_ONLY, "get", "count-only", NULL, FLAG, NULL, NULL, NULL,
    "only how many; with -w fields or json")
CTL_OPTION(V3_PRINT_VALUE_ONLY, "get", "print-value-only", NULL, FLAG, NULL, NULL, NULL,
    "only the values, with -w simple")
CTL_OPTION(V3_LEASE, "put", "lease", NULL, TEXT, "ID", NULL, "0",
    "in hexadecimal: the key goes when that lease ends; 0: none")
CTL_OPTION(V3_IGNORE_VALUE, "put", "ignore-value", NULL, FLAG, NULL, NULL, NULL,
    "leave the value as it is; there is none to give")
CTL_OPTION(V3_IGNORE_LEASE, "put", "ignore-lease", NULL, FLAG, NULL, NULL, NULL,
    "leave the lease as it is")
CTL_OPTION(V3_INTERACTIVE, "txn,watch", "interactive", "i", FLAG, NULL, NULL, NULL,
    "txn: ask for each part; watch: read commands from standard input")
CTL_OPTION(V3_PHYSICAL, "compaction", "physical", NULL, FLAG, NULL, NULL, NULL,
    "wait until the old revisions are gone")

CTL_OPTION(V3_KEYS, "lease timetolive", "keys", NULL, FLAG, NULL, NULL, NULL,
    "also the keys of the lease")
CTL_OPTION(V3_ONCE, "lease keep-alive", "once", NULL, FLAG, NULL, NULL, NULL,
    "once, not until CTRL-C")
CTL_OPTION(V3_TTL, "lock", "ttl", NULL, NUMBER, "SECONDS", NULL, "10",
    "when others may have it after this program was killed")
CTL_OPTION(V3_LISTEN, "elect", "listen", "l", FLAG, NULL, NULL, NULL,
    "print who is the leader, at each change")

CTL_OPTION(V3_CLUSTER, "endpoint health,endpoint status,endpoint hashkv,defrag", "cluster", NULL,
    FLAG, NULL, NULL, NULL, "all members, as the endpoints name them")
CTL_OPTION(V3_PEER_URLS, "member add,member update", "peer-urls", NULL, TEXT, "URL,...", NULL, NULL,
    "the addresses of the member for other members")
CTL_OPTION(V3_LEARNER, "member add", "learner", NULL, FLAG, NULL, NULL, NULL,
    "it has no vote, until it is promoted")

CTL_OPTION(V3_DETAIL, "user get", "detail", NULL, FLAG, NULL, NULL, NULL,
    "what its roles may read and write")
CTL_OPTION(V3_READ_PASSWORD, "user add,user passwd", "interactive", NULL, FLAG, NULL, NULL, "true",
    "=false: the password from standard input, once")
CTL_OPTION(V3_NO_PASSWORD, "user add", "no-password", NULL, FLAG, NULL, NULL, NULL,
    "for a user who shows a certificate")
CTL_OPTION(V3_NEW_USER_PASSWORD, "user add", "new-user-password", NULL, TEXT, "PASSWORD", NULL,
    NULL, "you are not asked for it")

CTL_OPTION(V3_FOLLOW, "import,export", "follow", "f", FLAG, NULL, NULL, NULL,
    "go on with what changes, until CTRL-C")
CTL_OPTION(V3_VERIFY, "import,export", "verify", NULL, FLAG, NULL, NULL, NULL,
    "only compare, and say what differs")
CTL_OPTION(V3_OVERWRITE, "import,export", "overwrite", NULL, FLAG, NULL, NULL, NULL,
    "also if the target has keys: what the source has not is deleted there")
CTL_OPTION(V3_SNAPSHOT, "import", "snapshot", NULL, FLAG, NULL, NULL, NULL,
    "the source is a file of \"etcdctl snapshot save\" of etcd 3, or its member/snap/db")

CTL_OPTION(V3_LOAD, "check perf", "load", NULL, TEXT, "s|m|l|xl", NULL, "s",
    "small, medium, large, extra large")
CTL_OPTION(V3_PERF_PREFIX, "check perf", "prefix", NULL, TEXT, "PREFIX", NULL,
    "/etcdctl-check-perf/", "where the keys go; they are deleted in the end")
CTL_OPTION(V3_AUTO_COMPACT, "check perf", "auto-compact", NULL, FLAG, NULL, NULL, NULL,
    "compact in the end")
CTL_OPTION(V3_AUTO_DEFRAG, "check perf", "auto-defrag", NULL, FLAG, NULL, NULL, NULL,
    "and defragment")
#undef CTL_OPTION
