/*
 * import.c - import: makes this cluster the same as another one, over the keys API of
 * both.
 *
 *	copy		read both trees, write what differs, remove what is too much
 *	follow		apply the changes of the source one by one, from the index of
 *			the copy on; when they are no longer kept: copy again
 *	cut-over	CTRL-C, when nobody writes to the source any more: one more copy,
 *			which finds the difference, usually none
 *
 * Values, directories and the time that is left of a TTL are carried over; indexes are
 * the target's own. Every write here may be done twice without harm. A hidden directory is
 * a tree of its own, since no listing from outside shows it.
 */
#include "common/clock.h"
#include "common/json_put.h"
#include "common/program.h"
#include "common/xmem.h"
#include "ctl/api.h"
#include "ctl/follow.h"
#include "ctl/form.h"
#include "ctl/interrupt.h"
#include "ctl/parallel.h"
#include "ctl/key_tree.h"

#include <inttypes.h>
#include <stdlib.h>

#define TREES_MAX 32
#define SIDE_BY_SIDE 16
#define ROOT_POLL_MS 1000
#define HIDDEN_EVERY_MS 3000	/* so often hidden trees are looked at, */
#define HIDDEN_POLL_MS 250	/* each as long as this after its last change */
#define COMPLAINTS_MAX 10
#define EVENT_CLEARED 401

struct counts {
	uint64_t keys, directories;	/* of the source */
	uint64_t written, removed, failed;
	uint64_t applied;		/* events followed */
};

struct import {
	struct ctl *ctl;
	struct client *source, *target;
	struct slice trees[TREES_MAX];
	uint64_t next[TREES_MAX];	/* index of the next change wanted */
	size_t tree_count;
	struct counts counts;
	bool asked;		/* whether what is there may be changed */
};

/* ---- writing to the target ------------------------------------------------------------ */

static void
complain(struct import *import, struct slice key, const struct api_answer *answer,
    enum client_result result)
{
	if (import->counts.failed++ < COMPLAINTS_MAX) {
		output_say("%s: %.*s was not carried over: ", program_own(), SLICE_ARGS(key));
		(void)api_report(&import->ctl->out, result, answer);
	}
}

/* An error that says that it is done already is none. */
static void
send_write(struct import *import, struct api_request *request, unsigned harmless, uint64_t *count)
{
	struct api_answer answer = { 0 };
	struct slice key = request->key;
	enum client_result result;

	request->repeatable = true;
	client_restart_clock(import->target);
	result = api_ask(import->target, request, &answer);
	if (result == CLIENT_ANSWERED && (answer.error_code == 0 || answer.error_code == harmless))
		(*count)++;
	else if (result != CLIENT_INTERRUPTED)
		complain(import, key, &answer, result);
	api_answer_free(&answer);
}

static void
remove_key(struct import *import, struct slice key)
{
	struct api_request request = { .method = "DELETE", .key = key };

	form_add_bool(&request.query, "recursive", true);
	send_write(import, &request, 100, &import->counts.removed);
}

/* exists: as far as we know; what is there already is only given its time. */
static void
write_directory(struct import *import, const struct key_tree_entry *entry, bool exists)
{
	struct api_request request = { .method = "PUT", .key = entry->key };

	form_add_bool(&request.query, "dir", true);
	form_add_bool(&request.query, "prevExist", exists);
	if (entry->ttl_s > 0)
		form_add_u64(&request.form, "ttl", entry->ttl_s);
	send_write(import, &request, 105, &import->counts.written);
}

static void
put_value(struct buf *form, const struct key_tree_entry *entry)
{
	form_add(form, "value", entry->value);
	if (entry->ttl_s > 0)
		form_add_u64(form, "ttl", entry->ttl_s);
}

static void
write_file(struct import *import, const struct key_tree_entry *entry)
{
	struct api_request request = { .method = "PUT", .key = entry->key };

	put_value(&request.form, entry);
	send_write(import, &request, 0, &import->counts.written);
}

/* ---- copying ---------------------------------------------------------------------------- */

struct plan {
	struct import *import;
	struct key_tree source, target;
	size_t *files;		/* entries of source to be written */
	size_t file_count, file_capacity;
	size_t removals, replacements;
};

/* A root of "/" does not take in the hidden ones, nor what belongs to the cluster itself. */
static bool
is_passed_over(struct slice key)
{
	return key_tree_is_registry(key);
}

/* Only the topmost of what is too much has to be removed. */
static bool
is_too_much(const struct plan *plan, size_t i)
{
	const struct key_tree_entry *entry = &plan->target.entries[i];

	return !is_passed_over(entry->key) && key_tree_find(&plan->source, entry->key) == NULL;
}

static void
make_plan(struct plan *plan)
{
	for (size_t i = 0; i < plan->target.count; i++)
		plan->removals += is_too_much(plan, i);
	for (size_t i = 0; i < plan->source.count; i++) {
		const struct key_tree_entry *entry = &plan->source.entries[i];
		const struct key_tree_entry *there = key_tree_find(&plan->target, entry->key);
		enum key_tree_change change = key_tree_change_of(entry, there);

		if (is_passed_over(entry->key))
			continue;
		if (entry->dir)
			plan->import->counts.directories++;
		else
			plan->import->counts.keys++;
		plan->replacements += change != TREE_SAME && there != NULL;
		if (change == TREE_SAME || entry->dir)
			continue;
		plan->files = xgrow(plan->files, &plan->file_capacity, plan->file_count + 1,
		    sizeof(*plan->files));
		plan->files[plan->file_count++] = i;
	}
}

static void
remove_surplus(struct plan *plan)
{
	struct slice gone = SLICE_EMPTY;

	for (size_t i = 0; i < plan->target.count && interrupt_signal() == 0; i++) {
		const struct key_tree_entry *entry = &plan->target.entries[i];
		const struct key_tree_entry *wanted = key_tree_find(&plan->source, entry->key);

		if (gone.size > 0 && key_tree_is_below(entry->key, gone))
			continue;
		if (is_too_much(plan, i) || (wanted != NULL && wanted->dir != entry->dir)) {
			remove_key(plan->import, entry->key);
			gone = entry->key;
		}
	}
}

/* In the order of the keys a directory comes before what is in it. */
static void
write_directories(struct plan *plan)
{
	for (size_t i = 0; i < plan->source.count && interrupt_signal() == 0; i++) {
		const struct key_tree_entry *entry = &plan->source.entries[i];
		const struct key_tree_entry *there = key_tree_find(&plan->target, entry->key);

		if (entry->dir && !is_passed_over(entry->key) &&
		    key_tree_change_of(entry, there) != TREE_SAME)
			write_directory(plan->import, entry, there != NULL && there->dir);
	}
}

/* The time that a copy takes is not left for a TTL any more. */
static struct key_tree_entry
aged(const struct key_tree_entry *entry, uint64_t read_ms)
{
	uint64_t age_s = (clock_now().monotonic_ms - read_ms) / 1000;
	struct key_tree_entry copy = *entry;

	if (copy.ttl_s > 0)
		copy.ttl_s = copy.ttl_s > age_s ? copy.ttl_s - age_s : 1;
	return copy;
}

static void
start_file(struct plan *plan, struct parallel *parallel, size_t number, uint64_t read_ms)
{
	struct key_tree_entry entry = aged(&plan->source.entries[plan->files[number]], read_ms);
	struct buf path = BUF_INIT, form = BUF_INIT;

	buf_append_text(&path, "/v2/keys");
	form_key(&path, entry.key);
	buf_append_byte(&path, '\0');
	put_value(&form, &entry);
	parallel_start(parallel, &(struct client_request){ .method = "PUT",
	    .path = (const char *)path.data, .body = buf_slice(&form),
	    .body_type = "application/x-www-form-urlencoded", .repeatable = true }, number);
	buf_free(&path);
	buf_free(&form);
}

/* Side by side, since the writes of one moment share a sync of the disk. */
static void
write_files(struct plan *plan, uint64_t read_ms)
{
	struct import *import = plan->import;
	struct parallel *parallel = parallel_new(import->target, SIDE_BY_SIDE);
	struct parallel_done done;
	struct output_progress progress;
	size_t started = 0, ended = 0;

	output_progress_begin(&progress, &import->ctl->out, "keys copied");
	while (ended < plan->file_count && interrupt_signal() == 0) {
		while (started < plan->file_count && !parallel_is_full(parallel))
			start_file(plan, parallel, started++, read_ms);
		if (!parallel_wait(parallel, &done))
			break;
		ended++;
		if (done.answered && done.answer->status < 300) {
			import->counts.written++;
		} else {
			struct key_tree_entry entry =
			    aged(&plan->source.entries[plan->files[done.tag]], read_ms);

			/* Of another endpoint, and with a sentence. */
			write_file(import, &entry);
		}
		output_progress_show(&progress, ended, plan->file_count);
	}
	output_progress_end(&progress);
	parallel_free(&parallel);
}

static void
warn_of_lost_bytes(const struct plan *plan)
{
	static const char replacement[] = "\xef\xbf\xbd";
	size_t count = 0;

	for (size_t i = 0; i < plan->file_count; i++) {
		struct slice value = plan->source.entries[plan->files[i]].value;

		count += value.size > 0 && memmem(value.data, value.size, replacement, 3) != NULL;
	}
	if (count > 0)
		output_say("%s: %zu values have bytes that the source shows as U+FFFD; "
		    "they are carried over so\n", program_own(), count);
}

static int
may_change(struct plan *plan)
{
	struct import *import = plan->import;
	char *what;
	bool good;

	if (import->asked || plan->removals + plan->replacements == 0)
		return CTL_DONE;
	what = xasprintf("change %zu keys that are there and remove %zu that the source has not",
	    plan->replacements, plan->removals);
	good = output_confirm(&import->ctl->out, import->ctl->arguments, what);
	free(what);
	import->asked = true;
	return good ? CTL_DONE : CTL_BAD_ARGUMENTS;
}

static int
copy_tree(struct import *import, size_t which)
{
	struct plan plan = { .import = import };
	uint64_t read_ms;
	int code;

	code = key_tree_read(import->source, &import->ctl->out, import->trees[which], &plan.source);
	read_ms = clock_now().monotonic_ms;
	if (code == CTL_DONE)
		code = key_tree_read(import->target, &import->ctl->out, import->trees[which],
		    &plan.target);
	if (code == CTL_DONE) {
		make_plan(&plan);
		code = may_change(&plan);
	}
	if (code == CTL_DONE) {
		warn_of_lost_bytes(&plan);
		remove_surplus(&plan);
		write_directories(&plan);
		write_files(&plan, read_ms);
		import->next[which] = plan.source.index + 1;
	}
	free(plan.files);
	key_tree_free(&plan.source);
	key_tree_free(&plan.target);
	return code;
}

static int
copy_all(struct import *import)
{
	int code = CTL_DONE;

	import->counts.keys = import->counts.directories = 0;
	for (size_t i = 0; i < import->tree_count && code == CTL_DONE; i++)
		code = copy_tree(import, i);
	/* From now on it is our own copy that is changed. */
	import->asked = true;
	if (code == CTL_DONE && interrupt_signal() != 0)
		code = 128 + interrupt_signal();
	return code;
}

/* ---- following ---------------------------------------------------------------------------- */

static bool
is_word(const struct json *event, const char *word)
{
	return slice_equal(json_string(event, "action"), slice_text(word));
}

/* A tree does not answer for what is hidden in it: that has trees of its own. */
static void
apply(struct import *import, struct slice root, const struct json *event)
{
	const struct json *node = json_member(event, "node");
	struct key_tree_entry entry = { .key = json_string(node, "key"),
		.value = json_string(node, "value"), .dir = json_true(node, "dir"),
		.ttl_s = json_u64(node, "ttl") };
	bool gone = is_word(event, "delete") || is_word(event, "expire") ||
	    is_word(event, "compareAndDelete");

	if (is_passed_over(entry.key) ||
	    key_tree_is_hidden(entry.key, slice_equal(root, SLICE_LITERAL("/")) ? 0 : root.size))
		return;
	/* A directory can be set only where a file was, or nothing. */
	if (gone || (entry.dir && is_word(event, "set")))
		remove_key(import, entry.key);
	if (!gone && entry.dir)
		write_directory(import, &entry, is_word(event, "update"));
	else if (!gone)
		write_file(import, &entry);
	import->counts.applied++;
}

/* One change of a tree; *came: there was one in that time. */
static int
follow_one(struct import *import, size_t which, uint64_t limit_ms, bool *came)
{
	struct follow follow = { .key = import->trees[which], .recursive = true,
		.next = import->next[which], .limit_ms = limit_ms };
	struct api_answer answer = { 0 };
	enum client_result result = client_follow(import->source, &follow, &answer);
	int code = CTL_DONE;

	*came = result == CLIENT_ANSWERED;
	if (result == CLIENT_ANSWERED && answer.error_code == 0) {
		apply(import, follow.key, answer.doc.root);
		import->next[which] = follow.next;
	} else if (result == CLIENT_ANSWERED && answer.error_code == EVENT_CLEARED) {
		output_say("%s: the source no longer keeps the changes from %" PRIu64
		    " on; copying again\n", program_own(), import->next[which]);
		code = copy_tree(import, which);
	} else if (result == CLIENT_TIMED_OUT) {
		/* Changes elsewhere move the window of this one as well. */
		if (answer.answer.store_index >= import->next[which])
			import->next[which] = answer.answer.store_index + 1;
	} else if (result != CLIENT_INTERRUPTED) {
		code = api_report(&import->ctl->out, result, &answer);
	}
	api_answer_free(&answer);
	return code;
}

static int
follow_hidden(struct import *import)
{
	int code = CTL_DONE;

	for (size_t i = 1; i < import->tree_count; i++) {
		bool came = true;

		while (came && code == CTL_DONE && interrupt_signal() == 0)
			code = follow_one(import, i, HIDDEN_POLL_MS, &came);
	}
	return code;
}

static int
follow_all(struct import *import)
{
	uint64_t hidden_at_ms = clock_now().monotonic_ms + HIDDEN_EVERY_MS;
	struct output_progress progress;
	int code = CTL_DONE;
	bool came;

	output_say("%s: copied; following. Stop the writers of the source, then CTRL-C\n",
	    program_own());
	output_progress_begin(&progress, &import->ctl->out, "changes carried over");
	while (code == CTL_DONE && interrupt_signal() == 0) {
		code = follow_one(import, 0, ROOT_POLL_MS, &came);
		if (code == CTL_DONE && clock_now().monotonic_ms >= hidden_at_ms) {
			code = follow_hidden(import);
			hidden_at_ms = clock_now().monotonic_ms + HIDDEN_EVERY_MS;
		}
		output_progress_show(&progress, import->counts.applied, 0);
	}
	output_progress_end(&progress);
	return code;
}

/* ---- the command ---------------------------------------------------------------------------- */

static int
take_trees(struct import *import)
{
	const char *at = ctl_arguments_text(import->ctl->arguments, OPT_HIDDEN);

	import->trees[import->tree_count++] = SLICE_LITERAL("/");
	while (*at != '\0') {
		size_t size = strcspn(at, ",");

		if (size > 0 && at[0] != '/')
			return output_fail(CTL_BAD_ARGUMENTS,
			    "--hidden: \"%.*s\" is no key; write /_NAME", (int)size, at);
		if (import->tree_count == TREES_MAX)
			return output_fail(CTL_BAD_ARGUMENTS,
			    "--hidden: above the limit of %d keys", TREES_MAX - 1);
		if (size > 0)
			import->trees[import->tree_count++] = slice_of(at, size);
		at += size + (at[size] == ',');
	}
	return CTL_DONE;
}

static int
check_ends(const struct import *import)
{
	for (size_t i = 0; i < client_endpoint_count(import->source); i++) {
		for (size_t j = 0; j < client_endpoint_count(import->target); j++) {
			if (strcmp(client_endpoint(import->source, i),
			    client_endpoint(import->target, j)) == 0)
				return output_fail(CTL_BAD_ARGUMENTS,
				    "%s is both the source and the target (--endpoints)",
				    client_endpoint(import->source, i));
		}
	}
	return CTL_DONE;
}

static void
print_counts(const struct import *import)
{
	const struct counts *counts = &import->counts;
	struct buf line = BUF_INIT;
	struct json_put json = json_put_into(&line);

	if (import->ctl->out.format == FORMAT_JSON) {
		json_put_open(&json, NULL, '{');
		json_put_number(&json, "source_index", import->next[0] - 1);
		json_put_number(&json, "keys", counts->keys);
		json_put_number(&json, "directories", counts->directories);
		json_put_number(&json, "written", counts->written);
		json_put_number(&json, "removed", counts->removed);
		json_put_number(&json, "followed", counts->applied);
		json_put_number(&json, "failed", counts->failed);
		json_put_close(&json, '}');
		output_json_line(&import->ctl->out, &json);
	} else {
		output_print(&import->ctl->out, "source at index %" PRIu64 ": %" PRIu64
		    " keys in %" PRIu64 " directories; written %" PRIu64 ", removed %" PRIu64
		    ", failed %" PRIu64 "\n", import->next[0] - 1, counts->keys,
		    counts->directories, counts->written, counts->removed, counts->failed);
	}
	buf_free(&line);
}

int
ctl_import(struct ctl *ctl)
{
	struct import import = { .ctl = ctl };
	int code = take_trees(&import);

	if (code == CTL_DONE)
		code = client_open(ctl, NULL, &import.target);
	if (code == CTL_DONE)
		code = client_open(ctl, ctl->arguments->words[0], &import.source);
	if (code == CTL_DONE)
		code = check_ends(&import);
	if (code == CTL_DONE) {
		interrupt_catch();
		code = copy_all(&import);
	}
	if (code == CTL_DONE && ctl_arguments_flag(ctl->arguments, OPT_FOLLOW)) {
		code = follow_all(&import);
		if (code == CTL_DONE) {
			interrupt_clear();
			/* What could not be carried over before is found again, or not. */
			import.counts.failed = 0;
			code = copy_all(&import);
		}
	}
	if (code == CTL_DONE)
		print_counts(&import);
	if (code == CTL_DONE && import.counts.failed > 0)
		code = output_fail(CTL_BAD_FILE, "the copy is incomplete: %" PRIu64
		    " keys were not carried over", import.counts.failed);
	client_free(&import.source);
	client_free(&import.target);
	return code;
}
