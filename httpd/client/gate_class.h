/*
 * gate_class.h - whose a path is, when users count.
 *
 * One that no row knows is the role root's alone. Called by gate.c.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_GATE_CLASS_H
#define MOOTHALL_HTTPD_CLIENT_GATE_CLASS_H

#include "httpd/http/request.h"

enum gate_class {
	CLASS_OPEN,			/* to all */
	CLASS_KEYS,			/* the handler asks for the key */
	CLASS_ASKS,			/* the handler asks */
	CLASS_ROOT,
};

enum gate_class gate_class(const struct request *request);

#endif
