/*
 * metrics.c - GET /metrics: the counters of all processes of the node.
 */
#include "httpd/metrics.h"

#include "common/metric.h"

void
metrics_handle(struct request *request)
{
	enum metric_form form = metric_form_accepted(request_header(request, "accept"));
	struct buf body = BUF_INIT;

	metric_render(&body, form);
	response_header(request, "Vary", "Accept");
	response_send(request, 200, form == METRIC_FORM_OPENMETRICS ? METRIC_OPENMETRICS_TYPE :
	    METRIC_TEXT_TYPE, buf_slice(&body));
	buf_free(&body);
}
