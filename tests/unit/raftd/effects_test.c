/*
 * effects_test.c - what goes to the disk of what was applied.
 */
#include "raftd/effects.h"

#include "common/ipc/message.h"
#include "tests/lib/test.h"

static void
put(struct buf *effects, const char *key, const char *value)
{
	struct state_record record = { slice_text(key), slice_text(value) };

	state_record_put(effects, &record);
}

/* "a=1 b= " */
static const char *
text_of(const struct buf *effects)
{
	static char text[256];
	struct reader in = reader_of(buf_slice(effects));
	struct state_record record;
	size_t length = 0;

	text[0] = '\0';
	while (!reader_done(&in)) {
		assert_true(state_record_get(&in, &record));
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%.*s=%.*s ",
		    SLICE_ARGS(record.key), SLICE_ARGS(record.value));
	}
	return text;
}

TEST(last_word_on_each_key_is_kept_in_order)
{
	struct buf effects = BUF_INIT;

	put(&effects, "a", "1");
	put(&effects, "b", "2");
	put(&effects, "a", "");
	put(&effects, "c", "3");
	put(&effects, "b", "4");
	effects_squeeze(&effects, 17);
	assert_string_equal(text_of(&effects), "a= c=3 b=4 ");
	effects_squeeze(&effects, 18);
	assert_string_equal(text_of(&effects), "a= c=3 b=4 ");
	buf_free(&effects);
}

TEST(nothing_stays_nothing)
{
	struct buf effects = BUF_INIT;

	effects_squeeze(&effects, 1);
	assert_int_equal(effects.size, 0);
	buf_free(&effects);
}
