/*
 * auth_text.h - what clients send to show who they are, and to change users and roles.
 *
 * Pure: bytes from outside in, their parts out, wiped by who got them. Every length is bounded.
 * Source: docs/api.md, "Users and roles".
 */
#ifndef MOOTHALL_HTTPD_CLIENT_AUTH_TEXT_H
#define MOOTHALL_HTTPD_CLIENT_AUTH_TEXT_H

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"

/* A name and a password, as HTTP's basic authentication has them. */
struct text_basic {
	uint8_t bytes[AUTH_HEADER_BYTES_MAX];
	size_t user_bytes, password_at, password_bytes;
};

/* Take the value of Authorization apart. False: it is none that could be right. */
bool text_basic_read(struct slice header, struct text_basic *basic) MUST_CHECK;
struct slice text_basic_user(const struct text_basic *basic);
struct slice text_basic_password(const struct text_basic *basic);
void text_basic_wipe(struct text_basic *basic);
/* Free it, and leave nothing of its bytes behind. */
void text_wipe(struct buf *buf);

/* What PUT /v2/auth/users/NAME asks for. */
struct text_user {
	struct buf name, password;
	struct buf roles, grant, revoke;	/* lists of auth_text */
};

/* And PUT /v2/auth/roles/NAME. */
struct text_role {
	struct buf name;
	struct text_patterns {
		struct buf read, write;		/* lists of auth_text */
		bool has_read, has_write;	/* they were given, if empty */
	} permissions, grant, revoke;
};

/* Read a body into zeros. ERR_MALFORMED: it is no such JSON; ERR_TOO_BIG: something in it is
 * too long, or too much. In any case to be freed. */
enum err text_user_read(struct slice body, struct text_user *user) MUST_CHECK;
enum err text_role_read(struct slice body, struct text_role *role) MUST_CHECK;
void text_user_free(struct text_user *user);
void text_role_free(struct text_role *role);

#endif
