/*
 * tls.h - TLS of one worker's port: what it shows, whom it trusts, and why a
 * handshake was refused. Over OpenSSL; knows no sockets.
 *
 * struct tls lives as long as the worker. Inside it is the present set, made
 * from msg_tls: certificate, key, authorities, names. A connection keeps the
 * set it began with, so a new one (tls_take) is for new connections only.
 *
 * struct tls_check is one handshake's side of the story. OpenSSL tells the other
 * side an alert and us a number; what is wrong with a certificate is written
 * down here when it is seen.
 *
 * Source: docs/security.md, "TLS"; RFC 8446, RFC 5246, RFC 5077, RFC 9325.
 */
#ifndef MOOTHALL_HTTPD_HTTP_TLS_H
#define MOOTHALL_HTTPD_HTTP_TLS_H

#include "common/ipc/message.h"

struct bio_method_st;
struct ssl_st;
struct tls;
struct tls_set;

#define TLS_TEXT_BYTES 256
#define FIRST_BYTE_OF_TLS 0x16	/* of a handshake record; no HTTP begins so */
#define TLS_HANDSHAKE_MS 10000	/* then a connection that has none is closed */

/* Kinds of failure, as the metric has them. */
enum tls_failure {
	TLS_FAILED_PROTOCOL,		/* versions, ciphers, broken records */
	TLS_FAILED_PLAIN,		/* it was no TLS at all */
	TLS_FAILED_CLOSED,		/* the connection ended */
	TLS_FAILED_LATE,
	TLS_FAILED_NO_CERTIFICATE,
	TLS_FAILED_UNTRUSTED,
	TLS_FAILED_DATE,
	TLS_FAILED_USAGE,
	TLS_FAILED_NAME,
	TLS_FAILED_REFUSED,		/* the other side did not like ours */
	TLS_FAILURES
};

struct tls_check {
	struct tls_set *set;		/* referenced until tls_check_end */
	const char *host;		/* who is to be at the other end; NULL: any caller */
	enum tls_failure failure;	/* with refused */
	char subject[TLS_TEXT_BYTES];	/* of the certificate refused, or "" */
	char refused[TLS_TEXT_BYTES];	/* why it was, or "" */
};

/* role: ROLE_CLIENT or ROLE_PEER of wire.h: whose port. Has no set yet. */
struct tls *tls_new(int role);
void tls_free(struct tls **tls);

/*
 * Use this from the next connection on.
 *
 * ERR_NONE, or ERR_INVALID with *problem (freed by the caller): nothing changed.
 */
enum err tls_take(struct tls *tls, const struct msg_tls *material, char **problem) MUST_CHECK;
/* Keys of session tickets (tls_tickets of message_table.h), the first for new
 * ones; replaces those before. */
void tls_take_tickets(struct tls *tls, struct slice keys);
/* True once there is a set. */
bool tls_is_ready(const struct tls *tls);

/*
 * The state of a connection that somebody made to us, or of one that we make to
 * host (a name or an address; kept as a pointer). It has no BIO yet. check stays
 * the caller's, where it is until tls_check_end; nothing of it is read later.
 * The set must be there.
 */
struct ssl_st *tls_accept(struct tls *tls, struct tls_check *check);
struct ssl_st *tls_connect(struct tls *tls, const char *host, struct tls_check *check);
/* Before ssl is freed or goes on without check. */
void tls_check_end(struct tls_check *check, struct ssl_st *ssl);

/*
 * Why a handshake or a connection failed, for people and as a kind: of what check
 * knows, and an error number of OpenSSL (0: the connection just ended).
 */
enum tls_failure tls_why(
    const struct tls_check *check, unsigned long number, char text[TLS_TEXT_BYTES]);

/*
 * A handshake that somebody made with us and that was refused, is counted and
 * gets a line; at most one a second for an address, with the number of those
 * between.
 *
 *	from	"host:port" or "[host]:port"
 */
void tls_report(struct tls *tls, const char *from, const struct tls_check *check,
    enum tls_failure failure, const char *why, uint64_t now_ms);

/* Where tls_link.c keeps what all its connections share; freed by tls_free. */
struct bio_method_st **tls_link_method(struct tls *tls);
/* Memory for what is read from a socket, used within one call only. */
#define TLS_INPUT_BYTES ((size_t)48 * 1024)
uint8_t *tls_scratch(struct tls *tls);

#endif
