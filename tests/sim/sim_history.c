/*
 * sim_history.c - what clients are told, held against the order of the log.
 *
 * The store index is the witness: whatever begins after somebody was shown
 * index N must come after N (a write) or include N (a quorum read).
 */
#include "common/ipc/wire.h"
#include "common/xmem.h"
#include "tests/sim/sim_check_priv.h"

#include <inttypes.h>

void
check_request(struct sim_request *request)
{
	struct machine *machine = request->worker->machine;

	request->floor = machine->world->check->seen;
	request->floor_here = machine->seen_store_index;
}

void
check_seen(struct sim_worker *worker, uint64_t store_index)
{
	struct machine *machine = worker->machine;
	struct world *world = machine->world;

	if (store_index > model_index(world->model))
		sim_fail(world, machine, "store index %" PRIu64 " is shown, committed is %" PRIu64,
		    store_index, model_index(world->model));
	world->check->seen = MAX_OF(world->check->seen, store_index);
	if (worker->reply_life == machine->life)
		machine->seen_store_index = MAX_OF(machine->seen_store_index, store_index);
}

static bool
is_store_error(enum err error)
{
	return (error >= ERR_KEY_NOT_FOUND && error < ERR_PREV_VALUE_REQUIRED) ||
	    error == ERR_INVALID_FORM;
}

/* Of a change of users and roles alone. */
static bool
is_auth_error(enum err error)
{
	return error == ERR_AUTH_INVALID || error == ERR_AUTH_FORBIDDEN ||
	    error == ERR_AUTH_MISSING || error == ERR_AUTH_CONFLICT;
}

/* Of a change of places alone. */
static bool
is_place_error(enum err error)
{
	return error == ERR_NOT_FOUND || error == ERR_REMOVED || error == ERR_INVALID;
}

static bool
is_unknown(enum err error)
{
	return error == ERR_RAFT_INTERNAL || error == ERR_LEADER_ELECT;
}

/* "..., the write was not applied" */
static bool
says_not_applied(const struct msg_outcome *outcome)
{
	static const char words[] = "was not applied";
	size_t length = sizeof(words) - 1;

	return outcome->cause.size >= length &&
	    memcmp(outcome->cause.data + outcome->cause.size - length, words, length) == 0;
}

static void
remember_refusal(struct sim_request *request, enum err error)
{
	struct sim_check *check = request->worker->machine->world->check;

	check->refusals = xgrow(check->refusals, &check->refusal_capacity,
	    check->refusal_count + 1, sizeof(check->refusals[0]));
	check->refusals[check->refusal_count++] = (struct refusal){
		request->worker->session, request->id, error };
}

void
check_refusals(const struct world *world)
{
	for (size_t i = 0; i < world->check->refusal_count; i++) {
		const struct refusal *refusal = &world->check->refusals[i];
		const struct model_result *result = model_result(world->model, refusal->session,
		    refusal->sequence);

		if (result != NULL && result->error == ERR_NONE)
			sim_fail(world, NULL,
			    "a change was refused with error %d, but took effect as "
			    "entry %" PRIu64, (int)refusal->error, result->raft_index);
	}
}

/* True if the outcome says what became of it. */
static bool
check_outcome(struct sim_request *request, const struct msg_outcome *outcome)
{
	struct sim_worker *worker = request->worker;
	const struct machine *machine = worker->machine;
	const struct world *world = machine->world;
	const struct model_result *result = model_result(world->model, worker->session,
	    request->id);
	enum err error = (enum err)outcome->error;

	if (is_unknown(error)) {
		if (says_not_applied(outcome))
			remember_refusal(request, error);
		return false;
	}
	if (error != ERR_NONE && !is_store_error(error) && !is_place_error(error) &&
	    !is_auth_error(error))
		sim_fail(world, machine, "a write is answered with error %d", (int)error);
	if (result == NULL) {
		if (error == ERR_NONE)
			sim_fail(world, machine, "request %" PRIu64
			    " is acknowledged, but not committed", request->id);
		return true;
	}
	if (result->error != error)
		sim_fail(world, machine, "request %" PRIu64
		    " is answered with error %d, by the log "
		    "it is %d", request->id, (int)error, (int)result->error);
	if (result->store_index != outcome->store_index)
		sim_fail(world, machine, "request %" PRIu64 " is answered with index %" PRIu64
		    ", by the log it is %" PRIu64, request->id, outcome->store_index,
		    result->store_index);
	if (result->raft_index != outcome->raft_index)
		sim_fail(world, machine, "request %" PRIu64 " is answered with raft index %" PRIu64
		    ", it is at %" PRIu64, request->id, outcome->raft_index, result->raft_index);
	return true;
}

void
check_write(struct sim_request *request, const struct msg_outcome *outcome)
{
	const struct machine *machine = request->worker->machine;
	const struct world *world = machine->world;
	const char *differs;

	if (outcome == NULL || !check_outcome(request, outcome))
		return;
	if (model_result(world->model, request->worker->session, request->id) == NULL)
		sim_fail(world, machine, "a write is answered with error %u, but never took place",
		    outcome->error);
	if (outcome->store_index < request->floor ||
	    (outcome->error == ERR_NONE && outcome->store_index == request->floor))
		sim_fail(world, machine, "a write takes index %" PRIu64 ", but %" PRIu64
		    " was seen before it began", outcome->store_index, request->floor);
	if (outcome->error == ERR_NONE) {
		const struct model_event *event = model_event(world->model, outcome->store_index);

		differs = model_compare_event(world->model, outcome->event);
		if (differs != NULL)
			sim_fail(world, machine, "answer of a write with index %" PRIu64
			    " differs: %s", outcome->store_index, differs);
		if (event->raft_index != outcome->raft_index)
			sim_fail(world, machine, "index %" PRIu64 " was taken by another write",
			    outcome->store_index);
	}
	check_seen(request->worker, outcome->store_index);
}

void
check_member_change(struct sim_request *request, const struct msg_outcome *outcome)
{
	if (outcome == NULL || !check_outcome(request, outcome))
		return;
	if (outcome->error != ERR_NONE &&
	    model_result(request->worker->machine->world->model, request->worker->session,
	    request->id) == NULL)
		remember_refusal(request, (enum err)outcome->error);
}

void
check_look(struct sim_request *request, const struct msg_lock_look *look,
    const struct msg_outcome *outcome)
{
	const struct machine *machine = request->worker->machine;
	const struct world *world = machine->world;
	const char *differs;

	if (outcome == NULL || is_unknown((enum err)outcome->error))
		return;
	differs = model_compare_lock(world->model, look->key, look->index, outcome->store_index,
	    (enum err)outcome->error, outcome->event);
	if (differs != NULL)
		sim_fail(world, machine, "look at %.*s for %" PRIu64 " at index %" PRIu64
		    " (error %u) differs: %s", SLICE_ARGS(look->key), look->index,
		    outcome->store_index, outcome->error, differs);
	if (outcome->store_index < request->floor)
		sim_fail(world, machine, "stale look: index %" PRIu64 ", but %" PRIu64
		    " was seen before it began", outcome->store_index, request->floor);
	request->worker->machine->world->looks++;
	check_seen(request->worker, outcome->store_index);
}

void
check_read(struct sim_request *request, const struct msg_read *read,
    const struct msg_outcome *outcome)
{
	struct sim_worker *worker = request->worker;
	const struct machine *machine = worker->machine;
	const struct world *world = machine->world;
	const char *differs;

	if (outcome == NULL || is_unknown((enum err)outcome->error))
		return;
	if (outcome->error != ERR_NONE && !is_store_error((enum err)outcome->error))
		sim_fail(world, machine, "a read is answered with error %u", outcome->error);
	differs = model_compare_get(world->model, read->key, read->flags, outcome->store_index,
	    (enum err)outcome->error, outcome->event);
	if (differs != NULL)
		sim_fail(world, machine, "read of %.*s at index %" PRIu64 " (error %u) differs: %s",
		    SLICE_ARGS(read->key), outcome->store_index, outcome->error, differs);
	if ((read->flags & READ_FLAG_QUORUM) != 0 && outcome->store_index < request->floor)
		sim_fail(world, machine, "stale quorum read: index %" PRIu64 ", but %" PRIu64
		    " was seen before it began", outcome->store_index, request->floor);
	if (request->life == machine->life && worker->reply_life == machine->life &&
	    outcome->store_index < request->floor_here)
		sim_fail(world, machine, "a read goes back to index %" PRIu64 ", this machine had "
		    "shown %" PRIu64, outcome->store_index, request->floor_here);
	check_seen(worker, outcome->store_index);
}
