/*
 * targets.c - endpoints asked one by one (see targets.h).
 */
#include "ctl/v3/targets.h"

#include "common/xmem.h"
#include "ctl/endpoints.h"
#include "ctl/v3/message.h"

#include <stdlib.h>

static void
add(struct ctl3_targets *targets, struct slice name)
{
	while (name.size > 0 && (name.data[0] == ' ' || name.data[0] == '\t'))
		name = slice_of(name.data + 1, name.size - 1);
	while (name.size > 0 && name.data[name.size - 1] == ' ')
		name.size--;
	if (name.size > 0 && targets->count < ENDPOINTS_MAX)
		targets->names[targets->count++] = xasprintf("%.*s", SLICE_ARGS(name));
}

static void
add_given(struct ctl3 *v3, struct ctl3_targets *targets)
{
	const char *list = ctl_arguments_text(v3->arguments, OPT_V3_ENDPOINTS);

	while (*list != '\0') {
		size_t size = strcspn(list, ",");

		add(targets, slice_of(list, size));
		list += size + (list[size] == ',');
	}
}

static int
add_members(struct ctl3 *v3, struct ctl3_targets *targets)
{
	struct ctl3_request request = { .path = "/v3/cluster/member/list", .repeatable = true };
	struct ctl3_answer answer = { 0 };
	int code = CTL3_DONE;

	if (!ctl3_ask(v3, &request, &answer))
		code = output_error(CTL3_ERROR,
		    "failed to fetch endpoints from etcd cluster member list: %s", answer.problem);
	for (const struct json *member = ctl3_message_first(answer.root, "members");
	     member != NULL; member = member->next) {
		for (const struct json *url = ctl3_message_first(member, "clientURLs");
		     url != NULL; url = url->next)
			add(targets, url->text);
	}
	ctl3_answer_free(&answer);
	return code;
}

int
ctl3_targets_open(struct ctl3 *v3, struct ctl3_targets *targets)
{
	int code = ctl3_connect(v3);

	*targets = (struct ctl3_targets){ 0 };
	if (code != CTL3_DONE)
		return code;
	if (ctl_arguments_flag(v3->arguments, OPT_V3_CLUSTER))
		return add_members(v3, targets);
	if (ctl_arguments_given(v3->arguments, OPT_V3_DISCOVERY_SRV)) {
		for (size_t i = 0; i < client_endpoint_count(v3->client); i++)
			add(targets, slice_text(client_endpoint(v3->client, i)));
		return CTL3_DONE;
	}
	add_given(v3, targets);
	return CTL3_DONE;
}

void
ctl3_targets_free(struct ctl3_targets *targets)
{
	for (size_t i = 0; i < targets->count; i++)
		free(targets->names[i]);
	*targets = (struct ctl3_targets){ 0 };
}

bool
ctl3_targets_ask(struct ctl3 *v3, const char *name, const char *path, struct slice body,
    struct ctl3_answer *answer)
{
	const struct ctl_arguments *arguments = v3->arguments;
	bool secure = ctl_arguments_given(arguments, OPT_V3_CACERT) ||
	    ctl_arguments_given(arguments, OPT_V3_CERT) ||
	    !ctl_arguments_flag(arguments, OPT_V3_INSECURE_TRANSPORT);
	struct ctl3_request request = { .path = path, .body = body, .repeatable = true };
	struct endpoints endpoints = { 0 };
	char *bad = NULL;
	bool good;

	if (endpoints_add(&endpoints, slice_text(name), secure, &bad) != ERR_NONE ||
	    endpoints.count == 0) {
		free(bad);
		ctl3_answer_free(answer);
		answer->problem = xasprintf("\"%s\" is no client URL", name);
		answer->exit = CTL3_BAD_ARGS;
		endpoints_free(&endpoints);
		return false;
	}
	request.only = endpoints.urls[0];
	good = ctl3_ask(v3, &request, answer);
	endpoints_free(&endpoints);
	return good;
}
