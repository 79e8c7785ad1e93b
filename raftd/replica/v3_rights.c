/*
 * v3_rights.c - see v3_rights.h.
 *
 * Of a txn all is asked for, on whatever branch it stands: what it would have shown, or done, is
 * else told by which branch is taken.
 */
#include "raftd/replica/v3_rights.h"

#include "common/limits.h"
#include "common/xmem.h"
#include "raftd/replica/replica.h"

#include <stdlib.h>

/* WRITE on all keys that hang on it. *left: so many more may be looked at. */
static enum v3_error
check_lease(const struct replica *replica, const struct v3_auth_entry *user, uint64_t id,
    uint64_t *left)
{
	enum v3_error error = V3_NONE;
	struct mvcc_lease_view view;
	struct buf keys = BUF_INIT;
	struct reader in;
	struct slice key;

	if (!mvcc_lease_look(replica->mvcc, id, 0, &view, NULL) || view.key_count == 0)
		return V3_NONE;
	if (view.key_count > *left)
		return V3_AUTH_LEASE_KEYS;
	*left -= view.key_count;
	(void)mvcc_lease_look(replica->mvcc, id, 0, &view, &keys);
	in = reader_of(buf_slice(&keys));
	while (error == V3_NONE && !reader_done(&in)) {
		MUST(codec_get_bytes(&in, &key));
		if (!v3_auth_may(&replica->v3_auth, user, V3_AUTH_WRITE, key, SLICE_EMPTY))
			error = V3_PERMISSION;
	}
	buf_free(&keys);
	return error;
}

static int
compare_ids(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/* The leases of all puts, sorted; freed by the caller. */
static uint64_t *
leases_of(const struct mvcc_request *request, size_t *count)
{
	uint64_t *ids = xmalloc((request->op_count + 1) * sizeof(*ids));

	*count = 0;
	for (size_t i = 0; i < request->op_count; i++)
		if (request->ops[i].kind == V3_OP_PUT)
			ids[(*count)++] = mvcc_op_put(&request->ops[i]).lease;
	qsort(ids, *count, sizeof(*ids), compare_ids);
	return ids;
}

/* Each is looked at once, and all of them together have so many keys: it is one step for every
 * node. */
static enum v3_error
check_leases(const struct replica *replica, const struct v3_auth_entry *user,
    const struct mvcc_request *request)
{
	uint64_t left = V3_RIGHTS_KEYS_MAX;
	enum v3_error error = V3_NONE;
	size_t count;
	uint64_t *ids = leases_of(request, &count);

	for (size_t i = 0; error == V3_NONE && i < count; i++)
		if (ids[i] != 0 && (i == 0 || ids[i] != ids[i - 1]))
			error = check_lease(replica, user, ids[i], &left);
	free(ids);
	return error;
}

static enum v3_error
check_write(const struct replica *replica, const struct v3_auth_entry *user, struct slice body)
{
	struct reader in = reader_of(body);
	struct command_v3_write write;
	struct mvcc_request *request;
	enum v3_error error;

	if (!command_v3_write_get(&in, &write) || !reader_done(&in) ||
	    mvcc_request_new(write.compares, write.ops, NULL, &request) != V3_NONE)
		return V3_NONE;
	error = v3_auth_may_ask(&replica->v3_auth, user, write.compares, write.ops) ?
	    check_leases(replica, user, request) : V3_PERMISSION;
	mvcc_request_free(&request);
	return error;
}

static enum v3_error
check_revoke(const struct replica *replica, const struct v3_auth_entry *user, struct slice body)
{
	struct reader in = reader_of(body);
	struct command_v3_revoke revoke;
	uint64_t left = V3_RIGHTS_KEYS_MAX;

	return !command_v3_revoke_get(&in, &revoke) || !reader_done(&in) ? V3_NONE :
	    check_lease(replica, user, revoke.id, &left);
}

enum v3_error
v3_rights_check(const struct replica *replica, const struct command_v3_as *as)
{
	const struct v3_auth *auth = &replica->v3_auth;
	const struct v3_auth_entry *user = v3_auth_user_of(auth, as->credential);

	if (!auth->enabled)
		return V3_NONE;
	if (as->auth_revision != v3_auth_revision(auth))
		return V3_AUTH_OLD_REVISION;
	if (user == NULL)
		return V3_PERMISSION;
	if (v3_auth_is_root(user))
		return V3_NONE;
	if (as->kind == COMMAND_V3_WRITE)
		return check_write(replica, user, as->body);
	/* It is of the whole cluster. */
	if (as->kind == COMMAND_V3_ALARM)
		return V3_PERMISSION;
	return as->kind == COMMAND_V3_REVOKE ? check_revoke(replica, user, as->body) : V3_NONE;
}
