/*
 * node_disk_table.h - what the conductor asks of its disk; wal.h says what each does.
 *
 * A row is a function of struct node_io, which is given the world's argument, and the
 * arguments for the function of that name of a disk, the wal's or the simulator's.
 * DISK_ASKS(name, parameters, arguments) returns a number, DISK_TELLS(...) nothing.
 *
 * No guard: included more than once; undefines its macros at the end.
 */
DISK_ASKS(submit, (void *argument, const struct wal_turn *turn), (disk, turn))
DISK_TELLS(fetch, (void *argument, uint64_t fetch, raft_index from, size_t bytes_max),
    (disk, fetch, from, bytes_max))
DISK_ASKS(snapshot_begin, (void *argument), (disk))
DISK_TELLS(snapshot_read, (void *argument, uint64_t snapshot, size_t bytes_max),
    (disk, snapshot, bytes_max))
DISK_TELLS(snapshot_end, (void *argument, uint64_t snapshot), (disk, snapshot))
DISK_ASKS(install_begin, (void *argument), (disk))
DISK_ASKS(install_records, (void *argument, struct slice records), (disk, records))
DISK_ASKS(install_commit,
    (void *argument, struct raft_position position, bool keep_log_after),
    (disk, position, keep_log_after))
#undef DISK_ASKS
#undef DISK_TELLS
