/*
 * write.c - puts, deletes and txns; what becomes of leases and their keys.
 *
 * Two passes. The first takes the way of a txn by its compares, all on the state before it, and
 * looks at everything that may fail on that way: nothing is changed until nothing can fail.
 * The second does it.
 *
 * Whoever asked has seen to it that no key is put twice in one txn, nor put and deleted. Here it
 * is not relied on: a key may have several changes of one revision.
 */
#include "raftd/replica/mvcc/mvcc_priv.h"

#include "common/clock.h"
#include "common/ipc/wire.h"

#include <stdlib.h>

/* ---- outcomes ------------------------------ */

void
mvcc_outcome_free(struct mvcc_outcome *outcome)
{
	buf_free(&outcome->path);
	buf_free(&outcome->counts);
}

struct blob *
mvcc_outcome_blob(const struct mvcc_outcome *outcome)
{
	struct buf bytes = BUF_INIT;
	struct blob *blob;

	v3_outcome_put(&bytes, &(struct v3_outcome){
	    .error = (uint16_t)outcome->error,
	    .revision = outcome->revision,
	    .changes = outcome->changes,
	    .ttl_s = outcome->ttl_s,
	    .path = buf_slice(&outcome->path),
	    .counts = buf_slice(&outcome->counts),
	});
	blob = blob_new(buf_slice(&bytes));
	buf_free(&bytes);
	return blob;
}

bool
mvcc_outcome_parse(struct slice bytes, struct mvcc_outcome *outcome)
{
	struct reader in = reader_of(bytes);
	struct v3_outcome record;

	*outcome = (struct mvcc_outcome){ .error = V3_NONE };
	if (!v3_outcome_get(&in, &record) || !reader_done(&in))
		return false;
	outcome->error = v3_error_from_number(record.error);
	outcome->revision = record.revision;
	outcome->changes = record.changes;
	outcome->ttl_s = record.ttl_s;
	buf_append_slice(&outcome->path, record.path);
	buf_append_slice(&outcome->counts, record.counts);
	return true;
}

static void
note_branch(struct mvcc_outcome *outcome, size_t *txns, bool success)
{
	if (*txns % 8 == 0)
		buf_append_byte(&outcome->path, 0);
	outcome->path.data[*txns / 8] |= (uint8_t)(success << (*txns % 8));
	++*txns;
}

static void
note_count(struct mvcc_outcome *outcome, size_t count)
{
	uint8_t bytes[MVCC_VARINT_BYTES_MAX];

	buf_append(&outcome->counts, bytes, (size_t)(mvcc_varint_put(bytes, count) - bytes));
}

/* ---- compares ------------------------------ */

static bool
order_fits(int order, uint8_t result)
{
	switch ((enum v3_compare_result)result) {
	case V3_EQUAL:
		return order == 0;
	case V3_GREATER:
		return order > 0;
	case V3_LESS:
		return order < 0;
	case V3_NOT_EQUAL:
		return order != 0;
	}
	return false;
}

/* fields: of the key; all zero if it is absent. */
static bool
compare_fields(const struct v3_compare *compare, const struct mvcc_fields *fields)
{
	uint64_t number = 0;
	int64_t state, given;

	switch ((enum v3_compare_target)compare->target) {
	case V3_COMPARE_VERSION:
		number = fields->version;
		break;
	case V3_COMPARE_CREATE:
		number = fields->create_revision;
		break;
	case V3_COMPARE_MOD:
		number = fields->mod_revision;
		break;
	case V3_COMPARE_LEASE:
		number = fields->lease;
		break;
	case V3_COMPARE_VALUE:
		/* An absent key has none that could be compared. */
		return fields->version > 0 &&
		    order_fits(slice_compare(fields->value, compare->value), compare->result);
	}
	state = mvcc_int64(number);
	given = mvcc_int64(compare->number);
	return order_fits((state > given) - (state < given), compare->result);
}

/* Looks: keys that may be looked at; out: what is left. With none left it says anything. */
static bool
compare(const struct mvcc *mvcc, const struct v3_compare *wanted, size_t *looks)
{
	struct mvcc_span span = mvcc_span_of(wanted->key, wanted->end);
	struct mvcc_fields fields = { 0 };
	struct mvcc_walk walk;
	struct mvcc_key *key = span.point ? mvcc_keys_find(&mvcc->keys, span.from) :
	    mvcc_walk_from(&walk, &mvcc->keys, true, span.from, false);
	bool any = false;

	if (span.point && key != NULL && mvcc_key_living(key) == NULL)
		key = NULL;
	for (; key != NULL && *looks > 0 && mvcc_span_is_before_end(&span, mvcc_key_name(key));
	    key = span.point ? NULL : mvcc_walk_next(&walk)) {
		--*looks;
		any = true;
		mvcc_change_fields(mvcc_key_living(key), &fields);
		if (!compare_fields(wanted, &fields))
			return false;
	}
	return any || compare_fields(wanted, &fields);
}

static bool
all_hold(const struct mvcc *mvcc, const struct mvcc_request *request, const struct mvcc_op *op,
    size_t *looks)
{
	for (size_t i = 0; i < op->compare_count; i++)
		if (!compare(mvcc, &request->compares[op->first_compare + i], looks))
			return false;
	return true;
}

/* ---- the first pass ------------------------------ */

static enum v3_error
check_revision(const struct mvcc *mvcc, uint64_t number)
{
	int64_t revision = mvcc_int64(number);

	if (revision <= 0)
		return V3_NONE;
	if ((uint64_t)revision > mvcc->revision)
		return V3_FUTURE_REVISION;
	return revision < mvcc->compacted ? V3_COMPACTED : V3_NONE;
}

static enum v3_error
check_lease(const struct mvcc *mvcc, const struct v3_put *put)
{
	return put->lease == 0 || lease_find(&mvcc->leases, put->lease) != NULL ? V3_NONE :
	    V3_LEASE_NOT_FOUND;
}

static enum v3_error
check_kept(const struct mvcc *mvcc, const struct v3_put *put, size_t *kept_bytes)
{
	const struct mvcc_key *key;

	if ((put->flags & (V3_PUT_IGNORE_VALUE | V3_PUT_IGNORE_LEASE)) == 0)
		return V3_NONE;
	key = mvcc_keys_find(&mvcc->keys, put->key);
	if (key == NULL || mvcc_key_living(key) == NULL)
		return V3_KEY_NOT_FOUND;
	if ((put->flags & V3_PUT_IGNORE_VALUE) != 0)
		*kept_bytes += mvcc_change_wire_size(mvcc_key_living(key), false);
	return *kept_bytes > V3_KEPT_BYTES_MAX ? V3_REQUEST_TOO_LARGE : V3_NONE;
}

/* Which is found first differs between a put alone and one in a txn. */
static enum v3_error
check_put(const struct mvcc *mvcc, const struct mvcc_op *op, bool alone, size_t *kept_bytes)
{
	struct v3_put put = mvcc_op_put(op);
	enum v3_error error = alone ? check_lease(mvcc, &put) : check_kept(mvcc, &put, kept_bytes);

	if (error != V3_NONE)
		return error;
	return alone ? check_kept(mvcc, &put, kept_bytes) : check_lease(mvcc, &put);
}

static bool
bit_of(const struct mvcc_outcome *outcome, size_t txn)
{
	return (outcome->path.data[txn / 8] >> txn % 8 & 1) != 0;
}

/* All puts of the way, then all ranges. */
static enum v3_error
check_kind(const struct mvcc *mvcc, const struct mvcc_request *request,
    const struct mvcc_outcome *outcome, enum v3_op_kind kind)
{
	struct mvcc_path path;
	const struct mvcc_op *op;
	enum v3_error error = V3_NONE;
	size_t txns = 0, kept_bytes = 0;

	mvcc_path_begin(&path, request);
	while (error == V3_NONE && (op = mvcc_path_next(&path)) != NULL) {
		if (op->kind == V3_OP_TXN)
			mvcc_path_take(&path, bit_of(outcome, txns++));
		else if (op->kind == kind && kind == V3_OP_PUT)
			error = check_put(mvcc, op, request->op_count == 1, &kept_bytes);
		else if (op->kind == kind)
			error = check_revision(mvcc, mvcc_op_range(op).revision);
	}
	return error;
}

enum v3_error
mvcc_check_ranges(const struct mvcc *mvcc, const struct mvcc_request *request,
    const struct mvcc_outcome *outcome)
{
	return check_kind(mvcc, request, outcome, V3_OP_RANGE);
}

enum v3_error
mvcc_choose_path(const struct mvcc *mvcc, const struct mvcc_request *request,
    struct mvcc_outcome *outcome)
{
	struct mvcc_path path;
	const struct mvcc_op *op;
	size_t txns = 0, looks = V3_COMPARED_KEYS_MAX + 1;

	mvcc_path_begin(&path, request);
	while ((op = mvcc_path_next(&path)) != NULL)
		if (op->kind == V3_OP_TXN) {
			bool success = all_hold(mvcc, request, op, &looks);

			note_branch(outcome, &txns, success);
			mvcc_path_take(&path, success);
		}
	return looks == 0 ? V3_TOO_MANY_OPERATIONS : V3_NONE;
}

/* ---- the second ------------------------------ */

/* A change was made: the disk and those who watch are to know. */
static void
publish(struct mvcc *mvcc, struct mvcc_change *change, const struct mvcc_change *previous,
    struct mvcc_lease *lease, struct buf *effects)
{
	mvcc_add_change(mvcc, change);
	lease_hang(&mvcc->leases, lease, change->key);
	mvcc->writing++;
	mvcc_record_change(effects, change);
	watch_set_note(&mvcc->watches, change, previous);
}

static void
do_put(struct mvcc *mvcc, const struct v3_put *put, struct buf *effects)
{
	struct mvcc_key *key = mvcc_keys_find(&mvcc->keys, put->key);
	struct mvcc_change *old = key == NULL ? NULL : mvcc_key_living(key);
	struct mvcc_lease *lease = put->lease == 0 ? NULL :
	    lease_find(&mvcc->leases, put->lease);
	struct mvcc_fields fields = { 0 };

	if (key == NULL)
		key = mvcc_key_new(mvcc->pool, put->key);
	if (old != NULL)
		mvcc_change_fields(old, &fields);
	else
		fields.create_revision = mvcc->revision + 1;
	fields.mod_revision = mvcc->revision + 1;
	fields.version++;
	if ((put->flags & V3_PUT_IGNORE_VALUE) == 0)
		fields.value = put->value;
	if ((put->flags & V3_PUT_IGNORE_LEASE) != 0)
		lease = lease_of_key(key);
	fields.lease = lease == NULL ? 0 : lease->id;
	publish(mvcc, mvcc_change_new_put(mvcc->pool, key, mvcc->writing, &fields), old, lease,
	    effects);
}

static void
delete_key(struct mvcc *mvcc, struct mvcc_key *key, struct buf *effects)
{
	struct mvcc_change *old = mvcc_key_living(key);

	ASSERT(old != NULL);
	publish(mvcc, mvcc_change_new_gone(mvcc->pool, key, mvcc->revision + 1, mvcc->writing), old,
	    NULL, effects);
}

/* Go on with a delete from where it stands; *left: changes that may be made. True: it is done. */
static bool
go_on_delete(struct mvcc *mvcc, struct mvcc_under_way *w, size_t *left, struct buf *effects)
{
	struct v3_delete delete = mvcc_op_delete(w->delete);
	struct mvcc_span span = mvcc_span_of(delete.key, delete.end);
	struct mvcc_walk walk;
	struct mvcc_key *key, *last = NULL;

	if (span.point) {
		key = mvcc_keys_find(&mvcc->keys, span.from);
		if (key != NULL && mvcc_key_living(key) != NULL)
			delete_key(mvcc, key, effects);
		return true;
	}
	/* A delete moves no key in the tree: the walk goes on from where it stands. */
	for (key = mvcc_walk_from(&walk, &mvcc->keys, true,
	    w->begun ? buf_slice(&w->last) : span.from, w->begun);
	    key != NULL && mvcc_span_is_before_end(&span, mvcc_key_name(key));
	    key = mvcc_walk_next(&walk)) {
		if (*left == 0)
			break;
		delete_key(mvcc, key, effects);
		last = key;
		--*left;
	}
	if (key == NULL || !mvcc_span_is_before_end(&span, mvcc_key_name(key)))
		return true;
	if (last != NULL) {
		buf_clear(&w->last);
		buf_append_slice(&w->last, mvcc_key_name(last));
		w->begun = true;
	}
	return false;
}

/* The changes since are a revision, if there are any. */
static void
end_write(struct mvcc *mvcc)
{
	if (mvcc->writing == 0)
		return;
	mvcc->revision++;
	mvcc->changes = mvcc->writing;
	mvcc->writing = 0;
	mvcc->changed = true;
}

static void
do_op(struct mvcc *mvcc, struct mvcc_under_way *w, const struct mvcc_op *op, size_t *left,
    struct buf *effects)
{
	struct v3_put put;

	switch ((enum v3_op_kind)op->kind) {
	case V3_OP_RANGE:
		break;
	case V3_OP_PUT:
		put = mvcc_op_put(op);
		do_put(mvcc, &put, effects);
		*left -= *left > 0;
		break;
	case V3_OP_DELETE:
		w->delete = op;
		w->begun = false;
		w->before = mvcc->writing;
		break;
	case V3_OP_TXN:
		mvcc_path_take(&w->path, bit_of(&w->outcome, w->txns++));
		break;
	}
}

bool
mvcc_is_under_way(const struct mvcc *mvcc)
{
	return mvcc->under_way.request != NULL || mvcc->under_way.lease != NULL;
}

void
mvcc_write_begin(struct mvcc *mvcc, struct mvcc_request *request)
{
	struct mvcc_under_way *w = &mvcc->under_way;

	ASSERT(mvcc->writing == 0 && !mvcc_is_under_way(mvcc));
	w->request = request;
	w->txns = 0;
	w->outcome = (struct mvcc_outcome){ .error = V3_NONE };
	mvcc_path_begin(&w->path, request);
	w->outcome.error = mvcc_choose_path(mvcc, request, &w->outcome);
	if (w->outcome.error == V3_NONE)
		w->outcome.error = check_kind(mvcc, request, &w->outcome, V3_OP_PUT);
	if (w->outcome.error == V3_NONE)
		w->outcome.error = mvcc_check_ranges(mvcc, request, &w->outcome);
	if (w->outcome.error != V3_NONE)
		buf_clear(&w->outcome.path);
}

bool
mvcc_write_on(struct mvcc *mvcc, size_t changes_max, struct buf *effects)
{
	struct mvcc_under_way *w = &mvcc->under_way;
	const struct mvcc_op *op;

	if (w->outcome.error != V3_NONE)
		return true;
	for (;;) {
		if (w->delete != NULL) {
			if (!go_on_delete(mvcc, w, &changes_max, effects))
				return false;
			note_count(&w->outcome, mvcc->writing - w->before);
			w->delete = NULL;
		}
		op = mvcc_path_next(&w->path);
		if (op == NULL)
			return true;
		do_op(mvcc, w, op, &changes_max, effects);
	}
}

void
mvcc_write_end(struct mvcc *mvcc, struct mvcc_outcome *outcome)
{
	struct mvcc_under_way *w = &mvcc->under_way;

	*outcome = w->outcome;
	outcome->changes = mvcc->writing;
	end_write(mvcc);
	outcome->revision = mvcc->revision;
	w->outcome = (struct mvcc_outcome){ .error = V3_NONE };
	mvcc_request_free(&w->request);
	buf_recycle(&w->last, 4 * KIB);
}

void
mvcc_under_way_free(struct mvcc *mvcc)
{
	struct mvcc_under_way *w = &mvcc->under_way;

	mvcc_request_free(&w->request);
	mvcc_outcome_free(&w->outcome);
	buf_free(&w->last);
	free(w->keys);
}

/* ---- leases ------------------------------ */

enum v3_error
mvcc_lease_grant(struct mvcc *mvcc, uint64_t id, int64_t ttl_s, uint64_t now_ns,
    struct buf *effects, uint64_t *granted_s)
{
	uint64_t granted = ttl_s < V3_LEASE_TTL_S_MIN ? V3_LEASE_TTL_S_MIN : (uint64_t)ttl_s;

	if (id == 0)
		return V3_LEASE_NOT_FOUND;
	if (granted > V3_LEASE_TTL_S_MAX)
		return V3_LEASE_TTL_TOO_LARGE;
	if (lease_find(&mvcc->leases, id) != NULL)
		return V3_LEASE_EXISTS;
	mvcc_record_lease(effects, lease_new(&mvcc->leases, id, granted,
	    now_ns + granted * NS_PER_SECOND, false));
	*granted_s = granted;
	return V3_NONE;
}

static void
begin_end(struct mvcc *mvcc, struct mvcc_lease *lease)
{
	struct mvcc_under_way *w = &mvcc->under_way;

	ASSERT(mvcc->writing == 0 && !mvcc_is_under_way(mvcc));
	w->lease = lease;
	w->keys = lease_keys(lease);
	w->key_count = lease->key_count;
	w->unsorted = w->key_count / 2;
}

enum v3_error
mvcc_lease_revoke_begin(struct mvcc *mvcc, uint64_t id)
{
	struct mvcc_lease *lease = lease_find(&mvcc->leases, id);

	if (lease == NULL)
		return V3_LEASE_NOT_FOUND;
	begin_end(mvcc, lease);
	return V3_NONE;
}

bool
mvcc_lease_expire_begin(struct mvcc *mvcc, uint64_t id, uint64_t now_ns)
{
	struct mvcc_lease *lease = lease_find(&mvcc->leases, id);

	if (lease == NULL || lease->expiry_ns > now_ns)
		return false;
	begin_end(mvcc, lease);
	return true;
}

bool
mvcc_lease_is_ending(const struct mvcc *mvcc, uint64_t id)
{
	return mvcc->under_way.lease != NULL && mvcc->under_way.lease->id == id;
}

bool
mvcc_lease_end_on(struct mvcc *mvcc, size_t *changes_max, struct buf *effects)
{
	struct mvcc_under_way *w = &mvcc->under_way;

	/* First they become a heap, then its first one goes until there is none. */
	for (; w->unsorted > 0 && *changes_max > 0; --*changes_max)
		lease_keys_sift(w->keys, w->key_count, --w->unsorted);
	for (; w->key_count > 0 && *changes_max > 0; --*changes_max) {
		delete_key(mvcc, w->keys[0], effects);
		w->keys[0] = w->keys[--w->key_count];
		lease_keys_sift(w->keys, w->key_count, 0);
	}
	return w->key_count == 0;
}

void
mvcc_lease_end_end(struct mvcc *mvcc, struct buf *effects)
{
	struct mvcc_under_way *w = &mvcc->under_way;

	free(w->keys);
	w->keys = NULL;
	end_write(mvcc);
	mvcc_record_lease_gone(effects, w->lease->id);
	lease_free(&mvcc->leases, w->lease);
	w->lease = NULL;
}

void
mvcc_lease_checkpoint(struct mvcc *mvcc, uint64_t id, uint64_t expiry_ns, struct buf *effects)
{
	struct mvcc_lease *lease = lease_find(&mvcc->leases, id);

	if (lease == NULL)
		return;
	lease_settle(&mvcc->leases, lease, expiry_ns);
	mvcc_record_lease(effects, lease);
}
