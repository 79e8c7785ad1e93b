/*
 * identity.h - who and where a node is, as text: ids, names, addresses.
 *
 * Pure. These rules hold for what a joiner sends, for what a member answers
 * and for what stands in a handshake. What a node may be called: common/node_name.h.
 */
#ifndef MOOTHALL_HTTPD_PEER_IDENTITY_H
#define MOOTHALL_HTTPD_PEER_IDENTITY_H

#include "common/err.h"
#include "common/limits.h"
#include "common/slice.h"

/* Where a node listens, taken apart. */
struct peer_address {
	char host[ADDRESS_HOST_BYTES_MAX + 1];	/* name or literal, without brackets */
	uint16_t port;				/* never 0 */
	bool https;
};

/* Room for "[host]:port" and its NUL. */
#define ADDRESS_TEXT_BYTES (ADDRESS_HOST_BYTES_MAX + 9)

/*
 * "http://host:port" or "https://host:port", with at most one "/" behind;
 * without a scheme only if bare. IPv6 literals stand in brackets.
 *
 * ERR_NONE, or ERR_INVALID and *address is undefined.
 */
enum err peer_address_parse(struct slice text, bool bare, struct peer_address *address) MUST_CHECK;
/* The same of each of a list; at most URLS_MAX, and those that can be used. How many. */
size_t peer_addresses_parse(struct slice list, struct peer_address addresses[URLS_MAX]);
/* As it stands in Host: and in messages: "host:port", literals in brackets. */
void peer_address_text(const struct peer_address *address, char text[ADDRESS_TEXT_BYTES]);
/* Same host (without regard to case) and port. */
bool peer_address_equal(const struct peer_address *a, const struct peer_address *b);

/* 1 to 16 hex digits, not zero. False: not an id, *id is untouched. */
bool peer_id_parse(struct slice text, uint64_t *id) MUST_CHECK;
/* Sixteen lower-case hex digits, as everywhere that ids are shown. */
#define PEER_ID_TEXT_BYTES 17
void peer_id_text(uint64_t id, char text[PEER_ID_TEXT_BYTES]);
/* Decimal digits only, at most max. False: no such number, *number is untouched. */
bool peer_number_parse(struct slice text, uint64_t max, uint64_t *number) MUST_CHECK;

#endif
