/*
 * diag_part_table.h - the parts that lines come from: DIAG_PART(name, most). Their
 * levels can be set apart, "-log-level info,raft=debug". A level without a part gives a
 * part as much as most of it: frames hold what clients store, so who wants to read
 * them has to say so, and "-vv" is not enough.
 *
 * No guard: included more than once; undefines its macro at the end.
 */
DIAG_PART("backend", DIAG_TRACE)
DIAG_PART("control", DIAG_TRACE)
DIAG_PART("directory", DIAG_TRACE)
DIAG_PART("discovery", DIAG_TRACE)
DIAG_PART("disk", DIAG_TRACE)
DIAG_PART("handover", DIAG_TRACE)
DIAG_PART("http", DIAG_TRACE)
DIAG_PART("ipc", DIAG_DEBUG)
DIAG_PART("log", DIAG_TRACE)
DIAG_PART("metrics", DIAG_TRACE)
DIAG_PART("options", DIAG_TRACE)
DIAG_PART("peer", DIAG_TRACE)
DIAG_PART("raft", DIAG_TRACE)
DIAG_PART("sandbox", DIAG_TRACE)
DIAG_PART("session", DIAG_TRACE)
DIAG_PART("supervisor", DIAG_TRACE)
DIAG_PART("tls", DIAG_TRACE)
DIAG_PART("upgrade", DIAG_TRACE)
#undef DIAG_PART
