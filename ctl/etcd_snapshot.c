/*
 * etcd_snapshot.c - see etcd_snapshot.h.
 *
 * Buckets: "key" has a KeyValue for each change, by revision, '_', number in it, all with the
 * highest byte first, and a 't' behind it if it is a deletion, "lease" a lease by its id,
 * "authUsers" and "authRoles" one of these each.
 */
#include "ctl/etcd_snapshot.h"

#include "common/xmem.h"
#include "ctl/bolt.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#define CHECKED_UNIT 512		/* a file of pages is a multiple of it */
#define REVISION_BYTES 17
#define DELETION_BYTES 18

struct etcd_reading {
	struct etcd_snapshot *snapshot;
	const char *why;		/* static: what is wrong */
};

/* ---- protobuf ------------------------------ */

struct proto_field {
	unsigned number;
	uint64_t value;			/* of a varint, or the size of bytes */
	struct slice bytes;
};

static bool
get_varint(struct slice *rest, uint64_t *value)
{
	*value = 0;
	for (unsigned shift = 0; rest->size > 0 && shift < 64; shift += 7) {
		uint8_t byte = rest->data[0];

		*rest = slice_of(rest->data + 1, rest->size - 1);
		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

/* Numbers and bytes: other kinds are in none of what is read here. */
static bool
get_field(struct slice *rest, struct proto_field *field)
{
	uint64_t tag;

	*field = (struct proto_field){ .number = 0 };
	if (!get_varint(rest, &tag) || !get_varint(rest, &field->value) || tag >> 3 > 100)
		return false;
	field->number = (unsigned)(tag >> 3);
	if ((tag & 7) == 0)
		return true;
	if ((tag & 7) != 2 || field->value > rest->size)
		return false;
	field->bytes = slice_of(rest->data, (size_t)field->value);
	*rest = slice_of(rest->data + field->value, rest->size - (size_t)field->value);
	return true;
}

/* ---- buckets ------------------------------ */

static bool
fail(struct etcd_reading *reading, const char *why)
{
	reading->why = why;
	return false;
}

static uint64_t
big_endian(const uint8_t *at)
{
	uint64_t value = 0;

	for (size_t i = 0; i < sizeof(value); i++)
		value = value << 8 | at[i];
	return value;
}

/* A deletion: without a value, and left out in the end. */
static bool
take_change(void *argument, struct slice key, struct slice value)
{
	struct etcd_reading *reading = argument;
	struct etcd_snapshot *snapshot = reading->snapshot;
	struct etcd_snapshot_key change = { .lease = 0 };
	struct proto_field field;

	if (key.size != REVISION_BYTES &&
	    (key.size != DELETION_BYTES || key.data[REVISION_BYTES] != 't'))
		return fail(reading, "a change has no revision");
	change.revision = big_endian(key.data);
	change.sub = big_endian(key.data + 9);
	while (value.size > 0) {
		if (!get_field(&value, &field))
			return fail(reading, "a change is none");
		if (field.number == 1)
			change.name = field.bytes;
		else if (field.number == 5)
			change.value = field.bytes;
		else if (field.number == 6)
			change.lease = field.value;
	}
	if (change.name.size == 0)
		return fail(reading, "a change has no key");
	if (change.value.data == NULL)
		change.value = SLICE_LITERAL("");
	if (key.size == DELETION_BYTES)
		change.value = SLICE_EMPTY;
	snapshot->revision = MAX_OF(snapshot->revision, change.revision);
	snapshot->keys = xgrow(snapshot->keys, &snapshot->key_capacity, snapshot->key_count + 1,
	    sizeof(change));
	snapshot->keys[snapshot->key_count++] = change;
	return true;
}

static bool
take_lease(void *argument, struct slice key, struct slice value)
{
	struct etcd_reading *reading = argument;
	struct etcd_snapshot *snapshot = reading->snapshot;
	struct etcd_snapshot_lease lease = { .id = 0 };
	struct proto_field field;

	if (key.size != sizeof(lease.id))
		return fail(reading, "a lease has no id");
	while (value.size > 0) {
		if (!get_field(&value, &field))
			return fail(reading, "a lease is none");
		if (field.number == 1)
			lease.id = field.value;
		else if (field.number == 2)
			lease.ttl_s = field.value;
	}
	if (lease.id != big_endian(key.data) || lease.id == 0)
		return fail(reading, "a lease is another one");
	snapshot->leases = xgrow(snapshot->leases, &snapshot->lease_capacity,
	    snapshot->lease_count + 1, sizeof(lease));
	snapshot->leases[snapshot->lease_count++] = lease;
	return true;
}

static bool
count(void *argument, struct slice key UNUSED, struct slice value UNUSED)
{
	++*(size_t *)argument;
	return true;
}

/* ---- the whole ------------------------------ */

/* By name; of one name the last change first. */
static int
compare(const void *left, const void *right)
{
	const struct etcd_snapshot_key *a = left, *b = right;
	int names = slice_compare(a->name, b->name);

	if (names != 0)
		return names;
	if (a->revision != b->revision)
		return a->revision < b->revision ? 1 : -1;
	return (a->sub < b->sub) - (a->sub > b->sub);
}

static void
keep_newest(struct etcd_snapshot *snapshot)
{
	struct slice last = SLICE_EMPTY;
	size_t kept = 0;

	if (snapshot->key_count > 0)
		qsort(snapshot->keys, snapshot->key_count, sizeof(snapshot->keys[0]), compare);
	for (size_t i = 0; i < snapshot->key_count; i++) {
		bool is_newest = !slice_equal(snapshot->keys[i].name, last);

		last = snapshot->keys[i].name;
		if (is_newest && snapshot->keys[i].value.data != NULL)
			snapshot->keys[kept++] = snapshot->keys[i];
	}
	snapshot->key_count = kept;
}

static enum err
read_buckets(struct slice file, struct etcd_snapshot *snapshot, const char **why)
{
	struct etcd_reading reading = { .snapshot = snapshot };
	struct bolt bolt;
	const struct {
		const char *name;
		bool (*take)(void *argument, struct slice key, struct slice value);
		void *argument;
		bool needed;
	} buckets[] = {
		{ "key", take_change, &reading, true },
		{ "lease", take_lease, &reading, false },
		{ "authUsers", count, &snapshot->users, false },
		{ "authRoles", count, &snapshot->roles, false },
	};
	enum err err = bolt_open(file, &bolt);

	for (size_t i = 0; err == ERR_NONE && i < ARRAY_COUNT(buckets); i++) {
		err = bolt_walk(&bolt, buckets[i].name, buckets[i].take, buckets[i].argument);
		if (err == ERR_NOT_FOUND && !buckets[i].needed)
			err = ERR_NONE;
		if (err == ERR_NOT_FOUND)
			bolt.why = "it is a file of bbolt, but has no keys of etcd 3";
		if (err == ERR_NONE && reading.why != NULL) {
			bolt.why = reading.why;
			err = ERR_MALFORMED;
		}
	}
	*why = bolt.why;
	return err == ERR_NONE ? ERR_NONE : ERR_MALFORMED;
}

enum err
etcd_snapshot_read(struct slice file, struct etcd_snapshot *snapshot, char **sentence)
{
	uint8_t sum[SHA256_DIGEST_LENGTH];
	const char *why = "its checksum is not that of what is in it";
	enum err err = ERR_NONE;

	*snapshot = (struct etcd_snapshot){ .unchecked = true };
	if (file.size % CHECKED_UNIT == sizeof(sum)) {
		snapshot->unchecked = false;
		file.size -= sizeof(sum);
		(void)SHA256(file.data, file.size, sum);
		if (memcmp(sum, file.data + file.size, sizeof(sum)) != 0)
			err = ERR_MALFORMED;
	}
	if (err == ERR_NONE)
		err = read_buckets(file, snapshot, &why);
	if (err != ERR_NONE) {
		*sentence = xasprintf("this is no snapshot of etcd 3, or a damaged one: %s; use a "
		    "file of \"etcdctl snapshot save\", or the file member/snap/db of a member "
		    "that was stopped", why);
		etcd_snapshot_free(snapshot);
		return err;
	}
	keep_newest(snapshot);
	return ERR_NONE;
}

void
etcd_snapshot_free(struct etcd_snapshot *snapshot)
{
	free(snapshot->keys);
	free(snapshot->leases);
	*snapshot = (struct etcd_snapshot){ .key_count = 0 };
}
