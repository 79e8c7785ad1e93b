/*
 * sim_v3.c - see sim_v3.h.
 *
 * Clients are not known to a worker here: a command goes straight into a node, of a session that
 * all machines share, and comes again at another one while it may be under way. Nobody waits
 * for an answer; what counts is what the log makes of it.
 *
 * A lease must not end before the time that a renewal has promised. It is renewed in two ways:
 * right in a leader that no other has followed yet, as a quorum would confirm it; and by a
 * question to any machine, whose answer counts from when it was given by a leader, and from when
 * it was asked for by another one.
 */
#include "tests/sim/sim_v3.h"

#include "common/clock.h"
#include "common/ipc/wire.h"
#include "common/xmem.h"
#include "raftd/node_priv.h"
#include "raftd/replica/mvcc/key.h"
#include "raftd/replica/mvcc/mvcc.h"
#include "tests/sim/sim_check.h"
#include "tests/sim/sim_course.h"
#include "tests/unit/raftd/replica/mvcc/v3_model.h"

#include <inttypes.h>
#include <stdlib.h>

/* One seed of so many, in per mille. */
#define SEEDS 300
#define STREAM UINT64_C(0x7633)
#define KEPT 16			/* commands that may come again */
#define LEASES 6
#define ALARM_MEMBERS 2		/* that clients name */
/* As two leaders' times may be apart (raftd/leases.c). */
#define SLACK_NS (50 * NS_PER_MS)
/* Request ids of questions begin here; so many are known. */
#define ASK_ID (UINT64_C(1) << 63)
#define ASKS_KEPT 64

/* A renewal that was asked for. */
struct sim_renewal {
	uint64_t request_id;
	uint64_t lease;
	uint64_t asked_ns;		/* cluster time, at most */
	uint64_t grants;		/* of the lease, until then */
};

struct sim_v3 {
	struct v3_model model;
	uint64_t sequence;
	struct blob *kept[KEPT];	/* of sequence s at s % KEPT */
	uint64_t promised_ns[LEASES];	/* until then a lease lives, its leader has said; of others,
					 * which senseless workers grant, nobody does */
	uint64_t asks;
	struct sim_renewal asked[ASKS_KEPT]; /* ask n at n % ASKS_KEPT */
	uint64_t grants[LEASES];	/* of each: a promise is of one */
	struct command_v3_alarm alarms[V3_ALARMS_MAX]; /* that stand, in no order */
	size_t alarm_count;
};

void
v3_profile(const struct world *world, struct sim_profile *profile)
{
	struct rand rand;

	rand_seed(&rand, world->seed ^ STREAM);
	if (!rand_chance(&rand, SEEDS))
		return;
	profile->v3_ms = 10 + rand_below(&rand, 200);
	/* So little that it is passed, and compaction takes it back. */
	if (rand_chance(&rand, 300))
		profile->v3_quota_bytes = 20000 + rand_below(&rand, 10000);
	if (rand_chance(&rand, 300))
		profile->v3_compact_ms = 1000 + rand_below(&rand, 10000);
}

struct sim_v3 *
v3_new(void)
{
	struct sim_v3 *v3 = xzalloc(sizeof(*v3));

	v3_model_init(&v3->model);
	return v3;
}

void
v3_free(struct sim_v3 **freed)
{
	struct sim_v3 *v3 = *freed;

	if (v3 == NULL)
		return;
	v3_model_free(&v3->model);
	for (size_t i = 0; i < KEPT; i++)
		blob_unref(&v3->kept[i]);
	free(v3);
	*freed = NULL;
}

/* ---- commands ------------------------------ */

#define ONE_OF(list, rand) (list)[rand_below((rand), ARRAY_COUNT(list))]

static struct slice
some_key(struct rand *rand)
{
	static const char *const keys[] = { "a", "b", "c", "b/1", "b/2", "b/3", "d" };

	return slice_text(ONE_OF(keys, rand));
}

static void
some_op(struct world *world, struct rand *rand, struct buf *ops)
{
	struct v3_put put = { .key = some_key(rand), .lease = rand_chance(rand, 300) ?
		rand_below(rand, LEASES) : 0 };
	struct v3_delete delete = { .key = some_key(rand), .end = rand_chance(rand, 200) ?
		slice_text("b0") : SLICE_EMPTY };
	struct buf value = BUF_INIT;

	if (rand_chance(rand, 250)) {
		mvcc_op_put_delete(ops, &delete);
		return;
	}
	if (rand_chance(rand, 100))
		put.flags = V3_PUT_IGNORE_VALUE;
	else
		buf_printf(&value, "%" PRIu64, ++world->value_count);
	put.value = buf_slice(&value);
	mvcc_op_put_put(ops, &put);
	buf_free(&value);
}

/* Succeeds if the key is there; both branches write. */
static void
some_txn(struct world *world, struct rand *rand, struct buf *compares, struct buf *ops)
{
	v3_compare_put(compares, &(struct v3_compare){ .key = some_key(rand),
	    .target = V3_COMPARE_CREATE, .result = V3_GREATER });
	mvcc_op_put_branch(ops, &(struct v3_branch){ .compares = 1, .success_end = 3,
	    .failure_end = 4 });
	for (unsigned i = 0; i < 3; i++)
		some_op(world, rand, ops);
}

/* Users of the v3 API: they do not count, and so stop nobody. */
static struct blob *
some_auth_change(struct rand *rand, uint64_t sequence, uint64_t low)
{
	static const char *const names[] = { "a", "b", "c", "d" };
	struct msg_v3_auth_change change = { .low = low, .name = slice_text(ONE_OF(names, rand)),
		.role = slice_text(ONE_OF(names, rand)), .key = some_key(rand),
		.type = (uint8_t)rand_below(rand, 3),
		.hash = SLICE_LITERAL("hash") };

	do {
		change.op = (uint8_t)(V3_AUTH_DISABLE + rand_below(rand, V3_AUTH_OPS_LAST - 1));
	} while (change.op == V3_AUTH_MAKE_TOKEN);
	return command_new_v3_auth(V3_SESSION, sequence, &change);
}

/* Taken back more often than raised. */
static struct blob *
some_alarm(struct rand *rand, uint64_t sequence, uint64_t low)
{
	return command_new_v3_alarm(V3_SESSION, sequence, &(struct msg_v3_alarm){ .low = low,
	    .credential = rand_chance(rand, 100) ? 2 : 0,
	    .op = rand_chance(rand, 300) ? ALARM_RAISE : ALARM_TAKE,
	    .type = rand_chance(rand, 200) ? ALARM_CORRUPT : ALARM_NOSPACE,
	    .member = rand_below(rand, ALARM_MEMBERS) });
}

static struct blob *
some_command(struct world *world, struct rand *rand, uint64_t sequence, uint64_t low)
{
	const struct v3_model *model = &world->v3->model;
	struct buf compares = BUF_INIT, ops = BUF_INIT;
	uint64_t kind = rand_below(rand, 20), back = rand_below(rand, 30);
	struct blob *payload;

	if (rand_chance(rand, 50))
		return some_auth_change(rand, sequence, low);
	if (rand_chance(rand, 60))
		return some_alarm(rand, sequence, low);
	if (kind < 1)
		return command_new_v3_compact(V3_SESSION, sequence,
		    &(struct msg_v3_compact){ .low = low,
		    .revision = model->revision - MIN_OF(model->revision, back) });
	if (kind < 3)
		return command_new_v3_grant(V3_SESSION, sequence,
		    &(struct msg_v3_grant){ .low = low, .id = rand_below(rand, LEASES),
		    .ttl_s = rand_chance(rand, 200) ? 100 : rand_below(rand, 8) });
	if (kind < 4)
		return command_new_v3_revoke(V3_SESSION, sequence,
		    &(struct msg_v3_revoke){ .low = low, .id = rand_below(rand, LEASES) });
	if (kind < 14)
		some_op(world, rand, &ops);
	else
		some_txn(world, rand, &compares, &ops);
	payload = command_new_v3_write(V3_SESSION, sequence,
	    &(struct msg_v3_write){ .low = low, .credential = rand_chance(rand, 100) ? 2 : 0,
	    .compares = buf_slice(&compares), .ops = buf_slice(&ops) });
	buf_free(&compares);
	buf_free(&ops);
	return payload;
}

static void
send_again(struct machine *machine, struct rand *rand)
{
	struct sim_v3 *v3 = machine->world->v3;
	uint64_t sequence = v3->sequence - rand_below(rand, KEPT);

	if (v3->sequence < KEPT)
		return;
	node_v3_write(machine->node, V3_SESSION, sequence, true,
	    blob_ref(v3->kept[sequence % KEPT]));
	machine_wake(machine);
}

static void
send_new(struct machine *machine, struct rand *rand)
{
	struct sim_v3 *v3 = machine->world->v3;
	uint64_t sequence = ++v3->sequence, low = sequence - MIN_OF(sequence - 1, KEPT);
	struct blob **kept = &v3->kept[sequence % KEPT];

	blob_unref(kept);
	*kept = some_command(machine->world, rand, sequence, low);
	world_tell(machine->world, machine, "v3 command %" PRIu64 " kind=%u", sequence,
	    (*kept)->data[0]);
	node_v3_write(machine->node, V3_SESSION, sequence, false, blob_ref(*kept));
	machine_wake(machine);
}

/* ---- renewals ------------------------------ */

static bool
leads_last(const struct machine *machine)
{
	const struct world *world = machine->world;
	raft_term term = raft_current_term(node_raft(machine->node));

	for (size_t i = 0; i < world->machine_count; i++)
		if (world->machines[i]->node != NULL &&
		    raft_current_term(node_raft(world->machines[i]->node)) > term)
			return false;
	return node_leases_are_led(machine->node);
}

static void
renew(struct machine *machine, struct rand *rand)
{
	uint64_t id = rand_below(rand, LEASES), ttl_s, now_ns;
	struct raft_position position;

	if (!leads_last(machine))
		return;
	now_ns = node_time_ns(machine->node);
	switch (mvcc_lease_renew(machine->node->replica->mvcc, id, now_ns, &ttl_s)) {
	case MVCC_RENEWED:
		machine->world->v3->promised_ns[id] = now_ns + ttl_s * NS_PER_SECOND;
		break;
	case MVCC_LEASE_SETTLED:
		node_leases_withdraw(machine->node, &id, 1, &position);
		machine_wake(machine);
		break;
	case MVCC_LEASE_GONE:
		break;
	}
}

/* Cluster time by whoever is behind most: what any leader says of now is no less. */
static uint64_t
least_time_ns(const struct world *world)
{
	uint64_t least_ns = UINT64_MAX;

	for (size_t i = 0; i < world->machine_count; i++)
		if (world->machines[i]->node != NULL)
			least_ns = MIN_OF(least_ns, node_time_ns(world->machines[i]->node));
	return least_ns;
}

static void
ask_to_renew(struct machine *machine, struct rand *rand)
{
	struct sim_v3 *v3 = machine->world->v3;
	struct sim_renewal *asked = &v3->asked[++v3->asks % ASKS_KEPT];
	uint64_t lease = rand_below(rand, LEASES);

	*asked = (struct sim_renewal){ .request_id = ASK_ID + v3->asks, .lease = lease,
		.asked_ns = least_time_ns(machine->world), .grants = v3->grants[lease] };
	node_v3_lease(machine->node, V3_SESSION, asked->request_id,
	    &(struct msg_v3_lease){ .what = V3_LEASE_RENEW, .id = asked->lease });
	machine_wake(machine);
}

void
v3_answered(struct machine *machine, uint64_t request_id, const struct node_outcome *outcome)
{
	struct sim_v3 *v3 = machine->world->v3;
	const struct sim_renewal *asked = &v3->asked[(request_id - ASK_ID) % ASKS_KEPT];
	struct reader in = reader_of(outcome->event);
	struct v3_lease_answer answer;
	uint64_t since_ns;

	if (request_id < ASK_ID || asked->request_id != request_id || outcome->error != ERR_NONE)
		return;
	MUST(v3_lease_answer_get(&in, &answer));
	if (answer.found == 0 || asked->grants != v3->grants[asked->lease])
		return;
	since_ns = raft_role(node_raft(machine->node)) == RAFT_LEADER ?
	    least_time_ns(machine->world) : asked->asked_ns;
	v3->promised_ns[asked->lease] = MAX_OF(v3->promised_ns[asked->lease],
	    since_ns + answer.left_s * NS_PER_SECOND);
	machine->world->renewals++;
}

static void
act(struct machine *machine, struct rand *rand)
{
	if (rand_chance(rand, 150))
		send_again(machine, rand);
	else if (rand_chance(rand, 150))
		renew(machine, rand);
	else if (rand_chance(rand, 400))
		ask_to_renew(machine, rand);
	else
		send_new(machine, rand);
}

void
v3_start(struct world *world)
{
	static const struct sim_course course = { STREAM, act };

	course_start(world, &course, world->profile.v3_ms);
}

/* ---- the log ------------------------------ */

static void
expire(struct world *world, const struct raft_entry *entry, const struct command_v3_expire *expire)
{
	struct sim_v3 *v3 = world->v3;
	struct reader in = reader_of(expire->leases);
	struct command_v3_lease lease;

	while (expire->term == entry->term && !reader_done(&in)) {
		MUST(command_v3_lease_get(&in, &lease));
		if (v3_model_lease(&v3->model, lease.id) != NULL && lease.id < LEASES &&
		    v3->promised_ns[lease.id] > entry->time_ns + SLACK_NS)
			sim_fail(world, NULL, "lease %" PRIu64 " ends %" PRIu64 " ms before what "
			    "its leader had promised", lease.id,
			    (v3->promised_ns[lease.id] - entry->time_ns) / NS_PER_MS);
		v3_model_expire(&v3->model, lease.id, entry->time_ns);
		world->leases++;
	}
}

static void
settle(struct world *world, const struct raft_entry *entry,
    const struct command_v3_checkpoint *checkpoint)
{
	struct reader in = reader_of(checkpoint->leases);
	struct command_v3_lease lease;

	while (checkpoint->term == entry->term && !reader_done(&in)) {
		MUST(command_v3_lease_get(&in, &lease));
		v3_model_checkpoint(&world->v3->model, lease.id, lease.expiry_ns);
	}
}

static bool
apply_to_leases(struct world *world, const struct raft_entry *entry,
    uint8_t kind, struct reader *body)
{
	struct sim_v3 *v3 = world->v3;
	struct command_v3_grant grant;
	struct command_v3_revoke revoke;
	struct command_v3_expire expiry;
	struct command_v3_checkpoint checkpoint;
	uint64_t granted;

	switch (kind) {
	case COMMAND_V3_GRANT:
		if (!command_v3_grant_get(body, &grant))
			return false;
		if (v3_model_grant(&v3->model, grant.id, (int64_t)grant.ttl_s, entry->time_ns,
		    &granted) == V3_NONE && grant.id < LEASES) {
			v3->promised_ns[grant.id] = 0;
			v3->grants[grant.id]++;
		}
		return true;
	case COMMAND_V3_REVOKE:
		return command_v3_revoke_get(body, &revoke) &&
		    (v3_model_revoke(&v3->model, revoke.id), true);
	case COMMAND_V3_EXPIRE:
		return command_v3_expire_get(body, &expiry) &&
		    (expire(world, entry, &expiry), true);
	case COMMAND_V3_CHECKPOINT:
		return command_v3_checkpoint_get(body, &checkpoint) &&
		    (settle(world, entry, &checkpoint), true);
	case COMMAND_V3_AUTH:
		return true;
	default:
		return false;
	}
}

static bool
alarm_is_meant(const struct command_v3_alarm *alarm, const struct command_v3_alarm *stands)
{
	if (alarm->by == ALARM_BY_QUOTA)
		return stands->by == ALARM_BY_QUOTA;
	return stands->member == alarm->member && stands->type == alarm->type;
}

static void
change_alarms(struct sim_v3 *v3, const struct command_v3_alarm *alarm)
{
	size_t kept = 0;

	if (alarm->type < ALARM_NOSPACE || alarm->type > ALARM_TYPES_LAST ||
	    alarm->by > ALARM_BY_QUOTA)
		return;
	for (size_t i = 0; i < v3->alarm_count; i++) {
		const struct command_v3_alarm *stands = &v3->alarms[i];

		if (alarm->op == ALARM_TAKE ? !alarm_is_meant(alarm, stands) :
		    stands->member != alarm->member || stands->type != alarm->type ||
		    stands->by != alarm->by)
			v3->alarms[kept++] = *stands;
	}
	v3->alarm_count = kept;
	if (alarm->op == ALARM_RAISE && kept < V3_ALARMS_MAX)
		v3->alarms[v3->alarm_count++] = *alarm;
}

static bool
alarm_stands(const struct sim_v3 *v3, enum alarm_type type)
{
	for (size_t i = 0; i < v3->alarm_count; i++)
		if (v3->alarms[i].type == type)
			return true;
	return false;
}

static bool
has_put(struct slice ops)
{
	struct reader in = reader_of(ops);
	struct v3_op op;

	while (!reader_done(&in) && v3_op_get(&in, &op))
		if (op.kind == V3_OP_PUT)
			return true;
	return false;
}

/* Does an alarm refuse it? body: what is in the command. */
static bool
is_refused(const struct sim_v3 *v3, uint8_t kind, struct reader body)
{
	struct command_v3_write write;

	if (kind != COMMAND_V3_WRITE && kind != COMMAND_V3_COMPACT && kind != COMMAND_V3_GRANT &&
	    kind != COMMAND_V3_REVOKE)
		return false;
	if (alarm_stands(v3, ALARM_CORRUPT))
		return true;
	if (!alarm_stands(v3, ALARM_NOSPACE))
		return false;
	return kind == COMMAND_V3_GRANT || (kind == COMMAND_V3_WRITE &&
	    command_v3_write_get(&body, &write) && has_put(write.ops));
}

bool
v3_apply(struct world *world, const struct raft_entry *entry, const struct command_head *head,
    struct reader *body)
{
	struct v3_model *model = &world->v3->model;
	struct v3_model_answer answer = { .error = V3_NONE };
	struct command_v3_write write;
	struct command_v3_compact compact;
	struct command_v3_alarm alarm;

	uint8_t kind = head->kind;
	struct command_v3_as as;

	/* None of them counts, so nobody is refused. */
	if (kind == COMMAND_V3_AS) {
		if (!command_v3_as_get(body, &as) || !reader_done(body) ||
		    ((as.kind < COMMAND_V3_WRITE || as.kind > COMMAND_V3_REVOKE) &&
		    as.kind != COMMAND_V3_ALARM))
			return true;
		kind = as.kind;
		*body = reader_of(as.body);
	}
	if (is_refused(world->v3, kind, *body))
		return true;
	switch (kind) {
	case COMMAND_V3_ALARM:
		if (!command_v3_alarm_get(body, &alarm))
			return false;
		change_alarms(world->v3, &alarm);
		return true;
	case COMMAND_V3_WRITE:
		if (!command_v3_write_get(body, &write))
			return false;
		v3_model_write(model, write.compares, write.ops, &answer);
		v3_model_answer_free(&answer);
		world->v3_writes++;
		return true;
	case COMMAND_V3_COMPACT:
		return command_v3_compact_get(body, &compact) &&
		    (v3_model_compact(model, (int64_t)compact.revision), true);
	default:
		return apply_to_leases(world, entry, kind, body);
	}
}

struct v3_figures
v3_figures_of_log(const struct world *world)
{
	const struct v3_model *model = &world->v3->model;

	return (struct v3_figures){ model->revision, model->compacted, model->lease_count };
}

/* ---- checks ------------------------------ */

void
v3_check_figures(struct machine *machine, const struct v3_figures *figures)
{
	const struct mvcc *mvcc = machine->node->replica->mvcc;

	if (mvcc_revision(mvcc) != figures->revision ||
	    mvcc_compacted(mvcc) != figures->compacted ||
	    mvcc_lease_count(mvcc) != figures->leases)
		sim_fail(machine->world, machine, "v3 keys: revision %" PRIu64 " compacted %" PRId64
		    " leases %zu, by the log %" PRIu64 " %" PRId64 " %zu", mvcc_revision(mvcc),
		    mvcc_compacted(mvcc), mvcc_lease_count(mvcc), figures->revision,
		    figures->compacted, figures->leases);
}

/* All keys at one revision. */
static void
check_revision(struct machine *machine, uint64_t revision)
{
	struct world *world = machine->world;
	static const uint8_t zero;
	struct v3_range all = { .key = slice_of(&zero, 1), .end = slice_of(&zero, 1),
		.revision = revision };
	struct v3_model_answer expected = { .error = V3_NONE };
	struct buf ops = BUF_INIT, out = BUF_INIT;
	struct mvcc_request *request;
	struct mvcc_answer *answer;
	enum v3_error error;
	size_t looks = SIZE_MAX;

	mvcc_op_put_range(&ops, &all);
	v3_model_read(&world->v3->model, SLICE_EMPTY, buf_slice(&ops), &expected);
	MUST(mvcc_request_new(SLICE_EMPTY, buf_slice(&ops), NULL, &request) == V3_NONE);
	error = mvcc_answer_open(machine->node->replica->mvcc, request, NULL, 0, &answer);
	if (error != expected.error)
		sim_fail(world, machine, "v3 keys at revision %" PRIu64 ": %s, by the log: %s",
		    revision, v3_error_text(error), v3_error_text(expected.error));
	if (error == V3_NONE)
		MUST(mvcc_answer_read(answer, &out, SIZE_MAX, &looks, &error) == MVCC_ANSWER_END);
	if (!slice_equal(buf_slice(&out), buf_slice(&expected.bytes)))
		sim_fail(world, machine, "v3 keys at revision %" PRIu64 " are not those of the log",
		    revision);
	mvcc_answer_close(&answer);
	v3_model_answer_free(&expected);
	buf_free(&ops);
	buf_free(&out);
}

void
v3_check_keys(struct machine *machine)
{
	const struct v3_model *model = &machine->world->v3->model;
	uint64_t first = model->compacted < 1 ? 1 : (uint64_t)model->compacted;

	for (uint64_t revision = first; revision <= model->revision + 1; revision++)
		check_revision(machine, revision);
	if (first > 1)
		check_revision(machine, first - 1);
}
