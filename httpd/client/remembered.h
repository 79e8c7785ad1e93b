/*
 * remembered.h - who has shown which password lately, so that it is not hashed again with
 * each of his requests.
 *
 * Keeps no password: of the header that it came in there is a hash under a key of this
 * process alone. An entry is of one credential (common/auth/auth.h), so another password of
 * the same user, or a user made again, finds none. Forgotten when it was not used for
 * REMEMBERED_MS, or when there are AUTH_REMEMBERED_MAX later ones.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_REMEMBERED_H
#define MOOTHALL_HTTPD_CLIENT_REMEMBERED_H

#include "common/slice.h"

#define REMEMBERED_MS 60000

/* Of what a header is remembered as. */
#define REMEMBERED_MAC_BYTES 16

struct remembered;

struct remembered *remembered_new(void);
void remembered_free(struct remembered **remembered);
/* Who has shown that header: the credential, and his name, borrowed until the next call; 0:
 * nobody that is known. */
uint64_t remembered_find(struct remembered *remembered, struct slice header, uint64_t now_ms,
    struct slice *user);
/* It was right, for that user. */
void remembered_add(struct remembered *remembered, struct slice header, struct slice user,
    uint64_t credential, uint64_t now_ms);
size_t remembered_count(const struct remembered *remembered);
/* SipHash-2-4 with 128 bits of output; both as its authors have them. */
void remembered_mac(const uint8_t key[16], struct slice bytes,
    uint8_t mac[REMEMBERED_MAC_BYTES]);

#endif
