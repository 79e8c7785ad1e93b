/*
 * begin.c - how a cluster begins.
 *
 * At one node, which the others join: it is the only voter of an entry that makes it a
 * member and says the options of the cluster, and leads at once.
 *
 * Or at all of them together (common/initial_cluster.h): each log begins with the same
 * entries, one for each member, by name. They are no proposals of anybody: they are what
 * this cluster is, committed before there is a leader, so every one of them is in every
 * log, with one term, one stamp and the same bytes. Then the members elect a leader as
 * they do after any start; a quorum of them is enough, and who comes later finds its log
 * to be the beginning of that of the others.
 *
 *	empty --nobody is to be asked-----------> begun		[begin_at_start]
 *	empty --others are to be asked, enough
 *		of them agree (httpd/peer/gather.c)> begun	[node_create_cluster]
 *	empty --the same of those that a discovery
 *		service has named---------------> begun	[node_begin_cluster]
 *
 * The list does not say where clients reach a member; each says so itself, as one does
 * whose addresses have changed (propose.c). Until then that address is empty, and so it
 * also tells that the member has taken part: one that begins again with an empty
 * directory has lost what it had promised, and is not let in under its old id.
 */
#include "raftd/node_priv.h"

#include "common/arena.h"
#include "common/url_list.h"
#include "common/xmem.h"

#include <stdlib.h>

/* The options, and the first member of all or the only one. All values are written down, so
 * that no default of a later program counts. */
static struct blob *
first_entry(const struct cluster_config *options, struct command_create_items first)
{
	struct buf items = BUF_INIT;
	struct blob *payload;

	cluster_config_put(options, &items);
	first.items = buf_slice(&items);
	payload = command_new_create(&first);
	buf_free(&items);
	return payload;
}

static void
begin_alone(struct node *node)
{
	struct cluster_config founding;
	struct blob *payload;

	cluster_config_begin(&founding, &node->config.cluster);
	payload = first_entry(&founding, (struct command_create_items){
	    .id = node->id,
	    .cluster_id = node->config.new_cluster_id,
	    .name = slice_text(node->name),
	    .peer_url = slice_text(node->config.peer_url),
	    .client_url = slice_text(node->config.client_url),
	});
	node_note(node, DIAG_INFO, "%s is starting a new cluster", node->name);
	raft_bootstrap(node->raft, payload, node_time_ns(node));
	blob_unref(&payload);
}

/* Of the first one, or of another. Nobody else has to make the same entries for a list of one,
 * unless this node is to say its name as well. */
static struct blob *
entry_of(const struct node *node, const struct initial_cluster *initial, size_t place)
{
	const struct initial_member *member = &initial->list[place];
	struct slice client_url = initial->count > 1 || strcmp(member->name, node->name) != 0 ?
	    SLICE_EMPTY : slice_text(node->config.client_url);
	struct command_member join = {
		.op = MEMBER_JOIN,
		.id = member->id,
		.name = slice_text(member->name),
		.peer_url = slice_text(member->urls),
		.client_url = client_url,
	};

	if (place > 0)
		return command_new_member(0, 0, 0, &join);
	return first_entry(&initial->options, (struct command_create_items){
	    .id = member->id,
	    .cluster_id = initial->cluster_id,
	    .name = slice_text(member->name),
	    .peer_url = slice_text(member->urls),
	    .client_url = client_url,
	});
}

static void
begin_together(struct node *node, const struct initial_cluster *initial, const char *where)
{
	struct raft_entry entries[VOTERS_MAX];

	for (size_t i = 0; i < initial->count; i++)
		entries[i] = (struct raft_entry){
			.type = RAFT_ENTRY_CONF,
			.conf_op = RAFT_CONF_ADD_VOTER,
			.conf_peer = initial->list[i].id,
			.payload = entry_of(node, initial, i),
		};
	node_note(node, DIAG_INFO, "%s begins cluster=%016" PRIx64 " with all that are in %s "
	    "members=%zu", node->name, initial->cluster_id, where, initial->count);
	raft_begin_together(node->raft, entries, initial->count);
	for (size_t i = 0; i < initial->count; i++)
		blob_unref(&entries[i].payload);
	node->cluster_id = initial->cluster_id;
	node->written_cluster_id = initial->cluster_id;
	node->founded = initial->count == 1;
	/* All of them are told in one line. */
	node->told_after = initial->count;
	node->members_told = false;
}

static bool
is_empty(const struct node *node)
{
	return node->fresh && node->cluster_id == 0 && node->applied.index == 0 &&
	    raft_last(node->raft).index == 0 && raft_current_term(node->raft) == 0;
}

static void
begin(struct node *node)
{
	if (node->config.initial != NULL)
		begin_together(node, node->config.initial, "-initial-cluster");
	else
		begin_alone(node);
}

/* Options of the cluster that were given and say something else than it has. One that was
 * changed by a request since is no news, nor is one that is left to its default. */
void
begin_tell_options(struct node *node)
{
	const struct cluster_config *given;
	struct buf names = BUF_INIT;

	if (!node->options_differ)
		return;
	node->options_differ = false;
	given = &node->config.initial->options;
	for (size_t i = 0; i < CONFIG_ROWS; i++) {
		uint64_t value = cluster_config_value(given, &config_rows[i]);

		if (value != config_rows[i].initial &&
		    value != cluster_config_value(&node->replica->config, &config_rows[i]))
			buf_printf(&names, "%s%s", names.size == 0 ? "" : ",",
			    config_rows[i].json);
	}
	if (names.size > 0)
		node_note(node, DIAG_WARN, "options of the cluster are not what it has: ignored, "
		    "/v2/admin/config changes them: options=%.*s", SLICE_ARGS(buf_slice(&names)));
	buf_free(&names);
}

/* The list counts for an empty directory only. */
static void
note_ignored(struct node *node)
{
	const struct initial_cluster *initial = node->config.initial;

	if (initial == NULL || initial_cluster_began(initial, node->cluster_id))
		return;
	if (initial_cluster_same_list(initial->cluster_id, node->cluster_id))
		node->options_differ = true;
	else
		node_note(node, DIAG_WARN, "-initial-cluster and -initial-cluster-token are not "
		    "what %s began with: ignored, it is a member of cluster %016" PRIx64
		    " with the members that it has there", node->config.data_dir, node->cluster_id);
}

void
begin_at_start(struct node *node)
{
	if (node->cluster_id != 0)
		note_ignored(node);
	else if (is_empty(node) && !node->config.join)
		begin(node);
}

void
node_create_cluster(struct node *node)
{
	if (!is_empty(node))
		return;
	begin(node);
	node->status_due = true;
}

/* ---- told by a discovery service -------------------------------------------------------- */

/* As many as may be of that list, copied. False: it is none. */
static bool
read_told(struct slice nodes, struct arena *arena, struct initial_told *told, size_t *count)
{
	struct reader in = reader_of(nodes);
	struct told_record record;

	for (*count = 0; !reader_done(&in); ++*count) {
		if (*count == VOTERS_MAX || !told_record_get(&in, &record) ||
		    record.name.size > NAME_BYTES_MAX || record.peer_url.size > URL_BYTES_MAX)
			return false;
		told[*count] = (struct initial_told){ .id = record.id,
			.name = arena_text(arena, record.name),
			.url = arena_text(arena, record.peer_url) };
	}
	return true;
}

/* The list has this node in it, as it is, with the first of its URLs: by its name, or by the
 * one that it has for others who know no more than its address. */
static bool
has_self(const struct node *node, const struct initial_cluster *initial)
{
	const struct initial_member *self = initial_cluster_member(initial, node->id);
	char *url_name = initial_cluster_url_name(node->config.peer_url);
	bool has = self != NULL &&
	    url_list_first_is(slice_text(node->config.peer_url), slice_text(self->urls)) &&
	    (strcmp(self->name, node->name) == 0 || strcmp(self->name, url_name) == 0);

	free(url_name);
	return has;
}

static void
begin_told(struct node *node, const struct initial_told *told, size_t count, const char *token)
{
	struct initial_cluster initial;
	char *problem;

	problem = initial_cluster_make(told, count, token, &node->config.cluster, &initial);
	if (problem == NULL && !has_self(node, &initial))
		problem = xstrdup("this node is not among them as it is");
	if (problem == NULL) {
		begin_together(node, &initial, "the list that was found");
		node->status_due = true;
	} else {
		node_note(node, DIAG_WARN, "no cluster begins of the nodes that were told: %s",
		    problem);
	}
	free(problem);
	initial_cluster_free(&initial);
}

enum err
node_begin_cluster(struct node *node, const struct msg_begin_cluster *begin)
{
	struct initial_told told[VOTERS_MAX];
	struct arena arena;
	enum err err = ERR_MALFORMED;
	size_t count;

	arena_init(&arena);
	if (read_told(begin->nodes, &arena, told, &count)) {
		err = ERR_NONE;
		if (is_empty(node) && node->config.join)
			begin_told(node, told, count, arena_text(&arena, begin->token));
	}
	arena_free(&arena);
	return err;
}
