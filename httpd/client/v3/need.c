/*
 * need.c - see need.h.
 *
 * Source: docs/api.md, "Users of v3".
 */
#include "httpd/client/v3/need.h"

enum v3_need
need_of(const struct v3_method *method)
{
	switch (method->tag) {
	case V3_METHOD_authenticate:
	case V3_METHOD_health_check:
	case V3_METHOD_health_watch:
	/* Each watch is asked for by itself. */
	case V3_METHOD_watch:
		return V3_NEED_NOTHING;
	case V3_METHOD_range:
	case V3_METHOD_put:
	case V3_METHOD_delete_range:
	case V3_METHOD_txn:
	case V3_METHOD_compact:
	case V3_METHOD_lease_grant:
	case V3_METHOD_lease_revoke:
	case V3_METHOD_lease_keep_alive:
	case V3_METHOD_lease_time_to_live:
	case V3_METHOD_lease_leases:
	case V3_METHOD_member_list:
	case V3_METHOD_alarm:
	case V3_METHOD_status:
	case V3_METHOD_user_get:
	case V3_METHOD_role_get:
	case V3_METHOD_lock:
	case V3_METHOD_unlock:
	case V3_METHOD_campaign:
	case V3_METHOD_proclaim:
	case V3_METHOD_leader:
	case V3_METHOD_observe:
	case V3_METHOD_resign:
		return V3_NEED_USER;
	/* These reach beyond the v3 keys. */
	case V3_METHOD_snapshot:
	case V3_METHOD_member_add:
	case V3_METHOD_member_remove:
	case V3_METHOD_member_update:
	case V3_METHOD_member_promote:
	case V3_METHOD_move_leader:
		return V3_NEED_BOTH;
	default:
		return V3_NEED_ROOT;
	}
}
