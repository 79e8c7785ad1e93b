/*
 * fake_child.c - stands in for raftd and httpd in the supervisor's tests.
 *
 * The directory FAKE_DIR tells each one what to do and hears what happened:
 *	FAKE_DIR/plan.NAME	one word, read at each start; NAME is raftd, peer,
 *				client1, ...; without it: serve until told to stop
 *	    exit:N		end before READY with code N
 *	    ready_exit:N	end right after READY with code N
 *	    end_node:N		tell the supervisor to end the node with code N
 *	    deaf		do not stop when told to
 *	    hang		do nothing any more, once it is ready
 *	    say:N		send an empty message of type N, then serve
 *	    lose:N		say of each channel that it ended, by why N
 *	    lose_once:N		the same of the first
 *	FAKE_DIR/events		a line for each start, attach, handover, rotation,
 *				stop and change of settings, which tells the idle
 *				time-out
 */
#include "common/child.h"
#include "common/diag.h"
#include "common/ipc/frame.h"
#include "common/ipc/wire.h"
#include "common/title.h"
#include "common/xmem.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fake {
	struct loop *loop;
	struct child *child;
	int role;
	uint32_t number;
	char name[32];
	char plan[64];
	bool lost;
};

static void
tell(const struct fake *fake, const char *what)
{
	char *path = xasprintf("%s/events", getenv("FAKE_DIR"));
	char *line = xasprintf("%s %s %ld\n", fake->name, what, (long)getpid());
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	if (fd == -1 || write(fd, line, strlen(line)) == -1)
		_exit(EXIT_USAGE);
	close(fd);
	free(path);
	free(line);
}

static void
read_plan(struct fake *fake)
{
	char *path = xasprintf("%s/plan.%s", getenv("FAKE_DIR"), fake->name);
	FILE *file = fopen(path, "re");

	if (file != NULL) {
		if (fscanf(file, "%63s", fake->plan) != 1)
			fake->plan[0] = '\0';
		fclose(file);
	}
	free(path);
}

/* The number behind "word:" of the plan; -1 if the plan is another. */
static int
planned(const struct fake *fake, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(fake->plan, word, length) != 0 || fake->plan[length] != ':')
		return -1;
	return atoi(fake->plan + length + 1);
}

/* As a one-node cluster that leads itself. */
static void
tell_node_state(struct fake *fake, const struct config *config)
{
	struct buf members = BUF_INIT;

	member_record_put(&members, &(struct member_record){ .id = 7, .role = MEMBER_VOTER,
	    .name = slice_text(config->name), .peer_url = slice_text(config->peer_url),
	    .client_url = slice_text(config->client_url), .joined = 1 });
	msg_node_state_frame(child_out(fake->child), 0, &(struct msg_node_state){
	    .phase = PHASE_MEMBER, .node_id = 7, .cluster_id = 8, .term = 1, .commit = 2,
	    .applied = 2, .store_index = 1, .role = NODE_ROLE_LEADER, .leader_id = 7,
	    .members = buf_slice(&members) });
	buf_free(&members);
}

static void
hang(void *argument UNUSED)
{
	for (;;)
		pause();
}

static void
configured(void *argument, const struct config *config)
{
	struct fake *fake = argument;

	if (planned(fake, "exit") >= 0)
		_exit(planned(fake, "exit"));
	if (planned(fake, "end_node") >= 0) {
		child_end_node(fake->child, (enum exit_code)planned(fake, "end_node"),
		    "the fake child has had enough");
		return;
	}
	if (planned(fake, "say") >= 0)
		frame_append(child_out(fake->child), (uint16_t)planned(fake, "say"), 0, 0,
		    SLICE_EMPTY);
	child_ready(fake->child, "fake");
	if (fake->role == ROLE_RAFTD)
		tell_node_state(fake, config);
	if (planned(fake, "ready_exit") >= 0)
		loop_stop(fake->loop, planned(fake, "ready_exit"));
	title_set("etcd: fake %s", fake->name);
	tell(fake, "ready");
	/* In the next turn, when all that was said has left. */
	if (strcmp(fake->plan, "hang") == 0)
		loop_timer_set(loop_timer_new(fake->loop, hang, fake), 1);
}

static void
reconfigured(void *argument, const struct config *config)
{
	char *what = xasprintf("settings:%llu", (unsigned long long)config->idle_timeout);

	tell(argument, what);
	free(what);
}

static void
attached(void *argument, int role, uint32_t number, uint64_t token, int fd)
{
	struct fake *fake = argument;
	char *what = xasprintf("attach:%d:%u", role, (unsigned)number);
	int why = planned(fake, "lose");

	if (!fake->lost && why == -1)
		why = planned(fake, "lose_once");
	fake->lost = true;
	tell(fake, what);
	free(what);
	if (why != -1)
		msg_channel_lost_frame(child_out(fake->child), 0,
		    &(struct msg_channel_lost){ .token = token, .why = (uint8_t)why });
	/* Kept open: tests look at the descriptors. */
	if (fd == -1)
		_exit(EXIT_USAGE);
}

static void
handover(void *argument, bool give, uint64_t token UNUSED, int fd)
{
	tell(argument, give ? "handover:give" : "handover:take");
	close(fd);
}

static void
rotation(void *argument, bool out)
{
	tell(argument, out ? "rotation:out" : "rotation:in");
}

static void
stop(void *argument, int how)
{
	struct fake *fake = argument;
	char *what = xasprintf("stop:%d", how);

	tell(fake, what);
	free(what);
	if (strcmp(fake->plan, "deaf") != 0)
		loop_stop(fake->loop, EXIT_STOPPED);
}

static void
move_leader(void *argument, struct slice to UNUSED)
{
	struct fake *fake = argument;

	msg_moved_frame(child_out(fake->child), 0, &(struct msg_moved){ .done = 1 });
}

static void
alive(void *argument UNUSED, struct msg_alive *message)
{
	message->connections = 3;
}

static void
read_arguments(struct fake *fake, int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');

	fake->role = strcmp(slash == NULL ? argv[0] : slash + 1, "raftd") == 0 ? ROLE_RAFTD :
	    ROLE_CLIENT;
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--role") == 0 && strcmp(argv[i + 1], "peer") == 0)
			fake->role = ROLE_PEER;
		if (strcmp(argv[i], "--number") == 0)
			fake->number = (uint32_t)strtoul(argv[i + 1], NULL, 10);
	}
	if (fake->role == ROLE_CLIENT)
		snprintf(fake->name, sizeof(fake->name), "client%u", (unsigned)fake->number);
	else
		snprintf(fake->name, sizeof(fake->name), "%s",
		    fake->role == ROLE_RAFTD ? "raftd" : "peer");
}

int
main(int argc, char **argv)
{
	struct fake fake = { 0 };
	int code;

	title_start(argc, argv);
	read_arguments(&fake, argc, argv);
	diag_start("fake");
	read_plan(&fake);
	tell(&fake, "start");
	fake.loop = loop_new();
	fake.child = child_new(fake.loop, CHILD_CONTROL_FD, fake.role, fake.number,
	    (struct child_owner){ .configured = configured, .reconfigured = reconfigured,
	    .attached = attached, .stop = stop,
		.move_leader = fake.role == ROLE_RAFTD ? move_leader : NULL, .alive = alive,
		.handover = fake.role == ROLE_CLIENT ? handover : NULL,
		.rotation = fake.role == ROLE_CLIENT ? rotation : NULL,
		.argument = &fake });
	code = loop_run(fake.loop, EXIT_STOPPED);
	child_free(&fake.child);
	loop_free(&fake.loop);
	return code;
}
