/*
 * write_priv.h - a write on its way, for write.c and lock.c only.
 */
#ifndef MOOTHALL_RAFTD_REPLICA_STORE_WRITE_PRIV_H
#define MOOTHALL_RAFTD_REPLICA_STORE_WRITE_PRIV_H

#include "raftd/replica/store/store_priv.h"

/* A write on its way. */
struct write_job {
	struct store *store;
	const struct command_write *write;
	struct slice key;		/* what is written: for in-order the new name */
	uint64_t time_ns;
	uint64_t next;			/* the store index it will take */
	bool keeps_value;		/* of a file that is there, whatever the write's is */
	bool expires;
	uint64_t expire_at_ns;
	struct tree_search search;	/* of key */
	struct blob *cause;		/* of an error, owned */
	struct blob *event;		/* of a success, owned */
};

static inline bool
job_flag(const struct write_job *job, unsigned flag)
{
	return (job->write->flags & flag) != 0;
}

/* The job's outcome is that error, which is returned. */
enum err job_fail(struct write_job *job, enum err error, struct slice cause);
/* The same: what its search found in the way, or not at all. */
enum err job_fail_search(struct write_job *job);
/* A new name below key, for the next store index; in store->path. */
struct slice job_in_order_key(struct store *store, struct slice key, uint64_t store_index);
/* Make the node at the job's key; change, or remove, the one that its search found. */
enum err job_create(struct write_job *job);
enum err job_put_over(struct write_job *job, enum event_action action);
enum err job_remove(struct write_job *job);

/* lock.c: key is the lock's directory, and the job's search is for it. */
enum err lock_acquire(struct write_job *job);
enum err lock_renew(struct write_job *job);
enum err lock_release(struct write_job *job);

#endif
