/*
 * precedence.h - who serves goes before who computes; Linux only.
 */
#ifndef MOOTHALL_COMMON_PRECEDENCE_H
#define MOOTHALL_COMMON_PRECEDENCE_H

/*
 * Ask the kernel that the calling thread, which works in short turns, is let in as soon as it
 * has something to do, also where others have the processors busy: those of lower priority in
 * this process, and neighbours. Its share of the processors stays what it was; threads that it
 * makes do not have it. No effect on kernels before 6.12, where who was idle is let in anyway,
 * and for a thread whose policy somebody has chosen.
 */
void precedence_take(void);

#endif
