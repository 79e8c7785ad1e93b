/*
 * diag_part_table.h - the parts that lines come from: DIAG_PART(name). Their
 * levels can be set apart, "-log-level info,raft=debug".
 *
 * No guard: included more than once; undefines its macro at the end.
 */
DIAG_PART("backend")
DIAG_PART("control")
DIAG_PART("directory")
DIAG_PART("discovery")
DIAG_PART("disk")
DIAG_PART("handover")
DIAG_PART("http")
DIAG_PART("log")
DIAG_PART("metrics")
DIAG_PART("options")
DIAG_PART("peer")
DIAG_PART("raft")
DIAG_PART("sandbox")
DIAG_PART("session")
DIAG_PART("supervisor")
DIAG_PART("tls")
DIAG_PART("upgrade")
#undef DIAG_PART
