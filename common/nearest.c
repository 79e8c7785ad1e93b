/*
 * nearest.c - see nearest.h.
 */
#include "common/nearest.h"

#include <stdint.h>
#include <string.h>

#define LENGTH_MAX ((size_t)40)

/* How many letters have to be added, dropped or changed. */
static size_t
edit_distance(const char *a, const char *b)
{
	size_t row[LENGTH_MAX + 1];
	size_t a_length = strlen(a);
	size_t b_length = strlen(b);

	if (a_length > LENGTH_MAX || b_length > LENGTH_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_length; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);

			diagonal = row[j];
			row[j] = MIN_OF(change, MIN_OF(row[j], row[j - 1]) + 1);
		}
	}
	return row[b_length];
}

struct nearest
nearest_to(const char *text)
{
	return (struct nearest){ .text = text, .least = strlen(text) / 3 + 1 };
}

void
nearest_try(struct nearest *nearest, const char *word)
{
	size_t distance = word == NULL ? SIZE_MAX : edit_distance(nearest->text, word);

	if (distance >= nearest->least)
		return;
	nearest->least = distance;
	nearest->word = word;
}
