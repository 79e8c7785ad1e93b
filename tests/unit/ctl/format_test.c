/* Tests of ctl/format.c: as printf, but for what others wrote. */
#include "ctl/format.h"

#include "tests/lib/test.h"

#include <inttypes.h>
#include <stdio.h>

#define TEXT_BYTES 256

PRINTF_LIKE(3, 4) static void
format(struct buf *text, bool shown, const char *words, ...)
{
	va_list values;

	va_start(values, words);
	format_put(text, shown, words, values);
	va_end(values);
	buf_append_byte(text, '\0');
}

#define SAME_AS_PRINTF(...)						\
	do {								\
		char wanted[TEXT_BYTES];				\
									\
		snprintf(wanted, sizeof(wanted), __VA_ARGS__);		\
		for (int shown = 0; shown < 2; shown++) {		\
			struct buf text = BUF_INIT;			\
									\
			format(&text, shown == 1, __VA_ARGS__);		\
			assert_string_equal((const char *)text.data, wanted); \
			buf_free(&text);				\
		}							\
	} while (0)

TEST(numbers_widths_and_words_are_those_of_printf)
{
	SAME_AS_PRINTF("no value\n\tat all");
	SAME_AS_PRINTF("%s", "");
	SAME_AS_PRINTF("%d %i %u %x %X %o", -1, -2, 3U, 0xbeefU, 0xbeefU, 8U);
	SAME_AS_PRINTF("%hd %hu %ld %lu", (short)-2, (unsigned short)65535, -3L, UINT64_MAX);
	SAME_AS_PRINTF("%lld %llu %zu", -4LL, 5ULL, SIZE_MAX);
	SAME_AS_PRINTF("%" PRIu64 ".%03" PRIu64 " %" PRIx64, UINT64_MAX, UINT64_C(7), UINT64_MAX);
	SAME_AS_PRINTF("[%5d] [%-5d] [%05d] [%+d] [%*d] [%*d]", 1, 2, 3, 4, 4, 5, -4, 6);
	SAME_AS_PRINTF("%f %.0f %.1f %8.2f", 1.5, 2.5, -3.25, 1e6);
	SAME_AS_PRINTF("[%8s] [%-8s] [%*s] [%-*s] [%*s]", "a", "b", 4, "c", 4, "d", -4, "e");
	SAME_AS_PRINTF("[%.3s] [%.*s]", "abc", 2, "ab");
	SAME_AS_PRINTF("100%% of %s, %zu%%", "it", (size_t)7);
}

TEST(strings_are_spelled_where_they_are_shown_and_only_there)
{
	struct buf text = BUF_INIT;

	format(&text, true, "\n%s\t%.*s\n", "a\nb\033", 3, "\xc2\x9b" "c");
	assert_string_equal((const char *)text.data, "\na\\x0ab\\x1b\t\\xc2\\x9bc\n");
	buf_clear(&text);
	format(&text, false, "\n%s\t%.*s\n", "a\nb\033", 3, "\xc2\x9b" "c");
	assert_string_equal((const char *)text.data, "\na\nb\033\t\xc2\x9b" "c\n");
	buf_free(&text);
}

TEST(a_precision_is_the_size_of_a_slice)
{
	struct buf text = BUF_INIT, none;

	buf_init(&none, 0);
	format(&text, false, "%.*s%.*s", 3, "a\0b", SLICE_ARGS(none));
	assert_int_equal(text.size, 4);
	assert_memory_equal(text.data, "a\0b", 4);
	buf_clear(&text);
	format(&text, true, "%.*s", 3, "a\0b");
	assert_string_equal((const char *)text.data, "a\\x00b");
	buf_free(&text);
}

TEST(a_width_counts_what_is_seen_of_the_spelling)
{
	struct buf text = BUF_INIT;

	format(&text, true, "[%6s] [%-6s]", "\033", "\033");
	assert_string_equal((const char *)text.data, "[  \\x1b] [\\x1b  ]");
	buf_free(&text);
}
