/*
 * message.h - messages of the gateway as etcdctl 3.4 shows them in JSON and in Go's quotes.
 * Pure.
 *
 * The gateway spells 64-bit numbers as strings and enums as words; etcdctl spells both as
 * numbers. So a message is written again, member by member, in the order in which it came.
 */
#ifndef MOOTHALL_CTL_V3_MESSAGE_H
#define MOOTHALL_CTL_V3_MESSAGE_H

#include "common/json_put.h"
#include "ctl/json_read.h"

/* A value, or what is in it, as etcdctl has it. */
void ctl3_message_put(struct json_put *json, const char *name, const struct json *value);
/* The members of an object, into one that is open. */
void ctl3_message_put_members(struct json_put *json, const struct json *object);

/* A number, or a string that is one; 0: there is none, or it does not fit. */
uint64_t ctl3_message_u64(const struct json *object, const char *name);
int64_t ctl3_message_i64(const struct json *object, const char *name);
/* The bytes of a member in base64, appended; of an element itself with name NULL. */
void ctl3_message_bytes(const struct json *object, const char *name, struct buf *bytes);
/* The first element of an array that is a member; NULL: none. */
const struct json *ctl3_message_first(const struct json *object, const char *name);

/* As Go's %q. */
void ctl3_quote(struct buf *out, struct slice text);
/* Each byte as \xNN. */
void ctl3_hex(struct buf *out, struct slice bytes);
/* As go-humanize: "25 kB", "1.2 MB". */
void ctl3_size(struct buf *out, uint64_t bytes);
/* As Go's time.Duration: "1.335711ms", "5.001s". */
void ctl3_duration(struct buf *out, uint64_t ns);

#endif
