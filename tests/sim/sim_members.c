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

static const struct model_member *
member_at(const struct sim_model *model, struct slice peer_url)
{
	for (size_t i = 0; i < model->member_count; i++)
		if (slice_equal(slice_text(model->members[i].peer_url), peer_url))
			return &model->members[i];
	return NULL;
}

static void
set_urls(struct model_member *member, struct slice peer_url, struct slice client_url)
{
	snprintf(member->urls, sizeof(member->urls), "%.*s %.*s", SLICE_ARGS(peer_url),
	    SLICE_ARGS(client_url));
	snprintf(member->peer_url, sizeof(member->peer_url), "%.*s", SLICE_ARGS(peer_url));
}

/* An open one with that URL; NULL: none. */
static struct model_place *
open_place(struct sim_model *model, struct slice url)
{
	for (size_t i = 0; i < model->place_count; i++) {
		struct model_place *place = &model->places[i];

		if (!place->removed && place->node == 0 &&
		    slice_equal(slice_text(place->url), url))
			return place;
	}
	return NULL;
}

enum err
model_join(struct sim_model *model, const struct command_member *m, uint64_t time_ns)
{
	struct model_place *place = open_place(model, m->peer_url);
	struct buf key = BUF_INIT;
	bool known;

	buf_printf(&key, "/_etcd/machines/%.*s", SLICE_ARGS(m->name));
	known = model_node(model, buf_slice(&key), UINT64_MAX) != NULL;
	buf_free(&key);
	if (model->member_count == MEMBERS_MAX)
		sim_fail(model->world, NULL, "too many members were let in");
	if (place != NULL)
		place->node = m->id;
	model->members[model->member_count] = (struct model_member){
		.id = m->id,
		.name = xasprintf("%.*s", SLICE_ARGS(m->name)),
	};
	set_urls(&model->members[model->member_count], m->peer_url, m->client_url);
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
	model->removed = xgrow(model->removed, &model->removed_capacity,
	    model->removed_count + 1, sizeof(*model->removed));
	model->removed[model->removed_count++] = m->id;
	*member = model->members[--model->member_count];
	for (size_t i = 0; i < model->place_count; i++)
		if (model->places[i].node == m->id)
			model->places[i].removed = true;
	return err;
}

static enum err
apply_update(struct sim_model *model, const struct command_member *m, uint64_t time_ns)
{
	struct model_member *member = member_find(model, m->id);
	const struct model_member *other = member_at(model, m->peer_url);
	struct model_member as = { .id = 0 };

	if (member == NULL)
		return ERR_KEY_NOT_FOUND;
	if (other != NULL && other != member)
		return ERR_PEER_ADDRESS_EXISTS;
	set_urls(&as, m->peer_url, m->client_url);
	if (strcmp(as.urls, member->urls) == 0)
		return ERR_NONE;
	set_urls(member, m->peer_url, m->client_url);
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

/* ---- places ---------------------------------------------------------------------- */

static enum err
make_place(struct sim_model *model, const struct command_place *p)
{
	size_t many = model->member_count;
	struct model_place *place;

	if (open_place(model, p->peer_urls) != NULL || member_at(model, p->peer_urls) != NULL)
		return ERR_PEER_ADDRESS_EXISTS;
	for (size_t i = 0; i < model->place_count; i++)
		many += !model->places[i].removed && model->places[i].node == 0;
	if (many >= model->config.active_size)
		return ERR_NO_MORE_PEER;
	model->places = xgrow(model->places, &model->place_capacity, model->place_count + 1,
	    sizeof(*model->places));
	place = &model->places[model->place_count++];
	*place = (struct model_place){ .id = p->id };
	snprintf(place->url, sizeof(place->url), "%.*s", SLICE_ARGS(p->peer_urls));
	return ERR_NONE;
}

/* One that is or was; NULL: there is none of that id. */
static struct model_place *
place_find(struct sim_model *model, uint64_t id)
{
	for (size_t i = 0; i < model->place_count; i++)
		if (model->places[i].id == id)
			return &model->places[i];
	return NULL;
}

static bool
model_was_removed(const struct sim_model *model, uint64_t id)
{
	for (size_t i = 0; i < model->removed_count; i++)
		if (model->removed[i] == id)
			return true;
	return false;
}

/* A member that took a place is shown with the place's id, another one with its own. */
static struct model_member *
shown_as(struct sim_model *model, uint64_t id)
{
	const struct model_place *place = place_find(model, id);

	return member_find(model, place == NULL || place->removed ? id : place->node);
}

static enum err
move(struct sim_model *model, const struct command_place *p, uint64_t time_ns)
{
	struct model_place *place = place_find(model, p->id), *holder;
	struct model_member *member = shown_as(model, p->id);
	const struct model_member *other = member_at(model, p->peer_urls);
	struct buf client_url = BUF_INIT;
	enum err err;

	if (member == NULL && (place == NULL || place->removed))
		return place != NULL || model_was_removed(model, p->id) ? ERR_REMOVED :
		    ERR_NOT_FOUND;
	holder = open_place(model, p->peer_urls);
	if ((other != NULL && other != member) || (holder != NULL && holder->id != p->id))
		return ERR_PEER_ADDRESS_EXISTS;
	if (member == NULL) {
		snprintf(place->url, sizeof(place->url), "%.*s", SLICE_ARGS(p->peer_urls));
		return ERR_NONE;
	}
	buf_append_text(&client_url, strchr(member->urls, ' ') + 1);
	err = apply_update(model, &(struct command_member){ .id = member->id,
	    .peer_url = p->peer_urls, .client_url = buf_slice(&client_url) }, time_ns);
	buf_free(&client_url);
	return err;
}

enum err
model_change_place(struct sim_model *model, const struct raft_entry *entry,
    const struct command_place *p)
{
	struct model_place *place = place_find(model, p->id);
	const struct model_member *member;

	if (p->op == PLACE_MAKE)
		return make_place(model, p);
	if (p->op == PLACE_MOVE)
		return move(model, p, entry->time_ns);
	if (entry->conf_op == RAFT_CONF_REMOVE) {
		member = member_find(model, entry->conf_peer);
		if (member == NULL || (p->id != member->id &&
		    (place == NULL || place->node != member->id)))
			sim_fail(model->world, NULL, "another one was removed");
		return apply_remove(model, &(struct command_member){ .id = member->id,
		    .name = slice_text(member->name) }, entry->time_ns);
	}
	if (place == NULL)
		return member_find(model, p->id) != NULL ? ERR_RAFT_INTERNAL :
		    model_was_removed(model, p->id) ? ERR_REMOVED : ERR_NOT_FOUND;
	if (place->removed)
		return ERR_REMOVED;
	if (place->node != 0)
		return ERR_RAFT_INTERNAL;
	place->removed = true;
	return ERR_NONE;
}

uint64_t
model_any_place(const struct sim_model *model, uint64_t number)
{
	return model->place_count == 0 ? 0 : model->places[number % model->place_count].id;
}

const char *
model_url_of(struct sim_model *model, uint64_t id)
{
	const struct model_place *place = place_find(model, id);
	const struct model_member *member = shown_as(model, id);

	return member != NULL ? member->peer_url :
	    place != NULL && !place->removed ? place->url : NULL;
}

uint64_t
model_open_place(const struct sim_model *model, size_t *at, const char **url)
{
	while (*at < model->place_count) {
		const struct model_place *place = &model->places[(*at)++];

		if (place->removed || place->node != 0)
			continue;
		*url = place->url;
		return place->id;
	}
	return 0;
}

uint64_t
model_place_of(const struct sim_model *model, uint64_t node)
{
	for (size_t i = 0; i < model->place_count; i++)
		if (!model->places[i].removed && model->places[i].node == node)
			return model->places[i].id;
	return 0;
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
