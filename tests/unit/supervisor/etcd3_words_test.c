/*
 * etcd3_words_test.c - values of etcd 3 in our words.
 */
#include "supervisor/etcd3_words.h"

#include "supervisor/setup.h"
#include "tests/lib/test.h"

#include <stdlib.h>

static struct arguments
arguments_with(enum option_id id, const char *value)
{
	static char *none[] = { NULL };
	char *argv[] = { (char *)(uintptr_t)"etcd" };
	struct arguments arguments;
	char *problem;

	assert_int_equal(arguments_read(&arguments, &(struct arguments_input){ .argc = 1,
	    .argv = argv, .environment = none }, &problem), ARGUMENTS_RUN);
	setup_text(&arguments.config, id, value);
	return arguments;
}

static void
assert_taken(enum option_id id, const char *theirs, const char *ours)
{
	struct arguments arguments = arguments_with(id, theirs);

	assert_null(etcd3_words_take(&arguments));
	assert_string_equal(config_text(&arguments.config, id), ours);
	arguments_free(&arguments);
}

TEST(words_that_are_others_here)
{
	assert_taken(OPTION_log_level, "panic", "error");
	assert_taken(OPTION_log_level, "warn", "warn");
	assert_taken(OPTION_log_output, "default", "stderr");
	assert_taken(OPTION_log_format, "console", "text");
	assert_taken(OPTION_tls_min_version, "TLS1.3", "1.3");
	assert_taken(OPTION_host_names, "*", "");
	assert_taken(OPTION_host_names, "a,b", "a,b");
}

TEST(cipher_suites_by_the_names_of_the_registry)
{
	assert_taken(OPTION_tls_ciphers, "ECDHE+AESGCM", "ECDHE+AESGCM");
	assert_taken(OPTION_tls_ciphers, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
	    "ECDHE-RSA-AES128-GCM-SHA256");
	assert_taken(OPTION_tls_ciphers, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "
	    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,TLS_AES_128_GCM_SHA256",
	    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305");
	assert_taken(OPTION_tls_ciphers, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,"
	    "TLS_RSA_WITH_AES_128_GCM_SHA256",
	    "ECDHE-RSA-AES256-SHA:AES128-GCM-SHA256");
}

TEST(cipher_suites_that_are_none_are_refused)
{
	static const char *const wrong[] = { "TLS_AES_128_GCM_SHA256",
		"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,AES128" };

	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		struct arguments arguments = arguments_with(OPTION_tls_ciphers, wrong[i]);
		char *problem = etcd3_words_take(&arguments);

		assert_non_null(problem);
		free(problem);
		arguments_free(&arguments);
	}
}
