/*
 * shared_index.c - atomic numbers in a sealed page (see shared_index.h).
 *
 * The page cannot shrink under its readers: its size is sealed, and a reader
 * refuses a page that is not. Nor can a reader write to it, whatever becomes of
 * that worker: what one sees decides what another one answers from its cache.
 */
#include "common/ipc/shared_index.h"
#include "common/xmem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

/* Lines of the processors' caches: the index is read in every turn of a busy worker,
 * the revision with every request, the other one rarely. */
struct page {
	_Alignas(64) _Atomic uint64_t index;
	_Atomic uint64_t auth_revision;
	_Atomic uint64_t v3_auth_version;
	_Alignas(64) _Atomic uint64_t beats;
};

struct shared_index {
	struct page *page;
	int fd;			/* the writer's; -1 in a reader */
};

struct shared_index *
shared_index_new(void)
{
	struct shared_index *shared = xzalloc(sizeof(*shared));

	shared->fd = memfd_create("moothall-index", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ASSERT(shared->fd != -1);
	MUST(ftruncate(shared->fd, sizeof(*shared->page)) == 0);
	shared->page = mmap(NULL, sizeof(*shared->page), PROT_READ | PROT_WRITE, MAP_SHARED,
	    shared->fd, 0);
	ASSERT(shared->page != MAP_FAILED);
	/* Who gets the descriptor can read only: this mapping is the last to write. */
	MUST(fcntl(shared->fd, F_ADD_SEALS, SEALS | F_SEAL_FUTURE_WRITE) == 0);
	return shared;
}

int
shared_index_fd(const struct shared_index *shared)
{
	return shared->fd;
}

void
shared_index_set(struct shared_index *shared, uint64_t index)
{
	atomic_store_explicit(&shared->page->index, index, memory_order_release);
}

void
shared_index_set_auth(struct shared_index *shared, uint64_t revision)
{
	atomic_store_explicit(&shared->page->auth_revision, revision, memory_order_release);
}

void
shared_index_set_v3_auth(struct shared_index *shared, uint64_t version)
{
	atomic_store_explicit(&shared->page->v3_auth_version, version, memory_order_release);
}

void
shared_index_beat(struct shared_index *shared)
{
	atomic_fetch_add_explicit(&shared->page->beats, 1, memory_order_relaxed);
}

enum err
shared_index_open(int fd, struct shared_index **result)
{
	struct shared_index *shared;
	struct stat status;
	void *page = MAP_FAILED;

	if ((fcntl(fd, F_GET_SEALS) & SEALS) == SEALS && fstat(fd, &status) == 0 &&
	    status.st_size == sizeof(*shared->page))
		page = mmap(NULL, sizeof(*shared->page), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (page == MAP_FAILED)
		return ERR_MALFORMED;
	shared = xzalloc(sizeof(*shared));
	shared->page = page;
	shared->fd = -1;
	*result = shared;
	return ERR_NONE;
}

uint64_t
shared_index_get(const struct shared_index *shared)
{
	return atomic_load_explicit(&shared->page->index, memory_order_acquire);
}

uint64_t
shared_index_auth(const struct shared_index *shared)
{
	return atomic_load_explicit(&shared->page->auth_revision, memory_order_acquire);
}

uint64_t
shared_index_v3_auth(const struct shared_index *shared)
{
	return atomic_load_explicit(&shared->page->v3_auth_version, memory_order_acquire);
}

uint64_t
shared_index_beats(const struct shared_index *shared)
{
	return atomic_load_explicit(&shared->page->beats, memory_order_relaxed);
}

void
shared_index_free(struct shared_index **shared)
{
	if (*shared == NULL)
		return;
	munmap((*shared)->page, sizeof(*(*shared)->page));
	if ((*shared)->fd != -1)
		close((*shared)->fd);
	free(*shared);
	*shared = NULL;
}
