/*
 * services_test.c - SRV records as a name server sends them.
 */
#include "common/services.h"

#include "common/buf.h"
#include "common/host_name.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>

static void
put_u16(struct buf *out, unsigned value)
{
	buf_append_byte(out, (uint8_t)(value >> 8));
	buf_append_byte(out, (uint8_t)value);
}

static void
put_name(struct buf *out, const char *name)
{
	while (*name != '\0') {
		size_t size = strcspn(name, ".");

		buf_append_byte(out, (uint8_t)size);
		buf_append(out, name, size);
		name += size + (name[size] == '.');
	}
	buf_append_byte(out, 0);
}

/* A head, and the question for "a". */
static void
begin(struct buf *out, unsigned answers)
{
	put_u16(out, 1);
	put_u16(out, 0x8180);
	put_u16(out, 1);
	put_u16(out, answers);
	put_u16(out, 0);
	put_u16(out, 0);
	put_name(out, "a");
	put_u16(out, 33);
	put_u16(out, 1);
}

static void
put_record(struct buf *out, unsigned type, unsigned priority, unsigned weight, unsigned port,
    const char *host)
{
	struct buf data = BUF_INIT;

	put_u16(&data, priority);
	put_u16(&data, weight);
	put_u16(&data, port);
	put_name(&data, host);
	put_u16(out, 0xc00c);
	put_u16(out, type);
	put_u16(out, 1);
	put_u16(out, 0);
	put_u16(out, 60);
	put_u16(out, (unsigned)data.size);
	buf_append_slice(out, buf_slice(&data));
	buf_free(&data);
}

/* Takes the packet. */
static enum err
parse(struct buf *packet, struct services *services)
{
	enum err err = services_parse(buf_slice(packet), services);

	buf_free(packet);
	return err;
}

TEST(records_come_in_the_order_in_which_they_are_to_be_asked)
{
	struct services *services = calloc(1, sizeof(*services));
	struct buf packet = BUF_INIT;

	begin(&packet, 6);
	put_record(&packet, 33, 2, 0, 4001, "c.example");
	put_record(&packet, 33, 1, 5, 4001, "b.example");
	put_record(&packet, 33, 1, 9, 4001, "A.Example");
	put_record(&packet, 33, 3, 0, 4001, "a.example");	/* again */
	put_record(&packet, 33, 1, 5, 4001, "a2.example");
	put_record(&packet, 33, 0, 0, 4001, "");		/* there is none */
	assert_int_equal(parse(&packet, services), ERR_NONE);
	assert_int_equal(services->count, 4);
	assert_string_equal(services->list[0].host, "a.example");
	assert_string_equal(services->list[1].host, "a2.example");
	assert_string_equal(services->list[2].host, "b.example");
	assert_string_equal(services->list[3].host, "c.example");
	assert_int_equal(services->list[3].port, 4001);
	free(services);
}

TEST(other_records_are_passed_over)
{
	struct services *services = calloc(1, sizeof(*services));
	struct buf packet = BUF_INIT;

	begin(&packet, 2);
	put_record(&packet, 16, 0, 0, 1, "text");
	put_record(&packet, 33, 0, 0, 1, "h");
	assert_int_equal(parse(&packet, services), ERR_NONE);
	assert_int_equal(services->count, 1);
	begin(&packet, 0);
	assert_int_equal(parse(&packet, services), ERR_NONE);
	assert_int_equal(services->count, 0);
	free(services);
}

TEST(what_is_no_host_or_port_is_refused)
{
	static const char *const wrong[] = { "-h.example", "h h.example", "h\x1b.example" };
	struct services *services = calloc(1, sizeof(*services));
	struct buf packet = BUF_INIT;

	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		begin(&packet, 1);
		put_record(&packet, 33, 0, 0, 1, wrong[i]);
		assert_int_equal(parse(&packet, services), ERR_MALFORMED);
	}
	begin(&packet, 1);
	put_record(&packet, 33, 0, 0, 0, "h");
	assert_int_equal(parse(&packet, services), ERR_MALFORMED);
	free(services);
}

/* Every beginning of a good answer, and answers that point into themselves. */
TEST(half_an_answer_is_refused)
{
	struct services *services = calloc(1, sizeof(*services));
	struct buf packet = BUF_INIT, loop = BUF_INIT;

	begin(&packet, 1);
	put_record(&packet, 33, 1, 2, 3, "h.example");
	for (size_t size = 0; size < packet.size; size++)
		assert_int_equal(services_parse(slice_of(packet.data, size), services),
		    ERR_MALFORMED);
	assert_int_equal(parse(&packet, services), ERR_NONE);
	begin(&loop, 1);
	put_u16(&loop, 0xc00c);
	put_u16(&loop, 33);
	put_u16(&loop, 1);
	put_u16(&loop, 0);
	put_u16(&loop, 60);
	put_u16(&loop, 8);
	put_u16(&loop, 0);
	put_u16(&loop, 0);
	put_u16(&loop, 1);
	put_u16(&loop, 0xc000 | (unsigned)loop.size);
	assert_int_equal(parse(&loop, services), ERR_MALFORMED);
	free(services);
}

TEST(there_are_so_many_and_not_one_more)
{
	struct services *services = calloc(1, sizeof(*services));
	char host[32];

	for (unsigned count = SERVICES_MAX; count <= SERVICES_MAX + 1; count++) {
		struct buf packet = BUF_INIT;

		begin(&packet, count);
		for (unsigned i = 0; i < count; i++) {
			snprintf(host, sizeof(host), "h%u.example", i);
			put_record(&packet, 33, 0, 0, 1, host);
		}
		assert_int_equal(parse(&packet, services),
		    count == SERVICES_MAX ? ERR_NONE : ERR_TOO_BIG);
	}
	assert_int_equal(services->count, SERVICES_MAX);
	free(services);
}

TEST(a_host_has_letters_digits_and_three_signs)
{
	char text[ADDRESS_HOST_BYTES_MAX + 1];

	memset(text, 'a', sizeof(text));
	assert_true(host_name_valid(SLICE_LITERAL("_etcd-server._tcp.A9.example")));
	assert_true(host_name_valid(slice_of(text, ADDRESS_HOST_BYTES_MAX)));
	assert_false(host_name_valid(slice_of(text, ADDRESS_HOST_BYTES_MAX + 1)));
	assert_false(host_name_valid(SLICE_EMPTY));
	assert_false(host_name_valid(SLICE_LITERAL("-h")));
	assert_false(host_name_valid(SLICE_LITERAL("h/")));
	assert_false(host_name_valid(SLICE_LITERAL("h\0h")));
}
