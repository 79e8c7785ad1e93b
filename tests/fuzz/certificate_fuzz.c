/*
 * certificate_fuzz.c - any bytes as the files of a port with TLS: certificate,
 * key and authorities, which stand one after the other with a NUL between.
 */
#include "tests/fuzz/fuzz.h"

#include "supervisor/tls_checks.h"

#include "common/diag.h"

#include <stdlib.h>

static struct slice
next_part(struct slice *rest)
{
	const uint8_t *end = rest->size == 0 ? NULL : memchr(rest->data, '\0', rest->size);
	size_t size = end == NULL ? rest->size : (size_t)(end - rest->data);
	struct slice part = slice_of(rest->data, size);

	size += end != NULL;
	*rest = slice_of(rest->data + size, rest->size - size);
	return part;
}

static void
try_port(struct slice rest, bool peer, bool reload)
{
	struct tls_port port = {
		.peer = peer,
		.certificate = { "server.crt", peer ? "peer-cert-file" : "cert-file",
		    next_part(&rest) },
		.key = { "server.key", peer ? "peer-key-file" : "key-file", next_part(&rest) },
		.authorities = { "ca.crt", peer ? "peer-ca-file" : "ca-file", next_part(&rest) },
		.address = "127.0.0.1:4001",
		.address_flag = "addr",
		.ciphers = "",
		.names = peer ? "machine,*.example" : "",
		.now_s = 1790000000,
		.reload = reload,
	};
	int64_t end_s = 0;
	char *problem = tls_checks_port(&port, &end_s);

	/* Whatever was wrong, a sentence says it that names a file. */
	if (problem != NULL)
		ASSERT(strstr(problem, "server.") != NULL || strstr(problem, "ca.crt") != NULL);
	free(problem);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = slice_of(data, size);

	diag_set_level(DIAG_ERROR);
	try_port(bytes, false, false);
	try_port(bytes, true, true);
	return 0;
}
