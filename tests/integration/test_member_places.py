"""Members changed at the client port, as the 2.x series has it: places, their taking, removal."""

import json
import os
import re
import subprocess
import time

import pytest

from moothall import SLOW, ask, free_port, wait_log, wait_until
from test_clients import ETCDCTL, etcd, is_of_the_other_etcd

OURS = os.path.join(os.environ.get("MOOTHALL_BUILD", "."), "etcdctl")
JSON = {"Content-Type": "application/json"}
EXIT_REMOVED = 5
HEX = re.compile(r"[0-9a-f]{16}")


def change(node, method, path="", urls=None, headers=None):
    body = None if urls is None else json.dumps({"peerURLs": urls})
    return ask(node.client, method, "/v2/members" + path, body, headers=JSON if headers is None else headers)


def members(node):
    return ask(node.client, "GET", "/v2/members").json["members"]


def named(node, name):
    return next((member for member in members(node) if member["name"] == name), None)


def places(node):
    """How many are open and taken, as the metrics say."""
    lines = re.findall(r'^etcd_server_member_places\{state="(\w+)"\} (\d+)', node.get("/metrics").body.decode(), re.M)
    return {state: int(number) for state, number in lines}


def message(answer):
    assert answer.headers["Content-Type"] == "application/json"
    return answer.json["message"]


def make_place(node, peer):
    answer = change(node, "POST", urls=["http://" + peer])
    assert answer.status == 201, answer
    return answer.json["id"]


def test_a_place_is_made_taken_and_removed_for_good(world):
    nodes = world.cluster(2)
    leader = world.leader_of(nodes)
    follower = next(node for node in nodes if node is not leader)
    peer = "127.0.0.1:%d" % free_port()

    # At any node; who asked is in the log of each.
    answer = change(follower, "POST", urls=["http://" + peer])
    assert answer.status == 201 and answer.headers["Content-Type"] == "application/json"
    place = answer.json
    assert HEX.fullmatch(place["id"]) and HEX.fullmatch(answer.headers["X-Etcd-Cluster-Id"])
    assert place == {"id": place["id"], "name": "", "peerURLs": ["http://" + peer], "clientURLs": []}
    assert members(follower)[-1] == place
    wait_until(lambda: members(leader)[-1] == place, 10, "the place at the leader")
    for node in nodes:
        wait_log(node, "member to be added id=%s asked-by=127.0.0.1:" % place["id"])
    assert places(leader) == places(follower) == {"open": 1, "taken": 0}
    # It counts for nothing: writes go on as before.
    assert leader.put("/a", "1").status == 201
    assert len(ask(leader.peer, "GET", "/v2/admin/machines").json) == 2

    # Errors, by the letter.
    again = change(leader, "POST", urls=["http://" + peer])
    assert (again.status, message(again)) == (409, "etcdserver: peerURL exists")
    of_member = change(leader, "POST", urls=["http://" + follower.peer])
    assert (of_member.status, message(of_member)) == (409, "etcdserver: peerURL exists")
    bad = change(leader, "POST", urls=["foo"])
    assert (bad.status, message(bad)) == (400, "URL scheme must be http or https: foo")
    form = change(leader, "POST", urls=["http://a:1"], headers={"Content-Type": "text/plain"})
    assert (form.status, message(form)) == (415, "Bad Content-Type text/plain, accept application/json")
    for method in ("PUT", "DELETE"):
        for unknown in ("1234", "nothex"):
            answer = change(leader, method, "/" + unknown, ["http://127.0.0.1:9"] if method == "PUT" else None)
            assert answer.status == 404 and message(answer).startswith("No such member: ")
        answer = change(leader, method)
        assert answer.status == 405 and answer.headers["Allow"] == "GET,POST,HEAD"
    body = json.dumps({"peerURLs": ["http://127.0.0.1:9"]})
    long = ask(leader.client, "PUT", "/v2/members/1234", body.ljust(16384), headers=JSON)
    assert long.status == 404
    long = ask(leader.client, "PUT", "/v2/members/1234", body.ljust(16385), headers=JSON)
    assert (long.status, message(long)) == (413, "the body is longer than 16384 bytes")
    page = change(leader, "POST", urls=["http://127.0.0.1:9"], headers=dict(JSON, Origin="http://evil.example"))
    assert page.status == 403 and "web pages" in message(page)

    # The place moves, and then its machine joins: it has the id of the place everywhere.
    new_peer = "127.0.0.1:%d" % free_port()
    assert change(leader, "PUT", "/" + place["id"], ["http://" + follower.peer]).status == 409
    moved = change(leader, "PUT", "/" + place["id"], ["http://" + new_peer])
    assert moved.status == 204 and moved.body == b""
    joiner = world.node("joiner", peers=[follower.peer], peer=new_peer)
    joiner.start()
    world.wait_voters(nodes + [joiner])
    for node in nodes + [joiner]:
        wait_until(lambda: named(node, "joiner") is not None, 10, "the joiner in every list")
        assert named(node, "joiner") == {"id": place["id"], "name": "joiner", "peerURLs": ["http://" + new_peer],
                                         "clientURLs": ["http://" + joiner.client]}
        assert len(members(node)) == 3
    assert joiner.get("/v2/stats/self").json["id"] == place["id"]
    for node in nodes + [joiner]:
        wait_until(lambda: places(node) == {"open": 0, "taken": 1}, 10, "the place to be counted as taken")
    stats = leader.get("/v2/stats/leader").json
    own = named(leader, leader.name)["id"]
    assert stats["leader"] == own
    assert stats["followers"][place["id"]]["name"] == "joiner" and len(stats["followers"]) == 2
    for node in nodes + [joiner]:
        info = node.get("/v2/stats/self").json["leaderInfo"]
        assert info["leader"] == own and info["leaderName"] == leader.name

    # After a restart of everything, too.
    for node in nodes + [joiner]:
        node.kill_all()
    for node in nodes + [joiner]:
        node.start(wait=False)
    for node in nodes + [joiner]:
        node.wait_ready()
    leader = world.leader_of(nodes + [joiner])
    assert named(joiner, "joiner")["id"] == place["id"]

    # A member that is given another address keeps it as long as it runs.
    far = "http://127.0.0.1:%d" % free_port()
    assert change(nodes[1], "PUT", "/" + place["id"], [far]).status == 204
    assert named(nodes[1], "joiner")["peerURLs"] == [far]
    assert nodes[1].put("/b", "1").status == 201
    # It may have several, the preferred one first.
    assert change(leader, "PUT", "/" + place["id"], [far, "http://127.0.0.1:9"]).status == 204
    wait_until(lambda: named(nodes[1], "joiner")["peerURLs"] == [far, "http://127.0.0.1:9"], 5, "the other nodes to know it")
    long = change(leader, "PUT", "/" + place["id"], ["http://127.0.0.1:9/" + "x" * 500, "http://127.0.0.1:8/" + "y" * 500])
    assert long.status == 400, long
    assert named(nodes[1], "joiner")["peerURLs"] == [far, "http://127.0.0.1:9"]

    # It goes, for good.
    for node in nodes:
        if node is not leader:
            asked = node
    gone = change(asked, "DELETE", "/" + place["id"])
    assert gone.status == 204 and gone.body == b""
    assert joiner.process.wait(15 * SLOW) == EXIT_REMOVED
    wait_until(lambda: all(len(members(node)) == 2 for node in nodes), 10, "it to be gone from the lists")
    for method in ("DELETE", "PUT"):
        answer = change(nodes[0], method, "/" + place["id"], [far] if method == "PUT" else None)
        assert (answer.status, message(answer)) == (410, "Member permanently removed: " + place["id"])
    # A place that nobody takes goes, too, and the one that is left cannot be removed.
    empty = make_place(nodes[0], peer)
    assert change(nodes[1], "DELETE", "/" + empty).status == 204
    assert change(nodes[0], "DELETE", "/" + empty).status == 410
    assert len(members(nodes[0])) == 2


def test_only_who_has_a_place_joins_a_strict_cluster(world):
    first = world.node("first", flags=["-strict-members", "-cluster-sync-interval", "1"])
    first.start()
    assert ask(first.peer, "GET", "/v2/admin/config").json["strictMembers"] is True
    stranger = world.node("stranger", peers=[first.peer])
    stranger.start(wait=False)
    wait_log(stranger, "stands by: no place was made for it")
    assert len(members(first)) == 1
    # As soon as there is one it is in.
    place = make_place(first, stranger.peer)
    wait_until(lambda: (named(first, "stranger") or {}).get("id") == place, 20 * SLOW, "the stranger to join")
    assert len(members(first)) == 2
    # Places are for room that there is, and keep it.
    world.wait_voters([first, stranger])
    assert ask(first.peer, "PUT", "/v2/admin/config", '{"activeSize":3,"strictMembers":false}').status == 200
    kept = make_place(first, "127.0.0.1:9")
    full = change(first, "POST", urls=["http://127.0.0.1:8"])
    assert full.status == 409 and "active size 3" in message(full)
    third = world.node("third", peers=[first.peer])
    third.start(wait=False)
    wait_log(third, "third stands by: the cluster has as many members as it wants")
    assert change(first, "DELETE", "/" + kept).status == 204
    wait_until(lambda: named(first, "third") is not None, 20 * SLOW, "the third one to join")
    for wrong in ('{"strictMembers":1}', '{"strictMembers":"yes"}'):
        answer = ask(first.peer, "PUT", "/v2/admin/config", wrong)
        assert answer.status == 400 and b'"strictMembers" is not true or false' in answer.body


def test_member_changes_may_be_off(world):
    node = world.node(flags=["-member-changes", "off"])
    node.start()
    own = members(node)[0]["id"]
    for method, path in (("POST", ""), ("PUT", "/" + own), ("DELETE", "/" + own)):
        answer = change(node, method, path, ["http://127.0.0.1:9"])
        assert answer.status == 403 and "-member-changes off" in message(answer)
    assert len(members(node)) == 1


class Command:
    def __init__(self, program, nodes):
        self.argv = [program, "--endpoints", ",".join("http://" + node.client for node in nodes)]

    def __call__(self, *command):
        run = subprocess.run(self.argv + list(command), env=dict(os.environ, ETCDCTL_API="2"), stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, timeout=60 * SLOW)
        assert run.returncode == 0, run
        return run.stdout


def programs():
    yield pytest.param(OURS, ["--yes"], id="ours")
    if is_of_the_other_etcd():
        yield pytest.param(ETCDCTL, [], id="debian")


@pytest.mark.parametrize("program, sure", list(programs()))
def test_etcdctl_adds_updates_and_removes(world, program, sure):
    nodes = world.cluster(2)
    etcdctl = Command(program, nodes)
    first, second = "127.0.0.1:%d" % free_port(), "127.0.0.1:%d" % free_port()
    lines = etcdctl("member", "add", "third", "http://" + first).splitlines()
    place = re.fullmatch(r"Added member named third with ID ([0-9a-f]{16}) to cluster", lines[0]).group(1)
    settings = dict(line.split("=", 1) for line in lines[1:] if "=" in line)
    assert settings["ETCD_NAME"] == '"third"' and settings["ETCD_INITIAL_CLUSTER_STATE"] == '"existing"'
    assert sorted(settings["ETCD_INITIAL_CLUSTER"].strip('"').split(",")) == sorted(
        ["%s=http://%s" % (node.name, node.peer) for node in nodes] + ["third=http://" + first])
    assert re.search(r"^%s( *\(place\)|\[unstarted\]: )" % place, etcdctl("member", "list"), re.MULTILINE)
    assert etcdctl("member", "update", place, "http://" + second) == "Updated member with ID %s in cluster\n" % place
    third = world.node("third", peers=[nodes[0].peer], peer=second)
    third.start()
    world.wait_voters(nodes + [third])
    assert re.search("^%s[: ].*third .*http://%s\\b" % (place, second), etcdctl("member", "list"), re.MULTILINE)
    assert "Removed member %s from cluster\n" % place in etcdctl(*sure, "member", "remove", place)
    assert third.process.wait(15 * SLOW) == EXIT_REMOVED
    if etcd is not None:
        host, port = nodes[0].client.split(":")
        client = etcd.Client(host=host, port=int(port))
        leader = world.leader_of(nodes)
        assert client.leader["name"] == leader.name
        assert sorted(member["name"] for member in client.members.values()) == sorted(node.name for node in nodes)
