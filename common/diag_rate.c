/*
 * diag_rate.c - the same message at most so often (see diag_rate.h). Pure.
 */
#include "common/diag_rate.h"

#include <string.h>

static void
close_window(struct diag_rate *rate, struct diag_rate_message *message)
{
	if (message->held_back > 0)
		rate->over(message);
	message->format = NULL;
}

void
diag_rate_tick(struct diag_rate *rate, uint64_t now_ns)
{
	for (size_t i = 0; i < DIAG_RATE_MESSAGES; i++) {
		struct diag_rate_message *message = &rate->messages[i];

		if (message->format != NULL &&
		    now_ns - message->window_start_ns >= DIAG_RATE_WINDOW_NS)
			close_window(rate, message);
	}
}

/* "member joined name=m1" is known by "member joined name". */
static void
take_words(char words[DIAG_RATE_WORDS_BYTES], const char *text)
{
	size_t size = MIN_OF(strcspn(text, "="), (size_t)DIAG_RATE_WORDS_BYTES - 1);

	memcpy(words, text, size);
	words[size] = '\0';
}

static struct diag_rate_message *
find(struct diag_rate *rate, const char *format, const char *words)
{
	for (size_t i = 0; i < DIAG_RATE_MESSAGES; i++) {
		struct diag_rate_message *message = &rate->messages[i];

		if (message->format == NULL || strcmp(message->words, words) != 0)
			continue;
		if (message->format == format || words[0] != '\0')
			return message;
	}
	return NULL;
}

static struct diag_rate_message *
make_room(struct diag_rate *rate)
{
	struct diag_rate_message *oldest = &rate->messages[0];

	for (size_t i = 0; i < DIAG_RATE_MESSAGES; i++) {
		struct diag_rate_message *message = &rate->messages[i];

		if (message->format == NULL)
			return message;
		if (message->window_start_ns < oldest->window_start_ns)
			oldest = message;
	}
	close_window(rate, oldest);
	return oldest;
}

bool
diag_rate_take(struct diag_rate *rate, enum diag_level level, const char *part,
    const char *format, const char *text, uint64_t now_ns)
{
	char words[DIAG_RATE_WORDS_BYTES] = "";
	struct diag_rate_message *message;

	if (strcmp(format, DIAG_RATE_MADE) == 0)
		take_words(words, text);
	diag_rate_tick(rate, now_ns);
	message = find(rate, format, words);
	if (message == NULL) {
		message = make_room(rate);
		*message = (struct diag_rate_message){ .format = format, .part = part,
			.level = level, .window_start_ns = now_ns };
		memcpy(message->words, words, sizeof(words));
	}
	if (message->lines == DIAG_RATE_LINES) {
		message->held_back++;
		return false;
	}
	message->lines++;
	return true;
}
