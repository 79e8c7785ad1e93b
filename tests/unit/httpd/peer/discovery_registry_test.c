/*
 * discovery_registry_test.c - the token of a discovery service, as machines read it that
 * begin together.
 */
#include "httpd/peer/discovery_registry.h"

#include "common/buf.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>

static void
expect_size(const char *value, unsigned size, const char *problem)
{
	char body[256], why[REGISTRY_PROBLEM_BYTES] = "";
	unsigned got = 0;
	enum err err;

	snprintf(body, sizeof(body), "{\"action\":\"get\",\"node\":{\"key\":\"/size\","
	    "\"value\":%s}}", value);
	err = registry_size_parse(slice_text(body), &got, why);
	assert_int_equal(err, problem == NULL ? ERR_NONE : ERR_MALFORMED);
	assert_int_equal(got, size);
	assert_string_equal(why, problem == NULL ? "" : problem);
}

TEST(a_size_is_one_to_as_many_as_may_vote)
{
	expect_size("\"1\"", 1, NULL);
	expect_size("\"31\"", 31, NULL);
	expect_size("\"32\"", 0, "_config/size of the token is not 1 to 31: \"32\"");
	expect_size("\"0\"", 0, "_config/size of the token is not 1 to 31: \"0\"");
	expect_size("\"\"", 0, "_config/size of the token is not 1 to 31: \"\"");
	expect_size("3", 0, "_config/size of the token is not 1 to 31: \"3\"");
	expect_size("\"-3\"", 0, "_config/size of the token is not 1 to 31: \"-3\"");
	expect_size("\"\\u001b[31m\"", 0,
	    "_config/size of the token is not 1 to 31: \"\\x1b[31m\"");
}

TEST(what_has_no_value_is_no_size)
{
	char why[REGISTRY_PROBLEM_BYTES];
	unsigned size = 7;

	assert_int_equal(registry_size_parse(SLICE_LITERAL("Hello, client"), &size, why),
	    ERR_MALFORMED);
	assert_string_equal(why, "the answer is none of a keys API");
	assert_int_equal(registry_size_parse(SLICE_LITERAL(
	    "{\"action\":\"get\",\"node\":{\"key\":\"/size\",\"dir\":true}}"), &size, why),
	    ERR_MALFORMED);
	assert_int_equal(size, 7);
}

/* ---- machines ---------------------------------------------------------------------------- */

static enum err
read(const char *nodes, unsigned size, struct registry *registry, char *why)
{
	struct buf body = BUF_INIT;
	enum err err;

	buf_printf(&body, "{\"action\":\"get\",\"node\":{\"key\":\"/t\",\"dir\":true,"
	    "\"nodes\":[%s]}}", nodes);
	err = registry_parse(buf_slice(&body), size, registry, why);
	buf_free(&body);
	return err;
}

#define NODE(id, value, created) \
	"{\"key\":\"/t/" id "\",\"value\":\"" value "\",\"createdIndex\":" #created "}"

TEST(the_first_count_in_the_order_of_their_making)
{
	const char *nodes = NODE("c", "n3=http://h:3", 7) "," NODE("a", "n1=http://h:1/", 9) ","
	    NODE("8e9e05c52164694d", "n2=https://[::1]:2", 5) ","
	    "{\"key\":\"/t/_state\",\"value\":\"x\",\"createdIndex\":1},"
	    "{\"key\":\"/t/1\",\"dir\":true,\"createdIndex\":1}";
	struct registry *registry = calloc(1, sizeof(*registry));
	char why[REGISTRY_PROBLEM_BYTES];

	assert_int_equal(read(nodes, 3, registry, why), ERR_NONE);
	assert_int_equal(registry->count, 3);
	assert_true(registry->first[0].id == UINT64_C(0x8e9e05c52164694d));
	assert_string_equal(registry->first[0].url, "https://[::1]:2");
	assert_string_equal(registry->first[1].name, "n3");
	assert_string_equal(registry->first[2].url, "http://h:1");
	assert_ptr_equal(registry_find(registry, 10), &registry->first[2]);
	assert_null(registry_find(registry, 1));
	/* Of fewer the last ones fall off. */
	assert_int_equal(read(nodes, 2, registry, why), ERR_NONE);
	assert_int_equal(registry->count, 2);
	assert_string_equal(registry->first[1].name, "n3");
	assert_int_equal(read(nodes, 1, registry, why), ERR_NONE);
	assert_string_equal(registry->first[0].name, "n2");
	assert_int_equal(read("", 31, registry, why), ERR_NONE);
	assert_int_equal(registry->count, 0);
	free(registry);
}

TEST(as_many_as_there_is_room_for_and_one_more)
{
	struct registry *registry = calloc(1, sizeof(*registry));
	char why[REGISTRY_PROBLEM_BYTES];
	struct buf nodes = BUF_INIT;

	for (unsigned i = 0; i <= DISCOVERY_SIZE_MAX; i++) {
		buf_printf(&nodes, "%s{\"key\":\"/t/%x\",\"value\":\"n%u=http://h:1\","
		    "\"createdIndex\":%u}", i == 0 ? "" : ",", i + 1, i, 100 - i);
		buf_append_byte(&nodes, '\0');
		assert_int_equal(read((const char *)nodes.data, DISCOVERY_SIZE_MAX, registry, why),
		    ERR_NONE);
		assert_int_equal(registry->count, MIN_OF(i + 1, (unsigned)DISCOVERY_SIZE_MAX));
		assert_true(registry->first[0].id == i + 1);
		nodes.size--;
	}
	assert_null(registry_find(registry, 1));
	buf_free(&nodes);
	free(registry);
}

TEST(a_node_has_several_urls_of_one_name)
{
	struct registry *registry = calloc(1, sizeof(*registry));
	char why[REGISTRY_PROBLEM_BYTES];

	assert_int_equal(read(NODE("1", "n=http://h:1,n=http://h:2", 1), 1, registry, why),
	    ERR_NONE);
	assert_string_equal(registry->first[0].url, "http://h:1");
	free(registry);
}

TEST(what_is_none_of_a_machine_is_told_if_it_is_among_the_first)
{
	static const char *const wrong[] = {
		NODE("n1", "n1=http://h:1", 1), NODE("0", "n1=http://h:1", 1),
		NODE("12345678901234567", "n1=http://h:1", 1), NODE("1", "http://h:1", 1),
		NODE("1", "", 1), NODE("1", "n1=h:1", 1), NODE("1", "n/1=http://h:1", 1),
		NODE("1", "=http://h:1", 1), NODE("1", "n1=http://h", 1),
		NODE("1", "n1=http://h:1,n2=http://h:2", 1), NODE("1", "n1=http://h:1,x", 1),
		NODE("1", ",n1=http://h:1", 1), NODE("1", "n1=http://h:1\\u0000", 1),
		"{\"key\":\"/t/1\",\"value\":1,\"createdIndex\":1}",
		"{\"key\":\"/t/1\",\"createdIndex\":1}",
	};
	struct registry *registry = calloc(1, sizeof(*registry));
	char why[REGISTRY_PROBLEM_BYTES];
	struct buf nodes = BUF_INIT;

	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		if (read(wrong[i], 2, registry, why) != ERR_MALFORMED)
			fail_msg("taken: %s", wrong[i]);
		assert_non_null(strstr(why, "a key of the token is not ID"));
		/* Behind the last that count it is of no account. */
		buf_clear(&nodes);
		buf_printf(&nodes, "%s," NODE("2", "n2=http://h:2", 0), wrong[i]);
		buf_append_byte(&nodes, '\0');
		assert_int_equal(read((const char *)nodes.data, 1, registry, why), ERR_NONE);
		assert_string_equal(registry->first[0].name, "n2");
	}
	/* Of what has no index nobody knows the place. */
	assert_int_equal(read("{\"key\":\"/t/1\",\"value\":\"n=http://h:1\"}", 1, registry, why),
	    ERR_MALFORMED);
	assert_int_equal(registry_parse(SLICE_LITERAL("[]"), 1, registry, why), ERR_MALFORMED);
	assert_string_equal(why, "the answer lists no directory");
	buf_free(&nodes);
	free(registry);
}
