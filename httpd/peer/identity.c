/*
 * identity.c - who and where a node is, as text (see identity.h).
 *
 * Hand-written because the texts are a few bytes of a fixed form; nothing here
 * follows a general URL grammar, so nothing has to refuse what that allows.
 */
#include "httpd/peer/identity.h"

#include "common/limits.h"
#include "common/url_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

static bool
byte_is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

static bool
byte_is_letter(uint8_t byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

bool
peer_number_parse(struct slice text, uint64_t max, uint64_t *number)
{
	uint64_t value = 0;
	size_t i;

	if (text.size == 0 || text.size > 19)
		return false;
	for (i = 0; i < text.size; i++) {
		if (!byte_is_digit(text.data[i]))
			return false;
		value = value * 10 + (uint64_t)(text.data[i] - '0');
	}
	if (value > max)
		return false;
	*number = value;
	return true;
}

bool
peer_id_parse(struct slice text, uint64_t *id)
{
	uint64_t value = 0;
	uint8_t byte;
	size_t i;

	if (text.size == 0 || text.size > 16)
		return false;
	for (i = 0; i < text.size; i++) {
		byte = text.data[i];
		if (byte_is_digit(byte))
			value = value << 4 | (uint64_t)(byte - '0');
		else if (byte >= 'a' && byte <= 'f')
			value = value << 4 | (uint64_t)(byte - 'a' + 10);
		else if (byte >= 'A' && byte <= 'F')
			value = value << 4 | (uint64_t)(byte - 'A' + 10);
		else
			return false;
	}
	if (value == 0)
		return false;
	*id = value;
	return true;
}

void
peer_id_text(uint64_t id, char text[PEER_ID_TEXT_BYTES])
{
	snprintf(text, PEER_ID_TEXT_BYTES, "%016" PRIx64, id);
}

/* Where the host ends in "host:port" or "[host]:port"; 0 if there is no end. */
static size_t
address_host_end(struct slice text, bool literal)
{
	size_t i;

	for (i = 0; i < text.size; i++) {
		uint8_t byte = text.data[i];

		if (byte == (literal ? ']' : ':'))
			return i;
		if (byte_is_digit(byte) || byte_is_letter(byte) || byte == '.')
			continue;
		if (literal ? byte == ':' : byte == '-' || byte == '_')
			continue;
		return 0;
	}
	return 0;
}

enum err
peer_address_parse(struct slice text, bool bare, struct peer_address *address)
{
	static const struct slice http = { (const uint8_t *)"http://", 7 };
	static const struct slice https = { (const uint8_t *)"https://", 8 };
	uint64_t port;
	bool literal;
	size_t end;

	if (text.size > URL_BYTES_MAX)
		return ERR_INVALID;
	address->https = slice_starts_with(text, https);
	if (address->https)
		text = slice_of(text.data + https.size, text.size - https.size);
	else if (slice_starts_with(text, http))
		text = slice_of(text.data + http.size, text.size - http.size);
	else if (!bare)
		return ERR_INVALID;
	if (text.size > 0 && text.data[text.size - 1] == '/')
		text.size--;
	literal = text.size > 0 && text.data[0] == '[';
	if (literal)
		text = slice_of(text.data + 1, text.size - 1);
	end = address_host_end(text, literal);
	if (end == 0 || end > ADDRESS_HOST_BYTES_MAX)
		return ERR_INVALID;
	memcpy(address->host, text.data, end);
	address->host[end] = '\0';
	text = slice_of(text.data + end, text.size - end);
	if (literal)
		text = slice_of(text.data + 1, text.size - 1);
	if (text.size < 2 || text.data[0] != ':')
		return ERR_INVALID;
	if (!peer_number_parse(slice_of(text.data + 1, text.size - 1), UINT16_MAX, &port) ||
	    port == 0)
		return ERR_INVALID;
	address->port = (uint16_t)port;
	return ERR_NONE;
}

size_t
peer_addresses_parse(struct slice list, struct peer_address addresses[URLS_MAX])
{
	size_t count = 0;
	struct slice url;

	while (count < URLS_MAX && url_list_next(&list, &url))
		if (peer_address_parse(url, false, &addresses[count]) == ERR_NONE)
			count++;
	return count;
}

void
peer_address_text(const struct peer_address *address, char text[ADDRESS_TEXT_BYTES])
{
	bool literal = strchr(address->host, ':') != NULL;

	snprintf(text, ADDRESS_TEXT_BYTES, literal ? "[%s]:%u" : "%s:%u", address->host,
	    (unsigned)address->port);
}

bool
peer_address_equal(const struct peer_address *a, const struct peer_address *b)
{
	return a->port == b->port && strcasecmp(a->host, b->host) == 0;
}
