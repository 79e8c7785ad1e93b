/*
 * reload_test.c - a new configuration for a running node, over real processes.
 */
#include "common/xmem.h"
#include "tests/lib/test.h"
#include "tests/unit/supervisor/node_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Its path is DIRECTORY/etcd.conf; freed by the caller. */
static char *
write_file(const struct node_fixture *node, const char *text)
{
	char *path = xasprintf("%s/etcd.conf", node->directory);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	return path;
}

static void
rewrite_file(const struct node_fixture *node, const char *text)
{
	free(write_file(node, text));
}

static void
start_with_file(struct node_fixture *node, const char *text)
{
	char *path;

	node_make(node);
	path = write_file(node, text);
	NODE_START(node, "-config", path);
	free(path);
	node_wait(node, "ready in");
}

static void
assert_reload(const struct node_fixture *node, int code, const char *expected)
{
	struct buf output = BUF_INIT;

	assert_int_equal(node_control(node, "reload", &output), code);
	buf_append_byte(&output, '\0');
	assert_string_equal((const char *)output.data, expected);
	buf_free(&output);
}

TEST(what_can_change_is_applied_and_what_needs_a_restart_is_told)
{
	struct node_fixture node;

	start_with_file(&node, "snapshot_count = 5\n");
	assert_reload(&node, 0, "nothing has changed\n");
	rewrite_file(&node,
	    "snapshot_count = 6\ncors = [\"http://a\"]\n[limits]\nidle_timeout = 7\n");
	assert_reload(&node, 0,
	    "changed: -cors, -idle-timeout\nneeds a restart: -snapshot-count\n");
	node_wait_events(&node, "raftd settings:7000", 1);
	node_wait_events(&node, "client1 settings:7000", 1);
	node_wait_events(&node, "peer settings:7000", 1);
	/* What was applied is no change any more; what was not, is. */
	assert_reload(&node, 0, "needs a restart: -snapshot-count\n");
	node_clean(&node);
}

TEST(a_wrong_file_changes_nothing)
{
	struct node_fixture node;
	struct buf output = BUF_INIT;

	start_with_file(&node, "snapshot_count = 5\n");
	rewrite_file(&node,
	    "snapshot_count = 5\n[limits]\nidle_timeout = 7\nheader_timeout = \"x\"\n");
	assert_int_equal(node_control(&node, "reload", &output), 1);
	buf_append_byte(&output, '\0');
	assert_non_null(strstr((const char *)output.data,
	    "etcd.conf:4: limits.header_timeout: a number is expected, this is a text"));
	node_wait(&node, "not reloaded, nothing has changed: ");
	rewrite_file(&node,
	    "snapshot_count = 5\npeers = [\"127.0.0.1\"]\n[limits]\nidle_timeout = 7\n");
	assert_int_equal(node_control(&node, "reload", &output), 1);
	/* Had one of them been applied, this would find no change. */
	rewrite_file(&node, "[limits]\nidle_timeout = 7\n");
	assert_reload(&node, 0, "changed: -idle-timeout\nneeds a restart: -snapshot-count\n");
	node_wait_events(&node, "peer settings:7000", 1);
	assert_int_equal(node_events(&node, "peer settings:"), 1);
	buf_free(&output);
	node_clean(&node);
}

TEST(hup_reloads_and_the_log_says_so)
{
	struct node_fixture node;

	start_with_file(&node, "snapshot_count = 5\n");
	rewrite_file(&node, "[limits]\nmax_watches = 7\n");
	assert_int_equal(kill(node.pid, SIGHUP), 0);
	node_wait(&node, "reloaded: changed=-max-watches");
	node_wait(&node, "changed options need a restart: -snapshot-count");
	rewrite_file(&node, "snapshot_count = 5\n[limits]\nmax_watches = 7\n");
	assert_int_equal(kill(node.pid, SIGHUP), 0);
	node_wait(&node, "reloaded: nothing has changed");
	rewrite_file(&node, "nonsense");
	assert_int_equal(kill(node.pid, SIGHUP), 0);
	node_wait(&node, "not reloaded, nothing has changed: ");
	assert_int_equal(node_events(&node, "raftd start"), 1);
	node_clean(&node);
}

TEST(workers_come_and_go)
{
	struct node_fixture node;

	start_with_file(&node, "[server]\nworkers = 2\n");
	rewrite_file(&node, "[server]\nworkers = 4\n");
	assert_reload(&node, 0, "changed: -workers\n");
	node_wait_events(&node, "client3 ready", 1);
	node_wait_events(&node, "client4 ready", 1);
	rewrite_file(&node, "[server]\nworkers = 1\n");
	assert_reload(&node, 0, "changed: -workers\n");
	node_wait_events(&node, "client2 stop", 1);
	node_wait_events(&node, "client3 stop", 1);
	node_wait_events(&node, "client4 stop", 1);
	wait_gone(node_event_pid(&node, "client2 stop"), FIXTURE_WAIT_MS);
	assert_int_equal(node_events(&node, "client1 stop"), 0);
	/* They do not come back by themselves, and do by order. */
	rewrite_file(&node, "[server]\nworkers = 2\n");
	assert_reload(&node, 0, "changed: -workers\n");
	node_wait_events(&node, "client2 ready", 2);
	assert_int_equal(node_events(&node, "client3 start"), 1);
	node_clean(&node);
}
