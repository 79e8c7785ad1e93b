"""GET /v2/stats/node, what a node knows of itself; GET /v2/stats/log; POST /v2/members/leader."""

import json
import os
import re
import signal
import threading

from certificates import Authority
from clocks import Clocks
from disks import MIB, PLENTY, Disk
from moothall import ask, wait_until
from prometheus import scrape

SOURCE = os.environ.get("MOOTHALL_SOURCE") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FIELDS = {"name", "id", "version", "now", "startTime", "ui", "v3", "state", "term", "leader", "leaderSince", "applied",
          "committed", "storeIndex", "keys", "watchers", "connections", "problems", "members", "processes", "requests", "latency", "disk",
          "certificates", "marks"}
MEMBER_FIELDS = {"id", "name", "role", "leader", "self", "clientURLs", "peerURLs", "version", "applied", "behind",
                 "roundTripSeconds", "active", "clockSeconds", "sync", "restarts", "certificates"}


def stats(node):
    answer = ask(node.client, "GET", "/v2/stats/node")
    assert answer.status == 200 and answer.headers["Cache-Control"] == "no-store", answer
    return answer.json


def kinds(node):
    return [problem["kind"] for problem in stats(node)["problems"]]


def troubles(node):
    """Without what the disk of any machine may do, and is told of for a minute."""
    return [kind for kind in kinds(node) if kind != "slow-disk"]


def process(node, name):
    return [one for one in stats(node)["processes"] if one["name"] == name][0]


def headings():
    with open(os.path.join(SOURCE, "docs", "operations.md"), encoding="utf-8") as file:
        return set(re.findall(r"^#+ (.*)$", file.read(), re.M))


def leader_of(nodes):
    return wait_until(lambda: [node for node in nodes if stats(node)["state"] == "leader"], 10, "a leader")[0]


def test_every_field_of_one_node(world):
    node = world.node(flags=["-workers", "1"]).start()
    before = stats(node)
    assert set(before) == FIELDS and set(before["members"][0]) == MEMBER_FIELDS
    for i in range(10):
        assert node.put("/secret-name/%d" % i, "secret-value").status == 201
        assert node.value("/secret-name/%d" % i) == "secret-value"
    # A figure of raftd's may be read before it has counted.
    wait_until(lambda: stats(node)["keys"] >= before["keys"] + 11, 5, "the keys to be counted")
    after = stats(node)
    assert after["name"] == "machine1" and after["state"] == "leader" and after["ui"] == "on"
    assert after["leader"] == after["id"] == after["members"][0]["id"] and after["term"] >= 1
    assert after["applied"] >= before["applied"] + 10 and after["storeIndex"] == before["storeIndex"] + 10
    assert after["requests"]["write"] - before["requests"]["write"] == 10
    assert after["requests"]["read"] - before["requests"]["read"] == 10
    assert after["requests"]["failed"] == before["requests"]["failed"] and after["connections"] >= 1
    for kind, least in ("read", 10), ("write", 10), ("sync", 1):
        histogram = after["latency"][kind]
        assert histogram["count"] - before["latency"][kind]["count"] >= least and histogram["sumSeconds"] > 0
        counts = [count for _, count in histogram["buckets"]]
        assert counts == sorted(counts) and counts[-1] <= histogram["count"]
    assert after["disk"]["freeBytes"] > 0 and after["disk"]["syncs"] > before["disk"]["syncs"]
    assert after["disk"]["writtenBytes"] > before["disk"]["writtenBytes"]
    assert [one["name"] for one in after["processes"]] == ["supervisor", "raftd", "peer", "client 1"]
    assert {one["pid"] for one in after["processes"]} == {pid for pids in node.pids().values() for pid in pids}
    for one in after["processes"]:
        assert one["restarts"] == 0 and one["cpuSeconds"] > 0 and one["residentBytes"] > 0
    assert [one for one in after["problems"] if one["kind"] != "slow-disk"] == [] and after["certificates"] == []
    assert [mark["kind"] for mark in after["marks"]] == ["election"] and "machine1 leads" in after["marks"][0]["text"]
    assert "secret" not in json.dumps(after)
    head = ask(node.client, "HEAD", "/v2/stats/node")
    assert head.status == 200 and head.body == b""


def test_watches_are_no_reads(world):
    node = world.node(flags=["-workers", "1"]).start()
    before = stats(node)["requests"]
    watch = threading.Thread(target=ask, args=(node.client, "GET", "/v2/keys/a?wait=true"))
    watch.start()
    wait_until(lambda: stats(node)["watchers"] == 1, 5, "the watch")
    assert node.put("/a", "1").status == 201
    watch.join(5)
    after = stats(node)["requests"]
    assert (after["watch"] - before["watch"], after["read"] - before["read"]) == (1, 0)
    assert scrape(node.client).get("etcd_watches_begun_total") == after["watch"]


def test_the_leader_knows_how_far_the_others_are_and_all_who_is_there(world):
    nodes = world.cluster(3)
    leader = leader_of(nodes)
    for i in range(20):
        leader.put("/a/%d" % i, "x")

    def level():
        others = [member for member in stats(leader)["members"] if not member["self"]]
        return len(others) == 2 and all(one["behind"] == 0 and one["applied"] >= 20 and one["roundTripSeconds"] and one["active"]
                                        for one in others)
    wait_until(level, 10, "the followers to be level")
    for node in nodes:
        seen = stats(node)
        assert [member["name"] for member in seen["members"] if member["leader"]] == [leader.name]
        assert [member["name"] for member in seen["members"] if member["self"]] == [node.name]
        if node is not leader:
            assert seen["state"] == "follower"
            assert all(member["roundTripSeconds"] is None for member in seen["members"] if not member["self"])
    # One goes: a member that is away, and a mark for each election.
    gone = [node for node in nodes if node is not leader][0]
    gone.stop()
    wait_until(lambda: "member-away" in kinds(leader), 10, "the member to be missed")
    assert [member["active"] for member in stats(leader)["members"] if member["name"] == gone.name] == [False]
    last = [node for node in nodes if node is not leader and node is not gone][0]
    leader.stop()
    wait_until(lambda: "no-leader" in kinds(last), 10, "the lost majority to be told")
    wait_until(lambda: "1 of 3 members" in stats(last)["problems"][0]["text"], 10, "it to see that both are gone")
    problem = stats(last)["problems"][0]
    assert problem["kind"] == "no-leader" and problem["severity"] == "error"
    assert all(one["runbook"] in headings() for one in stats(last)["problems"])


def others(node):
    return {member["name"]: member for member in stats(node)["members"] if not member["self"]}


def told(node, check, what, timeout=15):
    """What the others told that node of themselves, once it is that; what is told is of the last second."""
    return wait_until(lambda: check(others(node)) and others(node), timeout, what)


def test_each_member_knows_what_the_others_tell_of_themselves(world):
    nodes = world.cluster(3, flags=["-workers", "1"])
    for i in range(20):
        leader_of(nodes).put("/a/%d" % i, "x")
    version = stats(nodes[0])["version"]
    for node in nodes:
        def whole(seen):
            return len(seen) == 2 and all(one["version"] == version and one["behind"] == 0 and one["sync"] and one["sync"]["count"] > 0 and
                                          one["restarts"] is not None and one["certificates"] == [] for one in seen.values())
        seen = told(node, whole, "what the others tell")
        for one in seen.values():
            assert abs(one["clockSeconds"]) < 1 and one["sync"]["buckets"][-1][1] <= one["sync"]["count"]
            assert all(restarts["count"] == 0 for restarts in one["restarts"]), one
        own = [member for member in stats(node)["members"] if member["self"]][0]
        assert own["version"] == version and own["clockSeconds"] == 0 and own["sync"]["count"] > 0
    # What happens to one of them, the others see.
    os.kill(process(nodes[2], "client 1")["pid"], signal.SIGKILL)
    for node in nodes[:2]:
        told(node, lambda seen: {"process": "client", "count": 1} in (seen[nodes[2].name]["restarts"] or []), "the restart")
    # One that stands still has its connections, and is silent all the same.
    raftd = process(nodes[2], "raftd")["pid"]
    os.kill(raftd, signal.SIGSTOP)
    try:
        problem = problem_of(nodes[0], "member-away", "the raftd that stands still")
        assert re.match(r"machine3 is connected, and has not answered for \d+ s: ", problem["text"]) or "machine3" in problem["text"], problem
        wait_until(lambda: others(nodes[0])["machine3"]["active"] is False, 5, "it to be shown as silent")
    finally:
        os.kill(raftd, signal.SIGCONT)
    wait_until(lambda: troubles(nodes[0]) == [], 10, "it to answer again")
    # What is old is not shown: who is gone tells nothing.
    nodes[2].stop()
    told(nodes[0], lambda seen: seen[nodes[2].name]["version"] == "" and seen[nodes[2].name]["sync"] is None, "it to be forgotten")
    assert others(nodes[0])[nodes[1].name]["version"] == version


def test_a_wrong_clock_is_a_problem_on_all_others_and_the_days_of_certificates_are_told(world):
    clocks = Clocks(world)
    authority = Authority(world.folder)
    pair = authority.issue("server", days=(-1, 40))
    nodes = []
    for i in range(2):
        node = world.node("machine%d" % (i + 1), flags=["-workers", "1"] + pair.flags("peer-", authority), peer_tls=authority.context(pair),
                          peers=[other.peer for other in nodes])
        node.environment = clocks.environment(node.name)
        nodes.append(node.start())
    world.wait_voters(nodes)
    seen = told(nodes[1], lambda seen: seen["machine1"]["certificates"], "the certificates")
    assert [one["name"] for one in seen["machine1"]["certificates"]] == ["peer"]
    assert 38 <= seen["machine1"]["certificates"][0]["daysLeft"] <= 40
    for node in nodes:
        assert "clock" not in kinds(node)
    clocks.set("machine2", 90)
    wait_until(lambda: "clock" in kinds(nodes[0]) and "clock" in kinds(nodes[1]), 10, "the clock to be told of")
    problem = [one for one in stats(nodes[0])["problems"] if one["kind"] == "clock"][0]
    assert re.match(r"The clock of machine2 is (8[5-9]|90)\.\d s before that of this node: set both by NTP\.$", problem["text"]), problem
    assert problem["runbook"] in headings() and problem["severity"] == "warning"
    problem = [one for one in stats(nodes[1])["problems"] if one["kind"] == "clock"][0]
    assert "The clock of machine1 is " in problem["text"] and " s behind that of this node" in problem["text"]
    clocks.set("machine2", 0)
    wait_until(lambda: not any("clock" in kinds(node) for node in nodes), 10, "the clock to be right")


def problem_of(node, kind, what):
    return wait_until(lambda: [one for one in stats(node)["problems"] if one["kind"] == kind], 10, what)[0]


def test_a_full_and_a_slow_disk_are_problems(world):
    node = world.node(flags=["-workers", "1"])
    disk = node.disk = Disk(node)
    node.start()
    assert node.put("/a", "1").status == 201 and troubles(node) == []
    disk.set(free_bytes=8 * MIB)
    problem = problem_of(node, "disk-full", "the full disk")
    assert problem["severity"] == "error" and "writes refused" in problem["text"] and problem["runbook"] in headings()
    disk.set(free_bytes=PLENTY)
    wait_until(lambda: troubles(node) == [], 10, "the disk to have room")
    disk.set(hang=1)
    write = threading.Thread(target=node.put, args=("/a", "2"))
    write.start()
    problem = problem_of(node, "slow-disk", "the slow disk")
    disk.set(hang=0)
    write.join(10)
    assert problem["severity"] == "warning" and problem["runbook"] in headings()


def test_a_certificate_that_ends_soon_is_a_problem(world):
    authority = Authority(world.folder)
    pair = authority.issue("server", days=(-1, 29))
    node = world.node(flags=["-workers", "1"] + pair.flags(), tls=authority.context())
    node.start()

    def seen():
        answer = ask(node.client, "GET", "/v2/stats/node", tls=authority.context()).json
        return answer if answer["certificates"] else None
    answer = wait_until(seen, 10, "the certificate")
    assert [(one["name"], one["daysLeft"] in (27, 28)) for one in answer["certificates"]] == [("client", True)], answer["certificates"]
    problem = answer["problems"][0]
    assert re.match(r"The certificate of the client port ends in 2[78] days: ", problem["text"]), problem
    assert (problem["kind"], problem["severity"]) == ("certificate", "warning") and problem["runbook"] in headings()


def test_a_killed_worker_and_a_killed_raftd_are_restarts_and_marks(world):
    node = world.node(flags=["-workers", "1"]).start()
    for name in "client 1", "raftd", "peer":
        os.kill(process(node, name)["pid"], signal.SIGKILL)

        def again(name=name):
            try:
                return process(node, name)["restarts"] == 1 and process(node, name)["pid"] != 0
            except (OSError, IndexError):
                return False
        wait_until(again, 10, "%s to be there again" % name)
    texts = [mark["text"] for mark in stats(node)["marks"] if mark["kind"] == "restart"]
    assert texts == ["%s was ended by signal 9" % name for name in ("client 1", "raftd", "peer")]


def test_without_raftd_it_answers_and_says_so(world):
    node = world.node(flags=["-workers", "1"]).start()
    pid = process(node, "raftd")["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: "raftd" in kinds(node), 10, "the silence to be told")
        assert stats(node)["problems"][0]["severity"] == "error"
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: troubles(node) == [], 10, "the end of the trouble")


def test_members_that_come_and_a_node_out_of_rotation(world):
    nodes = world.cluster(1)
    joined = world.node("machine2", peers=[nodes[0].peer]).start()
    wait_until(lambda: any(mark["text"].startswith("machine2") and mark["kind"] == "membership" for mark in stats(nodes[0])["marks"]),
               10, "the mark of the join")
    place = ask(nodes[0].client, "POST", "/v2/members", '{"peerURLs":["http://10.9.8.7:1"]}',
                headers={"Content-Type": "application/json"}).json
    wait_until(lambda: [one["id"] for one in stats(joined)["members"] if one["role"] == "place"] == [place["id"]], 5, "the place")
    nodes[0].control("drain")
    wait_until(lambda: "draining" in kinds(nodes[0]), 5, "the drain to be told")


def test_the_newest_lines_of_the_log(world):
    node = world.node(flags=["-workers", "1", "-log-format", "json"]).start()
    answer = ask(node.client, "GET", "/v2/stats/log")
    assert answer.status == 200 and answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    lines = answer.body.decode().splitlines()
    assert "state changed from 'candidate' to 'leader'" in answer.body.decode() and not lines[0].startswith("{")
    assert ask(node.client, "GET", "/v2/stats/log?lines=1").body.decode().splitlines() == lines[-1:]
    assert ask(node.client, "GET", "/v2/stats/log?lines=10000").status == 200
    for query in "lines=0", "lines=10001", "lines=", "lines=x", "lines=99999999999", "x", "lines=1&lines=2":
        answer = ask(node.client, "GET", "/v2/stats/log?" + query)
        assert answer.status == 400 and b"is not lines=N with N from 1 to 10000" in answer.body, query


def test_questions_to_the_supervisor_are_bounded(world):
    """64 wait for one that does not answer, and the next is told so; none waits for long, and nobody else is held up."""
    node = world.node(flags=["-workers", "1"]).start()
    os.kill(node.process.pid, signal.SIGSTOP)
    statuses = []
    try:
        def one():
            statuses.append(ask(node.client, "GET", "/v2/stats/log").status)
        threads = [threading.Thread(target=one) for _ in range(64)]
        for thread in threads:
            thread.start()
        wait_until(lambda: ask(node.client, "GET", "/v2/stats/log").status == 503, 5, "the 65th to be refused")
        assert ask(node.client, "PUT", "/v2/keys/a", {"value": "1"}).status == 201
        for thread in threads:
            thread.join(10)
        assert statuses and set(statuses) <= {503}
    finally:
        os.kill(node.process.pid, signal.SIGCONT)
    wait_until(lambda: ask(node.client, "GET", "/v2/stats/log").status == 200, 5, "the log")
    assert ask(node.client, "GET", "/v2/stats/log?lines=1").body.count(b"\n") == 1


def lead(node, body=None, **headers):
    return ask(node.client, "POST", "/v2/members/leader", body, headers=dict({"Content-Type": "application/json"}, **headers))


def test_the_lead_is_moved(world):
    nodes = world.cluster(3)
    leader = leader_of(nodes)
    ids = {member["name"]: member["id"] for member in stats(leader)["members"]}
    for node in nodes:
        if node is not leader:
            answer = lead(node, '{"id":"%s"}' % ids[node.name])
            assert answer.status == 409 and "%s does, ask it at http://%s" % (leader.name, leader.client) in answer.json["message"]
    for body, status in ('{"id":"1234"}', 404), ('{"id":"x"}', 404), ('{"id":1}', 400), ('[]', 400), ('{', 400), ("x" * 20000, 413):
        assert lead(leader, body).status == status, body
    assert lead(leader, '{"id":"%s"}' % ids[leader.name]).status == 204
    to = [node for node in nodes if node is not leader][0]
    assert lead(leader, '{"id":"%s"}' % ids[to.name], Origin="http://" + leader.client).status == 204
    wait_until(lambda: stats(to)["state"] == "leader", 5, "the new leader")
    assert "a client asks to move the lead: to=%s asker=127.0.0.1" % to.name in leader.log()
    # Who has just begun to lead does not know yet how far the others are.
    wait_until(lambda: lead(to, None).status == 204, 5, "the lead to be given to whoever is best")
    assert lead(leader_of(nodes), "{}", Origin="http://evil.example").status == 403


def test_configuration_and_backup_are_at_the_client_port_too(world):
    node = world.node(flags=["-workers", "1"]).start()
    node.put("/a", "secret-value")
    assert ask(node.client, "GET", "/v2/admin/config").json == ask(node.peer, "GET", "/v2/admin/config").json
    for headers, status in ({"Origin": "http://" + node.client}, 200), ({"Origin": "http://evil.example"}, 403), ({}, 200):
        answer = ask(node.client, "PUT", "/v2/admin/config", '{"activeSize":5}', headers=headers)
        assert answer.status == status, answer
    assert ask(node.peer, "GET", "/v2/admin/config").json["activeSize"] == 5
    assert ask(node.client, "PUT", "/v2/admin/config", '{"activeSize":"x"}').status == 400
    # A backup is root's, and nobody is known as that yet; of the log the hashes may be in it.
    answer = ask(node.client, "GET", "/v2/admin/backup")
    assert answer.status == 403 and b"etcdctl control backup" in answer.body, answer
    assert ask(node.client, "PUT", "/v2/auth/users/root", '{"user":"root","password":"secret"}').status == 201
    wait_until(lambda: ask(node.client, "GET", "/v2/stats/log").status == 403, 5, "the log to be refused")
    assert ask(node.client, "GET", "/v2/admin/backup").status == 403
    assert ask(node.client, "PUT", "/v2/auth/enable").status == 200
    root = {"Authorization": "Basic cm9vdDpzZWNyZXQ="}
    wait_until(lambda: ask(node.client, "GET", "/v2/admin/backup").status == 401, 5, "users to count")
    backup = ask(node.client, "GET", "/v2/admin/backup", headers=root)
    assert backup.status == 200 and b"secret-value" in backup.body
    assert len(backup.body) == len(ask(node.peer, "GET", "/v2/admin/backup").body)


def test_what_operators_do_is_forbidden_by_option_and_to_users(world):
    node = world.node(flags=["-member-changes", "off", "-workers", "1"]).start()
    assert lead(node).status == 403
    assert ask(node.client, "PUT", "/v2/admin/config", '{"activeSize":5}').status == 403
    assert ask(node.peer, "PUT", "/v2/admin/config", '{"activeSize":5}').status == 200
    assert ask(node.client, "PUT", "/v2/auth/users/root", '{"user":"root","password":"secret"}').status == 201
    assert ask(node.client, "PUT", "/v2/auth/enable").status == 200
    root = {"Authorization": "Basic cm9vdDpzZWNyZXQ="}
    wait_until(lambda: ask(node.client, "GET", "/v2/stats/log").status == 401, 5, "users to count")
    assert lead(node).status == 401
    for path in "/v2/admin/config", "/v2/admin/backup":
        assert ask(node.client, "GET", path).status == 401
        assert ask(node.client, "GET", path, headers=root).status == 200
    assert ask(node.client, "GET", "/v2/stats/log", headers=root).status == 200
    assert stats(node)["name"] == "machine1"


def test_the_own_page_may_change_members_and_keys(world):
    node = world.node(flags=["-origin-check"]).start()
    own, other = {"Origin": "http://" + node.client}, {"Origin": "http://evil.example"}
    # A page whose own name was changed to the node's address.
    renamed = {"Origin": "http://evil.example:4001", "Host": "evil.example:4001"}
    for i, (headers, status) in enumerate([(own, 201), (other, 403), (renamed, 403)]):
        assert ask(node.client, "PUT", "/v2/keys/%d" % i, {"value": "1"}, headers=headers).status == status
        answer = ask(node.client, "POST", "/v2/members", '{"peerURLs":["http://10.9.8.7:%d"]}' % (i + 1),
                     headers=dict(headers, **{"Content-Type": "application/json"}))
        assert answer.status == status, answer
    # Without the check, but as the user that a browser keeps.
    node.stop()
    node.flags.remove("-origin-check")
    node.start()
    assert ask(node.client, "POST", "/v2/keys/forms", {"value": "1"}, headers=other).status == 201
    signed = dict(other, Authorization="Basic cm9vdDpzZWNyZXQ=")
    assert ask(node.client, "POST", "/v2/keys/forms", {"value": "1"}, headers=signed).status == 403
