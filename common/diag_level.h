/*
 * diag_level.h - how much operators want to read: one level, and others for
 * single parts (-log-level).
 */
#ifndef MOOTHALL_COMMON_DIAG_LEVEL_H
#define MOOTHALL_COMMON_DIAG_LEVEL_H

#include "common/base.h"

enum diag_level {
	DIAG_ERROR,
	DIAG_WARN,
	DIAG_INFO,
	DIAG_DEBUG,
	DIAG_TRACE,
};

/* Which part; DIAG_PART_COUNT of them. */
#define DIAG_PART_COUNT 18

struct diag_levels {
	enum diag_level most;	/* the largest of all */
	enum diag_level of[DIAG_PART_COUNT];
};

const char *diag_level_name(enum diag_level level);
/* "error warn info debug trace"; false if the text is none of them. */
bool diag_level_parse(const char *text, enum diag_level *level);

/* One level for all; a part may take less of it (diag_part_table.h). */
void diag_levels_all(struct diag_levels *levels, enum diag_level level);
/*
 * "LEVEL" or "PART=LEVEL" items, separated by commas, in any order; blanks around
 * them are passed over. A part without an item has the level without a part, or
 * info; some take less of it (diag_part_table.h). NULL, or what is wrong: `"loud" is
 * none of error, ...`; freed by the caller, and *levels is as it was.
 */
char *diag_levels_parse(const char *text, struct diag_levels *levels) MUST_CHECK;
/* The level of that part; of one that nobody knows the largest. */
enum diag_level diag_levels_of(const struct diag_levels *levels, const char *part);

#endif
