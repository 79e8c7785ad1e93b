/*
 * metric_process.c - what a process says of itself (see metric_process.h).
 */
#include "common/metric_process.h"

#include "common/metric.h"
#include "common/xmem.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define NS_PER_US UINT64_C(1000)

struct metric_process {
	int memory_fd;			/* /proc/self/statm; -1: none */
	int descriptors_fd;		/* /proc/self/fd; -1: none */
	bool begun;
	char name[METRIC_PROCESS_BYTES];
	uint64_t cpu_ns;		/* counted already */
	struct metric_series *cpu;
	uint64_t memory;		/* resident bytes */
	struct metric_series *resident, *address_space, *open, *most;
};

struct metric_process *
metric_process_new(void)
{
	struct metric_process *process = xzalloc(sizeof(*process));

	process->memory_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	process->descriptors_fd = open("/proc/self/fd", O_PATH | O_CLOEXEC);
	return process;
}

void
metric_process_free(struct metric_process **process)
{
	if (*process == NULL)
		return;
	if ((*process)->memory_fd != -1)
		close((*process)->memory_fd);
	if ((*process)->descriptors_fd != -1)
		close((*process)->descriptors_fd);
	free(*process);
	*process = NULL;
}

static struct metric_series *
series(struct metric_process *process, enum metric_id id)
{
	const char *name = process->name;

	return metric_series(id, &name);
}

void
metric_process_begin(struct metric_process *process, int role, uint32_t number,
    struct clock_time now)
{
	metric_process_name(role, number, process->name);
	process->cpu = series(process, METRIC_process_cpu);
	metric_series_set(series(process, METRIC_process_start_time), now.wall_ns);
	process->begun = true;
	metric_process_look(process);
}

static uint64_t
timeval_ns(struct timeval time)
{
	return (uint64_t)time.tv_sec * NS_PER_SECOND + (uint64_t)time.tv_usec * NS_PER_US;
}

/* What those before us used stays counted. */
static void
look_at_time(struct metric_process *process)
{
	struct rusage usage;
	uint64_t cpu_ns;

	if (getrusage(RUSAGE_SELF, &usage) == -1)
		return;
	cpu_ns = timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime);
	if (cpu_ns > process->cpu_ns) {
		metric_series_add(process->cpu, cpu_ns - process->cpu_ns);
		process->cpu_ns = cpu_ns;
	}
}

static void
look_at_memory(struct metric_process *process)
{
	unsigned long long pages, resident;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	char text[128];
	ssize_t size;

	if (process->memory_fd == -1)
		return;
	size = pread(process->memory_fd, text, sizeof(text) - 1, 0);
	if (size <= 0)
		return;
	text[size] = '\0';
	if (sscanf(text, "%llu %llu", &pages, &resident) != 2)
		return;
	process->memory = resident * page;
	if (process->resident == NULL) {
		process->resident = series(process, METRIC_process_resident);
		process->address_space = series(process, METRIC_process_virtual);
	}
	metric_series_set(process->resident, process->memory);
	metric_series_set(process->address_space, pages * page);
}

uint64_t
metric_process_memory(const struct metric_process *process)
{
	return process->memory;
}

static void
look_at_descriptors(struct metric_process *process)
{
	struct rlimit limit;
	struct stat status;

	/* The size of that directory is the number of its entries, from 6.2 on. */
	if (process->descriptors_fd != -1 && fstat(process->descriptors_fd, &status) == 0 &&
	    status.st_size > 0) {
		if (process->open == NULL)
			process->open = series(process, METRIC_process_open_fds);
		metric_series_set(process->open, (uint64_t)status.st_size);
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		if (process->most == NULL)
			process->most = series(process, METRIC_process_max_fds);
		metric_series_set(process->most, (uint64_t)limit.rlim_cur);
	}
}

void
metric_process_look(struct metric_process *process)
{
	if (!process->begun)
		return;
	look_at_time(process);
	look_at_memory(process);
	look_at_descriptors(process);
}
