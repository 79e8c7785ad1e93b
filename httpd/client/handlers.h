/*
 * handlers.h - handlers of the client port, as route_table.h names them.
 */
#ifndef MOOTHALL_HTTPD_CLIENT_HANDLERS_H
#define MOOTHALL_HTTPD_CLIENT_HANDLERS_H

#include "httpd/http/request.h"

void keys_handle(struct request *request);
void keys_v1_handle(struct request *request);
void watch_v1_handle(struct request *request);
void machines_handle(struct request *request);
void leader_handle(struct request *request);
void stats_self_handle(struct request *request);
void stats_store_handle(struct request *request);
void stats_leader_handle(struct request *request);
void stats_node_handle(struct request *request);
void stats_log_handle(struct request *request);
void members_handle(struct request *request);
void members_leader_handle(struct request *request);
void auth_handle(struct request *request);
void mod_handle(struct request *request);
void lock_handle(struct request *request);
void leader_module_handle(struct request *request);
void token_handle(struct request *request);
void client_config_handle(struct request *request);
void client_backup_handle(struct request *request);
void v3_handle(struct request *request);
/* A stream of watches of the v3 API that began in another worker. */
void gateway_go_on(struct request *request, const struct msg_handed *handed);
void grpc_handle(struct request *request);
void ui_handle(struct request *request);
void ui_old_handle(struct request *request);
void version_handle(struct request *request);
void health_handle(struct request *request);
void livez_handle(struct request *request);
void readyz_handle(struct request *request);

#endif
