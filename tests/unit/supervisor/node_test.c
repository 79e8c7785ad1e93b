/*
 * node_test.c - the supervisor as a program: children are born, die, are born
 * again, and end with it.
 */
#include "common/clock.h"
#include "common/ipc/message.h"
#include "common/xmem.h"
#include "tests/lib/test.h"
#include "tests/unit/supervisor/node_fixture.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const children[] = { "raftd", "peer", "client1", "client2" };

/* A node that is ready, the second client worker too, and whose descriptors we may look at. */
static void
start_ready(struct node_fixture *node)
{
	node_make(node);
	NODE_START(node, "-log-level", "info", "-allow-core");
	node_wait(node, "ready in ");
	node_wait_events(node, "client1 ready", 1);
	node_wait_events(node, "client2 ready", 1);
}

static void
stop_orderly(struct node_fixture *node)
{
	kill(node->pid, SIGTERM);
	assert_int_equal(node_wait_end(node), 0);
	node_wait(node, "stopped, all data on disk");
}

static pid_t
child_pid(const struct node_fixture *node, const char *name)
{
	char *start = xasprintf("%s start", name);
	pid_t pid = node_event_pid(node, start);

	free(start);
	return pid;
}

TEST(a_node_starts_with_a_few_lines_and_stops_in_order)
{
	struct node_fixture node;

	node_make(&node);
	NODE_START(&node, "-log-level", "info");
	node_wait(&node, "/data (new), 5 processes\n");
	node_wait(&node, "etcd server [name m1, listen on 127.0.0.1:");
	node_wait(&node, "peer server [name m1, listen on 127.0.0.1:");
	node_wait(&node, "client http://127.0.0.1:");
	node_wait(&node, "leader of a new one-node cluster, term 1\n");
	node_wait(&node, " ms - try: curl http://127.0.0.1:");
	node_wait(&node, "/v2/keys/message -XPUT -d value=Hello\n");
	stop_orderly(&node);
	for (size_t i = 0; i < ARRAY_COUNT(children); i++)
		assert_true(process_gone(child_pid(&node, children[i])));
	/* Client workers, then raftd, then the peer worker. */
	assert_true(node_event_place(&node, "client1 stop:2") < node_event_place(&node,
	    "raftd stop:2"));
	assert_true(node_event_place(&node, "client2 stop:2") < node_event_place(&node,
	    "raftd stop:2"));
	assert_true(node_event_place(&node, "raftd stop:2") < node_event_place(&node,
	    "peer stop:2"));
	node_clean(&node);
}

TEST(a_killed_child_is_started_again_and_wired_anew)
{
	struct node_fixture node;

	start_ready(&node);
	node_wait_events(&node, "raftd attach:3:2", 1);
	for (size_t i = 0; i < ARRAY_COUNT(children); i++) {
		char *start = xasprintf("%s ready", children[i]);
		pid_t pid = child_pid(&node, children[i]);

		kill(pid, SIGKILL);
		node_wait_events(&node, start, 2);
		assert_true(child_pid(&node, children[i]) != pid);
		free(start);
	}
	/* raftd died first: its successor was wired with three workers, then with
	 * each of these again. */
	node_wait_events(&node, "raftd attach:3:1", 3);
	node_wait_events(&node, "raftd attach:3:2", 3);
	node_wait_events(&node, "raftd attach:4:0", 3);
	node_wait_events(&node, "client1 attach:2:0", 3);
	stop_orderly(&node);
	node_clean(&node);
}

TEST(all_children_killed_at_once_come_back)
{
	struct node_fixture node;
	pid_t pids[ARRAY_COUNT(children)];

	start_ready(&node);
	for (size_t i = 0; i < ARRAY_COUNT(children); i++)
		pids[i] = child_pid(&node, children[i]);
	for (size_t i = 0; i < ARRAY_COUNT(children); i++)
		kill(pids[i], SIGKILL);
	for (size_t i = 0; i < ARRAY_COUNT(children); i++) {
		char *start = xasprintf("%s ready", children[i]);

		node_wait_events(&node, start, 2);
		free(start);
	}
	node_wait(&node, "ready again");
	stop_orderly(&node);
	node_clean(&node);
}

/* Whoever says it, and whatever broke it: another channel, and nobody is started again. */
TEST(a_channel_that_breaks_is_made_anew_and_nobody_dies)
{
	static const struct {
		const char *who, *plan, *why, *process;
	} ends[] = {
		{ "client1", "lose_once:1", "it was closed", "client 1" },
		{ "client1", "lose_once:2", "what was sent was not taken", "client 1" },
		{ "client2", "lose_once:3", "what came was no frame", "client 2" },
		{ "client2", "lose_once:4", "what came was no message of the sender's",
		    "client 2" },
		{ "peer", "lose_once:5", "the socket failed", "peer" },
		/* Its first is the peer worker or a client worker. */
		{ "raftd", "lose_once:2", "what was sent was not taken", "" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
		char *line = xasprintf("channel between raftd and a worker broke, made anew: "
		    "process=%s", ends[i].process);
		char *why = xasprintf("why=%s breaks=1", ends[i].why);
		struct node_fixture node;

		node_make(&node);
		node_plan(&node, ends[i].who, ends[i].plan);
		NODE_START(&node, "-log-level", "info");
		node_wait(&node, line);
		node_wait(&node, why);
		node_wait_events(&node, "raftd attach:", 4);
		for (size_t k = 0; k < ARRAY_COUNT(children); k++) {
			char *ready = xasprintf("%s ready", children[k]);
			char *start = xasprintf("%s start", children[k]);

			node_wait_events(&node, ready, 1);
			assert_int_equal(node_events(&node, start), 1);
			free(ready);
			free(start);
		}
		stop_orderly(&node);
		node_clean(&node);
		free(line);
		free(why);
	}
}

TEST(a_worker_whose_channel_breaks_again_and_again_is_replaced_and_never_raftd)
{
	struct node_fixture node;

	node_make(&node);
	node_plan(&node, "client1", "lose:4");
	NODE_START(&node, "-log-level", "info");
	for (int i = 1; i <= 8; i++) {
		char *breaks = xasprintf("process=client 1 why=what came was no message of the "
		    "sender's breaks=%d", i);

		node_wait(&node, breaks);
		free(breaks);
	}
	node_plan(&node, "client1", NULL);
	node_wait(&node, "channel to raftd breaks again and again, killed: process=client 1");
	node_wait_events(&node, "client1 start", 2);
	node_wait_events(&node, "client1 ready", 2);
	assert_int_equal(node_events(&node, "raftd start"), 1);
	assert_int_equal(node_events(&node, "client2 start"), 1);
	assert_int_equal(node_events(&node, "client2 attach:2:0"), 1);
	stop_orderly(&node);
	node_clean(&node);
}

TEST(a_channel_that_broke_with_the_death_of_an_end_is_no_break)
{
	struct node_fixture node;

	start_ready(&node);
	/* The fakes say nothing by themselves; what they say of an old pair is too late. */
	kill(child_pid(&node, "raftd"), SIGKILL);
	node_wait_events(&node, "raftd start", 2);
	node_wait_events(&node, "client1 attach:2:0", 2);
	stop_orderly(&node);
	assert_null(memmem(node.output.data, node.output.size, "broke, made anew", 16));
	node_clean(&node);
}

TEST(a_child_that_gives_no_sign_of_life_is_aborted)
{
	struct node_fixture node;

	node_make(&node);
	node_plan(&node, "client1", "hang");
	NODE_START(&node, "-log-level", "info");
	node_wait_events(&node, "client1 ready", 1);
	node_plan(&node, "client1", NULL);
	node_wait(&node, "child gives no sign of life, aborted: process=client 1");
	node_wait_events(&node, "client1 ready", 2);
	assert_int_equal(node_events(&node, "client2 start"), 1);
	stop_orderly(&node);
	node_clean(&node);
}

TEST(a_child_that_dies_in_a_row_is_held_back_and_said_once)
{
	struct node_fixture node;

	node_make(&node);
	node_plan(&node, "client1", "exit:1");
	NODE_START(&node, "-log-level", "info");
	node_wait(&node, "starting it again: process=client 1 in_ms=0");
	node_wait(&node, "starting it again: process=client 1 in_ms=100");
	node_wait(&node, "starting it again: process=client 1 in_ms=200");
	node_wait(&node, "starting it again: process=client 1 in_ms=400");
	node_wait(&node, "restarting too fast: process=client 1 deaths=5");
	/* The others serve. */
	assert_int_equal(node_events(&node, "raftd start"), 1);
	node_plan(&node, "client1", NULL);
	node_wait_events(&node, "client1 ready", 1);
	stop_orderly(&node);
	node_clean(&node);
}

TEST(codes_2_to_5_end_the_node_with_that_code)
{
	for (int code = EXIT_USAGE; code <= EXIT_REMOVED; code++) {
		struct node_fixture node;
		char *plan = xasprintf("exit:%d", code);
		char *sentence = xasprintf("etcd: raftd ended with code %d", code);

		node_make(&node);
		node_plan(&node, "raftd", plan);
		NODE_START(&node, "-log-level", "info");
		assert_int_equal(node_wait_end(&node), code);
		node_wait(&node, sentence);
		assert_int_equal(node_events(&node, "raftd start"), 1);
		node_clean(&node);
		free(plan);
		free(sentence);
	}
}

TEST(a_worker_that_ends_with_code_6_is_only_started_again)
{
	struct node_fixture node;

	node_make(&node);
	node_plan(&node, "client2", "exit:6");
	NODE_START(&node, "-log-level", "info");
	node_wait(&node, "starting it again: process=client 2");
	node_plan(&node, "client2", NULL);
	node_wait_events(&node, "client2 ready", 1);
	stop_orderly(&node);
	node_clean(&node);
}

TEST(raftd_that_breaks_its_promises_three_times_before_ready_ends_the_node)
{
	struct node_fixture node;

	node_make(&node);
	node_plan(&node, "raftd", "exit:70");
	NODE_START(&node, "-log-level", "info");
	assert_int_equal(node_wait_end(&node), EXIT_INTERNAL);
	assert_int_equal(node_events(&node, "raftd start"), 3);
	node_clean(&node);
}

TEST(a_child_can_end_the_node_with_its_sentence)
{
	struct node_fixture node;
	uint64_t begin_ms;

	node_make(&node);
	node_plan(&node, "peer", "end_node:1");
	begin_ms = clock_now().monotonic_ms;
	NODE_START(&node, "-log-level", "info");
	assert_int_equal(node_wait_end(&node), EXIT_TROUBLE);
	node_wait(&node, "etcd: the fake child has had enough\n");
	assert_true(clock_now().monotonic_ms - begin_ms < 5000);
	node_clean(&node);
}

/* Security: a child may send what its role has in the table of messages. */
TEST(a_child_that_says_what_is_not_its_to_say_is_killed)
{
	static const struct {
		const char *child, *process;
		uint16_t type;
	} cases[] = {
		{ "client1", "client 1", MSG_hello },		/* a second one */
		{ "client1", "client 1", MSG_settings },
		{ "client1", "client 1", MSG_attach },
		{ "client1", "client 1", MSG_end_node },
		{ "client1", "client 1", MSG_node_state },
		{ "client1", "client 1", MSG_moved },
		{ "client1", "client 1", MSG_resolve },
		{ "client1", "client 1", MSG_write },		/* of a data channel */
		{ "client1", "client 1", 0x7777 },		/* of nobody */
		{ "peer", "peer", MSG_node_state },
		{ "peer", "peer", MSG_tls },
		{ "peer", "peer", MSG_end_node },		/* may, but not an empty one */
		{ "raftd", "raftd", MSG_resolve },
		{ "raftd", "raftd", MSG_outcome },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct node_fixture node;
		char *plan = xasprintf("say:%u", (unsigned)cases[i].type);
		char *said = xasprintf("child breaks the protocol, killed: process=%s",
		    cases[i].process);

		node_make(&node);
		node_plan(&node, cases[i].child, plan);
		NODE_START(&node, "-log-level", "info");
		node_wait(&node, said);
		node_wait(&node, message_name(cases[i].type));
		node_plan(&node, cases[i].child, NULL);
		node_wait(&node, "starting it again");
		stop_orderly(&node);
		node_clean(&node);
		free(plan);
		free(said);
	}
}

/* Security: what a worker says after it was exposed does not end the node. */
TEST(a_worker_that_was_ready_cannot_end_the_node_by_its_code)
{
	struct node_fixture node;

	node_make(&node);
	node_plan(&node, "client2", "ready_exit:3");
	NODE_START(&node, "-log-level", "info");
	node_wait(&node, "starting it again: process=client 2");
	node_plan(&node, "client2", NULL);
	node_wait_events(&node, "client2 ready", 2);
	stop_orderly(&node);
	node_clean(&node);
}

TEST(children_of_a_killed_supervisor_are_gone_within_a_second)
{
	struct node_fixture node;
	pid_t pids[ARRAY_COUNT(children)];

	start_ready(&node);
	for (size_t i = 0; i < ARRAY_COUNT(children); i++)
		pids[i] = child_pid(&node, children[i]);
	kill(node.pid, SIGKILL);
	assert_int_equal(node_wait_end(&node), -1);
	for (size_t i = 0; i < ARRAY_COUNT(children); i++)
		wait_gone(pids[i], 1000);
	/* And the same directory serves again. */
	NODE_START(&node, "-log-level", "info");
	node_wait(&node, "ready in ");
	stop_orderly(&node);
	node_clean(&node);
}

TEST(a_second_signal_stops_fast_what_does_not_stop_in_order)
{
	struct node_fixture node;

	node_make(&node);
	node_plan(&node, "client1", "deaf");
	NODE_START(&node, "-log-level", "info");
	node_wait(&node, "ready in ");
	kill(node.pid, SIGTERM);
	node_wait_events(&node, "client1 stop:2", 1);
	kill(node.pid, SIGTERM);
	assert_int_equal(node_wait_end(&node), 0);
	assert_int_equal(node_events(&node, "raftd stop:1"), 1);
	node_clean(&node);
}

/* The descriptors of a process, as "0 1 2 3 4 "; those above limit only counted. */
static void
assert_descriptors(pid_t pid, const char *listener)
{
	char *path = xasprintf("/proc/%ld/fd", (long)pid);
	DIR *directory = opendir(path);
	const struct dirent *entry;

	assert_non_null(directory);
	while ((entry = readdir(directory)) != NULL) {
		char *link_path = xasprintf("%s/%s", path, entry->d_name);
		char target[256];
		ssize_t size = readlink(link_path, target, sizeof(target) - 1);
		long fd = strtol(entry->d_name, NULL, 10);

		free(link_path);
		if (size <= 0)
			continue;
		target[size] = '\0';
		/* Left open by the supervisor's parent. */
		assert_string_not_equal(target, "/dev/zero");
		assert_null(strstr(target, "/lock"));
		if (fd == 0)
			assert_string_equal(target, "/dev/null");
		else
			assert_string_not_equal(target, "/dev/null");
		if (fd == 3 || (fd == 4 && listener != NULL))
			assert_int_equal(strncmp(target, "socket:", 7), 0);
		/* No listener of another role. */
		if (fd != 4 && listener != NULL)
			assert_string_not_equal(target, listener);
	}
	closedir(directory);
	free(path);
}

static size_t
descriptor_count(pid_t pid)
{
	char *path = xasprintf("/proc/%ld/fd", (long)pid);
	DIR *directory = opendir(path);
	size_t count = 0;

	assert_non_null(directory);
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	free(path);
	return count - 2;
}

static char *
descriptor_target(pid_t pid, int fd)
{
	char *path = xasprintf("/proc/%ld/fd/%d", (long)pid, fd);
	char target[256];
	ssize_t size = readlink(path, target, sizeof(target) - 1);

	assert_true(size > 0);
	target[size] = '\0';
	free(path);
	return xstrdup(target);
}

TEST(children_have_their_own_descriptors_and_no_others)
{
	struct node_fixture node;
	char *client, *peer, *client2;

	start_ready(&node);
	node_wait_events(&node, "client2 attach", 1);
	client = descriptor_target(child_pid(&node, "client1"), 4);
	client2 = descriptor_target(child_pid(&node, "client2"), 4);
	peer = descriptor_target(child_pid(&node, "peer"), 4);
	assert_string_equal(client, client2);
	assert_string_not_equal(client, peer);
	assert_descriptors(child_pid(&node, "raftd"), NULL);
	assert_descriptors(child_pid(&node, "client1"), peer);
	assert_descriptors(child_pid(&node, "client2"), peer);
	assert_descriptors(child_pid(&node, "peer"), client);
	free(client);
	free(client2);
	free(peer);
	stop_orderly(&node);
	node_clean(&node);
}

TEST(restarts_leave_no_descriptor_behind)
{
	struct node_fixture node;
	size_t before;

	start_ready(&node);
	before = descriptor_count(node.pid);
	for (size_t round = 2; round < 12; round++) {
		/* Beside the supervisor's own back-off: by the operator. */
		struct buf output = BUF_INIT;

		assert_int_equal(node_control(&node, "restart all", &output), 0);
		buf_free(&output);
		node_wait_events(&node, "raftd start", round);
	}
	/* The last drained worker is reaped at its own time. */
	for (size_t i = 0; i < 200 && descriptor_count(node.pid) != before; i++)
		usleep(5000);
	assert_int_equal(descriptor_count(node.pid), before);
	stop_orderly(&node);
	node_clean(&node);
}

TEST(a_locked_directory_is_refused_with_the_holder)
{
	struct node_fixture first, second;
	char *data, *sentence;

	start_ready(&first);
	node_make(&second);
	data = xasprintf("%s/data", first.directory);
	sentence = xasprintf("etcd: data directory %s is in use by process %ld since ", data,
	    (long)first.pid);
	NODE_START(&second, "-data-dir", data);
	assert_int_equal(node_wait_end(&second), EXIT_LOCKED);
	node_wait(&second, sentence);
	stop_orderly(&first);
	node_clean(&first);
	node_clean(&second);
	free(data);
	free(sentence);
}

TEST(a_port_in_use_is_told_with_its_holder)
{
	struct node_fixture first, second;
	char *address, *sentence;

	start_ready(&first);
	node_make(&second);
	address = node_port(&first, "client");
	sentence = xasprintf("etcd: cannot listen on %s (-addr): in use by pid %ld (etcd); "
	    "stop it or choose another -addr\n", address, (long)first.pid);
	NODE_START(&second, "-addr", address);
	assert_int_equal(node_wait_end(&second), EXIT_TROUBLE);
	node_wait(&second, sentence);
	assert_int_equal(node_events(&second, "raftd start"), 0);
	stop_orderly(&first);
	node_clean(&first);
	node_clean(&second);
	free(address);
	free(sentence);
}

TEST(the_data_directory_is_made_with_parents_and_tightened)
{
	struct node_fixture node;
	char *deep, *lock;
	struct stat status;

	node_make(&node);
	deep = xasprintf("%s/a/b/c", node.directory);
	lock = xasprintf("%s/lock", deep);
	NODE_START(&node, "-data-dir", deep);
	node_wait(&node, "ready in ");
	assert_int_equal(stat(deep, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_int_equal(stat(lock, &status), 0);
	stop_orderly(&node);
	assert_int_equal(chmod(deep, 0755), 0);
	NODE_START(&node, "-data-dir", deep);
	node_wait(&node, "ready in ");
	assert_int_equal(stat(deep, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	stop_orderly(&node);
	node_clean(&node);
	free(deep);
	free(lock);
}

TEST(data_of_another_etcd_is_refused)
{
	struct node_fixture node;
	char *member;

	node_make(&node);
	member = xasprintf("mkdir -p %s/data/member", node.directory);
	assert_int_equal(system(member), 0);
	NODE_START(&node, "-log-level", "info");
	assert_int_equal(node_wait_end(&node), EXIT_DATA);
	node_wait(&node, "/data holds data of another etcd (member); choose another -data-dir; ");
	node_clean(&node);
	free(member);
}

TEST(status_tells_ready_and_who_runs)
{
	struct buf output = BUF_INIT;
	struct node_fixture node;

	start_ready(&node);
	assert_int_equal(node_control(&node, "status", &output), 0);
	assert_non_null(strstr((const char *)output.data,
	    "m1: ready, leader, term 1, leader m1\n"));
	buf_clear(&output);
	assert_int_equal(node_control(&node, "status -json", &output), 0);
	assert_non_null(strstr((const char *)output.data,
	    "\"name\":\"client 2\",\"state\":\"running\""));
	buf_clear(&output);
	assert_int_equal(node_control(&node, "restart nobody", &output), 1);
	assert_non_null(strstr((const char *)output.data, "no process of that name"));
	buf_clear(&output);
	assert_int_equal(node_control(&node, "transfer", &output), 1);
	assert_non_null(strstr((const char *)output.data,
	    "there is no other voting member that could lead"));
	buf_clear(&output);
	assert_int_equal(node_control(&node, "stop", &output), 0);
	assert_int_equal(node_wait_end(&node), 0);
	buf_clear(&output);
	assert_int_equal(node_control(&node, "status", &output), 3);
	buf_free(&output);
	node_clean(&node);
}

TEST(a_client_worker_is_replaced_before_it_drains)
{
	struct buf output = BUF_INIT;
	struct node_fixture node;

	start_ready(&node);
	assert_int_equal(node_control(&node, "restart client 1", &output), 0);
	node_wait_events(&node, "client1 stop:3", 1);
	assert_int_equal(node_events(&node, "client1 handover:give"), 1);
	node_wait_events(&node, "client1 handover:take", 1);
	assert_int_equal(node_events(&node, "client1 ready"), 2);
	assert_int_equal(node_events(&node, "client2 start"), 1);
	assert_int_equal(node_events(&node, "raftd start"), 1);
	stop_orderly(&node);
	buf_free(&output);
	node_clean(&node);
}

TEST(a_long_data_directory_has_a_control_socket_too)
{
	struct buf output = BUF_INIT;
	struct node_fixture node;
	char deep[400];
	char *words;

	node_make(&node);
	snprintf(deep, sizeof(deep), "%s/%0100d/%0100d", node.directory, 1, 2);
	NODE_START(&node, "-data-dir", deep);
	node_wait(&node, "ready in ");
	words = xasprintf("-data-dir %s status", deep);
	assert_int_equal(node_control(&node, words, &output), 0);
	stop_orderly(&node);
	buf_free(&output);
	free(words);
	node_clean(&node);
}

TEST(the_name_of_the_directory_is_kept)
{
	struct node_fixture node;
	char *format;

	start_ready(&node);
	stop_orderly(&node);
	/* What raftd would have left. */
	format = xasprintf("echo 'moothall 2' > %s/data/FORMAT", node.directory);
	assert_int_equal(system(format), 0);
	NODE_START(&node, "-name", "m2");
	assert_int_equal(node_wait_end(&node), EXIT_USAGE);
	node_wait(&node, "etcd: -name: \"m2\", but ");
	node_wait(&node, "/data is of \"m1\"");
	NODE_START(&node, "-log-level", "info");
	node_wait(&node, "leader of a one-node cluster");
	stop_orderly(&node);
	free(format);
	node_clean(&node);
}

TEST(a_missing_program_is_told)
{
	struct node_fixture node;

	node_make(&node);
	NODE_START(&node, "-libexec-dir", "/nowhere");
	assert_int_equal(node_wait_end(&node), EXIT_USAGE);
	node_wait(&node, "etcd: cannot find raftd and httpd in /nowhere; give a -libexec-dir\n");
	node_wait(&node, "try 'etcd -help'\n");
	node_clean(&node);
}
