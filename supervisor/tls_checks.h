/*
 * tls_checks.h - is what stands in the files of a TLS port fit for use?
 *
 * Looks at bytes only; tls_files.c reads them. What makes a certificate useless
 * is a problem; what is only doubtful is said in the log.
 *
 * Source: docs/security.md, "TLS".
 */
#ifndef MOOTHALL_SUPERVISOR_TLS_CHECKS_H
#define MOOTHALL_SUPERVISOR_TLS_CHECKS_H

#include "common/option.h"

/* A file of an option: "server.crt (-cert-file)" for people. */
struct tls_file {
	const char *path;	/* as the operator wrote it; "" if the option is not given */
	const char *flag;	/* without dash */
	struct slice text;
};

/* One port as the options have it; all borrowed. */
struct tls_port {
	bool peer;		/* its certificate is shown to those we call, too */
	struct tls_file certificate, key, authorities;
	const char *address;	/* advertised host:port */
	const char *address_flag;
	const char *ciphers;	/* -tls-ciphers */
	const char *names;	/* -peer-cert-names; "" for the client port */
	int64_t now_s;
	bool reload;		/* what ended already is not worth a change */
};

/*
 * NULL and *end_s, when the first certificate of the chain ends; or what is
 * wrong, freed by the caller.
 */
char *tls_checks_port(const struct tls_port *port, int64_t *end_s) MUST_CHECK;

/* "2026-11-22" of that day. */
#define TLS_DATE_BYTES 16
void tls_checks_date(int64_t time_s, char text[TLS_DATE_BYTES]);

#endif
