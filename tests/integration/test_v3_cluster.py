"""What clients of the v3 API ask a cluster at their start: members, status, sums, versions, health."""

import json
import re

from moothall import ask, wait_until
from v3 import b64, call, delete, get, good, put, refused, revision

COMPACTED = "etcdserver: mvcc: required revision has been compacted"
FUTURE = "etcdserver: mvcc: required revision is a future revision"


def upkeep(node, method, message=None, **more):
    return good(node, method, message or {}, prefix="/v3/maintenance/", **more)


def members(node, **message):
    return good(node, "list", message, prefix="/v3/cluster/member/")


def test_members_are_those_of_the_other_api(world):
    nodes = world.cluster()
    others = {one["id"]: one for one in nodes[0].get("/v2/members").json["members"]}
    for node in nodes:
        for linearizable in (False, True):
            answer = members(node, linearizable=linearizable)
            assert set(answer["header"]) == {"cluster_id", "member_id", "raft_term"}
            listed = {"%016x" % int(one["ID"]): one for one in answer["members"]}
            assert {one["name"] for one in listed.values()} == {node.name for node in nodes}
            for number, one in listed.items():
                other = others[number]
                assert one["peerURLs"] == other["peerURLs"] and one["clientURLs"] == other["clientURLs"]
                assert "isLearner" not in one
            own = "%016x" % int(answer["header"]["member_id"])
            assert listed[own]["name"] == node.name


def test_a_place_is_a_learner_without_a_name(world):
    node = world.node().start()
    place = ask(node.client, "POST", "/v2/members", json.dumps({"peerURLs": ["http://127.0.0.9:9"]}),
                headers={"Content-Type": "application/json"}).json
    answer = members(node)
    assert {"ID": str(int(place["id"], 16)), "peerURLs": ["http://127.0.0.9:9"], "isLearner": True} in answer["members"]
    assert len(answer["members"]) == 2


def cluster(node, method, message, **more):
    return good(node, method, message, prefix="/v3/cluster/member/", **more)


def unwanted(node, method, message, status, code, text):
    refused(node, method, message, status, code, "etcdserver: " + text, prefix="/v3/cluster/member/")


def test_a_machine_joins_by_a_place_that_was_added(world):
    node = world.node().start()
    other = world.node("machine2", peers=[node.peer])
    url = "http://" + other.peer.replace("http://", "")
    made = cluster(node, "add", {"peerURLs": [url], "isLearner": True})["member"]
    assert made == {"ID": made["ID"], "peerURLs": [url], "isLearner": True}
    unwanted(node, "promote", {"ID": made["ID"]}, 400, 9, "can only promote a learner member which is in sync with leader")
    unwanted(node, "add", {"peerURLs": [url]}, 400, 9, "Peer URLs already exists")
    unwanted(node, "add", {"peerURLs": ["http://127.0.0.9:9"], "isLearner": True}, 400, 9, "too many learner members in cluster")
    other.start()
    wait_until(lambda: all("isLearner" not in one for one in members(node)["members"]), 10, "the machine to vote")
    listed = {one["name"]: one for one in members(other)["members"]}
    assert listed["machine2"]["ID"] == made["ID"] and listed["machine2"]["clientURLs"]
    unwanted(node, "promote", {"ID": made["ID"]}, 400, 9, "can only promote a learner member")
    moved = cluster(other, "update", {"ID": made["ID"], "peerURLs": [url, "http://127.0.0.9:9"]})
    assert [one["peerURLs"] for one in moved["members"] if one["ID"] == made["ID"]] == [[url, "http://127.0.0.9:9"]]
    left = cluster(node, "remove", {"ID": made["ID"]})["members"]
    assert [one["name"] for one in left] == ["machine1"]
    unwanted(node, "remove", {"ID": made["ID"]}, 404, 5, "member not found")


def test_bad_changes_of_members(world):
    node = world.node().start()
    own = members(node)["members"][0]
    for urls in ([], ["host:1"], ["http://host"], ["http://host:1/path"], ["ftp://host:1"]):
        unwanted(node, "add", {"peerURLs": urls}, 400, 3, "given member URLs are invalid")
    for method in ("remove", "promote"):
        for number in ("77", "0"):
            unwanted(node, method, {"ID": number}, 404, 5, "member not found")
    unwanted(node, "update", {"ID": "77", "peerURLs": ["http://127.0.0.9:9"]}, 404, 5, "member not found")
    last = call(node, "remove", {"ID": own["ID"]}, prefix="/v3/cluster/member/")
    assert (last.status, last.json["code"]) == (400, 9)
    answer = call(node, "remove", {"ID": "77"}, prefix="/v3/cluster/member/", headers={"Origin": "http://other.example"})
    assert (answer.status, answer.json["code"]) == (403, 7)
    assert len(members(node)["members"]) == 1


def test_members_are_not_changed_where_they_may_not_be(world):
    node = world.node(flags=["-member-changes", "off"]).start()
    for method, message in (("add", {"peerURLs": ["http://127.0.0.9:9"]}), ("remove", {"ID": "77"}),
                            ("update", {"ID": "77", "peerURLs": ["http://127.0.0.9:9"]}), ("promote", {"ID": "77"})):
        answer = call(node, method, message, prefix="/v3/cluster/member/")
        assert (answer.status, answer.json["code"]) == (403, 7) and "-member-changes off" in answer.json["message"]
    answer = call(node, "transfer-leadership", {"targetID": "77"}, prefix="/v3/maintenance/")
    assert (answer.status, answer.json["code"]) == (403, 7)


def test_the_lead_is_moved(world):
    nodes = world.cluster()
    leader = world.leader_of(nodes)
    other = next(node for node in nodes if node is not leader)
    target = members(other)["header"]["member_id"]
    bad = "etcdserver: bad leader transferee"
    refused(leader, "transfer-leadership", {"targetID": "77"}, 400, 9, bad, prefix="/v3/maintenance/")
    refused(other, "transfer-leadership", {"targetID": target}, 400, 9, "etcdserver: not leader", prefix="/v3/maintenance/")
    own = members(leader)["header"]["member_id"]
    upkeep(leader, "transfer-leadership", {"targetID": own})
    assert world.leader_of(nodes) is leader
    upkeep(leader, "transfer-leadership", {"targetID": target})
    wait_until(lambda: upkeep(leader, "status").get("leader") == target, 5, "the other one to lead")


def test_status_of_every_node(world):
    nodes = world.cluster()
    put(nodes[0], "/a", "x")
    found = [upkeep(node, "status") for node in nodes]
    assert len({one["leader"] for one in found}) == 1
    assert found[0]["leader"] in {one["header"]["member_id"] for one in found}
    for one in found:
        assert one["version"] == "3.5.13" and int(one["dbSize"]) > 0
        assert int(one["raftIndex"]) >= int(one["raftAppliedIndex"]) > 0
        assert one["raftTerm"] == one["header"]["raft_term"] and "errors" not in one and "isLearner" not in one
    before = int(upkeep(nodes[0], "status")["raftIndex"])
    made = revision(put(nodes[0], "/a", "y"))
    after = upkeep(nodes[0], "status")
    assert int(after["raftIndex"]) > before and revision(after) == made


def test_status_and_health_without_a_leader(world):
    nodes = world.cluster()
    left = nodes[0]
    assert (left.get("/readyz").status, left.get("/livez").status) == (200, 200)
    for node in nodes[1:]:
        node.kill_all()
    wait_until(lambda: upkeep(left, "status").get("errors") == ["etcdserver: no leader"], 10, "no leader")
    status = upkeep(left, "status")
    assert "leader" not in status and status["errors"] == ["etcdserver: no leader"]
    assert left.get("/health").status == 503
    # Who probes whether it lives does not end it for what the others lack.
    for query in ("serializable=true", "exclude=NOSPACE&serializable=true", "serializable=true&exclude=NOSPACE"):
        assert left.get("/health?" + query).status == 200
    for query in ("serializable=false", "exclude=NOSPACE", "serializable=truer", "xserializable=true"):
        assert left.get("/health?" + query).status == 503
    ready = left.get("/readyz")
    assert ready.status == 503 and b"[-]serving failed: no leader is known" in ready.body
    assert left.get("/livez").status == 200


def test_health_for_probes(world):
    node = world.node().start()
    for path in ("/livez", "/readyz"):
        answer = node.get(path)
        assert (answer.status, answer.body) == (200, b"ok\n")
        assert re.fullmatch(rb"\[\+\]\w+ ok\nok\n", node.get(path + "?verbose").body)
    assert node.get("/health").json == {"health": "true"}
    assert node.get("/health?serializable=true").json == {"health": "true"}


def test_the_version_is_one_that_clients_take(world):
    node = world.node().start()
    version = node.get("/version").json
    assert version["etcdserver"] == "3.5.13" and version["etcdcluster"] == "3.5.0"
    assert all(part.isdigit() for name in ("etcdserver", "etcdcluster") for part in version[name].split("."))
    assert version["moothall"] and set(version) == {"etcdserver", "etcdcluster", "moothall"}


def hashes(nodes, at):
    """Of HashKV on all nodes at one revision."""
    return {(one["hash"], one.get("compact_revision")) for one in
            (good(node, "hashkv", {"revision": str(at)}, prefix="/v3/maintenance/") for node in nodes)}


def test_sums_are_the_same_on_all_nodes(world):
    nodes = world.cluster()
    seen = set()
    for i in range(40):
        made = revision(put(nodes[i % 3], "/%d" % (i % 7), "%d" % i))
    delete(nodes[0], "/3")
    for at in (made, made - 1, made - 20):
        found = hashes(nodes, at)
        assert len(found) == 1
        seen |= found
    assert len(seen) == 3
    good(nodes[1], "compaction", {"revision": str(made - 5), "physical": True})
    wait_until(lambda: len(hashes(nodes, made)) == 1, 5, "all to have compacted")
    assert hashes(nodes, made) - seen and hashes(nodes, made).pop()[1] == str(made - 5)
    leader = world.leader_of(nodes)
    before = hashes(nodes, made)
    leader.kill("raftd")
    world.leader_of(nodes)
    assert hashes(nodes, made) == before
    refused(nodes[0], "hashkv", {"revision": made - 6}, 400, 11, COMPACTED, prefix="/v3/maintenance/")
    refused(nodes[0], "hashkv", {"revision": made + 100}, 400, 11, FUTURE, prefix="/v3/maintenance/")
    now = upkeep(nodes[2], "hashkv")
    assert now["hash_revision"] == now["header"]["revision"]
    assert isinstance(upkeep(nodes[2], "hash")["hash"], int)


def test_a_sum_over_many_keys_stops_nobody(world):
    node = world.node(flags=["-workers", "2"]).start()
    for part in range(160):
        operations = [{"request_put": {"key": b64("/%d/%d" % (part, i)), "value": "eHh4"}} for i in range(125)]
        good(node, "txn", {"success": operations})
    first = upkeep(node, "hashkv", {"revision": "161"}, timeout=30)
    put(node, "/more", "x")
    assert upkeep(node, "hashkv", {"revision": "161"}, timeout=30)["hash"] == first["hash"]
    # To wait for all that is compacted takes turns, and is over with it.
    good(node, "compaction", {"revision": "162", "physical": True}, timeout=30)
    assert get(node, "/more")["count"] == "1"


def test_no_alarms_and_what_is_not_served(world):
    node = world.node().start()
    for message in ({}, {"action": "GET", "alarm": "NOSPACE"}, {"action": "DEACTIVATE", "memberID": "7", "alarm": "CORRUPT"}):
        assert set(upkeep(node, "alarm", message)) == {"header"}
    assert set(upkeep(node, "defragment")) == {"header"}
    text = "unknown method Downgrade for service etcdserverpb.Maintenance"
    answer = ask(node.client, "POST", "/v3/maintenance/downgrade", "{}")
    assert (answer.status, answer.json) == (501, {"error": text, "message": text, "code": 12})
    assert ask(node.client, "POST", "/v3/nothing", "{}").status == 404
