/*
 * tls.c - sets of certificates, and what is checked in a handshake (see tls.h).
 *
 * Which alert the other side gets is decided by the error that the verify
 * callback leaves behind: date and usage keep their own, everything else is
 * bad_certificate, which clients of the 0.4 series look for.
 *
 * A ticket brings back a connection whose certificates were checked long ago,
 * by any worker of any set. So its use is bound to the same authorities and
 * names (session id context), and the certificate in it is checked again.
 */
#include "httpd/http/tls.h"

#include "common/diag.h"
#include "common/hash.h"
#include "common/ipc/wire.h"
#include "common/metric.h"
#include "common/rand.h"
#include "common/xmem.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#define CIPHERS_1_3 "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"
#define CIPHERS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"
#define GROUPS "X25519:P-256:P-384"
#define SECURITY_LEVEL 2		/* RSA from 2048 bits on, no SHA-1 */
#define TICKET_NAME_BYTES 16
#define TICKET_CIPHER_BYTES 32
#define TICKET_MAC_BYTES 32
#define REPORT_SLOTS 64
#define REPORT_INTERVAL_MS 1000

_Static_assert(TICKET_NAME_BYTES + TICKET_CIPHER_BYTES + TICKET_MAC_BYTES == TLS_TICKET_KEY_BYTES,
    "the parts of a ticket key are the whole");

struct tls_set {
	unsigned references;
	SSL_CTX *ssl_ctx;
	int role;
	bool asks;			/* callers need a certificate */
	char *names;			/* -peer-cert-names, joined by "," */
};

/* Of one address; others may fall into the same. */
struct report_slot {
	uint64_t address_hash;		/* 0: never used */
	uint64_t said_ms;
	unsigned unsaid;
};

struct tls {
	int role;
	struct tls_set *set;		/* NULL: none yet */
	uint8_t tickets[TLS_TICKET_KEYS_MAX * TLS_TICKET_KEY_BYTES];
	size_t tickets_size;
	BIO_METHOD *link_method;
	uint64_t report_seed;
	struct report_slot reports[REPORT_SLOTS];
	struct metric_series *failures[TLS_FAILURES]; /* NULL: none of that kind yet */
	uint8_t scratch[TLS_INPUT_BYTES];
};

/* ---- life -------------------------------------------------------------------- */

static void
set_unref(struct tls_set **set)
{
	if (*set != NULL && --(*set)->references == 0) {
		SSL_CTX_free((*set)->ssl_ctx);
		free((*set)->names);
		free(*set);
	}
	*set = NULL;
}

struct tls *
tls_new(int role)
{
	struct tls *tls = xzalloc(sizeof(*tls));

	/* Now, and not with the first set, it may still read files of its own. */
	MUST(OPENSSL_init_ssl(0, NULL) == 1);
	tls->role = role;
	tls->report_seed = rand_entropy();
	return tls;
}

void
tls_free(struct tls **tls)
{
	if (*tls == NULL)
		return;
	set_unref(&(*tls)->set);
	BIO_meth_free((*tls)->link_method);
	OPENSSL_cleanse((*tls)->tickets, sizeof((*tls)->tickets));
	free(*tls);
	*tls = NULL;
}

bool
tls_is_ready(const struct tls *tls)
{
	return tls->set != NULL;
}

BIO_METHOD **
tls_link_method(struct tls *tls)
{
	return &tls->link_method;
}

uint8_t *
tls_scratch(struct tls *tls)
{
	return tls->scratch;
}

/* ---- checking certificates ------------------------------------------------------ */

static const char *
authorities_name(const struct tls_set *set)
{
	if (!set->asks)
		return "the system";
	return set->role == ROLE_PEER ? "-peer-ca-file" : "-ca-file";
}

static bool
certificate_has_name(X509 *certificate, const char *name)
{
	return X509_check_host(certificate, name, 0,
		   X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
		   NULL) == 1 ||
	       X509_check_ip_asc(certificate, name, 0) == 1;
}

/* Is one of the names allowed in it? */
static bool
names_allow(const struct tls_set *set, X509 *certificate)
{
	char name[TLS_TEXT_BYTES];
	const char *at = set->names;

	if (set->names[0] == '\0')
		return true;
	while (*at != '\0') {
		size_t size = strcspn(at, ",");

		snprintf(name, sizeof(name), "%.*s", (int)size, at);
		if (size < sizeof(name) && certificate_has_name(certificate, name))
			return true;
		at += size + (at[size] == ',');
	}
	return false;
}

/* A node serves and calls, so its certificate is for both; one of a client, or of a client
 * port, is not a node's, though it be of the same authority. NULL: fine, else the usage
 * that is missing. */
static const char *
missing_usage(const struct tls_set *set, X509 *certificate)
{
	if (set->role != ROLE_PEER || !set->asks)
		return NULL;
	if (X509_check_purpose(certificate, X509_PURPOSE_SSL_SERVER, 0) != 1)
		return "serverAuth";
	return X509_check_purpose(certificate, X509_PURPOSE_SSL_CLIENT, 0) != 1 ? "clientAuth" :
	    NULL;
}

static void
tell_usage(struct tls_check *check, const char *missing)
{
	snprintf(check->refused, sizeof(check->refused), "its usages are without %s%s", missing,
	    check->set->role != ROLE_PEER || !check->set->asks ? "" :
	    "; a peer's certificate needs clientAuth and serverAuth");
}

/* Write down what is wrong with the certificate; the error whose alert says so. */
static int
explain(struct tls_check *check, int problem)
{
	char *text = check->refused;
	const char *usual = X509_verify_cert_error_string(problem);

	check->failure = TLS_FAILED_UNTRUSTED;
	switch (problem) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		snprintf(text, TLS_TEXT_BYTES, "%s", usual);
		check->failure = TLS_FAILED_DATE;
		return X509_V_ERR_CERT_HAS_EXPIRED;
	case X509_V_ERR_INVALID_PURPOSE:
		tell_usage(check, check->host == NULL ? "clientAuth" : "serverAuth");
		check->failure = TLS_FAILED_USAGE;
		return problem;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		snprintf(text, TLS_TEXT_BYTES, "it does not name %s", check->host);
		check->failure = TLS_FAILED_NAME;
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_CERT_UNTRUSTED:
		snprintf(text, TLS_TEXT_BYTES, "it is not from an authority of %s (%s)",
		    authorities_name(check->set), usual);
		break;
	default:
		snprintf(text, TLS_TEXT_BYTES, "%s", usual);
		break;
	}
	return X509_V_ERR_CERT_REJECTED;
}

static int
verify(int good, X509_STORE_CTX *store)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_check *check = SSL_get_app_data(ssl);
	X509 *certificate = X509_STORE_CTX_get_current_cert(store);
	X509 *leaf = X509_STORE_CTX_get0_cert(store);
	int problem = X509_STORE_CTX_get_error(store);
	bool is_leaf = X509_STORE_CTX_get_error_depth(store) == 0;
	const char *missing = good == 1 && is_leaf ? missing_usage(check->set, certificate) : NULL;

	if (missing != NULL) {
		tell_usage(check, missing);
		check->failure = TLS_FAILED_USAGE;
		problem = X509_V_ERR_INVALID_PURPOSE;
	} else if (good == 1 && is_leaf && !names_allow(check->set, certificate)) {
		snprintf(check->refused, sizeof(check->refused),
		    "none of its names is in -peer-cert-names");
		check->failure = TLS_FAILED_NAME;
		problem = X509_V_ERR_CERT_REJECTED;
	} else if (good == 1) {
		return 1;
	} else {
		problem = explain(check, problem);
	}
	if (leaf != NULL)
		X509_NAME_oneline(X509_get_subject_name(leaf), check->subject,
		    sizeof(check->subject));
	X509_STORE_CTX_set_error(store, problem);
	return 0;
}

/* Would this certificate of a caller still be taken, alone? If not the caller is
 * asked for all of it again. */
static bool
still_good(const struct tls_set *set, X509 *certificate)
{
	X509_STORE_CTX *store = X509_STORE_CTX_new();
	bool good;

	ASSERT(store != NULL);
	good = X509_STORE_CTX_init(
		   store, SSL_CTX_get_cert_store(set->ssl_ctx), certificate, NULL) == 1 &&
	       X509_STORE_CTX_set_default(store, "ssl_client") == 1 &&
	       X509_verify_cert(store) == 1 && missing_usage(set, certificate) == NULL &&
	       names_allow(set, certificate);
	X509_STORE_CTX_free(store);
	ERR_clear_error();
	return good;
}

/* ---- tickets ------------------------------------------------------------------------ */

static SSL_TICKET_RETURN
take_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name UNUSED,
    size_t name_size UNUSED, SSL_TICKET_STATUS status, void *argument UNUSED)
{
	const struct tls_check *check = SSL_get_app_data(ssl);

	if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	if (check->set->asks) {
		X509 *certificate = SSL_SESSION_get0_peer(session);

		if (certificate == NULL || !still_good(check->set, certificate))
			return SSL_TICKET_RETURN_IGNORE_RENEW;
	}
	return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

/* 1: use key, 2: use it and make a new ticket, 0: no such key, -1: no way. */
static int
choose_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
    EVP_MAC_CTX *mac, int encrypt)
{
	const struct tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	char digest[] = "SHA256";
	OSSL_PARAM parameters[3];
	size_t at = 0;
	const uint8_t *key;

	if (encrypt == 0) {
		while (at < tls->tickets_size &&
		       memcmp(tls->tickets + at, name, TICKET_NAME_BYTES) != 0)
			at += TLS_TICKET_KEY_BYTES;
	}
	if (at >= tls->tickets_size)
		return 0;
	key = tls->tickets + at + TICKET_NAME_BYTES;
	if (encrypt != 0) {
		memcpy(name, tls->tickets, TICKET_NAME_BYTES);
		if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1)
			return -1;
	}
	parameters[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY,
	    (void *)(uintptr_t)(key + TICKET_CIPHER_BYTES), TICKET_MAC_BYTES);
	parameters[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
	parameters[2] = OSSL_PARAM_construct_end();
	if (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key, iv, encrypt) != 1 ||
	    EVP_MAC_CTX_set_params(mac, parameters) != 1)
		return -1;
	return at == 0 ? 1 : 2;
}

void
tls_take_tickets(struct tls *tls, struct slice keys)
{
	ASSERT(keys.size <= sizeof(tls->tickets));
	ASSERT(keys.size % TLS_TICKET_KEY_BYTES == 0);
	memcpy(tls->tickets, keys.data, keys.size);
	tls->tickets_size = keys.size;
}

/* ---- a new set -------------------------------------------------------------------------- */

static bool
speaks_h2(const struct tls *tls)
{
#ifdef WITH_V3
	return tls->role == ROLE_CLIENT;
#else
	(void)tls;
	return false;
#endif
}

/* Of a client port h2 if it is offered, else http/1.1; a client that offers something else only
 * gets no answer to that. */
static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_size,
    const unsigned char *offered, unsigned offered_size, void *argument UNUSED)
{
	static const unsigned char ours[] = "\x02h2\x08http/1.1";
	const struct tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	unsigned passed = speaks_h2(tls) ? 0 : 3;
	unsigned char *chosen;

	if (SSL_select_next_proto(&chosen, out_size, ours + passed,
		(unsigned)sizeof(ours) - 1 - passed, offered,
		offered_size) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static BIO *
bio_of(struct slice text)
{
	BIO *bio = BIO_new_mem_buf(text.data, (int)text.size);

	ASSERT(bio != NULL);
	return bio;
}

/* Where a prompt for a passphrase would come from. */
static int
no_passphrase(char *text UNUSED, int size UNUSED, int writing UNUSED, void *argument UNUSED)
{
	return -1;
}

static bool
use_chain(SSL_CTX *ssl_ctx, struct slice text)
{
	BIO *bio = bio_of(text);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
	bool good = certificate != NULL && SSL_CTX_use_certificate(ssl_ctx, certificate) == 1;

	X509_free(certificate);
	while (good && (certificate = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL) {
		good = SSL_CTX_add1_chain_cert(ssl_ctx, certificate) == 1;
		X509_free(certificate);
	}
	BIO_free(bio);
	return good;
}

static bool
use_key(SSL_CTX *ssl_ctx, struct slice text)
{
	BIO *bio = bio_of(text);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	bool good = key != NULL && SSL_CTX_use_PrivateKey(ssl_ctx, key) == 1 &&
	    SSL_CTX_check_private_key(ssl_ctx) == 1;

	EVP_PKEY_free(key);
	BIO_free(bio);
	return good;
}

static bool
use_authorities(SSL_CTX *ssl_ctx, struct slice text, bool asks)
{
	BIO *bio = bio_of(text);
	X509_STORE *store = SSL_CTX_get_cert_store(ssl_ctx);
	X509 *certificate;
	bool good = true;

	while (good && (certificate = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL) {
		good = X509_STORE_add_cert(store, certificate) == 1 &&
		    (!asks || SSL_CTX_add_client_CA(ssl_ctx, certificate) == 1);
		X509_free(certificate);
	}
	BIO_free(bio);
	return good;
}

/* Tickets are good for connections with the same demands only. */
static bool
bind_tickets(SSL_CTX *ssl_ctx, const struct tls *tls, const struct msg_tls *material)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	uint8_t head[2] = { (uint8_t)tls->role, material->flags };
	uint8_t id[EVP_MAX_MD_SIZE];
	unsigned size;
	bool good;

	ASSERT(digest != NULL);
	good = EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 &&
	    EVP_DigestUpdate(digest, head, sizeof(head)) == 1 &&
	    EVP_DigestUpdate(digest, material->names.data, material->names.size) == 1 &&
	    EVP_DigestUpdate(digest, "", 1) == 1 &&
	    EVP_DigestUpdate(digest, material->authorities.data, material->authorities.size) == 1 &&
	    EVP_DigestFinal_ex(digest, id, &size) == 1 &&
	    SSL_CTX_set_session_id_context(ssl_ctx, id, size) == 1;
	EVP_MD_CTX_free(digest);
	return good;
}

static bool
use_rules(SSL_CTX *ssl_ctx, struct tls *tls, const struct msg_tls *material)
{
	int version = material->min_version == TLS_VERSION_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
	char *ciphers = material->ciphers.size == 0 ? xstrdup(CIPHERS_1_2) :
	    xasprintf("%.*s", SLICE_ARGS(material->ciphers));
	bool good;

	SSL_CTX_set_app_data(ssl_ctx, tls);
	SSL_CTX_set_security_level(ssl_ctx, SECURITY_LEVEL);
	SSL_CTX_set_options(ssl_ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
	    SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ssl_ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_max_early_data(ssl_ctx, 0);
	SSL_CTX_set_session_cache_mode(ssl_ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_alpn_select_cb(ssl_ctx, choose_protocol, NULL);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl_ctx, choose_ticket_key);
	good = SSL_CTX_set_min_proto_version(ssl_ctx, version) == 1 &&
	    SSL_CTX_set_ciphersuites(ssl_ctx, CIPHERS_1_3) == 1 &&
	    SSL_CTX_set_cipher_list(ssl_ctx, ciphers) == 1 &&
	    SSL_CTX_set1_groups_list(ssl_ctx, GROUPS) == 1 &&
	    SSL_CTX_set_session_ticket_cb(ssl_ctx, NULL, take_ticket, NULL) == 1 &&
	    bind_tickets(ssl_ctx, tls, material);
	free(ciphers);
	return good;
}

enum err
tls_take(struct tls *tls, const struct msg_tls *material, char **problem)
{
	struct tls_set *set = xzalloc(sizeof(*set));
	const char *failed = NULL;

	ERR_clear_error();
	set->references = 1;
	set->role = tls->role;
	set->asks = (material->flags & TLS_FLAG_ASK) != 0;
	set->names = xasprintf("%.*s", SLICE_ARGS(material->names));
	set->ssl_ctx = SSL_CTX_new(TLS_method());
	ASSERT(set->ssl_ctx != NULL);
	if (!use_rules(set->ssl_ctx, tls, material))
		failed = "rules";
	else if ((material->flags & TLS_FLAG_OUTSIDE) != 0)
		failed = use_authorities(set->ssl_ctx, material->authorities, false) ? NULL :
		    "authorities";
	else if (!use_chain(set->ssl_ctx, material->chain))
		failed = "certificate";
	else if (!use_key(set->ssl_ctx, material->key))
		failed = "private key";
	else if (!use_authorities(set->ssl_ctx, material->authorities, set->asks))
		failed = "authorities";
	if (failed != NULL) {
		const char *why = ERR_reason_error_string(ERR_peek_last_error());

		*problem =
		    xasprintf("cannot use the %s: %s", failed, why == NULL ? "unreadable" : why);
		set_unref(&set);
		return ERR_INVALID;
	}
	/* The end of the text is an error to the reader of PEM. */
	ERR_clear_error();
	set_unref(&tls->set);
	tls->set = set;
	return ERR_NONE;
}

/* ---- connections ---------------------------------------------------------------------------- */

static SSL *
begin(struct tls *tls, struct tls_check *check, const char *host)
{
	SSL *ssl;

	ASSERT(tls->set != NULL);
	ERR_clear_error();
	ssl = SSL_new(tls->set->ssl_ctx);
	ASSERT(ssl != NULL);
	*check = (struct tls_check){ .set = tls->set, .host = host };
	check->set->references++;
	SSL_set_app_data(ssl, check);
	return ssl;
}

SSL *
tls_accept(struct tls *tls, struct tls_check *check)
{
	SSL *ssl = begin(tls, check, NULL);

	if (check->set->asks)
		SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verify);
	SSL_set_accept_state(ssl);
	return ssl;
}

SSL *
tls_connect(struct tls *tls, const char *host, struct tls_check *check)
{
	SSL *ssl = begin(tls, check, host);
	X509_VERIFY_PARAM *demands = SSL_get0_param(ssl);

	SSL_set_verify(ssl, SSL_VERIFY_PEER, verify);
	if (X509_VERIFY_PARAM_set1_ip_asc(demands, host) != 1) {
		ERR_clear_error();
		X509_VERIFY_PARAM_set_hostflags(demands, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
		    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
		MUST(X509_VERIFY_PARAM_set1_host(demands, host, 0) == 1);
		MUST(SSL_set_tlsext_host_name(ssl, host) == 1);
	}
	SSL_set_connect_state(ssl);
	return ssl;
}

void
tls_check_end(struct tls_check *check, SSL *ssl)
{
	if (ssl != NULL)
		SSL_set_app_data(ssl, NULL);
	set_unref(&check->set);
}

/* ---- telling why
 * --------------------------------------------------------------------------------- */

/* An error of SSL itself, in our words where it has some. */
static enum tls_failure
protocol_why(
    const struct tls_check *check, int reason, const char *usual, char text[TLS_TEXT_BYTES])
{
	if (reason > SSL_AD_REASON_OFFSET) {
		snprintf(text, TLS_TEXT_BYTES, "the other side refuses us: %s",
		    SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET));
		return TLS_FAILED_REFUSED;
	}
	if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
		snprintf(text, TLS_TEXT_BYTES, "it shows no certificate");
		return TLS_FAILED_NO_CERTIFICATE;
	}
	if (reason == SSL_R_WRONG_VERSION_NUMBER && check->host != NULL) {
		snprintf(text, TLS_TEXT_BYTES, "it speaks plain HTTP, this node HTTPS; give "
		    "-peer-cert-file and -peer-key-file to all nodes or to none");
		return TLS_FAILED_PLAIN;
	}
	snprintf(text, TLS_TEXT_BYTES, "%s", usual == NULL ? "failed" : usual);
	return TLS_FAILED_PROTOCOL;
}

enum tls_failure
tls_why(const struct tls_check *check, unsigned long number, char text[TLS_TEXT_BYTES])
{
	const char *usual = ERR_reason_error_string(number);

	if (check->refused[0] != '\0') {
		snprintf(
		    text, TLS_TEXT_BYTES, "its certificate is refused: %.200s", check->refused);
		return check->failure;
	}
	if (number == 0) {
		snprintf(text, TLS_TEXT_BYTES, "connection closed during the TLS handshake");
		return TLS_FAILED_CLOSED;
	}
	if (ERR_SYSTEM_ERROR(number)) {
		snprintf(text, TLS_TEXT_BYTES, "%s", strerror(ERR_GET_REASON(number)));
		return TLS_FAILED_CLOSED;
	}
	if (ERR_GET_LIB(number) == ERR_LIB_SSL)
		return protocol_why(check, ERR_GET_REASON(number), usual, text);
	snprintf(text, TLS_TEXT_BYTES, "%s", usual == NULL ? "failed" : usual);
	return TLS_FAILED_PROTOCOL;
}

static const char *
port_name(const struct tls *tls)
{
	return tls->role == ROLE_PEER ? "peer" : "client";
}

static void
count_failure(struct tls *tls, enum tls_failure failure)
{
	static const char *const names[TLS_FAILURES] = {
		[TLS_FAILED_PROTOCOL] = "protocol",
		[TLS_FAILED_PLAIN] = "plain",
		[TLS_FAILED_CLOSED] = "closed",
		[TLS_FAILED_LATE] = "late",
		[TLS_FAILED_NO_CERTIFICATE] = "no_certificate",
		[TLS_FAILED_UNTRUSTED] = "untrusted",
		[TLS_FAILED_DATE] = "date",
		[TLS_FAILED_USAGE] = "usage",
		[TLS_FAILED_NAME] = "name",
		[TLS_FAILED_REFUSED] = "refused",
	};
	const char *const labels[] = { port_name(tls), names[failure] };

	if (tls->failures[failure] == NULL)
		tls->failures[failure] = metric_series(METRIC_tls_failures, labels);
	metric_series_add(tls->failures[failure], 1);
}

void
tls_report(struct tls *tls, const char *from, const struct tls_check *check,
    enum tls_failure failure, const char *why, uint64_t now_ms)
{
	const char *port = strrchr(from, ':');
	struct slice address = slice_of(from, port == NULL ? strlen(from) : (size_t)(port - from));
	uint64_t hash = hash_bytes(tls->report_seed, address) | 1;
	struct report_slot *slot = &tls->reports[(hash >> 8) % REPORT_SLOTS];
	bool known = slot->address_hash == hash;
	char before[64] = "";

	count_failure(tls, failure);
	if (known && now_ms - slot->said_ms < REPORT_INTERVAL_MS) {
		slot->unsaid++;
		return;
	}
	if (known && slot->unsaid > 0)
		snprintf(before, sizeof(before), " (%u more from there before)", slot->unsaid);
	*slot = (struct report_slot){ .address_hash = hash, .said_ms = now_ms };
	diag_warn("tls", "handshake refused: port=%s from=%s%s%s: %s%s", port_name(tls), from,
	    check->subject[0] == '\0' ? "" : " subject=", check->subject, why, before);
}
