/*
 * ui_test.c - what headers say of the form in which a client wants a file of the page.
 */
#include "httpd/client/ui.h"

#include "tests/lib/test.h"

TEST(gzip_is_taken_by_who_says_so)
{
	static const struct {
		const char *header;
		bool takes;
	} rows[] = {
		{ "", false }, { "gzip", true }, { "GZIP", true }, { "x-gzip", true },
		{ "gzip, deflate, br", true }, { "br;q=1.0 , gzip;q=0.2", true }, { "br", false },
		{ "gzip;q=0", false }, { "gzip; Q=0.000", false },
		{ "gzip;q=0.001", true },
		{ "*", true }, { "*;q=0", false }, { "*, gzip;q=0", false },
		{ "gzip;q=0, *", false },
		{ "gzip, *;q=0", true }, { "identity", false }, { "gzippy", false },
		{ ",, ,", false },
		{ "gzip;a=b;q=0", false }, { "gzip;", true }, { ";", false }, { "\tgzip\t", true },
		{ "gzip;q", true }, { "gzip;q=", true },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		print_message("\"%s\"\n", rows[i].header);
		assert_int_equal(ui_takes_gzip(slice_text(rows[i].header)), rows[i].takes);
	}
	assert_false(ui_takes_gzip(SLICE_EMPTY));
}

TEST(a_version_is_known_by_its_tag)
{
	static const struct {
		const char *header;
		bool has;
	} rows[] = {
		{ "", false }, { "\"1-2\"", true }, { "W/\"1-2\"", true }, { "*", true },
		{ "\"1-3\"", false }, { "\"1-2-gzip\"", false }, { "\"0\", \"1-2\"", true },
		{ "\"0\" ,W/\"1-2\" , \"4\"", true }, { "1-2", false }, { "\"1-2", false },
		{ "\"", false }, { "\"\"", false }, { "W/", false }, { ",", false },
		{ "w/\"1-2\"", false },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		print_message("%s\n", rows[i].header);
		assert_int_equal(ui_has_version(slice_text(rows[i].header), SLICE_LITERAL("1-2")),
		    rows[i].has);
	}
	assert_false(ui_has_version(SLICE_EMPTY, SLICE_LITERAL("1-2")));
}
