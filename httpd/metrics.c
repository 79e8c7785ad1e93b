/*
 * metrics.c - GET /metrics: the counters of all processes of the node.
 */
#include "httpd/metrics.h"

#include "common/metric.h"

void
metrics_handle(struct request *request)
{
	struct buf body = BUF_INIT;

	metric_render(&body);
	response_send(request, 200, METRIC_CONTENT_TYPE, buf_slice(&body));
	buf_free(&body);
}
