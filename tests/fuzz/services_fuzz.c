/*
 * services_fuzz.c - any bytes as what a name server answers for SRV records, and as what the
 * resolver says of it to the peer worker.
 */
#include "tests/fuzz/fuzz.h"

#include "common/host_name.h"
#include "common/ipc/message.h"
#include "common/services.h"

#include <string.h>

/* Each can be called, none is there twice. */
static void
try_packet(struct slice packet)
{
	struct services services;

	if (services_parse(packet, &services) != ERR_NONE)
		return;
	ASSERT(services.count <= SERVICES_MAX);
	for (size_t i = 0; i < services.count; i++) {
		const struct service_place *service = &services.list[i];

		ASSERT(service->port != 0);
		ASSERT(host_name_valid(slice_text(service->host)));
		ASSERT(i == 0 || services.list[i - 1].priority <= service->priority);
		for (size_t k = 0; k < i; k++)
			ASSERT(services.list[k].port != service->port ||
			    strcmp(services.list[k].host, service->host) != 0);
	}
}

static void
try_list(struct slice list)
{
	struct reader in = reader_of(list);
	struct service_record record;

	while (!reader_done(&in) && service_record_get(&in, &record))
		(void)host_name_valid(record.host);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_packet(slice_of(data, size));
	try_list(slice_of(data, size));
	return 0;
}
