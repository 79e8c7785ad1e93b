/*
 * addresses.c - see addresses.h.
 */
#include "supervisor/addresses.h"

#include "common/diag.h"
#include "common/xmem.h"
#include "supervisor/setup.h"
#include "supervisor/url_flags.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static bool
is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

bool
addresses_read(const char *text, struct addresses *list)
{
	*list = (struct addresses){ .count = 0 };
	while (*text != '\0') {
		const char *item = text;
		const char *end = text + strcspn(text, ",");

		text = *end == ',' ? end + 1 : end;
		while (item < end && is_blank(*item))
			item++;
		while (end > item && is_blank(end[-1]))
			end--;
		if (item == end)
			continue;
		if (list->count == LISTEN_MAX) {
			addresses_free(list);
			return false;
		}
		list->items[list->count++] = xasprintf("%.*s", (int)(end - item), item);
	}
	return true;
}

void
addresses_free(struct addresses *list)
{
	while (list->count > 0)
		free(list->items[--list->count]);
}

/* HOST[:PORT], with that port if it has none. NULL with *problem. */
static char *
complete(const char *bind, const char *port, char **problem)
{
	const char *colon = strchr(bind, ':');
	char *address;

	*problem = NULL;
	if (bind[0] == ':' && strchr(bind + 1, ':') == NULL) {
		*problem = xstrdup("Listen Host: IP required can't use a port only");
		return NULL;
	}
	if (bind[0] == '[')
		address = bind[strlen(bind) - 1] != ']' ? xstrdup(bind) :
		    xasprintf("%s%s", bind, port);
	else if (colon == NULL)
		address = xasprintf("%s%s", bind, port);
	else if (strchr(colon + 1, ':') != NULL)
		address = xasprintf("[%s]%s", bind, port);
	else
		address = xstrdup(bind);
	*problem = option_address_problem(address);
	if (*problem != NULL) {
		free(address);
		address = NULL;
	}
	return address;
}

static bool
port_is_zero(const char *address)
{
	return strtoul(strrchr(address, ':') + 1, NULL, 10) == 0;
}

/* 0.0.0.0 and [::], however they are spelled: good to listen on, and nowhere to go. */
static bool
is_everywhere(const char *address)
{
	const char *colon = strrchr(address, ':');
	bool bracket = address[0] == '[';
	struct in6_addr six;
	struct in_addr four;
	char *host = bracket ? xasprintf("%.*s", (int)(colon - address) - 2, address + 1) :
	    xasprintf("%.*s", (int)(colon - address), address);
	bool is;

	/* As getaddrinfo reads it: also "0", and IPv4 in IPv6. */
	if (inet_pton(AF_INET6, host, &six) == 1)
		is = IN6_IS_ADDR_UNSPECIFIED(&six) ||
		    (IN6_IS_ADDR_V4MAPPED(&six) && memcmp(&six.s6_addr[12], "\0\0\0", 4) == 0);
	else
		is = inet_aton(host, &four) == 1 && four.s_addr == INADDR_ANY;
	free(host);
	return is;
}

/* The image of etcd is started so: told by its own flags, and by a node without others. A client on
 * the same machine gets there. */
static bool
may_be_told(const struct arguments *arguments, enum option_id id)
{
	const struct config *config = &arguments->config;

	return url_flags_told(arguments, id) == url_flags_advertise(id) &&
	    strchr(config->initial_cluster, ',') == NULL && config->peers[0] == '\0' &&
	    config->peers_file[0] == '\0' && config->discovery[0] == '\0' &&
	    config->discovery_srv[0] == '\0';
}

static char *
check_one_advertised(const struct arguments *arguments, enum option_id id, enum option_id bind_id,
    const char *address, const char *whom)
{
	enum option_id told = url_flags_told(arguments, id);
	char *source, *sentence;

	if (!is_everywhere(address))
		return NULL;
	source = arguments_source(arguments, told);
	if (may_be_told(arguments, id)) {
		diag_warn("options", "%s (%s) is told to %s, who reach it from this machine alone",
		    source, address, whom);
		free(source);
		return NULL;
	}
	if (told == id)
		sentence = xasprintf("%s (%s) is told to %s, who cannot reach it; give an "
		    "address of this machine, and -%s %.*s", source, address, whom,
		    option_rows[bind_id].flag,
		    (int)(strrchr(address, ':') - address), address);
	else
		sentence = xasprintf("%s (%s) is told to %s, who cannot reach it; give an "
		    "address of this machine with -%s", source, address, whom,
		    option_rows[url_flags_advertise(id)].flag);
	free(source);
	return sentence;
}

/* The one that is preferred, and the further URLs, which url_flags.c has checked. */
static char *
check_advertised(const struct arguments *arguments, enum option_id id, enum option_id bind_id,
    const char *whom)
{
	const char *urls = config_text(&arguments->config, url_flags_advertise(id));
	char *problem = check_one_advertised(arguments, id, bind_id,
	    config_text(&arguments->config, id), whom);
	struct addresses list;

	MUST(addresses_read(urls, &list));
	for (size_t i = 1; problem == NULL && i < list.count; i++)
		problem = check_one_advertised(arguments, id, bind_id,
		    strstr(list.items[i], "://") + 3, whom);
	addresses_free(&list);
	return problem;
}

/* Nothing can listen at other while address is listened on. By their text: what names stand
 * for is seen when they are bound. */
static bool
covers(const char *address, const char *other)
{
	bool both_families = address[0] == '[';

	return !port_is_zero(address) && is_everywhere(address) &&
	    (both_families || other[0] != '[') &&
	    strcmp(strrchr(address, ':'), strrchr(other, ':')) == 0;
}

static char *
check_distinct(const struct addresses *list)
{
	for (size_t i = 0; i < list->count; i++) {
		for (size_t j = 0; j < list->count; j++) {
			if (j > i && strcmp(list->items[i], list->items[j]) == 0 &&
			    !port_is_zero(list->items[i]))
				return xasprintf("\"%s\" is there twice", list->items[i]);
			if (i != j && covers(list->items[i], list->items[j]))
				return xasprintf("\"%s\" covers \"%s\"; leave out one of them",
				    list->items[i], list->items[j]);
		}
	}
	return NULL;
}

/* The list of bind_id, each item with its port; that of addr_id if it is empty. */
static char *
complete_bind(struct arguments *arguments, enum option_id bind_id, enum option_id addr_id)
{
	const char *advertised = config_text(&arguments->config, addr_id);
	const char *given = config_text(&arguments->config, bind_id);
	struct buf completed = BUF_INIT;
	struct addresses list;
	char *problem = NULL;

	if (!addresses_read(given, &list))
		return arguments_problem(arguments, url_flags_bound(arguments, bind_id),
		    xasprintf("\"%s\" are more than %d addresses", given, LISTEN_MAX));
	if (list.count == 0)
		list.items[list.count++] = xstrdup(advertised);
	for (size_t i = 0; problem == NULL && i < list.count; i++) {
		char *address = complete(list.items[i], strrchr(advertised, ':'), &problem);

		if (address == NULL)
			break;
		free(list.items[i]);
		list.items[i] = address;
		buf_printf(&completed, "%s%s", i == 0 ? "" : ",", address);
	}
	if (problem == NULL)
		problem = check_distinct(&list);
	buf_append_byte(&completed, '\0');
	if (problem == NULL)
		setup_text(&arguments->config, bind_id, (const char *)completed.data);
	buf_free(&completed);
	addresses_free(&list);
	return problem == NULL ? NULL :
	    arguments_problem(arguments, url_flags_bound(arguments, bind_id), problem);
}

/* What was completed. */
static void
read_bound(const struct config *config, enum option_id bind_id, struct addresses *list)
{
	MUST(addresses_read(config_text(config, bind_id), list));
}

/* A port that the kernel chooses is known by -port-file only. */
static char *
check_port_file(const struct arguments *arguments, enum option_id bind_id, enum option_id addr_id)
{
	const struct config *config = &arguments->config;
	bool zero = port_is_zero(config_text(config, addr_id));
	struct addresses list;

	read_bound(config, bind_id, &list);
	for (size_t i = 0; i < list.count; i++)
		zero = zero || port_is_zero(list.items[i]);
	addresses_free(&list);
	return !zero || config->port_file[0] != '\0' ? NULL :
	    arguments_problem(arguments, addr_id, xstrdup("port 0 needs -port-file"));
}

static char *
check_both_ports(const struct config *config)
{
	struct addresses client, peer;
	char *problem = NULL;

	read_bound(config, OPTION_bind_addr, &client);
	read_bound(config, OPTION_peer_bind_addr, &peer);
	for (size_t i = 0; problem == NULL && i < client.count; i++)
		for (size_t j = 0; problem == NULL && j < peer.count; j++)
			if (strcmp(client.items[i], peer.items[j]) == 0 &&
			    !port_is_zero(client.items[i]))
				problem = xasprintf("-addr and -peer-addr: both are %s; choose "
				    "another -peer-addr", client.items[i]);
	addresses_free(&client);
	addresses_free(&peer);
	return problem;
}

char *
addresses_check(struct arguments *arguments)
{
	char *problem;

	problem = check_advertised(arguments, OPTION_addr, OPTION_bind_addr, "clients");
	if (problem == NULL)
		problem = check_advertised(arguments, OPTION_peer_addr, OPTION_peer_bind_addr,
		    "other nodes");
	if (problem == NULL)
		problem = complete_bind(arguments, OPTION_bind_addr, OPTION_addr);
	if (problem == NULL)
		problem = complete_bind(arguments, OPTION_peer_bind_addr, OPTION_peer_addr);
	if (problem == NULL)
		problem = check_port_file(arguments, OPTION_bind_addr, OPTION_addr);
	if (problem == NULL)
		problem = check_port_file(arguments, OPTION_peer_bind_addr, OPTION_peer_addr);
	return problem == NULL ? check_both_ports(&arguments->config) : problem;
}
