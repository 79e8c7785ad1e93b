/*
 * metrics.h - GET /metrics, on both ports.
 */
#ifndef MOOTHALL_HTTPD_METRICS_H
#define MOOTHALL_HTTPD_METRICS_H

#include "httpd/http/request.h"

void metrics_handle(struct request *request);

#endif
