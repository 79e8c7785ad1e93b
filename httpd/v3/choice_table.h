/*
 * choice_table.h - every enum of the v3 API.
 *
 *	CHOICE_TYPE(tag, name, VALUE(number, C name, JSON name) ...)
 *	SHARED_CHOICE_TYPE(...)		the same; raftd has it, too, so its enum is wire.h's
 *
 * The name is the one that the original's texts of errors have. Numbers are those of the
 * protocol. No guard: included more than once, undefines its macros at the end.
 */
SHARED_CHOICE_TYPE(sort_order, "etcdserverpb.RangeRequest_SortOrder",
    VALUE(0, V3_SORT_NONE, "NONE")
    VALUE(1, V3_SORT_ASCEND, "ASCEND")
    VALUE(2, V3_SORT_DESCEND, "DESCEND"))
SHARED_CHOICE_TYPE(sort_target, "etcdserverpb.RangeRequest_SortTarget",
    VALUE(0, V3_SORT_KEY, "KEY")
    VALUE(1, V3_SORT_VERSION, "VERSION")
    VALUE(2, V3_SORT_CREATE, "CREATE")
    VALUE(3, V3_SORT_MOD, "MOD")
    VALUE(4, V3_SORT_VALUE, "VALUE"))
SHARED_CHOICE_TYPE(compare_result, "etcdserverpb.Compare_CompareResult",
    VALUE(0, V3_EQUAL, "EQUAL")
    VALUE(1, V3_GREATER, "GREATER")
    VALUE(2, V3_LESS, "LESS")
    VALUE(3, V3_NOT_EQUAL, "NOT_EQUAL"))
SHARED_CHOICE_TYPE(compare_target, "etcdserverpb.Compare_CompareTarget",
    VALUE(0, V3_COMPARE_VERSION, "VERSION")
    VALUE(1, V3_COMPARE_CREATE, "CREATE")
    VALUE(2, V3_COMPARE_MOD, "MOD")
    VALUE(3, V3_COMPARE_VALUE, "VALUE")
    VALUE(4, V3_COMPARE_LEASE, "LEASE"))
CHOICE_TYPE(filter_type, "etcdserverpb.WatchCreateRequest_FilterType",
    VALUE(0, V3_FILTER_NOPUT, "NOPUT")
    VALUE(1, V3_FILTER_NODELETE, "NODELETE"))
CHOICE_TYPE(event_type, "mvccpb.Event_EventType",
    VALUE(0, V3_EVENT_PUT, "PUT")
    VALUE(1, V3_EVENT_DELETE, "DELETE"))
CHOICE_TYPE(alarm_type, "etcdserverpb.AlarmType",
    VALUE(0, V3_ALARM_NONE, "NONE")
    VALUE(1, V3_ALARM_NOSPACE, "NOSPACE")
    VALUE(2, V3_ALARM_CORRUPT, "CORRUPT"))
CHOICE_TYPE(alarm_action, "etcdserverpb.AlarmRequest_AlarmAction",
    VALUE(0, V3_ALARM_GET, "GET")
    VALUE(1, V3_ALARM_ACTIVATE, "ACTIVATE")
    VALUE(2, V3_ALARM_DEACTIVATE, "DEACTIVATE"))
CHOICE_TYPE(downgrade_action, "etcdserverpb.DowngradeRequest_DowngradeAction",
    VALUE(0, V3_DOWNGRADE_VALIDATE, "VALIDATE")
    VALUE(1, V3_DOWNGRADE_ENABLE, "ENABLE")
    VALUE(2, V3_DOWNGRADE_CANCEL, "CANCEL"))
CHOICE_TYPE(permission_type, "authpb.Permission_Type",
    VALUE(0, V3_PERMISSION_READ, "READ")
    VALUE(1, V3_PERMISSION_WRITE, "WRITE")
    VALUE(2, V3_PERMISSION_READWRITE, "READWRITE"))
CHOICE_TYPE(serving_status, "grpc.health.v1.HealthCheckResponse_ServingStatus",
    VALUE(0, V3_SERVING_UNKNOWN, "UNKNOWN")
    VALUE(1, V3_SERVING, "SERVING")
    VALUE(2, V3_NOT_SERVING, "NOT_SERVING")
    VALUE(3, V3_SERVICE_UNKNOWN, "SERVICE_UNKNOWN"))
#undef VALUE
#undef CHOICE_TYPE
#undef SHARED_CHOICE_TYPE
