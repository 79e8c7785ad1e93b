#include "ctl/v3/message.h"

#include "tests/lib/test.h"

#include <string.h>

static void
shown(const char *from, const char *to)
{
	struct buf text = BUF_INIT;
	struct json_put put = json_put_into(&text);
	struct json_doc doc;

	assert_int_equal(json_doc_read(slice_text(from), &doc), ERR_NONE);
	ctl3_message_put(&put, NULL, doc.root);
	buf_append_byte(&text, '\0');
	assert_string_equal((const char *)text.data, to);
	json_doc_free(&doc);
	buf_free(&text);
}

TEST(numbers_of_64_bits_and_enums_are_numbers)
{
	shown("{\"header\":{\"cluster_id\":\"18446744073709551615\",\"raft_term\":\"2\"},"
	    "\"kvs\":[{\"key\":\"MTI=\",\"version\":\"3\",\"lease\":\"-1\"}],\"more\":true}",
	    "{\"header\":{\"cluster_id\":18446744073709551615,\"raft_term\":2},"
	    "\"kvs\":[{\"key\":\"MTI=\",\"version\":3,\"lease\":-1}],\"more\":true}");
	shown("{\"events\":[{\"type\":\"DELETE\",\"kv\":{\"mod_revision\":\"5\"}}],"
	    "\"perm\":[{\"permType\":\"READWRITE\"}],\"alarm\":\"NOSPACE\"}",
	    "{\"events\":[{\"type\":1,\"kv\":{\"mod_revision\":5}}],"
	    "\"perm\":[{\"permType\":2}],\"alarm\":1}");
}

TEST(texts_that_look_like_numbers_stay)
{
	shown("{\"name\":\"12\",\"version\":\"3.4.23\",\"key\":\"1234\",\"hash\":7,\"a\":null}",
	    "{\"name\":\"12\",\"version\":\"3.4.23\",\"key\":\"1234\",\"hash\":7,\"a\":null}");
	shown("{\"revision\":\"12x\",\"ID\":\"-\",\"TTL\":\"123456789012345678901\"}",
	    "{\"revision\":\"12x\",\"ID\":\"-\",\"TTL\":\"123456789012345678901\"}");
}

TEST(answers_in_a_transaction_have_the_names_of_go)
{
	shown("{\"responses\":[{\"response_put\":{}},{\"response_range\":{\"count\":\"1\"}},"
	    "{\"response_delete_range\":{\"deleted\":\"2\"}}]}",
	    "{\"responses\":[{\"Response\":{\"ResponsePut\":{}}},"
	    "{\"Response\":{\"ResponseRange\":{\"count\":1}}},"
	    "{\"Response\":{\"ResponseDeleteRange\":{\"deleted\":2}}}]}");
}

TEST(empty_and_nested_values_are_closed)
{
	shown("{}", "{}");
	shown("{\"\":6,\"a\":{\"\":[]}}", "{\"\":6,\"a\":{\"\":[]}}");
	shown("[]", "[]");
	shown("[[],{},[[1]],\"x\",false]", "[[],{},[[1]],\"x\",false]");
	shown("\"x\"", "\"x\"");
}

static void
quoted(const char *text, size_t size, const char *wanted)
{
	struct buf out = BUF_INIT;

	ctl3_quote(&out, slice_of(text, size));
	buf_append_byte(&out, '\0');
	assert_string_equal((const char *)out.data, wanted);
	buf_free(&out);
}

TEST(quotes_are_those_of_go)
{
	quoted("", 0, "\"\"");
	quoted("a\"\\\n\t\x07", 6, "\"a\\\"\\\\\\n\\t\\a\"");
	quoted("\0\x01\x7f", 3, "\"\\x00\\x01\\x7f\"");
	quoted("\xff\xc3", 2, "\"\\xff\\xc3\"");
	quoted("\xc3\xa9\xf0\x9f\x98\x80", 6, "\"\xc3\xa9\xf0\x9f\x98\x80\"");
	/* No-break space, zero-width space, a tag of plane 14. */
	quoted("\xc2\xa0\xe2\x80\x8b\xf3\xa0\x80\x81", 9, "\"\\u00a0\\u200b\\U000e0001\"");
}

static void
sized(uint64_t bytes, const char *wanted)
{
	struct buf out = BUF_INIT;

	ctl3_size(&out, bytes);
	buf_append_byte(&out, '\0');
	assert_string_equal((const char *)out.data, wanted);
	buf_free(&out);
}

TEST(sizes_are_those_of_humanize)
{
	sized(0, "0 B");
	sized(9, "9 B");
	sized(10, "10 B");
	sized(999, "999 B");
	sized(1000, "1.0 kB");
	sized(24576, "25 kB");
	sized(20480, "20 kB");
	sized(22200000, "22 MB");
	sized(UINT64_MAX, "18 EB");
}

static void
lasted(uint64_t ns, const char *wanted)
{
	struct buf out = BUF_INIT;

	ctl3_duration(&out, ns);
	buf_append_byte(&out, '\0');
	assert_string_equal((const char *)out.data, wanted);
	buf_free(&out);
}

TEST(times_are_those_of_go)
{
	lasted(0, "0s");
	lasted(7, "7ns");
	lasted(1500, "1.5\xc2\xb5s");
	lasted(1335711, "1.335711ms");
	lasted(UINT64_C(5001009981), "5.001009981s");
	lasted(UINT64_C(60000000000), "1m0s");
	lasted(UINT64_C(3661500000000), "1h1m1.5s");
}

TEST(members_are_read_as_numbers_and_bytes)
{
	struct buf bytes = BUF_INIT;
	struct json_doc doc;

	assert_int_equal(json_doc_read(SLICE_LITERAL("{\"a\":\"18446744073709551615\",\"b\":\"-5\","
	    "\"c\":7,\"d\":\"x\",\"e\":\"AP8=\",\"f\":\"A\"}"), &doc), ERR_NONE);
	assert_true(ctl3_message_u64(doc.root, "a") == UINT64_MAX);
	assert_true(ctl3_message_i64(doc.root, "b") == -5);
	assert_int_equal(ctl3_message_i64(doc.root, "c"), 7);
	assert_int_equal(ctl3_message_u64(doc.root, "d"), 0);
	assert_int_equal(ctl3_message_u64(doc.root, "none"), 0);
	ctl3_message_bytes(doc.root, "e", &bytes);
	assert_true(slice_equal(buf_slice(&bytes), slice_of("\0\xff", 2)));
	ctl3_message_bytes(doc.root, "f", &bytes);
	assert_int_equal(bytes.size, 2);
	buf_free(&bytes);
	json_doc_free(&doc);
}
