"""-host-names: by which names a request may call a node; and that no page changes members."""

import subprocess

import pytest

from certificates import Authority
from moothall import ETCD, ask, wait_until
from prometheus import scrape
from wire import Wire, request

PORTS = ["client", "peer"]
WRITES = ["PUT", "POST", "DELETE", "PATCH"]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    authority = Authority(str(tmp_path_factory.mktemp("certificates")))
    pair = authority.issue("machine")
    return pair.flags("", authority) + pair.flags("peer-", authority), authority.context(pair)


@pytest.fixture(params=["plain", "tls"])
def layer(request, pair):
    """(flags of a node, context to talk with)"""
    return ([], None) if request.param == "plain" else pair


def address_of(node, port):
    return node.client if port == "client" else node.peer


def called(node, port, host, target="/version", method="GET"):
    """The answer to a request with that header line Host; None: without one, by HTTP/1.0."""
    with Wire(address_of(node, port), tls=node.tls) as wire:
        version, line = ("1.0", "") if host is None else ("1.1", "Host: %s\r\n" % host)
        wire.send(("%s %s HTTP/%s\r\n%s\r\n" % (method, target, version, line)).encode())
        return wire.answer()


@pytest.mark.parametrize("port", PORTS)
def test_without_the_option_any_name_is_served(world, layer, port):
    flags, tls = layer
    node = world.node(flags=flags + ["-workers", "1"], tls=tls, peer_tls=tls).start()
    for host in ("evil.example", "evil.example:80", "[::1]:1", "", None, "a_b"):
        assert called(node, port, host).status == 200, host


@pytest.mark.parametrize("port", PORTS)
def test_names_of_others_are_refused_on_both_ports(world, layer, port):
    flags, tls = layer
    node = world.node(flags=flags + ["-workers", "1", "-host-names", "one.example, TWO"], tls=tls, peer_tls=tls).start()
    address = address_of(node, port)
    for host in ("one.example", "ONE.example:4001", "one.example.", "two", "localhost:1", "127.0.0.1", address,
                 "[::1]:4001", "10.9.8.7:1", "", None):
        assert called(node, port, host).status == 200, host
    path = "/v2/keys/a" if port == "client" else "/v2/admin/machines/machine1"
    refused = 0
    for host in ("evil.example", "evil.example:4001", "one.example.evil", "xone.example", "127.0.0.1.evil", "2130706433"):
        for method, target in (("GET", "/version"), ("GET", "/none"), ("DELETE", path), ("OPTIONS", "/version"),
                               ("BREW", "/"), ("GET", "//a")):
            answer = called(node, port, host, target, method)
            assert answer.status == 421, (host, answer)
            refused += 1
            assert answer.body.decode() == "\"%s\" is not a name of this node: -host-names lists those it has\n" % host
            assert answer.get("Content-Type") == "text/plain; charset=utf-8"
    # The host of a whole URL counts, too: both have to be ours.
    for target, host, status in (("http://one.example/version", "one.example", 200),
                                 ("http://127.0.0.1:4001/version", "x", 421),
                                 ("http://evil.example/version", "one.example", 421),
                                 ("http://evil.example:80?a", "localhost", 421),
                                 ("http://LOCALHOST:7/version", "localhost", 200)):
        assert called(node, port, host, target).status == status, (target, host)
        refused += status == 421
    # The connection goes on, as after any other answer.
    with Wire(address, tls=tls) as wire:
        wire.send(request("GET", "/version"), b"GET /version HTTP/1.1\r\nHost: two\r\n\r\n")
        assert (wire.answer().status, wire.answer().status) == (421, 200)
    assert ask(node.peer, "GET", "/v2/admin/machines", tls=tls).json[0]["name"] == "machine1"
    assert scrape(node.client, tls=tls).get("etcd_http_rejected_total", reason="host") == refused + 1


@pytest.mark.parametrize("port", PORTS)
def test_a_host_that_is_none_is_no_request(world, layer, port):
    flags, tls = layer
    node = world.node(flags=flags + ["-workers", "1"], tls=tls, peer_tls=tls).start()
    for host in ("a b", "a/b", "a:b", "u@a", "[::1", "::1", "a%", "a,b c"):
        answer = called(node, port, host)
        assert answer.status == 400 and answer.get("Connection") == "close", (host, answer)
    assert called(node, port, "a", "http://a:b/version").status == 400
    assert called(node, port, "a").status == 200


def test_the_advertised_names_are_its_own_and_the_cluster_works(world):
    first = world.node(flags=["-host-names", "one.example"])
    port, peer_port = (address.rsplit(":", 1)[1] for address in (first.client, first.peer))
    first.flags += ["-bind-addr", first.client, "-peer-bind-addr", first.peer]
    first.argv, plain = (lambda: plain() + ["-addr", "LocalHost:" + port, "-peer-addr", "localhost:" + peer_port]), first.argv
    first.start()
    second = world.node("machine2", peers=["localhost:" + peer_port], flags=["-host-names", "one.example"]).start()
    world.wait_voters([first, second])
    assert second.put("/a", "1").status == 201 and first.value("/a") == "1"
    for address in (first.client, first.peer):
        assert ask(address, "GET", "/version", headers={"Host": "machine1"}).status == 421


@pytest.mark.parametrize("source", ["one.example:4001", "*.example", "one example", "[::1]", "http://one"])
def test_what_is_no_name_is_refused_at_the_start_and_by_the_check(world, source):
    for flags in (["-check-config"], []):
        done = subprocess.run([ETCD, "-data-dir", world.folder + "/x", "-host-names", "good,%s" % source] + flags,
                              capture_output=True, text=True, timeout=20)
        assert done.returncode == 2
        assert '-host-names: "%s" is not the name of a host' % source in done.stderr, done.stderr


def test_a_new_list_counts_without_a_restart(world):
    path = world.folder + "/etcd.conf"

    def configure(line):
        with open(path, "w") as file:
            file.write("[server]\n%s\n" % line)
    configure('host_names = ["one"]')
    node = world.node(flags=["-config", path]).start()
    pids = node.pids()

    def taken(host, status):
        # Each worker takes it over by itself.
        return all(called(node, port, host).status == status for port in PORTS for _ in range(8))
    assert taken("one", 200) and taken("two", 421)
    configure('host_names = ["two"]')
    assert "changed: -host-names" in node.control("reload").stdout
    wait_until(lambda: taken("two", 200) and taken("one", 421), 10, "the new list")
    configure("")
    node.control("reload")
    wait_until(lambda: taken("one", 200), 10, "no list")
    assert node.pids() == pids


def test_no_page_changes_anything_at_the_peer_port(world, layer):
    flags, tls = layer
    node = world.node(flags=flags + ["-workers", "1", "-cors", "*"], tls=tls, peer_tls=tls).start()
    before = ask(node.peer, "GET", "/v2/admin/config", tls=tls).body
    count = 0
    for origin in ("http://evil.example", "null", "http://" + node.peer, ""):
        for method in WRITES:
            for path in ("/v2/admin/config", "/v2/admin/machines/machine1", "/remove/machine1", "/join", "/vote", "/none"):
                answer = ask(node.peer, method, path, form='{"activeSize":3}', headers={"Origin": origin}, tls=tls)
                assert answer.status == 403, (origin, method, path, answer)
                assert answer.body == b"the peer port takes no changes from web pages (header Origin)\n"
                count += 1
        assert ask(node.peer, "GET", "/v2/admin/machines", headers={"Origin": origin}, tls=tls).status == 200
    assert ask(node.peer, "GET", "/v2/admin/config", tls=tls).body == before
    assert scrape(node.client, tls=tls).get("etcd_http_rejected_total", reason="origin") == count
    # Who is no page goes on; and the client port has its own rules.
    assert ask(node.peer, "PUT", "/v2/admin/config", form='{"activeSize":5}', tls=tls).status == 200
    assert ask(node.client, "PUT", "/v2/keys/a", {"value": "b"}, headers={"Origin": "http://evil.example"},
               tls=tls).status == 201
