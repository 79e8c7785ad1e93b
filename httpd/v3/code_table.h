/*
 * code_table.h - every status code of gRPC, and as which HTTP status the gateway has it.
 *
 *	CODE(tag, number, HTTP status, its reason, name)
 *
 * The numbers are those of gRPC, the names those of metrics. FAILED_PRECONDITION was 412 in
 * gateways up to 3.4. No guard: included more than once, undefines its macro at the end.
 */
CODE(OK, 0, 200, "OK", "OK")
CODE(CANCELLED, 1, 408, "Request Timeout", "Canceled")
CODE(UNKNOWN, 2, 500, "Internal Server Error", "Unknown")
CODE(INVALID_ARGUMENT, 3, 400, "Bad Request", "InvalidArgument")
CODE(DEADLINE_EXCEEDED, 4, 504, "Gateway Timeout", "DeadlineExceeded")
CODE(NOT_FOUND, 5, 404, "Not Found", "NotFound")
CODE(ALREADY_EXISTS, 6, 409, "Conflict", "AlreadyExists")
CODE(PERMISSION_DENIED, 7, 403, "Forbidden", "PermissionDenied")
CODE(RESOURCE_EXHAUSTED, 8, 429, "Too Many Requests", "ResourceExhausted")
CODE(FAILED_PRECONDITION, 9, 400, "Bad Request", "FailedPrecondition")
CODE(ABORTED, 10, 409, "Conflict", "Aborted")
CODE(OUT_OF_RANGE, 11, 400, "Bad Request", "OutOfRange")
CODE(UNIMPLEMENTED, 12, 501, "Not Implemented", "Unimplemented")
CODE(INTERNAL, 13, 500, "Internal Server Error", "Internal")
CODE(UNAVAILABLE, 14, 503, "Service Unavailable", "Unavailable")
CODE(DATA_LOSS, 15, 500, "Internal Server Error", "DataLoss")
CODE(UNAUTHENTICATED, 16, 401, "Unauthorized", "Unauthenticated")
#undef CODE
