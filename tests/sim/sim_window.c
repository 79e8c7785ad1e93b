/*
 * sim_window.c - what waitIndex reaches, and the configuration that bounds it, as the model
 * has them: the newest history_events events, and as many as history_bytes hold. Both are
 * lowered by less than HISTORY_EVENTS_SHED events, so that what is above them goes at once.
 */
#include "common/limits.h"
#include "tests/sim/sim_model_priv.h"

/* An event as it is stored: event_record with one node or two. */
static size_t
record_bytes(const struct model_event *event)
{
	struct buf nodes = BUF_INIT, record = BUF_INIT;
	size_t size;

	node_record_put(&nodes, &(struct node_record){ .key = event->key,
	    .value = blob_slice(event->node.value) });
	if (event->has_previous)
		node_record_put(&nodes, &(struct node_record){ .key = event->key,
		    .value = blob_slice(event->previous.value) });
	event_record_put(&record, &(struct event_record){ .nodes = buf_slice(&nodes) });
	size = record.size;
	buf_free(&nodes);
	buf_free(&record);
	return size;
}

static void
shift(struct sim_model *model)
{
	struct model_window *window = &model->window;

	window->bytes -= model->events[window->first++ - 1].bytes;
}

/* The newest stays whatever it weighs. */
static void
bound(struct sim_model *model)
{
	const struct model_window *window = &model->window;

	while ((window->bytes > window->bytes_max ||
	    model->index + 1 - window->first > model->config.history_events) &&
	    window->first < model->index)
		shift(model);
	if (model->index > 0)
		model->events[model->index - 1].first_then = model->window.first;
}

void
model_window_add(struct sim_model *model)
{
	struct model_event *event = &model->events[model->index - 1];

	event->bytes = record_bytes(event);
	model->window.bytes += event->bytes;
	bound(model);
	event->first = model->window.first;
}

bool
model_configure(struct sim_model *model, struct slice items)
{
	if (cluster_config_take(&model->config, items) != ERR_NONE)
		return false;
	model->window.bytes_max = model->config.history_bytes;
	bound(model);
	return true;
}

struct model_window
model_window(const struct sim_model *model)
{
	return model->window;
}

struct key_limits
model_limits(const struct sim_model *model)
{
	return (struct key_limits){ model->config.max_key_names, model->config.max_key_bytes };
}

enum model_want
model_is_cleared(const struct sim_model *model, uint64_t since, uint64_t store_index)
{
	const struct model_event *event = model_event(model, store_index);

	if (since == 0 || event == NULL || since >= event->first_then)
		return WANT_NEVER;
	/* The bound may have been lowered since, without another event. */
	return since < event->first ? WANT_ALWAYS : WANT_MAYBE;
}
