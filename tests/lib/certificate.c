/*
 * certificate.c - certificates for tests (see certificate.h).
 */
#include "tests/lib/certificate.h"

#include "common/base.h"
#include "common/xmem.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#define DAY_S 86400

static char *
text_of(BIO *bio)
{
	char *data;
	long size = BIO_get_mem_data(bio, &data);
	char *text = xasprintf("%.*s", (int)size, data);

	BIO_free(bio);
	return text;
}

static void
add(X509 *certificate, X509 *issuer, int kind, const char *value)
{
	X509V3_CTX around;
	X509_EXTENSION *extension;

	if (value == NULL)
		return;
	X509V3_set_ctx(&around, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &around, kind, value);
	ASSERT(extension != NULL);
	MUST(X509_add_ext(certificate, extension, -1) == 1);
	X509_EXTENSION_free(extension);
}

static X509 *
read_certificate(const char *text)
{
	BIO *bio = BIO_new_mem_buf(text, -1);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	ASSERT(certificate != NULL);
	BIO_free(bio);
	return certificate;
}

static EVP_PKEY *
read_key(const char *text)
{
	BIO *bio = BIO_new_mem_buf(text, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	ASSERT(key != NULL);
	BIO_free(bio);
	return key;
}

static void
fill(X509 *certificate, const struct certificate_wish *wish, X509 *issuer)
{
	bool usual = wish->from_s == 0 && wish->to_s == 0;
	uint32_t serial = 0;

	MUST(RAND_bytes((unsigned char *)&serial, sizeof(serial)) == 1);
	MUST(X509_set_version(certificate, X509_VERSION_3) == 1);
	MUST(ASN1_INTEGER_set(X509_get_serialNumber(certificate), (long)serial) == 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), usual ? -DAY_S : wish->from_s);
	X509_gmtime_adj(X509_getm_notAfter(certificate), usual ? DAY_S : wish->to_s);
	MUST(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
	    (const unsigned char *)wish->name, -1, -1, 0) == 1);
	MUST(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1);
	add(certificate, issuer, NID_basic_constraints,
	    wish->issuer == NULL ? "critical,CA:TRUE" : "CA:FALSE");
	add(certificate, issuer, NID_subject_alt_name, wish->san);
	add(certificate, issuer, NID_ext_key_usage, wish->usage);
}

struct certificate
certificate_make(const struct certificate_wish *wish)
{
	struct certificate made;
	X509 *certificate = X509_new();
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *issuer = wish->issuer == NULL ? certificate : read_certificate(wish->issuer->text);
	EVP_PKEY *signer = wish->issuer == NULL ? key : read_key(wish->issuer->key);
	BIO *bio;

	ASSERT(certificate != NULL);
	ASSERT(key != NULL);
	fill(certificate, wish, issuer);
	MUST(X509_set_pubkey(certificate, key) == 1);
	MUST(X509_sign(certificate, signer, EVP_sha256()) > 0);
	bio = BIO_new(BIO_s_mem());
	MUST(PEM_write_bio_X509(bio, certificate) == 1);
	made.text = text_of(bio);
	bio = BIO_new(BIO_s_mem());
	MUST(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
	made.key = text_of(bio);
	if (wish->issuer != NULL) {
		X509_free(issuer);
		EVP_PKEY_free(signer);
	}
	X509_free(certificate);
	EVP_PKEY_free(key);
	return made;
}

void
certificate_free(struct certificate *certificate)
{
	free(certificate->text);
	free(certificate->key);
	*certificate = (struct certificate){ 0 };
}
