/*
 * disk_fault.h - a disk that fails on purpose, for tests of storage.
 *
 * Link disk_fault.c into the test: it defines write, pwrite, read, fsync, fdatasync
 * and fstatvfs, and so takes them over for the program and every library in it.
 * Only files below the armed directory are touched.
 *
 * It also remembers how much of each file was synced, so that a copy can be
 * what a power cut would have left.
 */
#ifndef MOOTHALL_TESTS_LIB_DISK_FAULT_H
#define MOOTHALL_TESTS_LIB_DISK_FAULT_H

#include "common/base.h"

/* DISK_AHEAD: a pwrite to a log, which is given room. DISK_LOOK: how much is free? It is
 * counted only. */
enum disk_call {
	DISK_WRITE, DISK_PWRITE, DISK_AHEAD, DISK_READ, DISK_SYNC, DISK_SYNC_DIRECTORY, DISK_LOOK,
	DISK_CALLS
};

/* Touch files below directory from now on; forget everything before. NULL: none. */
void disk_fault_arm(const char *directory);

/* The nth such call from now on (from 1) fails with errno_value, and so do
 * `more` calls after it. errno_value 0, for a read: it returns half. */
void disk_fault_fail(enum disk_call call, unsigned nth, unsigned more, int errno_value);
/* A failing write first writes half of its bytes, as a full disk does. */
void disk_fault_short_writes(bool on);
/* So much is free, of 1 GiB; UINT64_MAX: as it is. */
void disk_fault_space(uint64_t free_bytes);
/* How many such calls there were since it was armed, failed ones too. */
unsigned disk_fault_count(enum disk_call call);

/* From now on a sync of a file whose name ends in suffix waits in the call. */
void disk_fault_close_gate(const char *suffix);
/* Wait until a sync waits at the gate. False: none did for 20 s. */
bool disk_fault_wait_at_gate(void) MUST_CHECK;
void disk_fault_open_gate(void);

/*
 * Copy the armed directory, as another process would find it now.
 *
 *	keep_per_mille	of what was not synced; 1000: all, as after a kill; less:
 *			cut there, or zeros if the file was that long when it was
 *			synced, as after a power cut
 */
void disk_fault_copy(const char *to, unsigned keep_per_mille);

/* Copy a directory tree. */
void disk_copy_tree(const char *from, const char *to);
/* A new directory under $TMPDIR or /tmp, removed when the program ends however
 * it ends, but by a crash. Static until then. */
const char *disk_temporary(void);

#endif
