/*
 * json_put.h - JSON for programs: objects of one line each.
 *
 * Names are ours and plain; commas come by themselves.
 */
#ifndef MOOTHALL_CTL_JSON_PUT_H
#define MOOTHALL_CTL_JSON_PUT_H

#include "common/buf.h"
#include "ctl/output.h"

/* bracket: one of { } [ ]. A name only for what opens inside of an object. */
void json_put_open(struct buf *text, const char *name, char bracket);
void json_put_close(struct buf *text, char bracket);
void json_put_text(struct buf *text, const char *name, struct slice value);
void json_put_u64(struct buf *text, const char *name, uint64_t value);
void json_put_bool(struct buf *text, const char *name, bool value);
/* Milliseconds with three digits behind the point. */
void json_put_ms(struct buf *text, const char *name, uint64_t ns);
/* A newline, everything to standard output, and the buffer is empty again. */
void json_put_line(const struct output *out, struct buf *text);

#endif
