/*
 * metric_area.c - the supervisor's side of the counters: the file and who has
 * which slot of it (see metric.h). Linux only: an anonymous, sealed file.
 */
#include "common/metric_priv.h"

#include "common/ipc/wire.h"
#include "common/xmem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWN_SLOT 0

/* What is in the directory is for the others; nothing is read back from it. */
struct metric_area {
	int fd;
	struct metric_directory *directory;
	uint32_t slots;
	struct metric_holder holders[SLOTS_MAX];
};

static void
store(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

/* A child that looks meanwhile sees what was or what is, and either is right. */
static void
publish(struct metric_area *area, uint32_t slot)
{
	const struct metric_holder *holder = &area->holders[slot];

	store(&area->directory->holders[slot].role, holder->role);
	store(&area->directory->holders[slot].number, holder->number);
	store(&area->directory->holders[slot].alive, holder->alive);
	store(&area->directory->slots, area->slots);
}

struct metric_area *
metric_area_new(void)
{
	struct metric_area *area = xzalloc(sizeof(*area));
	int saved;

	area->directory = MAP_FAILED;
	area->fd = memfd_create("etcd-metrics", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (area->fd == -1 || ftruncate(area->fd, (off_t)AREA_BYTES) == -1 ||
	    fcntl(area->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == -1)
		goto fail;
	area->directory = mmap(NULL, BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, area->fd, 0);
	if (area->directory == MAP_FAILED)
		goto fail;
	area->directory->magic = METRIC_MAGIC;
	area->holders[OWN_SLOT] = (struct metric_holder){ .role = ROLE_SUPERVISOR, .alive = 1 };
	area->slots = 1;
	publish(area, OWN_SLOT);
	if (metric_attach(area->fd, OWN_SLOT, ROLE_SUPERVISOR) == ERR_NONE)
		return area;
	errno = ENOMEM;
fail:
	saved = errno;
	metric_area_free(&area);
	errno = saved;
	return NULL;
}

bool
metric_area_look(const struct metric_area *area, uint32_t slot, struct metric_holding *holding)
{
	if (slot >= area->slots)
		return false;
	*holding = (struct metric_holding){ .role = area->holders[slot].role,
		.number = area->holders[slot].number, .alive = area->holders[slot].alive != 0 };
	return true;
}

struct metric_area *
metric_area_resume(int fd, const struct metric_holding *holdings, size_t count)
{
	struct metric_area *area = xzalloc(sizeof(*area));
	struct stat status;

	area->fd = fd;
	area->directory = MAP_FAILED;
	if (count == 0 || count > SLOTS_MAX || fstat(fd, &status) == -1 ||
	    status.st_size != (off_t)AREA_BYTES)
		goto fail;
	area->directory = mmap(NULL, BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (area->directory == MAP_FAILED || area->directory->magic != METRIC_MAGIC)
		goto fail;
	area->slots = (uint32_t)count;
	for (uint32_t slot = 0; slot < area->slots; slot++) {
		area->holders[slot] = (struct metric_holder){ .role = holdings[slot].role,
			.number = holdings[slot].number, .alive = holdings[slot].alive };
		publish(area, slot);
	}
	if (metric_attach(fd, OWN_SLOT, ROLE_SUPERVISOR) == ERR_NONE)
		return area;
fail:
	metric_area_free(&area);
	return NULL;
}

void
metric_area_free(struct metric_area **area)
{
	if (*area == NULL)
		return;
	if ((*area)->directory != MAP_FAILED)
		munmap((*area)->directory, BLOCK_BYTES);
	if ((*area)->fd != -1)
		close((*area)->fd);
	free(*area);
	*area = NULL;
}

int
metric_area_fd(const struct metric_area *area)
{
	return area->fd;
}

uint32_t
metric_area_take(struct metric_area *area, int role, uint32_t number, bool *again)
{
	uint32_t slot = METRIC_NO_SLOT;

	*again = false;
	for (uint32_t i = 0; i < area->slots; i++) {
		const struct metric_holder *holder = &area->holders[i];

		if (holder->role != (uint32_t)role || holder->number != number)
			continue;
		*again = true;
		if (holder->alive == 0)
			slot = i;
	}
	if (slot == METRIC_NO_SLOT && area->slots < SLOTS_MAX)
		slot = area->slots++;
	if (slot == METRIC_NO_SLOT)
		return METRIC_NO_SLOT;
	area->holders[slot] = (struct metric_holder){ .role = (uint32_t)role, .number = number,
		.alive = 1 };
	publish(area, slot);
	return slot;
}

void
metric_area_leave(struct metric_area *area, uint32_t slot)
{
	if (slot == METRIC_NO_SLOT)
		return;
	area->holders[slot].alive = 0;
	publish(area, slot);
}
