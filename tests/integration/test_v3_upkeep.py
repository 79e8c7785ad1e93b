"""How much of the v3 keys is kept: a quota, alarms, compaction of history by the leader itself."""

import json

from moothall import ask, wait_until
from v3 import b64, below, call, delete, get, good, keys, put, refused, revision

NO_SPACE = "etcdserver: mvcc: database space exceeded"
CORRUPT = "etcdserver: corrupt cluster"
VALUE = "x" * 20000


def upkeep(node, method, message=None):
    return good(node, method, message or {}, prefix="/v3/maintenance/")


def alarms(node):
    return [(int(one["memberID"]), one["alarm"]) for one in upkeep(node, "alarm").get("alarms", [])]


def change(node, action, member, alarm):
    answer = upkeep(node, "alarm", {"action": action, "memberID": str(member), "alarm": alarm})
    return [(int(one["memberID"]), one["alarm"]) for one in answer.get("alarms", [])]


def status(node):
    return upkeep(node, "status")


def own_id(node):
    return int(status(node)["header"]["member_id"])


def is_full(node, key="k"):
    answer = call(node, "put", {"key": b64(key), "value": b64(VALUE)})
    assert answer.status == 200 or (answer.status, answer.json["error"]) == (429, NO_SPACE), answer
    return answer.status != 200


def fill(node):
    """Until it is full; what is under way when the quota is passed is done."""
    wait_until(lambda: is_full(node), 10, "the quota to be reached")


def metric(node, name):
    page = ask(node.client, "GET", "/metrics").body.decode().splitlines()
    return float(next(line.split()[-1] for line in page if line.startswith(name + " ") or line.startswith(name + "{")))


def problems(node):
    return {one["kind"]: one for one in json.loads(ask(node.client, "GET", "/v2/stats/node").body)["problems"]}


# ---- alarms

def test_an_alarm_is_of_all_nodes_and_stays_until_it_is_taken_back(world):
    nodes = world.cluster()
    leader = world.leader_of(nodes)
    other = next(node for node in nodes if node is not leader)
    put(leader, "a", "1")
    lease = good(leader, "grant", {"TTL": 60, "ID": 5}, prefix="/v3/lease/")["ID"]
    assert change(other, "ACTIVATE", 77, "NOSPACE") == [(77, "NOSPACE")]
    for node in nodes:
        wait_until(lambda node=node: alarms(node) == [(77, "NOSPACE")], 10, "all to know of it")
        assert status(node)["errors"] == ["memberID:77 alarm:NOSPACE "]
        refused(node, "put", {"key": b64("a")}, 429, 8, NO_SPACE)
        refused(node, "txn", {"failure": [{"request_put": {"key": b64("b")}}]}, 429, 8, NO_SPACE)
        refused(node, "grant", {"TTL": 60}, 429, 8, NO_SPACE, prefix="/v3/lease/")
        assert keys(get(node, "a")) == ["a"]
    # It is in the log, and on the disks.
    for node in nodes:
        node.stop()
    for node in nodes:
        node.start(wait=False)
    for node in nodes:
        node.wait_ready(30)
        assert alarms(node) == [(77, "NOSPACE")]
    refused(nodes[0], "put", {"key": b64("a")}, 429, 8, NO_SPACE)
    # What takes less is done, and /v2 does not know of it.
    assert delete(nodes[0], "a")["deleted"] == "1"
    good(nodes[0], "revoke", {"ID": lease}, prefix="/v3/lease/")
    good(nodes[0], "compaction", {"revision": 3})
    assert nodes[0].put("/foo", "bar").status == 201
    assert change(nodes[1], "DEACTIVATE", 77, "NOSPACE") == [(77, "NOSPACE")]
    assert change(nodes[1], "DEACTIVATE", 77, "NOSPACE") == []
    put(nodes[2], "a", "2")
    assert all(alarms(node) == [] or wait_until(lambda: alarms(node) == [], 10, "it to be gone") for node in nodes)


def test_corrupt_refuses_all_that_writes(world):
    node = world.node().start()
    put(node, "a", "1")
    assert change(node, "ACTIVATE", 1, "CORRUPT") == [(1, "CORRUPT")]
    assert change(node, "ACTIVATE", 1, "NOSPACE") == [(1, "NOSPACE")]
    listed = upkeep(node, "alarm", {"action": "GET", "alarm": "CORRUPT"})["alarms"]
    assert listed == [{"memberID": "1", "alarm": "CORRUPT"}]
    for method, message in (("put", {"key": b64("a")}), ("deleterange", {"key": b64("a")}), ("compaction", {"revision": 2})):
        refused(node, method, message, 500, 15, CORRUPT)
    assert keys(get(node, "a")) == ["a"]
    problem = wait_until(lambda: problems(node).get("alarm"), 10, "the problem to be told")
    assert problem["severity"] == "error" and "alarm disarm" in problem["text"]
    assert change(node, "DEACTIVATE", 1, "CORRUPT") == [(1, "CORRUPT")]
    refused(node, "put", {"key": b64("a")}, 429, 8, NO_SPACE)
    assert change(node, "DEACTIVATE", 1, "NOSPACE") == [(1, "NOSPACE")]
    put(node, "a", "2")


def test_what_is_no_alarm_is_refused(world):
    node = world.node().start()
    answer = call(node, "alarm", {"action": "ACTIVATE", "memberID": "1"}, prefix="/v3/maintenance/")
    assert (answer.status, answer.json["code"]) == (400, 3)
    assert "NOSPACE or CORRUPT" in answer.json["error"]
    assert change(node, "DEACTIVATE", 1, "NONE") == []
    for member in range(1, 129):
        assert change(node, "ACTIVATE", member, "NOSPACE") == [(member, "NOSPACE")]
    refused(node, "alarm", {"action": "ACTIVATE", "memberID": "129", "alarm": "NOSPACE"}, 429, 8,
            "etcdserver: too many requests", prefix="/v3/maintenance/")
    assert len(alarms(node)) == 128


# ---- the quota

def test_the_quota_refuses_what_adds_and_comes_back_alone(world):
    nodes = world.cluster(flags=["--quota-backend-bytes=400K"])
    leader = world.leader_of(nodes)
    other = next(node for node in nodes if node is not leader)
    put(leader, "small", "1")
    fill(other)
    full = (own_id(leader), "NOSPACE")
    for node in nodes:
        wait_until(lambda node=node: alarms(node) == [full], 10, "the alarm on all")
        assert int(status(node)["dbSize"]) > 400 * 1024
        assert status(node)["errors"] == ["memberID:%d alarm:NOSPACE " % full[0]]
        refused(node, "put", {"key": b64("more")}, 429, 8, NO_SPACE)
        refused(node, "grant", {"TTL": 60}, 429, 8, NO_SPACE, prefix="/v3/lease/")
    assert metric(leader, "etcd_server_quota_backend_bytes") == 400 * 1024
    assert metric(leader, "etcd_mvcc_quota_used_bytes") > 400 * 1024 and metric(other, "etcd_server_alarms") == 1
    problem = wait_until(lambda: problems(leader).get("quota"), 10, "the problem to be told")
    assert problem["severity"] == "error" and "quota of 409600" in problem["text"] and problem["runbook"]
    assert "the quota of the v3 keys is reached" in leader.log()
    # Who takes the alarm back does not get more than is there.
    change(other, "DEACTIVATE", *full)
    wait_until(lambda: alarms(other) == [full], 10, "the alarm to be back")
    # Reads and deletes go; with history gone it ends by itself.
    assert keys(get(other, "small")) == ["small"]
    assert delete(other, "k")["deleted"] == "1"
    now = revision(get(other, "small"))
    good(other, "compaction", {"revision": now})
    for node in nodes:
        wait_until(lambda node=node: alarms(node) == [], 10, "the alarm to go")
        assert int(status(node)["dbSize"]) < 400 * 1024
    put(other, "more", "1")
    assert "quota" not in problems(leader)
    assert "the v3 keys are within their quota again" in leader.log()


def test_the_next_leader_goes_on_with_the_quota(world):
    nodes = world.cluster(flags=["--quota-backend-bytes=400K"])
    leader = world.leader_of(nodes)
    fill(leader)
    leader.kill_all()
    rest = [node for node in nodes if node is not leader]
    next_leader = world.leader_of(rest, timeout=20)
    wait_until(lambda: is_full(next_leader), 10, "writes to be refused by the next")
    good(next_leader, "compaction", {"revision": revision(get(next_leader, "k"))})
    wait_until(lambda: alarms(next_leader) == [], 10, "the alarm of the dead one to go")
    put(next_leader, "more", "1")


def test_a_larger_quota_lets_go_on(world):
    node = world.node(flags=["--quota-backend-bytes", "200000"]).start()
    fill(node)
    node.stop()
    node.flags = ["--quota-backend-bytes", "-1"]
    node.start()
    wait_until(lambda: alarms(node) == [], 10, "the alarm to go")
    for i in range(20):
        put(node, "/k/%d" % i, VALUE)
    assert metric(node, "etcd_server_quota_backend_bytes") == 0


def test_without_the_option_the_quota_is_2_gib(world):
    node = world.node().start()
    assert metric(node, "etcd_server_quota_backend_bytes") == 2 << 30
    assert "dbSizeInUse" in status(node)


# ---- compaction by itself

def compacted(node):
    return metric(node, "etcd_debugging_mvcc_compact_revision")


def test_history_is_compacted_by_its_age_by_whoever_leads(world):
    nodes = world.cluster(flags=["--auto-compaction-mode=periodic", "--auto-compaction-retention=1s"])
    leader = world.leader_of(nodes)
    for i in range(5):
        put(leader, "/k", str(i))
    last = revision(get(leader, "/k"))
    for node in nodes:
        wait_until(lambda node=node: compacted(node) == last, 15, "history to be compacted")
    refused(leader, "range", {"key": b64("/k"), "revision": last - 1}, 400, 11,
            "etcdserver: mvcc: required revision has been compacted")
    assert keys(good(leader, "range", below("/k"))) == ["/k"]
    leader.kill_all()
    next_leader = world.leader_of([node for node in nodes if node is not leader], timeout=20)
    last = revision(put(next_leader, "/k", "more"))
    wait_until(lambda: compacted(next_leader) == last, 15, "the next leader to compact")
    assert "v3 keys are compacted: revision=%d" % last in next_leader.log()


def test_history_is_kept_without_the_option_and_for_its_time(world):
    plain = world.node("plain").start()
    kept = world.node("kept", flags=["--auto-compaction-retention", "1"]).start()
    several = world.node("several", flags=["--auto-compaction-retention=1s"]).start()
    for node in (plain, kept, several):
        for i in range(3):
            put(node, "/k", str(i))
    # The one that does not keep it says when a second has passed.
    wait_until(lambda: compacted(several) == 4, 15, "history to be compacted")
    assert compacted(plain) == compacted(kept) == 0


def test_the_leader_compacts_also_while_users_count(world):
    node = world.node(flags=["--auto-compaction-retention=1s"]).start()
    for method, message in (("user/add", {"name": "root", "password": "p"}), ("user/grant", {"user": "root", "role": "root"}),
                            ("enable", {})):
        good(node, method, message, prefix="/v3/auth/")
    token = good(node, "authenticate", {"name": "root", "password": "p"}, prefix="/v3/auth/")["token"]
    for i in range(3):
        good(node, "put", {"key": b64("/k"), "value": b64(str(i))}, headers={"Authorization": token})
    wait_until(lambda: compacted(node) == 4, 15, "history to be compacted")
