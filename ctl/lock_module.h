/*
 * lock_module.h - a lock asked for at a node that has the module for it (-modules=lock).
 */
#ifndef MOOTHALL_CTL_LOCK_MODULE_H
#define MOOTHALL_CTL_LOCK_MODULE_H

#include "ctl/client.h"

/* Does the first node that answers have it? */
bool lock_module_is_served(struct client *client, const char *name);

enum lock_module_result {
	LOCK_HELD,
	LOCK_BUSY,			/* its time was over, another one holds it */
	LOCK_NO_MODULE,			/* the node that was asked now has none */
	LOCK_FAILED,			/* the sentence was said */
};

struct lock_module_wish {
	const char *name;
	const char *value;		/* nobody else's: who asks again has his place */
	uint64_t ttl_s;
	uint64_t end_ms;		/* monotonic; UINT64_MAX: waits for ever */
};

/*
 * Wait for it, at one endpoint after the other. Whatever comes of it, an entry may be left.
 *
 *	index	out, LOCK_HELD: of the entry
 *	code	out, LOCK_FAILED: the exit code
 */
enum lock_module_result lock_module_acquire(const struct output *out, struct client *client,
    const struct lock_module_wish *wish, uint64_t *index, int *code);
/* Give the entry of that value back, if there is one. */
void lock_module_release(struct client *client, const char *name, const char *value);
/* Who holds it, as text; to be freed. */
char *lock_module_holder(struct client *client, const char *name);

#endif
