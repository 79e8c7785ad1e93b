/*
 * main.c - raftd: the loop, the channels and the disk around the conductor.
 *
 * One turn: read all that came (sessions, completions of the disk, the
 * supervisor), node_turn once, write all that goes out.
 *
 *	raftd --control-fd 3
 *
 * Everything else comes from the supervisor: settings, then one end of a socket
 * pair for each worker. Opens no network socket.
 */
#include "common/build.h"
#include "common/child.h"
#include "common/harden.h"
#include "common/precedence.h"
#include "common/program.h"
#include "common/rand.h"
#include "common/title.h"
#include "common/trim.h"
#include "common/url_list.h"
#include "common/xmem.h"
#include "raftd/meter.h"
#include "raftd/policy.h"
#include "raftd/settings.h"
#include "raftd/session/session.h"
#include "raftd/wal/retire.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#define RECORDS_PER_BREATH 1024
#define BEAT_MS_MIN 250
/* Told to stop, listings that are being read come to their end within this. */
#define READS_END_MS 3000

/* A client worker's end of its socket pair, until the node is current. */
struct held_worker {
	STAILQ_ENTRY(held_worker) link;
	uint32_t number;
	uint64_t token;
	int fd;
};

struct raftd {
	struct loop *loop;
	struct child *child;
	struct config config;
	struct initial_cluster initial;	/* empty: this node begins alone, or joins others */
	struct wal *wal;
	struct node *node;
	struct sessions *sessions;
	STAILQ_HEAD(, held_worker) held;
	struct loop_timer *timer;
	struct meter meter;
	struct trim *trim;
	size_t loaded;			/* records of the recovery */
	struct msg_alive alive;
	char *rejoin;			/* whom to ask to join, of one who was removed; or NULL */
	uint64_t rejoin_wait_ms;
	struct buf retire_peers;	/* for the one in our place; */
	uint64_t retire_wait_ms;	/* see retire.h */
	uint64_t beat_ms;		/* monotonic, last sign of life for the workers */
	bool ending;
	bool stopping;			/* once reads have ended: */
	struct loop_timer *stop_limit;	/* at the latest then */
};

/* ---- node_io: the disk ------------------------------------------------------ */

#define DISK_ASKS(name, parameters, arguments) \
	static uint64_t io_##name parameters \
	{ \
		struct wal *disk = ((struct raftd *)argument)->wal; \
		return wal_##name arguments; \
	}
#define DISK_TELLS(name, parameters, arguments) \
	static void io_##name parameters \
	{ \
		struct wal *disk = ((struct raftd *)argument)->wal; \
		wal_##name arguments; \
	}
#include "raftd/node_disk_table.h"

/* ---- node_io: workers, nodes, operators ---------------------------------------- */

static struct buf *
io_peer_out(void *argument)
{
	struct raftd *raftd = argument;

	return sessions_peer_out(raftd->sessions);
}

static void
io_outcome(void *argument, uint64_t session, uint64_t request_id,
    const struct node_outcome *outcome)
{
	struct raftd *raftd = argument;

	sessions_outcome(raftd->sessions, session, request_id, outcome);
}

static void
io_watching(void *argument, uint64_t session, uint64_t watch_id,
    const struct msg_watching *answer)
{
	struct raftd *raftd = argument;

	meter_watching(answer);
	sessions_watching(raftd->sessions, session, watch_id, answer);
}

static void
io_event(void *argument, uint64_t session, const uint64_t *watch_ids, size_t count,
    struct slice event, uint64_t past_bytes)
{
	struct raftd *raftd = argument;

	sessions_event(raftd->sessions, session, watch_ids, count, event, past_bytes);
}

#define IO_TELLS(name) \
	static void \
	io_##name(void *argument, uint64_t session, uint64_t id, const struct msg_##name *message) \
	{ \
		sessions_##name(((struct raftd *)argument)->sessions, session, id, message); \
	}
IO_TELLS(v3_watching)
IO_TELLS(v3_events)
IO_TELLS(v3_past)
IO_TELLS(v3_progress)
IO_TELLS(stats)
IO_TELLS(backup_piece)

static size_t
io_queued(void *argument, uint64_t session)
{
	const struct raftd *raftd = argument;

	return sessions_queued_for(raftd->sessions, session);
}

static void
io_changed(void *argument, const struct msg_changed *changed)
{
	struct raftd *raftd = argument;

	sessions_changed(raftd->sessions, changed);
}

static void
io_users(void *argument, const struct node_users *users)
{
	const struct raftd *raftd = argument;

	sessions_users(raftd->sessions, users);
}

static void
remember_status(struct raftd *raftd, const struct msg_status *status)
{
	raftd->alive.term = status->term;
	raftd->alive.store_index = status->store_index;
	raftd->alive.role = status->role;
}

static void
io_status(void *argument, const struct msg_status *status)
{
	struct raftd *raftd = argument;
	struct msg_node_state state = {
		.phase = status->phase,
		.node_id = status->node_id,
		.cluster_id = status->cluster_id,
		.term = status->term,
		.commit = status->commit,
		.applied = status->applied,
		.store_index = status->store_index,
		.role = status->role,
		.leader_id = status->leader_id,
		.members = status->members,
		.refuses = status->refuses,
	};

	meter_status(&raftd->meter, status);
	sessions_status(raftd->sessions, status);
	msg_node_state_frame(child_out(raftd->child), 0, &state);
	remember_status(raftd, status);
	title_set("%s: raftd %s %s term %" PRIu64 " index %" PRIu64, program_etcd(),
	    node_name(raftd->node), wire_role_name(status->role), status->term,
	    status->store_index);
}

static void
io_notice(void *argument, const char *text)
{
	struct raftd *raftd = argument;

	msg_notice_frame(child_out(raftd->child), 0,
	    &(struct msg_notice){ .text = slice_text(text) });
}

static void
io_note(void *argument UNUSED, enum diag_level level, const char *format, const char *text)
{
	diag_made_line(level, "raft", format, text);
}

static void
io_end(void *argument, enum exit_code code, const char *sentence)
{
	struct raftd *raftd = argument;

	if (!raftd->ending)
		child_end_node(raftd->child, code, sentence);
	raftd->ending = true;
}

/* When the wal is closed it is marked as retired: see main. */
static void
io_retire(void *argument, struct slice peers, uint64_t wait_ms)
{
	struct raftd *raftd = argument;

	/* One who never had a list of members asks whom it has asked. */
	if (peers.size == 0 && raftd->rejoin != NULL)
		peers = slice_text(raftd->rejoin);
	buf_append_slice(&raftd->retire_peers, peers);
	raftd->retire_wait_ms = wait_ms;
	raftd->ending = true;
	loop_stop(raftd->loop, EXIT_RETIRED);
}

static void
io_moved(void *argument, bool done)
{
	struct raftd *raftd = argument;
	struct msg_moved moved = { .done = done };

	msg_moved_frame(child_out(raftd->child), 0, &moved);
}

/* ---- completions of the disk ------------------------------------------------------ */

static void
disk_persisted(void *argument, uint64_t ticket)
{
	struct raftd *raftd = argument;

	node_persisted(raftd->node, ticket);
}

static void
disk_fetched(void *argument, uint64_t fetch, struct raft_position prev,
    const struct raft_entry *entries, size_t count)
{
	struct raftd *raftd = argument;

	node_fetched(raftd->node, fetch, prev, entries, count);
}

static void
disk_snapshot_read(void *argument, uint64_t snapshot, struct raft_position position,
    struct slice records, bool last)
{
	struct raftd *raftd = argument;

	node_snapshot_read(raftd->node, snapshot, position, records, last);
}

static void
disk_snapshot_lost(void *argument, uint64_t snapshot)
{
	struct raftd *raftd = argument;

	node_snapshot_lost(raftd->node, snapshot);
}

static void
disk_space(void *argument, const struct wal_space *space)
{
	struct raftd *raftd = argument;

	meter_space(space);
	node_disk_space(raftd->node, space);
}

static void
disk_failed(void *argument, enum err why UNUSED, const char *sentence)
{
	io_end(argument, EXIT_DATA, sentence);
}

/* ---- start ----------------------------------------------------------------------- */

/* Recovery is one long turn; the supervisor shall see that it goes on. */
static void
breathe(struct raftd *raftd)
{
	if (++raftd->loaded % RECORDS_PER_BREATH == 0)
		child_breathe(raftd->child);
}

static enum err
load_state(void *argument, struct slice key, struct slice value)
{
	struct raftd *raftd = argument;

	breathe(raftd);
	return node_load_state(raftd->node, key, value);
}

static enum err
load_entry(void *argument, const struct raft_entry *entry)
{
	struct raftd *raftd = argument;

	breathe(raftd);
	return node_load_entry(raftd->node, entry);
}

static void
io_applying(void *argument, bool begins)
{
	meter_applying(&((struct raftd *)argument)->meter, begins);
}

static uint64_t
io_wall_ns(void *argument UNUSED)
{
	return clock_now().wall_ns;
}

static struct node_io
make_io(struct raftd *raftd)
{
	return (struct node_io){
#define DISK_ASKS(name, parameters, arguments) .name = io_##name,
#define DISK_TELLS(name, parameters, arguments) .name = io_##name,
#include "raftd/node_disk_table.h"
		.peer_out = io_peer_out,
		.outcome = io_outcome,
		.watching = io_watching,
		.event = io_event,
		.v3_watching = io_v3_watching,
		.v3_events = io_v3_events,
		.v3_past = io_v3_past,
		.v3_progress = io_v3_progress,
		.stats = io_stats,
		.backup_piece = io_backup_piece,
		.queued = io_queued,
		.changed = io_changed,
		.users = io_users,
		.status = io_status,
		.notice = io_notice,
		.note = io_note,
		.end = io_end,
		.retire = io_retire,
		.moved = io_moved,
		.took = meter_took,
		.applying = io_applying,
		.condition = meter_condition,
		.wall_ns = io_wall_ns,
		.argument = raftd,
	};
}

static enum exit_code
exit_code_of(enum err err)
{
	switch (err) {
	case ERR_INVALID:
		return EXIT_USAGE;
	case ERR_BUSY:
		return EXIT_LOCKED;
	default:
		return EXIT_DATA;
	}
}

static void
channel_lost(void *argument, uint64_t token, int why)
{
	struct raftd *raftd = argument;

	msg_channel_lost_frame(child_out(raftd->child), 0,
	    &(struct msg_channel_lost){ .token = token, .why = (uint8_t)why });
}

/* One of a cluster that begins at all its nodes together has the id that follows from the
 * list, which the disk gets when it begins. Whoever was removed comes in as a new one. */
static enum err
take_initial_cluster(struct raftd *raftd, struct wal_recovered *recovered, char **sentence)
{
	const struct config *config = &raftd->config;
	const struct initial_member *self;
	char *problem;

	if (raftd->rejoin != NULL || strcmp(config->initial_cluster_state, "new") != 0)
		return ERR_NONE;
	/* Who else there is, the peer worker finds out; who this node is, it knows. */
	if (config->discovery_srv[0] != '\0' && recovered->identity.cluster_id == 0)
		recovered->identity.node_id = initial_cluster_url_id(
		    config->initial_cluster_token, config->peer_url);
	if (config->initial_cluster[0] == '\0')
		return ERR_NONE;
	problem = initial_cluster_read(config, &raftd->initial);
	if (problem != NULL) {
		*sentence = xasprintf("-initial-cluster: %s", problem);
		free(problem);
		return ERR_INVALID;
	}
	if (recovered->identity.cluster_id != 0)
		return ERR_NONE;
	self = initial_cluster_named(&raftd->initial, recovered->identity.name);
	if (self == NULL) {
		*sentence = xasprintf("-initial-cluster does not have %s in it, the name of this "
		    "node (-name)", recovered->identity.name);
		return ERR_INVALID;
	}
	if (!url_list_same(slice_text(self->urls), slice_text(config->peer_url))) {
		*sentence = xasprintf("-initial-cluster has %s=%s, and %s is what this node tells "
		    "the others (-initial-advertise-peer-urls, -peer-addr); give both the same",
		    self->name, self->urls, config->peer_url);
		return ERR_INVALID;
	}
	recovered->identity.node_id = self->id;
	return ERR_NONE;
}

/* Opens the disk and makes the node of it; on failure *sentence says why. */
static enum err
open_node(struct raftd *raftd, struct wal_recovered *recovered, char **sentence)
{
	const struct config *config = &raftd->config;
	struct wal_options options = {
		.data_dir = config->data_dir,
		.name = config->name,
		.cache_bytes = config->storage_cache,
		.sync = !config->no_fsync,
	};
	struct node_config node_config = {
		.peer_url = config->peer_url,
		.client_url = config->client_url,
		.data_dir = config->data_dir,
		.heartbeat_ms = config->peer_heartbeat_interval,
		.election_ms = config->peer_election_timeout,
		.request_timeout_ms = config->request_timeout,
		.trim_log = config->snapshot,
		.trim_entries = config->snapshot_count,
		.watches_max = config->max_watches,
		.seed = rand_entropy(),
		.new_cluster_id = rand_entropy(),
		.join = config->peers[0] != '\0' || config->discovery[0] != '\0' ||
		    config->discovery_srv[0] != '\0' || raftd->rejoin != NULL,
		.peers = config->peers[0] == '\0' ? NULL : config->peers,
		.rejoin = raftd->rejoin,
		.rejoin_wait_ms = raftd->rejoin_wait_ms,
		.resumes = child_restarts(raftd->child) > 0,
	};
	const char *where = NULL;
	enum err err;

	settings_take(config, &node_config);
	err = wal_open(&options, &raftd->wal, recovered, sentence);
	if (err != ERR_NONE)
		return err;
	if (raftd->rejoin != NULL && raftd->rejoin[0] == '\0' && config->peers[0] == '\0' &&
	    config->discovery[0] == '\0' && recovered->identity.cluster_id == 0) {
		*sentence = xasprintf("%s is of a machine that was removed, and whom to ask to "
		    "join again is not known any more; start it with -peers", config->data_dir);
		return ERR_INVALID;
	}
	err = take_initial_cluster(raftd, recovered, sentence);
	if (err != ERR_NONE)
		return err;
	if (raftd->initial.count > 0)
		node_config.initial = &raftd->initial;
	if (raftd->initial.count > 1)
		node_config.join = true;
	raftd->node = node_new(&node_config, make_io(raftd), recovered);
	raftd->sessions = sessions_new(raftd->loop, raftd->node);
	sessions_on_lost(raftd->sessions, channel_lost, raftd);
	err = wal_recover(raftd->wal, load_state, load_entry, raftd, sentence);
	if (err != ERR_NONE)
		return err;
	/* The recovery took its time: nobody is late already because of it. */
	err = node_start(raftd->node, clock_now(), &where);
	if (err == ERR_NONE)
		node_catch_up(raftd->node);
	else
		*sentence = xasprintf("%s is damaged: %s; restore it, or start with an empty "
		    "-data-dir to copy from a peer", config->data_dir, where);
	return err;
}

/* Between the two steps of the policy: what may make files and read old ones. */
static enum err
open_confined(struct raftd *raftd, struct wal_recovered *recovered, char **sentence)
{
	const struct config *config = &raftd->config;
	enum sandbox_mode mode = SANDBOX_BEST;
	enum err err;

	MUST(sandbox_mode_parse(config->sandbox, &mode));
	/* Renames and removes a directory, which nothing after it has to. */
	err = retire_begin(config->data_dir, &raftd->rejoin, &raftd->rejoin_wait_ms, sentence);
	if (err != ERR_NONE)
		return err;
	err = raftd_policy_open(mode, config->data_dir);
	if (err == ERR_NONE) {
		err = open_node(raftd, recovered, sentence);
		if (err != ERR_NONE)
			return err;
		precedence_take();
		err = raftd_policy_serve(mode, config->data_dir);
	}
	if (err == ERR_NONE)
		return ERR_NONE;
	*sentence = xasprintf("raftd cannot confine itself (-sandbox on): %s", err_text(err));
	return ERR_INVALID;
}

/* Space comes back by itself, so the supervisor tries again, later and later; what
 * else there is does not. */
static void
cannot_start(struct raftd *raftd, enum err err, const char *sentence)
{
	char *notice;

	if (err != ERR_NO_SPACE) {
		io_end(raftd, exit_code_of(err), sentence);
		return;
	}
	notice = xasprintf("disk full: nothing is read or written until there is space, which is "
	    "looked for every few seconds: %s", sentence);
	diag_error("disk", "%s", notice);
	io_notice(raftd, notice);
	free(notice);
	raftd->ending = true;
	loop_stop(raftd->loop, EXIT_TROUBLE);
}

static void
configured(void *argument, const struct config *config)
{
	struct raftd *raftd = argument;
	struct wal_recovered recovered = { 0 };
	struct buf settings = BUF_INIT;
	char *sentence = NULL, text[64];
	enum err err;

	config_to_settings(config, &settings);
	err = config_from_settings(&raftd->config, buf_slice(&settings));
	buf_free(&settings);
	ASSERT(err == ERR_NONE);
	err = open_confined(raftd, &recovered, &sentence);
	if (err != ERR_NONE) {
		cannot_start(raftd, err, sentence == NULL ? err_text(err) : sentence);
		free(sentence);
		return;
	}
	diag_set_node(node_name(raftd->node));
	wal_start(raftd->wal, raftd->loop, (struct wal_callbacks){
	    .persisted = disk_persisted, .fetched = disk_fetched,
	    .snapshot_read = disk_snapshot_read, .snapshot_lost = disk_snapshot_lost,
	    .space = disk_space, .failed = disk_failed,
	    .argument = raftd });
	wal_look(raftd->wal);
	/* Once at the start: what recovery took is more than what a turn takes. */
	xtrim();
	snprintf(text, sizeof(text), "%s at log index %" PRIu64,
	    recovered.is_new ? "new" : "recovered", recovered.last.index);
	diag_info("raft", "%s node=%016" PRIx64, text, recovered.identity.node_id);
	child_ready(raftd->child, text);
	loop_again(raftd->loop);
}

static void
reconfigured(void *argument, const struct config *config)
{
	struct raftd *raftd = argument;

	if (raftd->node != NULL)
		node_set_limits(raftd->node, config->request_timeout, config->max_watches);
}

static void
attached(void *argument, int role, uint32_t number, uint64_t token, int fd)
{
	struct raftd *raftd = argument;
	struct held_worker *held;

	/* The data could not be opened: the supervisor has been told. */
	if (raftd->ending) {
		close(fd);
		return;
	}
	if (role != ROLE_CLIENT || node_is_current(raftd->node)) {
		sessions_attach(raftd->sessions, role, number, token, fd);
		return;
	}
	held = xmalloc(sizeof(*held));
	*held = (struct held_worker){ .number = number, .token = token, .fd = fd };
	STAILQ_INSERT_TAIL(&raftd->held, held, link);
}

/* What clients of an earlier raftd were answered is applied again: workers may
 * ask on. Until now they keep their requests. */
static void
attach_held(struct raftd *raftd)
{
	struct held_worker *held;

	while ((held = STAILQ_FIRST(&raftd->held)) != NULL) {
		STAILQ_REMOVE_HEAD(&raftd->held, link);
		sessions_attach(raftd->sessions, ROLE_CLIENT, held->number, held->token, held->fd);
		free(held);
	}
}

static void
drop_held(struct raftd *raftd)
{
	struct held_worker *held;

	while ((held = STAILQ_FIRST(&raftd->held)) != NULL) {
		STAILQ_REMOVE_HEAD(&raftd->held, link);
		close(held->fd);
		free(held);
	}
}

/* A worker that reads a listing could not go on with it at another raftd. The turn's end sees
 * whether there is one. */
static void
stop(void *argument, int how)
{
	struct raftd *raftd = argument;

	if (how == STOP_FAST || raftd->node == NULL || !node_reads_end(raftd->node)) {
		loop_stop(raftd->loop, EXIT_STOPPED);
		return;
	}
	if (!raftd->stopping)
		loop_timer_set(raftd->stop_limit, READS_END_MS);
	raftd->stopping = true;
	loop_again(raftd->loop);
}

static void
stop_now(void *argument)
{
	struct raftd *raftd = argument;

	loop_stop(raftd->loop, EXIT_STOPPED);
}

static void
move_leader(void *argument, struct slice to)
{
	struct raftd *raftd = argument;

	if (raftd->node != NULL)
		node_move_leader(raftd->node, to);
	else
		io_moved(raftd, false);
}

static void
alive(void *argument, struct msg_alive *message)
{
	struct raftd *raftd = argument;

	/* A second has passed. */
	if (raftd->node != NULL && raftd->wal != NULL && !raftd->ending)
		wal_look(raftd->wal);
	*message = raftd->alive;
	message->connections = raftd->sessions == NULL ? 0 :
	    (uint32_t)sessions_count(raftd->sessions);
}

/* ---- the turn --------------------------------------------------------------------- */

/* An idle raftd has a turn at every sign of life for the supervisor; a busy one
 * leaves the page alone most of the time, for it is in the caches of its readers. */
static void
beat(struct raftd *raftd, uint64_t now_ms)
{
	if (now_ms - raftd->beat_ms < BEAT_MS_MIN)
		return;
	raftd->beat_ms = now_ms;
	sessions_beat(raftd->sessions);
}

static void
due(void *argument UNUSED)
{
}

static void
turn_end(void *argument)
{
	struct raftd *raftd = argument;
	/* Not the loop's, which may be from before what this turn has read: a
	 * TTL would count from a moment before its request. */
	struct clock_time now = clock_now();
	uint64_t deadline;

	if (raftd->stopping && !node_reads_end(raftd->node) &&
	    sessions_queued(raftd->sessions) == 0)
		loop_stop(raftd->loop, EXIT_STOPPED);
	if (raftd->wal == NULL || raftd->node == NULL || raftd->ending)
		return;
	beat(raftd, now.monotonic_ms);
	node_turn(raftd->node, now);
	if (node_is_current(raftd->node))
		attach_held(raftd);
	meter_turn(&raftd->meter, raftd->node);
	sessions_flush(raftd->sessions);
	meter_flushed(sessions_queued(raftd->sessions));
	trim_held(raftd->trim, node_memory(raftd->node) + sessions_queued(raftd->sessions) +
	    sessions_queued_for_nodes(raftd->sessions));
	deadline = node_deadline(raftd->node);
	if (deadline == UINT64_MAX)
		loop_timer_cancel(raftd->timer);
	else if (deadline <= now.monotonic_ms)
		loop_again(raftd->loop);
	else
		loop_timer_set(raftd->timer, deadline - now.monotonic_ms);
}

/* If that fails the node is what it was, and will be told again. */
static int
mark_retired(const struct raftd *raftd)
{
	char *sentence = NULL;
	enum err err = retire_mark(raftd->config.data_dir, buf_slice(&raftd->retire_peers),
	    raftd->retire_wait_ms, &sentence);

	if (err != ERR_NONE)
		diag_error("disk", "%s", sentence);
	free(sentence);
	return err == ERR_NONE ? EXIT_RETIRED : EXIT_TROUBLE;
}

int
main(int argc, char **argv)
{
	struct raftd raftd = { 0 };
	int code;

	/* An upgrade asks before it replaces anything. */
	if (argc == 4 && strcmp(argv[1], "--check") == 0)
		return child_check(argv, build_text);
	if (argc != 3 || strcmp(argv[1], "--control-fd") != 0 || strcmp(argv[2], "3") != 0) {
		diag_say("raftd: started by %s only, not by hand (raftd --control-fd 3)",
		    program_etcd());
		return EXIT_USAGE;
	}
	harden_start(CHILD_CONTROL_FD + 1);
	xmem_start();
	title_start(argc, argv);
	title_set("%s: raftd", program_etcd());
	diag_start("raftd");
	config_init(&raftd.config);
	STAILQ_INIT(&raftd.held);
	buf_init(&raftd.retire_peers, 0);
	raftd.loop = loop_new();
	raftd.trim = trim_new(raftd.loop);
	raftd.timer = loop_timer_new(raftd.loop, due, &raftd);
	raftd.stop_limit = loop_timer_new(raftd.loop, stop_now, &raftd);
	raftd.child = child_new(raftd.loop, CHILD_CONTROL_FD, ROLE_RAFTD, 0, (struct child_owner){
	    .configured = configured, .reconfigured = reconfigured, .attached = attached,
	    .stop = stop, .build = build_text,
	    .move_leader = move_leader, .alive = alive, .argument = &raftd });
	loop_at_turn_end(raftd.loop, turn_end, &raftd);
	code = loop_run(raftd.loop, EXIT_STOPPED);

	/* The wal writes what was submitted; the node must outlive its answers. */
	wal_close(&raftd.wal);
	if (code == EXIT_RETIRED)
		code = mark_retired(&raftd);
	drop_held(&raftd);
	sessions_free(&raftd.sessions);
	node_free(&raftd.node);
	child_free(&raftd.child);
	trim_free(&raftd.trim);
	loop_timer_free(&raftd.timer);
	loop_timer_free(&raftd.stop_limit);
	loop_free(&raftd.loop);
	free(raftd.rejoin);
	buf_free(&raftd.retire_peers);
	initial_cluster_free(&raftd.initial);
	config_free(&raftd.config);
	return code;
}
