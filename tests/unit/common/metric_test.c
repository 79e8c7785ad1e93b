/*
 * metric_test.c - the counters of a node: slots, their heirs, the text.
 */
#include "common/metric.h"

#include "common/ipc/wire.h"
#include "common/metric_priv.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct area {
	struct metric_area *area;
	struct buf text;
};

static struct area
area_new(void)
{
	struct area area = { .area = metric_area_new() };

	assert_non_null(area.area);
	return area;
}

static void
area_free(struct area *area)
{
	metric_area_free(&area->area);
	buf_free(&area->text);
}

/* Count as that process from now on, as a child does; returns its slot. */
static uint32_t
become(struct area *area, int role, uint32_t number)
{
	bool again;
	uint32_t slot = metric_area_take(area->area, role, number, &again);

	assert_int_not_equal(slot, METRIC_NO_SLOT);
	assert_int_equal(metric_attach(metric_area_fd(area->area), slot, role), ERR_NONE);
	return slot;
}

static bool
shows(struct area *area, const char *line)
{
	char *whole = NULL;
	bool found;

	buf_clear(&area->text);
	buf_append_byte(&area->text, '\n');
	metric_render(&area->text, METRIC_FORM_TEXT);
	buf_append_byte(&area->text, '\0');
	assert_true(asprintf(&whole, "\n%s\n", line) > 0);
	found = strstr((char *)area->text.data, whole) != NULL;
	free(whole);
	return found;
}

static void
expect(struct area *area, const char *line)
{
	if (!shows(area, line))
		fail_msg("no line \"%s\" in:\n%s", line, (char *)area->text.data);
}

/* ---- the table ------------------------------------------------------------------ */

TEST(rows_of_one_name_stand_together_and_agree)
{
	for (size_t i = 0; i < METRIC_COUNT; i++) {
		for (size_t k = 0; k < i; k++) {
			const struct metric_row *row = &metric_rows[i], *earlier = &metric_rows[k];

			if (strcmp(row->name, earlier->name) != 0)
				continue;
			assert_string_equal(metric_rows[i - 1].name, row->name);
			assert_int_equal(row->type, earlier->type);
			assert_int_equal(row->unit, earlier->unit);
			assert_string_equal(row->help, earlier->help);
			assert_string_not_equal(row->labels, earlier->labels);
		}
	}
}

TEST(names_say_what_they_are)
{
	for (size_t i = 0; i < METRIC_COUNT; i++) {
		const struct metric_row *row = &metric_rows[i];
		size_t size = strlen(row->name);
		bool total = size > 6 && strcmp(row->name + size - 6, "_total") == 0;

		assert_true(row->owners != 0);
		/* Gauges of etcd 3 have the names that it gave them. */
		if (row->type == METRIC_IS_COUNTER ||
		    strncmp(row->name, "etcd_debugging_", strlen("etcd_debugging_")) != 0)
			assert_int_equal(row->type == METRIC_IS_COUNTER, total);
		assert_int_equal(strspn(row->name, "abcdefghijklmnopqrstuvwxyz_"), size);
		/* A certificate may end when ns do not reach any more. */
		assert_int_equal(row->unit == METRIC_IN_NS, strstr(row->name, "_seconds") != NULL &&
		    strstr(row->name, "_timestamp_seconds") == NULL);
		assert_true(row->help[0] != '\0');
		assert_null(strchr(row->help, '\n'));
		assert_null(strchr(row->help, '\\'));
	}
}

/* ---- counting ------------------------------------------------------------------------ */

TEST(accept_decides_the_form)
{
	static const struct {
		const char *accept;
		enum metric_form form;
	} cases[] = {
		{ "", METRIC_FORM_TEXT },
		{ "*/*", METRIC_FORM_TEXT },
		{ "application/openmetrics-text", METRIC_FORM_OPENMETRICS },
		{ "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.6",
		    METRIC_FORM_TEXT },
		{ "text/plain;q=0.25,\tapplication/openmetrics-text ; q=0.255 ",
		    METRIC_FORM_OPENMETRICS },
		{ "application/openmetrics-text;q=0", METRIC_FORM_TEXT },
		{ "application/openmetrics-text;q=x", METRIC_FORM_TEXT },
		{ "application/openmetrics-text;q=", METRIC_FORM_TEXT },
		{ "application/openmetrics-text2", METRIC_FORM_TEXT },
		{ ",;,;q=1;;", METRIC_FORM_TEXT },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_int_equal(metric_form_accepted(slice_text(cases[i].accept)), cases[i].form);
}

TEST(what_is_not_attached_counts_nowhere)
{
	const char *label = "x";

	metric_add(METRIC_cache_hits, 1);
	metric_set(METRIC_watches_open, 1);
	metric_observe(METRIC_wal_fsync, UINT64_MAX);
	metric_series_observe(metric_series(METRIC_http_duration, &label), UINT64_MAX);
}

TEST(series_of_a_role_are_shown_from_the_start)
{
	struct area area = area_new();

	become(&area, ROLE_CLIENT, 1);
	expect(&area, "etcd_cache_hits_total 0");
	expect(&area, "etcd_http_rejected_total{reason=\"head\"} 0");
	assert_false(shows(&area, "etcd_server_has_leader 0"));
	area_free(&area);
}

TEST(processes_are_summed_up)
{
	struct area area = area_new();

	become(&area, ROLE_CLIENT, 1);
	metric_add(METRIC_cache_hits, 3);
	metric_set(METRIC_watches_open, 10);
	become(&area, ROLE_CLIENT, 2);
	metric_add(METRIC_cache_hits, 4);
	metric_set(METRIC_watches_open, 5);
	expect(&area, "etcd_cache_hits_total 7");
	expect(&area, "etcd_watches_open 15");
	area_free(&area);
}

TEST(of_the_newest_the_largest_is_shown)
{
	struct area area = area_new();
	const char *label = "client-1";

	become(&area, ROLE_CLIENT, 1);
	metric_series_set(metric_series(METRIC_process_start_time, &label), UINT64_C(1500000000));
	become(&area, ROLE_CLIENT, 1);
	metric_series_set(metric_series(METRIC_process_start_time, &label), UINT64_C(2250000000));
	expect(&area, "process_start_time_seconds{process=\"client-1\"} 2.25");
	area_free(&area);
}

TEST(a_raised_counter_does_not_fall)
{
	struct area area = area_new();

	become(&area, ROLE_RAFTD, 0);
	metric_raise(METRIC_proposals_applied, 20);
	metric_raise(METRIC_proposals_applied, 10);
	expect(&area, "etcd_server_proposals_applied_total 20");
	area_free(&area);
}

TEST(a_histogram_has_each_bound_in_its_bucket)
{
	struct area area = area_new();

	become(&area, ROLE_RAFTD, 0);
	metric_observe(METRIC_wal_fsync, 0);
	metric_observe(METRIC_wal_fsync, 1000000);
	metric_observe(METRIC_wal_fsync, 1000001);
	metric_observe(METRIC_wal_fsync, 2000000);
	metric_observe(METRIC_wal_fsync, 2000001);
	metric_observe(METRIC_wal_fsync, UINT64_C(8192000000));
	metric_observe(METRIC_wal_fsync, UINT64_C(8192000001));
	metric_observe(METRIC_wal_fsync, UINT64_C(100000000000));
	expect(&area, "etcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.001\"} 2");
	expect(&area, "etcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.002\"} 4");
	expect(&area, "etcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.004\"} 5");
	expect(&area, "etcd_disk_wal_fsync_duration_seconds_bucket{le=\"4.096\"} 5");
	expect(&area, "etcd_disk_wal_fsync_duration_seconds_bucket{le=\"8.192\"} 6");
	expect(&area, "etcd_disk_wal_fsync_duration_seconds_bucket{le=\"+Inf\"} 8");
	expect(&area, "etcd_disk_wal_fsync_duration_seconds_sum 116.390000003");
	expect(&area, "etcd_disk_wal_fsync_duration_seconds_count 8");
	area_free(&area);
}

TEST(labels_are_escaped_and_found_again)
{
	struct area area = area_new();
	const char *label = "a\"b\\c\nd";
	const char *values[] = { "/v2/keys", "GET", "200" };
	struct metric_series *series;

	become(&area, ROLE_PEER, 0);
	metric_series_add(metric_series(METRIC_peer_sent, &label), 7);
	expect(&area, "etcd_network_peer_sent_bytes_total{To=\"a\\\"b\\\\c\\nd\"} 7");
	series = metric_series(METRIC_http_requests, values);
	metric_series_add(series, 1);
	assert_ptr_equal(metric_series(METRIC_http_requests, values), series);
	expect(&area, "etcd_http_requests_total{route=\"/v2/keys\",method=\"GET\",code=\"200\"} 1");
	area_free(&area);
}

TEST(a_series_without_room_counts_nowhere)
{
	struct area area = area_new();
	char name[200], digits[16];
	const char *label = name;

	become(&area, ROLE_PEER, 0);
	memset(name, 'x', sizeof(name));
	for (int i = 0; i < 1000; i++) {
		snprintf(digits, sizeof(digits), "%04d", i);
		memcpy(name, digits, 4);
		name[sizeof(name) - 1] = '\0';
		metric_series_add(metric_series(METRIC_peer_sent, &label), 1);
	}
	name[0] = 'y';
	metric_series_observe(metric_series(METRIC_peer_round_trip, &label), 1);
	metric_add(METRIC_rejected_head, 1);
	expect(&area, "etcd_http_rejected_total{reason=\"head\"} 1");
	area_free(&area);
}

/* ---- heirs ----------------------------------------------------------------------------- */

TEST(a_successor_counts_on_and_begins_its_gauges_anew)
{
	struct area area = area_new();
	const char *label = "x";
	uint32_t slot = become(&area, ROLE_CLIENT, 1);

	metric_add(METRIC_cache_hits, 3);
	metric_set(METRIC_watches_open, 10);
	metric_series_observe(metric_series(METRIC_http_duration, &label), 1);
	metric_area_leave(area.area, slot);
	become(&area, ROLE_CLIENT, 2);
	expect(&area, "etcd_cache_hits_total 3");
	expect(&area, "etcd_watches_open 0");
	assert_int_equal(become(&area, ROLE_CLIENT, 1), slot);
	expect(&area, "etcd_watches_open 0");
	metric_add(METRIC_cache_hits, 1);
	metric_series_observe(metric_series(METRIC_http_duration, &label), 1);
	expect(&area, "etcd_cache_hits_total 4");
	expect(&area, "etcd_http_request_duration_seconds_count{route=\"x\"} 2");
	area_free(&area);
}

TEST(two_of_one_name_at_once_have_slots_of_their_own)
{
	struct area area = area_new();
	bool again;
	uint32_t first = metric_area_take(area.area, ROLE_CLIENT, 1, &again);
	uint32_t second;

	assert_false(again);
	second = metric_area_take(area.area, ROLE_CLIENT, 1, &again);
	assert_true(again);
	assert_int_not_equal(first, second);
	metric_area_leave(area.area, first);
	assert_int_equal(metric_area_take(area.area, ROLE_CLIENT, 1, &again), first);
	area_free(&area);
}

TEST(slots_are_limited_and_that_is_said)
{
	struct area area = area_new();
	uint32_t last = 0;
	bool again;

	for (uint32_t number = 1; number < SLOTS_MAX; number++) {
		last = metric_area_take(area.area, ROLE_CLIENT, number, &again);
		assert_int_not_equal(last, METRIC_NO_SLOT);
	}
	assert_int_equal(metric_attach(metric_area_fd(area.area), last, ROLE_CLIENT), ERR_NONE);
	assert_int_equal(metric_area_take(area.area, ROLE_PEER, 0, &again), METRIC_NO_SLOT);
	metric_area_leave(area.area, METRIC_NO_SLOT);
	assert_int_equal(metric_attach(metric_area_fd(area.area), METRIC_NO_SLOT, ROLE_CLIENT),
	    ERR_INVALID);
	area_free(&area);
}

TEST(another_process_counts_and_dies_and_it_is_seen)
{
	struct area area = area_new();
	bool again;
	uint32_t slot = metric_area_take(area.area, ROLE_RAFTD, 0, &again);
	int status;
	pid_t pid;

	pid = fork();
	assert_true(pid != -1);
	if (pid == 0) {
		if (metric_attach(metric_area_fd(area.area), slot, ROLE_RAFTD) != ERR_NONE)
			_exit(1);
		metric_add(METRIC_leader_changes, 2);
		metric_set(METRIC_has_leader, 1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	expect(&area, "etcd_server_leader_changes_seen_total 2");
	expect(&area, "etcd_server_has_leader 1");
	metric_area_leave(area.area, slot);
	expect(&area, "etcd_server_leader_changes_seen_total 2");
	expect(&area, "etcd_server_has_leader 0");
	area_free(&area);
}

/* ---- who writes what he must not -------------------------------------------------------- */

TEST(the_area_cannot_be_shortened_or_grown)
{
	struct area area = area_new();
	int fd = metric_area_fd(area.area);

	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, (off_t)(2 * AREA_BYTES)), -1);
	area_free(&area);
}

TEST(what_is_no_area_is_not_attached)
{
	struct area area = area_new();
	int fd = memfd_create("none", MFD_CLOEXEC);

	assert_true(fd != -1);
	assert_int_equal(metric_attach(fd, 0, ROLE_CLIENT), ERR_INVALID);
	assert_int_equal(ftruncate(fd, (off_t)AREA_BYTES), 0);
	assert_int_equal(metric_attach(fd, 0, ROLE_CLIENT), ERR_INVALID);
	/* The one before still counts. */
	become(&area, ROLE_CLIENT, 1);
	assert_int_equal(metric_attach(fd, 0, ROLE_CLIENT), ERR_INVALID);
	metric_add(METRIC_cache_hits, 1);
	expect(&area, "etcd_cache_hits_total 1");
	close(fd);
	area_free(&area);
}

/* A slot as a process that has gone wrong may leave it. */
static uint64_t *
slot_of(struct area *area, uint32_t slot)
{
	uint64_t *words = mmap(NULL, BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
	    metric_area_fd(area->area), (off_t)(BLOCK_BYTES * (1 + slot)));

	assert_ptr_not_equal(words, MAP_FAILED);
	return words;
}

TEST(a_spoilt_slot_harms_nobody_and_can_be_used_again)
{
	struct area area = area_new();
	uint32_t spoilt = become(&area, ROLE_CLIENT, 1);
	uint64_t *words = slot_of(&area, spoilt);
	uint64_t seed = 12345;

	become(&area, ROLE_CLIENT, 2);
	metric_add(METRIC_cache_hits, 5);
	for (int round = 0; round < 300; round++) {
		size_t used = (size_t)(round * 40) % BLOCK_WORDS;

		for (size_t i = 1; i < used; i++) {
			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
			words[i] = round % 2 == 0 ? seed : seed & UINT64_C(0x0003001000000007);
		}
		words[0] = round % 7 == 0 ? seed : used;
		buf_clear(&area.text);
		metric_render(&area.text, METRIC_FORM_TEXT);
		if (round % 10 == 0) {
			metric_area_leave(area.area, spoilt);
			assert_int_equal(become(&area, ROLE_CLIENT, 1), spoilt);
			metric_add(METRIC_rejected_head, 1);
			buf_clear(&area.text);
			metric_render(&area.text, METRIC_FORM_TEXT);
		}
	}
	words[0] = 1;
	expect(&area, "etcd_cache_hits_total 5");
	munmap(words, BLOCK_BYTES);
	area_free(&area);
}

TEST(a_hidden_gauge_is_not_shown)
{
	struct area area = area_new();
	const char *old[] = { "client", "old.crt" }, *new[] = { "client", "new.crt" };

	metric_series_set(metric_series(METRIC_tls_expiry, old), 7);
	metric_series_set(metric_series(METRIC_tls_expiry, new), 8);
	expect(&area, "etcd_tls_certificate_expiry_timestamp_seconds"
	    "{port=\"client\",file=\"old.crt\"} 7");
	metric_series_hide(metric_series(METRIC_tls_expiry, old));
	assert_false(shows(&area, "file=\"old.crt\""));
	expect(&area, "etcd_tls_certificate_expiry_timestamp_seconds"
	    "{port=\"client\",file=\"new.crt\"} 8");
	area_free(&area);
}

TEST(openmetrics_names_families_of_counters_without_total)
{
	struct area area = area_new();

	become(&area, ROLE_RAFTD, 0);
	metric_observe(METRIC_batch_entries, 3);
	metric_observe(METRIC_batch_entries, 1);
	buf_clear(&area.text);
	metric_render(&area.text, METRIC_FORM_OPENMETRICS);
	buf_append_byte(&area.text, '\0');
	assert_non_null(strstr((char *)area.text.data, "\n# TYPE etcd_disk_written_bytes counter\n"
	    "etcd_disk_written_bytes_total 0\n"));
	assert_non_null(strstr((char *)area.text.data,
	    "\netcd_wal_batch_entries_bucket{le=\"1.0\"} 1\n"
	    "etcd_wal_batch_entries_bucket{le=\"2.0\"} 1\n"
	    "etcd_wal_batch_entries_bucket{le=\"4.0\"} 2\n"));
	assert_non_null(strstr((char *)area.text.data, "\netcd_wal_batch_entries_sum 4\n"));
	assert_string_equal((char *)area.text.data + area.text.size - sizeof("\n# EOF\n"),
	    "\n# EOF\n");
	area_free(&area);
}

TEST(a_name_that_is_not_printable_is_not_shown)
{
	static const char *const inside[] = { "\n", "\x1b[2J", "\x7f", "\xc2\x9b", "\xe2\x80\xae",
		"\xff", "\xc3\xa9" };

	for (size_t i = 0; i < ARRAY_COUNT(inside); i++) {
		struct area area = area_new();
		uint64_t *words = slot_of(&area, become(&area, ROLE_CLIENT, 1));
		char name[64];
		int size = snprintf(name, sizeof(name), "etcd_cache_hits_total{a=\"%s\"}",
		    inside[i]);
		struct metric_record record = { .row = METRIC_cache_hits,
			.name_bytes = (uint16_t)size, .cells = 1 };
		bool shown;

		memcpy(&words[1], &record, sizeof(record));
		memcpy(&words[2], name, (size_t)size);
		words[0] = 2 + metric_name_words(record.name_bytes) + 1;
		buf_clear(&area.text);
		metric_render(&area.text, METRIC_FORM_TEXT);
		buf_append_byte(&area.text, '\0');
		shown = strstr((char *)area.text.data, "etcd_cache_hits") != NULL;
		assert_int_equal(shown, i + 1 == ARRAY_COUNT(inside));
		munmap(words, BLOCK_BYTES);
		area_free(&area);
	}
}

TEST(records_of_another_version_are_kept_and_read_by_name)
{
	struct area area = area_new();
	uint32_t slot = become(&area, ROLE_CLIENT, 1);
	uint64_t *words = slot_of(&area, slot);
	static const char unknown[] = "etcd_of_tomorrow_total";
	static const char known[] = "etcd_cache_hits_total";
	struct metric_record record = { .row = 5, .name_bytes = sizeof(unknown) - 1, .cells = 1 };

	/* Both say that they are row 5 of their table. */
	memcpy(&words[1], &record, sizeof(record));
	memcpy(&words[2], unknown, sizeof(unknown));
	words[5] = 77;
	record.name_bytes = sizeof(known) - 1;
	memcpy(&words[6], &record, sizeof(record));
	memcpy(&words[7], known, sizeof(known));
	words[10] = 40;
	words[0] = 11;
	expect(&area, "etcd_cache_hits_total 40");
	metric_area_leave(area.area, slot);
	assert_int_equal(become(&area, ROLE_CLIENT, 1), slot);
	metric_add(METRIC_cache_hits, 2);
	expect(&area, "etcd_cache_hits_total 42");
	assert_int_equal(words[5], 77);
	munmap(words, BLOCK_BYTES);
	area_free(&area);
}

TEST(who_writes_into_our_slot_does_not_move_our_cells)
{
	struct area area = area_new();
	const char *label = "x";
	uint64_t *words = slot_of(&area, become(&area, ROLE_CLIENT, 1));
	struct metric_series *series = metric_series(METRIC_http_duration, &label);
	uint64_t used = words[0];

	memset(&words[1], 0xff, BLOCK_BYTES - sizeof(words[0]));
	metric_series_observe(series, 1);
	metric_add(METRIC_cache_hits, 1);
	/* Exactly three cells are other than they were made. */
	for (size_t i = 1; i < BLOCK_WORDS; i++) {
		if (words[i] != UINT64_MAX) {
			assert_true(i < used);
			words[i] = UINT64_MAX;
			used += UINT64_C(1) << 32;
		}
	}
	assert_int_equal(used >> 32, 3);
	metric_series_add(metric_series(METRIC_http_duration, &label), 1);
	munmap(words, BLOCK_BYTES);
	area_free(&area);
}
