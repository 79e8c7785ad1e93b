/*
 * modules.c - see modules.h.
 */
#include "common/modules.h"

static unsigned
module_of(struct slice name)
{
	if (slice_equal(name, SLICE_LITERAL("lock")))
		return MODULE_LOCK;
	if (slice_equal(name, SLICE_LITERAL("leader")))
		return MODULE_LEADER;
	return 0;
}

static struct slice
without_blanks(struct slice name)
{
	while (name.size > 0 && (name.data[0] == ' ' || name.data[0] == '\t'))
		name = slice_of(name.data + 1, name.size - 1);
	while (name.size > 0 && (name.data[name.size - 1] == ' ' ||
	    name.data[name.size - 1] == '\t'))
		name.size--;
	return name;
}

unsigned
modules_read(const char *list, struct slice *unknown)
{
	unsigned modules = 0;

	*unknown = SLICE_EMPTY;
	while (*list != '\0') {
		size_t size = strcspn(list, ",");
		struct slice name = without_blanks(slice_of(list, size));
		unsigned module = module_of(name);

		if (module == 0 && name.size > 0 && unknown->size == 0)
			*unknown = name;
		modules |= module;
		list += size + (list[size] == ',');
	}
	return modules;
}
