/*
 * auth.c - users and roles, and their records (see auth.h).
 *
 * Both are arrays in the order of names: there are few, they are looked at often and changed
 * rarely.
 */
#include "common/auth/auth.h"

#include "common/crc32c.h"
#include "common/ipc/message.h"
#include "common/limits.h"
#include "common/xmem.h"

#include <stdlib.h>

#define CODEC_TABLE "common/auth/auth_table.h"
#include "common/ipc/table_define.h"
#undef CODEC_TABLE

#define KEY_INFO 'e'
#define KEY_USER 'u'
#define KEY_ROLE 'r'
/* Of a record beside its texts: numbers, lengths, the key. */
#define RECORD_ROOM ((size_t)64)

/* ---- lists --------------------------------------------------------------------------- */

void
auth_list_add(struct buf *list, struct slice text)
{
	auth_text_put(list, &(struct auth_text){ .text = text });
}

bool
auth_list_next(struct reader *list, struct slice *text)
{
	return !reader_done(list) && codec_get_bytes(list, text);
}

bool
auth_list_has(struct slice list, struct slice text)
{
	struct reader in = reader_of(list);
	struct slice other;

	while (auth_list_next(&in, &other))
		if (slice_equal(other, text))
			return true;
	return false;
}

size_t
auth_list_count(struct slice list)
{
	struct reader in = reader_of(list);
	struct slice text;
	size_t count = 0;

	while (auth_list_next(&in, &text))
		count++;
	return count;
}

static int
compare_texts(const void *a, const void *b)
{
	return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

void
auth_list_sort(struct buf *list)
{
	size_t count = auth_list_count(buf_slice(list));
	struct reader in = reader_of(buf_slice(list));
	struct buf sorted = BUF_INIT;
	struct slice *texts;

	if (count == 0)
		return;
	texts = xmalloc(count * sizeof(texts[0]));
	for (size_t i = 0; i < count; i++)
		MUST(auth_list_next(&in, &texts[i]));
	qsort(texts, count, sizeof(texts[0]), compare_texts);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || !slice_equal(texts[i - 1], texts[i]))
			auth_list_add(&sorted, texts[i]);
	free(texts);
	buf_free(list);
	*list = sorted;
}

/* Whole texts, each between those sizes, and not too many. */
static bool
list_is_good(struct slice list, size_t texts_max, size_t least, size_t most)
{
	struct reader in = reader_of(list);
	struct slice text;
	size_t count = 0;

	while (!reader_done(&in)) {
		if (!codec_get_bytes(&in, &text) || text.size < least || text.size > most ||
		    ++count > texts_max)
			return false;
	}
	return true;
}

bool
auth_roles_are_good(struct slice list)
{
	return list_is_good(list, AUTH_USER_ROLES_MAX, 1, AUTH_NAME_BYTES_MAX);
}

bool
auth_patterns_are_good(struct slice list)
{
	return list_is_good(list, AUTH_PATTERNS_MAX, 1, AUTH_PATTERN_BYTES_MAX);
}

bool
auth_name_is_good(struct slice name)
{
	for (size_t i = 0; i < name.size; i++)
		if (name.data[i] < ' ' || name.data[i] == '/' || name.data[i] == 0x7f)
			return false;
	return name.size > 0 && name.size <= AUTH_NAME_BYTES_MAX &&
	    !slice_equal(name, SLICE_LITERAL(".")) && !slice_equal(name, SLICE_LITERAL(".."));
}

/* ---- users and roles -------------------------------------------------------------------- */

static void
copy(struct buf *to, const struct buf *from)
{
	buf_clear(to);
	buf_append_slice(to, buf_slice(from));
}

static void
user_free(struct auth_user *user)
{
	buf_free(&user->name);
	buf_free(&user->hash);
	buf_free(&user->roles);
	free(user);
}

static void
role_free(struct auth_role *role)
{
	buf_free(&role->name);
	buf_free(&role->read);
	buf_free(&role->write);
	free(role);
}

static size_t
user_bytes(const struct auth_user *user)
{
	return RECORD_ROOM + user->name.size + user->hash.size + user->roles.size;
}

static size_t
role_bytes(const struct auth_role *role)
{
	return RECORD_ROOM + role->name.size + role->read.size + role->write.size;
}

static struct slice
user_name(const struct auth *auth, size_t at)
{
	return buf_slice(&auth->users[at]->name);
}

static struct slice
role_name(const struct auth *auth, size_t at)
{
	return buf_slice(&auth->roles[at]->name);
}

/* The place of that name among so many in order, or where it would stand. */
static size_t
place_of(const struct auth *auth, size_t count,
    struct slice (*name_at)(const struct auth *auth, size_t at), struct slice name, bool *found)
{
	size_t low = 0, high = count;

	*found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = slice_compare(name_at(auth, middle), name);

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

static size_t
user_place(const struct auth *auth, struct slice name, bool *found)
{
	return place_of(auth, auth->user_count, user_name, name, found);
}

static size_t
role_place(const struct auth *auth, struct slice name, bool *found)
{
	return place_of(auth, auth->role_count, role_name, name, found);
}

const struct auth_user *
auth_user(const struct auth *auth, struct slice name)
{
	bool found;
	size_t at = user_place(auth, name, &found);

	return found ? auth->users[at] : NULL;
}

const struct auth_role *
auth_role(const struct auth *auth, struct slice name)
{
	bool found;
	size_t at = role_place(auth, name, &found);

	return found ? auth->roles[at] : NULL;
}

/* Is there room for a record of so many bytes instead of one of before bytes, 0: of none? */
static bool
has_room(const struct auth *auth, size_t bytes, size_t before)
{
	return auth->bytes - before + bytes <= AUTH_BYTES_MAX;
}

enum err
auth_set_user(struct auth *auth, const struct auth_user *user)
{
	bool found;
	size_t at = user_place(auth, buf_slice(&user->name), &found);
	size_t before = found ? user_bytes(auth->users[at]) : 0;
	struct auth_user *changed;

	if ((!found && auth->user_count >= AUTH_USERS_MAX) ||
	    !has_room(auth, user_bytes(user), before) ||
	    !auth_name_is_good(buf_slice(&user->name)) ||
	    user->hash.size > AUTH_HASH_BYTES_MAX || !auth_roles_are_good(buf_slice(&user->roles)))
		return ERR_TOO_BIG;
	if (!found) {
		auth->users = xgrow(auth->users, &auth->user_capacity, auth->user_count + 1,
		    sizeof(auth->users[0]));
		memmove(&auth->users[at + 1], &auth->users[at],
		    (auth->user_count - at) * sizeof(auth->users[0]));
		auth->user_count++;
		auth->users[at] = xzalloc(sizeof(*auth->users[at]));
	}
	auth->bytes += user_bytes(user) - before;
	changed = auth->users[at];
	changed->credential = user->credential;
	changed->flags = user->flags;
	copy(&changed->name, &user->name);
	copy(&changed->hash, &user->hash);
	copy(&changed->roles, &user->roles);
	return ERR_NONE;
}

enum err
auth_set_role(struct auth *auth, const struct auth_role *role)
{
	bool found;
	size_t at = role_place(auth, buf_slice(&role->name), &found);
	size_t before = found ? role_bytes(auth->roles[at]) : 0;
	struct auth_role *changed;

	if ((!found && auth->role_count >= AUTH_ROLES_MAX) ||
	    !has_room(auth, role_bytes(role), before) ||
	    !auth_name_is_good(buf_slice(&role->name)) ||
	    !auth_patterns_are_good(buf_slice(&role->read)) ||
	    !auth_patterns_are_good(buf_slice(&role->write)))
		return ERR_TOO_BIG;
	if (!found) {
		auth->roles = xgrow(auth->roles, &auth->role_capacity, auth->role_count + 1,
		    sizeof(auth->roles[0]));
		memmove(&auth->roles[at + 1], &auth->roles[at],
		    (auth->role_count - at) * sizeof(auth->roles[0]));
		auth->role_count++;
		auth->roles[at] = xzalloc(sizeof(*auth->roles[at]));
	}
	auth->bytes += role_bytes(role) - before;
	changed = auth->roles[at];
	changed->flags = role->flags;
	copy(&changed->name, &role->name);
	copy(&changed->read, &role->read);
	copy(&changed->write, &role->write);
	return ERR_NONE;
}

bool
auth_remove_user(struct auth *auth, struct slice name)
{
	bool found;
	size_t at = user_place(auth, name, &found);

	if (!found)
		return false;
	auth->bytes -= user_bytes(auth->users[at]);
	user_free(auth->users[at]);
	auth->user_count--;
	memmove(&auth->users[at], &auth->users[at + 1],
	    (auth->user_count - at) * sizeof(auth->users[0]));
	return true;
}

bool
auth_remove_role(struct auth *auth, struct slice name)
{
	bool found;
	size_t at = role_place(auth, name, &found);

	if (!found)
		return false;
	auth->bytes -= role_bytes(auth->roles[at]);
	role_free(auth->roles[at]);
	auth->role_count--;
	memmove(&auth->roles[at], &auth->roles[at + 1],
	    (auth->role_count - at) * sizeof(auth->roles[0]));
	return true;
}

void
auth_clear(struct auth *auth)
{
	for (size_t i = 0; i < auth->user_count; i++)
		user_free(auth->users[i]);
	for (size_t i = 0; i < auth->role_count; i++)
		role_free(auth->roles[i]);
	free(auth->users);
	free(auth->roles);
	*auth = (struct auth){ 0 };
}

/* ---- records ---------------------------------------------------------------------------- */

/* value empty: the record is removed. */
static void
put_record(struct buf *records, uint8_t kind, struct slice name, struct slice value)
{
	const uint8_t prefix[] = { AUTH_PREFIX, kind };
	struct buf key = BUF_INIT;

	buf_append(&key, prefix, sizeof(prefix));
	buf_append_slice(&key, name);
	state_record_put(records, &(struct state_record){ .key = buf_slice(&key),
	    .value = value });
	buf_free(&key);
}

void
auth_put_info(const struct auth *auth, struct buf *records)
{
	struct buf value = BUF_INIT;

	auth_info_put(&value, &(struct auth_info){ .format = AUTH_FORMAT,
	    .enabled = auth->enabled, .revision = auth->revision });
	put_record(records, KEY_INFO, SLICE_EMPTY, buf_slice(&value));
	buf_free(&value);
}

void
auth_put_user(const struct auth *auth, struct slice name, struct buf *records)
{
	const struct auth_user *user = auth_user(auth, name);
	struct buf value = BUF_INIT;

	if (user != NULL)
		auth_user_state_put(&value, &(struct auth_user_state){ .format = AUTH_FORMAT,
		    .flags = user->flags, .credential = user->credential,
		    .hash = buf_slice(&user->hash), .roles = buf_slice(&user->roles) });
	put_record(records, KEY_USER, name, buf_slice(&value));
	buf_free(&value);
}

void
auth_put_role(const struct auth *auth, struct slice name, struct buf *records)
{
	const struct auth_role *role = auth_role(auth, name);
	struct buf value = BUF_INIT;

	if (role != NULL)
		auth_role_state_put(&value, &(struct auth_role_state){ .format = AUTH_FORMAT,
		    .flags = role->flags, .read = buf_slice(&role->read),
		    .write = buf_slice(&role->write) });
	put_record(records, KEY_ROLE, name, buf_slice(&value));
	buf_free(&value);
}

void
auth_put(const struct auth *auth, struct buf *records)
{
	auth_put_info(auth, records);
	for (size_t i = 0; i < auth->role_count; i++)
		auth_put_role(auth, buf_slice(&auth->roles[i]->name), records);
	for (size_t i = 0; i < auth->user_count; i++)
		auth_put_user(auth, buf_slice(&auth->users[i]->name), records);
}

static enum err
load_info(struct auth *auth, struct slice value)
{
	struct reader in = reader_of(value);
	struct auth_info info;

	if (!auth_info_get(&in, &info) || !reader_done(&in) || info.format != AUTH_FORMAT ||
	    info.enabled > 1)
		return ERR_CORRUPT;
	auth->enabled = info.enabled == 1;
	auth->revision = info.revision;
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
load_user(struct auth *auth, struct slice name, struct slice value)
{
	struct reader in = reader_of(value);
	struct auth_user_state state;

	if (!auth_user_state_get(&in, &state) || !reader_done(&in) ||
	    state.format != AUTH_FORMAT || (state.flags & ~AUTH_NO_ROLES) != 0)
		return ERR_CORRUPT;
	return auth_set_user(auth, &(struct auth_user){ .name = shown(name),
	    .hash = shown(state.hash), .roles = shown(state.roles),
	    .credential = state.credential, .flags = state.flags }) == ERR_NONE ? ERR_NONE :
	    ERR_CORRUPT;
}

static enum err
load_role(struct auth *auth, struct slice name, struct slice value)
{
	struct reader in = reader_of(value);
	struct auth_role_state state;

	if (!auth_role_state_get(&in, &state) || !reader_done(&in) ||
	    state.format != AUTH_FORMAT || (state.flags & ~(AUTH_NO_READ | AUTH_NO_WRITE)) != 0)
		return ERR_CORRUPT;
	return auth_set_role(auth, &(struct auth_role){ .name = shown(name),
	    .read = shown(state.read), .write = shown(state.write), .flags = state.flags }) ==
	    ERR_NONE ? ERR_NONE : ERR_CORRUPT;
}

enum err
auth_load(struct auth *auth, struct slice key, struct slice value)
{
	struct slice name;

	if (key.size < 2 || key.data[0] != AUTH_PREFIX)
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
auth_hash(const struct auth *auth)
{
	struct buf records = BUF_INIT;
	uint32_t hash;

	auth_put(auth, &records);
	hash = crc32c(0, buf_slice(&records));
	buf_free(&records);
	return hash;
}
