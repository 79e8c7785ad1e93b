/*
 * url_test.c - percent escapes and clean paths.
 */
#include "httpd/http/url.h"
#include "tests/lib/test.h"

#include <stdlib.h>

TEST(escapes_are_decoded_once)
{
	static const struct {
		enum url_part part;
		const char *text;
		struct slice decoded;
	} rows[] = {
		{ URL_PATH, "", { NULL, 0 } },
		{ URL_PATH, "/plain", { (const uint8_t *)"/plain", 6 } },
		{ URL_PATH, "/a%2Fb%2e", { (const uint8_t *)"/a/b.", 5 } },
		{ URL_PATH, "%2525", { (const uint8_t *)"%25", 3 } },
		{ URL_PATH, "a+b", { (const uint8_t *)"a+b", 3 } },
		{ URL_FORM, "a+b%2B", { (const uint8_t *)"a b+", 4 } },
		{ URL_PATH, "z%00z", { (const uint8_t *)"z\0z", 3 } },
		{ URL_FORM, "%FF%c3", { (const uint8_t *)"\xff\xc3", 2 } },
	};
	struct arena arena;
	struct slice decoded, broken;

	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		assert_int_equal(url_decode(&arena, rows[i].part, slice_text(rows[i].text),
		    &decoded, &broken), ERR_NONE);
		assert_true(slice_equal(decoded, rows[i].decoded));
	}
	arena_free(&arena);
}

TEST(a_broken_escape_is_named)
{
	static const struct {
		const char *text, *broken;
	} rows[] = {
		{ "a%zzb", "%zz" }, { "%4", "%4" }, { "%", "%" }, { "%4z%41", "%4z" },
		    { "%%41", "%%4" },
	};
	struct arena arena;
	struct slice decoded, broken;

	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		assert_int_equal(url_decode(&arena, URL_FORM, slice_text(rows[i].text), &decoded,
		    &broken), ERR_MALFORMED);
		assert_true(slice_equal(broken, slice_text(rows[i].broken)));
	}
	arena_free(&arena);
}

TEST(paths_are_cleaned)
{
	static const struct {
		const char *path, *clean;
		bool is_clean;
	} rows[] = {
		{ "/", "/", true },
		{ "/a", "/a", true },
		{ "/a/", "/a/", true },
		{ "/a/b", "/a/b", true },
		{ "/...", "/...", true },
		{ "/..b/.a", "/..b/.a", true },
		{ "//", "/", false },
		{ "//a", "/a", false },
		{ "/a//b", "/a/b", false },
		{ "/a//", "/a/", false },
		{ "/a/./b", "/a/b", false },
		{ "/a/.", "/a", false },
		{ "/a/x/../b", "/a/b", false },
		{ "/a/../../b/", "/b/", false },
		{ "/..", "/", false },
		{ "/../", "/", false },
		{ "/a/..", "/", false },
		{ "/a b//\xc3\xa4?#%", "/a%20b/%C3%A4%3F%23%25", false },
		{ "/a;b:c@d,e//f", "/a;b:c@d,e/f", false },
	};
	struct buf clean = BUF_INIT;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		assert_int_equal(url_path_is_clean(slice_text(rows[i].path)), rows[i].is_clean);
		buf_clear(&clean);
		url_path_put_clean(slice_text(rows[i].path), &clean);
		if (!slice_equal(buf_slice(&clean), slice_text(rows[i].clean)))
			fail_msg("%s became %.*s", rows[i].path, SLICE_ARGS(clean));
	}
	buf_free(&clean);
}

TEST(what_has_no_place_in_a_header_is_escaped_in_a_url)
{
	static const struct {
		struct slice text;
		const char *shown;
	} rows[] = {
		{ { (const uint8_t *)"/v2/keys/a?x=%41&y=<>", 21 }, "/v2/keys/a?x=%41&y=<>" },
		{ { (const uint8_t *)"a\xc3\xa4\xff\x80", 5 }, "a%C3%A4%FF%80" },
		{ { (const uint8_t *)"a\r\nb\0 \x7f", 7 }, "a%0D%0Ab%00%20%7F" },
		{ { NULL, 0 }, "" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct buf shown = BUF_INIT;

		url_put_visible(rows[i].text, &shown);
		assert_true(slice_equal(buf_slice(&shown), slice_text(rows[i].shown)));
		buf_free(&shown);
	}
}
