#include "ctl/v3/txn_text.h"

#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

static void
compared(const char *line, const char *json)
{
	struct buf text = BUF_INIT;
	struct json_put put = json_put_into(&text);
	char *problem = NULL;

	assert_int_equal(ctl3_compare_read(line, &put, &problem), ERR_NONE);
	assert_null(problem);
	buf_append_byte(&text, '\0');
	assert_string_equal((const char *)text.data, json);
	buf_free(&text);
}

static void
not_compared(const char *line, const char *words)
{
	struct buf text = BUF_INIT;
	struct json_put put = json_put_into(&text);
	char *problem = NULL;

	assert_int_equal(ctl3_compare_read(line, &put, &problem), ERR_INVALID);
	assert_non_null(problem);
	if (strstr(problem, words) == NULL)
		fail_msg("\"%s\" does not hold \"%s\"", problem, words);
	free(problem);
	buf_free(&text);
}

TEST(each_target_has_its_operand)
{
	compared("val(\"k\") = \"a\"",
	    "{\"result\":\"EQUAL\",\"target\":\"VALUE\",\"key\":\"aw==\",\"value\":\"YQ==\"}");
	compared("value(\"k\") != \"\"",
	    "{\"result\":\"NOT_EQUAL\",\"target\":\"VALUE\",\"key\":\"aw==\",\"value\":\"\"}");
	compared("mod(\"k\") > \"7\"",
	    "{\"result\":\"GREATER\",\"target\":\"MOD\",\"key\":\"aw==\",\"mod_revision\":\"7\"}");
	compared("c(\"k\") < \"-7\"",
	    "{\"result\":\"LESS\",\"target\":\"CREATE\",\"key\":\"aw==\","
	    "\"create_revision\":\"-7\"}");
	compared("ver( \"k\" )=\"0\"",
	    "{\"result\":\"EQUAL\",\"target\":\"VERSION\",\"key\":\"aw==\",\"version\":\"0\"}");
	compared("lease(`k`) = \"ff\"",
	    "{\"result\":\"EQUAL\",\"target\":\"LEASE\",\"key\":\"aw==\",\"lease\":\"255\"}");
}

TEST(escapes_are_those_of_go)
{
	/* \ " newline tab A, a byte that is no UTF-8, e with an accent, an emoji */
	compared("val(\"k\") = \"\\\\\\\"\\n\\t\\101\\xff\\u00e9\\U0001f600\"",
	    "{\"result\":\"EQUAL\",\"target\":\"VALUE\",\"key\":\"aw==\","
	    "\"value\":\"XCIKCUH/w6nwn5iA\"}");
	not_compared("val(\"k\") = \"\\xf\"", "malformed");
	not_compared("val(\"k\") = \"\\u12\"", "malformed");
	not_compared("val(\"k\") = \"\\ud800\"", "malformed");
	not_compared("val(\"k\") = \"\\777\"", "malformed");
	not_compared("val(\"k\") = \"\\q\"", "malformed");
	not_compared("val(\"k\") = \"\\", "malformed");
}

TEST(what_is_no_comparison_is_said)
{
	not_compared("bad", "malformed comparison: bad");
	not_compared("xal(\"k\") = \"a\"", "unknown target xal");
	not_compared("val(\"k\") ! \"a\"", "write TARGET(\"KEY\") = \"VALUE\"");
	not_compared("val(k) = \"a\"", "malformed");
	not_compared("val(\"k\" = \"a\"", "malformed");
	not_compared("val(\"k\") = a", "malformed");
	not_compared("val(\"k\") =", "malformed");
	not_compared("val(", "malformed");
	not_compared("mod(\"k\") = \"a\"", "invalid txn compare request: mod(\"k\") = \"a\"");
	not_compared("mod(\"k\") = \"9223372036854775808\"", "invalid txn compare request");
	not_compared("lease(\"k\") = \"8000000000000000\"", "invalid txn compare request");
}

TEST(words_are_plain_or_quoted)
{
	static const char *const wanted[] = { "put", "a b", "it's \"x\"\n", "--prev-kv" };
	struct ctl3_words words;
	char *problem = NULL;

	assert_int_equal(ctl3_words_read("  put 'a b'\t\"it's \\\"x\\\"\\n\" --prev-kv ", &words,
	    &problem), ERR_NONE);
	assert_int_equal(words.count, ARRAY_COUNT(wanted));
	for (size_t i = 0; i < ARRAY_COUNT(wanted); i++)
		assert_string_equal(words.words[i], wanted[i]);
	assert_null(words.words[words.count]);
	ctl3_words_free(&words);
	assert_int_equal(ctl3_words_read("", &words, &problem), ERR_NONE);
	assert_int_equal(words.count, 0);
}

static void
no_words(const char *line, const char *says)
{
	struct ctl3_words words;
	char *problem = NULL;

	assert_int_equal(ctl3_words_read(line, &words, &problem), ERR_INVALID);
	assert_string_equal(problem, says);
	free(problem);
}

TEST(words_that_do_not_end_are_said)
{
	no_words("put \"a", "word 2 has a quote without its end, an escape that is none, or a NUL");
	no_words("put a 'b",
	    "word 3 has a quote without its end, an escape that is none, or a NUL");
	no_words("\"\\x00\"",
	    "word 1 has a quote without its end, an escape that is none, or a NUL");
}

TEST(a_line_has_so_many_words_and_no_more)
{
	char line[2 * CTL_WORDS_MAX + 4] = "";
	struct ctl3_words words;
	char *problem = NULL;

	for (size_t i = 0; i < CTL_WORDS_MAX; i++)
		strcat(line, "a ");
	assert_int_equal(ctl3_words_read(line, &words, &problem), ERR_NONE);
	assert_int_equal(words.count, CTL_WORDS_MAX);
	ctl3_words_free(&words);
	strcat(line, "b");
	no_words(line, "more than 64 words in a line");
}
