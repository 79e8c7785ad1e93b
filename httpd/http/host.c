/*
 * host.c - host[:port], and whose names those are (see host.h).
 */
#include "httpd/http/host.h"

#include "common/xmem.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <strings.h>

struct hosts {
	const struct config *config;	/* its texts are borrowed */
};

static bool
is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

static bool
is_hex_digit(uint8_t byte)
{
	return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

/* RFC 3986: unreserved. */
static bool
is_unreserved(uint8_t byte)
{
	return is_digit(byte) || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	    byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

/* RFC 3986: *( unreserved / pct-encoded / sub-delims ). An IPv4 address is one, too. */
static bool
is_name(struct slice text)
{
	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = text.data[i];

		if (byte == '%') {
			if (text.size - i < 3 || !is_hex_digit(text.data[i + 1]) ||
			    !is_hex_digit(text.data[i + 2]))
				return false;
			i += 2;
		} else if (!is_unreserved(byte) &&
		    (byte == '\0' || strchr("!$&'()*+,;=", byte) == NULL)) {
			return false;
		}
	}
	return true;
}

static bool
is_address(int family, struct slice text)
{
	uint8_t address[sizeof(struct in6_addr)];
	char copy[INET6_ADDRSTRLEN];

	/* What has a NUL in it is longer than what would be looked at. */
	if (text.size >= sizeof(copy) || (text.size > 0 && memchr(text.data, '\0', text.size)))
		return false;
	memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	return inet_pton(family, copy, address) == 1;
}

/* Between brackets: an IPv6 address, of a link with its zone (RFC 6874, and as it is
 * typed, without the 25). Forms of the future are nobody's yet. */
static bool
is_literal(struct slice text)
{
	const uint8_t *zone = text.size == 0 ? NULL : memchr(text.data, '%', text.size);

	if (zone == NULL)
		return is_address(AF_INET6, text);
	for (const uint8_t *at = zone + 1; at < text.data + text.size; at++)
		if (!is_unreserved(*at))
			return false;
	return zone + 1 < text.data + text.size &&
	    is_address(AF_INET6, slice_of(text.data, (size_t)(zone - text.data)));
}

bool
host_read(struct slice value, struct slice *host)
{
	size_t end = value.size;

	while (end > 0 && is_digit(value.data[end - 1]))
		end--;
	/* All digits, and none, are a name. */
	if (end > 0 && value.data[end - 1] == ':')
		value.size = end - 1;
	if (value.size >= 2 && value.data[0] == '[' && value.data[value.size - 1] == ']') {
		*host = slice_of(value.data + 1, value.size - 2);
		return is_literal(*host);
	}
	*host = value;
	return is_name(value);
}

struct slice
host_of_target(struct slice target)
{
	size_t begin, end;

	if (target.size == 0 || target.data[0] == '/' || target.data[0] == '*')
		return SLICE_EMPTY;
	begin = strncasecmp((const char *)target.data, "https", 5) == 0 ? sizeof("https://") - 1 :
	    sizeof("http://") - 1;
	for (end = begin; end < target.size; end++)
		if (target.data[end] == '/' || target.data[end] == '?')
			break;
	return slice_of(target.data + begin, end - begin);
}

/* ---- the list ------------------------------------------------------------------ */

struct hosts *
hosts_new(const struct config *config)
{
	struct hosts *hosts;

	if (config->host_names[0] == '\0')
		return NULL;
	hosts = xzalloc(sizeof(*hosts));
	hosts->config = config;
	return hosts;
}

void
hosts_free(struct hosts **hosts)
{
	free(*hosts);
	*hosts = NULL;
}

/* The dot at the end of a name says that it is whole. */
static struct slice
without_last_dot(struct slice name)
{
	if (name.size > 1 && name.data[name.size - 1] == '.')
		name.size--;
	return name;
}

static bool
same_name(struct slice a, struct slice b)
{
	a = without_last_dot(a);
	b = without_last_dot(b);
	return a.size == b.size &&
	    strncasecmp((const char *)a.data, (const char *)b.data, a.size) == 0;
}

static bool
is_listed(const char *list, struct slice host)
{
	while (list[0] != '\0') {
		size_t size = strcspn(list, ",");

		if (size > 0 && same_name(slice_of(list, size), host))
			return true;
		list += size;
		if (list[0] == ',')
			list++;
	}
	return false;
}

static bool
is_host_of(const char *address, struct slice host)
{
	struct slice own;

	return host_read(slice_text(address), &own) && own.size > 0 && same_name(own, host);
}

bool
host_is_own(const struct config *config, struct slice value)
{
	struct slice host;

	if (!host_read(value, &host) || host.size == 0)
		return false;
	return host.data != value.data || is_address(AF_INET, host) ||
	    same_name(host, SLICE_LITERAL("localhost")) || is_listed(config->host_names, host) ||
	    is_host_of(config->addr, host) || is_host_of(config->peer_addr, host);
}

bool
hosts_allow(const struct hosts *hosts, struct slice value)
{
	struct slice host;

	if (!host_read(value, &host))
		return false;
	return host.size == 0 || host_is_own(hosts->config, value);
}
