/*
 * joined.c - see joined.h.
 */
#include "tests/lib/joined.h"

#include "common/ipc/message.h"

struct blob *
joined(struct slice records, const struct tails *tails)
{
	static const struct tails NONE = { 0 };
	struct reader in = reader_of(records);
	struct buf out = BUF_INIT, value = BUF_INIT;
	struct blob *list = NULL;
	bool whole = true;
	size_t next = 0;

	if (tails == NULL)
		tails = &NONE;
	blob_begin(&out);
	while (whole && !reader_done(&in)) {
		struct state_record record;

		whole = state_record_get(&in, &record);
		if (!whole)
			break;
		buf_clear(&value);
		buf_append_slice(&value, record.value);
		buf_append_slice(&value, tails_next(tails, &next,
		    records.size - reader_left(&in)));
		record.value = buf_slice(&value);
		state_record_put(&out, &record);
	}
	buf_free(&value);
	if (whole && next == tails->count)
		list = blob_end(&out, NULL);
	buf_free(&out);
	return list;
}
