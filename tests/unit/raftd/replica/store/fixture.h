/*
 * fixture.h - a store that is spoken to in lines and answers in lines, beside
 * the disk that its effects would leave.
 *
 *	EXPECT(f, "set /a 1 ttl=5", "201 set /a=1 m1 c1 @5");
 *
 * Commands; KEY and VALUE hold no blank, the empty value is left out:
 *	set|create|update|swap|delete|cad|post KEY [VALUE] [ttl=S] [dir]
 *		[recursive] [refresh] [prev=VALUE] [index=N] [internal]
 *	acquire|renew|release KEY ...	the same, of a lock
 *	look KEY [index=N]	"holder INDEX=VALUE" or "nobody", then "before INDEX" and "there"
 *	get KEY [recursive] [sorted]
 *	expire S [MAX [BYTES]]	up to that second
 *	watch OWNER ID KEY [recursive] [stream] [since=N] [goes_on]
 *		[past]		answered by "behind" if it is
 *	unwatch OWNER ID | unwatch OWNER
 *	hits			all, also of the past, and forget them
 *	catch_up [bytes=N] [looks=N] [piece=N] [untaken=N] [full=OWNER]
 *				a bounded step into the past; "more" if another would do more
 *	take OWNER N		so many past_bytes were worked off
 *	more OWNER ID		that watch wants its next piece
 *	taken			the hits so far, also who is "live" now, and forget them
 *
 * Answers:
 *	[201 |200 ]ACTION NODE [< PREVIOUS]	NODE: KEY[=VALUE] or KEY/ for a
 *		directory, mINDEX cINDEX unless 0, @SECOND it expires at
 *	get NODE NODE ...			depth as blanks is not shown
 *	error CODE CAUSE
 *	INDEX OWNER[ID ID] ACTION ...; INDEX ...	hits, or "none"
 * Time stands still at fixture.time_ns.
 */
#ifndef MOOTHALL_TESTS_UNIT_RAFTD_STORE_FIXTURE_H
#define MOOTHALL_TESTS_UNIT_RAFTD_STORE_FIXTURE_H

#include "common/blob.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/tails.h"
#include "raftd/replica/store/store.h"
#include "tests/lib/test.h"

/* What is on disk: records sorted by key. */
struct disk {
	struct disk_record {
		struct blob *key, *value;
	} *records;
	size_t count, capacity;
};

struct fixture {
	struct store *store;
	struct disk disk;
	struct buf effects;		/* of the last command, */
	struct tails tails;		/* and what is not copied into them */
	uint64_t time_ns;
	uint64_t full_owner;		/* who has no room for the past */
	struct buf text;		/* the last answer, with a NUL */
};

struct fixture *fixture_new(uint64_t seed);
void fixture_free(struct fixture **fixture);
/* The answer to a command; valid until the next. */
const char *fixture_run(struct fixture *f, const char *command);
/* A write with any bytes; the outcome is the caller's to release. */
struct store_outcome fixture_write(struct fixture *f, const struct command_write *write,
    bool internal);
void fixture_outcome_free(struct store_outcome *outcome);
/* Move what a direct call of the store appended to f->effects onto the disk. */
void fixture_flush(struct fixture *f);
/* A new store, of that seed, from what is on disk.
 * NULL, with *where set, if it is refused. */
struct store *disk_load(const struct disk *disk, uint64_t seed, const char **where);
void disk_put(struct disk *disk, struct slice key, struct slice value);
void disk_free(struct disk *disk);
/* An encoded event as an answer's line, appended. */
void event_text(struct buf *out, struct slice event);

#define EXPECT(f, command, answer) assert_string_equal(fixture_run(f, command), answer)

#endif
