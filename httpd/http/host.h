/*
 * host.h - the names that requests call this node by: the grammar of the header
 * Host, and -host-names.
 *
 * A page in a browser can be served under a name whose address is then changed to
 * this node's (DNS rebinding): to the browser our answers are the page's own, and
 * -cors is never asked. But the request still names the page's host. So with
 * -host-names only those names are served, and what no page can have as its own:
 * addresses, localhost, and the hosts of -addr and -peer-addr, by which other
 * machines were told to call.
 *
 * Source: RFC 9110, 7.2; RFC 3986, 3.2.2; docs/api.md, "Web pages".
 */
#ifndef MOOTHALL_HTTPD_HTTP_HOST_H
#define MOOTHALL_HTTPD_HTTP_HOST_H

#include "common/buf.h"
#include "common/option.h"

/* Is it host[:port], with host a name, an IPv4 address or [an IPv6 address], or
 * empty? Then *host is the host without brackets and port. */
bool host_read(struct slice value, struct slice *host) MUST_CHECK;
/* The host[:port] in a target that the gate let through; empty of one that begins with "/". */
struct slice host_of_target(struct slice target);

/* May no page have that host[:port] as its own? An address, localhost, a host of -addr and
 * -peer-addr, a name of -host-names. */
bool host_is_own(const struct config *config, struct slice value) MUST_CHECK;

struct hosts;

/* Borrows the texts of config. NULL: any name will do. */
struct hosts *hosts_new(const struct config *config);
void hosts_free(struct hosts **hosts);
/* May a request call us by that host[:port], which the gate let through? No host
 * is no page's. */
bool hosts_allow(const struct hosts *hosts, struct slice value) MUST_CHECK;

#endif
