/*
 * tls_link.c - TLS over a socket, from memory to memory (see tls_link.h).
 *
 * OpenSSL reads through a BIO whose bytes are what one recv brought; a record
 * that is not whole yet is kept by OpenSSL. It writes through the same BIO right
 * to the socket: a record that the socket took a part of is kept by OpenSSL too,
 * and SSL_write says so until the rest is out.
 */
#include "httpd/http/tls_link.h"

#include "common/buf.h"
#include "common/xmem.h"

#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define RECORD_BYTES_MAX 16384

struct tls_link {
	struct tls *tls;
	int fd;
	SSL *ssl;
	struct tls_check check;
	bool greeted;			/* it began as TLS does */
	bool open;			/* the handshake is finished */
	bool blocked;			/* reading waits for room to write */
	enum err over;			/* reading ended with this; ERR_NONE: not yet */
	struct slice input;		/* of a read: what OpenSSL has not taken yet */
	struct buf kept;		/* the same between two reads, seldom any */
	enum tls_failure failure;	/* with why */
	char why[TLS_TEXT_BYTES];
};

/* ---- the BIO ------------------------------------------------------------------ */

static int
bio_read(BIO *bio, char *data, size_t room, size_t *size)
{
	struct tls_link *link = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (link->input.size == 0) {
		BIO_set_retry_read(bio);
		return 0;
	}
	*size = MIN_OF(room, link->input.size);
	memcpy(data, link->input.data, *size);
	link->input = slice_of(link->input.data + *size, link->input.size - *size);
	return 1;
}

static int
bio_write(BIO *bio, const char *data, size_t size, size_t *written)
{
	const struct tls_link *link = BIO_get_data(bio);
	ssize_t put = send(link->fd, data, size, MSG_NOSIGNAL);

	BIO_clear_retry_flags(bio);
	if (put < 0) {
		if (errno == EAGAIN || errno == EINTR)
			BIO_set_retry_write(bio);
		return 0;
	}
	*written = (size_t)put;
	return 1;
}

static long
bio_control(BIO *bio UNUSED, int command, long number UNUSED, void *pointer UNUSED)
{
	return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *
make_method(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "link");

	ASSERT(method != NULL);
	BIO_meth_set_read_ex(method, bio_read);
	BIO_meth_set_write_ex(method, bio_write);
	BIO_meth_set_ctrl(method, bio_control);
	return method;
}

/* ---- life ---------------------------------------------------------------------- */

struct tls_link *
tls_link_new(struct tls *tls, int fd)
{
	struct tls_link *link = xzalloc(sizeof(*link));
	BIO_METHOD **method = tls_link_method(tls);
	BIO *bio;

	if (*method == NULL)
		*method = make_method();
	bio = BIO_new(*method);
	ASSERT(bio != NULL);
	BIO_set_data(bio, link);
	BIO_set_init(bio, 1);
	link->tls = tls;
	link->fd = fd;
	link->ssl = tls_accept(tls, &link->check);
	SSL_set_mode(link->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
	SSL_set_bio(link->ssl, bio, bio);
	return link;
}

bool
tls_link_certificate_name(const struct tls_link *link, char *name, size_t size)
{
	X509 *certificate = link->open && SSL_get_verify_result(link->ssl) == X509_V_OK ?
	    SSL_get0_peer_certificate(link->ssl) : NULL;
	const X509_NAME *subject;
	unsigned char *text;
	int at, bytes;
	bool found = false;

	if (certificate == NULL)
		return false;
	subject = X509_get_subject_name(certificate);
	at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	/* Of two names it could be either. */
	if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
		return false;
	bytes = ASN1_STRING_to_UTF8(&text,
	    X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (bytes < 0)
		return false;
	if (bytes > 0 && (size_t)bytes < size && memchr(text, '\0', (size_t)bytes) == NULL) {
		memcpy(name, text, (size_t)bytes);
		name[bytes] = '\0';
		found = true;
	}
	OPENSSL_free(text);
	return found;
}

SSL *
tls_link_release(struct tls_link **link)
{
	SSL *ssl = (*link)->ssl;

	SSL_set_bio(ssl, NULL, NULL);
	/* A bufferevent goes on with the next piece of its buffer after any success,
	 * so it must not be told of a part. */
	SSL_clear_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
	tls_check_end(&(*link)->check, ssl);
	buf_free(&(*link)->kept);
	free(*link);
	*link = NULL;
	return ssl;
}

void
tls_link_end_output(struct tls_link *link)
{
	/* After an error of the protocol OpenSSL must not be asked any more. */
	if (!link->open || link->over == ERR_IO)
		return;
	ERR_clear_error();
	if (SSL_shutdown(link->ssl) < 0)
		ERR_clear_error();
}

void
tls_link_free(struct tls_link **link)
{
	SSL *ssl;

	if (*link == NULL)
		return;
	tls_link_end_output(*link);
	ssl = tls_link_release(link);
	SSL_free(ssl);
}

bool
tls_link_is_open(const struct tls_link *link)
{
	return link->open;
}

bool
tls_link_speaks_h2(const struct tls_link *link)
{
	const unsigned char *name;
	unsigned size;

	SSL_get0_alpn_selected(link->ssl, &name, &size);
	return link->open && size == 2 && memcmp(name, "h2", 2) == 0;
}

bool
tls_link_has_more(const struct tls_link *link)
{
	return link->over != ERR_NONE || (link->kept.size > 0 && !link->blocked);
}

bool
tls_link_is_blocked(const struct tls_link *link)
{
	return link->blocked;
}

const char *
tls_link_why(const struct tls_link *link)
{
	return link->why;
}

enum tls_failure
tls_link_failure(const struct tls_link *link)
{
	return link->failure;
}

const struct tls_check *
tls_link_check(const struct tls_link *link)
{
	return &link->check;
}

/* ---- reading ---------------------------------------------------------------------- */

/* Take what the socket has. ERR_NONE: there is something to give to OpenSSL. */
static enum err
take_input(struct tls_link *link)
{
	uint8_t *scratch = tls_scratch(link->tls);
	ssize_t got;

	if (link->kept.size > 0 || link->blocked) {
		link->input = buf_slice(&link->kept);
		return ERR_NONE;
	}
	got = recv(link->fd, scratch, TLS_INPUT_BYTES, 0);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? ERR_AGAIN : ERR_IO;
	if (got == 0) {
		if (link->open || !link->greeted)
			return ERR_CLOSED;
		link->failure = tls_why(&link->check, 0, link->why);
		return ERR_REFUSED;
	}
	if (!link->greeted && scratch[0] != FIRST_BYTE_OF_TLS) {
		link->failure = TLS_FAILED_PLAIN;
		snprintf(link->why, sizeof(link->why), "no TLS on a port that speaks HTTPS");
		return ERR_FOREIGN;
	}
	link->greeted = true;
	link->input = slice_of(scratch, (size_t)got);
	return ERR_NONE;
}

/* What OpenSSL has not taken waits; input may be the beginning of kept. */
static void
keep_input(struct tls_link *link)
{
	if (link->kept.size > 0)
		buf_consume(&link->kept, link->kept.size - link->input.size);
	else
		buf_append_slice(&link->kept, link->input);
	if (link->kept.size == 0)
		buf_free(&link->kept);
	link->input = SLICE_EMPTY;
}

/* A call of OpenSSL did not give bytes: is that the end? */
static enum err
read_problem(struct tls_link *link, int result)
{
	switch (SSL_get_error(link->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return ERR_AGAIN;
	case SSL_ERROR_WANT_WRITE:
		link->blocked = true;
		return ERR_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return ERR_CLOSED;
	default:
		break;
	}
	if (link->open)
		return ERR_IO;
	link->failure = tls_why(&link->check, ERR_peek_error(), link->why);
	ERR_clear_error();
	return ERR_REFUSED;
}

enum err
tls_link_read(struct tls_link *link, void *data, size_t room, size_t *size)
{
	size_t done = 0;
	enum err err = link->over;

	ASSERT(room >= TLS_ROOM_BYTES);
	if (err == ERR_NONE)
		err = take_input(link);
	link->blocked = false;
	while (err == ERR_NONE) {
		int got;

		ERR_clear_error();
		got = SSL_read(link->ssl, (uint8_t *)data + done, (int)(room - done));
		if (!link->open && SSL_is_init_finished(link->ssl))
			link->open = true;
		if (got > 0)
			done += (size_t)got;
		else
			err = read_problem(link, got);
	}
	keep_input(link);
	if (err == ERR_CLOSED || err == ERR_IO)
		link->over = err;
	if (done == 0)
		return err;
	*size = done;
	return ERR_NONE;
}

/* ---- writing ------------------------------------------------------------------------- */

enum err
tls_link_write(struct tls_link *link, const struct iovec *pieces, int count, size_t *size)
{
	uint8_t record[RECORD_BYTES_MAX];
	const void *data = record;
	size_t length = 0;
	int put, error;

	ASSERT(link->open);
	if (link->over == ERR_IO)
		return ERR_IO;
	if (pieces[0].iov_len >= sizeof(record)) {
		data = pieces[0].iov_base;
		length = MIN_OF(pieces[0].iov_len, (size_t)INT_MAX);
	}
	for (int i = 0; data == record && i < count && length < sizeof(record); i++) {
		size_t part = MIN_OF(pieces[i].iov_len, sizeof(record) - length);

		memcpy(record + length, pieces[i].iov_base, part);
		length += part;
	}
	ERR_clear_error();
	put = SSL_write(link->ssl, data, (int)length);
	if (put > 0) {
		*size = (size_t)put;
		return ERR_NONE;
	}
	error = SSL_get_error(link->ssl, put);
	if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ)
		return ERR_AGAIN;
	link->over = ERR_IO;
	return ERR_IO;
}
