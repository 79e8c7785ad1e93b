/*
 * host_name.c - see host_name.h.
 */
#include "common/host_name.h"

#include "common/limits.h"

bool
host_name_valid(struct slice host)
{
	if (host.size == 0 || host.size > ADDRESS_HOST_BYTES_MAX || host.data[0] == '-')
		return false;
	for (size_t i = 0; i < host.size; i++) {
		uint8_t byte = host.data[i];

		if (!((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
		    (byte >= '0' && byte <= '9') || byte == '.' || byte == '-' || byte == '_'))
			return false;
	}
	return true;
}
