/*
 * lock_text.c - see lock_text.h. Called by who holds the lock, or meets it held.
 */
#include "common/lock_text.h"

#include "common/crc32c.h"
#include "common/xmem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TEXT_BYTES_MAX ((size_t)LOCK_PATH_BYTES_MAX + 512)
#define CHECK_BYTES ((size_t)9)		/* the last line */

bool
lock_text_parse(struct slice bytes, struct lock_text *text)
{
	char lines[TEXT_BYTES_MAX + 1], check[CHECK_BYTES + 1];
	char *rest = lines, *pid, *since, *name, *run_dir;
	struct slice body;

	memset(text, 0, sizeof(*text));
	if (bytes.size <= CHECK_BYTES || bytes.size > TEXT_BYTES_MAX)
		return false;
	body = slice_of(bytes.data, bytes.size - CHECK_BYTES);
	snprintf(check, sizeof(check), "%08" PRIx32 "\n", crc32c(0, body));
	if (memcmp(bytes.data + body.size, check, CHECK_BYTES) != 0)
		return false;
	memcpy(lines, body.data, body.size);
	lines[body.size] = '\0';
	pid = strsep(&rest, "\n");
	since = strsep(&rest, "\n");
	name = strsep(&rest, "\n");
	run_dir = strsep(&rest, "\n");
	if (run_dir == NULL || rest == NULL || *rest != '\0' ||
	    strlen(since) >= sizeof(text->since) || strlen(name) >= sizeof(text->name) ||
	    strlen(run_dir) >= sizeof(text->run_dir))
		return false;
	text->pid = strtol(pid, NULL, 10);
	strcpy(text->since, since);
	strcpy(text->name, name);
	strcpy(text->run_dir, run_dir);
	return true;
}

bool
lock_text_read(int fd, struct lock_text *text)
{
	char bytes[TEXT_BYTES_MAX + 1];
	ssize_t size = pread(fd, bytes, sizeof(bytes), 0);

	return lock_text_parse(slice_of(bytes, size > 0 ? (size_t)size : 0), text);
}

enum err
lock_text_write(int fd, const char *name, const char *run_dir)
{
	bool told = strlen(run_dir) <= LOCK_PATH_BYTES_MAX && strchr(run_dir, '\n') == NULL;
	char since[CLOCK_TEXT_BYTES];
	char *body, *text;
	enum err err = ERR_NONE;
	ssize_t size;

	clock_format(clock_now().wall_ns, 0, false, since);
	body = xasprintf("%ld\n%s\n%s\n%s\n", (long)getpid(), since, name,
	    told ? run_dir : "");
	text = xasprintf("%s%08" PRIx32 "\n", body, crc32c(0, slice_text(body)));
	size = pwrite(fd, text, strlen(text), 0);
	if (size == -1 || ftruncate(fd, (off_t)strlen(text)) == -1)
		err = err_from_errno(errno);
	else if (size != (ssize_t)strlen(text))
		err = ERR_NO_SPACE;
	free(body);
	free(text);
	return err;
}
