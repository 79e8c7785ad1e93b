/*
 * client_priv.h - setting libcurl up: shared by client.c and parallel.c.
 */
#ifndef MOOTHALL_CTL_CLIENT_PRIV_H
#define MOOTHALL_CTL_CLIENT_PRIV_H

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
