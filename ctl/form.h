/*
 * form.h - paths, queries and forms as they stand in requests. Pure.
 */
#ifndef MOOTHALL_CTL_FORM_H
#define MOOTHALL_CTL_FORM_H

#include "common/buf.h"

/* Append a key as a path: a slash in front if it has none, every byte but letters,
 * digits, "-_.~/" escaped. */
void form_key(struct buf *path, struct slice key);
/* Append "name=value", after '&' if there is something before it; as in a form. */
void form_add(struct buf *form, const char *name, struct slice value);
void form_add_u64(struct buf *form, const char *name, uint64_t value);
void form_add_bool(struct buf *form, const char *name, bool value);
/* Append text as one word of a shell, quoted if it has to be. */
void form_shell_word(struct buf *line, struct slice text);

#endif
