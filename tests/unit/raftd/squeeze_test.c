/*
 * squeeze_test.c - what goes to the disk of what was applied.
 */
#include "raftd/squeeze.h"

#include "common/ipc/message.h"
#include "tests/lib/joined.h"
#include "tests/lib/test.h"

static void
put(struct buf *effects, const char *key, const char *value)
{
	struct state_record record = { slice_text(key), slice_text(value) };

	state_record_put(effects, &record);
}

/* "a=1 b= " */
static const char *
text_of(struct slice effects)
{
	static char text[256];
	struct reader in = reader_of(effects);
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

/* As events and answers are. */
static bool
is_once(struct slice key)
{
	return key.data[0] == 'E';
}

TEST(last_word_on_each_key_is_kept_in_order)
{
	struct buf effects = BUF_INIT;
	struct tails none = { 0 };

	put(&effects, "a", "1");
	put(&effects, "b", "2");
	put(&effects, "a", "");
	put(&effects, "c", "3");
	put(&effects, "b", "4");
	squeeze_effects(&effects, &none, 17, is_once);
	assert_string_equal(text_of(buf_slice(&effects)), "a= c=3 b=4 ");
	squeeze_effects(&effects, &none, 18, is_once);
	assert_string_equal(text_of(buf_slice(&effects)), "a= c=3 b=4 ");
	buf_free(&effects);
}

static void
put_with_tail(struct buf *effects, struct tails *tails, const char *key, struct blob *value)
{
	put(effects, key, "<");
	tails_add(tails, effects->size, value, blob_slice(value));
}

/* The tail of a record goes with it, others stay with theirs. */
TEST(tails_follow_their_records)
{
	struct blob *first = blob_new(SLICE_LITERAL("first"));
	struct blob *last = blob_new(SLICE_LITERAL("last"));
	struct buf effects = BUF_INIT;
	struct tails tails = { 0 };
	struct blob *list;

	put_with_tail(&effects, &tails, "a", first);
	put_with_tail(&effects, &tails, "b", last);
	put(&effects, "c", "3");
	put_with_tail(&effects, &tails, "a", last);
	put_with_tail(&effects, &tails, "d", first);
	put(&effects, "d", "");
	for (int i = 0; i < 2; i++) {
		squeeze_effects(&effects, &tails, 17, is_once);
		assert_int_equal(tails.count, 2);
		assert_int_equal(tails.bytes, 2 * last->size);
		assert_int_equal(first->references, 1);
		assert_int_equal(last->references, 3);
		list = joined(buf_slice(&effects), &tails);
		assert_non_null(list);
		assert_string_equal(text_of(blob_slice(list)), "b=<last c=3 a=<last d= ");
		blob_unref(&list);
	}
	tails_free(&tails);
	assert_int_equal(last->references, 1);
	blob_unref(&first);
	blob_unref(&last);
	buf_free(&effects);
}

/* What the disk may have it has to be told of. */
TEST(what_is_written_once_and_removed_here_is_not_there_at_all)
{
	struct buf effects = BUF_INIT;
	struct tails tails = { 0 };
	struct blob *value = blob_new(SLICE_LITERAL("value"));

	put(&effects, "E1", "");
	put_with_tail(&effects, &tails, "E2", value);
	put(&effects, "a", "1");
	put(&effects, "E3", "x");
	put(&effects, "E2", "");
	put(&effects, "a", "");
	put_with_tail(&effects, &tails, "E4", value);
	/* Removed, made again and removed: the disk has the first. */
	put(&effects, "E5", "");
	put(&effects, "E5", "y");
	put(&effects, "E5", "");
	for (int i = 0; i < 2; i++) {
		squeeze_effects(&effects, &tails, 17, is_once);
		assert_string_equal(text_of(buf_slice(&effects)), "E1= E3=x a= E4=< E5= ");
		assert_int_equal(tails.count, 1);
		assert_int_equal(value->references, 2);
	}
	tails_free(&tails);
	blob_unref(&value);
	buf_free(&effects);
}

TEST(nothing_stays_nothing)
{
	struct buf effects = BUF_INIT;
	struct tails none = { 0 };

	squeeze_effects(&effects, &none, 1, is_once);
	assert_int_equal(effects.size, 0);
	buf_free(&effects);
}
