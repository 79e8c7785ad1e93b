/*
 * walk.c - the fields of a message in their order (see walk.h).
 */
#include "httpd/v3/walk.h"

static void
enter(struct v3_walk *walk, const struct v3_type *type, const void *message)
{
	struct v3_level *level = &walk->levels[walk->depth];

	/* Ours: a message that was read nests no deeper than that. */
	ASSERT(walk->depth < V3_WALK_LEVELS);
	walk->depth++;
	level->type = type;
	level->message = message;
	level->field = NULL;
	level->item = 0;
	level->items = 0;
	level->next_field = 0;
	level->next_item = 0;
	level->mark = 0;
}

void
v3_walk_begin(struct v3_walk *walk, const struct v3_type *type, const void *message,
    bool backwards)
{
	walk->backwards = backwards;
	walk->depth = 0;
	enter(walk, type, message);
}

/* Enter the next part of a field. False: there are no more. */
static bool
enter_part(struct v3_walk *walk, struct v3_level *level, const struct v3_field *field)
{
	const struct v3_type *type;
	struct v3_list list;
	const uint8_t *part;
	size_t item;

	if (field->list) {
		list = v3_list_of(field, level->message);
	} else {
		list.items = v3_part_of(field, level->message);
		list.count = list.items != NULL;
	}
	if (level->next_item == list.count)
		return false;
	item = walk->backwards ? list.count - 1 - level->next_item : level->next_item;
	level->next_item++;
	type = field->of.part();
	part = list.items;
	enter(walk, type, part + item * type->size);
	v3_walk_level(walk)->field = field;
	v3_walk_level(walk)->item = item;
	v3_walk_level(walk)->items = list.count;
	return true;
}

enum v3_step
v3_walk_next(struct v3_walk *walk)
{
	struct v3_level *level = v3_walk_level(walk);

	while (level->next_field < level->type->field_count) {
		const struct v3_field *field = &level->type->fields[walk->backwards ?
			level->type->field_count - 1 - level->next_field : level->next_field];

		if (field->kind == V3_KIND_part) {
			if (enter_part(walk, level, field))
				return V3_WALK_ENTERED;
			level->next_item = 0;
			level->next_field++;
			continue;
		}
		level->next_field++;
		if (field->list ? v3_list_of(field, level->message).count == 0 :
				  !v3_field_is_set(field, level->message))
			continue;
		walk->field = field;
		walk->place = level->message + field->offset;
		return V3_WALK_VALUE;
	}
	walk->depth--;
	return V3_WALK_LEFT;
}
