/*
 * raft_scenario.c - stories of small Raft clusters, told as transcripts.
 *
 * A story is a file of raft/: a line "> command" is executed, and the lines
 * behind it up to the next empty line are what must come of it, to the letter.
 * "#" begins a comment. On a difference the whole transcript is printed as it
 * would have to read.
 *
 *	new VOTERS LEARNERS	a cluster whose members are there already
 *	bootstrap NODES		node 1 starts a cluster, the others are blank
 *	timeout ID		time passes at ID until it stands for election
 *	wait TICKS		time passes everywhere, messages are carried unseen
 *	deliver			messages are carried until there are none, each shown
 *	propose ID TEXT		member ID add|promote|remove PEER
 *	read ID NUMBER		transfer ID TO
 *	isolate ID		heal
 *	slow ID			its disk syncs only when told: sync ID
 *	crash ID		start ID
 *	state			every node in one line
 */
#include "tests/unit/raftd/raft/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

#define LINE_BYTES_MAX 256

struct story {
	struct net *net;
	struct buf *out;
	enum raft_role roles[NODES_MAX + 1];
};

static void say(struct story *story, const char *format, ...) PRINTF_LIKE(2, 3);

static void
say(struct story *story, const char *format, ...)
{
	char line[LINE_BYTES_MAX];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	buf_append_slice(story->out, slice_text(line));
	buf_append_slice(story->out, SLICE_LITERAL("\n"));
}

static const char *
role_name(enum raft_role role)
{
	switch (role) {
	case RAFT_FOLLOWER:
		return "follower";
	case RAFT_PRE_CANDIDATE:
		return "pre-candidate";
	case RAFT_CANDIDATE:
		return "candidate";
	case RAFT_LEADER:
		return "leader";
	}
	return "?";
}

static const char *
message_name(enum raft_message_type type)
{
	static const char *const names[RAFT_MESSAGE_TYPES] = { "?", "vote", "vote-reply",
		"append", "append-reply", "heartbeat", "heartbeat-reply", "read-index",
		"read-index-reply", "timeout-now" };

	return names[type];
}

static void
show_message(struct story *story, const struct raft_message *message, const char *fate)
{
	char entries[LINE_BYTES_MAX] = "";

	for (size_t i = 0; i < message->entry_count; i++) {
		size_t used = strlen(entries);

		(void)snprintf(entries + used, sizeof(entries) - used, " %s%d/%d",
		    i == 0 ? "entries " : "", (int)message->entries[i].index,
		    (int)message->entries[i].term);
	}
	say(story, "%d->%d %s%s%s term %d log %d/%d commit %d%s%s", (int)message->from,
	    (int)message->to, message->pre ? "pre-" : "", message_name(message->type),
	    message->reject ? " rejected" : "", (int)message->term, (int)message->log.index,
	    (int)message->log.term, (int)message->commit, entries, fate);
}

static const char *
entry_name(const struct raft_entry *entry)
{
	switch (entry->type) {
	case RAFT_ENTRY_NOOP:
		return "noop";
	case RAFT_ENTRY_COMMAND:
		return "command";
	case RAFT_ENTRY_CONF:
		return "members";
	}
	return "?";
}

/* What became of a command or message at each node. */
static void
show_news(struct story *story)
{
	for (peer_id id = 1; id <= story->net->count; id++) {
		struct core *core = story->net->cores[id];

		if (core->up && raft_role(core->raft) != story->roles[id]) {
			story->roles[id] = raft_role(core->raft);
			say(story, "%d is %s of term %d", (int)id, role_name(story->roles[id]),
			    (int)raft_current_term(core->raft));
		}
		for (size_t i = 0; i < core->done_count; i++) {
			struct slice payload = blob_slice(core->done[i].payload);

			say(story, "%d applies %d %s%s%.*s", (int)id, (int)core->done[i].index,
			    entry_name(&core->done[i]), payload.size > 0 ? " " : "",
			    SLICE_ARGS(payload));
			blob_unref(&core->done[i].payload);
		}
		core->done_count = 0;
		for (size_t i = 0; i < core->read_count; i++)
			say(story, "%d may read %d at %d", (int)id, (int)core->reads[i].id,
			    (int)core->reads[i].index);
		for (size_t i = 0; i < core->dropped_count; i++)
			say(story, "%d drops read %d", (int)id, (int)core->dropped[i]);
		core->read_count = 0;
		core->dropped_count = 0;
	}
}

static void
do_deliver(struct story *story)
{
	struct net *net = story->net;

	for (peer_id id = 1; id <= net->count; id++)
		net_collect(net, net->cores[id]);
	while (net->queue_count > 0) {
		struct raft_message message = net->queue[0];
		struct core *core = net->cores[message.to];
		bool lost = !core->up || net->cut[message.from][message.to];

		net->queue_count--;
		memmove(net->queue, net->queue + 1, net->queue_count * sizeof(message));
		show_message(story, &message, lost ? " (lost)" : "");
		if (!lost)
			core_step_with(core, message);
		message_free(&message);
		show_news(story);
		net_collect(net, core);
	}
}

static void
do_state(struct story *story)
{
	for (peer_id id = 1; id <= story->net->count; id++) {
		struct core *core = story->net->cores[id];
		struct raft_position last;

		if (!core->up) {
			say(story, "%d is down", (int)id);
			continue;
		}
		last = raft_last(core->raft);
		say(story, "%d %s term %d leader %d commit %d last %d/%d voters %zu learners %zu",
		    (int)id, role_name(raft_role(core->raft)),
		    (int)raft_current_term(core->raft), (int)raft_leader(core->raft),
		    (int)raft_commit(core->raft), (int)last.index, (int)last.term,
		    raft_conf(core->raft)->voter_count, raft_conf(core->raft)->learner_count);
	}
}

static void
do_propose(struct story *story, struct core *core, const char *text)
{
	struct blob *payload = blob_new(slice_text(text));
	struct raft_position position;
	enum err err = raft_propose(core->raft, payload, &position);

	blob_unref(&payload);
	if (err != ERR_NONE)
		say(story, "%s", err_text(err));
	else
		core_turn(core);
}

static void
do_member(struct story *story, struct core *core, const char *verb, peer_id peer)
{
	enum raft_conf_op op = strcmp(verb, "add") == 0 ? RAFT_CONF_ADD_LEARNER :
	    strcmp(verb, "promote") == 0 ? RAFT_CONF_PROMOTE : RAFT_CONF_REMOVE;
	enum err err = core_propose_conf(core, op, peer);

	if (err != ERR_NONE)
		say(story, "%s", err_text(err));
}

static void
do_transfer(struct story *story, struct core *core, peer_id to)
{
	enum err err = raft_transfer(core->raft, to);

	if (err != ERR_NONE)
		say(story, "%s", err_text(err));
	else
		core_turn(core);
}

static void
execute_at(struct story *story, struct core *core, const char *verb, const char *word,
    peer_id peer)
{
	if (strcmp(verb, "timeout") == 0) {
		while (raft_role(core->raft) == RAFT_FOLLOWER)
			core_wait(core, 1);
	} else if (strcmp(verb, "propose") == 0) {
		do_propose(story, core, word);
	} else if (strcmp(verb, "member") == 0) {
		do_member(story, core, word, peer);
	} else if (strcmp(verb, "read") == 0) {
		raft_read(core->raft, strtoull(word, NULL, 10));
		core_turn(core);
	} else if (strcmp(verb, "transfer") == 0) {
		do_transfer(story, core, strtoull(word, NULL, 10));
	} else if (strcmp(verb, "isolate") == 0) {
		net_isolate(story->net, core->config.id);
	} else if (strcmp(verb, "slow") == 0) {
		core->slow_disk = true;
	} else if (strcmp(verb, "sync") == 0) {
		if (!core_sync(core))
			say(story, "nothing to sync");
	} else if (strcmp(verb, "crash") == 0) {
		core_crash(core);
		story->roles[core->config.id] = RAFT_FOLLOWER;
	} else if (strcmp(verb, "start") == 0) {
		core_start(core);
	} else {
		fail_msg("unknown command: %s", verb);
	}
}

static void
execute(struct story *story, const char *line)
{
	char verb[32] = "", word[64] = "";
	unsigned long long number = 0, peer = 0;

	(void)sscanf(line, "> %31s %llu %63s %llu", verb, &number, word, &peer);
	if (strcmp(verb, "new") == 0) {
		story->net = net_new((size_t)number, (size_t)strtoull(word, NULL, 10));
	} else if (strcmp(verb, "bootstrap") == 0) {
		story->net = net_bootstrap((size_t)number);
	} else if (story->net == NULL) {
		fail_msg("no cluster yet: %s", line);
	} else if (strcmp(verb, "wait") == 0) {
		net_wait(story->net, number);
	} else if (strcmp(verb, "deliver") == 0) {
		do_deliver(story);
	} else if (strcmp(verb, "heal") == 0) {
		net_heal(story->net);
	} else if (strcmp(verb, "state") == 0) {
		do_state(story);
	} else {
		assert_in_range(number, 1, story->net->count);
		execute_at(story, story->net->cores[number], verb, word, peer);
	}
	show_news(story);
}

static void
run_story(const char *name)
{
	const char *source = getenv("MOOTHALL_SOURCE");
	char path[4096], line[LINE_BYTES_MAX];
	struct buf expected = { 0 }, out = { 0 };
	struct story story = { .out = &out };
	bool of_output = false;
	FILE *file;

	for (size_t i = 0; i <= NODES_MAX; i++)
		story.roles[i] = RAFT_FOLLOWER;
	(void)snprintf(path, sizeof(path), "%s/tests/scenario/raft/%s.txt",
	    source == NULL ? "." : source, name);
	file = fopen(path, "r");
	if (file == NULL)
		fail_msg("cannot read %s", path);
	while (fgets(line, sizeof(line), file) != NULL) {
		buf_append_slice(&expected, slice_text(line));
		if (line[0] == '>') {
			buf_append_slice(&out, slice_text(line));
			execute(&story, line);
			of_output = true;
		} else if (line[0] == '#' || line[0] == '\n') {
			buf_append_slice(&out, slice_text(line));
			of_output = false;
		} else if (!of_output) {
			fail_msg("%s: a result without a command: %s", path, line);
		}
	}
	(void)fclose(file);
	net_free(&story.net);
	if (!slice_equal(buf_slice(&out), buf_slice(&expected))) {
		(void)fwrite(out.data, 1, out.size, stdout);
		fail_msg("%s reads differently, see above", path);
	}
	buf_free(&out);
	buf_free(&expected);
}

#define STORY(name) \
	TEST(story_of_##name) \
	{ \
		run_story(#name); \
	}

STORY(election)
STORY(replication)
STORY(deposed_leader)
STORY(slow_disk)
STORY(joining)
STORY(leaving)
STORY(reading)
