/*
 * harden.h - what every process of a node takes from itself at once, before it
 * knows a configuration; Linux only. Cheap, and never refused by a kernel.
 * What a process may still do after it is set up is sandbox.h.
 */
#ifndef MOOTHALL_COMMON_HARDEN_H
#define MOOTHALL_COMMON_HARDEN_H

#include "common/base.h"

/*
 * First thing in main: files are made for our user only; every descriptor
 * from first_foreign on is closed, whatever a careless parent left open (-1:
 * none is); no core file, and nobody of our own user may look into our memory
 * or at our descriptors.
 */
void harden_start(int first_foreign);
/* -allow-core: core files and debuggers after all. The hard limit is the
 * parent's, so it must not have been lowered (harden_core_off). */
void harden_core_allow(void);
/* Not even a child may have core files again. */
void harden_core_off(void);
/* No set-user-id program will ever give us, or a child, more rights. */
void harden_no_new_privileges(void);
/* Neither fork nor file that grows; for a process that does neither. A process
 * whose standard error is a file may still write to that. */
void harden_limits(void);

#endif
