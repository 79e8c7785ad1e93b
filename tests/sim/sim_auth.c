/*
 * sim_auth.c - users and roles, as the model has them: what a change makes of them, and who
 * may write what.
 *
 * Said a second time, without common/auth: texts in plain arrays, and a right by what it means
 * for every key there could be.
 */
#include "common/auth/auth.h"
#include "common/ipc/wire.h"
#include "tests/sim/sim_model_priv.h"

#include <string.h>

/* ---- texts ------------------------------------------------------------------------------ */

static void
text_copy(struct sim_model *model, char text[MODEL_TEXT_BYTES], struct slice from)
{
	if (from.size >= MODEL_TEXT_BYTES)
		sim_fail(model->world, NULL, "a text of %zu bytes in users and roles", from.size);
	memset(text, 0, MODEL_TEXT_BYTES);
	if (from.size > 0)
		memcpy(text, from.data, from.size);
}

static bool
has(const struct model_texts *texts, const char *text)
{
	for (size_t i = 0; i < texts->count; i++)
		if (strcmp(texts->list[i], text) == 0)
			return true;
	return false;
}

static void
add(struct sim_model *model, struct model_texts *texts, const char *text)
{
	if (texts->count == MODEL_TEXTS)
		sim_fail(model->world, NULL, "more than %d texts in a list", MODEL_TEXTS);
	strcpy(texts->list[texts->count++], text);
}

static void
drop(struct model_texts *texts, const char *text)
{
	for (size_t i = 0; i < texts->count; i++)
		if (strcmp(texts->list[i], text) == 0) {
			if (i != --texts->count)
				strcpy(texts->list[i], texts->list[texts->count]);
			i--;
		}
}

static struct model_texts
texts_of(struct sim_model *model, struct slice list)
{
	struct reader in = reader_of(list);
	struct model_texts texts = { .count = 0 };
	struct auth_text text;

	while (!reader_done(&in) && auth_text_get(&in, &text)) {
		char copy[MODEL_TEXT_BYTES];

		text_copy(model, copy, text.text);
		add(model, &texts, copy);
	}
	return texts;
}

static bool
same(const struct model_texts *one, const struct model_texts *other)
{
	for (size_t i = 0; i < one->count; i++)
		if (!has(other, one->list[i]))
			return false;
	return one->count == other->count;
}

/* ---- who and what ------------------------------------------------------------------------- */

/* A user or a role by name; NULL: none. */
static struct model_named *
named(struct model_named list[MODEL_TEXTS], const char *name)
{
	for (size_t i = 0; i < MODEL_TEXTS; i++)
		if (list[i].there && strcmp(list[i].name, name) == 0)
			return &list[i];
	return NULL;
}

static struct model_named *
make_named(struct sim_model *model, struct model_named list[MODEL_TEXTS], const char *name)
{
	for (size_t i = 0; i < MODEL_TEXTS; i++)
		if (!list[i].there) {
			list[i] = (struct model_named){ .there = true };
			strcpy(list[i].name, name);
			return &list[i];
		}
	sim_fail(model->world, NULL, "too many users or roles");
}

/* NULL: a guest, or somebody with a password that is none. */
static struct model_named *
known(struct sim_model *model, struct slice user, uint64_t credential)
{
	struct model_named *found = NULL;

	for (size_t i = 0; i < MODEL_TEXTS; i++)
		if (model->auth.users[i].there &&
		    slice_equal(slice_text(model->auth.users[i].name), user))
			found = &model->auth.users[i];
	return found != NULL && found->credential == credential ? found : NULL;
}

static bool
is_root(const struct model_named *user)
{
	return user != NULL && (strcmp(user->name, "root") == 0 || has(&user->first, "root"));
}

/* Does the pattern say yes to everything that begins so? */
static bool
takes_all_that_begin(const char *pattern, struct slice beginning)
{
	size_t size = strlen(pattern);

	return size > 0 && pattern[size - 1] == '*' && size - 1 <= beginning.size &&
	    memcmp(pattern, beginning.data, size - 1) == 0;
}

static bool
takes(const char *pattern, struct slice key)
{
	return takes_all_that_begin(pattern, key) || slice_equal(slice_text(pattern), key);
}

static void
look(struct sim_model *model, const char *role, struct slice key, struct slice below, bool *itself,
    bool *all_below)
{
	const struct model_named *found = named(model->auth.roles, role);

	for (size_t i = 0; found != NULL && i < found->second.count; i++) {
		*itself = *itself || takes(found->second.list[i], key);
		*all_below = *all_below || takes_all_that_begin(found->second.list[i], below);
	}
}

bool
model_may_write(struct sim_model *model, struct slice user, uint64_t credential,
    const struct command_write *write)
{
	const struct model_named *who = known(model, user, credential);
	struct buf below = BUF_INIT;
	bool itself = false, all_below = false, reserved;

	if (!model->auth.enabled || is_root(who))
		return true;
	buf_append_slice(&below, write->key);
	if (write->key.size != 1)
		buf_append_byte(&below, '/');
	reserved = slice_starts_with(buf_slice(&below), SLICE_LITERAL("/_etcd/"));
	if (!reserved && who == NULL && user.size == 0)
		look(model, "guest", write->key, buf_slice(&below), &itself, &all_below);
	for (size_t i = 0; !reserved && who != NULL && i < who->first.count; i++)
		look(model, who->first.list[i], write->key, buf_slice(&below), &itself, &all_below);
	buf_free(&below);
	if (write->op == WRITE_CREATE_IN_ORDER)
		return itself || all_below;
	return itself && (all_below || (write->flags & WRITE_FLAG_RECURSIVE) == 0);
}

/* ---- changes ------------------------------------------------------------------------------ */

static enum err
enable(struct sim_model *model)
{
	struct model_named *guest;

	if (model->auth.enabled || named(model->auth.users, "root") == NULL)
		return ERR_AUTH_CONFLICT;
	if (named(model->auth.roles, "guest") == NULL) {
		guest = make_named(model, model->auth.roles, "guest");
		add(model, &guest->first, "/*");
		add(model, &guest->second, "/*");
	}
	model->auth.enabled = true;
	return ERR_NONE;
}

static enum err
put_user(struct sim_model *model, const char *name, const struct command_auth *change)
{
	struct model_texts first = texts_of(model, change->first);
	struct model_texts granted = texts_of(model, change->second);
	struct model_texts revoked = texts_of(model, change->third);
	struct model_named *user = named(model->auth.users, name);
	bool root = strcmp(name, "root") == 0;
	struct model_texts now;

	if (granted.count == 0 && revoked.count == 0 && (user == NULL || first.count > 0)) {
		if (user != NULL)
			return ERR_AUTH_CONFLICT;
		if (change->hash.size == 0)
			return ERR_AUTH_INVALID;
		user = make_named(model, model->auth.users, name);
		user->credential = model->auth.revision + 1;
		user->none_given = first.count == 0 && !root;
		user->first = first;
		if (root && !has(&first, "root"))
			add(model, &user->first, "root");
		return ERR_NONE;
	}
	if (user == NULL)
		return ERR_AUTH_MISSING;
	now = user->first;
	if (root && !has(&now, "root"))
		add(model, &now, "root");
	for (size_t i = 0; i < granted.count; i++) {
		if (has(&now, granted.list[i]))
			return ERR_AUTH_CONFLICT;
		add(model, &now, granted.list[i]);
	}
	for (size_t i = 0; i < revoked.count; i++) {
		if (!has(&now, revoked.list[i]))
			return ERR_AUTH_CONFLICT;
		drop(&now, revoked.list[i]);
	}
	if (change->hash.size == 0 && !user->none_given && same(&now, &user->first))
		return ERR_AUTH_INVALID;
	user->first = now;
	user->none_given = false;
	if (change->hash.size > 0)
		user->credential = model->auth.revision + 1;
	return ERR_NONE;
}

/* False: one is there already. */
static bool
change_patterns(struct sim_model *model, struct model_texts *texts, struct slice granted_list,
    struct slice revoked_list)
{
	struct model_texts granted = texts_of(model, granted_list);
	struct model_texts revoked = texts_of(model, revoked_list);

	for (size_t i = 0; i < granted.count; i++) {
		if (has(texts, granted.list[i]))
			return false;
		add(model, texts, granted.list[i]);
	}
	for (size_t i = 0; i < revoked.count; i++)
		drop(texts, revoked.list[i]);
	return true;
}

static enum err
change_role(struct sim_model *model, const char *name, const struct command_auth *change)
{
	struct model_named *role = named(model->auth.roles, name);
	struct model_named now;

	if (change->op == AUTH_MAKE_ROLE) {
		if (role != NULL)
			return ERR_AUTH_CONFLICT;
		role = make_named(model, model->auth.roles, name);
		role->first = texts_of(model, change->first);
		role->second = texts_of(model, change->second);
		return ERR_NONE;
	}
	if (role == NULL)
		return ERR_AUTH_MISSING;
	if (change->op == AUTH_REMOVE_ROLE) {
		role->there = false;
		return ERR_NONE;
	}
	now = *role;
	if (!change_patterns(model, &now.first, change->first, change->third) ||
	    !change_patterns(model, &now.second, change->second, change->fourth))
		return ERR_AUTH_CONFLICT;
	if (same(&now.first, &role->first) && same(&now.second, &role->second))
		return ERR_AUTH_INVALID;
	*role = now;
	return ERR_NONE;
}

static enum err
change(struct sim_model *model, const struct command_auth *change)
{
	struct model_named *user;
	char name[MODEL_TEXT_BYTES];

	text_copy(model, name, change->name);
	user = named(model->auth.users, name);
	switch ((enum auth_op)change->op) {
	case AUTH_ENABLE:
		return enable(model);
	case AUTH_DISABLE:
		if (!model->auth.enabled)
			return ERR_AUTH_CONFLICT;
		model->auth.enabled = false;
		return ERR_NONE;
	case AUTH_PUT_USER:
		return put_user(model, name, change);
	case AUTH_REMOVE_USER:
		if (model->auth.enabled && strcmp(name, "root") == 0)
			return ERR_AUTH_FORBIDDEN;
		if (user == NULL)
			return ERR_AUTH_MISSING;
		user->there = false;
		return ERR_NONE;
	case AUTH_MAKE_ROLE:
	case AUTH_CHANGE_ROLE:
	case AUTH_REMOVE_ROLE:
		return strcmp(name, "root") == 0 ? ERR_AUTH_FORBIDDEN :
		    change_role(model, name, change);
	}
	sim_fail(model->world, NULL, "no change of users and roles: %u", change->op);
}

enum err
model_change_auth(struct sim_model *model, const struct command_auth *asked)
{
	enum err err;

	if (model->auth.enabled && !is_root(known(model, asked->user, asked->credential)))
		return ERR_UNAUTHORIZED;
	err = change(model, asked);
	if (err == ERR_NONE)
		model->auth.revision++;
	return err;
}

uint64_t
model_credential(const struct sim_model *model, struct slice user)
{
	for (size_t i = 0; i < MODEL_TEXTS; i++)
		if (model->auth.users[i].there &&
		    slice_equal(slice_text(model->auth.users[i].name), user))
			return model->auth.users[i].credential;
	return 0;
}

struct model_rights
model_rights(const struct sim_model *model)
{
	struct model_rights rights = { model->auth.enabled, model->auth.revision, 0, 0 };

	for (size_t i = 0; i < MODEL_TEXTS; i++) {
		rights.users += model->auth.users[i].there ? 1 : 0;
		rights.roles += model->auth.roles[i].there ? 1 : 0;
	}
	return rights;
}
