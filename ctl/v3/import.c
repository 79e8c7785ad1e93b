/*
 * import.c - import, export: make one cluster the same as another, or as a file of etcd 3 says.
 *
 *	copy		all keys as of one revision, and all leases; what the target has and the
 *			source has not goes
 *	follow		the changes from there on, by a watch; if they are compacted: copy again
 *	cut-over	CTRL-C, when nobody writes to the source any more: the changes up to the
 *			revision that it has then, and the end
 *	verify		compare, and change nothing
 *
 * Keys, values and leases with their ids are carried over. Revisions are the target's own; a
 * lease has its whole TTL again, and is kept here while it lives there. Users are not read.
 */
#include "common/clock.h"
#include "common/program.h"
#include "common/xmem.h"
#include "ctl/interrupt.h"
#include "ctl/v3/follow.h"
#include "ctl/v3/keys.h"
#include "ctl/v3/message.h"
#include "ctl/v3/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLLOW_MS 100			/* then leases are looked at */
#define CUT_OVER_MS 60000
#define SHOWN_MAX 10			/* differences */

struct carrying {
	struct ctl3 source, target;
	struct etcd_snapshot snapshot;
	const struct etcd_snapshot *file; /* NULL: the source is a cluster */
	struct slice mapped;
	struct ctl3_sink sink;
	int64_t applied;		/* revision of the source that the target has */
	uint64_t differences;
};

/* ---- reading ------------------------------ */

static int
map_file(struct carrying *import, const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct stat status;
	void *bytes = MAP_FAILED;
	char *sentence;

	if (fd == -1 || fstat(fd, &status) == -1)
		return output_error(CTL3_INVALID_INPUT, "cannot read %s: %s", name,
		    strerror(errno));
	if (status.st_size > 0)
		bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (bytes == MAP_FAILED)
		return output_error(CTL3_INVALID_INPUT, "cannot read %s: it is empty, or no file",
		    name);
	import->mapped = slice_of(bytes, (size_t)status.st_size);
	if (etcd_snapshot_read(import->mapped, &import->snapshot, &sentence) != ERR_NONE) {
		(void)output_error(CTL3_INVALID_INPUT, "%s: %s", name, sentence);
		free(sentence);
		return CTL3_INVALID_INPUT;
	}
	import->file = &import->snapshot;
	if (import->snapshot.unchecked)
		output_say("%s: %s ends without a checksum; each page was looked at\n",
		    program_own(), name);
	return CTL3_DONE;
}

static struct ctl3_keys
keys_of(struct carrying *import, bool source)
{
	return (struct ctl3_keys){ .v3 = source ? &import->source : &import->target,
		.file = source ? import->file : NULL };
}

/* Both, in order, key by key. */
struct key_pair {
	struct ctl3_keys source, target;
	int order;			/* < 0: the source's key is not in the target */
};

static void
compare(struct key_pair *pair)
{
	if (pair->source.ended || pair->target.ended)
		pair->order = (int)pair->source.ended - (int)pair->target.ended;
	else
		pair->order = slice_compare(buf_slice(&pair->source.key),
		    buf_slice(&pair->target.key));
}

static int
begin_pair(struct carrying *import, struct key_pair *pair)
{
	int code;

	*pair = (struct key_pair){ .source = keys_of(import, true),
		.target = keys_of(import, false) };
	code = ctl3_keys_next(&pair->source);
	if (code == CTL3_DONE)
		code = ctl3_keys_next(&pair->target);
	compare(pair);
	return code;
}

static int
next_pair(struct key_pair *pair)
{
	int order = pair->order, code = order <= 0 ? ctl3_keys_next(&pair->source) : CTL3_DONE;

	if (code == CTL3_DONE && order >= 0)
		code = ctl3_keys_next(&pair->target);
	compare(pair);
	return code;
}

static void
end_pair(struct key_pair *pair)
{
	ctl3_keys_free(&pair->source);
	ctl3_keys_free(&pair->target);
}

static bool
is_same(const struct key_pair *pair)
{
	return pair->order == 0 && pair->source.lease == pair->target.lease &&
	    slice_equal(buf_slice(&pair->source.value), buf_slice(&pair->target.value));
}

/* That came so far; 0: none. */
static int
signal_of(const struct carrying *import)
{
	return import->sink.signal != 0 ? import->sink.signal : interrupt_signal();
}

/* ---- copy ------------------------------ */

static int
write_difference(struct carrying *import, const struct key_pair *pair)
{
	if (pair->order > 0)
		return ctl3_sink_delete(&import->sink, buf_slice(&pair->target.key));
	if (is_same(pair))
		return CTL3_DONE;
	return ctl3_sink_put(&import->sink, buf_slice(&pair->source.key),
	    buf_slice(&pair->source.value), pair->source.lease);
}

static int
copy(struct carrying *import)
{
	uint64_t keys = 0, begun_ms = clock_now().monotonic_ms;
	struct key_pair pair;
	int code = begin_pair(import, &pair);

	while (code == CTL3_DONE && !(pair.source.ended && pair.target.ended)) {
		keys += pair.order <= 0;
		code = write_difference(import, &pair);
		if (code == CTL3_DONE)
			code = ctl3_sink_renew(&import->sink);
		if (code == CTL3_DONE)
			code = next_pair(&pair);
		if (code == CTL3_DONE && signal_of(import) != 0)
			code = 128 + signal_of(import);
	}
	if (code == CTL3_DONE)
		code = ctl3_sink_flush(&import->sink);
	if (code == CTL3_DONE)
		code = ctl3_sink_all_leases(&import->sink);
	import->applied = import->file == NULL ? pair.source.revision :
	    (int64_t)import->file->revision;
	end_pair(&pair);
	if (code == CTL3_DONE)
		output_say("%s: %" PRIu64 " keys as of revision %" PRId64 " of the source: %"
		    PRIu64 " written, %" PRIu64 " deleted, %zu leases, in %.1f s\n",
		    program_own(), keys, import->applied, import->sink.puts, import->sink.deletes,
		    import->sink.lease_count,
		    (double)(clock_now().monotonic_ms - begun_ms) / 1000);
	return code;
}

/* ---- follow ------------------------------ */

static int
apply(struct carrying *import, const struct json *message)
{
	struct buf key = BUF_INIT, value = BUF_INIT;
	int code = CTL3_DONE;

	for (const struct json *event = ctl3_message_first(message, "events");
	     event != NULL && code == CTL3_DONE; event = event->next) {
		const struct json *kv = json_member(event, "kv");

		buf_clear(&key);
		buf_clear(&value);
		ctl3_message_bytes(kv, "key", &key);
		ctl3_message_bytes(kv, "value", &value);
		if (slice_equal(json_string(event, "type"), SLICE_LITERAL("DELETE")))
			code = ctl3_sink_delete(&import->sink, buf_slice(&key));
		else
			code = ctl3_sink_put(&import->sink, buf_slice(&key), buf_slice(&value),
			    ctl3_message_u64(kv, "lease"));
		import->applied = MAX_OF(import->applied, ctl3_message_i64(kv, "mod_revision"));
	}
	if (code == CTL3_DONE)
		code = ctl3_sink_flush(&import->sink);
	buf_free(&key);
	buf_free(&value);
	return code;
}

/* What the source has now. */
static int
revision_of_source(struct carrying *import, int64_t *revision)
{
	struct ctl3_keys keys = keys_of(import, true);
	int code = ctl3_keys_next(&keys);

	*revision = keys.revision;
	ctl3_keys_free(&keys);
	return code;
}

enum followed { FOLLOW_ON, FOLLOW_COPY_AGAIN, FOLLOW_OVER };

/* The next changes, if there are some soon. */
static int
follow_step(struct carrying *import, struct ctl3_follow *follow, enum followed *followed)
{
	const struct json *message = NULL;

	switch (ctl3_follow_next(follow, FOLLOW_MS, &message)) {
	case CTL3_MESSAGE:
		if (!json_true(message, "canceled"))
			return apply(import, message);
		*followed = FOLLOW_COPY_AGAIN;
		output_say("%s: the source has compacted what was not read yet; all is compared "
		    "again\n", program_own());
		return CTL3_DONE;
	case CTL3_NOTHING:
		return CTL3_DONE;
	case CTL3_SIGNAL:
		*followed = FOLLOW_OVER;
		return CTL3_DONE;
	case CTL3_REFUSED:
	case CTL3_ENDED:
		break;
	}
	return output_error(CTL3_ERROR, "the source: %s", follow->problem);
}

/* Nobody writes any more: what there is still, and no more. */
static int
cut_over(struct carrying *import, struct ctl3_follow *follow)
{
	uint64_t begun_ms = clock_now().monotonic_ms;
	enum followed followed = FOLLOW_ON;
	int64_t last;
	int code;

	interrupt_clear();
	import->sink.signal = 0;
	code = revision_of_source(import, &last);
	while (code == CTL3_DONE && import->applied < last) {
		if (clock_now().monotonic_ms - begun_ms > CUT_OVER_MS)
			return output_error(CTL3_ERROR, "the source has revision %" PRId64
			    ", and told of its changes up to %" PRId64 " only", last,
			    import->applied);
		code = follow_step(import, follow, &followed);
		if (code == CTL3_DONE)
			code = ctl3_sink_renew(&import->sink);
		if (code == CTL3_DONE && (followed == FOLLOW_OVER || import->sink.signal != 0))
			return 128 + signal_of(import);
		if (code == CTL3_DONE && followed == FOLLOW_COPY_AGAIN)
			return copy(import);
	}
	if (code == CTL3_DONE)
		output_say("%s: the target has all up to revision %" PRId64 " of the source, %"
		    PRIu64 " ms after the signal\n", program_own(), last,
		    clock_now().monotonic_ms - begun_ms);
	return code;
}

static int
follow_all(struct carrying *import)
{
	enum followed followed = FOLLOW_ON;
	/* It has answered: whatever breaks now may come back. */
	struct ctl3_follow follow = { .v3 = &import->source, .next = import->applied + 1,
		.began = true };
	int code = CTL3_DONE;

	buf_append_byte(&follow.key, 0);
	buf_append_byte(&follow.range_end, 0);
	output_say("%s: following; CTRL-C ends it, when nobody writes to the source any more\n",
	    program_own());
	while (code == CTL3_DONE && followed == FOLLOW_ON && import->sink.signal == 0) {
		code = follow_step(import, &follow, &followed);
		if (code == CTL3_DONE)
			code = ctl3_sink_renew(&import->sink);
		if (code == CTL3_DONE && followed == FOLLOW_COPY_AGAIN) {
			ctl3_stream_close(&follow.stream);
			code = copy(import);
			follow.next = import->applied + 1;
			followed = FOLLOW_ON;
		}
	}
	if (code == CTL3_DONE)
		code = cut_over(import, &follow);
	ctl3_follow_free(&follow);
	return code;
}

/* ---- verify ------------------------------ */

static void
show_difference(struct carrying *import, const struct key_pair *pair)
{
	struct slice key = pair->order > 0 ? buf_slice(&pair->target.key) :
	    buf_slice(&pair->source.key);
	const char *what = pair->order < 0 ? "is missing" : pair->order > 0 ? "is too much" :
	    pair->source.lease != pair->target.lease ? "hangs on another lease" :
	    "has another value";

	if (import->differences++ < SHOWN_MAX)
		output_print(&import->target.out, "%.*s: %s\n", SLICE_ARGS(key), what);
}

static int
verify(struct carrying *import)
{
	uint64_t keys = 0;
	struct key_pair pair;
	int code = begin_pair(import, &pair);

	while (code == CTL3_DONE && !(pair.source.ended && pair.target.ended)) {
		keys += pair.order <= 0;
		if (!is_same(&pair))
			show_difference(import, &pair);
		code = next_pair(&pair);
	}
	end_pair(&pair);
	if (code != CTL3_DONE)
		return code;
	if (import->differences > 0)
		return output_error(CTL3_ERROR, "%" PRIu64 " differences to the %" PRIu64
		    " keys of the source", import->differences, keys);
	output_print(&import->target.out, "no difference: %" PRIu64 " keys\n", keys);
	return CTL3_DONE;
}

/* ---- the command ------------------------------ */

static int
may_write(struct carrying *import)
{
	struct ctl3_keys keys = keys_of(import, false);
	bool overwrite = ctl_arguments_flag(import->target.arguments, OPT_V3_OVERWRITE);
	int code = ctl3_keys_next(&keys);

	if (code == CTL3_DONE && !keys.ended && !overwrite)
		code = output_error(CTL3_INVALID_INPUT, "the target has keys already; with "
		    "--overwrite they become the source's, and those that it has not are deleted");
	ctl3_keys_free(&keys);
	return code;
}

static void
say_what_is_left_out(struct carrying *import)
{
	struct ctl3_request request = { .path = "/v3/auth/user/list", .repeatable = true };
	struct ctl3_answer answer = { 0 };
	uint64_t users = import->snapshot.users;

	if (import->file == NULL && ctl3_ask(&import->source, &request, &answer))
		for (const struct json *each = ctl3_message_first(answer.root, "users");
		     each != NULL; each = each->next)
			users++;
	ctl3_answer_free(&answer);
	if (users > 0)
		output_say("%s: the source has %" PRIu64 " users; they and their roles are not "
		    "carried over: make them again (user add, role add)\n", program_own(), users);
}

static int
run(struct carrying *import)
{
	const struct ctl_arguments *arguments = import->target.arguments;
	bool follows = ctl_arguments_flag(arguments, OPT_V3_FOLLOW);
	int code;

	if (ctl_arguments_flag(arguments, OPT_V3_VERIFY))
		return verify(import);
	if (follows && import->file != NULL)
		return output_error(CTL3_BAD_ARGS, "a file does not change: --follow is for a "
		    "cluster");
	code = may_write(import);
	if (code != CTL3_DONE)
		return code;
	say_what_is_left_out(import);
	interrupt_catch();
	code = copy(import);
	return code == CTL3_DONE && follows ? follow_all(import) : code;
}

/* The endpoints are those of ours; url those of the other. */
static int
open_both(struct carrying *import, struct ctl3 *v3, bool exports)
{
	struct ctl3 *other = exports ? &import->target : &import->source;
	const char *where = v3->arguments->words[0];
	struct ctl ctl = { .arguments = v3->arguments, .out = v3->out };
	int code = ctl3_connect(v3);

	import->source = *v3;
	import->target = *v3;
	other->client = NULL;
	other->token = NULL;
	if (code != CTL3_DONE)
		return code;
	if (!exports && ctl_arguments_flag(v3->arguments, OPT_V3_SNAPSHOT))
		return map_file(import, where);
	return client_open(&ctl, where, &other->client) == CTL_DONE ? CTL3_DONE : CTL3_BAD_ARGS;
}

static int
carry_over(struct ctl3 *v3, bool exports)
{
	struct carrying import = { .file = NULL };
	struct ctl3 *other = exports ? &import.target : &import.source;
	struct ctl3 *own = exports ? &import.source : &import.target;
	int code = open_both(&import, v3, exports);

	ctl3_sink_init(&import.sink);
	import.sink.target = &import.target;
	import.sink.source = &import.source;
	import.sink.file = import.file;
	if (code == CTL3_DONE)
		code = run(&import);
	ctl3_sink_free(&import.sink);
	etcd_snapshot_free(&import.snapshot);
	if (import.mapped.data != NULL)
		munmap((void *)(uintptr_t)import.mapped.data, import.mapped.size);
	client_free(&other->client);
	free(other->token);
	/* It may have been renewed; what v3 has its owner frees. */
	v3->token = own->token;
	return code;
}

int
ctl3_import(struct ctl3 *v3)
{
	return carry_over(v3, false);
}

int
ctl3_export(struct ctl3 *v3)
{
	return carry_over(v3, true);
}
