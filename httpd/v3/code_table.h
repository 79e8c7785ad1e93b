/*
 * code_table.h - every status code of gRPC, and as which HTTP status the gateway has it.
 *
 *	CODE(tag, number, HTTP status, its reason)
 *
 * The numbers are those of gRPC. FAILED_PRECONDITION was 412 in gateways up to 3.4. No guard:
 * included more than once, undefines its macro at the end.
 */
CODE(OK, 0, 200, "OK")
CODE(CANCELLED, 1, 408, "Request Timeout")
CODE(UNKNOWN, 2, 500, "Internal Server Error")
CODE(INVALID_ARGUMENT, 3, 400, "Bad Request")
CODE(DEADLINE_EXCEEDED, 4, 504, "Gateway Timeout")
CODE(NOT_FOUND, 5, 404, "Not Found")
CODE(ALREADY_EXISTS, 6, 409, "Conflict")
CODE(PERMISSION_DENIED, 7, 403, "Forbidden")
CODE(RESOURCE_EXHAUSTED, 8, 429, "Too Many Requests")
CODE(FAILED_PRECONDITION, 9, 400, "Bad Request")
CODE(ABORTED, 10, 409, "Conflict")
CODE(OUT_OF_RANGE, 11, 400, "Bad Request")
CODE(UNIMPLEMENTED, 12, 501, "Not Implemented")
CODE(INTERNAL, 13, 500, "Internal Server Error")
CODE(UNAVAILABLE, 14, 503, "Service Unavailable")
CODE(DATA_LOSS, 15, 500, "Internal Server Error")
CODE(UNAUTHENTICATED, 16, 401, "Unauthorized")
#undef CODE
