/*
 * sim_users.c - see sim_users.h.
 *
 * Few users, roles and patterns, so that they meet; most changes are asked for by root with the
 * password that he has now, some by others or with one that he had. What comes of it,
 * and who may write what, the model says (sim_auth.c).
 */
#include "tests/sim/sim_users.h"

#include "common/auth/auth.h"
#include "common/ipc/wire.h"
#include "tests/sim/sim_check.h"
#include "tests/sim/sim_course.h"

#include <inttypes.h>

/* One seed of so many, in per mille. */
#define SEEDS 250
#define STREAM UINT64_C(0x7573657273)

static const char *const users[] = { "root", "root", "al", "al", "bo" };
static const char *const roles[] = { "guest", "r1", "r2", "root" };
static const char *const patterns[] = { "*", "/*", "/a", "/d", "/d/*", "/d/x", "/d*", "/q*",
	"/_etcd/*", "/f/_g/q" };

void
users_profile(const struct world *world, struct sim_profile *profile)
{
	struct rand rand;

	rand_seed(&rand, world->seed ^ STREAM);
	if (rand_chance(&rand, SEEDS))
		profile->users_ms = 20 + rand_below(&rand, 300);
}

#define ONE_OF(list, rand) (list)[rand_below((rand), ARRAY_COUNT(list))]

/* A password that he has now, or one of before or after. */
static uint64_t
credential_of(const struct world *world, struct rand *rand, const char *user)
{
	uint64_t credential = model_credential(world->model, slice_text(user));

	return rand_chance(rand, 100) ? credential + 1 - rand_below(rand, 3) : credential;
}

/* ---- writes --------------------------------------------------------------------------- */

static void
written(struct sim_request *request, const struct msg_outcome *outcome)
{
	check_write(request, outcome);
	if (outcome != NULL && outcome->error == ERR_UNAUTHORIZED)
		request->worker->machine->world->refused++;
}

static void
write_as(struct machine *machine, struct rand *rand)
{
	static const uint8_t ops[] = { WRITE_SET, WRITE_SET, WRITE_CREATE, WRITE_UPDATE,
		WRITE_DELETE, WRITE_CREATE_IN_ORDER };
	static const char *const keys[] = { "/a", "/d", "/d/x", "/d/e", "/d/e/z", "/dd", "/q",
		"/f/_g/q", "/", "/_etcd/x", "/_etcd", "/_etcdx" };
	struct world *world = machine->world;
	const char *user = ONE_OF(users, rand);
	struct msg_write write = { .op = ONE_OF(ops, rand), .user = slice_text(user),
		.key = slice_text(ONE_OF(keys, rand)), .value = SLICE_LITERAL("as"),
		.credential = credential_of(world, rand, user) };

	if (write.op == WRITE_DELETE) {
		write.value = SLICE_EMPTY;
		write.flags = rand_chance(rand, 500) ? WRITE_FLAG_DIR | WRITE_FLAG_RECURSIVE : 0;
	}
	world_tell(world, machine, "%s writes: op=%u %.*s flags=%x credential=%" PRIu64, user,
	    write.op, SLICE_ARGS(write.key), write.flags, write.credential);
	worker_write(machine->workers[world->profile.workers], &write)->done = written;
}

/* ---- changes ---------------------------------------------------------------------------- */

static void
changed(struct sim_request *request, const struct msg_outcome *outcome)
{
	check_member_change(request, outcome);
	if (outcome != NULL && outcome->error == ERR_NONE)
		request->worker->machine->world->rights++;
}

/* Some of them in their order, each once: mostly none or one. */
static void
choose_some(struct rand *rand, const char *const *texts, size_t count, struct buf *list)
{
	size_t only = rand_below(rand, count + 2);

	for (size_t i = 0; i < count; i++)
		if (i == only || rand_chance(rand, 60))
			auth_list_add(list, slice_text(texts[i]));
	auth_list_sort(list);
}

static uint8_t
choose_op(const struct world *world, struct rand *rand)
{
	static const uint8_t ops[] = { AUTH_ENABLE, AUTH_DISABLE, AUTH_PUT_USER, AUTH_PUT_USER,
		AUTH_PUT_USER, AUTH_REMOVE_USER, AUTH_MAKE_ROLE, AUTH_MAKE_ROLE, AUTH_CHANGE_ROLE,
		AUTH_CHANGE_ROLE, AUTH_CHANGE_ROLE, AUTH_REMOVE_ROLE };

	/* Else it would be long before they count. */
	if (model_credential(world->model, SLICE_LITERAL("root")) == 0 && rand_chance(rand, 500))
		return AUTH_PUT_USER;
	return ONE_OF(ops, rand);
}

static void
fill_lists(struct rand *rand, uint8_t op, struct buf lists[4])
{
	bool of_user = op == AUTH_PUT_USER;
	const char *const *texts = of_user ? roles : patterns;
	size_t count = of_user ? ARRAY_COUNT(roles) : ARRAY_COUNT(patterns);
	/* Roles of a user that is made, or granted and revoked ones. */
	bool make = of_user ? rand_chance(rand, 400) : op == AUTH_MAKE_ROLE;

	if (op != AUTH_PUT_USER && op != AUTH_MAKE_ROLE && op != AUTH_CHANGE_ROLE)
		return;
	for (size_t i = 0; i < 4; i++)
		if (of_user ? i < 3 && make == (i == 0) : !make || i < 2)
			choose_some(rand, texts, count, &lists[i]);
}

static void
change_rights(struct machine *machine, struct rand *rand)
{
	struct world *world = machine->world;
	const char *asker = rand_chance(rand, 850) ? "root" : ONE_OF(users, rand);
	struct msg_auth_change change = { .op = choose_op(world, rand) };
	struct buf lists[4] = { BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT };

	if (change.op == AUTH_PUT_USER || change.op == AUTH_REMOVE_USER)
		change.name = slice_text(ONE_OF(users, rand));
	else if (change.op != AUTH_ENABLE && change.op != AUTH_DISABLE)
		change.name = slice_text(ONE_OF(roles, rand));
	if (change.op == AUTH_PUT_USER && rand_chance(rand, 600))
		change.hash = SLICE_LITERAL("$2b$04$hash");
	fill_lists(rand, change.op, lists);
	change.first = buf_slice(&lists[0]);
	change.second = buf_slice(&lists[1]);
	change.third = buf_slice(&lists[2]);
	change.fourth = buf_slice(&lists[3]);
	if (rand_chance(rand, 950)) {
		change.user = slice_text(asker);
		change.credential = credential_of(world, rand, asker);
	}
	world_tell(world, machine, "%.*s changes rights: op=%u of %.*s credential=%" PRIu64,
	    SLICE_ARGS(change.user), change.op, SLICE_ARGS(change.name), change.credential);
	worker_auth_change(machine->workers[world->profile.workers], &change)->done = changed;
	for (size_t i = 0; i < 4; i++)
		buf_free(&lists[i]);
}

/* ---- the course of it ------------------------------------------------------------------- */

static void
act(struct machine *machine, struct rand *rand)
{
	if (rand_chance(rand, 500))
		change_rights(machine, rand);
	else
		write_as(machine, rand);
}

void
users_start(struct world *world)
{
	static const struct sim_course course = { STREAM, act };

	course_start(world, &course, world->profile.users_ms);
}
