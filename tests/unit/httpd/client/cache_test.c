/*
 * cache_test.c - plain GETs answered from bodies that a worker rendered, and
 * what drops these. A real worker; the test plays a client and raftd.
 */
#include "tests/lib/test.h"
#include "tests/unit/httpd/fake_raftd.h"

#include "common/clock.h"
#include "common/ipc/wire.h"
#include "common/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HOST " HTTP/1.1\r\nHost: h\r\n\r\n"

struct scene {
	struct fake *fake;
	int fd;
	struct buf in;
	uint64_t store_index;
};

static struct scene
scene_new(void)
{
	struct scene scene = { .fake = fake_new(ROLE_CLIENT), .store_index = 17 };

	fake_attach(scene.fake, PHASE_MEMBER);
	assert_true(fake_is_quiet(scene.fake));
	scene.fd = fake_connect(scene.fake);
	shared_index_set(scene.fake->announced, scene.store_index);
	return scene;
}

static void
scene_free(struct scene *scene)
{
	close(scene->fd);
	buf_free(&scene->in);
	fake_free(&scene->fake);
}

static void
receive(struct scene *scene, const char *text)
{
	buf_clear(&scene->in);
	fake_receive(scene->fake, scene->fd, &scene->in, text);
}

/* A GET that has to go to raftd, which answers with value. */
static void
miss(struct scene *scene, const char *request, const char *value)
{
	const struct fake_frame *frame;
	struct buf event = fake_set_event("/k", value, scene->store_index, 0);

	fake_send(scene->fd, request);
	frame = fake_next(scene->fake);
	assert_int_equal(frame->type, MSG_read);
	fake_outcome(scene->fake, frame->request_id, ERR_NONE, buf_slice(&event), 0);
	receive(scene, value);
	buf_free(&event);
}

/* A GET that is answered with value and never reaches raftd. */
static void
hit(struct scene *scene, const char *request, const char *value)
{
	fake_send(scene->fd, request);
	receive(scene, value);
	assert_true(fake_is_quiet(scene->fake));
}

/* raftd says that these paths changed. */
static void
announce(struct scene *scene, const struct buf *paths)
{
	shared_index_set(scene->fake->announced, ++scene->store_index);
	msg_changed_frame(channel_out(scene->fake->channel), 0, &(struct msg_changed){
	    .store_index = scene->store_index, .raft_index = 20, .raft_term = 2,
	    .paths = buf_slice(paths) });
	channel_flush(scene->fake->channel);
}

static void
change(struct scene *scene, const char *path, bool below)
{
	struct path_record record = { .path = slice_text(path), .below = below };
	struct buf paths = BUF_INIT;

	path_record_put(&paths, &record);
	announce(scene, &paths);
	buf_free(&paths);
}

#define GET(path) "GET /v2/keys" path HOST

TEST(a_body_is_asked_for_once)
{
	struct scene scene = scene_new();

	miss(&scene, GET("/k"), "one");
	hit(&scene, GET("/k"), "one");
	hit(&scene, GET("/k/"), "one");
	hit(&scene, GET("/k?sorted=true"), "one");
	scene_free(&scene);
}

/* A body above its limit is not kept; of those that are, the oldest give way. */
TEST(bodies_that_are_kept_are_bounded)
{
	struct scene scene = scene_new();
	char *value = malloc(CACHE_BODY_BYTES_MAX + 1);
	char request[64];

	assert_non_null(value);
	memset(value, 'v', CACHE_BODY_BYTES_MAX);
	value[CACHE_BODY_BYTES_MAX - 200] = '\0';
	miss(&scene, GET("/k"), value);
	hit(&scene, GET("/k"), value);
	for (size_t i = 0; i * CACHE_BODY_BYTES_MAX < CACHE_BYTES_MAX; i++) {
		snprintf(request, sizeof(request), GET("/k%zu"), i);
		miss(&scene, request, value);
	}
	hit(&scene, request, value);
	miss(&scene, GET("/k"), value);
	value[CACHE_BODY_BYTES_MAX - 200] = 'v';
	value[CACHE_BODY_BYTES_MAX] = '\0';
	miss(&scene, GET("/large"), value);
	miss(&scene, GET("/large"), value);
	free(value);
	scene_free(&scene);
}

TEST(another_kind_of_listing_is_another_body)
{
	struct scene scene = scene_new();

	miss(&scene, GET("/k"), "one");
	miss(&scene, GET("/k?recursive=true"), "two");
	hit(&scene, GET("/k"), "one");
	hit(&scene, GET("/k?recursive=true"), "two");
	scene_free(&scene);
}

TEST(a_quorum_read_always_goes_to_raftd)
{
	struct scene scene = scene_new();

	miss(&scene, GET("/k"), "one");
	miss(&scene, GET("/k?quorum=true"), "two");
	miss(&scene, GET("/k?consistent=true"), "three");
	scene_free(&scene);
}

/* The change is in the channel before the request is: no stale answer even if
 * both wait for the same turn. */
TEST(a_changed_path_drops_its_body_before_a_later_request)
{
	struct scene scene = scene_new();

	miss(&scene, GET("/k"), "one");
	change(&scene, "/k", false);
	miss(&scene, GET("/k"), "two");
	hit(&scene, GET("/k"), "two");
	scene_free(&scene);
}

/* raftd has told somebody of a change that our channel does not show yet. */
TEST(a_worker_that_lags_asks_raftd)
{
	struct scene scene = scene_new();

	miss(&scene, GET("/k"), "one");
	shared_index_set(scene.fake->announced, scene.store_index + 1);
	miss(&scene, GET("/k"), "two");
	shared_index_set(scene.fake->announced, scene.store_index);
	hit(&scene, GET("/k"), "two");
	scene_free(&scene);
}

TEST(a_changed_path_drops_every_directory_above_and_nothing_beside)
{
	struct scene scene = scene_new();

	miss(&scene, GET("/a/b"), "dir");
	miss(&scene, GET("/a?recursive=true"), "tree");
	miss(&scene, GET("/"), "root");
	miss(&scene, GET("/ab"), "beside");
	change(&scene, "/a/b/c", false);
	miss(&scene, GET("/a/b"), "new-dir");
	miss(&scene, GET("/a?recursive=true"), "new-tree");
	miss(&scene, GET("/"), "new-root");
	hit(&scene, GET("/ab"), "beside");
	scene_free(&scene);
}

/* A long path: those of its directories that were asked for, however deep. */
TEST(a_change_deep_down_drops_every_directory_above)
{
	static const size_t depths[] = { 0, 1, 7, 8, 500, 1022, 1023 };
	struct scene scene = scene_new();
	struct buf request = BUF_INIT, path = BUF_INIT;

	for (size_t i = 0; i < 1023; i++)
		buf_append_text(&path, "/d");
	buf_append_byte(&path, '\0');
	miss(&scene, GET("/d/e"), "beside");
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < ARRAY_COUNT(depths) * 2; i++) {
			buf_clear(&request);
			buf_printf(&request, "GET /v2/keys%.*s/%s HTTP/1.1\r\nHost: h\r\n\r\n",
			    (int)(2 * depths[i / 2]), (const char *)path.data,
			    i % 2 == 0 ? "" : "?recursive=true");
			buf_append_byte(&request, '\0');
			miss(&scene, (const char *)request.data, "one");
			hit(&scene, (const char *)request.data, "one");
		}
		change(&scene, (const char *)path.data, false);
	}
	hit(&scene, GET("/d/e"), "beside");
	buf_free(&request);
	buf_free(&path);
	scene_free(&scene);
}

TEST(many_removed_directories_in_one_announcement_drop_all)
{
	for (unsigned count = CACHE_WALKS_MAX; count <= CACHE_WALKS_MAX + 1; count++) {
		struct scene scene = scene_new();
		struct buf paths = BUF_INIT;

		miss(&scene, GET("/beside"), "one");
		for (unsigned i = 0; i < count; i++)
			path_record_put(&paths, &(struct path_record){
			    .path = SLICE_LITERAL("/d"), .below = true });
		announce(&scene, &paths);
		if (count > CACHE_WALKS_MAX)
			miss(&scene, GET("/beside"), "two");
		else
			hit(&scene, GET("/beside"), "one");
		buf_free(&paths);
		scene_free(&scene);
	}
}

TEST(a_removed_directory_drops_what_was_below)
{
	struct scene scene = scene_new();

	miss(&scene, GET("/a/b/c"), "below");
	miss(&scene, GET("/ab"), "beside");
	change(&scene, "/a", true);
	miss(&scene, GET("/a/b/c"), "gone");
	hit(&scene, GET("/ab"), "beside");
	change(&scene, "/", true);
	miss(&scene, GET("/ab"), "all");
	scene_free(&scene);
}

TEST(a_hit_tells_the_latest_store_index)
{
	struct scene scene = scene_new();

	miss(&scene, GET("/k"), "one");
	change(&scene, "/other", false);
	fake_send(scene.fd, GET("/k"));
	receive(&scene, "one");
	buf_append_byte(&scene.in, 0);
	assert_non_null(strstr((char *)scene.in.data, "X-Etcd-Index: 18\r\n"));
	assert_non_null(strstr((char *)scene.in.data, "X-Raft-Index: 20\r\n"));
	assert_non_null(strstr((char *)scene.in.data, "X-Raft-Term: 2\r\n"));
	scene_free(&scene);
}

TEST(a_lost_raftd_empties_the_cache)
{
	struct scene scene = scene_new();

	miss(&scene, GET("/k"), "one");
	fake_detach(scene.fake);
	assert_true(fake_is_quiet(scene.fake));
	fake_attach(scene.fake, PHASE_MEMBER);
	miss(&scene, GET("/k"), "two");
	scene_free(&scene);
}

/* An event of a get of /k that expires at that time. */
static struct buf
expiring_event(uint64_t now_ns, uint64_t expire_at_ns)
{
	struct node_record node = { .flags = NODE_VALUE | NODE_EXPIRES,
		.key = SLICE_LITERAL("/k"), .value = SLICE_LITERAL("v"), .modified = 3,
		.created = 3, .expire_at_ns = expire_at_ns };
	struct event_record record = { .action = ACTION_GET, .now_ns = now_ns };
	struct buf nodes = BUF_INIT, event = BUF_INIT;

	node_record_put(&nodes, &node);
	record.nodes = buf_slice(&nodes);
	event_record_put(&event, &record);
	buf_free(&nodes);
	return event;
}

TEST(a_body_with_a_ttl_is_not_kept_past_the_second_it_is_true_for)
{
	struct scene scene = scene_new();
	uint64_t now_ns = clock_now().wall_ns;
	/* Rendered a second ago, with a ttl that has fallen since. */
	struct buf old = expiring_event(now_ns - NS_PER_SECOND, now_ns + 50 * NS_PER_SECOND);
	struct buf fresh = expiring_event(now_ns + NS_PER_SECOND, now_ns + 100 * NS_PER_SECOND);
	const struct fake_frame *frame;

	for (int i = 0; i < 2; i++) {
		fake_send(scene.fd, GET("/k"));
		frame = fake_next(scene.fake);
		assert_int_equal(frame->type, MSG_read);
		fake_outcome(scene.fake, frame->request_id, ERR_NONE,
		    buf_slice(i == 0 ? &old : &fresh), 0);
		receive(&scene, "\"ttl\":");
	}
	hit(&scene, GET("/k"), "\"ttl\":99");
	buf_free(&old);
	buf_free(&fresh);
	scene_free(&scene);
}

TEST(a_client_that_leaves_before_the_turns_end_is_forgotten)
{
	struct scene scene = scene_new();
	int other = fake_connect(scene.fake);

	miss(&scene, GET("/k"), "one");
	fake_send(other, GET("/k"));
	close(other);
	hit(&scene, GET("/k"), "one");
	scene_free(&scene);
}
