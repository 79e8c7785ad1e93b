/*
 * random_message.h - a message of any type, with anything in it that it may have.
 */
#ifndef MOOTHALL_TESTS_UNIT_HTTPD_V3_RANDOM_MESSAGE_H
#define MOOTHALL_TESTS_UNIT_HTTPD_V3_RANDOM_MESSAGE_H

#include "common/arena.h"
#include "common/rand.h"
#include "httpd/v3/message.h"

/*
 * Fill a struct of that type; all it points to is of the arena.
 *
 *	depth	parts are nested no deeper than that, at least 1
 */
void random_message(struct rand *rand, struct arena *arena, const struct v3_type *type,
    unsigned depth, void *message);

#endif
