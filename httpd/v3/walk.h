/*
 * walk.h - the fields of a message, and of the messages in it, one after the other.
 *
 * Called by what writes messages: protobuf_write.c, json_write.c, print.c. Pure. Nothing
 * recurses: the levels are an array. Fields that are not there are passed by. A list of
 * values is one step.
 *
 *	v3_walk_begin ---> (value | part)* ---> left, the last step
 *	part:  entered ---> (value | part)* ---> left
 *
 * Each part of a list is entered by itself. Backwards, fields and items come in the opposite
 * order.
 */
#ifndef MOOTHALL_HTTPD_V3_WALK_H
#define MOOTHALL_HTTPD_V3_WALK_H

#include "common/limits.h"
#include "httpd/v3/message.h"

/* An answer nests as deep as what it answers, and has a header in its innermost part. */
#define V3_WALK_LEVELS (V3_NESTED_MAX + 2)

struct v3_level {
	const struct v3_type *type;
	const uint8_t *message;
	const struct v3_field *field;	/* of the level above; NULL: this is the message itself */
	size_t item;			/* which of the list it is; 0 if it is no list */
	size_t items;			/* of how many */
	size_t next_field, next_item;
	size_t mark;			/* of who walks; 0 when the level is entered */
};

struct v3_walk {
	bool backwards;
	size_t depth;
	const struct v3_field *field;	/* of a value, */
	const void *place;		/* and where it stands: in the struct */
	struct v3_level levels[V3_WALK_LEVELS];
};

enum v3_step {
	V3_WALK_VALUE,		/* field and place; of a list, where items and count stand */
	V3_WALK_ENTERED,	/* v3_walk_level is the new one */
	V3_WALK_LEFT,		/* v3_walk_left is that which was left; its field NULL: the end */
};

void v3_walk_begin(struct v3_walk *walk, const struct v3_type *type, const void *message,
    bool backwards);
enum v3_step v3_walk_next(struct v3_walk *walk);

static inline struct v3_level *
v3_walk_level(struct v3_walk *walk)
{
	return &walk->levels[walk->depth - 1];
}

static inline struct v3_level *
v3_walk_left(struct v3_walk *walk)
{
	return &walk->levels[walk->depth];
}

#endif
