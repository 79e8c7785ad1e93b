/*
 * operate.h - what operators do at the client port, and who may.
 *
 * Moving the lead and reading the log go to the supervisor (inquiry.h); changes of the members are
 * members.c. Where users count all of it is root's (gate.c).
 */
#ifndef MOOTHALL_HTTPD_CLIENT_OPERATE_H
#define MOOTHALL_HTTPD_CLIENT_OPERATE_H

#include "httpd/http/request.h"

/*
 * May this client change the members, or who of them leads? The one place that decides what the
 * node lets be changed here, and for which pages. False: it was answered.
 */
bool operate_may_change(struct request *request);
/* The same for who answers otherwise: why not, static; NULL: it may. */
const char *operate_change_problem(const struct request *request);
/* Is the Content-Type JSON? Parameters behind the type are of no account. */
bool operate_is_json(struct slice type);
/* POST /v2/members/leader. */
void operate_move_lead(struct request *request);

#endif
