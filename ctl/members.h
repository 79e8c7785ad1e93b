/*
 * members.h - who is in the cluster, as a client port tells it.
 */
#ifndef MOOTHALL_CTL_MEMBERS_H
#define MOOTHALL_CTL_MEMBERS_H

#include "common/limits.h"
#include "ctl/client.h"
#include "ctl/json_read.h"

struct listed_member {
	struct slice id, name;		/* of the list's document */
	struct slice peer_urls, client_urls;	/* joined by commas; of its arena */
	char *peer_url, *client_url;	/* the first of each; NULL: none */
	bool leader;
};

struct member_list {
	struct json_doc doc;
	struct listed_member list[MEMBERS_SHOWN_MAX];
	size_t count;
};

/* CTL_DONE, or the sentence was said. To be freed either way. */
int member_list_read(struct client *client, struct member_list *members) MUST_CHECK;
void member_list_free(struct member_list *members);
/* The same number in hexadecimal, with or without leading zeros. */
bool member_list_same_id(struct slice a, struct slice b);
/* The member of that id, in either form, or of that name; NULL: none. */
const struct listed_member *member_list_find(const struct member_list *members, const char *word);

#endif
