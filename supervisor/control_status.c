/*
 * control_status.c - what the supervisor knows, as JSON and as a table.
 */
#include "supervisor/control_status.h"

#include "common/clock.h"
#include "supervisor/supervisor.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>
#include <yajl/yajl_gen.h>

static void
put_text(yajl_gen gen, const char *name, struct slice text)
{
	yajl_gen_string(gen, (const unsigned char *)name, strlen(name));
	yajl_gen_string(gen, text.size == 0 ? (const unsigned char *)"" : text.data, text.size);
}

static void
put_number(yajl_gen gen, const char *name, uint64_t number)
{
	yajl_gen_string(gen, (const unsigned char *)name, strlen(name));
	yajl_gen_integer(gen, (long long)number);
}

/* Ids have 64 bits, more than a reader of JSON numbers may keep. */
static void
put_id(yajl_gen gen, const char *name, uint64_t id)
{
	char text[17];

	snprintf(text, sizeof(text), "%016" PRIx64, id);
	put_text(gen, name, slice_text(text));
}

static void
put_bool(yajl_gen gen, const char *name, bool truth)
{
	yajl_gen_string(gen, (const unsigned char *)name, strlen(name));
	yajl_gen_bool(gen, truth);
}

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
put_process(yajl_gen gen, const char *name, const char *state, pid_t pid, uint64_t since_ns,
    unsigned restarts, uint32_t connections, uint64_t memory)
{
	char since[CLOCK_TEXT_BYTES];

	clock_format(since_ns, 0, false, since);
	yajl_gen_map_open(gen);
	put_text(gen, "name", slice_text(name));
	put_text(gen, "state", slice_text(state));
	put_number(gen, "pid", (uint64_t)pid);
	put_text(gen, "since", slice_text(since));
	put_number(gen, "restarts", restarts);
	put_number(gen, "connections", connections);
	put_number(gen, "memory", memory);
	yajl_gen_map_close(gen);
}

static uint64_t
own_start_ns(const struct supervisor *supervisor)
{
	return clock_now().wall_ns - (clock_monotonic_ns() - supervisor->started_ns);
}

static void
put_processes(yajl_gen gen, const struct supervisor *supervisor)
{
	const struct process *process;

	yajl_gen_string(gen, (const unsigned char *)"processes", strlen("processes"));
	yajl_gen_array_open(gen);
	put_process(gen, "supervisor", "running", getpid(), own_start_ns(supervisor), 0, 0,
	    memory_of(getpid()));
	TAILQ_FOREACH(process, &supervisor->processes, link)
		put_process(gen, process->name, process_state_name(process), process->pid,
		    process->started_wall_ns, process->restarts, process->connections,
		    memory_of_child(process));
	yajl_gen_array_close(gen);
}

static void
put_members(yajl_gen gen, const struct node_view *node)
{
	struct reader in = reader_of(buf_slice(&node->members));
	struct member_record member;

	yajl_gen_string(gen, (const unsigned char *)"members", strlen("members"));
	yajl_gen_array_open(gen);
	while (!reader_done(&in) && member_record_get(&in, &member)) {
		yajl_gen_map_open(gen);
		put_text(gen, "name", member.name);
		put_id(gen, "id", member.id);
		put_text(gen, "role",
		    slice_text(member.role == MEMBER_VOTER ? "voter" : "learner"));
		put_text(gen, "peer_url", member.peer_url);
		put_text(gen, "client_url", member.client_url);
		yajl_gen_map_close(gen);
	}
	yajl_gen_array_close(gen);
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
put_node(yajl_gen gen, const struct supervisor *supervisor)
{
	const struct node_view *node = &supervisor->node;

	put_text(gen, "name", slice_text(supervisor->config->name));
	put_text(gen, "state", slice_text(service_state(supervisor)));
	put_id(gen, "id", node->node_id);
	put_id(gen, "cluster_id", node->cluster_id);
	put_number(gen, "term", node->term);
	put_number(gen, "commit", node->commit);
	put_number(gen, "applied", node->applied);
	put_number(gen, "store_index", store_index(supervisor));
	put_text(gen, "role", slice_text(wire_role_name(node->role)));
	put_text(gen, "leader", supervisor_member_name(supervisor, node->leader_id));
	put_text(gen, "refuses", buf_slice(&node->refuses));
	put_text(gen, "notice", buf_slice(&node->notice));
	put_members(gen, node);
	put_processes(gen, supervisor);
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
	yajl_gen gen = yajl_gen_alloc(NULL);
	struct buf text = BUF_INIT;
	const unsigned char *json;
	size_t size;

	ASSERT(gen != NULL);
	yajl_gen_map_open(gen);
	put_bool(gen, "ok", true);
	put_bool(gen, "ready", supervisor->ready);
	if (as_text) {
		print_node(&text, supervisor);
		put_text(gen, "text", buf_slice(&text));
	} else {
		put_node(gen, supervisor);
	}
	yajl_gen_map_close(gen);
	yajl_gen_get_buf(gen, &json, &size);
	buf_append(out, json, size);
	buf_append_byte(out, '\n');
	yajl_gen_free(gen);
	buf_free(&text);
}
