/*
 * services.c - see services.h.
 */
#include "common/services.h"

#include "common/host_name.h"
#include "common/xmem.h"

#include <ctype.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/nameser.h>
#include <resolv.h>

#define SRV_BYTES_BEFORE 6		/* priority, weight, port; then the host */

/* Who is asked first, and in any case the same order for all. */
static int
compare(const struct service_place *a, const struct service_place *b)
{
	int hosts;

	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	hosts = strcmp(a->host, b->host);
	return hosts != 0 ? hosts : (int)a->port - (int)b->port;
}

static bool
is_there(const struct services *services, const struct service_place *service)
{
	for (size_t i = 0; i < services->count; i++)
		if (services->list[i].port == service->port &&
		    strcmp(services->list[i].host, service->host) == 0)
			return true;
	return false;
}

static enum err
add(struct services *services, const struct service_place *service)
{
	size_t place = services->count;

	if (is_there(services, service))
		return ERR_NONE;
	if (services->count == SERVICES_MAX)
		return ERR_TOO_BIG;
	while (place > 0 && compare(&services->list[place - 1], service) > 0) {
		services->list[place] = services->list[place - 1];
		place--;
	}
	services->list[place] = *service;
	services->count++;
	return ERR_NONE;
}

/* A record of the answer. One whose host is "." says that there is no such service. */
static enum err
take_record(const ns_msg *message, const ns_rr *record, struct services *result)
{
	const uint8_t *data = ns_rr_rdata(*record);
	char host[NS_MAXDNAME];
	struct service_place service;
	size_t size;

	if (ns_rr_type(*record) != ns_t_srv || ns_rr_class(*record) != ns_c_in)
		return ERR_NONE;
	if (ns_rr_rdlen(*record) <= SRV_BYTES_BEFORE ||
	    ns_name_uncompress(ns_msg_base(*message), ns_msg_end(*message),
		data + SRV_BYTES_BEFORE, host, sizeof(host)) < 0)
		return ERR_MALFORMED;
	size = strlen(host);
	if (size > 0 && host[size - 1] == '.')
		host[--size] = '\0';
	if (size == 0)
		return ERR_NONE;
	service = (struct service_place){ .priority = (uint16_t)(data[0] << 8 | data[1]),
		.weight = (uint16_t)(data[2] << 8 | data[3]),
		.port = (uint16_t)(data[4] << 8 | data[5]) };
	if (!host_name_valid(slice_text(host)) || service.port == 0)
		return ERR_MALFORMED;
	for (size_t i = 0; i <= size; i++)
		service.host[i] = (char)tolower((unsigned char)host[i]);
	return add(result, &service);
}

enum err
services_parse(struct slice packet, struct services *result)
{
	ns_msg message;
	ns_rr record;
	enum err err;

	result->count = 0;
	if (packet.size > SERVICES_PACKET_BYTES_MAX ||
	    ns_initparse(packet.data, (int)packet.size, &message) < 0)
		return ERR_MALFORMED;
	for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
		if (ns_parserr(&message, ns_s_an, i, &record) < 0)
			return ERR_MALFORMED;
		err = take_record(&message, &record, result);
		if (err != ERR_NONE)
			return err;
	}
	return ERR_NONE;
}

enum err
services_look_up(const char *name, struct services *result)
{
	struct __res_state state = { 0 };
	uint8_t *packet;
	enum err err;
	int size;

	result->count = 0;
	if (res_ninit(&state) != 0)
		return ERR_AGAIN;
	packet = xmalloc(SERVICES_PACKET_BYTES_MAX);
	size = res_nquery(&state, name, ns_c_in, ns_t_srv, packet, SERVICES_PACKET_BYTES_MAX);
	if (size < 0)
		err = state.res_h_errno == HOST_NOT_FOUND || state.res_h_errno == NO_DATA ?
		    ERR_NOT_FOUND : ERR_AGAIN;
	else
		err = services_parse(slice_of(packet,
		    MIN_OF((size_t)size, (size_t)SERVICES_PACKET_BYTES_MAX)), result);
	free(packet);
	res_nclose(&state);
	return err;
}
