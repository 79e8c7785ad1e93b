#include "httpd/client/remembered.h"

#include "tests/lib/test.h"

#include "common/limits.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>

static uint64_t
look(struct remembered *remembered, const char *header, uint64_t now_ms)
{
	struct slice user = SLICE_EMPTY;
	uint64_t credential = remembered_find(remembered, slice_text(header), now_ms, &user);

	if (credential != 0)
		assert_true(slice_equal(user, SLICE_LITERAL("al")));
	return credential;
}

static void
add(struct remembered *remembered, const char *header, uint64_t credential, uint64_t now_ms)
{
	remembered_add(remembered, slice_text(header), SLICE_LITERAL("al"), credential, now_ms);
}

TEST(what_was_right_is_known_again_until_it_was_not_used_for_a_minute)
{
	struct remembered *remembered = remembered_new();
	const char *header = "Basic YWw6cGE=";
	uint64_t now_ms = 5;

	assert_int_equal(look(remembered, header, now_ms), 0);
	add(remembered, header, 7, now_ms);
	assert_int_equal(look(remembered, "Basic YWw6cGI=", now_ms), 0);
	for (int i = 0; i < 10; i++) {
		now_ms += REMEMBERED_MS - 1;
		assert_int_equal(look(remembered, header, now_ms), 7);
	}
	now_ms += REMEMBERED_MS;
	assert_int_equal(look(remembered, header, now_ms), 0);
	assert_int_equal(remembered_count(remembered), 0);
	/* The same password of a user who was made again. */
	add(remembered, header, 8, now_ms);
	add(remembered, header, 9, now_ms);
	assert_int_equal(look(remembered, header, now_ms), 9);
	assert_int_equal(remembered_count(remembered), 1);
	remembered_free(&remembered);
}

TEST(so_many_are_remembered_and_the_longest_unused_goes)
{
	struct remembered *remembered = remembered_new();
	char header[32];

	for (int i = 0; i <= AUTH_REMEMBERED_MAX; i++) {
		snprintf(header, sizeof(header), "Basic %d", i);
		add(remembered, header, (uint64_t)i + 1, 0);
		assert_int_equal(look(remembered, "Basic 0", 0), 1);
	}
	assert_int_equal(remembered_count(remembered), AUTH_REMEMBERED_MAX);
	assert_int_equal(look(remembered, "Basic 1", 0), 0);
	assert_int_equal(look(remembered, "Basic 2", 0), 3);
	remembered_free(&remembered);
}

/* As OpenSSL has it, for texts of every length modulo a word. */
TEST(the_hash_is_siphash)
{
	EVP_MAC *siphash = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
	EVP_MAC_CTX *other = EVP_MAC_CTX_new(siphash);
	uint8_t key[16], text[64], mac[REMEMBERED_MAC_BYTES], expected[REMEMBERED_MAC_BYTES];
	size_t size = sizeof(expected);
	OSSL_PARAM parameters[] = { OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
		OSSL_PARAM_construct_end() };

	for (uint8_t i = 0; i < sizeof(text); i++)
		text[i] = i;
	memcpy(key, text, sizeof(key));
	for (size_t length = 0; length <= sizeof(text); length++) {
		assert_int_equal(EVP_MAC_init(other, key, sizeof(key), parameters), 1);
		assert_int_equal(EVP_MAC_update(other, text, length), 1);
		assert_int_equal(EVP_MAC_final(other, expected, &size, sizeof(expected)), 1);
		remembered_mac(key, slice_of(text, length), mac);
		assert_memory_equal(mac, expected, sizeof(mac));
	}
	EVP_MAC_CTX_free(other);
	EVP_MAC_free(siphash);
}
