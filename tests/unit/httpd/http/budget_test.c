/*
 * budget_test.c - what a worker keeps for its connections: limits, who is cut, who waits,
 * and that all counts come back to nothing. The connections are only what budget.c sees
 * of them, their shares, and so is time.
 */
#include "httpd/http/budget.h"

#include "common/limits.h"
#include "common/loop.h"
#include "common/rand.h"
#include "common/xmem.h"
#include "httpd/http/callers.h"
#include "tests/lib/test.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define CONNS 64

struct scene {
	struct loop *loop;
	struct budget *budget;
	struct callers *callers;
	struct budget_share shares[CONNS];
};

/* What became of a connection; by its place among those of the scene. */
static struct scene *scene;
static bool cut[CONNS], refused[CONNS], goes_on[CONNS];
static size_t wants[CONNS], came[CONNS];

static size_t
place_of(const struct budget_share *share)
{
	return (size_t)(share - scene->shares);
}

/* ---- the owner ---------------------------------------------------------------------- */

static void
close_one(struct budget_share *share)
{
	cut[place_of(share)] = true;
	budget_leave(scene->budget, share);
	callers_leave(scene->callers, &share->caller);
}

static void
refuse(struct budget_share *share)
{
	refused[place_of(share)] = true;
	budget_upload_over(scene->budget, share);
	budget_count(scene->budget, share, 0, 0);
}

static void
go_on(struct budget_share *share)
{
	goes_on[place_of(share)] = true;
}

static size_t
upload_bytes(const struct budget_share *share)
{
	return wants[place_of(share)];
}

static size_t
upload_came(const struct budget_share *share)
{
	return came[place_of(share)];
}

/* ---- the scene ------------------------------------------------------------------------- */

static void
open_scene(void)
{
	scene = xzalloc(sizeof(*scene));
	memset(cut, 0, sizeof(cut));
	memset(refused, 0, sizeof(refused));
	memset(goes_on, 0, sizeof(goes_on));
	memset(wants, 0, sizeof(wants));
	memset(came, 0, sizeof(came));
	scene->loop = loop_new();
	scene->budget = budget_new(scene->loop, (struct budget_owner){ .cut = close_one,
	    .refuse = refuse, .go_on = go_on, .upload_bytes = upload_bytes,
	    .upload_came = upload_came });
	scene->callers = callers_new();
}

/* That connection is of that address; of address 0 nothing is counted. */
static struct budget_share *
enter(size_t place, uint32_t address)
{
	struct sockaddr_storage from = { .ss_family = AF_INET };

	((struct sockaddr_in *)&from)->sin_addr.s_addr = htonl(0x0a000000 + address);
	if (address != 0)
		assert_true(callers_enter(scene->callers, &from, 0, &scene->shares[place].caller));
	return &scene->shares[place];
}

/* Answers that wait to be taken, nothing else. */
static void
keep(struct budget_share *share, size_t bytes)
{
	budget_count(scene->budget, share, bytes, bytes);
}

static size_t
count(const bool *marks)
{
	size_t marked = 0;

	for (size_t i = 0; i < CONNS; i++)
		marked += marks[i];
	return marked;
}

/* As if all connections had gone: nothing is left, of any address. */
static void
close_scene(void)
{
	for (size_t i = 0; i < CONNS; i++) {
		budget_leave(scene->budget, &scene->shares[i]);
		callers_leave(scene->callers, &scene->shares[i].caller);
	}
	assert_int_equal(budget_bytes(scene->budget), 0);
	callers_free(&scene->callers);
	budget_free(&scene->budget);
	loop_free(&scene->loop);
	free(scene);
	scene = NULL;
}

/* ---- answers ----------------------------------------------------------------------------- */

TEST(all_of_a_worker_may_have_so_much_and_one_byte_more_cuts_who_took_least_of_late)
{
	size_t each = WORKER_HELD_BYTES_MAX / 8;

	open_scene();
	for (size_t i = 0; i < 8; i++)
		keep(enter(i, (uint32_t)i + 1), each);
	budget_turn(scene->budget);
	assert_int_equal(budget_bytes(scene->budget), WORKER_HELD_BYTES_MAX);
	assert_int_equal(count(cut), 0);
	/* The first takes some of it, so the second is the one that has waited longest. */
	budget_progress(scene->budget, &scene->shares[0]);
	keep(&scene->shares[7], each + 1);
	budget_turn(scene->budget);
	assert_int_equal(count(cut), 1);
	assert_true(cut[1]);
	assert_int_equal(budget_bytes(scene->budget), 7 * each + 1);
	close_scene();
}

TEST(an_address_may_have_so_much_and_one_byte_more_cuts_one_of_its_own)
{
	open_scene();
	keep(enter(0, 1), ADDRESS_HELD_BYTES_MAX / 2);
	keep(enter(1, 2), ADDRESS_HELD_BYTES_MAX / 2);
	keep(enter(2, 2), ADDRESS_HELD_BYTES_MAX / 2);
	budget_turn(scene->budget);
	assert_int_equal(callers_held(scene->shares[1].caller), ADDRESS_HELD_BYTES_MAX);
	assert_int_equal(count(cut), 0);
	keep(&scene->shares[2], ADDRESS_HELD_BYTES_MAX / 2 + 1);
	budget_turn(scene->budget);
	assert_int_equal(count(cut), 1);
	assert_true(cut[1]);
	assert_int_equal(callers_held(scene->shares[2].caller), ADDRESS_HELD_BYTES_MAX / 2 + 1);
	close_scene();
}

TEST(one_connection_may_be_cut_for_what_it_has_alone)
{
	open_scene();
	keep(enter(0, 1), ADDRESS_HELD_BYTES_MAX);
	budget_turn(scene->budget);
	assert_int_equal(count(cut), 0);
	keep(&scene->shares[0], ADDRESS_HELD_BYTES_MAX + 1);
	budget_turn(scene->budget);
	assert_true(cut[0]);
	close_scene();
}

TEST(who_has_little_to_take_is_not_cut)
{
	open_scene();
	for (size_t i = 0; i < CONNS - 1; i++)
		keep(enter(i, 1), 64 * KIB - 1);
	keep(enter(CONNS - 1, 1), ADDRESS_HELD_BYTES_MAX);
	budget_turn(scene->budget);
	assert_int_equal(count(cut), 1);
	assert_true(cut[CONNS - 1]);
	close_scene();
}

TEST(small_numbers_are_not_counted)
{
	open_scene();
	keep(enter(0, 1), 4 * KIB - 1);
	assert_int_equal(budget_bytes(scene->budget), 0);
	keep(&scene->shares[0], 4 * KIB);
	assert_int_equal(budget_bytes(scene->budget), 4 * KIB);
	assert_int_equal(callers_held(scene->shares[0].caller), 4 * KIB);
	keep(&scene->shares[0], 0);
	assert_int_equal(budget_bytes(scene->budget), 0);
	close_scene();
}

TEST(above_half_of_a_limit_it_is_pressed)
{
	open_scene();
	keep(enter(0, 1), ADDRESS_HELD_BYTES_MAX / 2);
	(void)enter(1, 1);
	(void)enter(2, 2);
	assert_false(budget_is_pressed(scene->budget, &scene->shares[1]));
	keep(&scene->shares[0], ADDRESS_HELD_BYTES_MAX / 2 + 1);
	assert_true(budget_is_pressed(scene->budget, &scene->shares[1]));
	assert_false(budget_is_pressed(scene->budget, &scene->shares[2]));
	for (size_t i = 3; i < 7; i++)
		keep(enter(i, (uint32_t)i), WORKER_HELD_BYTES_MAX / 8);
	assert_true(budget_is_pressed(scene->budget, &scene->shares[2]));
	close_scene();
}

/* ---- uploads ------------------------------------------------------------------------------- */

static bool
upload(size_t place, uint32_t address, size_t bytes)
{
	wants[place] = bytes;
	return budget_admit(scene->budget, enter(place, address), bytes);
}

TEST(an_upload_for_which_there_is_no_room_at_its_address_waits_and_goes_on)
{
	open_scene();
	assert_true(upload(0, 1, ADDRESS_HELD_BYTES_MAX - 10 * MIB));
	assert_true(upload(1, 1, 10 * MIB));
	assert_false(upload(2, 1, 1));
	/* Asked again it is still the one that waits; another address does not care. */
	assert_false(budget_admit(scene->budget, &scene->shares[2], 1));
	assert_true(upload(3, 2, 10 * MIB));
	budget_turn(scene->budget);
	assert_int_equal(count(goes_on), 0);
	budget_upload_over(scene->budget, &scene->shares[1]);
	budget_count(scene->budget, &scene->shares[1], 0, 0);
	budget_turn(scene->budget);
	assert_true(goes_on[2]);
	assert_int_equal(callers_held(scene->shares[0].caller),
	    ADDRESS_HELD_BYTES_MAX - 10 * MIB + 1);
	close_scene();
}

TEST(uploads_that_wait_go_on_in_their_order_but_for_those_of_a_full_address)
{
	open_scene();
	for (size_t i = 0; i < 4; i++)
		assert_true(upload(i, (uint32_t)i + 1, ADDRESS_HELD_BYTES_MAX));
	assert_int_equal(budget_bytes(scene->budget), WORKER_HELD_BYTES_MAX);
	assert_false(upload(10, 1, 10 * MIB));
	assert_false(upload(11, 8, 10 * MIB));
	assert_false(upload(12, 9, 10 * MIB));
	/* The second address goes: the first is full as before. */
	close_one(&scene->shares[1]);
	budget_turn(scene->budget);
	assert_false(goes_on[10]);
	assert_true(goes_on[11]);
	assert_true(goes_on[12]);
	close_scene();
}

TEST(what_has_come_of_an_upload_is_counted_once)
{
	open_scene();
	assert_true(upload(0, 1, 10 * MIB));
	for (size_t bytes = 0; bytes <= 10 * MIB; bytes += MIB)
		budget_count(scene->budget, &scene->shares[0], bytes, 0);
	assert_int_equal(budget_bytes(scene->budget), 10 * MIB);
	/* What its handler keeps of it goes on counting. */
	budget_upload_over(scene->budget, &scene->shares[0]);
	budget_count(scene->budget, &scene->shares[0], 3 * MIB, 0);
	assert_int_equal(budget_bytes(scene->budget), 3 * MIB);
	close_scene();
}

/* So many ms ago. */
static uint64_t
ago(uint64_t ms)
{
	return loop_now(scene->loop).monotonic_ms - ms;
}

TEST(who_takes_nothing_gives_way_to_an_upload_that_has_waited)
{
	open_scene();
	keep(enter(0, 1), ADDRESS_HELD_BYTES_MAX / 2);
	keep(enter(1, 1), ADDRESS_HELD_BYTES_MAX / 2);
	keep(enter(2, 2), ADDRESS_HELD_BYTES_MAX / 2);
	assert_false(upload(3, 1, 10 * MIB));
	for (size_t i = 0; i < 3; i++)
		scene->shares[i].progress_ms = ago(1900);
	scene->shares[3].since_ms = ago(900);
	budget_tick(scene->budget);
	assert_int_equal(count(cut), 0);
	scene->shares[3].since_ms = ago(1100);
	budget_tick(scene->budget);
	assert_int_equal(count(cut), 0);
	for (size_t i = 0; i < 3; i++)
		scene->shares[i].progress_ms = ago(2100);
	budget_tick(scene->budget);
	assert_int_equal(count(cut), 1);
	assert_true(cut[0]);
	budget_turn(scene->budget);
	assert_true(goes_on[3]);
	close_scene();
}

TEST(an_upload_that_stands_still_gives_way_to_one_that_waits)
{
	open_scene();
	assert_true(upload(0, 1, ADDRESS_HELD_BYTES_MAX - 10 * MIB));
	assert_true(upload(1, 1, 10 * MIB));
	assert_false(upload(2, 1, 10 * MIB));
	scene->shares[2].since_ms = ago(1100);
	scene->shares[0].since_ms = ago(4900);
	budget_tick(scene->budget);
	assert_int_equal(count(refused), 0);
	scene->shares[0].since_ms = ago(6000);
	scene->shares[1].since_ms = ago(6000);
	/* The first has come at the pace that is asked, the second has not. */
	came[0] = 64 * KIB + 64 * KIB / 10;
	came[1] = 64 * KIB / 2;
	budget_tick(scene->budget);
	assert_false(refused[0]);
	assert_true(refused[1]);
	budget_turn(scene->budget);
	assert_true(goes_on[2]);
	close_scene();
}

/* ---- everything ------------------------------------------------------------------- */

/* Whatever happens, the sums are those of the connections, and all of it comes back. */
TEST(counts_are_sums_and_come_back_to_nothing)
{
	struct rand rand;

	rand_seed(&rand, 7);
	for (int round = 0; round < 50; round++) {
		open_scene();
		for (int step = 0; step < 400; step++) {
			size_t place = rand_below(&rand, CONNS), sum = 0;
			struct budget_share *share = &scene->shares[place];

			if (share->caller == NULL)
				(void)enter(place, 1 + (uint32_t)rand_below(&rand, 5));
			switch (rand_below(&rand, 6)) {
			case 0:
				wants[place] = 1 + rand_below(&rand, BODY_BYTES_MAX);
				(void)budget_admit(scene->budget, share, wants[place]);
				break;
			case 1:
				budget_upload_over(scene->budget, share);
				break;
			case 2:
				close_one(share);
				break;
			case 3:
				budget_progress(scene->budget, share);
				break;
			default:
				keep(share, rand_below(&rand, 20 * MIB));
				break;
			}
			budget_turn(scene->budget);
			budget_tick(scene->budget);
			for (size_t i = 0; i < CONNS; i++)
				sum += scene->shares[i].bytes;
			assert_int_equal(budget_bytes(scene->budget), sum);
			assert_true(sum <= WORKER_HELD_BYTES_MAX + BODY_BYTES_MAX);
		}
		close_scene();
	}
}
