"""Machines that begin a cluster together, through a token of a discovery service that says of how many.

The protocol of etcd 2: the service is one of ours, or Debian's etcd; and Debian's etcd meets through ours.
"""

import http.client
import json
import os
import re
import shutil
import subprocess
import time

import pytest

from moothall import ask, free_port, start_together, wait_log, wait_until
from test_discovery import Service
from together import members, wait_whole

GO_ETCD = os.environ.get("MOOTHALL_GO_ETCD", "/usr/bin/etcd")
REGISTRY = "/v2/keys/_etcd/registry/"


def new_token(guide, size):
    url = guide.get("/new?size=%d" % size).body.decode()
    return url, url.partition("/v2/keys")[2]


def entries(guide, key):
    """id -> value, in the order in which they were made."""
    nodes = guide.get("/v2/keys%s?quorum=true" % key).json["node"].get("nodes", [])
    return {n["key"].rpartition("/")[2]: n["value"] for n in sorted(nodes, key=lambda n: n["createdIndex"])}


def node_of(world, url, name="n1", *more):
    return world.node(name, flags=["-discovery", url, "-retry-interval", "0.2", *more])


def nodes_of(world, url, count, *more):
    return [node_of(world, url, "n%d" % (i + 1), *more) for i in range(count)]


def wait_entered(guide, key, count):
    return wait_until(lambda: len(entries(guide, key)) == count and entries(guide, key), 15, "%d entries" % count)


def test_three_machines_begin_together_and_no_other_does(world):
    guide = world.node("guide").start()
    url, key = new_token(guide, 3)
    nodes = nodes_of(world, url, 3)
    nodes[0].start(wait=False)
    wait_log(nodes[0], "waits for other machines: token=%s there=1 of=3" % key.rpartition("/")[2][:8])
    nodes[1].start(wait=False)
    wait_log(nodes[0], "there=2 of=3")
    assert nodes[0].get("/v2/keys/").status == 500
    nodes[2].start(wait=False)
    for node in nodes:
        node.wait_ready()
    known = wait_whole(nodes)
    # Their ids are what they have told of themselves, and that is all there is to the cluster.
    told = entries(guide, key)
    assert {known[n.name][0]: "%s=%s" % (n.name, n.peer_url()) for n in nodes} == told
    assert len({n.status()["clusterId"] for n in nodes}) == 1
    world.wait_voters(nodes)
    assert nodes[1].put("/foo", "bar").status == 201
    assert "ttl" not in guide.get("/v2/keys" + key).json["node"]
    # The token is not told whole.
    assert all(key.rpartition("/")[2] not in n.log() for n in nodes)
    # They come back by themselves, and nothing is written to the service.
    for node in nodes:
        node.kill_all()
    before = guide.get("/v2/keys/").headers["X-Etcd-Index"]
    start_together(nodes)
    assert wait_whole(nodes) == known
    assert guide.get("/v2/keys/").headers["X-Etcd-Index"] == before
    guide.kill_all()
    for node in nodes:
        node.kill_all()
    start_together(nodes)
    wait_until(lambda: nodes[2].value("/foo") == "bar", 15, "what was written")
    wait_log(nodes[0], "discovery failed: size at http://%s/v2/keys/_etcd/registry/" % guide.client)


def test_a_token_for_one_begins_with_one(world):
    guide = world.node("guide").start()
    url, key = new_token(guide, 1)
    node = node_of(world, url).start()
    assert entries(guide, key) == {node.status()["id"]: "n1=" + node.peer_url()}
    assert node.put("/foo", "bar").status == 201


@pytest.mark.parametrize("what", ["all", "raftd", "peer"])
def test_who_dies_while_it_waits_comes_back_as_the_same(world, what):
    guide = world.node("guide").start()
    url, key = new_token(guide, 2)
    first, second = nodes_of(world, url, 2)
    first.start(wait=False)
    told = wait_entered(guide, key, 1)
    wait_log(first, "there=1 of=2")
    if what == "all":
        first.kill_all()
        first.start(wait=False)
    else:
        first.kill(what)
    second.start(wait=False)
    first.wait_ready()
    second.wait_ready()
    wait_whole([first, second])
    assert len(entries(guide, key)) == 2 and set(told) < set(entries(guide, key))
    assert first.status()["id"] in told


def test_one_that_comes_late_joins_and_stands_by_without_room(world):
    guide = world.node("guide").start()
    url, key = new_token(guide, 3)
    nodes = nodes_of(world, url, 3, "-cluster-active-size", "4")
    start_together(nodes)
    wait_whole(nodes)
    late = node_of(world, url, "late").start()
    wait_log(late, "late is not among the first 3 machines of the token, and joins the cluster")
    world.wait_voters(nodes + [late])
    # It takes no place, nor does one that finds the cluster full.
    later = node_of(world, url, "later")
    later.start(wait=False)
    wait_log(later, "later stands by: the cluster has as many members as it wants")
    assert sorted(entries(guide, key).values()) == ["%s=%s" % (n.name, n.peer_url()) for n in nodes]
    # One that lost its data is another node, which takes its name over.
    nodes[2].kill_all()
    shutil.rmtree(nodes[2].directory)
    ids = members(nodes[0])
    nodes[2].start(timeout=30)
    wait_until(lambda: members(nodes[0]).get("n3", ids["n3"])[0] != ids["n3"][0], 20, "another n3")
    assert nodes[0].put("/foo", "bar").status == 201


def test_a_full_token_of_nobody_that_can_be_reached_ends_the_start(world):
    guide = world.node("guide").start()
    url, key = new_token(guide, 1)
    assert guide.put(key + "/1234", "gone=http://127.0.0.1:1").status == 201
    node = node_of(world, url, "n1", "-max-retry-attempts", "2")
    node.start(wait=False)
    assert node.process.wait(20) == 1
    token = key.rpartition("/")[2]
    assert ("after 2 retries (127.0.0.1:1: connection refused); http://%s%s%s... is for 1 machines, and others "
            "have all places: see that they run and can be reached, or take a new token"
            % (guide.client, REGISTRY, token[:8])) in node.log(), node.log()
    assert token not in node.log()


def test_a_machine_that_has_moved_does_not_take_two_places(world):
    guide = world.node("guide").start()
    url, key = new_token(guide, 2)
    node = node_of(world, url)
    node.start(wait=False)
    told = wait_entered(guide, key, 1)
    node.kill_all()
    old, node.peer = node.peer, "127.0.0.1:%d" % free_port()
    node.start(wait=False)
    assert node.process.wait(20) == 1
    assert "this node is there as n1=http://%s; start it with that name and address, or take a new token" % old \
        in node.log()
    assert entries(guide, key) == told
    # The same name of two machines is of no use either.
    node.peer = old
    other = node_of(world, url, "n1x")
    other.name = "n1"
    for one in (node, other):
        one.start(wait=False)
    for one in (node, other):
        assert one.process.wait(20) == 1
        assert "n1 is there twice; each node has one peer address" in one.log()


@pytest.mark.parametrize("size, words", [
    ("0", '_config/size of the token is not 1 to 31: "0"'),
    ("32", '_config/size of the token is not 1 to 31: "32"'),
    ("three", '_config/size of the token is not 1 to 31: "three"'),
    ("10", "the token is for 10 machines, and -cluster-active-size is 9; give all of them a larger one"),
])
def test_a_size_that_is_none_takes_no_place(world, size, words):
    guide = world.node("guide").start()
    assert guide.put("/_etcd/registry/t/_config/size", size).status == 201
    node = node_of(world, "http://%s%st" % (guide.client, REGISTRY))
    node.start(wait=False)
    assert node.process.wait(20) == 1
    assert "(size at http://%s%st: %s); see that -discovery is right" % (guide.client, REGISTRY, words) in node.log()
    assert guide.get(REGISTRY + "t").json["node"].get("nodes", []) == []


def test_as_many_as_may_be(world):
    guide = world.node("guide").start()
    url, _ = new_token(guide, 31)
    node = node_of(world, url, "n1", "-cluster-active-size", "31")
    node.start(wait=False)
    wait_log(node, "there=1 of=31")


def test_what_is_no_entry_of_a_machine_is_told(world):
    guide = world.node("guide").start()
    url, key = new_token(guide, 2)
    assert guide.put(key + "/machine1", "http://127.0.0.1:1").status == 201
    node = node_of(world, url)
    node.start(wait=False)
    assert node.process.wait(20) == 1
    assert 'a key of the token is not ID with a value NAME=PEER_URL; remove it, or take another token: "machine1"' \
        in node.log()
    # Who waits already goes on once it is removed.
    guide.delete(key + "/machine1")
    node.start(wait=False)
    wait_log(node, "there=1 of=2")
    assert guide.put(key + "/0", "x").status == 201
    wait_log(node, "discovery failed, is tried again: listing at ")
    guide.delete(key + "/0")
    second = node_of(world, url, "n2")
    second.start(wait=False)
    node.wait_ready(20)
    wait_whole([node, second])


def test_a_service_that_goes_and_comes_back_is_waited_for(world):
    guide = world.node("guide").start()
    url, key = new_token(guide, 2)
    first, second = nodes_of(world, url, 2)
    first.start(wait=False)
    wait_log(first, "there=1 of=2")
    guide.kill_all()
    wait_log(first, "discovery failed, is tried again: ")
    assert first.process.poll() is None
    guide.start()
    second.start(wait=False)
    first.wait_ready(40)
    wait_whole([first, second])


def test_a_service_that_does_not_wait_is_not_asked_on_and_on(world):
    """It answers a long poll at once, as one behind a cache may: the list is read a few times a second."""
    service = Service()
    serve = service.serve

    def serve_at_once(method, path, body):
        if "wait=true" in path:
            return 200, {}, json.dumps({"action": "set", "node": {"key": "/t/x", "value": "y"}})
        status, more, text = serve(method, path, body)
        return status, dict(more, **{"X-Etcd-Index": "7"}), text

    def waited():
        return sum("wait=true" in request[1] for request in list(service.requests))

    service.keys["/t/_config/size"] = "2"
    service.serve = serve_at_once
    try:
        node = node_of(world, "http://%s/t" % service.address)
        node.start(wait=False)
        wait_until(lambda: waited() > 2, 10, "the first long polls")
        before, begun = waited(), time.monotonic()
        wait_until(lambda: waited() >= before + 10, 20, "more of them")
        assert time.monotonic() - begun >= 10 * 0.1 * 0.8
        assert node.process.poll() is None
    finally:
        service.close()


def test_redirects_lead_through_all_of_it(world):
    """A service that only says where another one is; the other one is asked with the same words."""
    guide = world.node("guide").start()
    _, key = new_token(guide, 2)
    service = Service()
    try:
        service.answer = lambda method, path, body: (
            307, {"Location": "http://%s%s" % (guide.client, path)}, "")
        nodes = nodes_of(world, "http://%s/v2/keys%s" % (service.address, key), 2)
        nodes[0].start(wait=False)
        wait_until(lambda: any("wait=true" in r[1] for r in service.requests), 15, "a long poll")
        nodes[1].start(wait=False)
        for node in nodes:
            node.wait_ready()
        wait_whole(nodes)
        asked = [(method, path.partition("?")[2]) for method, path, _, _ in service.requests]
        assert ("PUT", "prevExist=false") in asked
        assert any(re.fullmatch(r"wait=true&recursive=true&waitIndex=\d+", query) for _, query in asked)
    finally:
        service.close()


def test_an_answer_that_was_lost_takes_one_place(world):
    """The key was written, and nobody heard of it: the next try finds it there."""
    service, lost = Service(), []

    def answer(method, path, body):
        if method == "PUT" and not lost:
            lost.append(path)
            service.cut = 1
        return None
    service.keys["/t/_config/size"] = "1"
    service.answer = answer
    try:
        node = node_of(world, "http://%s/t" % service.address).start()
        written = [r for r in service.requests if r[0] == "PUT"]
        assert len(written) == 2 and written[0] == written[1]
        assert node.state() == "leader"
    finally:
        service.close()


def test_a_member_takes_no_place_of_another_token(world):
    service = Service()
    try:
        service.keys["/t/_config/size"] = "1"
        node = world.node("n1").start()
        node.stop()
        node.flags = ["-discovery", "http://%s/t" % service.address]
        node.start()
        wait_until(lambda: len(service.requests) == 1, 10, "the question for the size")
        node.kill("peer")
        wait_until(lambda: len(service.requests) > 1, 10, "that of the next worker")
        assert {(r[0], r[1]) for r in service.requests} == {("GET", "/t/_config/size")}
    finally:
        service.close()


# ---- Debian's etcd ------------------------------------------------------------------------


class GoEtcd:
    """One of them, and what it says."""

    def __init__(self, folder, name, *flags):
        self.client, self.peer = "127.0.0.1:%d" % free_port(), "127.0.0.1:%d" % free_port()
        self.name, self.log_path = name, os.path.join(folder, name + ".go.log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [GO_ETCD, "--name", name, "--data-dir", os.path.join(folder, name + ".go"), "--enable-v2",
                 "--listen-client-urls", "http://" + self.client, "--advertise-client-urls", "http://" + self.client,
                 "--listen-peer-urls", "http://" + self.peer, "--initial-advertise-peer-urls", "http://" + self.peer,
                 *flags], stdout=log, stderr=log)

    def serves(self):
        try:
            return ask(self.client, "PUT", "/v2/keys/x", {"value": "y"}, timeout=3).status in (200, 201)
        except (OSError, http.client.HTTPException):
            return False

    def wait(self):
        def served():
            if self.process.poll() is not None:
                with open(self.log_path, errors="replace") as log:
                    raise AssertionError(log.read())
            return self.serves()
        wait_until(served, 20, "etcd to serve")
        return self

    def end(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def go_etcd(world):
    if not os.access(GO_ETCD, os.X_OK):
        pytest.skip("no %s here, nor where MOOTHALL_GO_ETCD says" % GO_ETCD)
    started = []

    def start(name, *flags):
        started.append(GoEtcd(world.folder, name, *flags))
        return started[-1]
    yield start
    for one in started:
        one.end()


def test_three_etcd_of_debian_meet_through_a_node_of_ours(world, go_etcd):
    guide = world.node("guide").start()
    url, key = new_token(guide, 3)
    three = [go_etcd("d%d" % i, "--discovery", url) for i in range(3)]
    for one in three:
        one.wait()
    listed = ask(three[0].client, "GET", "/v2/members").json["members"]
    assert sorted(m["name"] for m in listed) == ["d0", "d1", "d2"]
    assert sorted(entries(guide, key).values()) == ["d%d=http://%s" % (i, three[i].peer) for i in range(3)]
    assert "ttl" not in guide.get("/v2/keys" + key).json["node"]


def test_three_of_ours_meet_through_an_etcd_of_debian(world, go_etcd):
    guide = go_etcd("guide").wait()
    assert ask(guide.client, "PUT", REGISTRY + "abcdefghijk/_config/size", {"value": "3"}).status == 201
    nodes = nodes_of(world, "http://%s%sabcdefghijk" % (guide.client, REGISTRY), 3)
    for node in nodes:
        node.start(wait=False)
    for node in nodes:
        node.wait_ready()
    wait_whole(nodes)
    world.wait_voters(nodes)
    assert "token=abcdefgh " in nodes[0].log() and "abcdefghi" not in nodes[0].log()
