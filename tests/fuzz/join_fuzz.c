/*
 * join_fuzz.c - the JSON that joiners and members send each other.
 *
 * Any bytes: what is taken keeps to the rules and comes back from its own text.
 */
#include "tests/fuzz/fuzz.h"

#include "common/ipc/message.h"
#include "common/node_name.h"
#include "httpd/peer/identity.h"
#include "httpd/peer/join_text.h"

static void
try_request(struct slice body)
{
	struct join_request request, back;
	struct buf text = BUF_INIT;
	struct peer_address address;
	const char *problem = NULL;

	if (join_request_parse(body, &request, &problem) != ERR_NONE) {
		ASSERT(problem != NULL);
		return;
	}
	ASSERT(request.id != 0);
	ASSERT(node_name_valid(slice_text(request.name)));
	MUST(peer_address_parse(slice_text(request.peer_url), false, &address) == ERR_NONE);
	join_request_put(&text, &request);
	MUST(join_request_parse(buf_slice(&text), &back, &problem) == ERR_NONE);
	ASSERT(memcmp(&request, &back, sizeof(back)) == 0);
	buf_free(&text);
}

static void
try_answer(struct slice body)
{
	struct buf members = BUF_INIT;
	struct member_record record;
	const char *problem = NULL;
	struct reader in;
	uint64_t id;

	if (join_answer_parse(body, &id, &members, &problem) == ERR_NONE) {
		in = reader_of(buf_slice(&members));
		while (!reader_done(&in))
			MUST(member_record_get(&in, &record));
	} else {
		ASSERT(problem != NULL);
	}
	buf_free(&members);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice body = slice_of(data, size);
	struct join_error error;
	const char *problem;
	char leader[URL_BYTES_MAX + 1];
	size_t count;

	try_request(body);
	try_answer(body);
	if (join_error_parse(body, &error) == ERR_NONE)
		ASSERT(error.code != 0);
	(void)!join_machines_parse(body, &count, leader, &problem);
	ASSERT(memchr(leader, '\0', sizeof(leader)) != NULL);
	ASSERT(join_sync_interval_ms(body) >= SYNC_INTERVAL_MS_MIN);
	return 0;
}
