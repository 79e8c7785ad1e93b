/*
 * client_curl.h - setting libcurl up: for client.c, parallel.c and v3/stream.c.
 */
#ifndef MOOTHALL_CTL_CLIENT_CURL_H
#define MOOTHALL_CTL_CLIENT_CURL_H

#include "ctl/client.h"

#include <curl/curl.h>

/* A handle with everything but the request; returned owned. */
CURL *client_handle(const struct client *client);

/*
 * Put a request into a handle. Everything is borrowed until the request has ended.
 * The headers are returned owned: free them when it has ended.
 */
struct curl_slist *client_prepare(CURL *curl, const struct client_request *request,
    const char *url, struct client_answer *answer);

#endif
