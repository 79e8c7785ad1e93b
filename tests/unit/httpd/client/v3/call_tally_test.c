/*
 * call_tally_test.c - what calls of the v3 API count for, and how much of a worker's room for
 * figures that may take.
 */
#include "httpd/client/v3/call_tally.h"

#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/metric.h"
#include "tests/lib/test.h"

#include <string.h>

struct scene {
	struct metric_area *area;
	struct call_tally *tally;
	struct buf text;
};

static struct scene
begin(void)
{
	struct scene scene = { .area = metric_area_new(), .tally = call_tally_new() };
	bool again;
	uint32_t slot = metric_area_take(scene.area, ROLE_CLIENT, 1, &again);

	assert_int_equal(metric_attach(metric_area_fd(scene.area), slot, ROLE_CLIENT), ERR_NONE);
	return scene;
}

static void
end(struct scene *scene)
{
	call_tally_free(&scene->tally);
	metric_area_free(&scene->area);
	buf_free(&scene->text);
}

static const char *
page(struct scene *scene)
{
	buf_clear(&scene->text);
	metric_render(&scene->text, METRIC_FORM_TEXT);
	buf_append_byte(&scene->text, '\0');
	return (const char *)scene->text.data;
}

static size_t
lines_of(const char *text, const char *name)
{
	size_t count = 0;

	for (const char *at = strstr(text, name); at != NULL; at = strstr(at + 1, name))
		count++;
	return count;
}

TEST(calls_count_under_the_names_that_etcd_has)
{
	struct scene scene = begin();
	const char *text;

	call_tally_began(scene.tally, v3_method(V3_METHOD_range));
	call_tally_began(scene.tally, v3_method(V3_METHOD_range));
	call_tally_began(scene.tally, v3_method(V3_METHOD_watch));
	call_tally_ended(scene.tally, v3_method(V3_METHOD_range), V3_OK);
	call_tally_ended(scene.tally, v3_method(V3_METHOD_range), V3_OUT_OF_RANGE);
	text = page(&scene);
	assert_non_null(strstr(text, "\ngrpc_server_started_total{grpc_method=\"Range\","
	    "grpc_service=\"etcdserverpb.KV\",grpc_type=\"unary\"} 2\n"));
	assert_non_null(strstr(text, "\ngrpc_server_started_total{grpc_method=\"Watch\","
	    "grpc_service=\"etcdserverpb.Watch\",grpc_type=\"bidi_stream\"} 1\n"));
	assert_non_null(strstr(text, "\ngrpc_server_handled_total{grpc_code=\"OK\","
	    "grpc_method=\"Range\",grpc_service=\"etcdserverpb.KV\",grpc_type=\"unary\"} 1\n"));
	assert_non_null(strstr(text, "{grpc_code=\"OutOfRange\",grpc_method=\"Range\","));
	assert_int_equal(lines_of(text, "grpc_server_handled_total{"), 2);
	end(&scene);
}

/* Whatever clients bring about; and there is room left for what is counted later. */
TEST(so_many_ways_to_end_are_counted_one_by_one)
{
	const char *values[] = { "late", "late", "late" };
	struct scene scene = begin();
	size_t ways = 0;
	const char *text;

	for (unsigned tag = 0; tag < V3_METHODS; tag++) {
		call_tally_began(scene.tally, v3_method(tag));
		for (unsigned code = V3_OK; code <= V3_UNAUTHENTICATED; code++) {
			call_tally_ended(scene.tally, v3_method(tag), code);
			if (++ways == V3_TALLY_SERIES_MAX)
				assert_null(strstr(page(&scene), "{grpc_code=\"other\""));
		}
	}
	metric_series_add(metric_series(METRIC_http_requests, values), 1);
	text = page(&scene);
	assert_int_equal(lines_of(text, "grpc_server_handled_total{"), V3_TALLY_SERIES_MAX + 1);
	assert_int_equal(lines_of(text, "grpc_server_started_total{"), V3_METHODS);
	assert_non_null(strstr(text, "{grpc_code=\"other\",grpc_method=\"other\","));
	assert_non_null(strstr(text, "\"late\""));
	end(&scene);
}
