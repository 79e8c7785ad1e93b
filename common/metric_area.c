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
#include <unistd.h>

#define OWN_SLOT 0

struct metric_area {
	int fd;
	struct metric_directory *directory;
};

/* A child that reads it meanwhile finds a slot before or after, and either is right. */
static void
store(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
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
	area->directory->holders[OWN_SLOT] = (struct metric_holder){ .role = ROLE_SUPERVISOR,
		.alive = 1 };
	area->directory->slots = 1;
	if (metric_attach(area->fd, OWN_SLOT, ROLE_SUPERVISOR) == ERR_NONE)
		return area;
	errno = ENOMEM;
fail:
	saved = errno;
	metric_area_free(&area);
	errno = saved;
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
	struct metric_directory *directory = area->directory;
	uint32_t slot = METRIC_NO_SLOT;

	*again = false;
	for (uint32_t i = 0; i < directory->slots; i++) {
		const struct metric_holder *holder = &directory->holders[i];

		if (holder->role != (uint32_t)role || holder->number != number)
			continue;
		*again = true;
		if (holder->alive == 0)
			slot = i;
	}
	if (slot == METRIC_NO_SLOT && directory->slots < SLOTS_MAX) {
		slot = directory->slots;
		store(&directory->holders[slot].role, (uint32_t)role);
		store(&directory->holders[slot].number, number);
		store(&directory->slots, slot + 1);
	}
	if (slot != METRIC_NO_SLOT)
		store(&directory->holders[slot].alive, 1);
	return slot;
}

void
metric_area_leave(struct metric_area *area, uint32_t slot)
{
	if (slot != METRIC_NO_SLOT)
		store(&area->directory->holders[slot].alive, 0);
}
