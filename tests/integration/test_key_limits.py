"""How many names and bytes a key may have: refused where a client hears it at once,
for what can make a node and nothing else, and the same on every node of a cluster."""

import json

import pytest

from moothall import ask, held_bytes, wait_until

NAMES = "the key has %d names, more than %d (maxKeyNames)"
BYTES = "the key has %d bytes, more than %d (maxKeyBytes)"


def key(names, size=None):
    """A key of that many names and, if given, bytes."""
    text = "/a" * names
    return text if size is None else text + "a" * (size - len(text))


def configure(node, **values):
    answer = ask(node.peer, "PUT", "/v2/admin/config", json.dumps(values))
    assert answer.status == 200, answer
    return answer.json


def refused(answer, cause):
    assert answer.status == 400, answer
    assert answer.json["errorCode"] == 210, answer
    assert answer.json["message"] == "Invalid POST form"
    assert answer.json["cause"] == cause
    assert answer.headers["X-Etcd-Index"] == str(answer.json["index"])


def put(node, path, form="value=1", query=""):
    return ask(node.client, "PUT", "/v2/keys" + path + query, form)


def post(node, path):
    return ask(node.client, "POST", "/v2/keys" + path, "value=1")


def test_a_key_at_a_limit_is_made_and_one_above_is_refused(world):
    node = world.node().start()
    index = put(node, "/first").json["node"]["createdIndex"]
    for names, size in [(129, None), (600, 1500), (1024, None)]:
        wanted = NAMES % (names, 128)
        refused(put(node, key(names, size)), wanted)
        refused(put(node, key(names, size), "dir=true"), wanted)
        refused(put(node, key(names, size), "value=1&prevExist=false"), wanted)
        refused(post(node, key(names - 1, size and size - 21)), wanted)
    refused(put(node, key(2, 16385)), BYTES % (16385, 16384))
    refused(post(node, key(2, 16364)), BYTES % (16385, 16384))
    # An escape is one byte of the key, and slashes too many are none.
    refused(put(node, "/" + "%20" * 16384), BYTES % (16385, 16384))
    assert put(node, "/" + "%20" * 16383).status == 201
    assert put(node, key(128, 16384)).status == 201
    assert put(node, key(128, 16384), "ttl=100", "?refresh=true&prevExist=true").status == 200
    assert post(node, key(127, 16384 - 21)).status == 201
    assert put(node, key(127) + "/b", "dir=true").status == 201
    # What makes nothing is answered by what is there, up to the maximum.
    deep, long = key(1024), key(2, 49152)
    for path in (deep, long):
        assert node.get("/v2/keys" + path).status == 404
        assert node.get("/v2/keys" + path + "?quorum=true&recursive=true").status == 404
        assert node.delete(path).status == 404
        assert put(node, path, "value=1&prevExist=true").status == 404
        assert put(node, path, "value=1&prevValue=2").status == 404
    for path, cause in ((key(1025), "the key has 1025 names, more than 1024"),
                        (key(2, 49153), "the key has 49153 bytes, more than 49152")):
        for query in ("", "?quorum=true", "?wait=true", "?wait=true&stream=true&recursive=true&waitIndex=1"):
            refused(node.get("/v2/keys" + path + query), cause)
        refused(node.delete(path), cause)
        refused(put(node, path, "value=1&prevExist=true"), cause)
        refused(put(node, path, "value=1&prevIndex=7"), cause)
    assert put(node, "/last").json["node"]["createdIndex"] == index + 6


def test_limits_are_options_of_the_founder_and_can_be_changed(world):
    founder = world.node("machine1", flags=["-max-key-names", "3", "-max-key-bytes", "1K"]).start()
    nodes = [founder] + [world.node("machine%d" % i, peers=[founder.peer]).start() for i in (2, 3)]
    world.wait_voters(nodes)
    for node in nodes:
        refused(put(node, "/a/b/c/d"), NAMES % (4, 3))
        refused(put(node, key(1, 1025)), BYTES % (1025, 1024))
        assert put(node, "/a/b/c").status in (200, 201)
    follower = next(n for n in nodes if n is not world.leader_of(nodes))
    configure(follower, maxKeyNames=1024, maxKeyBytes=49152)
    deep = key(1024, 49152)
    for node in nodes:
        wait_until(lambda: put(node, deep).status in (200, 201), 5, "%s to know" % node.name)
    # Lowered below what there is: it stays, and can be removed, but is not made again.
    configure(follower, maxKeyNames=2, maxKeyBytes=1024)
    for node in nodes:
        wait_until(lambda: put(node, deep).status == 400, 5, "%s to know" % node.name)
        assert node.get("/v2/keys" + deep).status == 200
        refused(put(node, deep), BYTES % (49152, 1024))
        refused(post(node, "/a/b"), NAMES % (3, 2))
    assert put(follower, deep, "value=2&prevValue=1").status == 200
    assert ask(follower.client, "PUT", "/v2/keys" + deep, "ttl=100&refresh=true&prevExist=true").status == 200
    # A member that comes is written down all the same, and knows the limits.
    fourth = world.node("machine4", peers=[founder.peer]).start()
    world.wait_voters(nodes + [fourth])
    assert fourth.get("/v2/keys/_etcd/machines/machine4").status == 200
    refused(post(fourth, "/a/b"), NAMES % (3, 2))
    for node in nodes + [fourth]:
        node.stop()
    for node in nodes + [fourth]:
        node.start(wait=False)
    for node in nodes + [fourth]:
        node.wait_ready()
    wait_until(lambda: put(fourth, "/x").status in (200, 201), 10, "a leader")
    refused(put(fourth, "/a/b/c"), NAMES % (3, 2))
    assert fourth.delete(deep).status == 200


@pytest.mark.parametrize("path", ["/v2/keys", "/v2/keys/", "//v2//keys//"])
def test_the_root_has_no_name(world, path):
    node = world.node(flags=["-max-key-names", "1", "-max-key-bytes", "1K"]).start()
    answer = ask(node.client, "POST", path, "value=1")
    assert answer.status in (201, 301), answer
    assert put(node, "/a").status == 201
    refused(post(node, "/a"), NAMES % (2, 1))


def test_what_a_deep_key_costs_grows_with_its_length(world):
    """As many names as a request could hold before there were limits: no memory, and no time of others."""
    node = world.node().start()
    for _ in range(8):
        answer = put(node, "/a" * 32000)
        refused(answer, "the key has 64000 bytes, more than 16384 (maxKeyBytes)")
    configure(node, maxKeyNames=1024, maxKeyBytes=49152)
    for i in range(50):
        assert put(node, "/%d" % i + key(1023, 49000 - len("/%d" % i))).status == 201
    held = held_bytes(node.pid_of("raftd"))
    assert held < 200 << 20, "%d KiB" % (held >> 10)
