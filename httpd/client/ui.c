/*
 * ui.c - the page of the node: files of contrib/ui, which are constants of the program, at /ui/.
 *
 * A file is there twice, plain and compressed, so that no request costs more than a copy. Its
 * names do not change with its contents: a browser keeps it and asks by tag whether it still
 * counts. Which options let it be served is the router's.
 *
 * Source: docs/operations.md, "The page".
 */
#include "httpd/client/ui.h"

#include "common/field_list.h"
#include "httpd/client/handlers.h"

#include <stdio.h>
#include <strings.h>

#define UI_PATH "/ui"
#define UI_FIRST "index.html"
#define TAG_BYTES 48
/* Scripts and styles are files, nothing is from elsewhere, and no page may have this one in it. */
#define CONTENT_POLICY "default-src 'none'; script-src 'self'; style-src 'self'; " \
	"img-src 'self' data:; connect-src 'self'"

struct ui_file {
	const char *name;
	const char *content_type;
	const char *sum;		/* of its contents */
	struct slice plain, packed;
};

#include "ui_files.h"

/* ---- headers ------------------------------------------------------------------------ */

static bool
is_word(struct slice text, const char *word)
{
	return text.size == strlen(word) &&
	    strncasecmp((const char *)text.data, word, text.size) == 0;
}

/* "q=0", "Q=0.000": of no use to him. */
static bool
is_zero_weight(struct slice parameter)
{
	if (parameter.size < 3 || strncasecmp((const char *)parameter.data, "q=0", 3) != 0)
		return false;
	for (size_t i = 3; i < parameter.size; i++)
		if (parameter.data[i] != '.' && parameter.data[i] != '0')
			return false;
	return true;
}

bool
ui_takes_gzip(struct slice accept_encoding)
{
	bool any = false;

	while (accept_encoding.size > 0) {
		struct slice item = field_list_next(&accept_encoding, ',');
		struct slice name = field_list_next(&item, ';');
		bool taken = true;

		while (item.size > 0)
			taken = taken && !is_zero_weight(field_list_next(&item, ';'));
		if (is_word(name, "gzip") || is_word(name, "x-gzip"))
			return taken;
		if (is_word(name, "*"))
			any = taken;
	}
	return any;
}

bool
ui_has_version(struct slice if_none_match, struct slice tag)
{
	while (if_none_match.size > 0) {
		struct slice item = field_list_next(&if_none_match, ',');

		if (is_word(item, "*"))
			return true;
		if (slice_starts_with(item, SLICE_LITERAL("W/")))
			item = slice_of(item.data + 2, item.size - 2);
		if (item.size == tag.size + 2 && item.data[0] == '"' &&
		    item.data[item.size - 1] == '"' &&
		    slice_equal(slice_of(item.data + 1, tag.size), tag))
			return true;
	}
	return false;
}

/* ---- answers ------------------------------------------------------------------------- */

static void
put_headers(struct request *request)
{
	response_header(request, "Content-Security-Policy", "%s", CONTENT_POLICY);
	response_header(request, "X-Content-Type-Options", "nosniff");
	response_header(request, "Referrer-Policy", "no-referrer");
	response_header(request, "X-Frame-Options", "DENY");
}

static void
send_file(struct request *request, const struct ui_file *file)
{
	bool packed = ui_takes_gzip(request_header(request, "accept-encoding"));
	char tag[TAG_BYTES];

	snprintf(tag, sizeof(tag), "%s%s", file->sum, packed ? "-gzip" : "");
	put_headers(request);
	response_header(request, "ETag", "\"%s\"", tag);
	response_header(request, "Cache-Control", "no-cache");
	response_header(request, "Vary", "Accept-Encoding");
	if (ui_has_version(request_header(request, "if-none-match"), slice_text(tag))) {
		response_send(request, 304, NULL, SLICE_EMPTY);
		return;
	}
	if (packed)
		response_header(request, "Content-Encoding", "gzip");
	response_send(request, 200, file->content_type, packed ? file->packed : file->plain);
}

static void
send_elsewhere(struct request *request)
{
	put_headers(request);
	response_header(request, "Location", UI_PATH "/");
	response_send(request, 301, NULL, SLICE_EMPTY);
}

void
ui_handle(struct request *request)
{
	struct slice name = slice_of(request->path.data + sizeof(UI_PATH) - 1,
	    request->path.size - (sizeof(UI_PATH) - 1));

	if (name.size == 0) {
		send_elsewhere(request);
		return;
	}
	name = slice_of(name.data + 1, name.size - 1);
	if (name.size == 0)
		name = SLICE_LITERAL(UI_FIRST);
	for (size_t i = 0; i < ARRAY_COUNT(ui_files); i++) {
		if (slice_equal(name, slice_text(ui_files[i].name))) {
			send_file(request, &ui_files[i]);
			return;
		}
	}
	put_headers(request);
	response_send(request, 404, "text/plain; charset=utf-8",
	    SLICE_LITERAL("404 page not found\n"));
}

/* Where the 0.4 series had its page. */
void
ui_old_handle(struct request *request)
{
	send_elsewhere(request);
}
