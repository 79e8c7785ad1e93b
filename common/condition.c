/*
 * condition.c - see condition.h.
 */
#include "common/condition.h"

#include "common/ipc/message.h"
#include "common/version.h"

#include <stdio.h>
#include <string.h>

static void
add_restarts(struct condition *condition, struct slice process, uint64_t count)
{
	size_t at = condition->restart_count;

	if (at == CONDITION_RESTARTS_MAX || process.size >= METRIC_PROCESS_BYTES)
		return;
	snprintf(condition->restarts[at].process, METRIC_PROCESS_BYTES, "%.*s",
	    SLICE_ARGS(process));
	condition->restarts[at].count = count;
	condition->restart_count++;
}

static void
add_certificate(struct condition *condition, struct slice port, uint64_t ends_s)
{
	size_t at = condition->certificate_count;

	if (at == CONDITION_CERTIFICATES_MAX || port.size >= METRIC_PROCESS_BYTES)
		return;
	snprintf(condition->certificates[at].port, METRIC_PROCESS_BYTES, "%.*s", SLICE_ARGS(port));
	condition->certificates[at].ends_s = ends_s;
	condition->certificate_count++;
}

/* Of all processes of a kind together: "client-1" and "client-2" are "client". */
static void
take_restarts(struct condition *condition, struct slice process, uint64_t count)
{
	size_t size = 0;

	while (size < process.size && process.data[size] != '-')
		size++;
	process.size = size;
	for (size_t i = 0; i < condition->restart_count; i++) {
		if (slice_equal(process, slice_text(condition->restarts[i].process))) {
			condition->restarts[i].count += count;
			return;
		}
	}
	add_restarts(condition, process, count);
}

static void
take(void *argument, const struct metric_seen *seen)
{
	struct condition *condition = argument;

	switch (seen->row) {
	case METRIC_wal_fsync:
		for (unsigned i = 0; i < metric_bucket_count(seen->row) + 2; i++)
			condition->syncs[i] += seen->cells[i];
		break;
	case METRIC_process_restarts:
		take_restarts(condition, metric_label(seen->labels, "process"), seen->cells[0]);
		break;
	case METRIC_tls_expiry:
		add_certificate(condition, metric_label(seen->labels, "port"), seen->cells[0]);
		break;
	}
}

void
condition_take(struct condition *condition)
{
	*condition = (struct condition){ .syncs_known = true };
	snprintf(condition->version, sizeof(condition->version), "%s", version_text);
	metric_look(take, condition);
}

void
condition_put(struct buf *out, const struct condition *condition)
{
	struct buf syncs = BUF_INIT, restarts = BUF_INIT, certificates = BUF_INIT;

	for (unsigned i = 0; i < metric_bucket_count(METRIC_wal_fsync) + 2; i++)
		codec_put_u64(&syncs, condition->syncs[i]);
	for (size_t i = 0; i < condition->restart_count; i++)
		restarts_record_put(&restarts, &(struct restarts_record){
		    .process = slice_text(condition->restarts[i].process),
		    .count = condition->restarts[i].count });
	for (size_t i = 0; i < condition->certificate_count; i++)
		certificate_record_put(&certificates, &(struct certificate_record){
		    .port = slice_text(condition->certificates[i].port),
		    .ends_s = condition->certificates[i].ends_s });
	condition_record_put(out, &(struct condition_record){
	    .version = slice_text(condition->version), .syncs = buf_slice(&syncs),
	    .restarts = buf_slice(&restarts), .certificates = buf_slice(&certificates) });
	buf_free(&syncs);
	buf_free(&restarts);
	buf_free(&certificates);
}

static void
get_syncs(struct condition *condition, struct slice bytes)
{
	unsigned cells = metric_bucket_count(METRIC_wal_fsync) + 2;
	struct reader in = reader_of(bytes);

	if (bytes.size != cells * sizeof(uint64_t))
		return;
	condition->syncs_known = true;
	for (unsigned i = 0; condition->syncs_known && i < cells; i++)
		condition->syncs_known = codec_get_u64(&in, &condition->syncs[i]);
}

static bool
get_lists(struct condition *condition, const struct condition_record *record)
{
	struct reader restarts = reader_of(record->restarts);
	struct reader certificates = reader_of(record->certificates);
	struct restarts_record restart;
	struct certificate_record certificate;

	while (!reader_done(&restarts)) {
		if (!restarts_record_get(&restarts, &restart))
			return false;
		add_restarts(condition, restart.process, restart.count);
	}
	while (!reader_done(&certificates)) {
		if (!certificate_record_get(&certificates, &certificate))
			return false;
		add_certificate(condition, certificate.port, certificate.ends_s);
	}
	return true;
}

bool
condition_get(struct condition *condition, struct slice bytes)
{
	struct reader in = reader_of(bytes);
	struct condition_record record;

	*condition = (struct condition){ .version = "" };
	if (!condition_record_get(&in, &record) || !reader_done(&in) ||
	    !get_lists(condition, &record)) {
		*condition = (struct condition){ .version = "" };
		return false;
	}
	snprintf(condition->version, sizeof(condition->version), "%.*s",
	    SLICE_ARGS(record.version));
	get_syncs(condition, record.syncs);
	return true;
}
