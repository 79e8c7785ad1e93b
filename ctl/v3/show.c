/*
 * show.c - answers as etcdctl 3.4 prints them (see show.h).
 */
#include "ctl/v3/show.h"

#include "common/xmem.h"
#include "ctl/v3/message.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int
ctl3_unsupported(const struct ctl3 *v3)
{
	return output_error(CTL3_BAD_FEATURE, "%s not supported as output format",
	    v3->format == CTL3_FIELDS ? "fields" : "table");
}

/* ---- JSON ---------------------------------------------------------------------- */

void
ctl3_show_json(const struct ctl3 *v3, const struct json *root)
{
	struct buf line = BUF_INIT;
	struct json_put json = json_put_into(&line);

	ctl3_message_put(&json, NULL, root);
	output_json_line(&v3->out, &json);
	buf_free(&line);
}

void
ctl3_show_flat(const struct ctl3 *v3, const struct json *root, struct slice extra)
{
	struct buf line = BUF_INIT;
	struct json_put json = json_put_into(&line);

	json_put_open(&json, NULL, '{');
	ctl3_message_put_members(&json, json_member(root, "header"));
	if (extra.size > 0) {
		if (json.comma)
			buf_append_byte(&line, ',');
		buf_append_slice(&line, extra);
	}
	json_put_close(&json, '}');
	output_json_line(&v3->out, &json);
	buf_free(&line);
}

/* ---- fields -------------------------------------------------------------------- */

void
ctl3_field_u64(const struct ctl3 *v3, const char *name, uint64_t value)
{
	output_print(&v3->out, "\"%s\" : %" PRIu64 "\n", name, value);
}

void
ctl3_field_i64(const struct ctl3 *v3, const char *name, int64_t value)
{
	output_print(&v3->out, "\"%s\" : %" PRId64 "\n", name, value);
}

void
ctl3_field_bool(const struct ctl3 *v3, const char *name, bool value)
{
	output_print(&v3->out, "\"%s\" : %s\n", name, value ? "true" : "false");
}

void
ctl3_field_text(const struct ctl3 *v3, const char *name, struct slice text)
{
	struct buf quoted = BUF_INIT;

	ctl3_quote(&quoted, text);
	output_print(&v3->out, "\"%s\" : %.*s\n", name, SLICE_ARGS(quoted));
	buf_free(&quoted);
}

static void
field_bytes(const struct ctl3 *v3, const char *prefix, const char *title, const struct json *kv,
    const char *name)
{
	struct buf bytes = BUF_INIT;
	char *full = xasprintf("%s%s", prefix, title);

	ctl3_message_bytes(kv, name, &bytes);
	ctl3_field_text(v3, full, buf_slice(&bytes));
	buf_free(&bytes);
	free(full);
}

static void
field_number(const struct ctl3 *v3, const char *prefix, const char *title, const struct json *kv,
    const char *name)
{
	output_print(&v3->out, "\"%s%s\" : %" PRId64 "\n", prefix, title,
	    ctl3_message_i64(kv, name));
}

void
ctl3_field_kv(const struct ctl3 *v3, const char *prefix, const struct json *kv)
{
	field_bytes(v3, prefix, "Key", kv, "key");
	field_number(v3, prefix, "CreateRevision", kv, "create_revision");
	field_number(v3, prefix, "ModRevision", kv, "mod_revision");
	field_number(v3, prefix, "Version", kv, "version");
	field_bytes(v3, prefix, "Value", kv, "value");
	field_number(v3, prefix, "Lease", kv, "lease");
}

void
ctl3_show_header(const struct ctl3 *v3, const struct json *root)
{
	const struct json *header = json_member(root, "header");

	ctl3_field_u64(v3, "ClusterID", ctl3_message_u64(header, "cluster_id"));
	ctl3_field_u64(v3, "MemberID", ctl3_message_u64(header, "member_id"));
	ctl3_field_i64(v3, "Revision", ctl3_message_i64(header, "revision"));
	ctl3_field_u64(v3, "RaftTerm", ctl3_message_u64(header, "raft_term"));
}

/* ---- keys and values ----------------------------------------------------------- */

void
ctl3_show_bytes(const struct ctl3 *v3, const struct json *object, const char *name)
{
	struct buf bytes = BUF_INIT, hex = BUF_INIT;

	ctl3_message_bytes(object, name, &bytes);
	if (v3->hex)
		ctl3_hex(&hex, buf_slice(&bytes));
	output_text(&v3->out, buf_slice(v3->hex ? &hex : &bytes));
	buf_free(&bytes);
	buf_free(&hex);
}

void
ctl3_show_kv(const struct ctl3 *v3, const struct json *kv, bool value_only)
{
	if (!value_only) {
		ctl3_show_bytes(v3, kv, "key");
		output_print(&v3->out, "\n");
	}
	ctl3_show_bytes(v3, kv, "value");
	output_print(&v3->out, "\n");
}

static void
show_kvs(const struct ctl3 *v3, const struct json *kv, const char *prefix)
{
	for (; kv != NULL; kv = kv->next) {
		if (v3->format == CTL3_FIELDS)
			ctl3_field_kv(v3, prefix, kv);
		else
			ctl3_show_kv(v3, kv, false);
	}
}

int
ctl3_show_range(const struct ctl3 *v3, const struct json *root, bool value_only)
{
	switch (v3->format) {
	case CTL3_SIMPLE:
		for (const struct json *kv = ctl3_message_first(root, "kvs"); kv != NULL;
		     kv = kv->next)
			ctl3_show_kv(v3, kv, value_only);
		return CTL3_DONE;
	case CTL3_FIELDS:
		ctl3_show_header(v3, root);
		show_kvs(v3, ctl3_message_first(root, "kvs"), "");
		ctl3_field_bool(v3, "More", json_true(root, "more"));
		ctl3_field_i64(v3, "Count", ctl3_message_i64(root, "count"));
		return CTL3_DONE;
	case CTL3_JSON:
		ctl3_show_json(v3, root);
		return CTL3_DONE;
	case CTL3_TABLE:
		break;
	}
	return ctl3_unsupported(v3);
}

int
ctl3_show_put(const struct ctl3 *v3, const struct json *root)
{
	const struct json *before = json_member(root, "prev_kv");

	switch (v3->format) {
	case CTL3_SIMPLE:
		output_print(&v3->out, "OK\n");
		if (before != NULL)
			ctl3_show_kv(v3, before, false);
		return CTL3_DONE;
	case CTL3_FIELDS:
		ctl3_show_header(v3, root);
		if (before != NULL)
			ctl3_field_kv(v3, "Prev", before);
		return CTL3_DONE;
	case CTL3_JSON:
		ctl3_show_json(v3, root);
		return CTL3_DONE;
	case CTL3_TABLE:
		break;
	}
	return ctl3_unsupported(v3);
}

int
ctl3_show_delete(const struct ctl3 *v3, const struct json *root)
{
	int64_t deleted = ctl3_message_i64(root, "deleted");

	switch (v3->format) {
	case CTL3_SIMPLE:
		output_print(&v3->out, "%" PRId64 "\n", deleted);
		show_kvs(v3, ctl3_message_first(root, "prev_kvs"), "");
		return CTL3_DONE;
	case CTL3_FIELDS:
		ctl3_show_header(v3, root);
		ctl3_field_i64(v3, "Deleted", deleted);
		show_kvs(v3, ctl3_message_first(root, "prev_kvs"), "Prev");
		return CTL3_DONE;
	case CTL3_JSON:
		ctl3_show_json(v3, root);
		return CTL3_DONE;
	case CTL3_TABLE:
		break;
	}
	return ctl3_unsupported(v3);
}

static void
show_response(const struct ctl3 *v3, const struct json *response)
{
	const struct json *range = json_member(response, "response_range");
	const struct json *put = json_member(response, "response_put");
	const struct json *gone = json_member(response, "response_delete_range");

	if (v3->format == CTL3_SIMPLE)
		output_print(&v3->out, "\n");
	if (range != NULL)
		(void)ctl3_show_range(v3, range, false);
	else if (put != NULL)
		(void)ctl3_show_put(v3, put);
	else if (gone != NULL)
		(void)ctl3_show_delete(v3, gone);
}

int
ctl3_show_txn(const struct ctl3 *v3, const struct json *root)
{
	bool succeeded = json_true(root, "succeeded");

	if (v3->format == CTL3_TABLE)
		return ctl3_unsupported(v3);
	if (v3->format == CTL3_JSON) {
		ctl3_show_json(v3, root);
		return CTL3_DONE;
	}
	if (v3->format == CTL3_FIELDS) {
		ctl3_show_header(v3, root);
		ctl3_field_bool(v3, "Succeeded", succeeded);
	} else {
		output_print(&v3->out, "%s\n", succeeded ? "SUCCESS" : "FAILURE");
	}
	for (const struct json *response = ctl3_message_first(root, "responses"); response != NULL;
	     response = response->next)
		show_response(v3, response);
	return CTL3_DONE;
}

int
ctl3_show_done(const struct ctl3 *v3, const struct json *root, bool fields, const char *format, ...)
{
	va_list values;
	char *line;

	if (v3->format == CTL3_TABLE || (v3->format == CTL3_FIELDS && !fields))
		return ctl3_unsupported(v3);
	if (v3->format == CTL3_JSON) {
		ctl3_show_json(v3, root);
	} else if (v3->format == CTL3_FIELDS) {
		ctl3_show_header(v3, root);
	} else {
		va_start(values, format);
		if (vasprintf(&line, format, values) == -1)
			abort();
		va_end(values);
		output_print(&v3->out, "%s\n", line);
		free(line);
	}
	return CTL3_DONE;
}

/* ---- tables -------------------------------------------------------------------- */

void
ctl3_table_add(struct ctl3_table *table, const char *format, ...)
{
	va_list values;
	char *text;

	va_start(values, format);
	if (vasprintf(&text, format, values) == -1)
		abort();
	va_end(values);
	table->cells = xrealloc(table->cells, (table->count + 1) * sizeof(*table->cells));
	table->cells[table->count++] = text;
}

static size_t
width_of(const struct ctl3_table *table, size_t column)
{
	size_t width = strlen(table->titles[column]);

	for (size_t i = column; i < table->count; i += table->columns)
		width = MAX_OF(width, strlen(table->cells[i]));
	return width;
}

static void
show_rule(const struct ctl3 *v3, const struct ctl3_table *table)
{
	output_print(&v3->out, "+");
	for (size_t i = 0; i < table->columns; i++) {
		for (size_t j = width_of(table, i) + 2; j > 0; j--)
			output_print(&v3->out, "-");
		output_print(&v3->out, "+");
	}
	output_print(&v3->out, "\n");
}

/* Titles stand in the middle, cells at the right. */
static void
show_title(const struct ctl3 *v3, const struct ctl3_table *table, size_t column)
{
	const char *title = table->titles[column];
	size_t room = width_of(table, column) - strlen(title);

	output_print(&v3->out, " %*s%s%*s |", (int)(room / 2), "", title,
	    (int)(room - room / 2), "");
}

void
ctl3_table_show(const struct ctl3 *v3, struct ctl3_table *table)
{
	show_rule(v3, table);
	output_print(&v3->out, "|");
	for (size_t i = 0; i < table->columns; i++)
		show_title(v3, table, i);
	output_print(&v3->out, "\n");
	show_rule(v3, table);
	for (size_t i = 0; i < table->count; i++) {
		bool last = (i + 1) % table->columns == 0;

		output_print(&v3->out, "%s %*s |%s", i % table->columns == 0 ? "|" : "",
		    (int)width_of(table, i % table->columns), table->cells[i], last ? "\n" : "");
	}
	if (table->count > 0)
		show_rule(v3, table);
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
	table->cells = NULL;
}
