/*
 * certs.c - certs: an authority, and certificates of it, for trying TLS and for small
 * clusters. Over libcrypto, so no other program has to be there.
 *
 * Keys are P-256, and only for their owner (0600). Every file is new: nothing is ever
 * written over. Whoever has ca.key can make certificates: keep it elsewhere.
 */
#include "common/base.h"
#include "common/program.h"
#include "common/xmem.h"
#include "ctl/ctl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NAME_BYTES 64		/* of a common name, RFC 5280 */
#define DAYS_CA 3650
#define DAYS_OTHER 365
#define DAYS_MAX 36500
#define SECONDS_PER_DAY 86400L
#define EARLIER_S 300L		/* for clocks that are behind */
#define SERIAL_BITS 127

struct wish {
	const char *name;
	const char *file;	/* without .crt, .key */
	const char *usage;	/* extended; NULL: an authority */
	const char *const *addresses;
	size_t address_count;
	long days;
};

struct pair {
	X509 *certificate;
	EVP_PKEY *key;
};

static void
pair_free(struct pair *pair)
{
	X509_free(pair->certificate);
	EVP_PKEY_free(pair->key);
	*pair = (struct pair){ 0 };
}

/* ---- files --------------------------------------------------------------------------- */

static char *
path_of(const struct ctl *ctl, const char *file, const char *suffix)
{
	return xasprintf("%s/%s%s", ctl_arguments_text(ctl->arguments, OPT_CERTS_DIR), file,
	    suffix);
}

/* A new file with what the BIO holds; frees the BIO. */
static int
write_file(const char *path, mode_t mode, BIO *bio)
{
	char *data = NULL;
	long size = BIO_get_mem_data(bio, &data);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	int problem = fd == -1 ? errno : 0;

	if (fd != -1) {
		if (write(fd, data, (size_t)size) != (ssize_t)size || fsync(fd) == -1)
			problem = errno != 0 ? errno : EIO;
		if (close(fd) == -1 && problem == 0)
			problem = errno;
		if (problem != 0)
			(void)unlink(path);
	}
	BIO_free(bio);
	if (problem == EEXIST)
		return output_fail(CTL_BAD_ARGUMENTS,
		    "%s is there already and is not written over; move it away first", path);
	if (problem != 0)
		return output_fail(CTL_BAD_FILE, "cannot write %s (--dir): %s", path,
		    strerror(problem));
	return CTL_DONE;
}

static int
save(const struct ctl *ctl, const char *file, const struct pair *pair)
{
	char *key_path = path_of(ctl, file, ".key");
	char *certificate_path = path_of(ctl, file, ".crt");
	BIO *key = BIO_new(BIO_s_secmem());
	BIO *certificate = BIO_new(BIO_s_mem());
	int code;

	ASSERT(key != NULL);
	ASSERT(certificate != NULL);
	MUST(PEM_write_bio_PrivateKey(key, pair->key, NULL, NULL, 0, NULL, NULL) == 1);
	MUST(PEM_write_bio_X509(certificate, pair->certificate) == 1);
	code = write_file(key_path, 0600, key);
	if (code == CTL_DONE) {
		code = write_file(certificate_path, 0644, certificate);
		if (code != CTL_DONE)
			(void)unlink(key_path);
	} else {
		BIO_free(certificate);
	}
	if (code == CTL_DONE)
		output_print(&ctl->out, "%s\n%s\n", certificate_path, key_path);
	free(key_path);
	free(certificate_path);
	return code;
}

static int
load_authority(const struct ctl *ctl, struct pair *authority)
{
	char *certificate_path = path_of(ctl, "ca", ".crt");
	char *key_path = path_of(ctl, "ca", ".key");
	FILE *certificate = fopen(certificate_path, "re");
	FILE *key = fopen(key_path, "re");
	int code = CTL_DONE;

	if (certificate == NULL || key == NULL) {
		code = output_fail(CTL_BAD_ARGUMENTS,
		    "cannot read %s (--dir): %s; make an authority with '%s certs ca'",
		    certificate == NULL ? certificate_path : key_path, strerror(errno),
		    program_own());
	} else {
		authority->certificate = PEM_read_X509(certificate, NULL, NULL, NULL);
		authority->key = PEM_read_PrivateKey(key, NULL, NULL, NULL);
		if (authority->certificate == NULL || authority->key == NULL ||
		    X509_check_private_key(authority->certificate, authority->key) != 1 ||
		    X509_check_ca(authority->certificate) == 0)
			code = output_fail(CTL_BAD_FILE,
			    "%s and %s are no authority and its key (--dir)", certificate_path,
			    key_path);
		ERR_clear_error();
	}
	if (certificate != NULL)
		fclose(certificate);
	if (key != NULL)
		fclose(key);
	free(certificate_path);
	free(key_path);
	return code;
}

/* ---- making --------------------------------------------------------------------------- */

static bool
extend(X509 *certificate, X509 *issuer, int kind, const char *value)
{
	X509V3_CTX around;
	X509_EXTENSION *extension;
	bool good;

	X509V3_set_ctx(&around, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &around, kind, value);
	good = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return good;
}

static void
set_serial(X509 *certificate)
{
	BIGNUM *serial = BN_new();

	ASSERT(serial != NULL);
	MUST(BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1);
	MUST(BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate)) != NULL);
	BN_free(serial);
}

static bool
is_address_of_ip(const char *text)
{
	uint8_t bytes[16];

	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

/* "IP:127.0.0.1,DNS:localhost"; the addresses were checked. */
static char *
alternative_names(const struct wish *wish)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < wish->address_count; i++)
		buf_printf(&text, "%s%s:%s", i == 0 ? "" : ",",
		    is_address_of_ip(wish->addresses[i]) ? "IP" : "DNS", wish->addresses[i]);
	buf_append_byte(&text, '\0');
	return (char *)text.data;
}

static bool
extend_all(X509 *certificate, X509 *issuer, const struct wish *wish)
{
	bool authority = wish->usage == NULL;
	char *names = alternative_names(wish);
	bool good = extend(certificate, issuer, NID_basic_constraints,
			authority ? "critical,CA:TRUE" : "critical,CA:FALSE") &&
	    extend(certificate, issuer, NID_key_usage,
		authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature") &&
	    extend(certificate, issuer, NID_subject_key_identifier, "hash") &&
	    extend(certificate, issuer, NID_authority_key_identifier, "keyid:always") &&
	    (authority || extend(certificate, issuer, NID_ext_key_usage, wish->usage)) &&
	    (wish->address_count == 0 || extend(certificate, issuer, NID_subject_alt_name, names));

	free(names);
	return good;
}

/* issuer NULL: signed by itself. False: libcrypto refused something. */
static bool
make(const struct wish *wish, const struct pair *issuer, struct pair *made)
{
	X509 *certificate = X509_new();
	X509 *signer;
	bool good;

	made->certificate = certificate;
	made->key = EVP_EC_gen("P-256");
	if (certificate == NULL || made->key == NULL)
		return false;
	signer = issuer == NULL ? certificate : issuer->certificate;
	set_serial(certificate);
	good = X509_set_version(certificate, X509_VERSION_3) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(certificate), -EARLIER_S) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(certificate), wish->days * SECONDS_PER_DAY) !=
		NULL &&
	    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
		(const unsigned char *)wish->name, -1, -1, 0) == 1 &&
	    X509_set_issuer_name(certificate, X509_get_subject_name(signer)) == 1 &&
	    X509_set_pubkey(certificate, made->key) == 1 && extend_all(certificate, signer, wish) &&
	    X509_sign(certificate, issuer == NULL ? made->key : issuer->key, EVP_sha256()) > 0;
	return good;
}

/* ---- the commands ------------------------------------------------------------------------ */

static bool
is_made_of(const char *text, const char *extra)
{
	for (const char *at = text; *at != '\0'; at++) {
		bool plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
		    (*at >= '0' && *at <= '9');

		if (!plain && strchr(extra, *at) == NULL)
			return false;
	}
	return text[0] != '\0';
}

static int
check_wish(const struct ctl *ctl, struct wish *wish)
{
	uint64_t days = ctl_arguments_number(ctl->arguments, OPT_CERTS_DAYS);

	if (!is_made_of(wish->name, "._-@ ") || strlen(wish->name) > NAME_BYTES ||
	    wish->name[0] == '.')
		return output_fail(CTL_BAD_ARGUMENTS,
		    "\"%s\" is no name for a certificate; write up to %d letters, digits and "
		    ". _ - @", wish->name, NAME_BYTES);
	if (wish->usage != NULL && strcmp(wish->file, "ca") == 0)
		return output_fail(CTL_BAD_ARGUMENTS,
		    "\"ca\" is the name of the authority's files");
	for (size_t i = 0; i < wish->address_count; i++) {
		const char *address = wish->addresses[i];

		if (!is_address_of_ip(address) && !is_made_of(address, ".-_*"))
			return output_fail(CTL_BAD_ARGUMENTS, "\"%s\" is no address; "
			    "write a host name or an IP address, without a port", address);
	}
	wish->days = wish->usage == NULL ? DAYS_CA : DAYS_OTHER;
	if (!ctl_arguments_given(ctl->arguments, OPT_CERTS_DAYS))
		return CTL_DONE;
	if (days < 1 || days > DAYS_MAX)
		return output_fail(CTL_BAD_ARGUMENTS, "--days: %llu is not allowed; write 1 to %d",
		    (unsigned long long)days, DAYS_MAX);
	wish->days = (long)days;
	return CTL_DONE;
}

static int
carry_out(struct ctl *ctl, struct wish *wish)
{
	struct pair authority = { 0 }, made = { 0 };
	int code = check_wish(ctl, wish);

	if (code == CTL_DONE && wish->usage != NULL)
		code = load_authority(ctl, &authority);
	if (code == CTL_DONE && !make(wish, wish->usage == NULL ? NULL : &authority, &made)) {
		char why[256];

		ERR_error_string_n(ERR_get_error(), why, sizeof(why));
		code = output_fail(CTL_BAD_ARGUMENTS, "no certificate can be made for \"%s\": %s",
		    wish->name, why);
	}
	if (code == CTL_DONE)
		code = save(ctl, wish->file, &made);
	pair_free(&authority);
	pair_free(&made);
	return code;
}

int
ctl_certs_ca(struct ctl *ctl)
{
	const struct ctl_arguments *arguments = ctl->arguments;
	struct wish wish = { .name = arguments->word_count == 0 ? "etcd authority" :
								  arguments->words[0],
		.file = "ca" };

	return carry_out(ctl, &wish);
}

static struct wish
wish_of(const struct ctl *ctl, const char *usage)
{
	const struct ctl_arguments *arguments = ctl->arguments;

	return (struct wish){ .name = arguments->words[0], .file = arguments->words[0],
		.usage = usage, .addresses = arguments->words + 1,
		.address_count = arguments->word_count - 1 };
}

int
ctl_certs_server(struct ctl *ctl)
{
	struct wish wish = wish_of(ctl, "serverAuth");

	return carry_out(ctl, &wish);
}

/* Each node calls and is called. */
int
ctl_certs_peer(struct ctl *ctl)
{
	struct wish wish = wish_of(ctl, "serverAuth,clientAuth");

	return carry_out(ctl, &wish);
}

int
ctl_certs_client(struct ctl *ctl)
{
	struct wish wish = wish_of(ctl, "clientAuth");

	return carry_out(ctl, &wish);
}
