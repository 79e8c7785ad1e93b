/*
 * tls_test.c - sets of certificates, tickets and links, against a client of
 * OpenSSL's own at the other end of a socket pair.
 */
#include "tests/lib/certificate.h"
#include "tests/lib/test.h"

#include "common/buf.h"
#include "common/ipc/wire.h"
#include "common/xmem.h"
#include "httpd/http/tls_link.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE 100000		/* steps of a conversation that ends by itself */

/* A worker's TLS, a client of it, and the connection between them. */
struct pair {
	struct certificate authority, server;
	struct tls *tls;
	struct tls_link *link;
	SSL_CTX *client_ctx;
	SSL *client;
	int server_fd, client_fd;
	enum err last;			/* of tls_link_read */
	struct buf came;		/* at the server */
	uint8_t room[TLS_ROOM_BYTES];
};

/* ---- the two ends ----------------------------------------------------------------- */

static struct msg_tls
material_of(const struct pair *pair, unsigned flags)
{
	return (struct msg_tls){ .flags = (uint8_t)flags, .min_version = TLS_VERSION_1_2,
		.chain = slice_text(pair->server.text), .key = slice_text(pair->server.key),
		.authorities = slice_text(pair->authority.text) };
}

static void
take(struct tls *tls, const struct msg_tls *material)
{
	char *problem = NULL;

	assert_int_equal(tls_take(tls, material, &problem), ERR_NONE);
	assert_null(problem);
}

static void
take_tickets(struct tls *tls, const char *names)
{
	uint8_t keys[TLS_TICKET_KEYS_MAX * TLS_TICKET_KEY_BYTES];
	size_t size = strlen(names) * TLS_TICKET_KEY_BYTES;

	for (size_t i = 0; i < size; i++)
		keys[i] = (uint8_t)names[i / TLS_TICKET_KEY_BYTES];
	tls_take_tickets(tls, slice_of(keys, size));
}

static struct pair *
pair_new(unsigned flags)
{
	struct pair *pair = xzalloc(sizeof(*pair));
	struct msg_tls material;
	X509 *authority;
	BIO *bio;

	pair->server_fd = pair->client_fd = -1;
	pair->authority = certificate_make(&(struct certificate_wish){ .name = "authority" });
	pair->server = certificate_make(&(struct certificate_wish){ .name = "server",
	    .san = "IP:127.0.0.1,DNS:node.example", .usage = "serverAuth",
	    .issuer = &pair->authority });
	pair->tls = tls_new(ROLE_CLIENT);
	material = material_of(pair, flags);
	take_tickets(pair->tls, "a");
	take(pair->tls, &material);
	pair->client_ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_verify(pair->client_ctx, SSL_VERIFY_PEER, NULL);
	bio = BIO_new_mem_buf(pair->authority.text, -1);
	authority = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	X509_STORE_add_cert(SSL_CTX_get_cert_store(pair->client_ctx), authority);
	X509_free(authority);
	BIO_free(bio);
	return pair;
}

static void
pair_hang_up(struct pair *pair)
{
	tls_link_free(&pair->link);
	SSL_free(pair->client);
	pair->client = NULL;
	if (pair->server_fd != -1)
		close(pair->server_fd);
	if (pair->client_fd != -1)
		close(pair->client_fd);
	pair->server_fd = pair->client_fd = -1;
	buf_free(&pair->came);
}

static void
pair_free(struct pair *pair)
{
	pair_hang_up(pair);
	SSL_CTX_free(pair->client_ctx);
	tls_free(&pair->tls);
	certificate_free(&pair->authority);
	certificate_free(&pair->server);
	free(pair);
}

static void
pair_connect(struct pair *pair)
{
	int fds[2];

	pair_hang_up(pair);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	pair->server_fd = fds[0];
	pair->client_fd = fds[1];
	pair->link = tls_link_new(pair->tls, fds[0]);
	pair->client = SSL_new(pair->client_ctx);
	SSL_set_fd(pair->client, fds[1]);
	SSL_set_connect_state(pair->client);
	pair->last = ERR_AGAIN;
}

/* The server reads what there is; false once that has come to an end. */
static bool
server_reads(struct pair *pair)
{
	size_t size;

	do {
		pair->last = tls_link_read(pair->link, pair->room, sizeof(pair->room), &size);
		if (pair->last == ERR_NONE)
			buf_append(&pair->came, pair->room, size);
	} while (pair->last == ERR_NONE);
	return pair->last == ERR_AGAIN;
}

/* Turn by turn until both sides have nothing to say; the client's result. */
static int
pair_shake_hands(struct pair *pair)
{
	int result = -1;

	for (int i = 0; i < 20; i++) {
		ERR_clear_error();
		result = SSL_do_handshake(pair->client);
		if (!server_reads(pair))
			break;
	}
	return result;
}

/* Who the client is, or nobody if wish is NULL. */
static void
client_is(struct pair *pair, const struct certificate_wish *wish)
{
	struct certificate certificate;
	EVP_PKEY *key;
	X509 *read;
	BIO *bio;

	SSL_CTX_set_options(pair->client_ctx, SSL_OP_NO_TICKET);
	if (wish == NULL)
		return;
	certificate = certificate_make(wish);
	bio = BIO_new_mem_buf(certificate.text, -1);
	read = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	assert_int_equal(SSL_CTX_use_certificate(pair->client_ctx, read), 1);
	X509_free(read);
	BIO_free(bio);
	bio = BIO_new_mem_buf(certificate.key, -1);
	key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	assert_int_equal(SSL_CTX_use_PrivateKey(pair->client_ctx, key), 1);
	EVP_PKEY_free(key);
	BIO_free(bio);
	certificate_free(&certificate);
}

/* The alert that the client got, as SSL_AD_*. */
static int
client_alert(struct pair *pair)
{
	char byte;

	ERR_clear_error();
	assert_true(SSL_read(pair->client, &byte, 1) <= 0);
	return ERR_GET_REASON(ERR_peek_error()) - SSL_AD_REASON_OFFSET;
}

/* ---- bytes ----------------------------------------------------------------------------- */

TEST(bytes_come_through_both_ways)
{
	struct pair *pair = pair_new(0);
	struct iovec pieces[2] = {{(void *)(uintptr_t) "hel", 3}, {(void *)(uintptr_t) "lo", 2}};
	char answer[16];
	size_t size;

	pair_connect(pair);
	assert_false(tls_link_is_open(pair->link));
	assert_int_equal(pair_shake_hands(pair), 1);
	assert_true(tls_link_is_open(pair->link));
	assert_int_equal(SSL_write(pair->client, "question", 8), 8);
	assert_true(server_reads(pair));
	assert_true(slice_equal(buf_slice(&pair->came), SLICE_LITERAL("question")));
	assert_int_equal(tls_link_write(pair->link, pieces, 2, &size), ERR_NONE);
	assert_int_equal(size, 5);
	assert_int_equal(SSL_read(pair->client, answer, sizeof(answer)), 5);
	assert_memory_equal(answer, "hello", 5);
	pair_free(pair);
}

/* A record that the socket takes in parts, and pieces of all sizes. */
TEST(much_comes_through_a_narrow_socket)
{
	enum { BYTES = 700000 };
	struct pair *pair = pair_new(0);
	uint8_t *sent = xmalloc(BYTES), *got = xmalloc(BYTES);
	size_t put = 0, taken = 0, refused = 0;
	int narrow = 1;

	for (size_t i = 0; i < BYTES; i++)
		sent[i] = (uint8_t)(i * 7 + i / 251);
	pair_connect(pair);
	setsockopt(pair->server_fd, SOL_SOCKET, SO_SNDBUF, &narrow, sizeof(narrow));
	assert_int_equal(pair_shake_hands(pair), 1);
	for (int i = 0; taken < BYTES && i < PATIENCE; i++) {
		size_t first = MIN_OF((size_t)i * 37 % 40000, BYTES - put);
		size_t second = MIN_OF((size_t)5000, BYTES - put - first);
		struct iovec pieces[2] = { { sent + put, first }, { sent + put + first, second } };
		size_t size = 0;
		int some;

		/* What was refused comes again, and maybe more behind it. */
		if (put < BYTES && (refused == 0 || first + second >= refused)) {
			enum err err = tls_link_write(pair->link, first == 0 ? pieces + 1 : pieces,
			    first == 0 || second == 0 ? 1 : 2, &size);

			refused = err == ERR_AGAIN ? MAX_OF(refused, first + second) : 0;
			put += size;
		}
		some =
		    SSL_read(pair->client, got + taken, (int)MIN_OF((size_t)3000, BYTES - taken));
		taken += some > 0 ? (size_t)some : 0;
	}
	assert_int_equal(taken, BYTES);
	assert_memory_equal(got, sent, BYTES);
	free(sent);
	free(got);
	pair_free(pair);
}

/* What one system call brings, and the record begun before, are never too much. */
TEST(much_comes_in_at_once)
{
	enum { BYTES = 400000 };
	struct pair *pair = pair_new(0);
	uint8_t *sent = xmalloc(BYTES);
	size_t put = 0;

	for (size_t i = 0; i < BYTES; i++)
		sent[i] = (uint8_t)(i * 11 + i / 253);
	pair_connect(pair);
	assert_int_equal(pair_shake_hands(pair), 1);
	while (put < BYTES) {
		int some =
		    SSL_write(pair->client, sent + put, (int)MIN_OF((size_t)16000, BYTES - put));

		if (some > 0)
			put += (size_t)some;
		else
			assert_true(server_reads(pair));
	}
	assert_true(server_reads(pair));
	assert_false(tls_link_has_more(pair->link));
	assert_true(slice_equal(buf_slice(&pair->came), slice_of(sent, BYTES)));
	free(sent);
	pair_free(pair);
}

TEST(the_end_comes_after_the_last_bytes)
{
	struct pair *pair = pair_new(0);
	size_t size;

	pair_connect(pair);
	assert_int_equal(pair_shake_hands(pair), 1);
	assert_int_equal(SSL_write(pair->client, "last", 4), 4);
	assert_true(SSL_shutdown(pair->client) >= 0);
	assert_int_equal(
	    tls_link_read(pair->link, pair->room, sizeof(pair->room), &size), ERR_NONE);
	assert_int_equal(size, 4);
	assert_true(tls_link_has_more(pair->link));
	assert_int_equal(
	    tls_link_read(pair->link, pair->room, sizeof(pair->room), &size), ERR_CLOSED);
	/* Our end is told to the client, which waits for it. */
	tls_link_end_output(pair->link);
	assert_int_equal(SSL_shutdown(pair->client), 1);
	pair_free(pair);
}

TEST(bytes_changed_on_the_way_break_the_connection)
{
	struct pair *pair = pair_new(0);
	uint8_t record[64];
	ssize_t size;

	pair_connect(pair);
	assert_int_equal(pair_shake_hands(pair), 1);
	assert_int_equal(SSL_write(pair->client, "question", 8), 8);
	size = recv(pair->server_fd, record, sizeof(record), 0);
	assert_true(size > 8);
	record[size - 1] ^= 1;
	assert_int_equal(send(pair->client_fd, record, (size_t)size, 0), size);
	assert_false(server_reads(pair));
	assert_int_equal(pair->last, ERR_IO);
	assert_int_equal(pair->came.size, 0);
	pair_free(pair);
}

TEST(what_is_no_tls_is_told_apart)
{
	static const char *const texts[] = {"GET / HTTP/1.1\r\n\r\n", "\x80\x2e\x01\x03\x01", "\n"};
	struct pair *pair = pair_new(0);

	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		pair_connect(pair);
		assert_true(send(pair->client_fd, texts[i], strlen(texts[i]), 0) > 0);
		assert_false(server_reads(pair));
		assert_int_equal(pair->last, ERR_FOREIGN);
	}
	pair_free(pair);
}

TEST(who_leaves_before_a_word_is_no_refusal)
{
	struct pair *pair = pair_new(0);

	pair_connect(pair);
	shutdown(pair->client_fd, SHUT_WR);
	assert_false(server_reads(pair));
	assert_int_equal(pair->last, ERR_CLOSED);
	pair_connect(pair);
	assert_int_equal(send(pair->client_fd, "\x16\x03", 2, 0), 2);
	assert_true(server_reads(pair));
	shutdown(pair->client_fd, SHUT_WR);
	assert_false(server_reads(pair));
	assert_int_equal(pair->last, ERR_REFUSED);
	assert_string_equal(tls_link_why(pair->link), "connection closed during the TLS handshake");
	pair_free(pair);
}

/* ---- certificates of clients -------------------------------------------------------------- */

static void
expect_refusal(const struct certificate_wish *wish, int version, int alert, const char *why)
{
	struct pair *pair = pair_new(TLS_FLAG_ASK);
	struct certificate_wish own = { 0 };

	if (wish != NULL)
		own = *wish;
	/* An issuer that is nobody stands for our authority. */
	if (wish != NULL && wish->issuer == NULL)
		own.issuer = &pair->authority;
	client_is(pair, wish == NULL ? NULL : &own);
	SSL_CTX_set_max_proto_version(pair->client_ctx, version);
	pair_connect(pair);
	pair_shake_hands(pair);
	assert_int_equal(pair->last, ERR_REFUSED);
	assert_false(tls_link_is_open(pair->link));
	if (strstr(tls_link_why(pair->link), why) == NULL)
		fail_msg("%s", tls_link_why(pair->link));
	/* In 1.3 the client has to read to learn of it, in 1.2 it is in its handshake. */
	assert_int_equal(client_alert(pair), alert);
	pair_free(pair);
}

TEST(each_refusal_has_its_alert_and_its_reason)
{
	struct certificate stranger =
	    certificate_make(&(struct certificate_wish){.name = "stranger"});
	const struct certificate_wish theirs = { .name = "c", .issuer = &stranger };
	const struct certificate_wish old = { .name = "c", .from_s = -1000, .to_s = -10 };
	const struct certificate_wish young = { .name = "c", .from_s = 1000, .to_s = 2000 };
	const struct certificate_wish server = { .name = "c", .usage = "serverAuth" };
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	for (size_t i = 0; i < ARRAY_COUNT(versions); i++) {
		expect_refusal(NULL, versions[i],
		    versions[i] == TLS1_3_VERSION ? SSL_AD_CERTIFICATE_REQUIRED
						  : SSL_AD_HANDSHAKE_FAILURE,
		    "it shows no certificate");
		expect_refusal(&theirs, versions[i], SSL_AD_BAD_CERTIFICATE,
		    "not from an authority of -ca-file");
		expect_refusal(&old, versions[i], SSL_AD_CERTIFICATE_EXPIRED, "has expired");
		expect_refusal(&young, versions[i], SSL_AD_CERTIFICATE_EXPIRED, "not yet valid");
		expect_refusal(&server, versions[i], SSL_AD_UNSUPPORTED_CERTIFICATE,
		    "usages are without clientAuth");
	}
	certificate_free(&stranger);
}

/* True if a client of that name may come when these are demanded. */
static bool
may_come(const char *names, const char *common_name, const char *san)
{
	struct pair *pair = pair_new(TLS_FLAG_ASK);
	struct msg_tls material = material_of(pair, TLS_FLAG_ASK);
	bool came;

	material.names = slice_text(names);
	take(pair->tls, &material);
	client_is(pair, &(struct certificate_wish){ .name = common_name, .san = san,
	    .issuer = &pair->authority });
	pair_connect(pair);
	pair_shake_hands(pair);
	came = tls_link_is_open(pair->link);
	assert_true(came || strstr(tls_link_why(pair->link), "-peer-cert-names") != NULL);
	pair_free(pair);
	return came;
}

TEST(a_demanded_name_is_common_or_alternative)
{
	assert_true(may_come("", "anybody", NULL));
	assert_true(may_come("node1", "node1", NULL));
	assert_true(may_come("node1,node2", "node2", "DNS:else.example"));
	assert_true(may_come("node1,node2.example", "x", "DNS:node2.example"));
	assert_true(may_come("10.0.0.1", "x", "IP:10.0.0.1"));
	assert_false(may_come("node1", "node11", NULL));
	assert_false(may_come("node1,node2", "node", "DNS:node3"));
	assert_false(may_come("10.0.0.1", "x", "IP:10.0.0.10"));
}

/* ---- tickets -------------------------------------------------------------------------------- */

/* Connect with that session (taken); true if it was resumed. Leaves the new one. */
static bool
resume(struct pair *pair, SSL_SESSION **session)
{
	bool resumed;
	char byte;

	pair_connect(pair);
	if (*session != NULL)
		assert_int_equal(SSL_set_session(pair->client, *session), 1);
	assert_int_equal(pair_shake_hands(pair), 1);
	assert_true(tls_link_is_open(pair->link));
	/* Tickets of 1.3 come behind the handshake. */
	assert_true(SSL_read(pair->client, &byte, 1) <= 0);
	resumed = SSL_session_reused(pair->client) == 1;
	SSL_SESSION_free(*session);
	*session = SSL_get1_session(pair->client);
	/* Else OpenSSL calls the session broken with its connection. */
	SSL_shutdown(pair->client);
	return resumed;
}

static void
tickets_are_good_for_as_long_as_their_key(int version)
{
	struct pair *pair = pair_new(0);
	struct msg_tls material = material_of(pair, 0);
	SSL_SESSION *session = NULL;

	SSL_CTX_set_max_proto_version(pair->client_ctx, version);
	assert_false(resume(pair, &session));
	assert_true(resume(pair, &session));
	/* Another worker. */
	pair_hang_up(pair);
	tls_free(&pair->tls);
	pair->tls = tls_new(ROLE_CLIENT);
	take_tickets(pair->tls, "a");
	take(pair->tls, &material);
	assert_true(resume(pair, &session));
	/* The key before is taken, and a ticket of the new one given. */
	take_tickets(pair->tls, "ba");
	assert_true(resume(pair, &session));
	take_tickets(pair->tls, "cb");
	assert_true(resume(pair, &session));
	take_tickets(pair->tls, "ed");
	assert_false(resume(pair, &session));
	SSL_SESSION_free(session);
	pair_free(pair);
}

TEST(tickets_are_good_for_as_long_as_their_key_1_2)
{
	tickets_are_good_for_as_long_as_their_key(TLS1_2_VERSION);
}

TEST(tickets_are_good_for_as_long_as_their_key_1_3)
{
	tickets_are_good_for_as_long_as_their_key(TLS1_3_VERSION);
}

TEST(a_ticket_does_not_outlive_what_was_demanded)
{
	struct pair *pair = pair_new(TLS_FLAG_ASK);
	struct certificate other = certificate_make(&(struct certificate_wish){ .name = "other" });
	struct msg_tls material = material_of(pair, TLS_FLAG_ASK);
	char *both = xasprintf("%s%s", pair->authority.text, other.text);
	SSL_SESSION *session = NULL;

	client_is(pair, &(struct certificate_wish){ .name = "c", .issuer = &pair->authority });
	SSL_CTX_clear_options(pair->client_ctx, SSL_OP_NO_TICKET);
	assert_false(resume(pair, &session));
	assert_true(resume(pair, &session));
	/* The same authorities again, another certificate of the server. */
	certificate_free(&pair->server);
	pair->server = certificate_make(&(struct certificate_wish){ .name = "new",
	    .issuer = &pair->authority });
	material = material_of(pair, TLS_FLAG_ASK);
	take(pair->tls, &material);
	assert_true(resume(pair, &session));
	/* More authorities, then a demand for names. */
	material.authorities = slice_text(both);
	take(pair->tls, &material);
	assert_false(resume(pair, &session));
	assert_true(resume(pair, &session));
	material.names = SLICE_LITERAL("c");
	take(pair->tls, &material);
	assert_false(resume(pair, &session));
	assert_true(resume(pair, &session));
	SSL_SESSION_free(session);
	free(both);
	certificate_free(&other);
	pair_free(pair);
}

/* ---- sets -------------------------------------------------------------------------------------
 */

/* Common name of the certificate that the client was shown. */
static bool
client_sees(struct pair *pair, const char *name)
{
	X509 *shown = SSL_get0_peer_certificate(pair->client);
	char text[64];

	assert_non_null(shown);
	X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, text, sizeof(text));
	return strcmp(text, name) == 0;
}

TEST(a_new_set_is_for_new_connections)
{
	struct pair *pair = pair_new(0);
	struct msg_tls material;

	pair_connect(pair);
	assert_int_equal(pair_shake_hands(pair), 1);
	assert_true(client_sees(pair, "server"));
	certificate_free(&pair->server);
	pair->server = certificate_make(&(struct certificate_wish){ .name = "fresh",
	    .issuer = &pair->authority });
	material = material_of(pair, 0);
	take(pair->tls, &material);
	assert_int_equal(SSL_write(pair->client, "more", 4), 4);
	assert_true(server_reads(pair));
	assert_int_equal(pair->came.size, 4);
	pair_connect(pair);
	assert_int_equal(pair_shake_hands(pair), 1);
	assert_true(client_sees(pair, "fresh"));
	pair_free(pair);
}

/* Even one that has only just begun keeps the demands it began with. */
TEST(a_new_set_in_the_middle_of_a_handshake_changes_nothing)
{
	struct pair *pair = pair_new(TLS_FLAG_ASK);
	struct certificate other = certificate_make(&(struct certificate_wish){ .name = "other" });
	struct msg_tls material = material_of(pair, TLS_FLAG_ASK);

	client_is(pair, &(struct certificate_wish){ .name = "c", .issuer = &pair->authority });
	pair_connect(pair);
	assert_true(SSL_do_handshake(pair->client) <= 0);
	assert_true(server_reads(pair));
	material.authorities = slice_text(other.text);
	material.names = SLICE_LITERAL("somebody");
	take(pair->tls, &material);
	assert_int_equal(pair_shake_hands(pair), 1);
	assert_true(tls_link_is_open(pair->link));
	certificate_free(&other);
	pair_free(pair);
}

TEST(a_bad_set_leaves_the_one_before)
{
	struct pair *pair = pair_new(0);
	struct certificate other = certificate_make(&(struct certificate_wish){ .name = "other" });
	struct msg_tls bad[4];
	char *problem;

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		bad[i] = material_of(pair, 0);
	bad[0].key = slice_text(other.key);
	bad[1].chain = SLICE_LITERAL("nothing");
	bad[2].key = SLICE_LITERAL("nothing");
	bad[3].ciphers = SLICE_LITERAL("nonsense");
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		problem = NULL;
		assert_int_equal(tls_take(pair->tls, &bad[i], &problem), ERR_INVALID);
		assert_non_null(problem);
		free(problem);
	}
	pair_connect(pair);
	assert_int_equal(pair_shake_hands(pair), 1);
	certificate_free(&other);
	pair_free(pair);
}

TEST(the_lowest_version_is_kept_to)
{
	struct pair *pair = pair_new(0);
	struct msg_tls material = material_of(pair, 0);

	SSL_CTX_set_security_level(pair->client_ctx, 0);
	SSL_CTX_set_max_proto_version(pair->client_ctx, TLS1_1_VERSION);
	pair_connect(pair);
	pair_shake_hands(pair);
	assert_int_equal(pair->last, ERR_REFUSED);
	assert_int_equal(client_alert(pair), SSL_AD_PROTOCOL_VERSION);
	material.min_version = TLS_VERSION_1_3;
	take(pair->tls, &material);
	SSL_CTX_set_max_proto_version(pair->client_ctx, TLS1_2_VERSION);
	pair_connect(pair);
	pair_shake_hands(pair);
	assert_int_equal(pair->last, ERR_REFUSED);
	pair_free(pair);
}

TEST(nobody_may_renegotiate)
{
	struct pair *pair = pair_new(0);

	SSL_CTX_set_max_proto_version(pair->client_ctx, TLS1_2_VERSION);
	pair_connect(pair);
	assert_int_equal(pair_shake_hands(pair), 1);
	assert_int_equal(SSL_renegotiate(pair->client), 1);
	assert_true(pair_shake_hands(pair) <= 0);
	pair_free(pair);
}

/* ---- calling others -----------------------------------------------------------------------------
 */

/* Call a server of ours as that host; what the caller's check says, "" if nothing. */
static void
call_as(const char *host, const char *san, char refused[TLS_TEXT_BYTES])
{
	struct pair *pair = pair_new(0);
	struct msg_tls material;
	struct tls_check check;
	SSL *caller;
	int result = -1;

	certificate_free(&pair->server);
	pair->server = certificate_make(&(struct certificate_wish){
	    .name = "node.example", .san = san, .issuer = &pair->authority});
	material = material_of(pair, 0);
	take(pair->tls, &material);
	pair_connect(pair);
	caller = tls_connect(pair->tls, host, &check);
	SSL_set_fd(caller, pair->client_fd);
	for (int i = 0; i < 20 && result <= 0; i++) {
		ERR_clear_error();
		result = SSL_do_handshake(caller);
		(void)server_reads(pair);
		if (check.refused[0] != '\0')
			break;
	}
	snprintf(refused, TLS_TEXT_BYTES, "%s", check.refused);
	assert_int_equal(result == 1, refused[0] == '\0');
	if (refused[0] != '\0')
		assert_string_equal(
		    tls_link_why(pair->link), "the other side refuses us: bad certificate");
	tls_check_end(&check, caller);
	SSL_free(caller);
	pair_free(pair);
}

TEST(who_is_called_has_to_name_the_host)
{
	char refused[TLS_TEXT_BYTES];

	call_as("127.0.0.1", "IP:127.0.0.1", refused);
	assert_string_equal(refused, "");
	call_as("::1", "IP:::1", refused);
	assert_string_equal(refused, "");
	call_as("node.example", "DNS:node.example", refused);
	assert_string_equal(refused, "");
	call_as("NODE.cluster.example", "DNS:*.cluster.example", refused);
	assert_string_equal(refused, "");
	call_as("127.0.0.1", "IP:127.0.0.2,DNS:127.0.0.1", refused);
	assert_string_equal(refused, "it does not name 127.0.0.1");
	/* Its common name says so, which is not enough. */
	call_as("node.example", NULL, refused);
	assert_string_equal(refused, "it does not name node.example");
	call_as("node.example", "DNS:other.example", refused);
	assert_string_equal(refused, "it does not name node.example");
}
