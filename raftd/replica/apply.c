/*
 * apply.c - one entry of the log changes the applied state: at most once, by the part whose
 * command it is.
 *
 * A change of the configuration is no such request alone: Raft counts with it as soon as it is
 * in the log, so the members follow even if the request was given up before its entry came.
 *
 * Deterministic: what varies between nodes (clocks, waiters) is not looked at before the
 * effect is decided, but for how much of an expiry fits into one call. An entry that makes
 * no sense does nothing, and does it on every node alike.
 *
 *	replica_apply ---> part_command		what it asks for, if it is no repeat
 *	              ---> facts		what became of it, for the conductor
 */
#include "raftd/replica/replica.h"

#include "raftd/replica/part.h"

struct store_outcome
apply_outcome(const struct applying *a, enum err error, const char *cause)
{
	return (struct store_outcome){
		.error = error,
		.cause = cause == NULL ? NULL : blob_new(slice_text(cause)),
		.store_index = store_index(a->replica->store),
	};
}

struct store_outcome
apply_malformed(const struct applying *a)
{
	return apply_outcome(a, ERR_RAFT_INTERNAL, "malformed command");
}

struct store_outcome
apply_unauthorized(const struct applying *a)
{
	return apply_outcome(a, ERR_UNAUTHORIZED, "Insufficient credentials");
}

/* Of that kind; sets whose state it changes. NULL: no part has it. */
static const struct part_command *
find_command(struct applying *a, uint8_t kind)
{
	for (size_t i = 0; i < part_row_count; i++)
		for (const struct part_command *command = part_rows[i]->commands;
		    command->kind != 0; command++)
			if (command->kind == kind) {
				a->state = a->replica->states[i];
				return command;
			}
	return NULL;
}

/* What became of a request that was applied before. */
static void
recall(struct applying *a, const struct request_result *known)
{
	struct replica_facts *facts = a->facts;

	facts->result = *known;
	blob_ref(facts->result.cause);
	if (known->event)
		facts->event = blob_ref(store_event(a->replica->store, known->store_index));
}

static void
apply_request(struct applying *a, const struct part_command *command,
    const struct command_head *head, struct reader *body)
{
	struct replica_facts *facts = a->facts;
	struct store_outcome outcome = command == NULL ?
	    apply_outcome(a, ERR_RAFT_INTERNAL, "unknown command") : command->apply(a, body);

	facts->result = (struct request_result){
		.error = outcome.error,
		.cause = outcome.cause,
		.store_index = outcome.store_index,
		.raft_index = a->entry->index,
		.raft_term = a->entry->term,
		.event = outcome.event != NULL,
	};
	facts->event = outcome.event;
	if (head->session == 0)
		return;
	blob_ref(outcome.cause);
	requests_record(a->replica->requests, a->replica->store, head->session, head->sequence,
	    head->low, facts->result, a->effects);
}

/* An entry that moves Raft's configuration does so whatever the session table says of its
 * request; members are who is in it. What a request did that was applied before, or given up,
 * stays what it was. */
static void
follow_configuration(struct applying *a, const struct part_command *command, struct reader *body)
{
	struct store_outcome outcome = command->apply(a, body);

	blob_unref(&outcome.cause);
	blob_unref(&outcome.event);
}

bool
replica_apply(struct replica *replica, const struct raft_entry *entry, size_t hits_max,
    struct buf *effects, struct replica_facts *facts)
{
	struct applying a = { .replica = replica, .entry = entry, .hits_max = hits_max,
		.effects = effects, .facts = facts };
	const struct request_result *known = NULL;
	const struct part_command *command;
	struct command_head head;
	struct reader body;

	*facts = (struct replica_facts){ .seen = REQUEST_NEW };
	replica->applied_ns = MAX_OF(replica->applied_ns, entry->time_ns);
	if (entry->type == RAFT_ENTRY_CONF && entry->conf_op == RAFT_CONF_PROMOTE) {
		apply_promotion(&a);
		return true;
	}
	if (entry->payload == NULL || !command_parse(entry->payload, &head, &body))
		return true;
	if (head.session != 0)
		facts->seen = requests_find(replica->requests, head.session, head.sequence,
		    &known);
	a.of_leader = head.session == 0;
	command = find_command(&a, head.kind);
	replica->within_entry = facts->seen == REQUEST_NEW && command != NULL &&
	    command->advance != NULL && !command->advance(&a, body);
	if (replica->within_entry)
		return false;
	facts->session = head.session;
	facts->sequence = head.sequence;
	if (facts->seen != REQUEST_NEW && entry->type == RAFT_ENTRY_CONF && command != NULL)
		follow_configuration(&a, command, &body);
	if (facts->seen == REQUEST_KNOWN)
		recall(&a, known);
	else if (facts->seen == REQUEST_NEW)
		apply_request(&a, command, &head, &body);
	return true;
}

bool
replica_is_within_entry(const struct replica *replica)
{
	return replica->within_entry;
}
