/*
 * access.c - what users may do, of their roles' patterns (see auth.h).
 *
 * Each question costs the patterns of the user's roles, a comparison each.
 */
#include "common/auth/auth.h"

/* ---- patterns -------------------------------------------------------------------------- */

/* A pattern, taken apart. */
struct pattern {
	struct slice text;		/* without the star */
	bool star;
};

static struct pattern
pattern_of(struct slice text)
{
	bool star = text.size > 0 && text.data[text.size - 1] == '*';

	return (struct pattern){ slice_of(text.data, text.size - star), star };
}

static bool
matches(const struct pattern *pattern, struct slice key)
{
	return pattern->star ? slice_starts_with(key, pattern->text) :
	    slice_equal(key, pattern->text);
}

static bool
is_root_directory(struct slice directory)
{
	return directory.size == 1;
}

/* Is text a key below that directory, or the beginning of all of them? */
static bool
is_below(struct slice text, struct slice directory)
{
	return slice_starts_with(text, directory) && (is_root_directory(directory) ||
	    (text.size > directory.size && text.data[directory.size] == '/'));
}

/* Does it match every key below that directory? */
static bool
covers(const struct pattern *pattern, struct slice directory)
{
	if (!pattern->star)
		return false;
	return slice_starts_with(directory, pattern->text) ||
	    (!is_root_directory(directory) && is_below(pattern->text, directory) &&
	    pattern->text.size == directory.size + 1);
}

/* Does it match some key below that directory? */
static bool
leads(const struct pattern *pattern, struct slice directory)
{
	if (covers(pattern, directory))
		return true;
	return is_below(pattern->text, directory) && pattern->text.size > directory.size;
}

/* ---- who ------------------------------------------------------------------------------- */

bool
auth_user_has(const struct auth_user *user, struct slice role)
{
	return auth_list_has(buf_slice(&user->roles), role) ||
	    (slice_equal(role, SLICE_LITERAL(AUTH_ROOT)) &&
	    slice_equal(buf_slice(&user->name), SLICE_LITERAL(AUTH_ROOT)));
}

/* NULL: a guest, or nobody any more. */
static const struct auth_user *
known_user(const struct auth *auth, const struct auth_who *who)
{
	const struct auth_user *user = who->user.size == 0 ? NULL : auth_user(auth, who->user);

	return user != NULL && user->credential == who->credential ? user : NULL;
}

bool
auth_knows(const struct auth *auth, const struct auth_who *who)
{
	return who->user.size == 0 || known_user(auth, who) != NULL;
}

bool
auth_is_root(const struct auth *auth, const struct auth_who *who)
{
	const struct auth_user *user = known_user(auth, who);

	return user != NULL && auth_user_has(user, SLICE_LITERAL(AUTH_ROOT));
}

static bool
is_reserved(struct slice key)
{
	return slice_equal(key, SLICE_LITERAL(AUTH_RESERVED)) ||
	    is_below(key, SLICE_LITERAL(AUTH_RESERVED));
}

/* Where locks are: whose they are patterns say that begin with this. */
static bool
is_lock(struct slice key)
{
	return slice_starts_with(key, SLICE_LITERAL(AUTH_LOCKS));
}

/* What all patterns of a user together say of a key. */
struct found {
	bool matches, covers, leads;
};

static void
look(const struct auth_role *role, bool write, struct slice key, struct found *found)
{
	struct reader in = reader_of(buf_slice(write ? &role->write : &role->read));
	struct slice text;

	while (auth_list_next(&in, &text)) {
		struct pattern pattern = pattern_of(text);

		if (is_reserved(key) && !is_lock(pattern.text))
			continue;
		found->matches = found->matches || matches(&pattern, key);
		found->covers = found->covers || covers(&pattern, key);
		found->leads = found->leads || leads(&pattern, key);
	}
}

/* root: all of it, everywhere. Nobody who is known: nothing. */
static struct found
find(const struct auth *auth, const struct auth_who *who, bool write, struct slice key)
{
	struct found found = { false, false, false };
	const struct auth_user *user = known_user(auth, who);
	const struct auth_role *role;
	struct slice name;
	struct reader in;

	if (user != NULL && auth_user_has(user, SLICE_LITERAL(AUTH_ROOT)))
		return (struct found){ true, true, true };
	if ((is_reserved(key) && !is_lock(key)) || !auth_knows(auth, who))
		return found;
	if (user == NULL) {
		role = auth_role(auth, SLICE_LITERAL(AUTH_GUEST));
		if (role != NULL)
			look(role, write, key, &found);
		return found;
	}
	in = reader_of(buf_slice(&user->roles));
	while (auth_list_next(&in, &name)) {
		role = auth_role(auth, name);
		if (role != NULL)
			look(role, write, key, &found);
	}
	return found;
}

/* ---- what ------------------------------------------------------------------------------ */

enum auth_read
auth_may_read(const struct auth *auth, const struct auth_who *who, struct slice key)
{
	struct found found = find(auth, who, false, key);

	if (found.matches && found.covers)
		return AUTH_READ_ALL;
	return found.matches || found.leads ? AUTH_READ_SOME : AUTH_READ_NONE;
}

bool
auth_shows(const struct auth *auth, const struct auth_who *who, struct slice key,
    bool is_directory)
{
	struct found found = find(auth, who, false, key);

	return found.matches || (is_directory && found.leads);
}

bool
auth_may_write(const struct auth *auth, const struct auth_who *who, struct slice key,
    enum auth_reach reach)
{
	struct found found = find(auth, who, true, key);

	switch (reach) {
	case AUTH_KEY:
		return found.matches;
	case AUTH_TREE:
		return found.matches && found.covers;
	case AUTH_CHILD:
		return found.matches || found.covers;
	}
	return false;
}
