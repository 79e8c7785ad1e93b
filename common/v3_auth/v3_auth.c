/*
 * v3_auth.c - users and roles of the v3 API, and their records (see v3_auth.h).
 *
 * Arrays in the order of names: there are few, they are looked at often and changed rarely.
 */
#include "common/v3_auth/v3_auth.h"

#include "common/auth/auth.h"
#include "common/crc32c.h"
#include "common/ipc/message.h"
#include "common/limits.h"
#include "common/xmem.h"

#include <stdlib.h>

#define CODEC_TABLE "common/v3_auth/v3_auth_table.h"
#include "common/ipc/table_define.h"
#undef CODEC_TABLE

#define KEY_INFO 'e'
#define KEY_USER 'u'
#define KEY_ROLE 'r'
/* Of a record beside its texts: numbers, lengths, the key. */
#define RECORD_ROOM ((size_t)64)

/* ---- permissions ------------------------------------------------------------------------ */

bool
v3_auth_next(struct reader *list, struct v3_auth_permission *permission)
{
	return !reader_done(list) && v3_auth_permission_get(list, permission);
}

bool
v3_auth_is_range(struct slice key, struct slice end)
{
	return key.size > 0 && (end.size == 0 || (end.size == 1 && end.data[0] == 0) ||
	    slice_compare(key, end) < 0);
}

static int
compare_ranges(const struct v3_auth_permission *a, const struct v3_auth_permission *b)
{
	int order = slice_compare(a->key, b->key);

	return order != 0 ? order : slice_compare(a->end, b->end);
}

void
v3_auth_list_put(struct buf *list, const struct v3_auth_permission *permission)
{
	struct reader in = reader_of(buf_slice(list));
	struct v3_auth_permission other;
	struct buf changed = BUF_INIT;
	bool put = false;

	while (v3_auth_next(&in, &other)) {
		int order = compare_ranges(&other, permission);

		if (!put && order >= 0) {
			v3_auth_permission_put(&changed, permission);
			put = true;
		}
		if (order != 0)
			v3_auth_permission_put(&changed, &other);
	}
	if (!put)
		v3_auth_permission_put(&changed, permission);
	buf_free(list);
	*list = changed;
}

bool
v3_auth_list_remove(struct buf *list, struct slice key, struct slice end)
{
	struct v3_auth_permission other, removed = { .key = key, .end = end };
	struct reader in = reader_of(buf_slice(list));
	struct buf changed = BUF_INIT;
	bool found = false;

	while (v3_auth_next(&in, &other)) {
		if (compare_ranges(&other, &removed) == 0)
			found = true;
		else
			v3_auth_permission_put(&changed, &other);
	}
	buf_free(list);
	*list = changed;
	return found;
}

/* Whole ones, in order, and not too many. */
static bool
are_permissions(struct slice list)
{
	struct v3_auth_permission permission, before = { .type = 0 };
	struct reader in = reader_of(list);
	size_t count = 0;

	while (!reader_done(&in)) {
		if (!v3_auth_permission_get(&in, &permission) ||
		    permission.type > V3_AUTH_READWRITE ||
		    !v3_auth_is_range(permission.key, permission.end) ||
		    permission.key.size > V3_AUTH_KEY_BYTES_MAX ||
		    permission.end.size > V3_AUTH_KEY_BYTES_MAX ||
		    (count > 0 && compare_ranges(&before, &permission) >= 0) ||
		    ++count > V3_AUTH_PERMISSIONS_MAX)
			return false;
		before = permission;
	}
	return true;
}

/* ---- users and roles -------------------------------------------------------------------- */

static void
copy(struct buf *to, const struct buf *from)
{
	buf_clear(to);
	buf_append_slice(to, buf_slice(from));
}

static void
entry_free(struct v3_auth_entry *entry)
{
	buf_free(&entry->name);
	buf_free(&entry->hash);
	buf_free(&entry->list);
	free(entry);
}

static size_t
entry_bytes(const struct v3_auth_entry *entry)
{
	return RECORD_ROOM + entry->name.size + entry->hash.size + entry->list.size;
}

/* The place of that name, or where it would stand. */
static size_t
place_of(const struct v3_auth_entries *entries, struct slice name, bool *found)
{
	size_t low = 0, high = entries->count;

	*found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = slice_compare(buf_slice(&entries->items[middle]->name), name);

		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct v3_auth_entry *
find(const struct v3_auth_entries *entries, struct slice name)
{
	bool found;
	size_t at = place_of(entries, name, &found);

	return found ? entries->items[at] : NULL;
}

const struct v3_auth_entry *
v3_auth_user(const struct v3_auth *auth, struct slice name)
{
	return find(&auth->users, name);
}

const struct v3_auth_entry *
v3_auth_user_of(const struct v3_auth *auth, uint64_t credential)
{
	for (size_t i = 0; credential != 0 && i < auth->users.count; i++)
		if (auth->users.items[i]->credential == credential)
			return auth->users.items[i];
	return NULL;
}

const struct v3_auth_entry *
v3_auth_role(const struct v3_auth *auth, struct slice name)
{
	return find(&auth->roles, name);
}

static enum err
set(struct v3_auth *auth, struct v3_auth_entries *entries, size_t most,
    const struct v3_auth_entry *entry)
{
	bool found;
	size_t at = place_of(entries, buf_slice(&entry->name), &found);
	size_t before = found ? entry_bytes(entries->items[at]) : 0;
	struct v3_auth_entry *changed;

	if ((!found && entries->count >= most) || entry->name.size == 0 ||
	    entry->name.size > V3_AUTH_NAME_BYTES_MAX ||
	    auth->bytes - before + entry_bytes(entry) > V3_AUTH_BYTES_MAX)
		return ERR_TOO_BIG;
	if (!found) {
		entries->items = xgrow(entries->items, &entries->capacity, entries->count + 1,
		    sizeof(entries->items[0]));
		memmove(&entries->items[at + 1], &entries->items[at],
		    (entries->count - at) * sizeof(entries->items[0]));
		entries->count++;
		entries->items[at] = xzalloc(sizeof(*entries->items[at]));
	}
	auth->bytes += entry_bytes(entry) - before;
	changed = entries->items[at];
	changed->credential = entry->credential;
	changed->flags = entry->flags;
	copy(&changed->name, &entry->name);
	copy(&changed->hash, &entry->hash);
	copy(&changed->list, &entry->list);
	return ERR_NONE;
}

static bool
are_roles(struct slice list)
{
	struct reader in = reader_of(list);
	struct slice role;
	size_t count = 0;

	while (!reader_done(&in))
		if (!auth_list_next(&in, &role) || role.size == 0 ||
		    role.size > V3_AUTH_NAME_BYTES_MAX || ++count > V3_AUTH_USER_ROLES_MAX)
			return false;
	return true;
}

enum err
v3_auth_set_user(struct v3_auth *auth, const struct v3_auth_entry *user)
{
	if (user->hash.size > AUTH_HASH_BYTES_MAX || !are_roles(buf_slice(&user->list)))
		return ERR_TOO_BIG;
	return set(auth, &auth->users, V3_AUTH_USERS_MAX, user);
}

enum err
v3_auth_set_role(struct v3_auth *auth, const struct v3_auth_entry *role)
{
	if (!are_permissions(buf_slice(&role->list)))
		return ERR_TOO_BIG;
	return set(auth, &auth->roles, V3_AUTH_ROLES_MAX, role);
}

static bool
remove_entry(struct v3_auth *auth, struct v3_auth_entries *entries, struct slice name)
{
	bool found;
	size_t at = place_of(entries, name, &found);

	if (!found)
		return false;
	auth->bytes -= entry_bytes(entries->items[at]);
	entry_free(entries->items[at]);
	entries->count--;
	memmove(&entries->items[at], &entries->items[at + 1],
	    (entries->count - at) * sizeof(entries->items[0]));
	return true;
}

bool
v3_auth_remove_user(struct v3_auth *auth, struct slice name)
{
	return remove_entry(auth, &auth->users, name);
}

bool
v3_auth_remove_role(struct v3_auth *auth, struct slice name)
{
	return remove_entry(auth, &auth->roles, name);
}

static void
clear(struct v3_auth_entries *entries)
{
	for (size_t i = 0; i < entries->count; i++)
		entry_free(entries->items[i]);
	free(entries->items);
}

void
v3_auth_clear(struct v3_auth *auth)
{
	clear(&auth->users);
	clear(&auth->roles);
	*auth = (struct v3_auth){ 0 };
}

/* ---- records ---------------------------------------------------------------------------- */

/* value empty: the record is removed. */
static void
put_record(struct buf *records, uint8_t kind, struct slice name, struct slice value)
{
	const uint8_t prefix[] = { V3_AUTH_PREFIX, kind };
	struct buf key = BUF_INIT;

	buf_append(&key, prefix, sizeof(prefix));
	buf_append_slice(&key, name);
	state_record_put(records, &(struct state_record){ .key = buf_slice(&key),
	    .value = value });
	buf_free(&key);
}

void
v3_auth_put_info(const struct v3_auth *auth, struct buf *records)
{
	struct buf value = BUF_INIT;

	v3_auth_info_put(&value, &(struct v3_auth_info){ .format = V3_AUTH_FORMAT,
	    .enabled = auth->enabled, .changes = auth->changes, .version = auth->version });
	put_record(records, KEY_INFO, SLICE_EMPTY, buf_slice(&value));
	buf_free(&value);
}

void
v3_auth_put_user(const struct v3_auth *auth, struct slice name, struct buf *records)
{
	const struct v3_auth_entry *user = v3_auth_user(auth, name);
	struct buf value = BUF_INIT;

	if (user != NULL)
		v3_auth_user_state_put(&value, &(struct v3_auth_user_state){
		    .format = V3_AUTH_FORMAT, .flags = user->flags,
		    .credential = user->credential, .hash = buf_slice(&user->hash),
		    .roles = buf_slice(&user->list) });
	put_record(records, KEY_USER, name, buf_slice(&value));
	buf_free(&value);
}

void
v3_auth_put_role(const struct v3_auth *auth, struct slice name, struct buf *records)
{
	const struct v3_auth_entry *role = v3_auth_role(auth, name);
	struct buf value = BUF_INIT;

	if (role != NULL)
		v3_auth_role_state_put(&value, &(struct v3_auth_role_state){
		    .format = V3_AUTH_FORMAT, .permissions = buf_slice(&role->list) });
	put_record(records, KEY_ROLE, name, buf_slice(&value));
	buf_free(&value);
}

void
v3_auth_put(const struct v3_auth *auth, struct buf *records)
{
	v3_auth_put_info(auth, records);
	for (size_t i = 0; i < auth->roles.count; i++)
		v3_auth_put_role(auth, buf_slice(&auth->roles.items[i]->name), records);
	for (size_t i = 0; i < auth->users.count; i++)
		v3_auth_put_user(auth, buf_slice(&auth->users.items[i]->name), records);
}

static enum err
load_info(struct v3_auth *auth, struct slice value)
{
	struct reader in = reader_of(value);
	struct v3_auth_info info;

	if (!v3_auth_info_get(&in, &info) || !reader_done(&in) ||
	    info.format != V3_AUTH_FORMAT || info.enabled > 1 || info.changes > info.version)
		return ERR_CORRUPT;
	auth->enabled = info.enabled == 1;
	auth->changes = info.changes;
	auth->version = info.version;
	return ERR_NONE;
}

/* A buffer that shows bytes of somebody else's, to be copied from. */
static struct buf
shown(struct slice bytes)
{
	return (struct buf){ .data = (uint8_t *)(uintptr_t)bytes.data, .size = bytes.size,
		.capacity = bytes.size };
}

static enum err
load_user(struct v3_auth *auth, struct slice name, struct slice value)
{
	struct reader in = reader_of(value);
	struct v3_auth_user_state state;

	if (!v3_auth_user_state_get(&in, &state) || !reader_done(&in) ||
	    state.format != V3_AUTH_FORMAT || (state.flags & ~V3_AUTH_NO_PASSWORD) != 0 ||
	    state.credential == 0 || v3_auth_user_of(auth, state.credential) != NULL)
		return ERR_CORRUPT;
	return v3_auth_set_user(auth, &(struct v3_auth_entry){ .name = shown(name),
	    .hash = shown(state.hash), .list = shown(state.roles),
	    .credential = state.credential, .flags = state.flags }) == ERR_NONE ? ERR_NONE :
	    ERR_CORRUPT;
}

static enum err
load_role(struct v3_auth *auth, struct slice name, struct slice value)
{
	struct reader in = reader_of(value);
	struct v3_auth_role_state state;

	if (!v3_auth_role_state_get(&in, &state) || !reader_done(&in) ||
	    state.format != V3_AUTH_FORMAT)
		return ERR_CORRUPT;
	return v3_auth_set_role(auth, &(struct v3_auth_entry){ .name = shown(name),
	    .list = shown(state.permissions) }) == ERR_NONE ? ERR_NONE : ERR_CORRUPT;
}

enum err
v3_auth_load(struct v3_auth *auth, struct slice key, struct slice value)
{
	struct slice name;

	if (key.size < 2 || key.data[0] != V3_AUTH_PREFIX)
		return ERR_CORRUPT;
	name = slice_of(key.data + 2, key.size - 2);
	switch (key.data[1]) {
	case KEY_INFO:
		return name.size == 0 ? load_info(auth, value) : ERR_CORRUPT;
	case KEY_USER:
		return load_user(auth, name, value);
	case KEY_ROLE:
		return load_role(auth, name, value);
	default:
		return ERR_CORRUPT;
	}
}

uint32_t
v3_auth_hash(const struct v3_auth *auth)
{
	struct buf records = BUF_INIT;
	uint32_t hash;

	v3_auth_put(auth, &records);
	hash = crc32c(0, buf_slice(&records));
	buf_free(&records);
	return hash;
}
