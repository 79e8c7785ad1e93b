/*
 * lease_ask.c - questions on leases of the v3 keys: a renewal, a look. The leader alone knows
 * how long a lease lives (raftd/replica/mvcc/lease.h), so members send them there.
 *
 *	idle --this node leads--> asked --quorum--> confirmed --applied--> answered
 *	idle --another leads--> forwarded --lease_told--> held --applied--> answered
 *	confirmed --it is settled--> held --its withdrawal applied--> idle
 *	asked --dropped--> idle;  confirmed --it took too long, or who leads changed--> idle
 *	forwarded --who leads changed, maybe lost--> idle
 *	any --deadline--> failed; one of a member is forgotten
 *
 * A renewal promises a client a time, which the next leader has to keep without knowing of it:
 * it gives each lease all of its TTL, and CONFIRMED_MS more. So a leader promises only what it
 * can say within CONFIRMED_MS of the question of the round that confirmed it: a quorum that
 * answered then has elected nobody before. Whether it leads is looked at in the same term in
 * which the round began. All questions of a turn share one round, and none has an entry of
 * the log.
 */
#include "raftd/node_priv.h"

#include "common/cause.h"
#include "common/xmem.h"
#include "raftd/replica/mvcc/mvcc.h"

#include <stdlib.h>

/* As in query.c. */
#define ASK_AGAIN_MS 10
#define FORWARD_RETRY_MS 500

enum lease_ask_place { IDLE, ASKED, CONFIRMED, FORWARDED, HELD };

struct lease_ask {
	struct hash_link link;
	TAILQ_ENTRY(lease_ask) by_age;	/* all of them, oldest first */
	TAILQ_ENTRY(lease_ask) by_place;
	uint64_t number;		/* unique in this node, and what members are told */
	uint64_t session, request_id;	/* session 0: of a member, */
	peer_id peer;			/* this one, */
	uint64_t peer_number;		/* by its number */
	uint8_t what;
	uint8_t place;
	uint64_t id;
	uint64_t revision;		/* when it came */
	uint64_t deadline_ms, leader_deadline_ms;
	uint64_t read_id;		/* ASKED: of raft_read */
	raft_term term;			/* ASKED, CONFIRMED: in which it was asked, */
	uint64_t asked_ms;		/* and when */
	raft_index index;		/* CONFIRMED, HELD: to be applied before it goes on */
	uint64_t retry_ms;		/* FORWARDED */
	bool told;			/* HELD: it is answered then, by this: */
	struct mvcc_lease_view view;
};

static struct slice
number_key(const uint64_t *number)
{
	return slice_of(number, sizeof(*number));
}

static bool
match(const struct hash_link *link, struct slice key)
{
	return slice_equal(number_key(&CONTAINER_OF(link, struct lease_ask, link)->number), key);
}

void
node_lease_asks_init(struct lease_asks *asks, uint64_t seed)
{
	hash_init(&asks->by_number, seed, match);
	TAILQ_INIT(&asks->all);
	for (size_t i = 0; i < ARRAY_COUNT(asks->places); i++)
		TAILQ_INIT(&asks->places[i]);
}

static void
forget(struct lease_asks *asks, struct lease_ask *ask)
{
	hash_remove(&asks->by_number, &ask->link);
	TAILQ_REMOVE(&asks->all, ask, by_age);
	TAILQ_REMOVE(&asks->places[ask->place], ask, by_place);
	asks->of_members -= ask->session == 0;
	free(ask);
}

void
node_lease_asks_free(struct lease_asks *asks)
{
	while (!TAILQ_EMPTY(&asks->all))
		forget(asks, TAILQ_FIRST(&asks->all));
	hash_free(&asks->by_number);
}

static void
move(struct lease_asks *asks, struct lease_ask *ask, enum lease_ask_place place)
{
	TAILQ_REMOVE(&asks->places[ask->place], ask, by_place);
	ask->place = (uint8_t)place;
	TAILQ_INSERT_TAIL(&asks->places[place], ask, by_place);
}

static struct lease_ask *
add(struct node *node, uint8_t what, uint64_t id)
{
	struct lease_asks *asks = &node->lease_asks;
	struct lease_ask *ask = xzalloc(sizeof(*ask));

	ask->number = ++asks->next_number;
	ask->what = what;
	ask->id = id;
	ask->revision = mvcc_revision(node->replica->mvcc);
	ask->deadline_ms = node->now.monotonic_ms + node->config.request_timeout_ms;
	ask->leader_deadline_ms = node->now.monotonic_ms + node_leader_wait_ms(node);
	hash_insert(&asks->by_number, &ask->link, number_key(&ask->number));
	TAILQ_INSERT_TAIL(&asks->all, ask, by_age);
	TAILQ_INSERT_TAIL(&asks->places[IDLE], ask, by_place);
	return ask;
}

void
node_v3_lease(struct node *node, uint64_t session, uint64_t request_id,
    const struct msg_v3_lease *m)
{
	struct lease_ask *ask = add(node, m->what, m->id);

	ask->session = session;
	ask->request_id = request_id;
}

void
node_lease_asks_session_gone(struct node *node, uint64_t session)
{
	struct lease_ask *ask, *next;

	for (ask = TAILQ_FIRST(&node->lease_asks.all); ask != NULL; ask = next) {
		next = TAILQ_NEXT(ask, by_age);
		if (ask->session == session)
			forget(&node->lease_asks, ask);
	}
}

/* ---- answers ------------------------------ */

/* False: they are too many. */
static bool
put_keys(const struct node *node, uint64_t id, struct buf *keys)
{
	const struct mvcc *mvcc = node->replica->mvcc;
	struct mvcc_lease_view view;

	buf_init(keys, V3_LEASE_KEYS_BYTES_MAX);
	if (!mvcc_lease_look(mvcc, id, 0, &view, NULL))
		return true;
	return view.key_count <= V3_LEASE_KEYS_MAX &&
	    mvcc_lease_look(mvcc, id, 0, &view, keys) && !keys->overflowed;
}

static void
answer_worker(struct node *node, const struct lease_ask *ask, const struct mvcc_lease_view *view)
{
	struct v3_lease_answer answer = { .revision = ask->revision, .found = view != NULL };
	struct buf keys = BUF_INIT, event = BUF_INIT;

	if (view != NULL) {
		answer.left_s = view->left_s;
		answer.granted_s = view->granted_s;
	}
	if (view != NULL && ask->what == V3_LEASE_LOOK_KEYS) {
		if (put_keys(node, ask->id, &keys))
			answer.keys = buf_slice(&keys);
		else
			answer = (struct v3_lease_answer){ .error = V3_TOO_MANY_KEYS };
	}
	blob_begin(&event);
	v3_lease_answer_put(&event, &answer);
	node_answer(node, (struct waiting_outcome){
	    .session = ask->session,
	    .request_id = ask->request_id,
	    .event = blob_end(&event, NULL),
	    .store_index = store_index(node->replica->store),
	    .raft_index = node->applied.index,
	    .raft_term = raft_current_term(node->raft),
	});
	buf_free(&keys);
	buf_free(&event);
}

/* view NULL: there is no such lease. */
static void
tell(struct node *node, struct lease_ask *ask, const struct mvcc_lease_view *view)
{
	struct msg_lease_told told = { .number = ask->peer_number,
		.index = node->applied.index, .found = view != NULL };

	if (ask->session != 0) {
		answer_worker(node, ask, view);
	} else {
		if (view != NULL) {
			told.left_s = view->left_s;
			told.granted_s = view->granted_s;
		}
		msg_lease_told_frame(node->io.peer_out(node->io.argument), ask->peer, &told);
	}
	forget(&node->lease_asks, ask);
}

/* False: first what it was settled to is to be withdrawn. */
static bool
renew(struct node *node, struct lease_ask *ask)
{
	struct mvcc_lease_view view = { 0 };

	switch (mvcc_lease_renew(node->replica->mvcc, ask->id, node_time_ns(node),
	    &view.granted_s)) {
	case MVCC_RENEWED:
		node->lease_asks.renewed++;
		view.left_s = view.granted_s;
		tell(node, ask, &view);
		return true;
	case MVCC_LEASE_SETTLED:
		return false;
	case MVCC_LEASE_GONE:
		break;
	}
	tell(node, ask, NULL);
	return true;
}

static bool
answer(struct node *node, struct lease_ask *ask)
{
	struct mvcc_lease_view view;

	if (ask->what == V3_LEASE_RENEW)
		return renew(node, ask);
	tell(node, ask, mvcc_lease_look(node->replica->mvcc, ask->id, node_time_ns(node), &view,
	    NULL) ? &view : NULL);
	return true;
}

/* ---- this node leads ------------------------------ */

void
node_lease_asks_ready(struct node *node, const struct raft_ready *ready)
{
	struct lease_asks *asks = &node->lease_asks;
	struct lease_ask_list *asked = &asks->places[ASKED];
	struct lease_ask *ask, *next;

	/* Both are in the order of their ids. */
	for (size_t i = 0; i < ready->read_count; i++)
		while ((ask = TAILQ_FIRST(asked)) != NULL && ask->read_id == ready->reads[i].id) {
			ask->index = ready->reads[i].index;
			move(asks, ask, CONFIRMED);
		}
	for (size_t i = 0; i < ready->dropped_count; i++)
		for (ask = TAILQ_FIRST(asked); ask != NULL; ask = next) {
			next = TAILQ_NEXT(ask, by_place);
			if (ask->read_id > ready->reads_dropped[i])
				break;
			if (ask->read_id < ready->reads_dropped[i])
				continue;
			move(asks, ask, IDLE);
			asks->ask_at_ms = node->now.monotonic_ms + ASK_AGAIN_MS;
		}
}

/* All that are idle, by one round. */
static void
ask_quorum(struct node *node)
{
	struct lease_asks *asks = &node->lease_asks;
	uint64_t read_id = ++node->queries.next_read_id;
	struct lease_ask *ask;

	while ((ask = TAILQ_FIRST(&asks->places[IDLE])) != NULL) {
		ask->read_id = read_id;
		ask->term = raft_current_term(node->raft);
		ask->asked_ms = node->now.monotonic_ms;
		move(asks, ask, ASKED);
	}
	raft_read(node->raft, read_id);
}

/* Does what confirmed it still hold, and long enough to promise something? */
static bool
may_answer(struct node *node, const struct lease_ask *ask)
{
	return ask->term == raft_current_term(node->raft) && node_leases_lead(node) &&
	    node->now.monotonic_ms - ask->asked_ms <= LEASE_CONFIRMED_MS;
}

static void
withdraw(struct node *node, struct lease_ask **settled, size_t count)
{
	struct lease_asks *asks = &node->lease_asks;
	uint64_t ids[V3_EXPIRE_LEASES_MAX];
	struct raft_position position;

	for (size_t i = 0; i < count; i++)
		ids[i] = settled[i]->id;
	node_leases_withdraw(node, ids, count, &position);
	/* Not taken while leadership is handed over. */
	if (position.index == 0)
		asks->ask_at_ms = node->now.monotonic_ms + ASK_AGAIN_MS;
	for (size_t i = 0; i < count; i++) {
		settled[i]->index = position.index;
		move(asks, settled[i], position.index == 0 ? IDLE : HELD);
	}
}

static void
answer_confirmed(struct node *node)
{
	struct lease_asks *asks = &node->lease_asks;
	struct lease_ask *settled[V3_EXPIRE_LEASES_MAX], *ask, *next;
	size_t count = 0;

	for (ask = TAILQ_FIRST(&asks->places[CONFIRMED]); ask != NULL; ask = next) {
		next = TAILQ_NEXT(ask, by_place);
		if (ask->index > node->applied.index)
			continue;
		if (!may_answer(node, ask))
			move(asks, ask, IDLE);
		else if (!answer(node, ask))
			settled[count++] = ask;
		if (count == ARRAY_COUNT(settled))
			break;
	}
	if (count > 0)
		withdraw(node, settled, count);
}

enum err
node_lease_asks_asked(struct node *node, peer_id from, const struct msg_lease_ask *m)
{
	struct lease_ask *ask;

	if (m->number == 0 || m->what < V3_LEASE_RENEW || m->what > V3_LEASE_LOOK_KEYS)
		return ERR_MALFORMED;
	/* It asks again. */
	if (raft_role(node->raft) != RAFT_LEADER ||
	    node->lease_asks.of_members >= LEASE_ASKS_OF_MEMBERS_MAX)
		return ERR_NONE;
	ask = add(node, m->what, m->id);
	ask->peer = from;
	ask->peer_number = m->number;
	node->lease_asks.of_members++;
	return ERR_NONE;
}

/* ---- another one leads ------------------------------ */

static void
forward(struct node *node, peer_id leader)
{
	struct lease_asks *asks = &node->lease_asks;
	struct lease_ask *ask;

	while ((ask = TAILQ_FIRST(&asks->places[IDLE])) != NULL) {
		if (ask->session == 0) {
			forget(asks, ask);
			continue;
		}
		msg_lease_ask_frame(node->io.peer_out(node->io.argument), leader,
		    &(struct msg_lease_ask){ .number = ask->number, .what = ask->what,
		    .id = ask->id });
		ask->retry_ms = node->now.monotonic_ms + FORWARD_RETRY_MS;
		move(asks, ask, FORWARDED);
	}
}

void
node_lease_asks_told(struct node *node, const struct msg_lease_told *m)
{
	struct lease_asks *asks = &node->lease_asks;
	struct hash_link *link = hash_find(&asks->by_number, number_key(&m->number));
	struct lease_ask *ask = CONTAINER_OF(link, struct lease_ask, link);

	/* It was answered, or given up. */
	if (link == NULL || ask->session == 0 || ask->told)
		return;
	ask->told = true;
	ask->view = (struct mvcc_lease_view){ .left_s = m->left_s, .granted_s = m->granted_s };
	/* Its keys are looked up here, and are no older than what the leader said. */
	ask->index = ask->what == V3_LEASE_LOOK_KEYS ? m->index : 0;
	if (m->found == 0)
		tell(node, ask, NULL);
	else
		move(asks, ask, HELD);
}

void
node_lease_asks_resend(struct node *node)
{
	struct lease_asks *asks = &node->lease_asks;
	struct lease_ask *ask;

	while ((ask = TAILQ_FIRST(&asks->places[FORWARDED])) != NULL)
		move(asks, ask, IDLE);
}

/* ---- the turn ------------------------------ */

static void
go_on_held(struct node *node)
{
	struct lease_asks *asks = &node->lease_asks;
	struct lease_ask *ask, *next;

	for (ask = TAILQ_FIRST(&asks->places[HELD]); ask != NULL; ask = next) {
		next = TAILQ_NEXT(ask, by_place);
		if (ask->index > node->applied.index)
			continue;
		if (ask->told)
			tell(node, ask, &ask->view);
		else
			move(asks, ask, IDLE);
	}
}

static void
fail_late(struct node *node)
{
	uint64_t now = node->now.monotonic_ms;
	bool leaderless = !node_has_leader(node);
	struct lease_ask *ask, *next;

	for (ask = TAILQ_FIRST(&node->lease_asks.all); ask != NULL; ask = next) {
		bool alone = leaderless && ask->place == IDLE && ask->leader_deadline_ms <= now;

		next = TAILQ_NEXT(ask, by_age);
		if (ask->deadline_ms > now && !leaderless)
			break;
		if (ask->deadline_ms > now && !alone)
			continue;
		if (ask->session != 0)
			node_answer_error(node, ask->session, ask->request_id,
			    ERR_RAFT_INTERNAL,
			    cause_text(alone ? CAUSE_LEADERLESS_READ : CAUSE_LATE_READ));
		forget(&node->lease_asks, ask);
	}
}

void
node_lease_asks_answer(struct node *node)
{
	/* Of a lease that ends right now, and of its keys, nobody sees a part. */
	if (mvcc_is_under_way(node->replica->mvcc))
		return;
	go_on_held(node);
	answer_confirmed(node);
}

void
node_lease_asks_turn(struct node *node)
{
	struct lease_asks *asks = &node->lease_asks;
	raft_term term = raft_current_term(node->raft);
	peer_id leader = raft_leader(node->raft);
	struct lease_ask *ask;

	if (term != asks->term || leader != asks->leader)
		node_lease_asks_resend(node);
	asks->term = term;
	asks->leader = leader;
	while ((ask = TAILQ_FIRST(&asks->places[FORWARDED])) != NULL &&
	    ask->retry_ms <= node->now.monotonic_ms)
		move(asks, ask, IDLE);
	node_lease_asks_answer(node);
	if (!TAILQ_EMPTY(&asks->places[IDLE]) && node_has_leader(node) &&
	    asks->ask_at_ms <= node->now.monotonic_ms) {
		if (leader == node->id)
			ask_quorum(node);
		else
			forward(node, leader);
	}
	fail_late(node);
}

uint64_t
node_lease_asks_deadline(const struct node *node)
{
	const struct lease_asks *asks = &node->lease_asks;
	const struct lease_ask *ask = TAILQ_FIRST(&asks->all);
	uint64_t due = ask == NULL ? UINT64_MAX : ask->deadline_ms;

	ask = TAILQ_FIRST(&asks->places[FORWARDED]);
	if (ask != NULL)
		due = MIN_OF(due, ask->retry_ms);
	if (!TAILQ_EMPTY(&asks->places[IDLE]) && node_has_leader(node))
		return MIN_OF(due, MAX_OF(asks->ask_at_ms, node->now.monotonic_ms));
	TAILQ_FOREACH(ask, &asks->places[IDLE], by_place)
		due = MIN_OF(due, ask->leader_deadline_ms);
	return due;
}
