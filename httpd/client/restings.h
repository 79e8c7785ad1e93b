/*
 * restings.h - requests whose password is not checked, since too many wait, and that hear of it a
 * while later.
 *
 * Who tries passwords by many connections would else ask again at once, and again, and what that
 * costs others would have to wait for. Bounded: beyond AUTH_RESTING_MAX they hear of it at once.
 * Called by gate.c.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_RESTINGS_H
#define MOOTHALL_HTTPD_CLIENT_RESTINGS_H

#include "httpd/client/attempts.h"
#include "httpd/http/request.h"

struct restings;

/* refuse: answers one. */
struct restings *restings_new(struct worker *worker,
    void (*refuse)(struct request *request, enum attempt_answer why));
/* None rests any more. */
void restings_free(struct restings **restings);
/* It is answered now or later; why is not ATTEMPT_WAITS. */
void restings_add(struct restings *restings, struct request *request, enum attempt_answer why);

#endif
