/*
 * txn_text.c - comparisons and words (see txn_text.h).
 */
#include "ctl/v3/txn_text.h"

#include "common/base64.h"
#include "common/xmem.h"
#include "ctl/v3/call.h"
#include "ctl/v3/op.h"

#include <stdlib.h>

/* ---- quoted text --------------------------------------------------------------- */

static void
put_code(struct buf *out, uint32_t code)
{
	if (code < 0x80) {
		buf_append_byte(out, (uint8_t)code);
	} else if (code < 0x800) {
		buf_append_byte(out, (uint8_t)(0xc0 | code >> 6));
		buf_append_byte(out, (uint8_t)(0x80 | (code & 0x3f)));
	} else if (code < 0x10000) {
		buf_append_byte(out, (uint8_t)(0xe0 | code >> 12));
		buf_append_byte(out, (uint8_t)(0x80 | (code >> 6 & 0x3f)));
		buf_append_byte(out, (uint8_t)(0x80 | (code & 0x3f)));
	} else {
		buf_append_byte(out, (uint8_t)(0xf0 | code >> 18));
		buf_append_byte(out, (uint8_t)(0x80 | (code >> 12 & 0x3f)));
		buf_append_byte(out, (uint8_t)(0x80 | (code >> 6 & 0x3f)));
		buf_append_byte(out, (uint8_t)(0x80 | (code & 0x3f)));
	}
}

/* So many digits of that base behind a backslash and perhaps a letter. */
static bool
read_digits(const char **at, unsigned count, int base, uint32_t *code)
{
	char digits[9] = "";
	char *end;

	for (unsigned i = 0; i < count; i++) {
		if ((*at)[i] == '\0')
			return false;
		digits[i] = (*at)[i];
	}
	if (strspn(digits, base == 8 ? "01234567" : "0123456789abcdefABCDEF") != count)
		return false;
	*code = (uint32_t)strtoul(digits, &end, base);
	*at += count;
	return true;
}

static bool
read_escape(const char **at, struct buf *out)
{
	static const char letters[] = "abfnrtv\\\"'";
	static const char bytes[] = "\a\b\f\n\r\t\v\\\"'";
	char letter = **at;
	const char *known = letter == '\0' ? NULL : strchr(letters, letter);
	uint32_t code;

	if (known != NULL) {
		buf_append_byte(out, (uint8_t)bytes[known - letters]);
		(*at)++;
		return true;
	}
	if (letter >= '0' && letter <= '7') {
		if (!read_digits(at, 3, 8, &code) || code > 0xff)
			return false;
		buf_append_byte(out, (uint8_t)code);
		return true;
	}
	(*at)++;
	if (letter == 'x') {
		if (!read_digits(at, 2, 16, &code))
			return false;
		buf_append_byte(out, (uint8_t)code);
		return true;
	}
	if ((letter != 'u' && letter != 'U') ||
	    !read_digits(at, letter == 'u' ? 4 : 8, 16, &code) || code > 0x10ffff ||
	    (code >= 0xd800 && code < 0xe000))
		return false;
	put_code(out, code);
	return true;
}

/* A string as Go writes it: "with escapes" or `as it is`. */
static bool
read_quoted(const char **at, struct buf *out)
{
	const char *text = *at;
	char quote = *text++;

	if (quote != '"' && quote != '`')
		return false;
	while (*text != quote) {
		if (*text == '\0')
			return false;
		if (quote == '"' && *text == '\\') {
			text++;
			if (!read_escape(&text, out))
				return false;
		} else {
			buf_append_byte(out, (uint8_t)*text++);
		}
	}
	*at = text + 1;
	return true;
}

/* ---- comparisons --------------------------------------------------------------- */

enum compare_kind { KIND_NUMBER, KIND_LEASE, KIND_VALUE };

static const struct {
	const char *word, *target, *member;
	enum compare_kind kind;
} targets[] = {
	{ "ver", "VERSION", "version", KIND_NUMBER },
	{ "version", "VERSION", "version", KIND_NUMBER },
	{ "c", "CREATE", "create_revision", KIND_NUMBER },
	{ "create", "CREATE", "create_revision", KIND_NUMBER },
	{ "m", "MOD", "mod_revision", KIND_NUMBER },
	{ "mod", "MOD", "mod_revision", KIND_NUMBER },
	{ "val", "VALUE", "value", KIND_VALUE },
	{ "value", "VALUE", "value", KIND_VALUE },
	{ "lease", "LEASE", "lease", KIND_LEASE },
};

static const struct {
	const char *sign, *name;
} signs[] = { { "=", "EQUAL" }, { "!=", "NOT_EQUAL" }, { ">", "GREATER" }, { "<", "LESS" } };

struct comparison {
	size_t target, sign;
	struct buf key, operand;
};

static void
skip_blanks(const char **at)
{
	*at += strspn(*at, " \t");
}

/* ("key") = "value", to the end of the line. */
static bool
read_parts(const char *at, struct comparison *comparison)
{
	size_t length;

	at++;
	skip_blanks(&at);
	if (!read_quoted(&at, &comparison->key))
		return false;
	skip_blanks(&at);
	if (*at++ != ')')
		return false;
	skip_blanks(&at);
	length = strspn(at, "=!<>");
	for (comparison->sign = 0; comparison->sign < ARRAY_COUNT(signs); comparison->sign++) {
		const char *sign = signs[comparison->sign].sign;

		if (strlen(sign) == length && strncmp(at, sign, length) == 0)
			break;
	}
	at += length;
	skip_blanks(&at);
	return comparison->sign < ARRAY_COUNT(signs) && read_quoted(&at, &comparison->operand);
}

static bool
put_operand(const struct comparison *comparison, struct json_put *json)
{
	const char *member = targets[comparison->target].member;
	struct buf text = BUF_INIT;
	char *problem = NULL;
	int64_t number = 0;
	uint64_t id = 0;
	bool good = true;

	if (targets[comparison->target].kind == KIND_VALUE) {
		/* Empty it has to be there too: it says which operand it is. */
		json_put_name(json, member);
		buf_append_byte(json->out, '"');
		base64_put(json->out, buf_slice(&comparison->operand));
		buf_append_byte(json->out, '"');
		json->comma = true;
		return true;
	}
	buf_append_slice(&text, buf_slice(&comparison->operand));
	buf_append_byte(&text, '\0');
	if (targets[comparison->target].kind == KIND_NUMBER) {
		good = ctl3_read_i64((const char *)text.data, &number, &problem);
	} else {
		good = ctl3_read_hex((const char *)text.data, "ParseInt", &id, &problem);
		number = (int64_t)id;
	}
	if (good)
		ctl3_put_int(json, member, number);
	buf_free(&text);
	free(problem);
	return good;
}

static enum err
read_comparison(const char *line, struct comparison *comparison, struct json_put *json,
    char **problem)
{
	const char *open = strchr(line, '(');
	size_t length = open == NULL ? 0 : (size_t)(open - line);

	if (open == NULL) {
		*problem = xasprintf("malformed comparison: %s", line);
		return ERR_INVALID;
	}
	while (comparison->target < ARRAY_COUNT(targets) &&
	    (strlen(targets[comparison->target].word) != length ||
	    strncmp(targets[comparison->target].word, line, length) != 0))
		comparison->target++;
	if (!read_parts(open, comparison)) {
		*problem = xasprintf("malformed comparison: %s; write TARGET(\"KEY\") = \"VALUE\" "
		    "with = != < or >", line);
		return ERR_INVALID;
	}
	if (comparison->target == ARRAY_COUNT(targets)) {
		*problem = xasprintf("malformed comparison: %s (unknown target %.*s)", line,
		    (int)length, line);
		return ERR_INVALID;
	}
	json_put_open(json, NULL, '{');
	json_put_text(json, "result", slice_text(signs[comparison->sign].name));
	json_put_text(json, "target", slice_text(targets[comparison->target].target));
	ctl3_put_bytes(json, "key", buf_slice(&comparison->key));
	if (!put_operand(comparison, json)) {
		*problem = xasprintf("invalid txn compare request: %s", line);
		return ERR_INVALID;
	}
	json_put_close(json, '}');
	return ERR_NONE;
}

enum err
ctl3_compare_read(const char *line, struct json_put *json, char **problem)
{
	struct comparison comparison = { 0 };
	enum err err = read_comparison(line, &comparison, json, problem);

	buf_free(&comparison.key);
	buf_free(&comparison.operand);
	return err;
}

/* ---- words --------------------------------------------------------------------- */

static bool
read_word(const char **at, struct buf *out)
{
	if (**at == '"')
		return read_quoted(at, out);
	if (**at == '\'') {
		size_t length = strcspn(*at + 1, "'");

		if ((*at)[length + 1] == '\0')
			return false;
		buf_append(out, *at + 1, length);
		*at += length + 2;
		return true;
	}
	while (**at != '\0' && **at != ' ' && **at != '\t')
		buf_append_byte(out, (uint8_t)*(*at)++);
	return true;
}

void
ctl3_words_free(struct ctl3_words *words)
{
	for (size_t i = 0; i < words->count; i++)
		free(words->words[i]);
	*words = (struct ctl3_words){ 0 };
}

enum err
ctl3_words_read(const char *line, struct ctl3_words *words, char **problem)
{
	*words = (struct ctl3_words){ 0 };
	for (;;) {
		struct buf word = BUF_INIT;

		skip_blanks(&line);
		if (*line == '\0')
			return ERR_NONE;
		if (words->count == CTL_WORDS_MAX) {
			*problem = xasprintf("more than %d words in a line", CTL_WORDS_MAX);
			ctl3_words_free(words);
			return ERR_INVALID;
		}
		if (!read_word(&line, &word) ||
		    (word.size > 0 && memchr(word.data, '\0', word.size) != NULL)) {
			*problem = xasprintf("word %zu has a quote without its end, an escape that "
			    "is none, or a NUL", words->count + 1);
			buf_free(&word);
			ctl3_words_free(words);
			return ERR_INVALID;
		}
		buf_append_byte(&word, '\0');
		words->words[words->count++] = (char *)word.data;
	}
}
