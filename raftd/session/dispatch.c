/*
 * dispatch.c - see dispatch.h.
 *
 * A handler checks what its values may be, and calls the conductor.
 */
#include "raftd/session/dispatch.h"

#include "common/key_limits.h"
#include "common/limits.h"
#include "common/node_name.h"
#include "raftd/replica/store/path.h"

void
asker_answered(struct asker *asker)
{
	asker->asked -= asker->asked > 0 ? 1 : 0;
}

/* What the cluster's configuration says of keys is not asked: it may have changed
 * since the worker looked, and decides when the entry is applied. */
static bool
is_key(struct slice key, unsigned op)
{
	char cause[KEY_CAUSE_BYTES];

	return path_is_canonical(key) && key_limits_allow(&KEY_LIMITS_MAX, key, op, cause);
}

static enum err
on_write(struct asker *asker, const struct frame *frame, const struct msg_write *m)
{
	if (m->op < WRITE_SET || m->op > WRITE_OPS_LAST ||
	    (m->flags & ~WRITE_FLAG_ALL) != 0 || !is_key(m->key, m->op) ||
	    m->value.size > VALUE_BYTES_MAX || m->prev_value.size > VALUE_BYTES_MAX ||
	    m->key.size + m->value.size + m->prev_value.size > WRITE_BYTES_MAX ||
	    m->user.size > AUTH_NAME_BYTES_MAX)
		return ERR_MALFORMED;
	asker->asked++;
	node_write(asker->node, asker->session, frame->request_id,
	    (frame->flags & FRAME_AGAIN) != 0, m);
	return ERR_NONE;
}

static enum err
on_auth_change(struct asker *asker, const struct frame *frame, const struct msg_auth_change *m)
{
	if (m->op < AUTH_ENABLE || m->op > AUTH_REMOVE_ROLE || (m->flags & ~AUTH_FLAG_ALL) != 0 ||
	    m->name.size > AUTH_NAME_BYTES_MAX || m->hash.size > AUTH_HASH_BYTES_MAX ||
	    m->user.size > AUTH_NAME_BYTES_MAX || m->first.size + m->second.size +
	    m->third.size + m->fourth.size > AUTH_BODY_BYTES_MAX)
		return ERR_MALFORMED;
	asker->asked++;
	node_auth_change(asker->node, asker->session, frame->request_id,
	    (frame->flags & FRAME_AGAIN) != 0, m);
	return ERR_NONE;
}

static enum err
on_read(struct asker *asker, const struct frame *frame, const struct msg_read *m)
{
	if ((m->flags & ~READ_FLAG_ALL) != 0 || !is_key(m->key, 0))
		return ERR_MALFORMED;
	asker->asked++;
	node_read(asker->node, asker->session, frame->request_id, m);
	return ERR_NONE;
}

static bool
is_again(const struct frame *frame)
{
	return (frame->flags & FRAME_AGAIN) != 0;
}

static enum err
on_v3_write(struct asker *asker, const struct frame *frame, const struct msg_v3_write *m)
{
	if (!node_v3_is_request(m->compares, m->ops, true))
		return ERR_MALFORMED;
	asker->asked++;
	node_v3_change(asker->node, asker->session, frame->request_id, is_again(frame), m);
	return ERR_NONE;
}

static enum err
on_v3_compact(struct asker *asker, const struct frame *frame, const struct msg_v3_compact *m)
{
	asker->asked++;
	node_v3_compact(asker->node, asker->session, frame->request_id, is_again(frame), m);
	return ERR_NONE;
}

static enum err
on_v3_grant(struct asker *asker, const struct frame *frame, const struct msg_v3_grant *m)
{
	if (m->id == 0)
		return ERR_MALFORMED;
	asker->asked++;
	node_v3_grant(asker->node, asker->session, frame->request_id, is_again(frame), m);
	return ERR_NONE;
}

static enum err
on_v3_revoke(struct asker *asker, const struct frame *frame, const struct msg_v3_revoke *m)
{
	asker->asked++;
	node_v3_revoke(asker->node, asker->session, frame->request_id, is_again(frame), m);
	return ERR_NONE;
}

static enum err
on_v3_alarm(struct asker *asker, const struct frame *frame, const struct msg_v3_alarm *m)
{
	if ((m->op != ALARM_RAISE && m->op != ALARM_TAKE) || m->type < ALARM_NOSPACE ||
	    m->type > ALARM_TYPES_LAST)
		return ERR_MALFORMED;
	asker->asked++;
	node_v3_alarm(asker->node, asker->session, frame->request_id, is_again(frame), m);
	return ERR_NONE;
}

static enum err
on_v3_auth_change(struct asker *asker, const struct frame *frame,
    const struct msg_v3_auth_change *m)
{
	if (m->op < V3_AUTH_ENABLE || m->op > V3_AUTH_OPS_LAST || m->type > V3_AUTH_READWRITE ||
	    (m->flags & ~V3_AUTH_NO_PASSWORD) != 0 || m->name.size > V3_AUTH_NAME_BYTES_MAX ||
	    m->hash.size > AUTH_HASH_BYTES_MAX || m->role.size > V3_AUTH_NAME_BYTES_MAX ||
	    m->key.size > V3_AUTH_KEY_BYTES_MAX || m->end.size > V3_AUTH_KEY_BYTES_MAX ||
	    (m->digest.size != 0 && m->digest.size != V3_TOKEN_DIGEST_BYTES))
		return ERR_MALFORMED;
	asker->asked++;
	node_v3_auth_change(asker->node, asker->session, frame->request_id, is_again(frame), m);
	return ERR_NONE;
}

static enum err
on_v3_tokens_used(struct asker *asker, const struct frame *frame UNUSED,
    const struct msg_v3_tokens_used *m)
{
	if (m->indexes.size > V3_TOKENS_MAX * sizeof(uint64_t))
		return ERR_MALFORMED;
	node_v3_tokens_used(asker->node, m->indexes);
	return ERR_NONE;
}

static enum err
on_v3_tokens_kept(struct asker *asker, const struct frame *frame UNUSED,
    const struct msg_v3_tokens_kept *m)
{
	return node_v3_tokens_kept(asker->node, m->tokens);
}

static enum err
on_v3_read(struct asker *asker, const struct frame *frame, const struct msg_v3_read *m)
{
	if (m->quorum > 1 || !node_v3_is_request(m->compares, m->ops, false))
		return ERR_MALFORMED;
	asker->asked++;
	node_v3_read(asker->node, asker->session, frame->request_id, m);
	return ERR_NONE;
}

static enum err
on_v3_lease(struct asker *asker, const struct frame *frame, const struct msg_v3_lease *m)
{
	if (m->what < V3_LEASE_RENEW || m->what > V3_LEASE_LOOK_KEYS)
		return ERR_MALFORMED;
	asker->asked++;
	node_v3_lease(asker->node, asker->session, frame->request_id, m);
	return ERR_NONE;
}

static enum err
on_v3_state(struct asker *asker, const struct frame *frame, const struct msg_v3_state *m)
{
	if (m->what < V3_STATE_FIGURES || m->what > V3_STATE_SWEPT || m->quorum > 1)
		return ERR_MALFORMED;
	asker->asked++;
	node_v3_state(asker->node, asker->session, frame->request_id, m);
	return ERR_NONE;
}

static enum err
on_read_more(struct asker *asker, const struct frame *frame,
    const struct msg_read_more *m UNUSED)
{
	node_read_more(asker->node, asker->session, frame->request_id);
	return ERR_NONE;
}

static enum err
on_read_stop(struct asker *asker, const struct frame *frame,
    const struct msg_read_stop *m UNUSED)
{
	if (node_read_stop(asker->node, asker->session, frame->request_id))
		asker_answered(asker);
	return ERR_NONE;
}

static enum err
on_lock_look(struct asker *asker, const struct frame *frame, const struct msg_lock_look *m)
{
	if (!is_key(m->key, 0))
		return ERR_MALFORMED;
	asker->asked++;
	node_lock_look(asker->node, asker->session, frame->request_id, m);
	return ERR_NONE;
}

static enum err
on_watch(struct asker *asker, const struct frame *frame, const struct msg_watch *m)
{
	if ((m->flags & ~WATCH_FLAG_ALL) != 0 || !is_key(m->key, 0))
		return ERR_MALFORMED;
	node_watch(asker->node, asker->session, frame->request_id, m);
	return ERR_NONE;
}

static enum err
on_unwatch(struct asker *asker, const struct frame *frame, const struct msg_unwatch *m UNUSED)
{
	node_unwatch(asker->node, asker->session, frame->request_id);
	return ERR_NONE;
}

static enum err
on_watch_more(struct asker *asker, const struct frame *frame,
    const struct msg_watch_more *m UNUSED)
{
	node_watch_more(asker->node, asker->session, frame->request_id);
	return ERR_NONE;
}

static enum err
on_watch_taken(struct asker *asker, const struct frame *frame UNUSED,
    const struct msg_watch_taken *m)
{
	node_watch_taken(asker->node, asker->session, m->past_bytes);
	return ERR_NONE;
}

static enum err
on_v3_watch(struct asker *asker, const struct frame *frame, const struct msg_v3_watch *m)
{
	if ((m->flags & ~V3_WATCH_ALL) != 0 ||
	    m->key.size > V3_REQUEST_BYTES_MAX || m->end.size > V3_REQUEST_BYTES_MAX)
		return ERR_MALFORMED;
	node_v3_watch(asker->node, asker->session, frame->request_id, m);
	return ERR_NONE;
}

static enum err
on_v3_unwatch(struct asker *asker, const struct frame *frame,
    const struct msg_v3_unwatch *m UNUSED)
{
	node_v3_unwatch(asker->node, asker->session, frame->request_id);
	return ERR_NONE;
}

static enum err
on_v3_watch_more(struct asker *asker, const struct frame *frame,
    const struct msg_v3_watch_more *m UNUSED)
{
	node_v3_watch_more(asker->node, asker->session, frame->request_id);
	return ERR_NONE;
}

static enum err
on_v3_watch_drop(struct asker *asker, const struct frame *frame,
    const struct msg_v3_watch_drop *m)
{
	node_v3_watch_drop(asker->node, asker->session, frame->request_id, m->revision);
	return ERR_NONE;
}

static enum err
on_v3_progress_ask(struct asker *asker, const struct frame *frame,
    const struct msg_v3_progress_ask *m UNUSED)
{
	node_v3_progress_ask(asker->node, asker->session, frame->request_id);
	return ERR_NONE;
}

static enum err
on_stats_ask(struct asker *asker, const struct frame *frame, const struct msg_stats_ask *m)
{
	node_stats(asker->node, asker->session, frame->request_id, m->kind);
	return ERR_NONE;
}

static enum err
on_member_change(struct asker *asker, const struct frame *frame,
    const struct msg_member_change *m)
{
	if ((m->op != MEMBER_JOIN && m->op != MEMBER_REMOVE && m->op != MEMBER_FORGET) ||
	    m->name.size == 0 ||
	    m->name.size > NAME_BYTES_MAX || m->peer_url.size > URL_BYTES_MAX ||
	    m->client_url.size > URL_BYTES_MAX ||
	    (m->op == MEMBER_JOIN && (m->id == 0 || !node_name_valid(m->name))))
		return ERR_MALFORMED;
	asker->asked++;
	node_member_change(asker->node, asker->session, frame->request_id,
	    (frame->flags & FRAME_AGAIN) != 0, m);
	return ERR_NONE;
}

static enum err
on_place_change(struct asker *asker, const struct frame *frame, const struct msg_place_change *m)
{
	if (m->op < PLACE_MAKE || m->op > PLACE_REMOVE || m->id == 0 ||
	    m->peer_urls.size > PLACE_URLS_BYTES_MAX || m->asker.size > ASKER_BYTES_MAX ||
	    (m->peer_urls.size == 0) != (m->op == PLACE_REMOVE) ||
	    (m->peer_urls.size > 0 &&
		memchr(m->peer_urls.data, '\0', m->peer_urls.size) != NULL))
		return ERR_MALFORMED;
	asker->asked++;
	node_place_change(asker->node, asker->session, frame->request_id,
	    (frame->flags & FRAME_AGAIN) != 0, m);
	return ERR_NONE;
}

static enum err
on_config_change(struct asker *asker, const struct frame *frame,
    const struct msg_config_change *m)
{
	if (m->items.size > CONFIG_ITEMS_BYTES_MAX)
		return ERR_MALFORMED;
	asker->asked++;
	node_config_change(asker->node, asker->session, frame->request_id,
	    (frame->flags & FRAME_AGAIN) != 0, asker->sender == FROM_CLIENT_WORKER, m);
	return ERR_NONE;
}

static enum err
on_joined(struct asker *asker, const struct frame *frame UNUSED, const struct msg_joined *m)
{
	node_joined(asker->node, m);
	return ERR_NONE;
}

static enum err
on_create_cluster(struct asker *asker, const struct frame *frame UNUSED,
    const struct msg_create_cluster *m UNUSED)
{
	node_create_cluster(asker->node);
	return ERR_NONE;
}

static enum err
on_begin_cluster(struct asker *asker, const struct frame *frame UNUSED,
    const struct msg_begin_cluster *m)
{
	if (m->token.size > NAME_BYTES_MAX)
		return ERR_MALFORMED;
	return node_begin_cluster(asker->node, m);
}

static enum err
on_standby(struct asker *asker, const struct frame *frame UNUSED, const struct msg_standby *m)
{
	if (m->leader_url.size > URL_BYTES_MAX)
		return ERR_MALFORMED;
	node_standby(asker->node, m->leader_url);
	return ERR_NONE;
}

static enum err
on_join_removed(struct asker *asker, const struct frame *frame UNUSED,
    const struct msg_join_removed *m)
{
	node_join_removed(asker->node, m->forgotten != 0);
	return ERR_NONE;
}

static enum err
on_foreign_call(struct asker *asker, const struct frame *frame UNUSED,
    const struct msg_foreign_call *m)
{
	if (m->cluster_id == 0 || m->name.size == 0 || m->name.size > NAME_BYTES_MAX ||
	    m->peer_url.size > URL_BYTES_MAX)
		return ERR_MALFORMED;
	node_foreign_call(asker->node, m);
	return ERR_NONE;
}

static enum err
on_other_cluster(struct asker *asker, const struct frame *frame UNUSED,
    const struct msg_other_cluster *m)
{
	if (m->cluster_id == 0 || m->members == 0 || m->address.size == 0 ||
	    m->address.size > URL_BYTES_MAX)
		return ERR_MALFORMED;
	node_other_cluster(asker->node, m);
	return ERR_NONE;
}

static enum err
on_peer_unreachable(struct asker *asker, const struct frame *frame UNUSED,
    const struct msg_peer_unreachable *m)
{
	node_peer_unreachable(asker->node, m->id);
	return ERR_NONE;
}

static enum err
on_peer_connected(struct asker *asker, const struct frame *frame UNUSED,
    const struct msg_peer_connected *m)
{
	node_peer_connected(asker->node, m->id);
	return ERR_NONE;
}

static enum err
on_backup_ask(struct asker *asker, const struct frame *frame, const struct msg_backup_ask *m)
{
	node_backup_ask(asker->node, asker->session, frame->request_id, m->sequence,
	    asker->sender == FROM_CLIENT_WORKER);
	return ERR_NONE;
}

static enum err
on_backup_stop(struct asker *asker, const struct frame *frame,
    const struct msg_backup_stop *m UNUSED)
{
	node_backup_stop(asker->node, asker->session, frame->request_id);
	return ERR_NONE;
}

#define DISPATCH_TO struct asker
#define TO_SESSION DISPATCH_ROW
#include "common/ipc/dispatch_define.h"

enum err
session_dispatch(struct asker *asker, const struct frame *frame)
{
	return dispatch(asker, asker->sender, frame);
}
