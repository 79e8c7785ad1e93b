/*
 * handshake_test.c - ids, names, addresses and the handshake headers.
 */
#include "httpd/peer/handshake.h"
#include "httpd/peer/identity.h"
#include "tests/lib/test.h"

#include <stdio.h>

TEST(an_id_is_up_to_sixteen_hex_digits_and_not_zero)
{
	static const char *const wrong[] = { "", "0", "0000", "12345678123456781", "xyz", "1 ",
		"-1" };
	uint64_t id = 7;

	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++)
		assert_false(peer_id_parse(slice_text(wrong[i]), &id));
	assert_int_equal(id, 7);
	assert_true(peer_id_parse(SLICE_LITERAL("fFfFffffffffffff"), &id));
	assert_true(id == UINT64_MAX);
}

/* Both forms are understood; the one with all its digits is written. */
TEST(an_id_has_sixteen_digits_and_comes_back_without_its_zeros_too)
{
	char text[PEER_ID_TEXT_BYTES];
	uint64_t id;

	peer_id_text(UINT64_C(0x00ab00000000cd01), text);
	assert_string_equal(text, "00ab00000000cd01");
	assert_true(peer_id_parse(slice_text(text), &id));
	assert_true(id == UINT64_C(0x00ab00000000cd01));
	assert_true(peer_id_parse(SLICE_LITERAL("ab00000000cd01"), &id));
	assert_true(id == UINT64_C(0x00ab00000000cd01));
}

TEST(a_number_has_digits_only_and_a_limit)
{
	uint64_t number;

	assert_true(peer_number_parse(SLICE_LITERAL("65535"), 65535, &number));
	assert_int_equal(number, 65535);
	assert_false(peer_number_parse(SLICE_LITERAL("65536"), 65535, &number));
	assert_false(peer_number_parse(SLICE_LITERAL(""), 9, &number));
	assert_false(peer_number_parse(SLICE_LITERAL("+1"), 9, &number));
	assert_false(peer_number_parse(SLICE_LITERAL("99999999999999999999"), UINT64_MAX, &number));
}

TEST(an_address_is_taken_apart_and_put_together)
{
	struct peer_address address;
	char text[ADDRESS_TEXT_BYTES];

	assert_int_equal(peer_address_parse(SLICE_LITERAL("http://[::1]:7001/"), false,
	    &address), 0);
	assert_string_equal(address.host, "::1");
	assert_int_equal(address.port, 7001);
	assert_false(address.https);
	peer_address_text(&address, text);
	assert_string_equal(text, "[::1]:7001");
	assert_int_equal(peer_address_parse(SLICE_LITERAL("https://host-1.x:65535"), false,
	    &address), 0);
	assert_true(address.https);
	assert_int_equal(peer_address_parse(SLICE_LITERAL("10.0.0.1:1"), true, &address), 0);
	peer_address_text(&address, text);
	assert_string_equal(text, "10.0.0.1:1");
}

TEST(what_is_no_address_is_refused)
{
	static const char *const wrong[] = { "", "/", "http://", "http://:1", "http://h",
		"http://h:", "http://h:0", "http://h:65536", "http://h:1/x", "http://u@h:1",
		"ftp://h:1", "http://[::1:1", "http://[]:1", "http://[::1]1", "http://a b:1",
		    "http://h:1?x",
		"http://h:1\r\nX: y", "h:1" };
	struct peer_address address;

	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++)
		assert_int_equal(peer_address_parse(slice_text(wrong[i]), false, &address),
		    ERR_INVALID);
}

struct headers {
	char names[8][32], values[8][NAME_BYTES_MAX + 1];
	size_t count;
	size_t left_out;		/* 1-based; 0: none */
};

static void
headers_put(void *argument, const char *header, const char *value)
{
	struct headers *headers = argument;

	snprintf(headers->names[headers->count], sizeof(headers->names[0]), "%s", header);
	snprintf(headers->values[headers->count++], sizeof(headers->values[0]), "%s", value);
}

static struct slice
headers_get(const void *source, const char *header)
{
	const struct headers *headers = source;

	for (size_t i = 0; i < headers->count; i++)
		if (strcmp(headers->names[i], header) == 0 && i + 1 != headers->left_out)
			return slice_text(headers->values[i]);
	return SLICE_EMPTY;
}

static struct handshake
sample(void)
{
	return (struct handshake){ .cluster = 3, .from = 0xa1, .to = 0xb2, .name = "one",
		.protocol_min = 1, .protocol_max = 2, .heartbeat_ms = 50, .election_ms = 200 };
}

TEST(what_one_side_writes_the_other_reads)
{
	struct handshake ours = sample();
	struct handshake theirs;
	struct headers headers = { .count = 0 };
	const char *header;

	memset(&theirs, 0, sizeof(theirs));
	handshake_write(&ours, headers_put, &headers);
	assert_int_equal(handshake_read(headers_get, &headers, &theirs, &header), ERR_NONE);
	assert_true(theirs.cluster == 3 && theirs.from == 0xa1 && theirs.to == 0xb2);
	assert_string_equal(theirs.name, "one");
	assert_int_equal(theirs.protocol_max, 2);
	assert_int_equal(theirs.election_ms, 200);
}

TEST(an_address_is_taken_if_it_is_one)
{
	static const char *const wrong[] = { "", "ftp://h:1", "http://h:1\r\nX: y", "h:1" };
	struct handshake ours = sample();
	struct handshake theirs;
	struct headers headers = { .count = 0 };
	const char *header;

	snprintf(ours.url, sizeof(ours.url), "https://[::1]:7001");
	handshake_write(&ours, headers_put, &headers);
	assert_int_equal(handshake_read(headers_get, &headers, &theirs, &header), ERR_NONE);
	assert_string_equal(theirs.url, "https://[::1]:7001");
	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		snprintf(headers.values[headers.count - 1], sizeof(headers.values[0]), "%s",
		    wrong[i]);
		assert_int_equal(handshake_read(headers_get, &headers, &theirs, &header),
		    ERR_NONE);
		assert_string_equal(theirs.url, "");
	}
}

TEST(a_missing_header_is_named)
{
	struct handshake ours = sample();
	struct handshake theirs;
	struct headers headers = { .count = 0 };
	const char *header;

	handshake_write(&ours, headers_put, &headers);
	for (size_t i = 0; i < headers.count; i++) {
		headers.left_out = i + 1;
		assert_int_equal(handshake_read(headers_get, &headers, &theirs, &header),
		    ERR_MALFORMED);
		assert_string_equal(header, headers.names[i]);
	}
}

/* Pitfall stale-join: "mismatch is a clear error on both sides". */
TEST(another_cluster_is_refused_with_both_ids)
{
	struct handshake ours = sample();
	struct handshake theirs = { .cluster = 0x77, .from = 0xb2, .to = 0xa1, .name = "two",
		.protocol_min = 1, .protocol_max = 1 };
	char sentence[HANDSHAKE_SENTENCE_BYTES];

	assert_int_equal(handshake_check(&ours, &theirs, sentence), ERR_FOREIGN);
	assert_string_equal(sentence, "one is in cluster 0000000000000003, two is in "
	    "cluster 0000000000000077; a machine that lost its data is started with -peers");
}

TEST(another_node_than_looked_for_is_refused)
{
	struct handshake ours = sample();
	struct handshake theirs = { .cluster = 3, .from = 0xb3, .to = 0xa1, .name = "two",
		.protocol_min = 1, .protocol_max = 1 };
	char sentence[HANDSHAKE_SENTENCE_BYTES];

	assert_int_equal(handshake_check(&ours, &theirs, sentence), ERR_FOREIGN);
	assert_non_null(strstr(sentence, "b3"));
	assert_non_null(strstr(sentence, "b2"));
	theirs.from = 0xb2;
	assert_int_equal(handshake_check(&ours, &theirs, sentence), ERR_NONE);
	theirs.to = 0xa2;
	assert_int_equal(handshake_check(&ours, &theirs, sentence), ERR_FOREIGN);
	assert_non_null(strstr(sentence, "a2"));
}

TEST(a_node_with_our_own_id_is_refused)
{
	struct handshake ours = sample();
	struct handshake theirs = { .cluster = 3, .from = 0xa1, .to = 0xa1, .name = "copy",
		.protocol_min = 1, .protocol_max = 1 };
	char sentence[HANDSHAKE_SENTENCE_BYTES];

	ours.to = 0;
	assert_int_equal(handshake_check(&ours, &theirs, sentence), ERR_FOREIGN);
	theirs.from = 0xa9;
	assert_int_equal(handshake_check(&ours, &theirs, sentence), ERR_NONE);
}

TEST(protocols_must_overlap)
{
	struct handshake ours = sample();
	struct handshake theirs = { .cluster = 3, .from = 0xb2, .to = 0xa1, .name = "two",
		.protocol_min = 3, .protocol_max = 4 };
	char sentence[HANDSHAKE_SENTENCE_BYTES];

	assert_int_equal(handshake_check(&ours, &theirs, sentence), ERR_UNSUPPORTED);
	assert_string_equal(sentence, "one speaks protocol 1-2, two speaks 3-4"
	    ": stop all nodes, and start them with one version");
	theirs.protocol_min = 2;
	assert_int_equal(handshake_check(&ours, &theirs, sentence), ERR_NONE);
}

TEST(times_may_differ_by_two_but_not_more)
{
	struct handshake ours = sample();
	struct handshake theirs = sample();

	theirs.heartbeat_ms = 100;
	theirs.election_ms = 100;
	assert_false(handshake_timing_differs(&ours, &theirs));
	theirs.heartbeat_ms = 101;
	assert_true(handshake_timing_differs(&ours, &theirs));
	theirs.heartbeat_ms = 50;
	theirs.election_ms = 99;
	assert_true(handshake_timing_differs(&ours, &theirs));
}
