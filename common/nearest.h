/*
 * nearest.h - what somebody may have meant: the known word that is nearest to theirs.
 * Pure.
 *
 *	struct nearest nearest = nearest_to(theirs);
 *	for each known word: nearest_try(&nearest, word);
 *	nearest.word is NULL if none is near
 */
#ifndef MOOTHALL_COMMON_NEAREST_H
#define MOOTHALL_COMMON_NEAREST_H

#include "common/base.h"

#include <stddef.h>

struct nearest {
	const char *text;	/* what was written; borrowed */
	const char *word;	/* the nearest so far; borrowed */
	size_t least;		/* its letters to be added, dropped or changed */
};

/* A third of the letters wrong is no typing mistake any more. */
struct nearest nearest_to(const char *text);
/* word instead of the one so far if it is nearer; NULL is never near. */
void nearest_try(struct nearest *nearest, const char *word);

#endif
