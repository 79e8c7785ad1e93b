/*
 * served_table.h - the methods of the v3 API that are served, and who does: a function that
 * begins a call (methods.h).
 *
 * The others are refused with V3_UNIMPLEMENTED by gRPC, and are unknown paths of the gateway. No
 * guard: included more than once, undefines its macro at the end.
 */
SERVED(range, serve_keys)
SERVED(put, serve_keys)
SERVED(delete_range, serve_keys)
SERVED(txn, serve_keys)
SERVED(compact, serve_compact)
SERVED(watch, serve_watch)
SERVED(lease_grant, serve_grant)
SERVED(lease_revoke, serve_revoke)
#undef SERVED
