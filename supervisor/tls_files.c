/*
 * tls_files.c - certificates and keys: read, checked, kept (see tls_files.h).
 */
#include "supervisor/tls_files.h"

#include "common/diag.h"
#include "common/ipc/message.h"
#include "common/ipc/wire.h"
#include "common/limits.h"
#include "common/metric.h"
#include "common/xmem.h"
#include "supervisor/privileges.h"
#include "supervisor/tls_checks.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TICKET_KEYS 2			/* the one in use, and the one before */
#define TICKET_MS (12 * UINT64_C(3600000))
#define DAY_S 86400
#define WARN_DAYS 30

_Static_assert(TICKET_KEYS <= TLS_TICKET_KEYS_MAX, "workers take as many keys as are made");
_Static_assert(5 * TLS_FILE_BYTES_MAX <= FRAME_BYTES_MAX, "what a port needs fits in one frame");

enum { PORT_CLIENT, PORT_PEER, PORTS };

static const struct port_options {
	const char *name;
	int role;
	enum option_id certificate, key, authorities, address;
} port_options[PORTS] = {
	[PORT_CLIENT] = { "client", ROLE_CLIENT, OPTION_cert_file, OPTION_key_file, OPTION_ca_file,
	    OPTION_addr },
	[PORT_PEER] = { "peer", ROLE_PEER, OPTION_peer_cert_file, OPTION_peer_key_file,
	    OPTION_peer_ca_file, OPTION_peer_addr },
};

/* What one port shows and trusts. */
struct port_files {
	bool given;			/* it has TLS */
	bool asks;			/* who calls needs a certificate */
	char *path;			/* of the certificate, for people */
	char *ciphers, *names;
	struct buf chain, key, authorities;
	int min_version;
	int64_t end_s;			/* of the certificate */
};

struct tls_files {
	struct port_files ports[PORTS];
	char *measured[PORTS];		/* path whose end was counted last; NULL: none */
	bool outside_given;		/* a discovery service is called by HTTPS */
	struct buf outside;		/* authorities for that: the system's */
	uint8_t tickets[TICKET_KEYS * TLS_TICKET_KEY_BYTES];
	size_t tickets_size;
	uint64_t ticket_ms;		/* monotonic: when the newest was made; 0: not yet */
	int64_t warned_s;		/* wall: when ends were last looked at; 0: never */
};

/* ---- reading --------------------------------------------------------------------- */

/* Everybody who can write or read a key can be the server. The node's own group may read it:
 * so root can stay its owner, and the node need not be able to change it. */
static char *
check_rights(const struct tls_file *file, const struct stat *status, struct tls_reader reader)
{
	mode_t wrong = S_IWGRP | S_IROTH | (status->st_gid == reader.gid ? 0 : S_IRGRP);
	char user[PRIVILEGES_NAME_BYTES];

	if ((status->st_mode & S_IWOTH) != 0)
		return xasprintf(
		    "%s (-%s) can be written by everybody; make a new key, and chmod 600",
		    file->path, file->flag);
	wrong &= status->st_mode;
	if (wrong != 0)
		diag_warn("tls", "%s (-%s) can be %s by others than this node; chown it to %s and "
		    "chmod 600 it", file->path, file->flag, (wrong & S_IWGRP) != 0 ? "written" :
		    "read", privileges_user_text(reader.uid, user));
	return NULL;
}

/* Root reads it now; the node is another user when the operator has it read again. Of which
 * further groups that one is, is not known here. */
static void
check_later(const struct tls_file *file, const struct stat *status, struct tls_reader reader)
{
	bool owns = status->st_uid == reader.uid && (status->st_mode & S_IRUSR) != 0;
	char user[PRIVILEGES_NAME_BYTES], group[PRIVILEGES_NAME_BYTES];

	if (geteuid() == 0 && reader.uid != 0 && !owns &&
	    (status->st_mode & (S_IRGRP | S_IROTH)) == 0)
		diag_warn("tls", "%s (-%s) cannot be read by %s, so no reload or upgrade will take "
		    "it; chgrp it to %s and chmod 640 it", file->path, file->flag,
		    privileges_user_text(reader.uid, user),
		    privileges_group_text(reader.gid, group));
}

static char *
read_open_file(const struct tls_file *file, int fd, struct tls_reader reader, bool secret,
    struct buf *text)
{
	struct stat status;
	char *problem = NULL;
	ssize_t got = 1;

	if (fstat(fd, &status) == -1)
		return xasprintf(
		    "cannot read %s (-%s): %s", file->path, file->flag, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return xasprintf("%s (-%s) is not a file", file->path, file->flag);
	check_later(file, &status, reader);
	if (secret)
		problem = check_rights(file, &status, reader);
	if (problem != NULL)
		return problem;
	/* Read to one place: growing would leave pieces of a key behind. */
	if (status.st_size >= (off_t)TLS_FILE_BYTES_MAX)
		return xasprintf("%s (-%s) is too long for certificates", file->path, file->flag);
	buf_init(text, TLS_FILE_BYTES_MAX);
	while (got > 0) {
		uint8_t *room = buf_reserve(text, (size_t)status.st_size + 1 - MIN_OF(text->size,
		    (size_t)status.st_size));

		got = room == NULL ? 0 : read(fd, room, text->capacity - text->size);
		if (got > 0)
			buf_added(text, (size_t)got);
	}
	if (got == -1)
		return xasprintf(
		    "cannot read %s (-%s): %s", file->path, file->flag, strerror(errno));
	return NULL;
}

static char *
read_file(struct tls_file *file, const char *path, struct tls_reader reader, bool secret,
    struct buf *text)
{
	/* Not to wait for who writes to a pipe. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *problem;

	if (fd == -1)
		return xasprintf(
		    "cannot read %s (-%s): %s", file->path, file->flag, strerror(errno));
	problem = read_open_file(file, fd, reader, secret, text);
	close(fd);
	file->text = buf_slice(text);
	return problem;
}

/* Without -peer-ca-file the nodes we call are checked by what the system trusts. */
static void
read_system_store(struct buf *authorities, const char *doubt)
{
	const char *given = getenv(X509_get_default_cert_file_env());
	struct tls_file file = {
		.path = given != NULL ? given : X509_get_default_cert_file(),
		.flag = "peer-ca-file",
	};
	struct tls_reader reader = { geteuid(), getegid() };
	char *problem = read_file(&file, file.path, reader, false, authorities);

	if (problem == NULL)
		return;
	free(problem);
	buf_clear(authorities);
	diag_warn("tls", "the system's authorities cannot be read (%s): %s", file.path, doubt);
}

/* ---- one port ---------------------------------------------------------------------- */

static void
free_secret(struct buf *buf)
{
	if (buf->data != NULL)
		OPENSSL_cleanse(buf->data, buf->capacity);
	buf_free(buf);
}

static void
port_free(struct port_files *port)
{
	free_secret(&port->key);
	buf_free(&port->chain);
	buf_free(&port->authorities);
	free(port->path);
	free(port->ciphers);
	free(port->names);
	*port = (struct port_files){ 0 };
}

static struct tls_file
file_of(const struct arguments *arguments, enum option_id id)
{
	return (struct tls_file){ .path = config_text(&arguments->given, id),
		.flag = option_rows[id].flag };
}

static char *
port_load(struct port_files *port, const struct arguments *arguments, struct tls_reader reader,
    int which, bool reload)
{
	const struct port_options *options = &port_options[which];
	const struct config *config = &arguments->config;
	struct tls_port question = {
		.peer = which == PORT_PEER,
		.certificate = file_of(arguments, options->certificate),
		.key = file_of(arguments, options->key),
		.authorities = file_of(arguments, options->authorities),
		.address = config_text(config, options->address),
		.address_flag = option_rows[options->address].flag,
		.ciphers = config->tls_ciphers,
		.names = which == PORT_PEER ? config->peer_cert_names : "",
		.now_s = (int64_t)(clock_now().wall_ns / NS_PER_SECOND),
		.reload = reload,
	};
	char *problem;

	port->given = question.certificate.path[0] != '\0';
	if (!port->given)
		return NULL;
	port->asks = question.authorities.path[0] != '\0';
	port->path = xstrdup(question.certificate.path);
	port->ciphers = xstrdup(config->tls_ciphers);
	port->names = xstrdup(question.names);
	port->min_version = strcmp(config->tls_min_version, "1.3") == 0 ? TLS_VERSION_1_3 :
	    TLS_VERSION_1_2;
	problem = read_file(&question.certificate, config_text(config, options->certificate),
	    reader, false, &port->chain);
	if (problem == NULL)
		problem = read_file(&question.key, config_text(config, options->key), reader, true,
		    &port->key);
	if (problem == NULL && port->asks)
		problem = read_file(&question.authorities,
		    config_text(config, options->authorities), reader, false,
		    &port->authorities);
	if (problem == NULL)
		problem = tls_checks_port(&question, &port->end_s);
	if (problem == NULL && question.peer && !port->asks)
		read_system_store(&port->authorities,
		    "there is no -peer-ca-file, so no other node will be trusted");
	return problem;
}

/* All of a list: "127.0.0.1:7001", "[::1]:7001", "localhost:7001". */
static bool
is_loopback(const char *list)
{
	for (const char *at = list; at != NULL; at = strchr(at, ',')) {
		at += *at == ',' ? 1 : 0;
		if (strncmp(at, "127.", 4) != 0 && strncmp(at, "[::1]:", 6) != 0 &&
		    strncmp(at, "localhost:", 10) != 0)
			return false;
	}
	return true;
}

static void
warn_of_strangers(const struct config *config, const struct port_files *peer)
{
	if (peer->given && !peer->asks)
		diag_warn("tls",
		    "-peer-cert-file without -peer-ca-file: the peer port does not know who "
		    "calls; give -peer-ca-file");
	else if (!peer->asks && !is_loopback(config->peer_bind_addr))
		diag_warn("tls",
		    "anyone who reaches %s (-peer-bind-addr) can change the members of the "
		    "cluster; give -peer-cert-file, -peer-key-file and -peer-ca-file",
		    config->peer_bind_addr);
}

static char *
ports_load(struct port_files ports[PORTS], const struct arguments *arguments,
    struct tls_reader reader, bool reload)
{
	char *problem = NULL;

	for (int which = 0; problem == NULL && which < PORTS; which++)
		problem = port_load(&ports[which], arguments, reader, which, reload);
	return problem;
}

static void
ports_free(struct port_files ports[PORTS])
{
	for (int which = 0; which < PORTS; which++)
		port_free(&ports[which]);
}

/* ---- life -------------------------------------------------------------------------------- */

static bool
any_given(const struct tls_files *files)
{
	return files->ports[PORT_CLIENT].given || files->ports[PORT_PEER].given;
}

/* The one in use becomes the one before. */
static void
make_ticket_key(struct tls_files *files)
{
	memmove(files->tickets + TLS_TICKET_KEY_BYTES, files->tickets,
	    sizeof(files->tickets) - TLS_TICKET_KEY_BYTES);
	MUST(RAND_bytes(files->tickets, TLS_TICKET_KEY_BYTES) == 1);
	files->tickets_size = MIN_OF(files->tickets_size + TLS_TICKET_KEY_BYTES,
	    sizeof(files->tickets));
}

struct tls_files *
tls_files_load(const struct arguments *arguments, struct tls_reader reader, char **problem)
{
	struct tls_files *files = xzalloc(sizeof(*files));

	*problem = ports_load(files->ports, arguments, reader, false);
	if (*problem != NULL) {
		tls_files_free(&files);
		return NULL;
	}
	warn_of_strangers(&arguments->config, &files->ports[PORT_PEER]);
	files->outside_given = strncmp(arguments->config.discovery, "https://", 8) == 0;
	if (files->outside_given)
		read_system_store(&files->outside, "no discovery service will be trusted");
	if (any_given(files))
		make_ticket_key(files);
	return files;
}

char *
tls_files_problem(const struct arguments *arguments, struct tls_reader reader)
{
	struct port_files ports[PORTS] = { { 0 } };
	char *problem = ports_load(ports, arguments, reader, true);

	ports_free(ports);
	return problem;
}

void
tls_files_free(struct tls_files **files)
{
	if (*files == NULL)
		return;
	ports_free((*files)->ports);
	for (int which = 0; which < PORTS; which++)
		free((*files)->measured[which]);
	buf_free(&(*files)->outside);
	OPENSSL_cleanse((*files)->tickets, sizeof((*files)->tickets));
	free(*files);
	*files = NULL;
}

char *
tls_files_reload(struct tls_files *files, const struct arguments *arguments)
{
	struct tls_reader reader = { geteuid(), getegid() };
	struct port_files ports[PORTS] = { { 0 } };
	char *problem = ports_load(ports, arguments, reader, true);

	for (int which = 0; problem == NULL && which < PORTS; which++)
		if (ports[which].given != files->ports[which].given)
			problem = xasprintf(
			    "-%s: a port changes between HTTP and HTTPS by a restart only",
			    option_rows[port_options[which].certificate].flag);
	if (problem != NULL) {
		ports_free(ports);
		return problem;
	}
	ports_free(files->ports);
	memcpy(files->ports, ports, sizeof(ports));
	warn_of_strangers(&arguments->config, &files->ports[PORT_PEER]);
	files->warned_s = 0;
	return NULL;
}

void
tls_files_give(const struct tls_files *files, int role, struct buf *out)
{
	if (files != NULL && files->outside_given && role == ROLE_PEER)
		msg_tls_frame(out, 0, &(struct msg_tls){ .flags = TLS_FLAG_OUTSIDE,
		    .min_version = TLS_VERSION_1_2, .authorities = buf_slice(&files->outside) });
	for (int which = 0; files != NULL && which < PORTS; which++) {
		const struct port_files *port = &files->ports[which];

		if (port_options[which].role != role || !port->given)
			continue;
		msg_tls_tickets_frame(out, 0, &(struct msg_tls_tickets){
		    .keys = slice_of(files->tickets, files->tickets_size) });
		msg_tls_frame(out, 0, &(struct msg_tls){ .flags = port->asks ? TLS_FLAG_ASK : 0,
		    .min_version = (uint8_t)port->min_version, .chain = buf_slice(&port->chain),
		    .key = buf_slice(&port->key), .authorities = buf_slice(&port->authorities),
		    .ciphers = slice_text(port->ciphers), .names = slice_text(port->names) });
	}
}

/* ---- time passes ------------------------------------------------------------------------------
 */

static void
warn_of_end(const struct port_files *port, const char *flag, int64_t now_s)
{
	int64_t left_s = port->end_s - now_s;
	char date[TLS_DATE_BYTES];

	tls_checks_date(port->end_s, date);
	if (left_s <= 0)
		diag_error("tls", "%s (-%s) has expired on %s; replace the file and send SIGHUP",
		    port->path, flag, date);
	else if (left_s < WARN_DAYS * (int64_t)DAY_S)
		diag_warn("tls",
		    "%s (-%s) ends on %s, in %d day%s; replace the file and send SIGHUP",
		    port->path, flag, date, (int)(left_s / DAY_S), left_s / DAY_S == 1 ? "" : "s");
}

/* told: the file that was told of before, which a reload may have replaced. */
static void
measure(const struct port_files *port, const char *name, char **told)
{
	const char *now[] = { name, port->path }, *gone[] = { name, *told };

	if (*told == NULL || strcmp(*told, port->path) != 0) {
		if (*told != NULL)
			metric_series_hide(metric_series(METRIC_tls_expiry, gone));
		free(*told);
		*told = xstrdup(port->path);
	}
	metric_series_set(metric_series(METRIC_tls_expiry, now), (uint64_t)MAX_OF(port->end_s, 0));
}

bool
tls_files_tick(struct tls_files *files, struct clock_time now)
{
	int64_t now_s = (int64_t)(now.wall_ns / NS_PER_SECOND);

	if (!any_given(files))
		return false;
	for (int which = 0; which < PORTS; which++)
		if (files->ports[which].given)
			measure(&files->ports[which], which == PORT_PEER ? "peer" : "client",
			    &files->measured[which]);
	if (now_s - files->warned_s >= DAY_S) {
		files->warned_s = now_s;
		for (int which = 0; which < PORTS; which++)
			if (files->ports[which].given)
				warn_of_end(&files->ports[which],
				    option_rows[port_options[which].certificate].flag, now_s);
	}
	if (files->ticket_ms == 0)
		files->ticket_ms = now.monotonic_ms;
	if (now.monotonic_ms - files->ticket_ms < TICKET_MS)
		return false;
	files->ticket_ms = now.monotonic_ms;
	make_ticket_key(files);
	return true;
}
