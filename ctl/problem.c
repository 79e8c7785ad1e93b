/*
 * problem.c - see problem.h.
 *
 * libcurl hands over the words of OpenSSL, which say what went wrong in the protocol and
 * not what to do. They are looked for by their fixed parts; what is not known stays as
 * it is.
 */
#include "ctl/problem.h"

#include "common/port_text.h"
#include "common/program.h"
#include "common/xmem.h"
#include "ctl/ctl.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What servers of the Go series answer to plain HTTP. */
#define GO_WANTS_TLS "Client sent an HTTP request to an HTTPS server"

static bool
has(const char *said, const char *words)
{
	return strstr(said, words) != NULL;
}

static bool
is_secure(const char *url)
{
	return strncmp(url, "https://", 8) == 0;
}

/* HOST:PORT of the URL. */
static struct slice
host_of(const char *url)
{
	const char *host = strstr(url, "://");

	host = host == NULL ? url : host + 3;
	return slice_of(host, strcspn(host, "/"));
}

/* ---- the options of the grammar ---------------------------------------------------- */

static const char *
ca_name(const struct ctl_arguments *arguments)
{
	return options[arguments->grammar->ca].name;
}

static const char *
cert_name(const struct ctl_arguments *arguments)
{
	return options[arguments->grammar->cert].name;
}

static const char *
cert_path(const struct ctl_arguments *arguments)
{
	return ctl_arguments_text(arguments, arguments->grammar->cert);
}

static const char *
key_name(const struct ctl_arguments *arguments)
{
	return options[arguments->grammar->key].name;
}

/* ---- an answer of the wrong port ---------------------------------------------------- */

static bool
holds(struct slice body, const char *words)
{
	return body.size > 0 && memmem(body.data, body.size, words, strlen(words)) != NULL;
}

static char *
words_of_answer(const struct ctl_arguments *arguments, const struct problem *problem)
{
	struct slice other = SLICE_LITERAL(PORT_IS_OTHER);
	struct slice body = problem->body;

	while (body.size > 0 && body.data[body.size - 1] == '\n')
		body.size--;
	if (problem->status == 404 && slice_starts_with(body, other))
		return xasprintf("this is the %.*s", (int)(body.size - other.size),
		    (const char *)body.data + other.size);
	if (problem->status == 400 && !is_secure(problem->url) &&
	    (holds(body, PORT_WANTS_TLS) || holds(body, GO_WANTS_TLS))) {
		bool knows = ctl_arguments_given(arguments, arguments->grammar->ca);

		return xasprintf("speaks HTTPS: use https://%.*s%s%s",
		    SLICE_ARGS(host_of(problem->url)), knows ? "" : ", and give --",
		    knows ? "" : ca_name(arguments));
	}
	return NULL;
}

/* ---- no answer ---------------------------------------------------------------------- */

/* The server did not like what we showed, or that we showed nothing. */
static char *
words_of_refusal(const struct ctl_arguments *arguments, const char *said)
{
	static const char *const refusals[] = { "alert certificate required",
		"alert handshake failure", "alert bad certificate", "alert unknown ca",
		"alert unsupported certificate", "alert certificate expired",
		"alert certificate unknown", "alert certificate revoked", "alert access denied" };
	const char *refusal = NULL;

	for (size_t i = 0; i < ARRAY_COUNT(refusals) && refusal == NULL; i++)
		refusal = strstr(said, refusals[i]);
	if (refusal == NULL)
		return NULL;
	if (!ctl_arguments_given(arguments, arguments->grammar->cert))
		return xasprintf("wants a client certificate: give --%s and --%s",
		    cert_name(arguments), key_name(arguments));
	refusal += strlen("alert ");
	if (slice_starts_with(slice_text(refusal), SLICE_LITERAL("unsupported certificate")))
		return xasprintf("refuses the certificate of --%s, %s: it is not one of a "
		    "client; make one with '%s certs client NAME', or for the peer port with "
		    "'%s certs peer NAME'", cert_name(arguments), cert_path(arguments),
		    program_etcdctl(), program_etcdctl());
	return xasprintf("refuses the certificate of --%s, %s: %.*s; it has to be of an "
	    "authority of the server's -ca-file, and of today", cert_name(arguments),
	    cert_path(arguments), (int)strcspn(refusal, ","), refusal);
}

static char *
words_of_distrust(const struct ctl_arguments *arguments, const char *said)
{
	if (!has(said, "unable to get local issuer") && !has(said, "self-signed certificate") &&
	    !has(said, "self signed certificate"))
		return NULL;
	if (!ctl_arguments_given(arguments, arguments->grammar->ca))
		return xasprintf("its certificate is of an authority that is not known here: give "
		    "--%s", ca_name(arguments));
	return xasprintf("its certificate is not of an authority of --%s, %s", ca_name(arguments),
	    ctl_arguments_text(arguments, arguments->grammar->ca));
}

static char *
words_of_tls(const struct ctl_arguments *arguments, const struct problem *problem, bool *certain)
{
	const char *said = problem->said;
	char *words;

	if (has(said, "wrong version number")) {
		*certain = true;
		return xasprintf("speaks plain HTTP: use http://%.*s",
		    SLICE_ARGS(host_of(problem->url)));
	}
	words = words_of_refusal(arguments, said);
	if (words != NULL) {
		*certain = true;
		return words;
	}
	if (problem->curl_code == CURLE_SSL_CACERT_BADFILE &&
	    !ctl_arguments_given(arguments, arguments->grammar->ca)) {
		*certain = true;
		return xasprintf("this machine has no list of authorities: give --%s",
		    ca_name(arguments));
	}
	words = words_of_distrust(arguments, said);
	/* The alert may be lost behind what was sent before it came. */
	if (words == NULL && (has(said, "reset by peer") || has(said, "unexpected eof")) &&
	    !ctl_arguments_given(arguments, arguments->grammar->cert))
		return xasprintf("%s; if it wants a client certificate, give --%s and --%s", said,
		    cert_name(arguments), key_name(arguments));
	return words;
}

char *
problem_words(const struct ctl_arguments *arguments, const struct problem *problem, bool *certain)
{
	char *words = NULL;

	*certain = problem->curl_code == CURLE_OK;
	if (*certain)
		return words_of_answer(arguments, problem);
	/* "Connection refused" says more than "Couldn't connect to server". */
	if (problem->curl_code == CURLE_COULDNT_CONNECT && problem->system_error != 0)
		return xstrdup(strerror((int)problem->system_error));
	if (problem->curl_code == CURLE_OPERATION_TIMEDOUT)
		return xstrdup("timed out");
	if (is_secure(problem->url))
		words = words_of_tls(arguments, problem, certain);
	if (words != NULL)
		return words;
	return xstrdup(problem->said[0] != '\0' ? problem->said :
	    curl_easy_strerror((CURLcode)problem->curl_code));
}

/* ---- before anything is sent ----------------------------------------------------------- */

/* NULL: it was said why. */
static FILE *
open_file(const struct ctl_arguments *arguments, enum ctl_option_tag tag)
{
	const char *path = ctl_arguments_text(arguments, tag);
	FILE *file = fopen(path, "re");

	if (file == NULL)
		output_fail(CTL_BAD_ARGUMENTS, "cannot read %s (--%s): %s", path, options[tag].name,
		    strerror(errno));
	return file;
}

static bool
is_set(const struct ctl_arguments *arguments, enum ctl_option_tag tag)
{
	const char *path = ctl_arguments_text(arguments, tag);

	return path != NULL && path[0] != '\0';
}

/* NULL: it was said why. */
static X509 *
read_certificate(const struct ctl_arguments *arguments, enum ctl_option_tag tag)
{
	FILE *file = open_file(arguments, tag);
	X509 *certificate = file == NULL ? NULL : PEM_read_X509(file, NULL, NULL, NULL);

	if (file != NULL && certificate == NULL)
		output_fail(CTL_BAD_ARGUMENTS, "%s (--%s) has no certificate in PEM",
		    ctl_arguments_text(arguments, tag), options[tag].name);
	if (file != NULL)
		fclose(file);
	ERR_clear_error();
	return certificate;
}

/* libcurl asks for the passphrase when the key is used. */
static int
note_passphrase(char *unused UNUSED, int size UNUSED, int writing UNUSED, void *argument)
{
	*(bool *)argument = true;
	return -1;
}

static int
check_pair(const struct ctl_arguments *arguments, X509 *certificate)
{
	bool own = is_set(arguments, arguments->grammar->key);
	enum ctl_option_tag tag = own ? arguments->grammar->key : arguments->grammar->cert;
	FILE *file = open_file(arguments, tag);
	bool encrypted = false;
	EVP_PKEY *key;
	int code = CTL_DONE;

	if (file == NULL)
		return CTL_BAD_ARGUMENTS;
	key = PEM_read_PrivateKey(file, NULL, note_passphrase, &encrypted);
	fclose(file);
	if (key == NULL && !encrypted && own)
		code = output_fail(CTL_BAD_ARGUMENTS, "%s (--%s) has no private key in PEM",
		    ctl_arguments_text(arguments, tag), key_name(arguments));
	else if (key == NULL && !encrypted)
		code = output_fail(CTL_BAD_ARGUMENTS, "give --%s too: there is no private "
		    "key in %s (--%s)", key_name(arguments), cert_path(arguments),
		    cert_name(arguments));
	else if (key != NULL && X509_check_private_key(certificate, key) != 1)
		code = output_fail(CTL_BAD_ARGUMENTS, "the key in %s (--%s) does not belong "
		    "to the certificate in %s (--%s)", ctl_arguments_text(arguments, tag),
		    key_name(arguments), cert_path(arguments), cert_name(arguments));
	EVP_PKEY_free(key);
	ERR_clear_error();
	return code;
}

int
problem_check_files(const struct ctl_arguments *arguments)
{
	X509 *certificate;
	int code;

	if (is_set(arguments, arguments->grammar->ca)) {
		certificate = read_certificate(arguments, arguments->grammar->ca);
		if (certificate == NULL)
			return CTL_BAD_ARGUMENTS;
		X509_free(certificate);
	}
	if (!is_set(arguments, arguments->grammar->cert) &&
	    is_set(arguments, arguments->grammar->key))
		return output_fail(CTL_BAD_ARGUMENTS, "--%s is given without --%s",
		    key_name(arguments), cert_name(arguments));
	if (!is_set(arguments, arguments->grammar->cert))
		return CTL_DONE;
	certificate = read_certificate(arguments, arguments->grammar->cert);
	if (certificate == NULL)
		return CTL_BAD_ARGUMENTS;
	code = check_pair(arguments, certificate);
	X509_free(certificate);
	return code;
}
