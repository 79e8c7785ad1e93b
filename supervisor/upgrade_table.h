/*
 * upgrade_table.h - what a supervisor hands on to the program that takes its
 * place: records as in common/ipc/message_table.h.
 *
 * Descriptors are numbers that stay the same over exec; UPGRADE_NO_FD: none. A
 * reader of another format refuses, so fields may be added with a new number. Format 2 is
 * format 1 with a list of upgrade_port behind it, and is written only if there are any: so
 * a node with one address for each port can still be taken over by a program of before.
 * No guard: included many times; undefines its macros at the end.
 */

RECORD(upgrade_state,
    FIELD(u32, magic)		/* UPGRADE_MAGIC */
    FIELD(u16, format)		/* UPGRADE_FORMAT */
    FIELD(u16, protocol)	/* WIRE_PROTOCOL, which the children speak */
    FIELD(bytes, version)	/* of the program before */
    FIELD(u64, started_ns)	/* monotonic, of the node */
    FIELD(u8, flags)		/* UPGRADE_* of upgrade.h */
    FIELD(u32, client_fd) FIELD(u32, peer_fd) /* the first of each port */
    FIELD(u32, lock_fd)
    FIELD(u32, control_fd) FIELD(u32, run_dir_fd)
    FIELD(u32, waiter_fd)	/* the operator who waits for the upgrade */
    FIELD(u32, metrics_fd)
    FIELD(bytes, shown)		/* the data directory as it was written */
    FIELD(bytes, given)		/* list of setting_record: options as they were read */
    FIELD(bytes, config)	/* list of setting_record: what was worked out of them */
    FIELD(bytes, node)		/* msg_node_state, the last one */
    FIELD(bytes, slots)		/* list of upgrade_slot, from 0 on */
    FIELD(bytes, processes))	/* list of upgrade_process: those that live */

/* A further listening socket, in the order of the addresses. */
RECORD(upgrade_port,
    FIELD(u8, role)		/* ROLE_CLIENT, ROLE_PEER */
    FIELD(u32, fd))

RECORD(upgrade_slot,
    FIELD(u32, role) FIELD(u32, number) FIELD(u8, alive))

RECORD(upgrade_process,
    FIELD(u8, role) FIELD(u32, number)
    FIELD(u32, pid)
    FIELD(u8, state)		/* enum process_state */
    FIELD(u8, flags)		/* UPGRADE_PROCESS_* of upgrade.h */
    FIELD(u32, channel_fd)
    FIELD(bytes, unread)	/* read from the channel, and no whole frame yet */
    FIELD(u32, lines_fd)	/* the pipe that its lines come by */
    FIELD(bytes, unread_lines)
    FIELD(u64, started_ms)	/* monotonic */
    FIELD(u64, started_wall_ns)
    FIELD(u32, restarts) FIELD(u32, deaths_in_row)
    FIELD(u32, connections)
    FIELD(u64, store_index)
    FIELD(u32, metric_slot))

#undef RECORD
#undef FIELD
