/*
 * callers_test.c - connections counted by address.
 */
#include "httpd/http/callers.h"

#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

static struct sockaddr_storage
address_of(const char *text)
{
	struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_in four = { .sin_family = AF_INET };

	if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
		memcpy(&address, &four, sizeof(four));
	else if (inet_pton(AF_INET6, text, &six.sin6_addr) == 1)
		memcpy(&address, &six, sizeof(six));
	return address;
}

/* How many of most connections from there are let in, one after the other. */
static bool
enter(struct callers *callers, const char *text, uint64_t most, struct caller **caller)
{
	struct sockaddr_storage address = address_of(text);

	return callers_enter(callers, &address, most, caller);
}

TEST(one_address_has_as_many_as_it_may_have)
{
	struct callers *callers = callers_new();
	struct caller *first, *second, *third, *other;

	assert_true(enter(callers, "192.0.2.1", 2, &first));
	assert_true(enter(callers, "192.0.2.1", 2, &second));
	assert_false(enter(callers, "192.0.2.1", 2, &third));
	assert_true(enter(callers, "192.0.2.2", 2, &other));
	callers_leave(callers, &first);
	assert_true(enter(callers, "192.0.2.1", 2, &third));
	assert_false(enter(callers, "192.0.2.1", 2, &first));
	callers_leave(callers, &second);
	callers_leave(callers, &third);
	callers_leave(callers, &other);
	callers_free(&callers);
}

TEST(a_mapped_address_is_the_same_as_the_plain_one)
{
	struct callers *callers = callers_new();
	struct caller *first, *second;

	assert_true(enter(callers, "192.0.2.1", 1, &first));
	assert_false(enter(callers, "::ffff:192.0.2.1", 1, &second));
	assert_true(enter(callers, "::ffff:192.0.2.2", 1, &second));
	callers_leave(callers, &first);
	callers_leave(callers, &second);
	callers_free(&callers);
}

TEST(a_network_of_ipv6_counts_as_one)
{
	struct callers *callers = callers_new();
	struct caller *first, *second;

	assert_true(enter(callers, "2001:db8:0:1::1", 1, &first));
	assert_false(enter(callers, "2001:db8:0:1:ffff::9", 1, &second));
	assert_true(enter(callers, "2001:db8:0:2::1", 1, &second));
	callers_leave(callers, &first);
	callers_leave(callers, &second);
	callers_free(&callers);
}

TEST(without_a_limit_any_number_is_let_in)
{
	struct callers *callers = callers_new();
	struct caller *first, *second;

	assert_true(enter(callers, "192.0.2.1", 0, &first));
	assert_true(enter(callers, "192.0.2.1", 0, &second));
	assert_ptr_equal(first, second);
	assert_true(enter(callers, "192.0.2.1", 0, &second));
	callers_leave(callers, &(struct caller *){ first });
	callers_leave(callers, &(struct caller *){ first });
	callers_leave(callers, &second);
	callers_free(&callers);
}

TEST(without_an_address_nothing_is_counted)
{
	struct callers *callers = callers_new();
	struct caller *caller;

	assert_true(enter(callers, "no address", 1, &caller));
	assert_null(caller);
	callers_leave(callers, &caller);
	callers_free(&callers);
}

TEST(bytes_are_counted_for_all_connections_of_an_address)
{
	struct callers *callers = callers_new();
	struct caller *first, *second, *other;

	assert_true(enter(callers, "192.0.2.1", 9, &first));
	assert_true(enter(callers, "192.0.2.1", 9, &second));
	assert_true(enter(callers, "192.0.2.2", 9, &other));
	callers_hold(first, 0, 100);
	callers_hold(second, 0, 50);
	callers_hold(other, 0, 7);
	callers_hold(first, 100, 20);
	assert_int_equal(callers_held(second), 70);
	assert_int_equal(callers_held(other), 7);
	callers_leave(callers, &first);
	callers_leave(callers, &second);
	callers_leave(callers, &other);
	callers_free(&callers);
}
