/*
 * table_test.c - every message of the table at raftd's end of a worker's channel, as it should
 * be and not: who is heard, and what becomes of who is not.
 */
#include "tests/unit/raftd/session/fixture.h"

#include "tests/lib/samples.h"

#include <stdio.h>

#define TOKEN 1234
#define SESSION 5

static const uint16_t of_clients[] = { MSG_write, MSG_read, MSG_read_more, MSG_read_stop,
	MSG_watch, MSG_unwatch, MSG_watch_more, MSG_watch_taken, MSG_stats_ask,
	MSG_place_change, MSG_config_change, MSG_backup_ask, MSG_backup_stop,
	MSG_v3_write, MSG_v3_compact, MSG_v3_grant, MSG_v3_revoke, MSG_v3_read,
	MSG_v3_watch, MSG_v3_unwatch, MSG_v3_watch_more, MSG_v3_watch_drop, MSG_v3_progress_ask,
	MSG_v3_lease, MSG_v3_state, MSG_v3_alarm, MSG_v3_tokens_used, MSG_v3_tokens_kept };
static const uint16_t of_the_peer[] = { MSG_member_change, MSG_config_change, MSG_joined,
	MSG_standby, MSG_join_removed, MSG_create_cluster, MSG_begin_cluster, MSG_foreign_call,
	MSG_other_cluster,
	MSG_peer_unreachable, MSG_peer_connected, MSG_backup_ask, MSG_backup_stop };

struct worker_end {
	struct world *w;
	int fd;
	int role;
	uint32_t number;
	int why;			/* CHANNEL_END_* that the supervisor is told; 0: nothing */
};

static void
lost(void *argument, uint64_t token, int why)
{
	struct worker_end *end = argument;

	assert_int_equal(token, TOKEN);
	end->why = why;
}

static void
end_open(struct worker_end *end, int role)
{
	*end = (struct worker_end){ .w = world_new(), .role = role,
		.number = role == ROLE_PEER ? 0 : 1 };
	sessions_on_lost(end->w->sessions, lost, end);
	end->fd = attach(end->w, role, end->number);
}

static void
end_close(struct worker_end *end)
{
	close(end->fd);
	world_free(end->w);
}

static bool
is_taken(int role, uint16_t type)
{
	return role == ROLE_PEER ? sample_is_of(type, of_the_peer, ARRAY_COUNT(of_the_peer)) :
	    sample_is_of(type, of_clients, ARRAY_COUNT(of_clients));
}

static void
expect_broken(struct worker_end *end, const char *what)
{
	assert_said("session: worker sent what it must not: worker=%s-%u what=%s\n",
	    end->role == ROLE_PEER ? "peer" : "client", end->number, what);
	assert_int_equal(sessions_count(end->w->sessions), 0);
	assert_int_equal(end->why, CHANNEL_END_RULES);
}

static void
send_sample(struct worker_end *end, uint16_t type, enum sample sample)
{
	struct buf out = BUF_INIT;

	sample_put(&out, type, sample, 7);
	said_begin();
	say(end->fd, &out);
	run(end->w);
	buf_free(&out);
}

static void
send_greeted(int role, uint16_t type, enum sample sample)
{
	struct worker_end end;

	end_open(&end, role);
	greet(end.w, end.fd, role, end.number, TOKEN, SESSION);
	send_sample(&end, type, sample);
	if (role == ROLE_PEER && message_is_peer(type)) {
		/* Of another node, whatever it is: it ends nothing here. */
		assert_int_equal(sessions_count(end.w->sessions), 1);
		if (sample != SAMPLE_GOOD || message_senders(type) == 0)
			assert_said("session: bad message of a node type=%s "
			    "from=0000000000000007\n", message_name(type));
	} else if (is_taken(role, type) && sample == SAMPLE_GOOD) {
		assert_said("%s", "");
		assert_int_equal(sessions_count(end.w->sessions), 1);
		assert_int_equal(end.why, 0);
	} else {
		expect_broken(&end, message_name(type));
	}
	end_close(&end);
}

TEST(each_worker_is_heard_with_what_is_its_to_say_and_no_more)
{
	static const int roles[] = { ROLE_CLIENT, ROLE_PEER };
	uint16_t type;

	for (size_t role = 0; role < ARRAY_COUNT(roles); role++)
		for (size_t i = 0; sample_type(i, &type); i++)
			for (enum sample sample = 0; sample < SAMPLES; sample++)
				send_greeted(roles[role], type, sample);
}

TEST(nothing_is_heard_before_the_hello)
{
	uint16_t type;

	for (size_t i = 0; sample_type(i, &type); i++) {
		struct worker_end end;

		end_open(&end, ROLE_CLIENT);
		send_sample(&end, type, SAMPLE_GOOD);
		expect_broken(&end, "no hello");
		end_close(&end);
	}
}

TEST(a_hello_is_of_the_worker_that_is_expected_or_none)
{
	static const struct {
		const char *text;
		int why;
	} of[HELLO_FLAWS] = {
		[HELLO_GOOD] = { "", 0 },
		[HELLO_CUT] = { "session: worker sent what it must not: worker=client-1 "
		    "what=no hello\n", CHANNEL_END_RULES },
		[HELLO_LONG] = { "session: worker sent what it must not: worker=client-1 "
		    "what=no hello\n", CHANNEL_END_RULES },
		[HELLO_MAGIC] = { "session: worker sent what it must not: worker=client-1 "
		    "what=no hello\n", CHANNEL_END_RULES },
		[HELLO_PROTOCOL] = { "session: worker speaks protocol 9, this is 8\n", 0 },
		[HELLO_ROLE] = { "session: worker sent what it must not: worker=client-1 "
		    "what=hello of another\n", CHANNEL_END_RULES },
		[HELLO_NUMBER] = { "session: worker sent what it must not: worker=client-1 "
		    "what=hello of another\n", CHANNEL_END_RULES },
		[HELLO_TOKEN] = { "session: worker sent what it must not: worker=client-1 "
		    "what=hello of another\n", CHANNEL_END_RULES },
		[HELLO_SESSION] = { "session: worker sent what it must not: worker=client-1 "
		    "what=hello of another\n", CHANNEL_END_RULES },
		[HELLO_PROTOCOL_AND_ROLE] = { "session: worker speaks protocol 9, this is 8\n", 0 },
	};

	for (enum hello_flaw flaw = 0; flaw < HELLO_FLAWS; flaw++) {
		struct worker_end end;
		struct buf out = BUF_INIT;

		end_open(&end, ROLE_CLIENT);
		sample_hello(&out, flaw, &(struct msg_hello){ .role = ROLE_CLIENT, .number = 1,
		    .token = TOKEN, .session = SESSION });
		said_begin();
		say(end.fd, &out);
		run(end.w);
		assert_string_equal(said(), of[flaw].text);
		assert_int_equal(end.why, of[flaw].why);
		assert_int_equal(sessions_count(end.w->sessions), flaw == HELLO_GOOD ? 1 : 0);
		buf_free(&out);
		end_close(&end);
	}
}
