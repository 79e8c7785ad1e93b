/*
 * discovery_registry.h - who has entered a directory of a discovery service, by the protocol
 * of the 2.x series.
 *
 * Pure. The directory has a key for each machine: its id in hexadecimal digits, with the value
 * NAME=PEER_URL, or several of them separated by commas. Those that were made first, as many
 * as _config/size says, begin a cluster together; so every machine has to read the same of it.
 * Source: docs/operations.md, "Discovery".
 */
#ifndef MOOTHALL_HTTPD_PEER_DISCOVERY_REGISTRY_H
#define MOOTHALL_HTTPD_PEER_DISCOVERY_REGISTRY_H

#include "common/err.h"
#include "common/limits.h"
#include "common/slice.h"

struct registry_entry {
	uint64_t created;		/* createdIndex */
	uint64_t id;			/* 0: it is not one of a machine */
	char name[NAME_BYTES_MAX + 1];
	char url[URL_BYTES_MAX + 1];	/* its first */
};

struct registry {
	struct registry_entry first[DISCOVERY_SIZE_MAX];	/* in order of creation */
	size_t count;			/* of these */
};

/* A sentence, for people. */
#define REGISTRY_PROBLEM_BYTES 160

/*
 * The value of _config/size in an answer of the keys API.
 *
 *	size	out: 1 to DISCOVERY_SIZE_MAX
 *
 * ERR_NONE, or ERR_MALFORMED and problem is set.
 */
enum err registry_size_parse(struct slice body, unsigned *size,
    char problem[REGISTRY_PROBLEM_BYTES]) MUST_CHECK;
/*
 * The first machines of a listing, at most size of them. What is hidden, and directories, are
 * no machines.
 *
 * ERR_NONE, or ERR_MALFORMED and problem is set: it is no listing of a directory, or one of
 * the first is none of a machine.
 */
enum err registry_parse(struct slice body, unsigned size, struct registry *result,
    char problem[REGISTRY_PROBLEM_BYTES]) MUST_CHECK;
/* The one of that id; NULL: none. */
const struct registry_entry *registry_find(const struct registry *registry, uint64_t id);

#endif
