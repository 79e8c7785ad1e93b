/*
 * cluster_fuzz.c - any bytes as -initial-cluster, and as its token.
 *
 * The token is what stands before the first newline. What is taken is the same cluster when
 * it is written down again in another order.
 */
#include "tests/fuzz/fuzz.h"

#include "common/initial_cluster.h"
#include "common/node_name.h"
#include "common/url_list.h"
#include "common/xmem.h"

#include <stdlib.h>

static char *
read_text(const char *list, const char *token, struct initial_cluster *cluster)
{
	struct config config;
	char *problem;

	config_init(&config);
	MUST(config_set(&config, OPTION_initial_cluster, list, &problem) == ERR_NONE);
	MUST(config_set(&config, OPTION_initial_cluster_token, token, &problem) == ERR_NONE);
	problem = initial_cluster_read(&config, cluster);
	config_free(&config);
	return problem;
}

/* Its URLs from the last one on. */
static void
put_member(struct buf *text, const struct initial_member *member)
{
	struct slice rest = slice_text(member->urls), url, urls[URLS_MAX];
	size_t count = 0;

	while (url_list_next(&rest, &url))
		urls[count++] = url;
	while (count-- > 0)
		buf_printf(text, "%s=%.*s, ", member->name, SLICE_ARGS(urls[count]));
}

static void
try_again(const struct initial_cluster *cluster, const char *token)
{
	struct initial_cluster again;
	struct buf text = BUF_INIT;

	for (size_t i = cluster->count; i-- > 0;)
		put_member(&text, &cluster->list[i]);
	buf_append_byte(&text, '\0');
	MUST(read_text((const char *)text.data, token, &again) == NULL);
	ASSERT(again.cluster_id == cluster->cluster_id);
	ASSERT(again.count == cluster->count);
	for (size_t i = 0; i < again.count; i++)
		ASSERT(again.list[i].id == cluster->list[i].id);
	initial_cluster_free(&again);
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xasprintf("%.*s", (int)size, size == 0 ? "" : (const char *)data);
	struct initial_cluster cluster;
	char *newline = strchr(text, '\n');
	const char *list = newline == NULL ? text : newline + 1;
	const char *token = newline == NULL ? "" : text;
	char *problem;

	if (newline != NULL)
		*newline = '\0';
	problem = read_text(list, token, &cluster);
	if (problem != NULL) {
		ASSERT(cluster.count == 0);
	} else {
		ASSERT(cluster.count > 0);
		ASSERT(cluster.cluster_id != 0);
		for (size_t i = 0; i < cluster.count; i++) {
			ASSERT(node_name_valid(slice_text(cluster.list[i].name)));
			ASSERT(cluster.list[i].id != 0);
			ASSERT(i == 0 ||
			    strcmp(cluster.list[i - 1].name, cluster.list[i].name) < 0);
		}
		try_again(&cluster, token);
	}
	initial_cluster_free(&cluster);
	free(problem);
	free(text);
	return 0;
}
