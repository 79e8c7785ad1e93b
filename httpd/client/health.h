/*
 * health.h - may this node be asked?
 */
#ifndef MOOTHALL_HTTPD_CLIENT_HEALTH_H
#define MOOTHALL_HTTPD_CLIENT_HEALTH_H

struct worker;

/* Why it should not be, static or borrowed from the worker; NULL: it may be. */
const char *health_problem(const struct worker *worker);

#endif
