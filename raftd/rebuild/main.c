/*
 * main.c - the program "rebuild": makes a data directory of a backup, or of what
 * is left of an old one. Beside raftd the only program that knows LevelDB.
 *
 *	rebuild restore held|new DIR NAME PEER_URL CLIENT_URL FILE
 *		the backup is open at descriptor 3, FILE is what to call it; held: the
 *		caller has DIR's lock
 *	rebuild inspect DIR
 *		what is in the directory of a stopped node, on standard output as lines
 *		NAME=VALUE
 *	rebuild recover DIR TO NAME
 *		TO is made of DIR; NAME may be empty: the old one
 *	rebuild discard DIR
 *		what a node that was removed left in DIR goes; there is another one now
 *
 * Started by etcd and etcdctl, which ask the questions, and in whose names it speaks.
 * Everything is read and checked once before anything is made: what is loaded
 * builds the tree in memory, as raftd would. Then it is written, from the same
 * source, and what the new cluster changes behind it.
 *
 * Exit codes: those of base.h. EXIT_DATA: the backup or directory is damaged.
 */
#include "common/backup.h"
#include "common/clock.h"
#include "common/data_dir.h"
#include "common/diag.h"
#include "common/harden.h"
#include "common/node_name.h"
#include "common/printable.h"
#include "common/program.h"
#include "common/rand.h"
#include "common/xmem.h"
#include "raftd/policy.h"
#include "raftd/rebuild/progress.h"
#include "raftd/rebuild/replay.h"
#include "raftd/rebuild/source.h"
#include "raftd/rebuild/target.h"
#include "raftd/replica/replica.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BACKUP_FD 3

/* One run: what is read goes into the replay; then, again, into the target. */
struct rebuild {
	const char *shown;		/* what is read, for messages */
	struct replay *replay;		/* NULL until a backup's head came */
	struct target *target;		/* NULL: the first reading, or none is wanted */
	struct rebuild_progress progress;
	uint64_t done_bytes;
	uint64_t made_ns;		/* of a backup */
	char made_by[NAME_BYTES_MAX + 1];
	bool old;			/* some records are written anew, not as they are */
	enum err put_failed;
	char *sentence;
};

static volatile sig_atomic_t stop_signal;	/* 0: none came */

static const char *program_name;	/* in whose name we speak: argv[0] */

static void
note_signal(int number)
{
	stop_signal = number;
}

static bool
is_stopped(void)
{
	return stop_signal != 0;
}

/* So that a copy does not stay behind: what is read asks is_stopped. */
static void
catch_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = note_signal };

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_COUNT(numbers); i++)
		(void)sigaction(numbers[i], &action, NULL);
}

/* Takes sentence; NULL: the error's own text. */
static enum exit_code
fail(enum err err, char *sentence)
{
	diag_say("%s: %s", program_name, sentence == NULL ? err_text(err) : sentence);
	free(sentence);
	switch (err) {
	case ERR_INVALID:
		return EXIT_USAGE;
	case ERR_BUSY:
		return EXIT_LOCKED;
	case ERR_CORRUPT:
	case ERR_CLOSED:
	case ERR_FOREIGN:
	case ERR_UNSUPPORTED:
		return EXIT_DATA;
	default:
		return EXIT_TROUBLE;
	}
}

/* Before anything is read: a directory of a name that no start takes is of no use. */
static enum err
check_name(struct rebuild *run, const char *name)
{
	char *problem = node_name_problem(name);

	if (problem == NULL)
		return ERR_NONE;
	run->sentence = xasprintf("the node's name: %s", problem);
	free(problem);
	return ERR_INVALID;
}

/* ---- what was read ---------------------------------------------------------------------- */

static const struct members *
members_of(const struct rebuild *run)
{
	return &replay_replica(run->replay)->members;
}

static uint64_t
store_index_of(const struct rebuild *run)
{
	return store_index(replay_replica(run->replay)->store);
}

/* ---- to the target -------------------------------------------------------------------- */

/* From a callback that cannot fail: the first failure is kept. */
static void
put(void *argument, struct slice records)
{
	struct rebuild *run = argument;

	if (run->target != NULL && run->put_failed == ERR_NONE && records.size > 0)
		run->put_failed = target_put(run->target, records, &run->sentence);
}

static void
put_record(struct rebuild *run, const struct state_record *record)
{
	struct buf records = BUF_INIT;

	state_record_put(&records, record);
	put(run, buf_slice(&records));
	buf_free(&records);
}

static struct replay_effects
effects_of(struct rebuild *run)
{
	return (struct replay_effects){ .take = put, .argument = run };
}

/* All records are with the target: the new cluster's first member, and the end. */
static enum err
create_cluster(struct rebuild *run, const char *name, const char *peer_url, const char *client_url)
{
	struct replay_effects effects = effects_of(run);
	struct replay_first_member first = {
		.node_id = target_node_id(run->target),
		.cluster_id = rand_entropy(),
		.name = slice_text(name),
		.peer_url = slice_text(peer_url),
		.client_url = slice_text(client_url),
	};
	struct raft_position position = replay_recreate_cluster(run->replay, &first,
	    &effects);

	if (run->put_failed != ERR_NONE)
		return run->put_failed;
	return target_finish(run->target, position, first.cluster_id, &run->sentence);
}

/* ---- restore --------------------------------------------------------------------------- */

static enum err
backup_head_came(void *argument, const struct backup_head *head)
{
	struct rebuild *run = argument;

	if (run->replay != NULL)
		return ERR_NONE;
	snprintf(run->made_by, sizeof(run->made_by), "%.*s", SLICE_ARGS(head->name));
	run->made_ns = head->made_ns;
	run->replay = replay_new((struct raft_position){ head->raft_index, head->raft_term });
	return ERR_NONE;
}

static enum err
backup_records_came(void *argument, struct slice records)
{
	struct rebuild *run = argument;
	struct reader in = reader_of(records);
	struct state_record record;

	run->done_bytes += records.size;
	rebuild_progress_show(&run->progress, run->done_bytes);
	if (run->target != NULL && !run->old) {
		put(run, records);
		return run->put_failed;
	}
	while (!reader_done(&in)) {
		if (!state_record_get(&in, &record) || (run->target == NULL &&
		    replay_load_state(run->replay, record.key, record.value) != ERR_NONE)) {
			run->sentence = xasprintf("%s holds a record that no node can have written",
			    run->shown);
			return ERR_CORRUPT;
		}
		if (replica_record_is_old(record.key))
			run->old = true;
		else if (run->target != NULL)
			put_record(run, &record);
	}
	return run->put_failed;
}

static enum err
read_backup(struct rebuild *run, const char *what)
{
	struct backup_owner owner = { .head = backup_head_came, .records = backup_records_came,
		.argument = run };
	struct stat status = { .st_size = 0 };
	enum err err;

	(void)fstat(BACKUP_FD, &status);
	run->done_bytes = 0;
	rebuild_progress_start(&run->progress, what, (uint64_t)status.st_size);
	err = backup_file_read(BACKUP_FD, run->shown, owner, &run->sentence);
	rebuild_progress_end(&run->progress);
	return err;
}

static enum err
check_loaded(struct rebuild *run)
{
	struct replay_effects effects = effects_of(run);
	const char *where;
	enum err err = replay_run(run->replay, &effects, &where);

	if (err != ERR_NONE)
		run->sentence = xasprintf("%s is damaged: %s", run->shown, where);
	return err;
}

static enum exit_code
restore(struct rebuild *run, char **words)
{
	struct target_options options = { .held = strcmp(words[0], "held") == 0,
		.data_dir = words[1], .name = words[2] };
	struct replay_effects effects = effects_of(run);
	char made[CLOCK_TEXT_BYTES];
	enum err err;

	run->shown = words[5];
	err = check_name(run, options.name);
	if (err == ERR_NONE)
		err = read_backup(run, "checking");
	if (err == ERR_NONE)
		err = check_loaded(run);
	if (err != ERR_NONE)
		return fail(err, run->sentence);
	err = target_open(&options, &run->target, &run->sentence);
	/* The file is from outside; there is no need for any other from here on. */
	if (err == ERR_NONE)
		err = raftd_policy_open(SANDBOX_BEST, options.data_dir);
	if (err == ERR_NONE)
		err = read_backup(run, "restoring");
	if (err == ERR_NONE && run->old)
		replay_renew(run->replay, &effects);
	if (err == ERR_NONE)
		err = create_cluster(run, options.name, words[3], words[4]);
	if (err != ERR_NONE)
		return fail(err, run->sentence);
	clock_format(run->made_ns, 0, false, made);
	diag_say("restored %s, made %s by %s, into %s: store index %" PRIu64, run->shown, made,
	    run->made_by, options.data_dir, store_index_of(run));
	return EXIT_STOPPED;
}

/* ---- directories of stopped nodes --------------------------------------------------------- */

static enum err
state_came(void *argument, struct slice key, struct slice value)
{
	struct rebuild *run = argument;

	if (is_stopped())
		return ERR_CLOSED;
	if (run->target == NULL)
		return replay_load_state(run->replay, key, value);
	put_record(run, &(struct state_record){ key, value });
	return run->put_failed;
}

static enum err
entry_came(void *argument, const struct raft_entry *entry)
{
	struct rebuild *run = argument;

	return run->target == NULL ? replay_load_entry(run->replay, entry) : ERR_NONE;
}

/* Into the replay, without its log's end; that is for replay_run. */
static enum err
read_source(struct rebuild *run, struct source *source)
{
	enum err err;

	if (run->replay == NULL)
		run->replay = replay_new(source_recovered(source)->applied);
	err = source_read(source, state_came, entry_came, run, &run->sentence);
	if (err == ERR_CLOSED && run->sentence == NULL)
		run->sentence = xstrdup("interrupted");
	else if (err != ERR_NONE && run->sentence == NULL)
		run->sentence = xasprintf("%s is damaged: it holds a record that no node can have "
		    "written", run->shown);
	return err;
}

/* One line, whatever the name is. */
static void
print_name(const char *what, struct slice name)
{
	struct buf line = BUF_INIT;

	buf_printf(&line, "%s=", what);
	printable_put(&line, name);
	buf_append_byte(&line, '\n');
	fwrite(line.data, 1, line.size, stdout);
	buf_free(&line);
}

/* The addresses of the member of that name; empty texts if there is none. */
static void
print_urls(const struct rebuild *run, const char *name)
{
	const struct member *member = members_named(members_of(run), slice_text(name));

	print_name("peer", slice_text(member == NULL ? "" : member->peer_url));
	print_name("client", slice_text(member == NULL ? "" : member->client_url));
}

static void
print_members(const struct rebuild *run)
{
	const struct members *members = members_of(run);

	for (size_t i = 0; i < members->count; i++)
		print_name("member", slice_text(members->list[i].name));
}

static enum exit_code
inspect(struct rebuild *run, char **words)
{
	const struct wal_recovered *recovered;
	struct source *source = NULL;
	enum err err;

	run->shown = words[0];
	err = source_open(run->shown, is_stopped, &source, &run->sentence);
	if (err == ERR_NONE)
		err = read_source(run, source);
	if (err == ERR_NONE)
		err = check_loaded(run);
	if (err != ERR_NONE) {
		source_close(&source);
		return fail(err, run->sentence);
	}
	recovered = source_recovered(source);
	print_name("name", slice_text(recovered->identity.name));
	printf("cluster=%016" PRIx64 "\nterm=%" PRIu64 "\nlast=%" PRIu64 "\ncommit=%" PRIu64
	    "\nstore=%" PRIu64 "\n", recovered->identity.cluster_id, recovered->last.term,
	    recovered->last.index, MAX_OF(recovered->commit, recovered->applied.index),
	    store_index_of(run));
	print_urls(run, recovered->identity.name);
	print_members(run);
	source_close(&source);
	return EXIT_STOPPED;
}

/* The applied state goes to the target as it is, then what the log's end changes. */
static enum err
write_recovered(struct rebuild *run, struct source *source, const char *name)
{
	char *peer_url, *client_url;
	const struct member *member;
	enum err err = read_source(run, source);

	if (err == ERR_NONE)
		err = check_loaded(run);
	if (err == ERR_NONE)
		err = run->put_failed;
	if (err != ERR_NONE)
		return err;
	/* Copies: it is removed before it joins. */
	member = members_named(members_of(run), slice_text(name));
	peer_url = xstrdup(member == NULL ? "" : member->peer_url);
	client_url = xstrdup(member == NULL ? "" : member->client_url);
	err = create_cluster(run, name, peer_url, client_url);
	free(peer_url);
	free(client_url);
	return err;
}

static enum exit_code
recover(struct rebuild *run, char **words)
{
	struct target_options options = { .data_dir = words[1], .name = words[2] };
	struct source *source = NULL;
	enum err err;

	run->shown = words[0];
	err = options.name[0] == '\0' ? ERR_NONE : check_name(run, options.name);
	if (err == ERR_NONE)
		err = source_open(run->shown, is_stopped, &source, &run->sentence);
	if (err == ERR_NONE)
		err = read_source(run, source);
	if (err == ERR_NONE && options.name[0] == '\0')
		options.name = source_recovered(source)->identity.name;
	if (err == ERR_NONE)
		err = target_open(&options, &run->target, &run->sentence);
	if (err == ERR_NONE)
		err = write_recovered(run, source, options.name);
	if (err == ERR_NONE)
		diag_say("made %s of %s: node %s, store index %" PRIu64, options.data_dir,
		    run->shown, options.name, store_index_of(run));
	source_close(&source);
	return err == ERR_NONE ? EXIT_STOPPED : fail(err, run->sentence);
}

/* ---- data that nobody needs any more ------------------------------------------------------- */

/* Its lock is held by the descriptor BACKUP_FD, which we were started with. */
static enum exit_code
discard(char **words)
{
	enum err err = data_dir_remove_removed(words[0]);

	return err == ERR_NONE ? EXIT_STOPPED :
	    fail(err, xasprintf("%s/db.removed: %s", words[0], err_text(err)));
}

int
main(int argc, char **argv)
{
	struct rebuild run = { .shown = "" };
	enum exit_code code;

	harden_start(BACKUP_FD + 1);
	xmem_start();
	diag_start("rebuild");
	program_name = argc > 0 ? argv[0] : "rebuild";
	if (argc == 8 && strcmp(argv[1], "restore") == 0) {
		code = restore(&run, argv + 2);
	} else if (argc == 3 && strcmp(argv[1], "inspect") == 0) {
		catch_signals();
		code = inspect(&run, argv + 2);
	} else if (argc == 5 && strcmp(argv[1], "recover") == 0) {
		catch_signals();
		code = recover(&run, argv + 2);
	} else if (argc == 3 && strcmp(argv[1], "discard") == 0) {
		code = discard(argv + 2);
	} else {
		diag_say("rebuild: started by %s -restore and %s recover, not by hand",
		    program_etcd(), program_etcdctl());
		return EXIT_USAGE;
	}
	target_close(&run.target);
	replay_free(&run.replay);
	return (int)code;
}
