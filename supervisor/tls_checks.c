/*
 * tls_checks.c - one function for each rule, called in order; the first that
 * complains ends it. Only the rules that say so need those before.
 */
#include "supervisor/tls_checks.h"

#include "common/clock.h"
#include "common/diag.h"
#include "common/xmem.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SECURITY_LEVEL 2	/* as workers have it */
#define RSA_BITS_MIN 2048

/* A port, and what its files turned out to be. */
struct checked {
	const struct tls_port *port;
	STACK_OF(X509) *chain;		/* leaf first */
	STACK_OF(X509) *authorities;
	EVP_PKEY *key;
	int64_t end_s;			/* of the chain: the earliest */
};

static X509 *
leaf_of(const struct checked *checked)
{
	return sk_X509_value(checked->chain, 0);
}

/* "server.crt (-cert-file) has expired": of a file and what is the matter. */
static char *
file_sentence(const struct tls_file *file, const char *format, va_list arguments)
{
	char text[512];

	vsnprintf(text, sizeof(text), format, arguments);
	return xasprintf("%s (-%s) %s", file->path, file->flag, text);
}

PRINTF_LIKE(2, 3) static char *
file_problem(const struct tls_file *file, const char *format, ...)
{
	va_list arguments;
	char *sentence;

	va_start(arguments, format);
	sentence = file_sentence(file, format, arguments);
	va_end(arguments);
	return sentence;
}

PRINTF_LIKE(2, 3) static void
file_warn(const struct tls_file *file, const char *format, ...)
{
	va_list arguments;
	char *sentence;

	va_start(arguments, format);
	sentence = file_sentence(file, format, arguments);
	va_end(arguments);
	diag_warn("tls", "%s", sentence);
	free(sentence);
}

/* ---- reading ----------------------------------------------------------------------- */

/* Somebody would have to be asked for a passphrase: remember that. */
static int
note_passphrase(char *text UNUSED, int size UNUSED, int writing UNUSED, void *argument)
{
	*(bool *)argument = true;
	return -1;
}

static BIO *
bio_of(struct slice text)
{
	BIO *bio = BIO_new_mem_buf(text.size == 0 ? "" : (const char *)text.data, (int)text.size);

	ASSERT(bio != NULL);
	return bio;
}

/* All certificates of a file, in order. */
static STACK_OF(X509) *
certificates_of(struct slice text)
{
	STACK_OF(X509) *certificates = sk_X509_new_null();
	bool asked = false;
	BIO *bio = bio_of(text);
	X509 *certificate;

	ASSERT(certificates != NULL);
	while ((certificate = PEM_read_bio_X509(bio, NULL, note_passphrase, &asked)) != NULL)
		MUST(sk_X509_push(certificates, certificate) > 0);
	BIO_free(bio);
	return certificates;
}

/* Was the file read to its end? What remains is the reader's last error. */
static bool
read_to_the_end(void)
{
	unsigned long error = ERR_peek_last_error();
	bool whole =
	    ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;

	ERR_clear_error();
	return whole;
}

static char *
read_certificates(const struct tls_file *file, STACK_OF(X509) **certificates)
{
	ERR_clear_error();
	*certificates = certificates_of(file->text);
	if (!read_to_the_end())
		return file_problem(file, "has a certificate that cannot be read");
	if (sk_X509_num(*certificates) == 0)
		return file_problem(file, "has no certificate in PEM form");
	return NULL;
}

static char *
read_key(struct checked *checked)
{
	const struct tls_file *file = &checked->port->key;
	BIO *bio = bio_of(file->text);
	bool asked = false;

	checked->key = PEM_read_bio_PrivateKey(bio, NULL, note_passphrase, &asked);
	BIO_free(bio);
	ERR_clear_error();
	if (checked->key != NULL)
		return NULL;
	if (asked)
		return file_problem(file,
		    "is encrypted, and nobody is asked for a passphrase; decrypt "
		    "it with: openssl pkey");
	return file_problem(file, "has no private key in PEM form");
}

static char *
read_all(struct checked *checked)
{
	const struct tls_port *port = checked->port;
	char *problem = read_certificates(&port->certificate, &checked->chain);

	if (problem == NULL)
		problem = read_key(checked);
	if (problem == NULL && port->authorities.path[0] != '\0')
		problem = read_certificates(&port->authorities, &checked->authorities);
	return problem;
}

/* ---- rules ---------------------------------------------------------------------------- */

static char *
check_pair(struct checked *checked)
{
	const struct tls_port *port = checked->port;
	bool pair = X509_check_private_key(leaf_of(checked), checked->key) == 1;

	ERR_clear_error();
	if (pair)
		return NULL;
	return xasprintf("%s and %s do not belong together (-%s, -%s)", port->certificate.path,
	    port->key.path, port->certificate.flag, port->key.flag);
}

/* RSA from 2048 bits on, ECDSA on a curve everybody knows, Ed25519. */
static char *
check_algorithm(struct checked *checked)
{
	static const char *const curves[] = { "prime256v1", "secp384r1", "secp521r1" };
	const struct tls_file *file = &checked->port->certificate;
	int bits = EVP_PKEY_get_bits(checked->key);
	char curve[64] = "unknown";

	if (EVP_PKEY_is_a(checked->key, "ED25519"))
		return NULL;
	if (EVP_PKEY_is_a(checked->key, "RSA"))
		return bits >= RSA_BITS_MIN ? NULL : file_problem(file,
		    "has an RSA key of %d bits; make one of at least %d", bits, RSA_BITS_MIN);
	if (!EVP_PKEY_is_a(checked->key, "EC"))
		return file_problem(file, "has a key that is none of RSA, ECDSA, Ed25519");
	(void)EVP_PKEY_get_group_name(checked->key, curve, sizeof(curve), NULL);
	for (size_t i = 0; i < ARRAY_COUNT(curves); i++)
		if (strcmp(curve, curves[i]) == 0)
			return NULL;
	return file_problem(file, "has a key on the curve %s; use P-256, P-384 or P-521", curve);
}

/* Each certificate is signed by the next, and none by a digest that is broken. */
static char *
check_chain(struct checked *checked)
{
	const struct tls_file *file = &checked->port->certificate;
	int count = sk_X509_num(checked->chain);

	for (int i = 0; i + 1 < count; i++)
		if (X509_check_issued(sk_X509_value(checked->chain, i + 1),
			sk_X509_value(checked->chain, i)) != X509_V_OK)
			return file_problem(file, "is no chain: certificate %d did not sign "
			    "certificate %d; the server's comes first", i + 2, i + 1);
	for (int i = 0; i < count; i++) {
		X509 *certificate = sk_X509_value(checked->chain, i);
		int digest = NID_undef;

		/* Nobody looks at the signature of a root. */
		if (i > 0 && X509_self_signed(certificate, 0) == 1)
			continue;
		(void)X509_get_signature_info(certificate, &digest, NULL, NULL, NULL);
		if (digest == NID_sha1 || digest == NID_md5 || digest == NID_md5_sha1)
			return file_problem(file,
			    "is signed with %s, which is broken; have it signed "
			    "with SHA-256",
			    digest == NID_sha1 ? "SHA-1" : "MD5");
	}
	ERR_clear_error();
	return NULL;
}

static int64_t
time_of(const ASN1_TIME *time)
{
	struct tm parts = { 0 };

	return ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) : 0;
}

void
tls_checks_date(int64_t time_s, char text[TLS_DATE_BYTES])
{
	char whole[CLOCK_TEXT_BYTES];

	clock_format((uint64_t)MAX_OF(time_s, 0) * NS_PER_SECOND, 0, false, whole);
	snprintf(text, TLS_DATE_BYTES, "%.10s", whole);
}

static char *
check_dates(struct checked *checked)
{
	const struct tls_port *port = checked->port;
	int64_t begin_s = INT64_MIN;
	char date[TLS_DATE_BYTES];

	checked->end_s = INT64_MAX;
	for (int i = 0; i < sk_X509_num(checked->chain); i++) {
		const X509 *certificate = sk_X509_value(checked->chain, i);
		int64_t from_s = time_of(X509_get0_notBefore(certificate));
		int64_t to_s = time_of(X509_get0_notAfter(certificate));

		begin_s = MAX_OF(begin_s, from_s);
		checked->end_s = MIN_OF(checked->end_s, to_s);
	}
	tls_checks_date(begin_s, date);
	if (begin_s > port->now_s && port->reload)
		return file_problem(&port->certificate, "is not valid before %s", date);
	if (begin_s > port->now_s)
		file_warn(&port->certificate,
		    "is not valid before %s: it will be refused until then; "
		    "is the clock right?",
		    date);
	tls_checks_date(checked->end_s, date);
	if (checked->end_s <= port->now_s && port->reload)
		return file_problem(&port->certificate, "has expired on %s", date);
	return NULL;
}

/* Certificates of servers serve; those of peers call, too. */
static char *
check_usage(struct checked *checked)
{
	const struct tls_port *port = checked->port;
	const struct tls_file *file = &port->certificate;
	X509 *leaf = leaf_of(checked);

	if (X509_check_purpose(leaf, X509_PURPOSE_SSL_SERVER, 0) != 1)
		return file_problem(file,
		    "may not be used by a server: its usages are without "
		    "serverAuth%s",
		    port->peer ? "; a peer's certificate needs clientAuth and serverAuth" : "");
	if (!port->peer || X509_check_purpose(leaf, X509_PURPOSE_SSL_CLIENT, 0) == 1)
		return NULL;
	if (checked->authorities != NULL)
		return file_problem(file,
		    "may not be used to call other nodes: its usages are without "
		    "clientAuth; a peer's certificate needs clientAuth and serverAuth");
	file_warn(
	    file, "has usages without clientAuth: nodes with -peer-ca-file will refuse this one");
	return NULL;
}

/* Does OpenSSL take it all, with the rules workers have? */
static char *
check_use(struct checked *checked)
{
	const struct tls_port *port = checked->port;
	SSL_CTX *ssl_ctx = SSL_CTX_new(TLS_method());
	const char *why;
	char *problem = NULL;

	ASSERT(ssl_ctx != NULL);
	SSL_CTX_set_security_level(ssl_ctx, SECURITY_LEVEL);
	if (port->ciphers[0] != '\0' && SSL_CTX_set_cipher_list(ssl_ctx, port->ciphers) != 1)
		problem =
		    xasprintf("-tls-ciphers: \"%s\" has no cipher for TLS 1.2", port->ciphers);
	else if (SSL_CTX_use_certificate(ssl_ctx, leaf_of(checked)) != 1 ||
	    SSL_CTX_use_PrivateKey(ssl_ctx, checked->key) != 1) {
		why = ERR_reason_error_string(ERR_peek_last_error());
		problem = file_problem(&port->certificate, "cannot be used: %s",
		    why == NULL ? "OpenSSL does not say why" : why);
	}
	for (int i = 1; problem == NULL && i < sk_X509_num(checked->chain); i++) {
		if (SSL_CTX_add1_chain_cert(ssl_ctx, sk_X509_value(checked->chain, i)) == 1)
			continue;
		why = ERR_reason_error_string(ERR_peek_last_error());
		problem = file_problem(&port->certificate,
		    "has certificate %d, which cannot be used: "
		    "%s",
		    i + 1, why == NULL ? "OpenSSL does not say why" : why);
	}
	SSL_CTX_free(ssl_ctx);
	ERR_clear_error();
	return problem;
}

static bool
has_name(X509 *certificate, const char *name, unsigned flags)
{
	bool has = X509_check_ip_asc(certificate, name, 0) == 1 ||
	    X509_check_host(certificate, name, 0, flags, NULL) == 1;

	ERR_clear_error();
	return has;
}

/* Whoever calls the advertised address looks for its host. */
static char *
check_address(struct checked *checked)
{
	const struct tls_port *port = checked->port;
	const char *begin = port->address[0] == '[' ? port->address + 1 : port->address;
	const char *end = strrchr(port->address, port->address[0] == '[' ? ']' : ':');
	char *host =
	    xasprintf("%.*s", end == NULL ? (int)strlen(begin) : (int)(end - begin), begin);

	if (!has_name(leaf_of(checked), host, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
		file_warn(&port->certificate,
		    "does not name %s (-%s) among its subjectAltNames: %s refuse "
		    "it",
		    host, port->address_flag,
		    port->peer ? "other nodes" : "clients that check this");
	free(host);
	return NULL;
}

/* What nodes with our own options would say to us. */
static char *
check_peers_view(struct checked *checked)
{
	const struct tls_port *port = checked->port;
	X509_STORE *store;
	X509_STORE_CTX *check;
	char *list, *rest, *name;
	bool named = false;

	if (port->names[0] != '\0') {
		list = xstrdup(port->names);
		rest = list;
		while ((name = strsep(&rest, ",")) != NULL)
			named = named || has_name(leaf_of(checked), name,
			    X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT);
		free(list);
		if (!named)
			file_warn(&port->certificate,
			    "has none of the names in -peer-cert-names: nodes "
			    "with the same list refuse it");
	}
	if (!port->peer || checked->authorities == NULL)
		return NULL;
	store = X509_STORE_new();
	check = X509_STORE_CTX_new();
	ASSERT(store != NULL);
	ASSERT(check != NULL);
	for (int i = 0; i < sk_X509_num(checked->authorities); i++)
		MUST(X509_STORE_add_cert(store, sk_X509_value(checked->authorities, i)) == 1);
	MUST(X509_STORE_CTX_init(check, store, leaf_of(checked), checked->chain) == 1);
	/* Dates are looked at elsewhere. */
	X509_STORE_CTX_set_flags(check, X509_V_FLAG_NO_CHECK_TIME);
	if (X509_verify_cert(check) != 1)
		file_warn(&port->certificate,
		    "is not from an authority of %s (-%s): nodes with the same "
		    "authorities refuse it (%s)",
		    port->authorities.path, port->authorities.flag,
		    X509_verify_cert_error_string(X509_STORE_CTX_get_error(check)));
	X509_STORE_CTX_free(check);
	X509_STORE_free(store);
	ERR_clear_error();
	return NULL;
}

char *
tls_checks_port(const struct tls_port *port, int64_t *end_s)
{
	static char *(*const rules[])(struct checked *) = { read_all, check_pair, check_algorithm,
		check_chain, check_usage, check_use, check_dates, check_address, check_peers_view };
	struct checked checked = { .port = port };
	char *problem = NULL;

	for (size_t i = 0; problem == NULL && i < ARRAY_COUNT(rules); i++)
		problem = rules[i](&checked);
	if (problem == NULL)
		*end_s = checked.end_s;
	sk_X509_pop_free(checked.chain, X509_free);
	sk_X509_pop_free(checked.authorities, X509_free);
	EVP_PKEY_free(checked.key);
	return problem;
}
