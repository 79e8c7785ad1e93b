/*
 * initial_cluster.h - a cluster that begins at all its nodes at once, from a list that each
 * of them was given: NAME=URL,... A node with several URLs is in it once for each.
 *
 * Everything that such a cluster begins with follows from the list, the token and the
 * options of the cluster, by the same rule on every node: the ids of its members, its own
 * id, and the entries that every log of it begins with. So no node is the first one, and
 * none has to ask another for anything but whether it has begun before.
 *
 *	order		by name, and the URLs of one name by their text, however the list was
 *			written
 *	member id	hash of token, name and URLs; or what the member itself has told all
 *	cluster id	upper half: hash of token and list; lower half: of the options too
 *
 * The hashes are part of the format: another one makes other clusters of the same lists.
 * Pure. Read by the supervisor (to check), raftd (to begin) and the peer worker (to ask).
 *
 * Source: docs/operations.md, "All nodes at once"; docs/formats.md, "Beginning together".
 */
#ifndef MOOTHALL_COMMON_INITIAL_CLUSTER_H
#define MOOTHALL_COMMON_INITIAL_CLUSTER_H

#include "common/cluster_config.h"
#include "common/limits.h"
#include "common/option.h"

struct initial_member {
	char *name;
	char *urls;			/* http://HOST:PORT or https://HOST:PORT,... */
	uint64_t id;			/* never 0 */
};

struct initial_cluster {
	struct initial_member list[VOTERS_MAX];	/* by name */
	size_t count;			/* at least 1 */
	uint64_t cluster_id;		/* never 0 */
	/* Of programs that know only the first so many options of the cluster. */
	uint64_t older_ids[CONFIG_ROWS];
	struct cluster_config options;	/* all values, defaults too */
};

/*
 * Read -initial-cluster, with the token and the options of the cluster that config has.
 *
 * NULL, and result is owned by the caller; or what is wrong with the list, freed by the
 * caller, and result is empty.
 */
char *initial_cluster_read(const struct config *config, struct initial_cluster *result) MUST_CHECK;
/* The options of the cluster that config has, as they are given. */
void initial_cluster_options(const struct config *config, struct cluster_config *given);

/* A node that has told the others of itself, by a discovery service. */
struct initial_told {
	uint64_t id;
	const char *name, *url;
};
/*
 * The same of nodes that have told of themselves. Everything given is borrowed.
 *
 *	token	where they met
 *	given	the options, as initial_cluster_options has them
 */
char *initial_cluster_make(const struct initial_told *told, size_t count, const char *token,
    const struct cluster_config *given, struct initial_cluster *result) MUST_CHECK;
/*
 * The same of nodes of which only the URLs are known, http://HOST:PORT, in any order and without
 * regard to case. Names and ids follow from them, as initial_cluster_url_name and _url_id say.
 */
char *initial_cluster_of_urls(const char *const *urls, size_t count, const char *token,
    const struct cluster_config *given, struct initial_cluster *result) MUST_CHECK;
/* Of a node's URLs, of which the first counts: HOST-PORT, with "." for what no name may have
 * in it; owned by the caller. */
char *initial_cluster_url_name(const char *urls);
uint64_t initial_cluster_url_id(const char *token, const char *urls);
/* Accepts an empty one, and one of zeros. */
void initial_cluster_free(struct initial_cluster *cluster);
/* The member of that name; NULL: none. */
const struct initial_member *initial_cluster_named(const struct initial_cluster *cluster,
    const char *name);
/* The member of that id; NULL: none. */
const struct initial_member *initial_cluster_member(const struct initial_cluster *cluster,
    uint64_t id);
/* So many have to agree before anything is decided. */
size_t initial_cluster_quorum(const struct initial_cluster *cluster);
/* Is that the id of a cluster that began with this list, token and options, in this program or one
 * from before some of the options were there? */
bool initial_cluster_began(const struct initial_cluster *cluster, uint64_t cluster_id);
/* Are two cluster ids of the same list and token, whatever the options are? */
bool initial_cluster_same_list(uint64_t one, uint64_t other);

#endif
