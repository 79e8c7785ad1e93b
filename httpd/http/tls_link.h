/*
 * tls_link.h - one TLS connection that somebody made to us, over its socket.
 *
 *	new ---> open	[tls_link_read] drives the handshake
 *	new ---> over	refused, or no TLS at all
 *	open --> over	the other side said its end, or broke the rules
 *
 * What came is read with one system call and handed to OpenSSL from memory, so
 * nothing of a turn stays behind in it; what goes out is gathered to records
 * of full size. Nothing that is read comes out before the handshake with all
 * checks of the other side is finished: OpenSSL's promise, since early data is
 * off.
 */
#ifndef MOOTHALL_HTTPD_HTTP_TLS_LINK_H
#define MOOTHALL_HTTPD_HTTP_TLS_LINK_H

#include "common/slice.h"
#include "httpd/http/tls.h"

#include <sys/uio.h>

#define TLS_ROOM_BYTES (TLS_INPUT_BYTES + (size_t)16 * 1024)

struct tls_link;

/* fd, a connected non-blocking socket, stays the caller's. tls outlives it. */
struct tls_link *tls_link_new(struct tls *tls, int fd);
/* Says the end to the other side if the connection is open. Accepts NULL. */
void tls_link_free(struct tls_link **link);

bool tls_link_is_open(const struct tls_link *link);
/* Both sides have agreed on HTTP/2. */
bool tls_link_speaks_h2(const struct tls_link *link);
/* Read again although the socket has nothing: it was not all taken. */
bool tls_link_has_more(const struct tls_link *link);
/* Reading cannot go on before the socket takes what is to be written. */
bool tls_link_is_blocked(const struct tls_link *link);

/*
 * room is TLS_ROOM_BYTES at least: all that one system call brings fits, decrypted, with
 * the record that was begun before it.
 *
 * As transport_read; and ERR_FOREIGN: that is no TLS; ERR_REFUSED: the handshake
 * failed, the other side was told. After these two only tls_link_free may follow.
 */
enum err tls_link_read(struct tls_link *link, void *data, size_t room, size_t *size) MUST_CHECK;
/* As transport_write. The bytes of a call that gave ERR_AGAIN come again first. */
enum err tls_link_write(struct tls_link *link, const struct iovec *pieces, int count,
    size_t *size) MUST_CHECK;
/* Say that nothing more comes from us. */
void tls_link_end_output(struct tls_link *link);

/* What tls_link_read's last ERR_REFUSED or ERR_FOREIGN means; and its check. */
const char *tls_link_why(const struct tls_link *link);
enum tls_failure tls_link_failure(const struct tls_link *link);
const struct tls_check *tls_link_check(const struct tls_link *link);

/* The common name of the certificate that the other side has shown, if it was verified and the
 * name is one text without a zero byte, shorter than size. */
bool tls_link_certificate_name(const struct tls_link *link, char *name, size_t size);

/* For a bufferevent to go on with: returned owned, without a BIO; the link is freed. */
struct ssl_st *tls_link_release(struct tls_link **link);

#endif
