"""Members that are reached at several URLs: registered, listed, and tried in turn."""

import urllib.parse

from moothall import ask, free_port, wait_until
from test_listen import listening, urls
from together import members, wait_whole


def address(host="127.0.0.1"):
    return "%s:%d" % (host, free_port())


def registry(node, name):
    value = ask(node.client, "GET", "/v2/keys/_etcd/machines/" + name).json["node"]["value"]
    return {k: v[0].split(",") for k, v in urllib.parse.parse_qs(value).items()}


def http_urls(items):
    return ["http://" + item for item in items]


def reached(world, name, clients, peers, more=()):
    """A node that listens at the last of its addresses only: the others lead nowhere."""
    node = listening(world, clients[-1:], peers[-1:], name)
    whole = ["--advertise-client-urls", urls(clients), "--initial-advertise-peer-urls", urls(peers)]
    before = node.argv
    node.argv = lambda: before() + whole + list(more)
    return node


def test_a_node_alone_is_listed_with_all_its_urls(world):
    clients, peers = [address(), address()], [address(), address()]
    node = reached(world, "n1", clients, peers).start()
    assert members(node)["n1"][1:] == (http_urls(peers), http_urls(clients))
    assert registry(node, "n1") == {"raft": http_urls(peers), "etcd": http_urls(clients)}
    assert node.get("/v2/machines").body.decode() == ", ".join(http_urls(clients))
    # Where one is told, it is the first.
    assert node.get("/v2/leader").body.decode() == "http://" + peers[0]
    assert ask(node.peer, "GET", "/etcdURL").body.decode() == "http://" + clients[0]
    machine = ask(node.peer, "GET", "/v2/admin/machines").json[0]
    assert (machine["clientURL"], machine["peerURL"]) == ("http://" + clients[0], "http://" + peers[0])
    assert ("the client port is http://%s\n" % clients[0]).encode() in ask(node.peer, "GET", "/v2/keys/a").body + b"\n"
    shown = node.control("status").stdout
    assert ",".join(http_urls(peers)) in shown and ",".join(http_urls(clients)) in shown
    # Another list after a restart is registered.
    node.stop()
    node = reached(world, "n1", clients[1:], [peers[1]], ["--advertise-client-urls", urls(clients[::-1])])
    node.start()
    wait_until(lambda: members(node)["n1"][1:] == (http_urls(peers[1:]), http_urls(clients[::-1])), 10,
               "the new addresses")


def test_a_static_start_with_two_urls_each(world):
    """The first of each leads nowhere, in whatever order; all find one another by the second."""
    named = {"n%d" % i: [address("127.0.0.1"), address("127.0.0.9")] for i in (1, 2, 3)}
    whole = ",".join("%s=http://%s" % (name, peer) for name, both in named.items() for peer in both)
    clients = {name: [address()] for name in named}
    nodes = [reached(world, name, clients[name], both, ["--initial-cluster", whole])
             for name, both in named.items()]
    for node in nodes:
        node.start(wait=False)
    for node in nodes:
        node.wait_ready(30)
    found = wait_whole(nodes)
    for name, both in named.items():
        assert sorted(found[name][1]) == sorted(http_urls(both))
    assert nodes[0].put("/a", "b").status == 201
    assert [node.value("/a") for node in nodes] == ["b"] * 3
    # One that was away comes back.
    nodes[2].kill_all()
    nodes[2].start(wait=False)
    nodes[2].wait_ready(30)
    assert nodes[2].value("/a") == "b"


def test_who_joins_is_listed_with_all_its_urls(world):
    first = world.node("n1").start()
    clients, peers = [address(), address()], [address("127.0.0.9"), address()]
    # It asks by the first of its URLs, which has to be the one that it is found at until it is a member.
    second = reached(world, "n2", clients, peers[::-1], ["-peers", first.peer, "--listen-peer-urls",
                                                         urls(peers[1:])]).start()
    wait_until(lambda: members(first)["n2"][1:] == (http_urls(peers[::-1]), http_urls(clients)), 10, "all its URLs")
    assert second.put("/a", "b").status == 201 and first.value("/a") == "b"
    # Nobody else may have one of them.
    third = world.node("n3", peer=peers[1], flags=["-peer-bind-addr", address(), "-peers", first.peer])
    third.start(wait=False)
    assert third.process.wait(20) == 2
    assert "http://" + peers[1] in third.log()


def test_a_static_start_whose_own_urls_are_others_is_refused(world):
    peers = [address(), address()]
    node = reached(world, "n1", [address()], peers, ["--initial-cluster", "n1=http://" + peers[0]])
    node.start(wait=False)
    assert node.process.wait(20) == 2
    assert "give both the same" in node.log()
    # In another order they are the same.
    other = reached(world, "n2", [address()], peers,
                    ["--initial-cluster", ",".join("n2=http://" + peer for peer in reversed(peers))])
    other.start()
    assert sorted(members(other)["n2"][1]) == sorted(http_urls(peers))
