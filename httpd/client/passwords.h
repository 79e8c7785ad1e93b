/*
 * passwords.h - hashes of passwords, made and compared off the loop.
 *
 * A hash is made to take long, so it never runs where others are served: threads of their own
 * do it, at the lowest priority, in the order of asking. Who asks bounds how many there are.
 * Hashes are bcrypt's, which 2.x has too. A password is wiped when its job is over.
 *
 *	asked --> queued --> worked on --> done	[done is called, from the loop]
 */
#ifndef MOOTHALL_HTTPD_CLIENT_PASSWORDS_H
#define MOOTHALL_HTTPD_CLIENT_PASSWORDS_H

#include "common/limits.h"
#include "common/loop.h"
#include "common/slice.h"

/* How many are worked on at a time. */
#define PASSWORDS_AT_ONCE 2

struct passwords;

typedef void (*password_done)(void *argument, bool right, const char *hash);

/* Without threads: whatever they need of the system is made. */
struct passwords *passwords_new(struct loop *loop);
/* The threads; once, before the process gives up to make any, and after it has given up
 * files. */
void passwords_start(struct passwords *passwords);
/* Ends the threads. Accepts NULL in *passwords. */
void passwords_free(struct passwords **passwords);

/*
 * Is that the password of hash? hash empty, or none that is made here (of more work, of another
 * kind): of nobody, it takes as long and is wrong.
 *
 *	password	at most AUTH_PASSWORD_BYTES_MAX, without a zero byte; copied
 *	done		called once, with right
 */
void passwords_check(struct passwords *passwords, struct slice password,
    struct slice hash, password_done done, void *argument);
/* Make a hash of it: done is called with it, or with NULL if it cannot be made. */
void passwords_hash(struct passwords *passwords, struct slice password,
    password_done done, void *argument);

#endif
