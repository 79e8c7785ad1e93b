/*
 * auth_table.h - users and roles as records of the applied state: a durable format, and what
 * workers are given.
 *
 *	key			value
 *	'A' 'e'			auth_info
 *	'A' 'u' name		auth_user_state
 *	'A' 'r' name		auth_role_state
 *
 * No guard: included many times; undefines its macros.
 */
RECORD(auth_text, FIELD(bytes, text))
RECORD(auth_info,
    FIELD(u8, format)		/* 1 */
    FIELD(u8, enabled)
    FIELD(u64, revision))	/* of the last change */
RECORD(auth_user_state,
    FIELD(u8, format)		/* 1 */
    FIELD(u8, flags)		/* AUTH_NO_ROLES */
    FIELD(u64, credential)	/* revision at which the password was set */
    FIELD(secret, hash)		/* as crypt(3) made it */
    FIELD(bytes, roles))	/* list of auth_text */
RECORD(auth_role_state,
    FIELD(u8, format)		/* 1 */
    FIELD(u8, flags)		/* AUTH_NO_READ, AUTH_NO_WRITE */
    FIELD(bytes, read) FIELD(bytes, write))	/* list of auth_text: patterns */
#undef RECORD
#undef FIELD
