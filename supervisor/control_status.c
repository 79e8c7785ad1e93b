/*
 * control_status.c - what the supervisor knows, as JSON and as a table.
 */
#include "supervisor/control_status.h"

#include "common/clock.h"
#include "common/json_put.h"
#include "supervisor/supervisor.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

/* Resident memory in bytes; 0 if it cannot be known. */
static uint64_t
memory_of(pid_t pid)
{
	unsigned long long pages = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/statm", (long)pid);
	file = pid == 0 ? NULL : fopen(path, "re");
	if (file == NULL)
		return 0;
	if (fscanf(file, "%*u %llu", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* As it says itself: where processes are hidden nobody else may look. */
static uint64_t
memory_of_child(const struct process *process)
{
	return process->memory != 0 ? process->memory : memory_of(process->pid);
}

static void
put_process(struct json_put *json, const char *name, const char *state, pid_t pid,
    uint64_t since_ns, unsigned restarts, uint32_t connections, uint64_t memory)
{
	char since[CLOCK_TEXT_BYTES];

	clock_format(since_ns, 0, false, since);
	json_put_open(json, NULL, '{');
	json_put_text(json, "name", slice_text(name));
	json_put_text(json, "state", slice_text(state));
	json_put_number(json, "pid", (uint64_t)pid);
	json_put_text(json, "since", slice_text(since));
	json_put_number(json, "restarts", restarts);
	json_put_number(json, "connections", connections);
	json_put_number(json, "memory", memory);
	json_put_close(json, '}');
}

static uint64_t
own_start_ns(const struct supervisor *supervisor)
{
	return clock_now().wall_ns - (clock_monotonic_ns() - supervisor->started_ns);
}

static void
put_processes(struct json_put *json, const struct supervisor *supervisor)
{
	const struct process *process;

	json_put_open(json, "processes", '[');
	put_process(json, "supervisor", "running", getpid(), own_start_ns(supervisor), 0, 0,
	    memory_of(getpid()));
	TAILQ_FOREACH(process, &supervisor->processes, link)
		put_process(json, process->name, process_state_name(process), process->pid,
		    process->started_wall_ns, process->restarts, process->connections,
		    memory_of_child(process));
	json_put_close(json, ']');
}

static void
put_members(struct json_put *json, const struct node_view *node)
{
	struct reader in = reader_of(buf_slice(&node->members));
	struct member_record member;

	json_put_open(json, "members", '[');
	while (!reader_done(&in) && member_record_get(&in, &member)) {
		json_put_open(json, NULL, '{');
		json_put_text(json, "name", member.name);
		json_put_id(json, "id", member.id);
		json_put_text(json, "role",
		    slice_text(member.role == MEMBER_VOTER ? "voter" : "learner"));
		json_put_text(json, "peer_url", member.peer_url);
		json_put_text(json, "client_url", member.client_url);
		json_put_close(json, '}');
	}
	json_put_close(json, ']');
}

/* node_state comes when something changed, a sign of life every second. */
static uint64_t
store_index(const struct supervisor *supervisor)
{
	const struct process *raftd = supervisor_process(supervisor, ROLE_RAFTD, 0);
	uint64_t told = raftd == NULL ? 0 : raftd->store_index;

	return MAX_OF(told, supervisor->node.store_index);
}

static void
put_node(struct json_put *json, const struct supervisor *supervisor)
{
	const struct node_view *node = &supervisor->node;

	json_put_text(json, "name", slice_text(supervisor->config->name));
	json_put_text(json, "state", slice_text(service_state(supervisor)));
	json_put_id(json, "id", node->node_id);
	json_put_id(json, "cluster_id", node->cluster_id);
	json_put_number(json, "term", node->term);
	json_put_number(json, "commit", node->commit);
	json_put_number(json, "applied", node->applied);
	json_put_number(json, "store_index", store_index(supervisor));
	json_put_text(json, "role", slice_text(wire_role_name(node->role)));
	json_put_text(json, "leader", supervisor_member_name(supervisor, node->leader_id));
	json_put_text(json, "refuses", buf_slice(&node->refuses));
	json_put_text(json, "notice", buf_slice(&node->notice));
	put_members(json, node);
	put_processes(json, supervisor);
}

static void
print_process(struct buf *text, const char *name, const char *state, pid_t pid, unsigned restarts,
    uint32_t connections, uint64_t memory)
{
	buf_printf(text, "  %-12s %-10s pid %-8ld restarts %-4u connections %-6u %" PRIu64 " KiB\n",
	    name, state, (long)pid, restarts, (unsigned)connections, memory / 1024);
}

static void
print_node(struct buf *text, const struct supervisor *supervisor)
{
	const struct node_view *node = &supervisor->node;
	struct reader in = reader_of(buf_slice(&node->members));
	const struct process *process;
	struct member_record member;

	buf_printf(text, "%s: %s, %s, term %" PRIu64 ", leader %.*s\n", supervisor->config->name,
	    service_state(supervisor), wire_role_name(node->role), node->term,
	    SLICE_ARGS(supervisor_member_name(supervisor, node->leader_id)));
	buf_printf(text, "node %016" PRIx64 " of cluster %016" PRIx64 "\n", node->node_id,
	    node->cluster_id);
	buf_printf(text, "committed %" PRIu64 ", applied %" PRIu64 ", store index %" PRIu64 "\n",
	    node->commit, node->applied, store_index(supervisor));
	if (node->refuses.size > 0)
		buf_printf(text, "%.*s\n", SLICE_ARGS(buf_slice(&node->refuses)));
	if (node->notice.size > 0)
		buf_printf(text, "warning: %.*s\n", SLICE_ARGS(buf_slice(&node->notice)));
	buf_append_text(text, "members:\n");
	while (!reader_done(&in) && member_record_get(&in, &member))
		buf_printf(text, "  %-12.*s %-8s %.*s  %.*s\n", SLICE_ARGS(member.name),
		    member.role == MEMBER_VOTER ? "voter" : "learner", SLICE_ARGS(member.peer_url),
		    SLICE_ARGS(member.client_url));
	buf_append_text(text, "processes:\n");
	print_process(text, "supervisor", "running", getpid(), 0, 0, memory_of(getpid()));
	TAILQ_FOREACH(process, &supervisor->processes, link)
		print_process(text, process->name, process_state_name(process), process->pid,
		    process->restarts, process->connections, memory_of_child(process));
}

void
control_status(const struct supervisor *supervisor, bool as_text, struct buf *out)
{
	struct json_put json = json_put_into(out);
	struct buf text = BUF_INIT;

	json_put_open(&json, NULL, '{');
	json_put_bool(&json, "ok", true);
	json_put_bool(&json, "ready", supervisor->ready);
	if (as_text) {
		print_node(&text, supervisor);
		json_put_text(&json, "text", buf_slice(&text));
	} else {
		put_node(&json, supervisor);
	}
	json_put_close(&json, '}');
	buf_append_byte(out, '\n');
	buf_free(&text);
}
