/*
 * initial_cluster.c - see initial_cluster.h.
 */
#include "common/initial_cluster.h"

#include "common/hash.h"
#include "common/node_name.h"
#include "common/url_list.h"
#include "common/xmem.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

#define LIST_BYTES_MAX (VOTERS_MAX * (URLS_MAX * (NAME_BYTES_MAX + 4) + URL_BYTES_MAX))

/* Any numbers, that stay as they are. */
#define MEMBER_SEED UINT64_C(0x6d656d626572)
#define LIST_SEED UINT64_C(0x6c697374)
#define OPTIONS_SEED UINT64_C(0x6f7074696f6e73)

void
initial_cluster_free(struct initial_cluster *cluster)
{
	for (size_t i = 0; i < cluster->count; i++) {
		free(cluster->list[i].name);
		free(cluster->list[i].urls);
	}
	cluster->count = 0;
}

const struct initial_member *
initial_cluster_named(const struct initial_cluster *cluster, const char *name)
{
	for (size_t i = 0; i < cluster->count; i++)
		if (strcmp(cluster->list[i].name, name) == 0)
			return &cluster->list[i];
	return NULL;
}

const struct initial_member *
initial_cluster_member(const struct initial_cluster *cluster, uint64_t id)
{
	for (size_t i = 0; i < cluster->count; i++)
		if (cluster->list[i].id == id)
			return &cluster->list[i];
	return NULL;
}

size_t
initial_cluster_quorum(const struct initial_cluster *cluster)
{
	return cluster->count / 2 + 1;
}

bool
initial_cluster_began(const struct initial_cluster *cluster, uint64_t cluster_id)
{
	for (size_t i = 0; i < CONFIG_ROWS; i++)
		if (cluster->older_ids[i] == cluster_id)
			return true;
	return cluster->cluster_id == cluster_id;
}

bool
initial_cluster_same_list(uint64_t one, uint64_t other)
{
	return one >> 32 == other >> 32;
}

/* ---- reading ---------------------------------------------------------------------- */

static const char *
address_in(const char *url)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < ARRAY_COUNT(schemes); i++)
		if (strncmp(url, schemes[i], strlen(schemes[i])) == 0)
			return url + strlen(schemes[i]);
	return NULL;
}

/* What is wrong with a member whose name and URL are texts of their own. */
static char *
member_problem(const struct initial_cluster *cluster, const char *name, const char *url)
{
	const char *address = address_in(url);
	char *problem;

	problem = node_name_problem(name);
	if (problem != NULL)
		return problem;
	if (address == NULL)
		return xasprintf("\"%s=%s\" has no URL; write %s=http://HOST:PORT or "
		    "%s=https://HOST:PORT", name, url, name, name);
	if (strlen(url) > URL_BYTES_MAX)
		return xasprintf("the URL of %s is longer than %d bytes", name, URL_BYTES_MAX);
	problem = option_address_problem(address);
	if (problem != NULL)
		return problem;
	for (size_t i = 0; i < cluster->count; i++)
		if (url_list_shares(slice_text(cluster->list[i].urls), slice_text(url)))
			return strcmp(cluster->list[i].name, name) == 0 ?
			    xasprintf("\"%s=%s\" is there twice", name, url) :
			    xasprintf("%s and %s have the same URL %s", cluster->list[i].name,
			    name, url);
	return NULL;
}

/* In its place by name. Takes both texts. */
static void
insert(struct initial_cluster *cluster, struct initial_member member)
{
	size_t place = cluster->count++;

	while (place > 0 && strcmp(cluster->list[place - 1].name, member.name) > 0) {
		cluster->list[place] = cluster->list[place - 1];
		place--;
	}
	cluster->list[place] = member;
}

/* A further URL of a node, to its place among them by its text. Takes url if it returns NULL. */
static char *
add_url(struct initial_member *member, char *url)
{
	struct slice rest = slice_text(member->urls), at;
	struct buf urls = BUF_INIT;
	bool placed = false;
	size_t count = 1;

	while (url_list_next(&rest, &at)) {
		if (!placed && slice_compare(slice_text(url), at) < 0) {
			buf_printf(&urls, "%s,", url);
			placed = true;
		}
		buf_printf(&urls, "%.*s,", SLICE_ARGS(at));
		count++;
	}
	if (!placed)
		buf_printf(&urls, "%s,", url);
	urls.data[--urls.size] = '\0';
	if (count > URLS_MAX || urls.size > URL_BYTES_MAX) {
		buf_free(&urls);
		return xasprintf("%s has more than %d URLs, or of more than %d bytes together",
		    member->name, URLS_MAX, URL_BYTES_MAX);
	}
	free(member->urls);
	member->urls = xstrdup((const char *)urls.data);
	buf_free(&urls);
	free(url);
	return NULL;
}

/* One item NAME=URL without blanks around it. */
static char *
take_item(struct initial_cluster *cluster, struct slice item)
{
	const uint8_t *equals = memchr(item.data, '=', item.size);
	size_t name_size, url_size;
	struct initial_member *known;
	char *name, *url, *problem;

	if (equals == NULL)
		return xasprintf("\"%.*s\" is not NAME=URL", SLICE_ARGS(item));
	name_size = (size_t)(equals - item.data);
	url_size = item.size - name_size - 1;
	if (url_size > 0 && item.data[item.size - 1] == '/')
		url_size--;
	name = xasprintf("%.*s", (int)name_size, (const char *)item.data);
	url = xasprintf("%.*s", (int)url_size, (const char *)equals + 1);
	known = (struct initial_member *)(uintptr_t)initial_cluster_named(cluster, name);
	problem = member_problem(cluster, name, url);
	if (problem == NULL && known == NULL && cluster->count == VOTERS_MAX)
		problem = xasprintf("more than %d nodes; the others join later", VOTERS_MAX);
	if (problem == NULL && known == NULL) {
		insert(cluster, (struct initial_member){ .name = name, .urls = url });
		return NULL;
	}
	if (problem == NULL)
		problem = add_url(known, url);
	if (problem == NULL)
		url = NULL;
	free(name);
	free(url);
	return problem;
}

static char *
read_list(struct initial_cluster *cluster, const char *text)
{
	char *problem = NULL;

	if (strlen(text) > LIST_BYTES_MAX)
		return xasprintf("longer than %zu bytes", (size_t)LIST_BYTES_MAX);
	while (problem == NULL && *text != '\0') {
		size_t size = strcspn(text, ",");
		struct slice item = slice_of(text, size);

		while (item.size > 0 && isspace(item.data[0]))
			item = slice_of(item.data + 1, item.size - 1);
		while (item.size > 0 && isspace(item.data[item.size - 1]))
			item.size--;
		if (item.size > 0)
			problem = take_item(cluster, item);
		text += size + (text[size] == ',');
	}
	if (problem == NULL && cluster->count == 0)
		return xstrdup("no node is in it; write NAME=http://HOST:PORT,...");
	return problem;
}

/* ---- what follows from it ------------------------------------------------------------ */

/* No name, URL or option has the byte that parts them; of the token the length is said. */
static uint64_t
member_id(const char *token, const struct initial_member *member)
{
	struct buf text = BUF_INIT;
	uint64_t id;

	buf_printf(&text, "%zu %s\n%s=%s\n", strlen(token), token, member->name, member->urls);
	id = hash_bytes(MEMBER_SEED, buf_slice(&text));
	buf_free(&text);
	return MAX_OF(id, (uint64_t)1);
}

/* With the first so many options of the cluster. */
static uint64_t
cluster_id(const char *token, const struct initial_cluster *cluster, bool told, size_t rows)
{
	struct buf text = BUF_INIT;
	uint64_t list, all;

	buf_printf(&text, "%zu %s\n", strlen(token), token);
	for (size_t i = 0; i < cluster->count; i++) {
		if (told)
			buf_printf(&text, "%016" PRIx64 " ", cluster->list[i].id);
		buf_printf(&text, "%s=%s\n", cluster->list[i].name, cluster->list[i].urls);
	}
	list = hash_bytes(LIST_SEED, buf_slice(&text));
	for (size_t i = 0; i < rows; i++)
		buf_printf(&text, "%u %" PRIu64 "\n", (unsigned)config_rows[i].number,
		    cluster_config_value(&cluster->options, &config_rows[i]));
	all = hash_bytes(OPTIONS_SEED, buf_slice(&text));
	buf_free(&text);
	return MAX_OF((list >> 32) << 32 | (all & UINT32_MAX), (uint64_t)1);
}

/* Of two with the same id the place of the second; none: count. */
static size_t
same_id(const struct initial_cluster *cluster)
{
	for (size_t i = 0; i < cluster->count; i++)
		for (size_t k = 0; k < i; k++)
			if (cluster->list[k].id == cluster->list[i].id)
				return i;
	return cluster->count;
}

/* told: the members have their ids already. */
static char *
make_ids(struct initial_cluster *cluster, const char *token, const struct cluster_config *given,
    bool told)
{
	size_t same;

	if (strlen(token) > NAME_BYTES_MAX)
		return xasprintf("its token is longer than %d bytes", NAME_BYTES_MAX);
	cluster_config_begin(&cluster->options, given);
	if (cluster->count > cluster->options.active_size)
		return xasprintf("%zu nodes, and -cluster-active-size is %" PRIu64
		    "; give a larger one", cluster->count, cluster->options.active_size);
	for (size_t i = 0; i < cluster->count && !told; i++)
		cluster->list[i].id = member_id(token, &cluster->list[i]);
	same = same_id(cluster);
	if (same < cluster->count)
		return xasprintf("%s and another node have the same id%s; choose another token",
		    cluster->list[same].name, told ? "" : " by chance");
	for (size_t i = 0; i < CONFIG_ROWS; i++)
		cluster->older_ids[i] = cluster_id(token, cluster, told, i);
	cluster->cluster_id = cluster_id(token, cluster, told, CONFIG_ROWS);
	return NULL;
}

void
initial_cluster_options(const struct config *config, struct cluster_config *given)
{
	*given = (struct cluster_config){
/* true and false are CONFIG_YES and CONFIG_NO. */
#define CONFIG(name, number, kind, initial, min, max, json, option) \
	.name = (uint64_t)config->option + (uint64_t)(CONFIG_##kind == CONFIG_BOOL),
#include "common/cluster_config_table.h"
	};
}

char *
initial_cluster_read(const struct config *config, struct initial_cluster *result)
{
	struct cluster_config given;
	char *problem;

	*result = (struct initial_cluster){ .count = 0 };
	problem = read_list(result, config->initial_cluster);
	initial_cluster_options(config, &given);
	if (problem == NULL)
		problem = make_ids(result, config->initial_cluster_token, &given, false);
	if (problem != NULL)
		initial_cluster_free(result);
	return problem;
}

char *
initial_cluster_make(const struct initial_told *told, size_t count, const char *token,
    const struct cluster_config *given, struct initial_cluster *result)
{
	char *problem = NULL;

	*result = (struct initial_cluster){ .count = 0 };
	if (count == 0 || count > VOTERS_MAX)
		return xasprintf("%zu nodes; 1 to %d begin together", count, VOTERS_MAX);
	for (size_t i = 0; problem == NULL && i < count; i++) {
		problem = member_problem(result, told[i].name, told[i].url);
		if (problem == NULL && initial_cluster_named(result, told[i].name) != NULL)
			problem = xasprintf("%s is there twice; each node has one "
			    "peer address", told[i].name);
		if (problem == NULL)
			insert(result, (struct initial_member){ .name = xstrdup(told[i].name),
			    .urls = xstrdup(told[i].url), .id = told[i].id });
		if (problem == NULL && told[i].id == 0)
			problem = xasprintf("%s has no id", told[i].name);
	}
	if (problem == NULL)
		problem = make_ids(result, token, given, true);
	if (problem != NULL)
		initial_cluster_free(result);
	return problem;
}

/* ---- of URLs alone ------------------------------------------------------------------------ */

/* Of the first, in small letters. */
static char *
first_of(const char *urls)
{
	char *text = xasprintf("%.*s", SLICE_ARGS(url_list_first(slice_text(urls))));

	for (char *at = text; *at != '\0'; at++)
		*at = (char)tolower((unsigned char)*at);
	return text;
}

char *
initial_cluster_url_name(const char *urls)
{
	char *url = first_of(urls);
	const char *address = address_in(url);
	char *name = xstrdup(address == NULL ? url : address);
	char *port = strrchr(name, ':');

	free(url);
	if (port != NULL)
		*port = '-';
	for (char *at = name; *at != '\0'; at++)
		if (!isalnum((unsigned char)*at) && *at != '-' && *at != '_')
			*at = '.';
	/* No name begins so, but a host may. */
	if (name[0] == '_' || name[0] == '.')
		name[0] = '-';
	return name;
}

uint64_t
initial_cluster_url_id(const char *token, const char *urls)
{
	struct buf text = BUF_INIT;
	char *small = first_of(urls);
	uint64_t id;

	buf_printf(&text, "%zu %s\n%s\n", strlen(token), token, small);
	id = hash_bytes(MEMBER_SEED, buf_slice(&text));
	buf_free(&text);
	free(small);
	return MAX_OF(id, (uint64_t)1);
}

char *
initial_cluster_of_urls(const char *const *urls, size_t count, const char *token,
    const struct cluster_config *given, struct initial_cluster *result)
{
	struct initial_told told[VOTERS_MAX] = { { 0 } };
	char *texts[VOTERS_MAX][2];
	size_t taken = MIN_OF(count, (size_t)VOTERS_MAX);
	char *problem;

	for (size_t i = 0; i < taken; i++) {
		texts[i][0] = initial_cluster_url_name(urls[i]);
		texts[i][1] = first_of(urls[i]);
		told[i] = (struct initial_told){ .id = initial_cluster_url_id(token, urls[i]),
			.name = texts[i][0], .url = texts[i][1] };
	}
	problem = initial_cluster_make(told, count, token, given, result);
	for (size_t i = 0; i < taken; i++) {
		free(texts[i][0]);
		free(texts[i][1]);
	}
	return problem;
}
