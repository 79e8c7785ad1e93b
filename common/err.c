/*
 * err.c - numbers, texts and statuses of errors, all from error_table.h.
 */
#include "common/err.h"

#include <errno.h>

enum err
err_from_number(uint16_t number)
{
	switch (number) {
#define ERROR(tag, number, http_status, text) case number: return ERR_##tag;
#include "common/error_table.h"
	default:
		return ERR_INTERNAL;
	}
}

enum err
err_from_errno(int errno_value)
{
	switch (errno_value) {
	case EAGAIN:
	case EINTR:
	case EINPROGRESS:
		return ERR_AGAIN;
	case EPIPE:
	case ECONNRESET:
		return ERR_CLOSED;
	case ECONNREFUSED:
		return ERR_REFUSED;
	case ETIMEDOUT:
		return ERR_TIMED_OUT;
	case ENOSPC:
	case EDQUOT:
		return ERR_NO_SPACE;
	case ENOENT:
	case ENOTDIR:
	case ESRCH:
		return ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
		return ERR_DENIED;
	case EROFS:
		return ERR_READ_ONLY;
	case EBUSY:
	case EADDRINUSE:
	case EMFILE:
	case ENFILE:
		return ERR_BUSY;
	case EINVAL:
	case EBADF:
	case ENOTSOCK:
		return ERR_INVALID;
	case E2BIG:
	case EFBIG:
	case EMSGSIZE:
	case ENAMETOOLONG:
		return ERR_TOO_BIG;
	case ENOSYS:
	case ENOTSUP:
	case EAFNOSUPPORT:
		return ERR_UNSUPPORTED;
	default:
		return ERR_IO;
	}
}

const char *
err_text(enum err err)
{
	switch (err) {
#define ERROR(tag, number, http_status, text) case ERR_##tag: return text;
#include "common/error_table.h"
	}
	return "unknown error";
}

unsigned
err_http_status(enum err err)
{
	unsigned status = 0;

	switch (err) {
#define ERROR(tag, number, http_status, text) case ERR_##tag: status = http_status; break;
#include "common/error_table.h"
	}
	return status == 0 ? 500 : status;
}

bool
err_is_api(enum err err)
{
	return err >= ERR_KEY_NOT_FOUND;
}
