#include "ctl/form.h"

#include "tests/lib/test.h"

static void
assert_text(struct buf *text, const char *wanted)
{
	buf_append_byte(text, '\0');
	assert_string_equal((const char *)text->data, wanted);
	buf_free(text);
}

TEST(keys_are_escaped_and_begin_with_a_slash)
{
	struct buf path = BUF_INIT;

	form_key(&path, slice_text("a b+c%d/\xc3\xbc?#"));
	assert_text(&path, "/a%20b%2Bc%25d/%C3%BC%3F%23");
	form_key(&path, SLICE_EMPTY);
	assert_text(&path, "/");
	form_key(&path, slice_of("/\0", 2));
	assert_text(&path, "/%00");
}

TEST(forms_have_a_plus_for_a_blank)
{
	struct buf form = BUF_INIT;

	form_add(&form, "value", slice_text("a b&c=d+\n"));
	form_add_u64(&form, "ttl", 18446744073709551615U);
	form_add_bool(&form, "dir", true);
	assert_text(&form, "value=a+b%26c%3Dd%2B%0A&ttl=18446744073709551615&dir=true");
}

TEST(words_for_a_shell_are_quoted_when_they_have_to_be)
{
	struct buf line = BUF_INIT;

	form_shell_word(&line, slice_text("http://a:1/v2/keys/a%20b"));
	assert_text(&line, "http://a:1/v2/keys/a%20b");
	form_shell_word(&line, slice_text("a&b 'c'"));
	assert_text(&line, "'a&b '\\''c'\\'''");
	form_shell_word(&line, SLICE_EMPTY);
	assert_text(&line, "''");
}
