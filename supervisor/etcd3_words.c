/*
 * etcd3_words.c - see etcd3_words.h.
 */
#include "supervisor/etcd3_words.h"

#include "common/xmem.h"
#include "supervisor/setup.h"

#include <stdlib.h>

static const struct {
	enum option_id id;
	const char *theirs, *ours;
} words[] = {
	{ OPTION_log_level, "panic", "error" },
	{ OPTION_log_level, "dpanic", "error" },
	{ OPTION_log_level, "fatal", "error" },
	{ OPTION_log_output, "default", "stderr" },
	{ OPTION_log_format, "console", "text" },
	{ OPTION_tls_min_version, "TLS1.2", "1.2" },
	{ OPTION_tls_min_version, "TLS1.3", "1.3" },
	{ OPTION_host_names, "*", "" },
};

/* ---- ciphers ------------------------------ */

/* Replace the first occurrence, which need not be there. */
static void
replace(struct buf *text, const char *old, const char *new)
{
	char *at;
	struct buf made = BUF_INIT;

	buf_append_byte(text, '\0');
	at = strstr((const char *)text->data, old);
	if (at != NULL) {
		buf_append(&made, text->data, (size_t)(at - (const char *)text->data));
		buf_append_text(&made, new);
		buf_append_text(&made, at + strlen(old));
		buf_free(text);
		*text = made;
	} else {
		text->size--;
	}
}

/* TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 is ECDHE-RSA-AES128-GCM-SHA256 to OpenSSL. */
static void
put_cipher(struct buf *list, const char *name)
{
	struct buf text = BUF_INIT;

	buf_append_text(&text, name + strlen("TLS_"));
	replace(&text, "RSA_WITH_", text.data[0] == 'R' ? "" : "RSA_");
	replace(&text, "_WITH_", "_");
	replace(&text, "AES_128", "AES128");
	replace(&text, "AES_256", "AES256");
	replace(&text, "_CBC_", "_");
	replace(&text, "POLY1305_SHA256", "POLY1305");
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] == '_')
			text.data[i] = '-';
	buf_printf(list, "%s%.*s", list->size == 0 ? "" : ":", SLICE_ARGS(buf_slice(&text)));
	buf_free(&text);
}

/* Names as the registry of TLS has them, with commas; those of TLS 1.3 are always spoken. */
static char *
take_ciphers(struct arguments *arguments)
{
	const char *given = config_text(&arguments->config, OPTION_tls_ciphers);
	char *copy, *rest, *item, *problem = NULL;
	struct buf list = BUF_INIT;

	if (strncmp(given, "TLS_", strlen("TLS_")) != 0)
		return NULL;
	copy = xstrdup(given);
	rest = copy;
	while (problem == NULL && (item = strsep(&rest, ",")) != NULL) {
		item += strspn(item, " ");
		if (strncmp(item, "TLS_", strlen("TLS_")) != 0)
			problem = arguments_problem(arguments, OPTION_tls_ciphers, xasprintf(
			    "\"%s\" is not the name of a cipher suite, as "
			    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", item));
		else if (strstr(item, "_WITH_") != NULL)
			put_cipher(&list, item);
	}
	free(copy);
	if (problem == NULL && list.size == 0)
		problem = arguments_problem(arguments, OPTION_tls_ciphers, xasprintf(
		    "\"%s\" has no suite for TLS 1.2; leave it out, and give -tls-min-version 1.3",
		    given));
	buf_append_byte(&list, '\0');
	if (problem == NULL)
		setup_text(&arguments->config, OPTION_tls_ciphers, (const char *)list.data);
	buf_free(&list);
	return problem;
}

char *
etcd3_words_take(struct arguments *arguments)
{
	for (size_t i = 0; i < ARRAY_COUNT(words); i++)
		if (strcmp(config_text(&arguments->config, words[i].id), words[i].theirs) == 0)
			setup_text(&arguments->config, words[i].id, words[i].ours);
	return take_ciphers(arguments);
}
