/*
 * message.c - messages in the spelling of etcdctl (see message.h).
 */
#include "ctl/v3/message.h"

#include "common/base64.h"
#include "common/printable.h"
#include "common/utf8.h"
#include "common/xmem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Members that hold 64-bit numbers. A version of a server has points in it. */
static const char *const numbers[] = { "ID", "TTL", "cluster_id", "member_id", "memberID",
	"revision", "raft_term", "create_revision", "mod_revision", "version", "lease", "count",
	"deleted", "compact_revision", "dbSize", "dbSizeInUse", "leader", "raftIndex", "raftTerm",
	"raftAppliedIndex", "grantedTTL", "watch_id", "authRevision" };

static const struct {
	const char *name, *word;
	unsigned number;
} enums[] = {
	{ "type", "PUT", 0 }, { "type", "DELETE", 1 },
	{ "permType", "READ", 0 }, { "permType", "WRITE", 1 }, { "permType", "READWRITE", 2 },
	{ "alarm", "NONE", 0 }, { "alarm", "NOSPACE", 1 }, { "alarm", "CORRUPT", 2 },
};

static bool
is_name(struct slice name, const char *text)
{
	return slice_equal(name, slice_text(text));
}

/* Digits, perhaps behind a minus. */
static bool
is_number(struct slice text)
{
	size_t i = text.size > 1 && text.data[0] == '-' ? 1 : 0;

	if (text.size == 0 || text.size > 20)
		return false;
	for (; i < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
	}
	return true;
}

static bool
is_numeric(const struct json *value)
{
	if (value->type != JSON_STRING || !is_number(value->text))
		return false;
	for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
		if (is_name(value->name, numbers[i]))
			return true;
	}
	return false;
}

static void
put_string(struct json_put *json, const char *name, const struct json *value)
{
	char text[24];

	if (is_numeric(value)) {
		snprintf(text, sizeof(text), "%.*s", SLICE_ARGS(value->text));
		json_put_raw(json, name, text);
		return;
	}
	for (size_t i = 0; i < ARRAY_COUNT(enums); i++) {
		if (is_name(value->name, enums[i].name) && is_name(value->text, enums[i].word)) {
			json_put_number(json, name, enums[i].number);
			return;
		}
	}
	json_put_text(json, name, value->text);
}

/* A oneof of a transaction's answer: {"Response":{"ResponsePut":{...}}}. */
static const char *
response_name(struct slice name)
{
	if (is_name(name, "response_range"))
		return "ResponseRange";
	if (is_name(name, "response_put"))
		return "ResponsePut";
	if (is_name(name, "response_delete_range"))
		return "ResponseDeleteRange";
	return is_name(name, "response_txn") ? "ResponseTxn" : NULL;
}

static void
put_begin(struct json_put *json, const struct json *value, const char *name)
{
	if (value->type == JSON_ARRAY)
		json_put_open(json, name, '[');
	else
		json_put_open(json, name, '{');
}

static void
put_scalar(struct json_put *json, const char *name, const struct json *value)
{
	char *text;

	switch (value->type) {
	case JSON_NULL:
		json_put_raw(json, name, "null");
		return;
	case JSON_TRUE:
	case JSON_FALSE:
		json_put_bool(json, name, value->type == JSON_TRUE);
		return;
	case JSON_NUMBER:
		text = xasprintf("%.*s", SLICE_ARGS(value->text));
		json_put_raw(json, name, text);
		free(text);
		return;
	case JSON_STRING:
		put_string(json, name, value);
		return;
	case JSON_OBJECT:
	case JSON_ARRAY:
		return;
	}
}

/* One value and, of an object or array, its bracket. */
static void
put_one(struct json_put *json, const struct json *value)
{
	const char *response = response_name(value->name);

	if (response != NULL && value->type == JSON_OBJECT) {
		json_put_open(json, "Response", '{');
		json_put_open(json, response, '{');
		return;
	}
	if (value->parent->type == JSON_OBJECT)
		json_put_name_slice(json, value->name);
	if (value->type == JSON_OBJECT || value->type == JSON_ARRAY)
		put_begin(json, value, NULL);
	else
		put_scalar(json, NULL, value);
}

static void
put_end(struct json_put *json, const struct json *value)
{
	json_put_close(json, value->type == JSON_ARRAY ? ']' : '}');
	if (value->type == JSON_OBJECT && response_name(value->name) != NULL)
		json_put_close(json, '}');
}

/* Without recursion: how deep it is was decided by somebody else. */
static void
put_below(struct json_put *json, const struct json *top)
{
	const struct json *value = top->first;

	while (value != NULL && value != top) {
		put_one(json, value);
		if ((value->type == JSON_OBJECT || value->type == JSON_ARRAY) &&
		    value->first != NULL) {
			value = value->first;
			continue;
		}
		if (value->type == JSON_OBJECT || value->type == JSON_ARRAY)
			put_end(json, value);
		while (value != top && value->next == NULL) {
			value = value->parent;
			if (value != top)
				put_end(json, value);
		}
		if (value != top)
			value = value->next;
	}
}

void
ctl3_message_put_members(struct json_put *json, const struct json *object)
{
	if (object != NULL && object->type == JSON_OBJECT)
		put_below(json, object);
}

void
ctl3_message_put(struct json_put *json, const char *name, const struct json *value)
{
	if (value->type != JSON_OBJECT && value->type != JSON_ARRAY) {
		put_scalar(json, name, value);
		return;
	}
	put_begin(json, value, name);
	put_below(json, value);
	json_put_close(json, value->type == JSON_ARRAY ? ']' : '}');
}

/* ---- members ------------------------------------------------------------------- */

static bool
number_text(const struct json *object, const char *name, char text[24])
{
	const struct json *member = json_member(object, name);

	if (member == NULL || (member->type != JSON_STRING && member->type != JSON_NUMBER) ||
	    !is_number(member->text))
		return false;
	snprintf(text, 24, "%.*s", SLICE_ARGS(member->text));
	return true;
}

uint64_t
ctl3_message_u64(const struct json *object, const char *name)
{
	char text[24];

	return number_text(object, name, text) ? strtoull(text, NULL, 10) : 0;
}

int64_t
ctl3_message_i64(const struct json *object, const char *name)
{
	char text[24];

	return number_text(object, name, text) ? strtoll(text, NULL, 10) : 0;
}

void
ctl3_message_bytes(const struct json *object, const char *name, struct buf *bytes)
{
	struct slice text = name == NULL ? SLICE_EMPTY : json_string(object, name);
	size_t size;
	uint8_t *room;

	if (name == NULL && object->type == JSON_STRING)
		text = object->text;
	room = text.size == 0 ? NULL : buf_reserve(bytes, text.size);
	if (room != NULL && base64_read(text, room, &size))
		buf_added(bytes, size);
}

const struct json *
ctl3_message_first(const struct json *object, const char *name)
{
	const struct json *array = json_member(object, name);

	return array != NULL && array->type == JSON_ARRAY ? array->first : NULL;
}

/* ---- texts as Go has them ------------------------------------------------------ */

/* Blanks but the blank, and characters without a look; of UTF-8 that is right. */
static bool
is_plain(struct slice text)
{
	static const char *const blanks[] = { "\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\xaf",
		"\xe2\x81\x9f", "\xe3\x80\x80" };

	for (size_t i = 0; i < ARRAY_COUNT(blanks); i++) {
		if (slice_starts_with(text, slice_text(blanks[i])))
			return false;
	}
	if (text.size >= 3 && text.data[0] == 0xe2 && text.data[1] == 0x80 && text.data[2] <= 0x8a)
		return false;
	return printable_size(text) > 0;
}

/* The character at the start; returns its bytes. */
static size_t
quote_one(struct buf *out, struct slice text)
{
	static const char letters[] = "\a\b\f\n\r\t\v\\\"";
	static const char names[] = "abfnrtv\\\"";
	uint8_t byte = text.data[0];
	const char *letter = byte == 0 ? NULL : strchr(letters, byte);
	uint32_t code = byte;
	size_t size = byte < 0x80 ? 1 : utf8_read(text, &code);

	if (letter != NULL) {
		buf_printf(out, "\\%c", names[letter - letters]);
	} else if (size == 0 || (size == 1 && (byte < 0x20 || byte == 0x7f))) {
		buf_printf(out, "\\x%02x", byte);
		return 1;
	} else if (size == 1 || is_plain(text)) {
		buf_append(out, text.data, size);
	} else {
		buf_printf(out, code > 0xffff ? "\\U%08" PRIx32 : "\\u%04" PRIx32, code);
	}
	return size;
}

void
ctl3_quote(struct buf *out, struct slice text)
{
	buf_append_byte(out, '"');
	while (text.size > 0) {
		size_t size = quote_one(out, text);

		text = slice_of(text.data + size, text.size - size);
	}
	buf_append_byte(out, '"');
}

void
ctl3_hex(struct buf *out, struct slice bytes)
{
	for (size_t i = 0; i < bytes.size; i++)
		buf_printf(out, "\\x%02x", bytes.data[i]);
}

void
ctl3_size(struct buf *out, uint64_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double value = (double)bytes;
	size_t unit = 0;

	if (bytes < 10) {
		buf_printf(out, "%" PRIu64 " B", bytes);
		return;
	}
	while (value >= 1000 && unit + 1 < ARRAY_COUNT(units)) {
		value /= 1000;
		unit++;
	}
	value = (double)(uint64_t)(value * 10 + 0.5) / 10;
	buf_printf(out, value < 10 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

void
ctl3_duration(struct buf *out, uint64_t ns)
{
	static const struct {
		uint64_t ns;
		int digits;
		const char *name;
	} units[] = { { 1000000000, 9, "s" }, { 1000000, 6, "ms" }, { 1000, 3, "\xc2\xb5s" } };
	uint64_t minutes = ns / 60000000000;
	size_t unit = 0;
	char fraction[16];
	size_t size;

	if (minutes >= 60)
		buf_printf(out, "%" PRIu64 "h", minutes / 60);
	if (minutes > 0)
		buf_printf(out, "%" PRIu64 "m", minutes % 60);
	ns %= 60000000000;
	if (ns < 1000 && minutes == 0) {
		buf_printf(out, ns == 0 ? "0s" : "%" PRIu64 "ns", ns);
		return;
	}
	while (minutes == 0 && unit + 1 < ARRAY_COUNT(units) && ns < units[unit].ns)
		unit++;
	snprintf(fraction, sizeof(fraction), "%0*" PRIu64, units[unit].digits, ns % units[unit].ns);
	size = strlen(fraction);
	while (size > 0 && fraction[size - 1] == '0')
		size--;
	buf_printf(out, "%" PRIu64 "%s%.*s%s", ns / units[unit].ns, size > 0 ? "." : "", (int)size,
	    fraction, units[unit].name);
}
