/*
 * retain.c - see retain.h. Pure.
 */
#include "common/retain.h"

#include "common/xmem.h"

#include <ctype.h>
#include <string.h>

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits at *text; false: none, or more than a uint64_t holds. */
static bool
take_number(const char **text, uint64_t *number)
{
	const char *begin = *text;

	*number = 0;
	for (; is_digit(**text); ++*text)
		if (__builtin_mul_overflow(*number, UINT64_C(10), number) ||
		    __builtin_add_overflow(*number, (uint64_t)(**text - '0'), number))
			return false;
	return *text != begin;
}

/* ---- the quota ------------------------------ */

char *
retain_quota_parse(const char *text, uint64_t *bytes)
{
	static const char suffixes[] = "KMG";
	const char *at = text + (text[0] == '-'), *suffix;
	unsigned shift = 0;
	uint64_t number;

	if (text[0] == '\0') {
		*bytes = V3_QUOTA_DEFAULT_BYTES;
		return NULL;
	}
	if (!take_number(&at, &number))
		return xasprintf("\"%s\" is not a size; write bytes, or a number with K, M or G; "
		    "0 is 2G, and less than 0 no quota", text);
	suffix = *at == '\0' ? NULL : strchr(suffixes, toupper((unsigned char)*at));
	if (suffix != NULL) {
		shift = 10 * (unsigned)(suffix - suffixes + 1);
		at++;
	}
	if (*at != '\0' || number > UINT64_MAX >> shift)
		return xasprintf("\"%s\" is not a size; write bytes, or a number with K, M or G; "
		    "0 is 2G, and less than 0 no quota", text);
	number <<= shift;
	*bytes = number == 0 ? V3_QUOTA_DEFAULT_BYTES : text[0] == '-' ? 0 : number;
	return NULL;
}

/* ---- the retention ------------------------------ */

/* The unit at *text in nanoseconds; 0: there is none. */
static uint64_t
take_unit(const char **text)
{
	static const struct {
		const char *word;
		uint64_t ns;
	} units[] = {
		{ "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 },
		{ "m", UINT64_C(60000000000) }, { "h", UINT64_C(3600000000000) },
	};

	for (size_t i = 0; i < ARRAY_COUNT(units); i++)
		if (strncmp(*text, units[i].word, strlen(units[i].word)) == 0) {
			*text += strlen(units[i].word);
			return units[i].ns;
		}
	return 0;
}

/* "1h30m", "0.5h": as Go writes a time. False: it is none, or longer than all that is allowed. */
static bool
parse_time(const char *text, uint64_t *ms)
{
	uint64_t total_ns = 0;

	while (*text != '\0') {
		uint64_t whole, unit, part, ns;
		uint64_t digits = 0, scale = 1;

		if (!take_number(&text, &whole))
			return false;
		if (*text == '.') {
			/* Nine digits are enough of any unit. */
			for (text++; is_digit(*text); text++)
				if (scale < 1000000000) {
					digits = digits * 10 + (uint64_t)(*text - '0');
					scale *= 10;
				}
		}
		unit = take_unit(&text);
		if (unit == 0 || __builtin_mul_overflow(whole, unit, &ns))
			return false;
		part = (uint64_t)((double)unit * (double)digits / (double)scale);
		if (__builtin_add_overflow(total_ns, ns, &total_ns) ||
		    __builtin_add_overflow(total_ns, part, &total_ns))
			return false;
	}
	*ms = total_ns / 1000000;
	return true;
}

char *
retain_notice_parse(const char *text, uint64_t *ms)
{
	if (text[0] == '\0' || !parse_time(text, ms))
		return xasprintf("\"%s\" is not a time like 5s or 10m", text);
	if (*ms < V3_NOTICE_MS_MIN)
		return xasprintf("%s is below the minimum 100ms", text);
	return *ms > V3_NOTICE_MS_MAX ? xasprintf("%s is above the maximum 24h", text) : NULL;
}

static char *
parse_period(const char *text, uint64_t *ms)
{
	const char *at = text;
	uint64_t hours;

	if (take_number(&at, &hours) && *at == '\0') {
		if (hours > V3_RETENTION_MS_MAX / 3600000)
			return xasprintf("%s hours are above the maximum 8760h", text);
		*ms = hours * 3600000;
		return NULL;
	}
	if (!parse_time(text, ms))
		return xasprintf("\"%s\" is neither a number of hours nor a time like 30m or 1h30m",
		    text);
	if (*ms != 0 && *ms < V3_RETENTION_MS_MIN)
		return xasprintf("%s is below the minimum 1s", text);
	if (*ms > V3_RETENTION_MS_MAX)
		return xasprintf("%s is above the maximum 8760h", text);
	return NULL;
}

char *
retain_history_parse(const char *mode, const char *text, struct retention *retention,
    bool *mode_is_wrong)
{
	bool periodic = mode[0] == '\0' || strcmp(mode, "periodic") == 0;
	const char *at = text;

	*retention = (struct retention){ 0, 0 };
	*mode_is_wrong = !periodic && strcmp(mode, "revision") != 0;
	if (*mode_is_wrong)
		return xasprintf("\"%s\" is none of periodic, revision", mode);
	if (text[0] == '\0')
		return NULL;
	if (periodic)
		return parse_period(text, &retention->ms);
	if (!take_number(&at, &retention->revisions) || *at != '\0' ||
	    retention->revisions > INT64_MAX) {
		retention->revisions = 0;
		return xasprintf("\"%s\" is not a number of revisions", text);
	}
	return NULL;
}
