/*
 * snapshot.c - snapshot save, status, restore.
 *
 * What a server streams ends with the SHA-256 of all that was before it: of etcd a database
 * file, of ours a backup file (common/backup.h). It is written under another name and gets its
 * own when all of it is there and the sum is right, so a file of that name is whole.
 */
#include "common/backup.h"
#include "common/base64.h"
#include "common/clock.h"
#include "common/program.h"
#include "common/xmem.h"
#include "ctl/interrupt.h"
#include "ctl/v3/message.h"
#include "ctl/v3/show.h"
#include "ctl/v3/stream.h"
#include "ctl/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SUM_BYTES ((size_t)32)

/* ---- the sum at the end -------------------------------------------------------- */

/* Sums all bytes but the last 32, which it keeps. */
struct summing {
	EVP_MD_CTX *context;
	uint8_t kept[SUM_BYTES];
	size_t kept_bytes;
	uint64_t bytes;
};

static void
sum_begin(struct summing *summing)
{
	*summing = (struct summing){ .context = EVP_MD_CTX_new() };
	ASSERT(summing->context != NULL);
	MUST(EVP_DigestInit_ex(summing->context, EVP_sha256(), NULL) == 1);
}

static void
sum_add(struct summing *summing, struct slice bytes)
{
	size_t all = summing->kept_bytes + bytes.size;
	size_t old = all > SUM_BYTES ? MIN_OF(all - SUM_BYTES, summing->kept_bytes) : 0;
	size_t fresh = all > SUM_BYTES ? all - SUM_BYTES - old : 0;

	MUST(EVP_DigestUpdate(summing->context, summing->kept, old) == 1);
	memmove(summing->kept, summing->kept + old, summing->kept_bytes - old);
	summing->kept_bytes -= old;
	if (fresh > 0)
		MUST(EVP_DigestUpdate(summing->context, bytes.data, fresh) == 1);
	if (bytes.size > fresh)
		memcpy(summing->kept + summing->kept_bytes, bytes.data + fresh, bytes.size - fresh);
	summing->kept_bytes += bytes.size - fresh;
	summing->bytes += bytes.size;
}

/* True: the last 32 bytes are the sum of what is before. */
static bool
sum_end(struct summing *summing)
{
	uint8_t sum[EVP_MAX_MD_SIZE];
	bool right;

	MUST(EVP_DigestFinal_ex(summing->context, sum, NULL) == 1);
	right = summing->bytes > SUM_BYTES && summing->kept_bytes == SUM_BYTES &&
	    memcmp(sum, summing->kept, SUM_BYTES) == 0;
	EVP_MD_CTX_free(summing->context);
	summing->context = NULL;
	return right;
}

/* ---- save ---------------------------------------------------------------------- */

struct saving {
	struct ctl3 *v3;
	struct ctl3_stream *stream;
	struct summing summing;
	struct whole_file file;
};

static int
write_all(struct saving *saving, struct slice bytes)
{
	while (bytes.size > 0) {
		ssize_t size = write(saving->file.fd, bytes.data, bytes.size);

		if (size == -1 && errno == EINTR)
			continue;
		if (size == -1)
			return output_error(CTL3_IO, "cannot write %s: %s", saving->file.partial,
			    strerror(errno));
		bytes = slice_of(bytes.data + size, bytes.size - (size_t)size);
	}
	return CTL3_DONE;
}

static int
take_blob(struct saving *saving, const struct json *message)
{
	struct buf blob = BUF_INIT;
	int code;

	ctl3_message_bytes(message, "blob", &blob);
	sum_add(&saving->summing, buf_slice(&blob));
	code = write_all(saving, buf_slice(&blob));
	buf_free(&blob);
	return code;
}

static int
receive(struct saving *saving)
{
	int code = CTL3_DONE;

	while (code == CTL3_DONE) {
		const struct json *message = NULL;

		switch (ctl3_stream_next(saving->stream, CLIENT_NO_LIMIT, &message)) {
		case CTL3_MESSAGE:
			code = take_blob(saving, message);
			break;
		case CTL3_NOTHING:
			break;
		case CTL3_SIGNAL:
			return 128 + interrupt_signal();
		case CTL3_REFUSED:
			return output_error(CTL3_ERROR, "%s", ctl3_stream_problem(saving->stream));
		case CTL3_ENDED:
			if (!sum_end(&saving->summing))
				return output_error(CTL3_IO, "%s; what came is not whole",
				    ctl3_stream_problem(saving->stream));
			return CTL3_DONE;
		}
	}
	return code;
}

static int
say_failure(const struct saving *saving)
{
	return output_error(CTL3_IO, "cannot %s %s: %s", saving->file.failed, saving->file.path,
	    strerror(errno));
}

static int
settle(struct saving *saving)
{
	if (!whole_file_keep(&saving->file))
		return say_failure(saving);
	output_print(&saving->v3->out, "Snapshot saved at %s\n", saving->file.name);
	return CTL3_DONE;
}

static int
save(struct saving *saving)
{
	struct ctl3_answer answer = { 0 };
	int code = CTL3_DONE;

	if (!ctl3_log_in(saving->v3, NULL, &answer))
		code = output_error(answer.exit, "%s", answer.problem);
	ctl3_answer_free(&answer);
	if (code != CTL3_DONE)
		return code;
	saving->stream = ctl3_stream_open(saving->v3, 0, "/v3/maintenance/snapshot",
	    SLICE_LITERAL("{}"));
	sum_begin(&saving->summing);
	code = receive(saving);
	if (saving->summing.context != NULL)
		(void)sum_end(&saving->summing);
	ctl3_stream_close(&saving->stream);
	return code == CTL3_DONE ? settle(saving) : code;
}

int
ctl3_snapshot_save(struct ctl3 *v3)
{
	struct saving saving = { .v3 = v3 };
	int code = ctl3_connect(v3);

	if (code != CTL3_DONE)
		return code;
	/* Each member has its own: it has to be said which. */
	if (client_endpoint_count(v3->client) != 1)
		return output_error(CTL3_ERROR, "snapshot must be requested to one selected node, "
		    "not multiple (--endpoints)");
	interrupt_catch();
	code = whole_file_begin(&saving.file, v3->arguments->words[0]) ? save(&saving) :
	    say_failure(&saving);
	whole_file_end(&saving.file);
	return code;
}

/* ---- status -------------------------------------------------------------------- */

struct ctl3_found {
	uint64_t store_index, raft_index, made_ns;
	char *made_by;
};

static enum err
head_came(void *argument, const struct backup_head *head)
{
	struct ctl3_found *found = argument;

	found->raft_index = head->raft_index;
	found->made_ns = head->made_ns;
	found->made_by = xasprintf("%.*s", SLICE_ARGS(head->name));
	return ERR_NONE;
}

static enum err
end_came(void *argument, const struct backup_end *end)
{
	struct ctl3_found *found = argument;

	found->store_index = end->store_index;
	return ERR_NONE;
}

static void
show_found(const struct ctl3 *v3, const struct ctl3_found *found, uint64_t bytes)
{
	char made[CLOCK_TEXT_BYTES];
	struct buf text = BUF_INIT;
	struct json_put json = json_put_into(&text);

	clock_format(found->made_ns, 0, false, made);
	if (v3->format == CTL3_JSON) {
		json_put_open(&json, NULL, '{');
		json_put_number(&json, "storeIndex", found->store_index);
		json_put_number(&json, "raftIndex", found->raft_index);
		json_put_number(&json, "totalSize", bytes);
		json_put_text(&json, "made", slice_text(made));
		json_put_text(&json, "node", slice_text(found->made_by));
		json_put_close(&json, '}');
		output_json_line(&v3->out, &json);
	} else {
		ctl3_size(&text, bytes);
		output_print(&v3->out, "whole, %.*s, store index %" PRIu64 ", raft index %" PRIu64
		    ", made %s by %s\n", SLICE_ARGS(text), found->store_index,
		    found->raft_index, made, found->made_by);
	}
	buf_free(&text);
}

/* Of another kind: all that can be said of it is whether its sum is right. */
static int
check_other(const struct ctl3 *v3, int fd, const char *file)
{
	struct summing summing;
	uint8_t bytes[65536];
	ssize_t size;

	sum_begin(&summing);
	(void)lseek(fd, 0, SEEK_SET);
	while ((size = read(fd, bytes, sizeof(bytes))) > 0)
		sum_add(&summing, slice_of(bytes, (size_t)size));
	if (!sum_end(&summing) || size < 0)
		return output_error(CTL3_ERROR, "%s is no snapshot of moothall, and none of etcd "
		    "that is whole", file);
	output_print(&v3->out, "whole, %" PRIu64 " bytes, of etcd: its own tools know more of it\n",
	    summing.bytes);
	return CTL3_DONE;
}

int
ctl3_snapshot_status(struct ctl3 *v3)
{
	const char *file = v3->arguments->words[0];
	struct ctl3_found found = { 0 };
	struct backup_owner owner = { .head = head_came, .end = end_came, .argument = &found };
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	char *sentence = NULL;
	int code = CTL3_DONE;
	enum err err;

	if (fd == -1)
		return output_error(CTL3_ERROR, "stat %s: %s", file, strerror(errno));
	err = backup_file_read(fd, file, owner, &sentence);
	if (err == ERR_NONE)
		show_found(v3, &found, (uint64_t)lseek(fd, 0, SEEK_END));
	else if (err == ERR_FOREIGN)
		code = check_other(v3, fd, file);
	else
		code = output_error(CTL3_ERROR, "%s", sentence == NULL ? err_text(err) : sentence);
	free(found.made_by);
	free(sentence);
	close(fd);
	return code;
}

int
ctl3_snapshot_restore(struct ctl3 *v3)
{
	return output_error(CTL3_BAD_FEATURE, "a snapshot is restored by '%s restore %s --to DIR "
	    "--name NAME', without ETCDCTL_API=3", program_etcdctl(), v3->arguments->words[0]);
}
