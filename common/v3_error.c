/*
 * v3_error.c - see v3_error.h.
 */
#include "common/v3_error.h"

enum v3_error
v3_error_from_number(uint16_t number)
{
	switch (number) {
#define V3_ERROR(tag, number_, grpc_code, text) \
	case number_: \
		return V3_##tag;
#include "common/v3_error_table.h"
	default:
		return V3_MALFORMED;
	}
}

const char *
v3_error_text(enum v3_error error)
{
	switch (error) {
#define V3_ERROR(tag, number, grpc_code, text_) \
	case V3_##tag: \
		return text_;
#include "common/v3_error_table.h"
	}
	return v3_error_text(V3_MALFORMED);
}

unsigned
v3_error_code(enum v3_error error)
{
	switch (error) {
#define V3_ERROR(tag, number, grpc_code, text) \
	case V3_##tag: \
		return grpc_code;
#include "common/v3_error_table.h"
	}
	return v3_error_code(V3_MALFORMED);
}
