/* Tests of common/initial_cluster.c: a list that makes one cluster on every node. */
#include "common/initial_cluster.h"

#include "common/xmem.h"
#include "tests/lib/test.h"

#include <stdlib.h>

struct given {
	const char *list, *token;
	uint64_t active_size;
};

/* What is wrong, or NULL. */
static char *
read_given(struct given given, struct initial_cluster *result)
{
	struct config config;
	char *problem;

	config_init(&config);
	assert_int_equal(config_set(&config, OPTION_initial_cluster, given.list, &problem),
	    ERR_NONE);
	if (given.token != NULL)
		assert_int_equal(config_set(&config, OPTION_initial_cluster_token, given.token,
		    &problem), ERR_NONE);
	if (given.active_size != 0)
		config.cluster_active_size = given.active_size;
	problem = initial_cluster_read(&config, result);
	config_free(&config);
	return problem;
}

static struct initial_cluster
good(struct given given)
{
	struct initial_cluster cluster;
	char *problem = read_given(given, &cluster);

	assert_null(problem);
	return cluster;
}

static uint64_t
cluster_id_of(struct given given)
{
	struct initial_cluster cluster = good(given);
	uint64_t id = cluster.cluster_id;

	initial_cluster_free(&cluster);
	return id;
}

static void
expect_problem(const char *list, const char *expected)
{
	struct initial_cluster cluster;
	char *problem = read_given((struct given){ .list = list }, &cluster);

	assert_non_null(problem);
	if (strstr(problem, expected) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", problem, expected);
	assert_int_equal(cluster.count, 0);
	free(problem);
}

#define THREE "n1=http://10.0.0.1:2380,n2=http://10.0.0.2:2380,n3=http://10.0.0.3:2380"

TEST(members_are_in_order_of_their_names)
{
	struct initial_cluster cluster = good((struct given){
	    .list = " b=https://[::1]:2380/ ,,c=http://c:1, a=http://10.0.0.1:2380" });

	assert_int_equal(cluster.count, 3);
	assert_string_equal(cluster.list[0].name, "a");
	assert_string_equal(cluster.list[1].name, "b");
	assert_string_equal(cluster.list[1].urls, "https://[::1]:2380");
	assert_string_equal(cluster.list[2].name, "c");
	assert_ptr_equal(initial_cluster_named(&cluster, "b"), &cluster.list[1]);
	assert_null(initial_cluster_named(&cluster, "d"));
	assert_int_equal(initial_cluster_quorum(&cluster), 2);
	initial_cluster_free(&cluster);
}

TEST(a_member_has_as_many_urls_as_the_list_has_for_its_name)
{
	struct initial_cluster one = good((struct given){
	    .list = "b=http://b:2,a=http://z:1,b=http://a:9,a=http://a:1,b=http://b:1" });
	struct initial_cluster other = good((struct given){
	    .list = "a=http://a:1,a=http://z:1,b=http://b:1,b=http://b:2,b=http://a:9" });

	assert_int_equal(one.count, 2);
	assert_string_equal(one.list[0].urls, "http://a:1,http://z:1");
	assert_string_equal(one.list[1].urls, "http://a:9,http://b:1,http://b:2");
	assert_true(one.cluster_id == other.cluster_id);
	assert_true(one.list[1].id == other.list[1].id);
	initial_cluster_free(&one);
	initial_cluster_free(&other);
}

TEST(a_member_has_eight_urls_at_most)
{
	struct initial_cluster cluster = good((struct given){ .list = "a=http://a:1,a=http://a:2,"
	    "a=http://a:3,a=http://a:4,a=http://a:5,a=http://a:6,a=http://a:7,a=http://a:8" });

	initial_cluster_free(&cluster);
	expect_problem("a=http://a:1,a=http://a:2,a=http://a:3,a=http://a:4,a=http://a:5,"
	    "a=http://a:6,a=http://a:7,a=http://a:8,a=http://a:9", "a has more than 8 URLs");
}

/* Nodes of one cluster may run different versions: these numbers never change. */
TEST(ids_are_those_of_the_format)
{
	struct initial_cluster cluster = good((struct given){ .list = THREE });

	/* The lower half is another one with each option that a cluster gets. */
	assert_true(cluster.cluster_id >> 32 == UINT64_C(0xf6b0f24b));
	assert_true(cluster.list[0].id == UINT64_C(0xd02e609203aaf659));
	initial_cluster_free(&cluster);
}

TEST(how_the_list_is_written_does_not_matter)
{
	uint64_t id = cluster_id_of((struct given){ .list = THREE });

	assert_true(id == cluster_id_of((struct given){ .list = "n3=http://10.0.0.3:2380/,"
	    "n1=http://10.0.0.1:2380, n2=http://10.0.0.2:2380," }));
	assert_true(id == cluster_id_of((struct given){ .list = THREE, .token = "etcd-cluster" }));
}

TEST(another_list_or_token_or_option_is_another_cluster)
{
	uint64_t id = cluster_id_of((struct given){ .list = THREE }), other;

	other = cluster_id_of((struct given){ .list = THREE, .token = "other" });
	assert_true(other != id && !initial_cluster_same_list(other, id));
	other = cluster_id_of((struct given){ .list = "n1=http://10.0.0.1:2380" });
	assert_true(other != id && !initial_cluster_same_list(other, id));
	other = cluster_id_of((struct given){ .list = THREE, .active_size = 5 });
	assert_true(other != id && initial_cluster_same_list(other, id));
}

TEST(programs_with_fewer_options_have_begun_the_same_cluster)
{
	struct initial_cluster cluster = good((struct given){ .list = THREE, .active_size = 5 });
	struct initial_cluster other = good((struct given){ .list = THREE, .active_size = 3 });

	assert_true(initial_cluster_began(&cluster, cluster.cluster_id));
	/* Of one that knew the first option only, and of one without the last. */
	assert_true(initial_cluster_began(&cluster, cluster.older_ids[1]));
	assert_true(initial_cluster_began(&cluster, cluster.older_ids[CONFIG_ROWS - 1]));
	assert_false(initial_cluster_began(&cluster, other.cluster_id));
	assert_false(initial_cluster_began(&cluster, other.older_ids[1]));
	initial_cluster_free(&cluster);
	initial_cluster_free(&other);
}

/* Else the token could be a part of the list. */
TEST(a_member_of_another_token_has_another_id)
{
	struct initial_cluster one = good((struct given){ .list = THREE });
	struct initial_cluster other = good((struct given){ .list = THREE, .token = "other" });

	for (size_t i = 0; i < one.count; i++)
		assert_true(one.list[i].id != other.list[i].id);
	initial_cluster_free(&one);
	initial_cluster_free(&other);
}

TEST(what_is_no_list_is_refused_with_its_reason)
{
	expect_problem("", "no node is in it");
	expect_problem(" , ,", "no node is in it");
	expect_problem("http://10.0.0.1:2380", "\"http://10.0.0.1:2380\" is not NAME=URL");
	expect_problem("n1=10.0.0.1:2380", "\"n1=10.0.0.1:2380\" has no URL");
	expect_problem("n1=unix://x:1", "has no URL");
	expect_problem("n1=http://10.0.0.1", "no port");
	expect_problem("n1=http://10.0.0.1:2380/x", "is not a port");
	expect_problem("n1=http://:2380", "no host");
	expect_problem("=http://a:1", "\"\" is empty");
	expect_problem("a/b=http://a:1", "a character that is not allowed");
	expect_problem("a=http://a:1,b=http://b:1,a=http://a:1", "\"a=http://a:1\" is there twice");
	expect_problem("a=http://a:1,a=http://b:1,b=http://b:1", "a and b have the same URL");
	expect_problem("a=http://a:1,b=http://a:1", "a and b have the same URL http://a:1");
}

static char *
list_of(size_t count)
{
	struct buf list = BUF_INIT;
	char *text;

	for (size_t i = 0; i < count; i++)
		buf_printf(&list, "n%zu=http://10.0.0.1:%zu,", i, i + 1);
	text = xasprintf("%.*s", SLICE_ARGS(buf_slice(&list)));
	buf_free(&list);
	return text;
}

static struct initial_cluster
made(const struct initial_told *told, size_t count, const char *token, uint64_t active_size)
{
	struct cluster_config given = { .active_size = active_size };
	struct initial_cluster cluster;
	char *problem = initial_cluster_make(told, count, token, &given, &cluster);

	assert_null(problem);
	return cluster;
}

TEST(what_nodes_told_of_themselves_makes_one_cluster_in_any_order)
{
	static const struct initial_told told[] = { { 2, "b", "http://b:1" },
		{ 9, "a", "http://a:1" } };
	static const struct initial_told backwards[] = { { 9, "a", "http://a:1" },
		{ 2, "b", "http://b:1" } };
	static const struct initial_told other[] = { { 3, "b", "http://b:1" },
		{ 9, "a", "http://a:1" } };
	struct initial_cluster cluster = made(told, 2, "t", 0);
	struct initial_cluster same = made(backwards, 2, "t", 0);
	struct initial_cluster id = made(other, 2, "t", 0);
	struct initial_cluster token = made(told, 2, "u", 0);
	struct initial_cluster options = made(told, 2, "t", 5);

	assert_string_equal(cluster.list[0].name, "a");
	assert_true(cluster.list[0].id == 9 && cluster.list[1].id == 2);
	assert_true(cluster.cluster_id == same.cluster_id);
	assert_false(initial_cluster_same_list(cluster.cluster_id, id.cluster_id));
	assert_false(initial_cluster_same_list(cluster.cluster_id, token.cluster_id));
	assert_true(initial_cluster_same_list(cluster.cluster_id, options.cluster_id));
	assert_true(cluster.cluster_id != options.cluster_id);
	/* The same from all programs: it is a format. */
	assert_true(cluster.cluster_id == UINT64_C(0x6c1300fe69b1dbf7));
	initial_cluster_free(&cluster);
	initial_cluster_free(&same);
	initial_cluster_free(&id);
	initial_cluster_free(&token);
	initial_cluster_free(&options);
}

static void
expect_told(const struct initial_told *told, size_t count, const char *token, const char *expected)
{
	struct cluster_config given = { 0 };
	struct initial_cluster cluster;
	char *problem = initial_cluster_make(told, count, token, &given, &cluster);

	assert_non_null(problem);
	if (strstr(problem, expected) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", problem, expected);
	assert_int_equal(cluster.count, 0);
	free(problem);
}

TEST(what_nodes_told_is_judged_as_a_list_is)
{
	struct initial_told two[] = { { 2, "b", "http://b:1" }, { 9, "a", "http://a:1" } };
	char token[NAME_BYTES_MAX + 2];
	struct initial_cluster cluster;

	expect_told(two, 0, "t", "0 nodes; 1 to 31 begin together");
	expect_told(two, VOTERS_MAX + 1, "t", "32 nodes; 1 to 31 begin together");
	two[1].id = 2;
	expect_told(two, 2, "t", "have the same id; choose another token");
	two[1].id = 0;
	expect_told(two, 2, "t", "a has no id");
	two[1] = (struct initial_told){ 9, "b", "http://a:1" };
	expect_told(two, 2, "t", "b is there twice");
	two[1] = (struct initial_told){ 9, "a", "a:1" };
	expect_told(two, 2, "t", "has no URL");
	two[1] = (struct initial_told){ 9, "a", "http://a:1" };
	memset(token, 't', sizeof(token));
	token[NAME_BYTES_MAX + 1] = '\0';
	expect_told(two, 2, token, "its token is longer than 255 bytes");
	token[NAME_BYTES_MAX] = '\0';
	cluster = made(two, 2, token, 0);
	initial_cluster_free(&cluster);
}

TEST(addresses_alone_make_one_cluster_on_every_node)
{
	const char *const urls[] = { "http://N2.example:2380", "https://n1.example:2380" };
	const char *const other[] = { "https://n1.example:2380", "http://n2.EXAMPLE:2380" };
	struct cluster_config given = { 0 };
	struct initial_cluster cluster, same;

	assert_null(initial_cluster_of_urls(urls, 2, "t", &given, &cluster));
	assert_null(initial_cluster_of_urls(other, 2, "t", &given, &same));
	assert_true(cluster.cluster_id == same.cluster_id);
	assert_string_equal(cluster.list[0].name, "n1.example-2380");
	assert_string_equal(cluster.list[1].urls, "http://n2.example:2380");
	assert_true(cluster.list[1].id == initial_cluster_url_id("t", "http://N2.example:2380"));
	assert_true(cluster.list[1].id != initial_cluster_url_id("u", "http://n2.example:2380"));
	assert_ptr_equal(initial_cluster_member(&cluster, cluster.list[1].id), &cluster.list[1]);
	assert_null(initial_cluster_member(&cluster, 1));
	initial_cluster_free(&cluster);
	initial_cluster_free(&same);
}

TEST(an_address_makes_a_name_that_may_be)
{
	static const char *const pairs[][2] = { { "http://h:1", "h-1" },
		{ "https://[::1]:2380", "-..1.-2380" }, { "http://_a:1", "-a-1" },
		{ "http://A.b_c-d:65535", "a.b_c-d-65535" } };

	for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
		char *name = initial_cluster_url_name(pairs[i][0]);

		assert_string_equal(name, pairs[i][1]);
		free(name);
	}
}

TEST(an_option_that_is_yes_or_no_is_taken)
{
	struct cluster_config given;
	struct config config;

	config_init(&config);
	initial_cluster_options(&config, &given);
	assert_int_equal(given.strict_members, CONFIG_NO);
	config.strict_members = true;
	initial_cluster_options(&config, &given);
	assert_int_equal(given.strict_members, CONFIG_YES);
	config_free(&config);
}

TEST(as_many_as_may_vote_and_not_one_more)
{
	struct initial_cluster cluster;
	char *list = list_of(VOTERS_MAX);
	char *problem;

	cluster = good((struct given){ .list = list, .active_size = VOTERS_MAX });
	assert_int_equal(cluster.count, VOTERS_MAX);
	initial_cluster_free(&cluster);
	/* Else the leader would remove those that are too many at once. */
	expect_problem(list, "31 nodes, and -cluster-active-size is 9");
	free(list);
	list = list_of(VOTERS_MAX + 1);
	problem = read_given((struct given){ .list = list, .active_size = VOTERS_MAX }, &cluster);
	assert_non_null(problem);
	assert_non_null(strstr(problem, "more than 31 nodes"));
	free(problem);
	free(list);
}

TEST(a_longer_text_than_any_good_one_is_not_read)
{
	size_t size = VOTERS_MAX * (URLS_MAX * (NAME_BYTES_MAX + 4) + URL_BYTES_MAX) + 1;
	char *list = xmalloc(size + 1);

	memset(list, ',', size);
	list[size] = '\0';
	expect_problem(list, "longer than");
	list[size - 1] = '\0';
	expect_problem(list, "no node is in it");
	free(list);
}
