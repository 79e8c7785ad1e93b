/*
 * admin.h - what both ports have for operators: /v2/admin/config and /v2/admin/backup.
 *
 * Who may is decided before: at the client port by users and by operate.h, at the peer port by who
 * reaches it.
 */
#ifndef MOOTHALL_HTTPD_ADMIN_H
#define MOOTHALL_HTTPD_ADMIN_H

#include "httpd/http/request.h"

void admin_config_handle(struct request *request);
void admin_backup_handle(struct request *request);

#endif
