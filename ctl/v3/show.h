/*
 * show.h - answers as etcdctl 3.4 prints them: simple, fields, json, table.
 *
 * A form that etcdctl does not have for an answer is refused with its words, after the
 * request was done, as it does.
 */
#ifndef MOOTHALL_CTL_V3_SHOW_H
#define MOOTHALL_CTL_V3_SHOW_H

#include "ctl/v3/call.h"

/* "Error: table not supported as output format"; the exit code. */
int ctl3_unsupported(const struct ctl3 *v3);
/* The message as one line of JSON. */
void ctl3_show_json(const struct ctl3 *v3, const struct json *root);
/* The same with the members of its header first and the header itself left out: as answers of
 * leases are. extra: more members, or NULL. */
void ctl3_show_flat(const struct ctl3 *v3, const struct json *root, struct slice extra);
/* "ClusterID" and so on. */
void ctl3_show_header(const struct ctl3 *v3, const struct json *root);

/* Lines in Go's spelling, for -w fields. */
void ctl3_field_u64(const struct ctl3 *v3, const char *name, uint64_t value);
void ctl3_field_i64(const struct ctl3 *v3, const char *name, int64_t value);
void ctl3_field_bool(const struct ctl3 *v3, const char *name, bool value);
void ctl3_field_text(const struct ctl3 *v3, const char *name, struct slice text);
/* prefix: "Prev", or "". */
void ctl3_field_kv(const struct ctl3 *v3, const char *prefix, const struct json *kv);

/* A key and its value, a line for each. */
void ctl3_show_kv(const struct ctl3 *v3, const struct json *kv, bool value_only);
/* Bytes of a member as they are shown in a line, perhaps in hexadecimal. */
void ctl3_show_bytes(const struct ctl3 *v3, const struct json *object, const char *name);

/* Answers of keys; the exit code. */
int ctl3_show_range(const struct ctl3 *v3, const struct json *root, bool value_only);
int ctl3_show_put(const struct ctl3 *v3, const struct json *root);
int ctl3_show_delete(const struct ctl3 *v3, const struct json *root);
int ctl3_show_txn(const struct ctl3 *v3, const struct json *root);

/* An answer of which simple has one line, that is printed; fields only if it has the header
 * alone. */
int ctl3_show_done(const struct ctl3 *v3, const struct json *root, bool fields,
    const char *format, ...) PRINTF_LIKE(4, 5);

/* A table with lines around. */
struct ctl3_table {
	const char *const *titles;
	size_t columns;
	char **cells;		/* row by row, owned */
	size_t count;
};

void ctl3_table_add(struct ctl3_table *table, const char *format, ...) PRINTF_LIKE(2, 3);
/* Prints it, and frees what is in it. */
void ctl3_table_show(const struct ctl3 *v3, struct ctl3_table *table);

#endif
