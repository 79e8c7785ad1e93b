#include "httpd/client/auth_text.h"

#include "tests/lib/test.h"

#include "common/auth/auth.h"

/* "user password", or "" if it is refused. */
static void
assert_basic(const char *header, const char *user, const char *password)
{
	struct text_basic basic;

	print_message("%s\n", header);
	assert_int_equal(text_basic_read(slice_text(header), &basic), user != NULL);
	if (user == NULL)
		return;
	assert_true(slice_equal(text_basic_user(&basic), slice_text(user)));
	assert_true(slice_equal(text_basic_password(&basic), slice_text(password)));
}

TEST(a_header_is_a_user_and_a_password_or_nothing)
{
	assert_basic("Basic cm9vdDpwYQ==", "root", "pa");
	assert_basic("basic  cm9vdDpwYQ==", "root", "pa");
	assert_basic("Basic cm9vdDo=", "root", "");
	assert_basic("Basic YTpiOmM=", "a", "b:c");
	assert_basic("Basic cm9vdA==", NULL, NULL);		/* no colon */
	assert_basic("Basic OnBh", NULL, NULL);			/* no user */
	assert_basic("Basic YS9iOnBh", NULL, NULL);		/* a/b */
	assert_basic("Basic cm9vdDpwYQ=", NULL, NULL);
	assert_basic("Basic cm9v!DpwYQ==", NULL, NULL);
	assert_basic("Basic cm9vdDpwAGE=", NULL, NULL);		/* a zero byte */
	assert_basic("Basic", NULL, NULL);
	assert_basic("Bearer cm9vdDpwYQ==", NULL, NULL);
	assert_basic("", NULL, NULL);
}

/* "a:" and so many 'p', as base64 of three bytes each: size has to fit. */
static bool
takes_password(size_t size)
{
	struct buf header = BUF_INIT;
	struct text_basic basic;
	bool taken;

	buf_append_text(&header, "Basic YTpw");
	assert_int_equal((size - 1) % 3, 0);
	for (size_t i = 1; i < size; i += 3)
		buf_append_text(&header, "cHBw");
	taken = text_basic_read(buf_slice(&header), &basic);
	buf_free(&header);
	return taken;
}

TEST(a_password_has_a_longest)
{
	assert_true(takes_password(AUTH_PASSWORD_BYTES_MAX - 2));	/* 70 */
	assert_false(takes_password(AUTH_PASSWORD_BYTES_MAX + 1));
	assert_false(takes_password(AUTH_HEADER_BYTES_MAX));		/* 1024, 1 more than 3 n */
}

static enum err
read_user(const char *body)
{
	struct text_user user = { .name = BUF_INIT };
	enum err err = text_user_read(slice_text(body), &user);

	text_user_free(&user);
	return err;
}

static enum err
read_role(const char *body)
{
	struct text_role role = { .name = BUF_INIT };
	enum err err = text_role_read(slice_text(body), &role);

	text_role_free(&role);
	return err;
}

TEST(bodies_are_read_and_what_is_none_is_refused)
{
	static const char *const bad[] = { "", "user=al", "[]", "7", "{\"user\":7}",
		"{\"roles\":\"r\"}",
		"{\"roles\":[7]}", "{\"grant\":{}}", "{\"user\":\"al\"", "{\"user\":\"\xff\"}" };
	struct text_user user = { .name = BUF_INIT };
	struct text_role role = { .name = BUF_INIT };

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		print_message("%s\n", bad[i]);
		assert_int_equal(read_user(bad[i]), ERR_MALFORMED);
	}
	assert_int_equal(read_role("{\"permissions\":[]}"), ERR_MALFORMED);
	assert_int_equal(read_role("{\"permissions\":{\"kv\":[]}}"), ERR_MALFORMED);
	assert_int_equal(read_role("{\"grant\":{\"kv\":{\"read\":[[]]}}}"), ERR_MALFORMED);
	assert_int_equal(read_role("{\"grant\":null,\"permissions\":{\"kv\":null}}"), ERR_NONE);
	assert_int_equal(text_user_read(SLICE_LITERAL("{\"user\":\"al\",\"password\":\"p\\u0020w\","
	    "\"roles\":null,\"grant\":[\"a\",\"b\"],\"other\":{\"user\":1}}"), &user), ERR_NONE);
	assert_true(slice_equal(buf_slice(&user.name), SLICE_LITERAL("al")));
	assert_true(slice_equal(buf_slice(&user.password), SLICE_LITERAL("p w")));
	assert_int_equal(auth_list_count(buf_slice(&user.grant)), 2);
	text_user_free(&user);
	assert_int_equal(text_role_read(SLICE_LITERAL("{\"role\":\"r\",\"permissions\":{\"kv\":"
	    "{\"read\":[],\"write\":[\"/a\"]}},\"revoke\":{\"kv\":{\"read\":[\"/b\"]}}}"), &role),
	    ERR_NONE);
	assert_true(role.permissions.has_read && role.permissions.has_write);
	assert_false(role.grant.has_read);
	assert_int_equal(auth_list_count(buf_slice(&role.revoke.read)), 1);
	text_role_free(&role);
}

#define NAME "{\"user\":\""
#define PASSWORD "{\"password\":\""
#define OTHER "{\"other\":\""

static enum err
read_user_with(const char *before, size_t letters, const char *behind)
{
	struct buf body = BUF_INIT;
	enum err err;

	buf_append_text(&body, before);
	for (size_t i = 0; i < letters; i++)
		buf_append_byte(&body, 'x');
	buf_append_text(&body, behind);
	buf_append_byte(&body, '\0');
	err = read_user((const char *)body.data);
	buf_free(&body);
	return err;
}

TEST(each_text_of_a_body_has_a_longest)
{
	assert_int_equal(read_user_with(NAME, AUTH_NAME_BYTES_MAX, "\"}"), ERR_NONE);
	assert_int_equal(read_user_with(NAME, AUTH_NAME_BYTES_MAX + 1, "\"}"), ERR_TOO_BIG);
	assert_int_equal(read_user_with(PASSWORD, AUTH_PASSWORD_BYTES_MAX, "\"}"), ERR_NONE);
	assert_int_equal(read_user_with(PASSWORD, AUTH_PASSWORD_BYTES_MAX + 1, "\"}"),
	    ERR_TOO_BIG);
	assert_int_equal(read_user("{\"password\":\"a\\u0000b\"}"), ERR_TOO_BIG);
	assert_int_equal(read_user("{\"grant\":[\"\"]}"), ERR_TOO_BIG);
	assert_int_equal(read_user_with(OTHER, AUTH_BODY_BYTES_MAX - 12, "\"}"), ERR_NONE);
	assert_int_equal(read_user_with(OTHER, AUTH_BODY_BYTES_MAX - 11, "\"}"), ERR_TOO_BIG);
}
