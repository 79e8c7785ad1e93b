/*
 * etcd3_flags_test.c - flags of etcd 3 that no option is like: by their names, with what value they
 * are refused, and that the last one counts.
 */
#include "supervisor/etcd3_flags.h"

#include "common/option.h"
#include "tests/lib/test.h"

#include <stdlib.h>

static const char *const flags[] = {
#define ETCD3_FLAG(name, flag, kind, fate, usual, sentence) flag,
#include "supervisor/etcd3_flag_table.h"
};

TEST(no_flag_is_an_option_too)
{
	for (size_t i = 0; i < ARRAY_COUNT(flags); i++) {
		assert_null(option_by_flag(flags[i]));
		assert_int_equal(etcd3_by_flag(flags[i]), i);
	}
	assert_int_equal(etcd3_by_flag("no-such-flag"), ETCD3_FLAGS);
}

TEST(variables_are_the_flags_in_capitals)
{
	assert_int_equal(etcd3_by_environment("ETCD_AUTO_TLS"), ETCD3_auto_tls);
	assert_int_equal(etcd3_by_environment("ETCD_BCRYPT_COST"), ETCD3_bcrypt_cost);
	assert_int_equal(etcd3_by_environment("ETCD_BCRYPT_COSTS"), ETCD3_FLAGS);
	assert_int_equal(etcd3_by_environment("ETCD_BCRYPT"), ETCD3_FLAGS);
	assert_int_equal(etcd3_by_environment("BCRYPT_COST"), ETCD3_FLAGS);
	assert_true(etcd3_is_bool(ETCD3_auto_tls));
	assert_false(etcd3_is_bool(ETCD3_bcrypt_cost));
}

TEST(what_is_unsafe_to_ignore_is_refused_and_usual_values_are_not)
{
	static const struct {
		enum etcd3_flag flag;
		const char *value;
		bool refused;
	} cases[] = {
		{ ETCD3_auto_tls, "true", true }, { ETCD3_auto_tls, "1", true },
		{ ETCD3_auto_tls, "false", false }, { ETCD3_auto_tls, "0", false },
		{ ETCD3_auto_tls, "F", true }, { ETCD3_auth_token, "simple", false },
		{ ETCD3_auth_token, "jwt,pub-key=a,priv-key=b,sign-method=RS512", true },
		{ ETCD3_auth_token, "", false }, { ETCD3_client_crl_file, "", false },
		{ ETCD3_client_crl_file, "/crl", true }, { ETCD3_bcrypt_cost, "31", false },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct etcd3_given given = { .values = { NULL } };
		char *problem;

		etcd3_give(&given, cases[i].flag, cases[i].value, false);
		problem = etcd3_problem(&given);
		assert_int_equal(problem != NULL, cases[i].refused);
		free(problem);
		etcd3_given_free(&given);
	}
}

TEST(a_refusal_says_where_it_was_given_and_the_last_counts)
{
	struct etcd3_given given = { .values = { NULL } };
	char *problem;

	etcd3_give(&given, ETCD3_auto_tls, "true", true);
	problem = etcd3_problem(&given);
	assert_non_null(problem);
	assert_string_equal(problem, "ETCD_AUTO_TLS: \"true\": no certificates are made here; make "
	    "some, and give -cert-file and -key-file");
	free(problem);
	etcd3_give(&given, ETCD3_auto_tls, "false", false);
	assert_null(etcd3_problem(&given));
	etcd3_given_free(&given);
}
