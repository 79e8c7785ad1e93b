/*
 * certificate.h - certificates for tests, made in memory.
 */
#ifndef MOOTHALL_TESTS_LIB_CERTIFICATE_H
#define MOOTHALL_TESTS_LIB_CERTIFICATE_H

#include "common/slice.h"

/* Certificate and key in PEM form; both end with NUL. */
struct certificate {
	char *text, *key;
};

struct certificate_wish {
	const char *name;		/* common name */
	const char *san;		/* "IP:127.0.0.1,DNS:localhost"; NULL: none */
	const char *usage;		/* "serverAuth,clientAuth"; NULL: none */
	const struct certificate *issuer; /* NULL: an authority, signed by itself */
	long from_s, to_s;		/* valid, counted from now; both 0: a day each way */
};

/* An ECDSA key on P-256. */
struct certificate certificate_make(const struct certificate_wish *wish);
void certificate_free(struct certificate *certificate);

#endif
