/*
 * remembered.c - see remembered.h.
 *
 * The hash is HMAC-SHA-256; who does not have the key cannot choose two headers that meet, so
 * the user's name, which is in the header, need not be compared.
 */
#include "httpd/client/remembered.h"

#include "common/hash.h"
#include "common/limits.h"
#include "common/rand.h"
#include "common/xmem.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/core_names.h>
#include <stdlib.h>
#include <sys/queue.h>

#define MAC_BYTES 32

struct shown_password {
	struct hash_link link;
	TAILQ_ENTRY(shown_password) by_use;	/* longest unused first */
	uint8_t mac[MAC_BYTES];
	uint64_t credential;
	uint64_t used_ms;
};

struct remembered {
	struct hash by_mac;
	TAILQ_HEAD(, shown_password) by_use;
	EVP_MAC_CTX *mac;
};

static bool
match(const struct hash_link *link, struct slice mac)
{
	const struct shown_password *entry = CONTAINER_OF(link, const struct shown_password, link);

	return mac.size == MAC_BYTES && CRYPTO_memcmp(entry->mac, mac.data, MAC_BYTES) == 0;
}

struct remembered *
remembered_new(void)
{
	struct remembered *remembered = xzalloc(sizeof(*remembered));
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	char digest[] = "SHA256";
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	uint64_t key[4];

	for (size_t i = 0; i < ARRAY_COUNT(key); i++)
		key[i] = rand_entropy();
	ASSERT(hmac != NULL);
	remembered->mac = EVP_MAC_CTX_new(hmac);
	EVP_MAC_free(hmac);
	ASSERT(remembered->mac != NULL);
	MUST(EVP_MAC_init(remembered->mac, (const unsigned char *)key, sizeof(key),
	    parameters) == 1);
	OPENSSL_cleanse(key, sizeof(key));
	hash_init(&remembered->by_mac, rand_entropy(), match);
	TAILQ_INIT(&remembered->by_use);
	return remembered;
}

static void
drop(struct remembered *remembered, struct shown_password *entry)
{
	hash_remove(&remembered->by_mac, &entry->link);
	TAILQ_REMOVE(&remembered->by_use, entry, by_use);
	free(entry);
}

void
remembered_free(struct remembered **remembered)
{
	if (*remembered == NULL)
		return;
	while (!TAILQ_EMPTY(&(*remembered)->by_use))
		drop(*remembered, TAILQ_FIRST(&(*remembered)->by_use));
	hash_free(&(*remembered)->by_mac);
	EVP_MAC_CTX_free((*remembered)->mac);
	free(*remembered);
	*remembered = NULL;
}

static void
make_mac(const struct remembered *remembered, struct slice header, uint8_t mac[MAC_BYTES])
{
	size_t size;

	/* Without a key: the same one, from the start. */
	MUST(EVP_MAC_init(remembered->mac, NULL, 0, NULL) == 1);
	MUST(EVP_MAC_update(remembered->mac, header.data, header.size) == 1);
	MUST(EVP_MAC_final(remembered->mac, mac, &size, MAC_BYTES) == 1);
	ASSERT(size == MAC_BYTES);
}

static struct shown_password *
find(const struct remembered *remembered, const uint8_t mac[MAC_BYTES])
{
	struct hash_link *link = hash_find(&remembered->by_mac, slice_of(mac, MAC_BYTES));

	return link == NULL ? NULL : CONTAINER_OF(link, struct shown_password, link);
}

static void
forget_unused(struct remembered *remembered, uint64_t now_ms)
{
	struct shown_password *entry;

	while ((entry = TAILQ_FIRST(&remembered->by_use)) != NULL &&
	    entry->used_ms + REMEMBERED_MS <= now_ms)
		drop(remembered, entry);
}

uint64_t
remembered_find(struct remembered *remembered, struct slice header, uint64_t now_ms)
{
	uint8_t mac[MAC_BYTES];
	struct shown_password *entry;

	forget_unused(remembered, now_ms);
	if (TAILQ_EMPTY(&remembered->by_use))
		return 0;
	make_mac(remembered, header, mac);
	entry = find(remembered, mac);
	if (entry == NULL)
		return 0;
	entry->used_ms = now_ms;
	TAILQ_REMOVE(&remembered->by_use, entry, by_use);
	TAILQ_INSERT_TAIL(&remembered->by_use, entry, by_use);
	return entry->credential;
}

void
remembered_add(struct remembered *remembered, struct slice header, uint64_t credential,
    uint64_t now_ms)
{
	uint8_t mac[MAC_BYTES];
	struct shown_password *entry;

	make_mac(remembered, header, mac);
	entry = find(remembered, mac);
	if (entry != NULL)
		drop(remembered, entry);
	entry = xzalloc(sizeof(*entry));
	memcpy(entry->mac, mac, MAC_BYTES);
	entry->credential = credential;
	entry->used_ms = now_ms;
	hash_insert(&remembered->by_mac, &entry->link, slice_of(entry->mac, MAC_BYTES));
	TAILQ_INSERT_TAIL(&remembered->by_use, entry, by_use);
	if (remembered->by_mac.count > AUTH_REMEMBERED_MAX)
		drop(remembered, TAILQ_FIRST(&remembered->by_use));
}

size_t
remembered_count(const struct remembered *remembered)
{
	return remembered->by_mac.count;
}
