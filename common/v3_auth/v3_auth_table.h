/*
 * v3_auth_table.h - users and roles of the v3 API as records of the applied state: a durable
 * format, and what workers are given.
 *
 *	key			value
 *	'a' 'e'			v3_auth_info; without it: nothing was ever changed
 *	'a' 'u' name		v3_auth_user_state
 *	'a' 'r' name		v3_auth_role_state
 *
 * No guard: included many times; undefines its macros.
 */
RECORD(v3_auth_info,
    FIELD(u8, format)		/* 1 */
    FIELD(u8, enabled)
    FIELD(u64, changes)		/* that count for the auth revision, which is one more */
    FIELD(u64, version))	/* rises with every change */
RECORD(v3_auth_user_state,
    FIELD(u8, format)		/* 1 */
    FIELD(u8, flags)		/* V3_AUTH_NO_PASSWORD */
    FIELD(u64, credential)	/* auth revision that his password came with; no other has it */
    FIELD(secret, hash)		/* as crypt(3) made it; empty: he has none */
    FIELD(bytes, roles))	/* list of auth_text, sorted */
RECORD(v3_auth_role_state,
    FIELD(u8, format)		/* 1 */
    FIELD(bytes, permissions))	/* list of v3_auth_permission, by key and end */
RECORD(v3_auth_permission,
    FIELD(u8, type)		/* enum v3_auth_type */
    FIELD(bytes, key) FIELD(bytes, end)) /* as of a range; key is not empty */
#undef RECORD
#undef FIELD
