"""GET /new: a node as the discovery service of clusters that are to begin."""

import re

import pytest

from certificates import Authority
from moothall import ask, wait_until
from test_auth import basic, call, rights, role, user
from wire import Wire

TOKEN = re.compile(r"http://[^/]+/v2/keys(/_etcd/registry/[0-9a-f]{32})")
WEEK = 604800


def new(node, query="?size=3", **more):
    """The key of a fresh token."""
    answer = node.get("/new" + query, **more)
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"].startswith("text/plain")
    return TOKEN.fullmatch(answer.body.decode()).group(1)


def ttl(node, key):
    return node.get("/v2/keys" + key + "?quorum=true").json["node"].get("ttl")


def test_a_token_is_made_with_its_size_and_for_a_week(world):
    node = world.node().start()
    answer = node.get("/new?size=5")
    assert answer.body.decode().startswith("http://%s/v2/keys/_etcd/registry/" % node.client)
    key = TOKEN.fullmatch(answer.body.decode()).group(1)
    assert node.value(key + "/_config/size") == "5"
    assert WEEK - 60 < ttl(node, key) <= WEEK
    # Without a number as discovery.etcd.io; each token is another one.
    other = new(node, "")
    assert node.value(other + "/_config/size") == "3" and other != key
    assert node.value(new(node, "?x=1&size=1&size=7") + "/_config/size") == "1"
    # It is written as any key is: there after all processes were killed.
    node.kill_all()
    node.start()
    assert node.value(key + "/_config/size") == "5" and ttl(node, key) <= WEEK


def test_a_size_that_is_none_is_refused_by_name(world):
    node = world.node().start()
    new(node, "?size=31")
    before = node.get("/v2/keys/").headers["X-Etcd-Index"]
    for bad in ("0", "32", "", "-1", "x", "3x", "+3", "%33", "99999999999999999999", "1" * 5000):
        answer = node.get("/new?size=" + bad)
        assert answer.status == 400, bad
        assert answer.json["errorCode"] == 209
        assert answer.json["cause"] == "size=%s: the number of machines is 1 to 31" % bad[:32]
    for method in ("HEAD", "PUT", "POST", "DELETE"):
        answer = ask(node.client, method, "/new?size=3")
        assert answer.status == 405 and "GET" in answer.headers["Allow"]
    assert ask(node.peer, "GET", "/new").status == 404
    # A page of somebody's can make a browser ask: no token is made.
    for header in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert node.get("/new", headers=header).status == 403
    assert node.get("/v2/keys/").headers["X-Etcd-Index"] == before


def test_the_name_in_the_url_is_the_one_that_was_asked(world):
    authority = Authority(world.folder)
    pair = authority.issue("machine")
    node = world.node(flags=pair.flags("", authority) + ["-host-names", "store.example"],
                      tls=authority.context(pair))
    node.start()

    def url(host):
        with Wire(node.client, tls=node.tls) as wire:
            line = "" if host is None else "Host: %s\r\n" % host
            wire.send(("GET /new HTTP/1.%d\r\n%s\r\n" % (host is not None, line)).encode())
            return wire.answer()
    answer = url("store.example:2379")
    assert answer.body.decode().startswith("https://store.example:2379/v2/keys/_etcd/registry/")
    assert url("evil.example").status == 421
    # Nobody said: as -addr tells it.
    for host in (None, ""):
        assert url(host).body.decode().startswith("https://%s/v2/keys/_etcd" % node.client)


@pytest.mark.parametrize("form", ["v2", "v1", "order"])
def test_a_token_that_a_machine_uses_stays(world, form):
    node = world.node().start()
    key = new(node)
    # What belongs to the token itself is no use of it.
    node.put(key + "/_config/size", "4")
    assert ttl(node, key) is not None
    after = int(node.get("/v2/keys" + key).headers["X-Etcd-Index"]) + 1
    path, method = {"v2": ("/v2/keys%s/1?prevExist=false" % key, "PUT"), "v1": ("/v1/keys%s/1" % key, "PUT"),
                    "order": ("/v2/keys" + key, "POST")}[form]
    if form == "order":
        path += "/machines"
    answer = ask(node.client, method, path, {"value": "n1=http://127.0.0.1:1"})
    assert answer.status in (200, 201)
    assert ttl(node, key) is None
    # Who waits for machines sees the machine, and not that its directory stays.
    event = node.get("/v2/keys%s?wait=true&recursive=true&waitIndex=%d" % (key, after)).json
    assert event["node"]["value"] == "n1=http://127.0.0.1:1", event
    node.kill_all()
    node.start()
    assert ttl(node, key) is None
    # One that nobody made by /new is written to as ever.
    assert node.put("/_etcd/registry/my-token/n1", "x").status == 201
    assert node.put("/_etcd/registry/%s/n1" % ("0" * 32), "x").status == 201
    assert node.put("/_etcd/registry/%s/n1" % ("0" * 32), "y").status == 200


def test_with_users_who_may_write_the_key_may_make_a_token(world):
    node = world.node().start()
    user(node, "root", password="p")
    assert call(node, "PUT", "/v2/auth/enable").status == 200
    # Below /_etcd only root may, whatever a pattern says.
    role(node, "all", "root:p", permissions=rights(write=["/*"]))
    user(node, "ann", "root:p", password="p", roles=["all"])
    wait_until(lambda: node.get("/new").status == 401, 10, "guests to be refused")
    for who in (None, "ann:p", "root:wrong", "nobody:p"):
        answer = call(node, "GET", "/new", who=who)
        assert answer.status == 401 and answer.json["errorCode"] == 110, who
    key = new(node, headers=basic("root:p"))
    path = "/v2/keys%s/1" % key
    assert ask(node.client, "PUT", path, {"value": "n=u"}, headers=basic("ann:p")).status == 401
    assert ask(node.client, "PUT", path, {"value": "n=u"}, headers=basic("root:p")).status == 201
    answer = ask(node.client, "GET", "/v2/keys" + key, headers=basic("root:p"))
    assert "ttl" not in answer.json["node"]


def test_a_follower_makes_tokens_and_without_a_majority_none_is_told(world):
    nodes = [world.node("m1").start()]
    for name in ("m2", "m3"):
        nodes.append(world.node(name, peers=[nodes[0].peer]).start())
    world.wait_voters(nodes)
    key = new(nodes[2])
    assert nodes[0].value(key + "/_config/size") == "3"
    for node in nodes[:2]:
        node.kill_all()
    answer = nodes[2].get("/new", timeout=20)
    assert answer.status == 500 and answer.json["errorCode"] in (300, 301)
