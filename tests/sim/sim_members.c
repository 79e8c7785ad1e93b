/*
 * sim_members.c - who is in the cluster, as the model has it: members, their
 * registry keys, and the configuration of Raft.
 */
#include "common/ipc/wire.h"
#include "common/xmem.h"
#include "tests/sim/sim_model_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static enum err
registry(struct sim_model *model, uint8_t op, const char *name, struct slice peer_url,
    struct slice client_url, uint64_t time_ns)
{
	struct buf key = BUF_INIT, value = BUF_INIT;
	struct command_write write = { .op = op };
	enum err err;

	buf_printf(&key, "/_etcd/machines/%s", name);
	buf_printf(&value, "raft=%.*s&etcd=%.*s", SLICE_ARGS(peer_url), SLICE_ARGS(client_url));
	write.key = buf_slice(&key);
	write.value = op == WRITE_DELETE ? SLICE_EMPTY : buf_slice(&value);
	err = model_carry_out(model, &write, time_ns, true);
	buf_free(&key);
	buf_free(&value);
	return err;
}

static struct model_member *
member_find(struct sim_model *model, uint64_t id)
{
	for (size_t i = 0; i < model->member_count; i++)
		if (model->members[i].id == id)
			return &model->members[i];
	return NULL;
}

enum err
model_join(struct sim_model *model, const struct command_member *m, uint64_t time_ns)
{
	struct buf key = BUF_INIT;
	bool known;

	buf_printf(&key, "/_etcd/machines/%.*s", SLICE_ARGS(m->name));
	known = model_node(model, buf_slice(&key), UINT64_MAX) != NULL;
	buf_free(&key);
	if (model->member_count == MEMBERS_MAX)
		sim_fail(model->world, NULL, "too many members were let in");
	model->members[model->member_count] = (struct model_member){
		.id = m->id,
		.name = xasprintf("%.*s", SLICE_ARGS(m->name)),
	};
	snprintf(model->members[model->member_count].urls, sizeof(model->members[0].urls),
	    "%.*s %.*s", SLICE_ARGS(m->peer_url), SLICE_ARGS(m->client_url));
	return registry(model, known ? WRITE_UPDATE : WRITE_CREATE,
	    model->members[model->member_count++].name, m->peer_url, m->client_url, time_ns);
}

static enum err
apply_remove(struct sim_model *model, const struct command_member *m, uint64_t time_ns)
{
	struct model_member *member = member_find(model, m->id);
	enum err err = ERR_NONE;

	if (member == NULL)
		sim_fail(model->world, NULL, "somebody was removed who is no member");
	/* Without a name: its place is kept for the one that replaces it. */
	if (m->name.size > 0)
		err = registry(model, WRITE_DELETE, member->name, SLICE_EMPTY, SLICE_EMPTY,
		    time_ns);
	free(member->name);
	*member = model->members[--model->member_count];
	return err;
}

static enum err
apply_update(struct sim_model *model, const struct command_member *m, uint64_t time_ns)
{
	struct model_member *member = member_find(model, m->id);
	char urls[sizeof(model->members[0].urls)];

	if (member == NULL)
		return ERR_KEY_NOT_FOUND;
	snprintf(urls, sizeof(urls), "%.*s %.*s", SLICE_ARGS(m->peer_url),
	    SLICE_ARGS(m->client_url));
	if (strcmp(urls, member->urls) == 0)
		return ERR_NONE;
	memcpy(member->urls, urls, sizeof(urls));
	return registry(model, WRITE_UPDATE, member->name, m->peer_url, m->client_url, time_ns);
}

enum err
model_change_member(struct sim_model *model, const struct raft_entry *entry,
    const struct command_member *m)
{
	switch (entry->conf_op) {
	case RAFT_CONF_ADD_VOTER:
	case RAFT_CONF_ADD_LEARNER:
		return model_join(model, m, entry->time_ns);
	case RAFT_CONF_REMOVE:
		return apply_remove(model, m, entry->time_ns);
	case RAFT_CONF_NONE:
		return apply_update(model, m, entry->time_ns);
	case RAFT_CONF_PROMOTE:
		break;
	}
	sim_fail(model->world, NULL, "a promotion with a payload");
}

static void
id_insert(peer_id *ids, size_t *count, peer_id id)
{
	size_t place = *count;

	for (; place > 0 && ids[place - 1] > id; place--)
		ids[place] = ids[place - 1];
	ids[place] = id;
	(*count)++;
}

static void
id_remove(peer_id *ids, size_t *count, peer_id id)
{
	for (size_t i = 0; i < *count; i++) {
		if (ids[i] == id) {
			(*count)--;
			memmove(ids + i, ids + i + 1, (*count - i) * sizeof(*ids));
			return;
		}
	}
}

void
model_change_conf(struct sim_model *model, const struct raft_entry *entry)
{
	struct raft_conf *conf = &model->conf;

	switch (entry->conf_op) {
	case RAFT_CONF_NONE:
		return;
	case RAFT_CONF_ADD_LEARNER:
		id_insert(conf->learners, &conf->learner_count, entry->conf_peer);
		return;
	case RAFT_CONF_PROMOTE:
	case RAFT_CONF_ADD_VOTER:
		id_remove(conf->learners, &conf->learner_count, entry->conf_peer);
		id_insert(conf->voters, &conf->voter_count, entry->conf_peer);
		return;
	case RAFT_CONF_REMOVE:
		id_remove(conf->learners, &conf->learner_count, entry->conf_peer);
		id_remove(conf->voters, &conf->voter_count, entry->conf_peer);
		return;
	}
}

void
model_check_members(struct sim_model *model)
{
	const struct raft_conf *conf = &model->conf;

	if (model->member_count != conf->voter_count + conf->learner_count)
		sim_fail(model->world, NULL, "%zu members, but %zu vote and %zu learn",
		    model->member_count, conf->voter_count, conf->learner_count);
	for (size_t i = 0; i < conf->voter_count + conf->learner_count; i++) {
		peer_id id = i < conf->voter_count ? conf->voters[i] :
		    conf->learners[i - conf->voter_count];

		if (member_find(model, id) == NULL)
			sim_fail(model->world, NULL, "%016" PRIx64 " counts and is no member", id);
	}
}

const struct raft_conf *
model_conf(const struct sim_model *model)
{
	return &model->conf;
}
