/*
 * dispatch_table.h - messages of workers -> handlers of session.c. Who may send
 * which is in the message table. No guard: included many times; undefines its
 * macro at the end.
 */
DISPATCH(write)
DISPATCH(read)
DISPATCH(read_more)
DISPATCH(read_stop)
DISPATCH(watch)
DISPATCH(unwatch)
DISPATCH(watch_more)
DISPATCH(watch_taken)
DISPATCH(stats_ask)
DISPATCH(member_change)
DISPATCH(config_change)
DISPATCH(joined)
DISPATCH(create_cluster)
DISPATCH(standby)
DISPATCH(join_removed)
DISPATCH(foreign_call)
DISPATCH(other_cluster)
DISPATCH(peer_unreachable)
DISPATCH(peer_connected)
DISPATCH(backup_ask)
DISPATCH(backup_stop)
#undef DISPATCH
