/*
 * discover.c - see discover.h.
 */
#include "ctl/discover.h"

#include "common/buf.h"
#include "common/host_name.h"
#include "common/services.h"
#include "common/xmem.h"
#include "ctl/ctl.h"
#include "ctl/output.h"

#include <stdlib.h>

static const struct {
	const char *service, *scheme;
} names[] = {
	{ "_etcd-client-ssl._tcp.", "https" },
	{ "_etcd-client._tcp.", "http" },
};

/* Append what one name has. */
static int
look_up(const char *service, const char *scheme, const char *domain, struct buf *out)
{
	char *name = xasprintf("%s%s", service, domain);
	struct services services;
	enum err err = services_look_up(name, &services);
	int code = CTL_DONE;

	if (err == ERR_AGAIN)
		code = output_fail(CTL_NO_HOST, "no name server gives an answer for the "
		    "SRV records %s (--discovery-srv)", name);
	else if (err != ERR_NONE && err != ERR_NOT_FOUND)
		code = output_fail(CTL_NO_HOST, "the SRV records %s cannot be used: %s "
		    "(--discovery-srv)", name, err_text(err));
	for (size_t i = 0; code == CTL_DONE && i < services.count; i++)
		buf_printf(out, "%s%s://%s:%u", out->size == 0 ? "" : ",", scheme,
		    services.list[i].host, (unsigned)services.list[i].port);
	free(name);
	return code;
}

int
discover_endpoints(const char *domain, char **list)
{
	size_t most = ADDRESS_HOST_BYTES_MAX - strlen(names[0].service);
	struct buf out = BUF_INIT;
	int code = CTL_DONE;

	if (!host_name_valid(slice_text(domain)) || domain[0] == '.' || strlen(domain) > most)
		return output_fail(CTL_BAD_ARGUMENTS, "\"%s\" is no domain (--discovery-srv)",
		    domain);
	for (size_t i = 0; code == CTL_DONE && i < ARRAY_COUNT(names); i++)
		code = look_up(names[i].service, names[i].scheme, domain, &out);
	if (code == CTL_DONE && out.size == 0)
		code = output_fail(CTL_NO_HOST, "there are no SRV records %s%s nor %s%s "
		    "(--discovery-srv)", names[0].service, domain, names[1].service, domain);
	if (code == CTL_DONE) {
		buf_append_byte(&out, '\0');
		*list = xstrdup((const char *)out.data);
	}
	buf_free(&out);
	return code;
}
