/*
 * sim_main.c - runs seeds: `sim --seed 17` repeats one, `sim --seeds 1 10000`
 * looks for one that fails, `sim --endless found` looks until it is killed and
 * writes those that failed into that file, as the arguments that repeat them.
 *
 * Many seeds run in child processes, each of which takes every n-th, so an assert or
 * a crash costs one seed: the child says which seed it begins, the parent
 * knows the one it died in.
 */
#include "common/base.h"
#include "common/clock.h"
#include "tests/sim/sim_world.h"

#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Longer than that in real time is a failure too. */
#define SEED_LIMIT_S 120
#define JOBS_MAX 64

struct sim_arguments {
	struct world_options world;
	uint64_t from, count;
	unsigned long jobs;
	bool many, self_test, quiet, stop;
	const char *found;		/* endless: where failing seeds go */
};

static void
usage(void)
{
	fputs("usage: sim [--seed N | --seeds FROM COUNT | --endless FILE] [--nodes 3|5|mixed]\n"
	      "           [--virtual-seconds N] [--jobs N] [--trace] [--self-test] [--quiet]\n"
	      "           [--stop]\n",
	    stderr);
	exit(EXIT_USAGE);
}

static uint64_t
number(const char *text)
{
	char *end;
	uint64_t value;

	if (text == NULL || *text < '0' || *text > '9')
		usage();
	value = strtoull(text, &end, 10);
	if (*end != '\0')
		usage();
	return value;
}

static void
parse(int argc, char **argv, struct sim_arguments *arguments)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seeds", required_argument, NULL, 'S' },
		{ "endless", required_argument, NULL, 'e' },
		{ "nodes", required_argument, NULL, 'n' },
		{ "virtual-seconds", required_argument, NULL, 'v' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "trace", no_argument, NULL, 't' },
		{ "self-test", no_argument, NULL, 'T' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "stop", no_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*arguments = (struct sim_arguments){ .from = 1, .count = 1, .jobs = 1 };
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			arguments->from = number(optarg);
			break;
		case 'S':
			arguments->many = true;
			arguments->from = number(optarg);
			arguments->count = number(optind < argc ? argv[optind++] : NULL);
			break;
		case 'e':
			arguments->many = true;
			arguments->found = optarg;
			arguments->from = clock_now().wall_ns / NS_PER_MS;
			arguments->count = UINT64_MAX / 2;
			break;
		case 'n':
			arguments->world.machines = strcmp(optarg, "mixed") == 0 ? 0 :
			    number(optarg);
			if (arguments->world.machines > SIM_MACHINES_MAX)
				usage();
			break;
		case 'v':
			arguments->world.fault_ms = number(optarg) * 1000;
			break;
		case 'j':
			arguments->jobs = number(optarg);
			if (arguments->jobs < 1 || arguments->jobs > JOBS_MAX)
				usage();
			break;
		case 't':
			arguments->world.trace = stdout;
			break;
		case 'T':
			arguments->self_test = true;
			break;
		case 'q':
			arguments->quiet = true;
			break;
		case 'o':
			arguments->stop = true;
			break;
		default:
			usage();
		}
	}
	if (optind != argc)
		usage();
}

static uint32_t
run(const struct sim_arguments *arguments, uint64_t seed)
{
	struct world_options options = arguments->world;
	struct world *world;
	uint32_t trace_hash;

	options.seed = seed;
	world = world_new(&options);
	world_run(world);
	trace_hash = world->trace_hash;
	if (!arguments->quiet)
		printf("seed %" PRIu64 " passed: trace=%08" PRIx32 " machines=%zu virtual=%" PRIu64
		    "s operations=%" PRIu64 " answered=%" PRIu64 " unknown=%" PRIu64
		    " events=%" PRIu64 " pieces=%" PRIu64 " crashes=%" PRIu64
		    " partitions=%" PRIu64 " snapshots=%" PRIu64 " leaders=%" PRIu64
		    " disk_faults=%" PRIu64 " fetches=%" PRIu64 " late_fetches=%" PRIu64
		    " limits=%" PRIu64 " moves=%" PRIu64 " rights=%" PRIu64 " refused=%" PRIu64
		    " senseless=%" PRIu64 " looks=%" PRIu64 " v3=%" PRIu64 " leases=%" PRIu64
		    " renewals=%" PRIu64 "\n",
		    seed, trace_hash, world->machine_count, world->now_ms / 1000,
		    world->operations, world->answered, world->unknown, world->events_seen,
		    world->pieces, world->crashes, world->partitions, world->snapshots,
		    world->elections, world->disk_faults, world->fetches,
		    world->late_fetches, world->limits, world->moves, world->rights,
		    world->refused, world->senseless_frames, world->looks,
		    world->v3_writes, world->leases, world->renewals);
	world_free(&world);
	return trace_hash;
}

/* ---- many seeds ---------------------------------------------------------------------- */

struct job {
	pid_t pid;		/* 0: it has no seeds left */
	int pipe;
	uint64_t next;		/* seed the next child begins with */
	uint64_t at;		/* seed the child is at */
	uint64_t passed, failed;
};

static void
run_child(const struct sim_arguments *arguments, uint64_t seed, int out)
{
	for (; seed < arguments->from + arguments->count; seed += arguments->jobs) {
		if (write(out, &seed, sizeof(seed)) != (ssize_t)sizeof(seed))
			_exit(EXIT_INTERNAL);
		alarm(SEED_LIMIT_S);
		run(arguments, seed);
		fflush(stdout);
	}
	exit(EXIT_STOPPED);
}

static void
start_child(const struct sim_arguments *arguments, struct job *job)
{
	int ends[2];

	fflush(stdout);
	if (pipe(ends) != 0 || (job->pid = fork()) == -1) {
		perror("sim");
		exit(EXIT_INTERNAL);
	}
	if (job->pid == 0) {
		close(ends[0]);
		run_child(arguments, job->next, ends[1]);
	}
	close(ends[1]);
	job->pipe = ends[0];
	job->at = 0;
}

/* Keep what repeats it. */
static void
write_found(const struct sim_arguments *arguments, uint64_t seed)
{
	FILE *file = arguments->found == NULL ? NULL : fopen(arguments->found, "a");

	if (file == NULL)
		return;
	fprintf(file, "--seed %" PRIu64, seed);
	if (arguments->world.machines != 0)
		fprintf(file, " --nodes %zu", arguments->world.machines);
	if (arguments->world.fault_ms != 0)
		fprintf(file, " --virtual-seconds %" PRIu64, arguments->world.fault_ms / 1000);
	fputc('\n', file);
	fclose(file);
}

/* The child ended. True if there are seeds left for another. */
static bool
end_child(const struct sim_arguments *arguments, struct job *job)
{
	int status;

	close(job->pipe);
	if (waitpid(job->pid, &status, 0) != job->pid)
		exit(EXIT_INTERNAL);
	job->pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_STOPPED)
		return false;
	job->passed--;
	job->failed++;
	if (WIFSIGNALED(status))
		printf("seed %" PRIu64 " FAILED: %s\n", job->at,
		    WTERMSIG(status) == SIGALRM ? "does not end" : strsignal(WTERMSIG(status)));
	else
		printf("seed %" PRIu64 " failed: exit code %d\n", job->at, WEXITSTATUS(status));
	write_found(arguments, job->at);
	job->next = job->at + arguments->jobs;
	return !arguments->stop && job->next < arguments->from + arguments->count;
}

/* A seed begins, and those before it passed; or the child is at its end. */
static void
hear_child(const struct sim_arguments *arguments, struct job *job)
{
	uint64_t seed;

	if (read(job->pipe, &seed, sizeof(seed)) == (ssize_t)sizeof(seed)) {
		job->at = seed;
		job->passed++;
	} else if (end_child(arguments, job)) {
		start_child(arguments, job);
	}
}

/* One wait for whoever has something to say. False: all have ended. */
static bool
hear_children(const struct sim_arguments *arguments, struct job *jobs)
{
	struct pollfd polls[JOBS_MAX];
	nfds_t count = 0;

	for (size_t i = 0; i < arguments->jobs; i++) {
		if (jobs[i].pid != 0)
			polls[count++] = (struct pollfd){ .fd = jobs[i].pipe, .events = POLLIN };
	}
	if (count == 0)
		return false;
	if (poll(polls, count, -1) < 0)
		exit(EXIT_INTERNAL);
	for (size_t i = 0; i < arguments->jobs; i++) {
		for (nfds_t n = 0; n < count; n++) {
			if (jobs[i].pid != 0 && polls[n].fd == jobs[i].pipe &&
			    polls[n].revents != 0) {
				hear_child(arguments, &jobs[i]);
				polls[n].fd = -1;
			}
		}
	}
	return true;
}

static uint64_t
run_many(const struct sim_arguments *arguments)
{
	struct job jobs[JOBS_MAX] = { 0 };
	uint64_t passed = 0, failed = 0;

	for (size_t i = 0; i < arguments->jobs && i < arguments->count; i++) {
		jobs[i].next = arguments->from + i;
		start_child(arguments, &jobs[i]);
	}
	while (hear_children(arguments, jobs))
		;
	for (size_t i = 0; i < arguments->jobs; i++) {
		passed += jobs[i].passed;
		failed += jobs[i].failed;
	}
	printf("%" PRIu64 " passed, %" PRIu64 " failed\n", passed, failed);
	return failed;
}

int
main(int argc, char **argv)
{
	struct sim_arguments arguments;

	parse(argc, argv, &arguments);
	if (arguments.many)
		return run_many(&arguments) == 0 ? EXIT_STOPPED : EXIT_TROUBLE;
	if (arguments.self_test) {
		bool same = run(&arguments, arguments.from) == run(&arguments, arguments.from);

		printf("seed %" PRIu64 " repeats itself: %s\n", arguments.from,
		    same ? "yes" : "no");
		return same ? EXIT_STOPPED : EXIT_TROUBLE;
	}
	run(&arguments, arguments.from);
	return EXIT_STOPPED;
}
