/*
 * title.c - writes over argv, and over the environment that the kernel puts
 * right behind it, so that ps shows what a process does.
 *
 * Linux only: the kernel shows the bytes from the start of argv, and beyond its
 * end once the last byte of argv is no longer NUL.
 */
#include "common/title.h"

#include "common/xmem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/* The process has one title, so this is one of the few objects of a file. */
static char *title_room;
static size_t title_room_bytes;

static void
environment_copy(void)
{
	size_t count = 0;
	char **copy;

	while (environ[count] != NULL)
		count++;
	copy = xmalloc((count + 1) * sizeof(*copy));
	for (size_t i = 0; i < count; i++)
		copy[i] = xstrdup(environ[i]);
	copy[count] = NULL;
	environ = copy;
}

void
title_start(int argc, char **argv)
{
	char *end;

	if (argc == 0 || argv[0] == NULL || environ == NULL)
		return;
	end = argv[0];
	for (int i = 0; i < argc; i++) {
		if (argv[i] == end)
			end += strlen(argv[i]) + 1;
	}
	for (char **variable = environ; *variable != NULL; variable++) {
		if (*variable == end)
			end += strlen(*variable) + 1;
	}
	environment_copy();
	/* The C library's pointer goes there, too. */
	program_invocation_short_name = xstrdup(program_invocation_short_name);
	title_room = argv[0];
	title_room_bytes = (size_t)(end - argv[0]);
}

void
title_set(const char *format, ...)
{
	va_list arguments;
	int size;

	if (title_room_bytes == 0)
		return;
	va_start(arguments, format);
	size = vsnprintf(title_room, title_room_bytes, format, arguments);
	va_end(arguments);
	if (size >= 0 && (size_t)size < title_room_bytes)
		memset(title_room + size, 0, title_room_bytes - (size_t)size);
}
