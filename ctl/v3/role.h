/*
 * role.h - the rights of a role, which user get --detail shows, too.
 */
#ifndef MOOTHALL_CTL_V3_ROLE_H
#define MOOTHALL_CTL_V3_ROLE_H

#include "ctl/v3/call.h"

/* Ask for a role; CTL3_DONE, or it was said why not. */
int ctl3_role_ask(struct ctl3 *v3, struct slice name, struct ctl3_answer *answer);
int ctl3_role_show(const struct ctl3 *v3, struct slice name, const struct json *root);

#endif
