/*
 * policy.c - raftd's table (see policy.h).
 *
 * No socket is made here and none is accepted: all come over the control
 * channel. The calls on paths are LevelDB's, which makes, renames and removes
 * files of DATA_DIR/db at any time, from its own thread too. Opened again after the
 * disk was full, it asks for its own directory to be made, which is there.
 */
#include "raftd/policy.h"

#include "common/xmem.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>

static const struct sandbox_call calls[] = {
	/* files of the database */
	SANDBOX_CALL(openat), SANDBOX_CALL(open),
	SANDBOX_CALL(newfstatat), SANDBOX_CALL(stat), SANDBOX_CALL(access), SANDBOX_CALL(faccessat),
	SANDBOX_CALL(faccessat2), SANDBOX_CALL(getdents64),
	SANDBOX_CALL(mkdir), SANDBOX_CALL(mkdirat),
	SANDBOX_CALL(unlink), SANDBOX_CALL(unlinkat), SANDBOX_CALL(rename), SANDBOX_CALL(renameat),
	SANDBOX_CALL(renameat2),
	SANDBOX_CALL(pwrite64), SANDBOX_CALL(ftruncate),
	SANDBOX_CALL(fsync), SANDBOX_CALL(fdatasync), SANDBOX_CALL(fstatfs),
	SANDBOX_CALL_IF(fcntl, SANDBOX_IS(1, F_SETLK)),
	/* of what the peer worker gives, before it is used */
	SANDBOX_CALL_IF(getsockopt, SANDBOX_IS(1, SOL_SOCKET), SANDBOX_IS(2, SO_DOMAIN)),
	SANDBOX_CALL_IF(getsockopt, SANDBOX_IS(1, SOL_SOCKET), SANDBOX_IS(2, SO_TYPE)),
	/* threads, and no other child; clone3 hides its flags from a filter */
	SANDBOX_CALL_IF(clone, SANDBOX_ARGUMENT(0, CLONE_THREAD | CLONE_VM | CLONE_SIGHAND,
	    CLONE_THREAD | CLONE_VM | CLONE_SIGHAND)),
	SANDBOX_CALL_NOT(clone3, SANDBOX_UNKNOWN),
	SANDBOX_CALL(set_robust_list), SANDBOX_CALL(rseq), SANDBOX_CALL(set_tid_address),
};

static char *
database_path(const char *data_dir)
{
	return xasprintf("%s/db", data_dir);
}

enum err
raftd_policy_open(enum sandbox_mode mode, const char *data_dir)
{
	struct sandbox_place place = { data_dir,
		SANDBOX_READ | SANDBOX_WRITE | SANDBOX_MAKE_DIRECTORY };

	sandbox_prepare();
	return sandbox_files(mode, &(struct sandbox_files){ .places = &place, .count = 1 });
}

enum err
raftd_policy_serve(enum sandbox_mode mode, const char *data_dir)
{
	char *database = database_path(data_dir);
	struct sandbox_place place = { database, SANDBOX_READ | SANDBOX_WRITE };
	enum err err;

	err = sandbox_files(mode, &(struct sandbox_files){ .places = &place, .count = 1 });
	free(database);
	if (err != ERR_NONE)
		return err;
	return sandbox_calls(mode, &(struct sandbox_calls){ .calls = calls,
	    .count = ARRAY_COUNT(calls) }, "raftd");
}
