/*
 * url_flags.c - see url_flags.h.
 */
#include "supervisor/url_flags.h"

#include "common/diag.h"
#include "common/host_name.h"
#include "common/initial_cluster.h"
#include "common/ipc/wire.h"
#include "common/url_list.h"
#include "common/xmem.h"
#include "supervisor/addresses.h"
#include "supervisor/etcd3_words.h"
#include "supervisor/setup.h"

#include <stdlib.h>

/* How the help of an option begins that only etcd 2 and 3 have a use for. */
#define ACCEPTED "accepted: "

/* Of one port: the flags of etcd 2 and 3, and ours. */
struct port_flags {
	enum option_id listen, advertise;
	enum option_id bind, addr, certificate;
	const char *initial;
};

static const struct port_flags ports[] = {
	{ OPTION_listen_client_urls, OPTION_advertise_client_urls, OPTION_bind_addr, OPTION_addr,
	    OPTION_cert_file, "127.0.0.1:2379" },
	{ OPTION_listen_peer_urls, OPTION_initial_advertise_peer_urls, OPTION_peer_bind_addr,
	    OPTION_peer_addr, OPTION_peer_cert_file, "127.0.0.1:2380" },
};

static bool
is_given(const struct arguments *arguments, enum option_id id)
{
	return config_text(&arguments->config, id)[0] != '\0';
}

/* Let ours have what theirs says, if ours does not say something else. From then on it is as
 * if ours had been given: a reload and an upgrade compare what was. */
static char *
take(struct arguments *arguments, enum option_id theirs, enum option_id ours, const char *value)
{
	if (arguments->source[ours] != OPTION_FROM_DEFAULT) {
		if (strcmp(config_text(&arguments->config, ours), value) == 0)
			return NULL;
		return arguments_problem(arguments, theirs, xasprintf("-%s says something "
		    "else; give one of them", option_rows[ours].flag));
	}
	setup_text(&arguments->config, ours, value);
	setup_text(&arguments->given, ours, value);
	arguments->source[ours] = arguments->source[theirs];
	return NULL;
}

/* HOST:PORT of one URL; NULL with *problem if it is none that fits this port. */
static char *
address_of(const struct arguments *arguments, const struct port_flags *port, const char *url,
    char **problem)
{
	bool tls = is_given(arguments, port->certificate);
	bool https = strncmp(url, "https://", 8) == 0;
	char *address;
	size_t size;

	if (!https && strncmp(url, "http://", 7) != 0) {
		*problem = xasprintf("\"%s\" does not begin with http:// or https://; other "
		    "kinds of addresses are not listened on", url);
		return NULL;
	}
	if (https != tls) {
		*problem = https ? xasprintf("\"%s\" needs -%s and its key", url,
		    option_rows[port->certificate].flag) : xasprintf("\"%s\": -%s makes this port "
		    "HTTPS; write https://", url, option_rows[port->certificate].flag);
		return NULL;
	}
	address = xstrdup(url + (https ? 8 : 7));
	size = strlen(address);
	if (size > 0 && address[size - 1] == '/')
		address[size - 1] = '\0';
	*problem = option_address_problem(address);
	if (*problem == NULL)
		return address;
	free(address);
	return NULL;
}

/* All URLs of where to listen, as HOST:PORT,... */
static char *
take_listen(struct arguments *arguments, const struct port_flags *port)
{
	const char *given = config_text(&arguments->config, port->listen);
	struct buf text = BUF_INIT;
	struct addresses list;
	char *problem = NULL;

	if (!addresses_read(given, &list))
		problem = xasprintf("\"%s\" are more than %d URLs", given, LISTEN_MAX);
	for (size_t i = 0; problem == NULL && i < list.count; i++) {
		char *address = address_of(arguments, port, list.items[i], &problem);

		if (address != NULL)
			buf_printf(&text, "%s%s", i == 0 ? "" : ",", address);
		free(address);
	}
	buf_append_byte(&text, '\0');
	problem = problem != NULL ? arguments_problem(arguments, port->listen, problem) :
	    take(arguments, port->listen, port->bind, (const char *)text.data);
	addresses_free(&list);
	buf_free(&text);
	return problem;
}

/* One URL more, unless it is there already. */
static void
add_url(struct buf *urls, const char *scheme, const char *address)
{
	char *url = xasprintf("%s%s", scheme, address);

	if (!url_list_shares(buf_slice(urls), slice_text(url)))
		buf_printf(urls, "%s%s", urls->size == 0 ? "" : ",", url);
	free(url);
}

/* All URLs that are told to others, in one spelling; the first also as HOST:PORT. */
static char *
take_advertised(struct arguments *arguments, const struct port_flags *port)
{
	const char *given = config_text(&arguments->config, port->advertise);
	const char *scheme = is_given(arguments, port->certificate) ? "https://" : "http://";
	char *first = NULL, *problem = NULL;
	struct buf urls = BUF_INIT;
	struct addresses list;

	if (!addresses_read(given, &list))
		problem = xasprintf("\"%s\" are more than %d URLs", given, URLS_MAX);
	for (size_t i = 0; problem == NULL && i < list.count; i++) {
		char *address = address_of(arguments, port, list.items[i], &problem);

		if (address == NULL)
			break;
		add_url(&urls, scheme, address);
		if (i == 0)
			first = address;
		else
			free(address);
	}
	if (problem == NULL && urls.size > URL_BYTES_MAX)
		problem = xasprintf("its URLs are longer than %d bytes together", URL_BYTES_MAX);
	buf_append_byte(&urls, '\0');
	if (problem == NULL)
		setup_text(&arguments->config, port->advertise, (const char *)urls.data);
	problem = problem != NULL ? arguments_problem(arguments, port->advertise, problem) :
	    first == NULL ? NULL : take(arguments, port->advertise, port->addr, first);
	free(first);
	addresses_free(&list);
	buf_free(&urls);
	return problem;
}

/* ---- -initial-cluster ---------------------------------------------------------------- */

/* Of a list that has begun, all others are to be asked. */
static char *
join_others(struct arguments *arguments, const struct initial_cluster *initial)
{
	const char *own = arguments->config.name;
	struct buf list = BUF_INIT;
	char *problem;

	for (size_t i = 0; i < initial->count; i++) {
		const char *url = initial->list[i].urls;

		if (strcmp(initial->list[i].name, own) == 0)
			continue;
		/* All URLs of each. */
		while ((url = strstr(url, "://")) != NULL) {
			url += 3;
			buf_printf(&list, "%s%.*s", list.size == 0 ? "" : ",",
			    (int)strcspn(url, ","), url);
		}
	}
	if (list.size == 0)
		return arguments_problem(arguments, OPTION_initial_cluster,
		    xstrdup("it names only this node, and -initial-cluster-state existing joins "
		    "the others"));
	buf_append_byte(&list, '\0');
	problem = take(arguments, OPTION_initial_cluster, OPTION_peers, (const char *)list.data);
	buf_free(&list);
	return problem;
}

/* What the list says of this node, where nothing else does. */
static void
take_own(struct arguments *arguments, const struct initial_cluster *initial)
{
	struct config *config = &arguments->config;
	const struct initial_member *self;

	if (arguments->source[OPTION_name] == OPTION_FROM_DEFAULT &&
	    initial_cluster_named(initial, "default") != NULL) {
		setup_text(config, OPTION_name, "default");
		arguments->source[OPTION_name] = OPTION_FROM_SUPERVISOR;
	}
	self = initial_cluster_named(initial, config->name);
	if (self == NULL || is_given(arguments, OPTION_initial_advertise_peer_urls) ||
	    arguments->source[OPTION_peer_addr] != OPTION_FROM_DEFAULT)
		return;
	setup_text(config, OPTION_initial_advertise_peer_urls, self->urls);
	arguments->source[OPTION_initial_advertise_peer_urls] =
	    arguments->source[OPTION_initial_cluster];
}

static char *
check_srv(struct arguments *arguments)
{
	const char *domain = arguments->config.discovery_srv;
	size_t most = ADDRESS_HOST_BYTES_MAX - strlen(SERVICE_SERVER_SSL);

	if (domain[0] == '\0')
		return NULL;
	if (!host_name_valid(slice_text(domain)) || strlen(domain) > most || domain[0] == '.')
		return arguments_problem(arguments, OPTION_discovery_srv,
		    xasprintf("\"%s\" is no domain of at most %zu letters, digits, \".\", \"-\"",
		    domain, most));
	if (is_given(arguments, OPTION_peers) || is_given(arguments, OPTION_peers_file) ||
	    is_given(arguments, OPTION_discovery))
		return arguments_problem(arguments, OPTION_discovery_srv, xstrdup("-peers, "
		    "-peers-file and -discovery are other ways to find the others; give one of "
		    "them"));
	if (arguments->config.restore[0] != '\0')
		return arguments_problem(arguments, OPTION_discovery_srv, xstrdup("-restore makes "
		    "a new cluster of this node alone; leave out one of them"));
	return NULL;
}

static char *
check_cluster(struct arguments *arguments)
{
	struct config *config = &arguments->config;
	bool existing = strcmp(config->initial_cluster_state, "existing") == 0;
	struct initial_cluster initial;
	char *problem;

	if (!existing && strcmp(config->initial_cluster_state, "new") != 0)
		return arguments_problem(arguments, OPTION_initial_cluster_state,
		    xasprintf("\"%s\" is neither new nor existing", config->initial_cluster_state));
	if (!is_given(arguments, OPTION_initial_cluster))
		return check_srv(arguments);
	if ((!existing && is_given(arguments, OPTION_peers)) ||
	    is_given(arguments, OPTION_peers_file) || is_given(arguments, OPTION_discovery) ||
	    is_given(arguments, OPTION_discovery_srv))
		return arguments_problem(arguments, OPTION_initial_cluster, xstrdup("-peers, "
		    "-peers-file, -discovery and -discovery-srv are other ways to find the "
		    "others; give one of them"));
	if (config->restore[0] != '\0')
		return arguments_problem(arguments, OPTION_initial_cluster, xstrdup("-restore "
		    "makes a new cluster of this node alone; leave out one of them"));
	problem = initial_cluster_read(config, &initial);
	if (problem != NULL)
		return arguments_problem(arguments, OPTION_initial_cluster, problem);
	take_own(arguments, &initial);
	if (existing)
		problem = join_others(arguments, &initial);
	initial_cluster_free(&initial);
	return problem;
}

/* ---- addresses ------------------------------------------------------------------------ */

static char *
check_port(struct arguments *arguments, const struct port_flags *port)
{
	bool listens = is_given(arguments, port->listen);
	char *problem = NULL;

	if (listens)
		problem = take_listen(arguments, port);
	if (problem == NULL && is_given(arguments, port->advertise)) {
		problem = take_advertised(arguments, port);
	} else if (problem == NULL && arguments->source[port->addr] == OPTION_FROM_DEFAULT) {
		char *first = xasprintf("%.*s",
		    (int)strcspn(config_text(&arguments->config, port->bind), ","),
		    config_text(&arguments->config, port->bind));

		setup_text(&arguments->config, port->addr, listens ? first : port->initial);
		free(first);
	}
	return problem;
}

static const struct port_flags *
port_of(enum option_id addr)
{
	return &ports[addr == OPTION_addr ? 0 : 1];
}

enum option_id
url_flags_advertise(enum option_id id)
{
	return port_of(id)->advertise;
}

enum option_id
url_flags_told(const struct arguments *arguments, enum option_id id)
{
	const struct port_flags *port = port_of(id);

	if (is_given(arguments, port->advertise))
		return port->advertise;
	return arguments->source[id] == OPTION_FROM_DEFAULT && is_given(arguments, port->listen) ?
	    port->listen : id;
}

enum option_id
url_flags_bound(const struct arguments *arguments, enum option_id id)
{
	enum option_id listen = ports[id == OPTION_bind_addr ? 0 : 1].listen;

	return is_given(arguments, listen) ? listen : id;
}

/* ---- certificates, and what is refused ------------------------------------------ */

/* Theirs says of which authority certificates are, and another flag whether any is needed. */
static char *
check_client_certificates(struct arguments *arguments)
{
	const struct config *config = &arguments->config;

	if (!config->client_cert_auth || config->trusted_ca_file[0] != '\0')
		return config->client_cert_auth ? take(arguments, OPTION_trusted_ca_file,
		    OPTION_ca_file, config->trusted_ca_file) : NULL;
	return config->ca_file[0] != '\0' ? NULL :
	    arguments_problem(arguments, OPTION_client_cert_auth, xstrdup("it needs "
	    "-trusted-ca-file, which says where certificates come from"));
}

static char *
check_refused(struct arguments *arguments)
{
	const struct config *config = &arguments->config;

	if (config->force_new_cluster)
		return arguments_problem(arguments, OPTION_force_new_cluster, xstrdup("it would "
		    "drop the other members at each start; stop the node, and use 'etcdctl "
		    "recover' once"));
	if (strcmp(config->proxy, "off") != 0)
		return arguments_problem(arguments, OPTION_proxy, xasprintf("\"%s\": there are no "
		    "proxies; every node passes on what only the leader can do", config->proxy));
	return etcd3_problem(&arguments->etcd3);
}

/* Where figures and health are served besides. */
static char *
take_metrics(struct arguments *arguments)
{
	static const char scheme[] = "http://";
	const char *given = config_text(&arguments->config, OPTION_listen_metrics_urls);
	struct buf text = BUF_INIT;
	struct addresses list;
	char *problem = NULL;

	if (!addresses_read(given, &list))
		problem = xasprintf("\"%s\" are more than %d URLs", given, LISTEN_MAX);
	for (size_t i = 0; problem == NULL && i < list.count; i++) {
		char *url = list.items[i], *end = url + strlen(url) - 1;

		if (*end == '/')
			*end = '\0';
		if (strncmp(url, scheme, strlen(scheme)) != 0)
			problem = xasprintf("\"%s\" does not begin with http://; with TLS they are "
			    "at the client port", url);
		else
			problem = option_address_problem(url + strlen(scheme));
		buf_printf(&text, "%s%s", i == 0 ? "" : ",", problem != NULL ? "" :
		    url + strlen(scheme));
	}
	buf_append_byte(&text, '\0');
	if (problem == NULL)
		setup_text(&arguments->config, OPTION_metrics_addr, (const char *)text.data);
	addresses_free(&list);
	buf_free(&text);
	return problem == NULL ? NULL :
	    arguments_problem(arguments, OPTION_listen_metrics_urls, problem);
}

char *
url_flags_check(struct arguments *arguments)
{
	bool any = is_given(arguments, OPTION_initial_cluster) ||
	    is_given(arguments, OPTION_discovery_srv);
	char *problem = check_refused(arguments);

	if (problem == NULL)
		problem = etcd3_words_take(arguments);
	if (problem == NULL)
		problem = take_metrics(arguments);
	if (problem == NULL)
		problem = check_client_certificates(arguments);
	if (problem == NULL)
		problem = check_cluster(arguments);
	for (size_t i = 0; i < ARRAY_COUNT(ports); i++)
		any = any || is_given(arguments, ports[i].listen) ||
		    is_given(arguments, ports[i].advertise);
	for (size_t i = 0; any && problem == NULL && i < ARRAY_COUNT(ports); i++)
		problem = check_port(arguments, &ports[i]);
	return problem;
}

void
url_flags_tell(const struct arguments *arguments)
{
	if (is_given(arguments, OPTION_trusted_ca_file) && !arguments->config.client_cert_auth)
		diag_warn("options", "-trusted-ca-file without -client-cert-auth: clients need no "
		    "certificate");
	/* One line for each that has a meaning only there. */
	for (enum option_id id = 0; id < OPTION_COUNT; id++)
		if (arguments->source[id] != OPTION_FROM_DEFAULT &&
		    strncmp(option_rows[id].help, ACCEPTED, strlen(ACCEPTED)) == 0)
			diag_info("options", "-%s is %s", option_rows[id].flag,
			    option_rows[id].help);
	etcd3_tell(&arguments->etcd3);
}
