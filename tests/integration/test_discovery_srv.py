"""-discovery-srv: the nodes of a new cluster are in DNS; and etcdctl finds its endpoints there."""

import os
import shutil
import socket
import subprocess

import pytest

import names
from certificates import Authority
from moothall import ETCDCTL, start_together, wait_log, wait_until
from names import A, SRV, srv
from together import members, wait_whole

DOMAIN = "cluster.test"
SERVER, SERVER_SSL = ("_etcd-server._tcp." + DOMAIN, SRV), ("_etcd-server-ssl._tcp." + DOMAIN, SRV)
CLIENT, CLIENT_SSL = ("_etcd-client._tcp." + DOMAIN, SRV), ("_etcd-client-ssl._tcp." + DOMAIN, SRV)


@pytest.fixture
def dns(world):
    if not names.available():
        pytest.skip("no network namespaces here: they take root and ip(8)")
    dns = names.Names(world.folder)
    world.at_close.append(dns.close)
    return dns


def node_of(world, dns, name, *more):
    address, prefix = dns.place(name)
    host = "%s.%s" % (name, DOMAIN)
    dns.server.records[(host, A)] = [socket.inet_aton(address)]
    node = world.node(name, client=address + ":2379", peer=address + ":2380")
    node.host, node.prefix = host, prefix
    node.url = "http://%s:2380" % host
    node.argv = lambda: node.prefix + [
        node.program, "--name", name, "--listen-client-urls", "http://%s:2379" % address,
        "--advertise-client-urls", "http://%s:2379" % address, "--listen-peer-urls", "http://%s:2380" % address,
        "--initial-advertise-peer-urls", node.url, "--discovery-srv", DOMAIN, "--initial-cluster-token", "token-1",
        "--initial-cluster-state", "new", "--data-dir", node.directory, "-retry-interval", "0.2", *more]
    return node


def join_instead(node):
    old = node.argv
    node.argv = lambda: ["existing" if word == "new" else word for word in old()]


def three(world, dns, *more):
    nodes = [node_of(world, dns, "n%d" % (i + 1), *more) for i in range(3)]
    dns.server.records[SERVER] = [srv(n.host, 2380) for n in nodes]
    return nodes


def test_three_nodes_find_one_another_and_begin_together(world, dns):
    nodes = three(world, dns)
    # Records in any order, with a dot at the end, in any case, twice: the same cluster.
    dns.server.records[SERVER].reverse()
    dns.server.records[SERVER].append(srv("N1.Cluster.TEST.", 2380, priority=5))
    start_together(nodes)
    known = wait_whole(nodes)
    assert {n.name: known[n.name][1] for n in nodes} == {n.name: [n.url] for n in nodes}
    assert [n.status()["id"] for n in nodes] == [known[n.name][0] for n in nodes]
    world.wait_voters(nodes)
    assert nodes[0].put("/foo", "bar").status == 201
    registry = nodes[1].get("/v2/keys/_etcd/machines").json["node"]["nodes"]
    assert [n["key"].rpartition("/")[2] for n in registry] == ["n1", "n2", "n3"]
    # From then on DNS is asked for addresses only, and not even for these is it needed by name.
    dns.server.records = {key: value for key, value in dns.server.records.items() if key[1] == A}
    asked = len(dns.server.asked)
    for node in nodes:
        node.kill_all()
    start_together(nodes)
    assert wait_whole(nodes) == known
    wait_until(lambda: nodes[2].value("/foo") == "bar", 15, "what was written")
    assert all(kind != SRV for _, kind in dns.server.asked[asked:])


def test_a_majority_is_enough_and_the_late_one_takes_its_name(world, dns):
    nodes = three(world, dns)
    first, second, third = nodes
    first.start(wait=False)
    wait_log(first, "SRV records name the nodes of the cluster: domain=cluster.test nodes=3")
    wait_log(first, "waits for a majority of the SRV records of -discovery-srv", 20)
    second.start(wait=False)
    for node in (first, second):
        node.wait_ready(20)
    known = wait_whole([first, second], count=2)
    assert set(known) == {"n1", "n2", "n3.cluster.test-2380"}
    third.start(wait=False)
    third.wait_ready(20)
    after = wait_whole(nodes)
    assert set(after) == {"n1", "n2", "n3"} and after["n3"][0] == known["n3.cluster.test-2380"][0]
    # One that has lost its data is not let in under its old id; as one that joins, it is.
    third.kill_all()
    shutil.rmtree(third.directory)
    third.start(wait=False)
    assert third.process.wait(20) == 2
    assert "start it with -initial-cluster-state existing" in third.log()
    join_instead(third)
    third.start(timeout=30)
    wait_until(lambda: members(first).get("n3", after["n3"])[0] != after["n3"][0], 20, "another n3")


def test_one_node_begins_alone_under_its_name(world, dns):
    node = node_of(world, dns, "n1")
    dns.server.records[SERVER] = [srv(node.host, 2380)]
    node.start()
    wait_until(lambda: set(members(node)) == {"n1"}, 10, "its name")
    assert members(node)["n1"] == (node.status()["id"], [node.url], ["http://" + node.client])


def test_nodes_that_speak_https_have_records_of_their_own(world, dns):
    authority = Authority(world.folder)
    nodes = []
    for i in range(2):
        node = node_of(world, dns, "n%d" % (i + 1))
        pair = authority.issue(node.name, "DNS:%s,IP:%s" % (node.host, node.peer.rpartition(":")[0]))
        node.url = "https://%s:2380" % node.host
        node.peer_tls = authority.context(pair)
        node.argv = (lambda old, extra: lambda: [
            word.replace("http://", "https://") if ":2380" in word else word for word in old()] + extra)(
                node.argv, pair.flags("peer-", authority))
        nodes.append(node)
    dns.server.records[SERVER_SSL] = [srv(n.host, 2380) for n in nodes]
    start_together(nodes)
    known = wait_whole(nodes)
    assert {n.name: known[n.name][1] for n in nodes} == {n.name: [n.url] for n in nodes}
    assert nodes[0].put("/foo", "bar").status == 201


def ends(node, code, words):
    node.start(wait=False)
    assert node.process.wait(20) == code, node.log()
    assert "etcd: -discovery-srv cluster.test: " + words in node.log(), node.log()


def test_what_dns_does_not_say_ends_the_start(world, dns):
    node = node_of(world, dns, "n1", "-max-retry-attempts", "2")
    ends(node, 2, "there are no SRV records _etcd-server-ssl._tcp. nor _etcd-server._tcp. of it")
    dns.server.records[SERVER] = [srv("n2.cluster.test", 2380)]
    dns.server.records[SERVER_SSL] = [srv("n1.cluster.test", 2380)]
    ends(node, 2, "no SRV record is of this node, whose peer URL is http://n1.cluster.test:2380 "
         "(-initial-advertise-peer-urls); there are https://n1.cluster.test:2380, http://n2.cluster.test:2380")
    # "." says that there is no such service.
    dns.server.records = {SERVER: [srv(".", 2380)]}
    ends(node, 2, "there are no SRV records")
    for mode in ("fail", "silent"):
        dns.server.mode = mode
        ends(node, 1, "no name server gives a usable answer for the SRV records _etcd-server-ssl._tcp.cluster.test; "
             "see /etc/resolv.conf, or give -initial-cluster")
        assert "is tried again: attempts=1" in node.log()


@pytest.mark.parametrize("host, port", [("n1.cluster.test", 0), ("-f.cluster.test", 1), ("n 1.cluster.test", 1)])
def test_a_record_that_is_none_is_not_taken(world, dns, host, port):
    node = node_of(world, dns, "n1", "-max-retry-attempts", "1")
    dns.server.records[SERVER] = [srv("n1.cluster.test", 2380), srv(host, port)]
    ends(node, 1, "no name server gives a usable answer for the SRV records _etcd-server._tcp.cluster.test")


def test_an_answer_that_is_no_message_is_not_taken(world, dns):
    node = node_of(world, dns, "n1", "-max-retry-attempts", "1")
    dns.server.mode = "raw"
    for raw in (b"", b"\x85\x80" + b"\xff" * 8, b"\x85\x80\0\0\0\1\0\0\0\0\xc0\x0c", bytes(500)):
        dns.server.raw = raw
        ends(node, 1, "no name server gives a usable answer for the SRV records")


def test_as_many_as_may_vote_and_not_one_more(world, dns):
    """More than fit in a datagram, so they come by TCP."""
    node = node_of(world, dns, "n1", "-cluster-active-size", "31")
    dns.server.records[SERVER] = [srv("n%d.cluster.test" % (i + 1), 2380) for i in range(31)]
    node.start(wait=False)
    wait_log(node, "domain=cluster.test nodes=31", 20)
    node.kill_all()
    dns.server.records[SERVER].append(srv("n32.cluster.test", 2380))
    ends(node, 2, "more than 31 SRV records")
    dns.server.records[SERVER] = [srv("n%d.cluster.test" % (i + 1), 2380) for i in range(65)]
    node.argv = (lambda old: lambda: old() + ["-max-retry-attempts", "1"])(node.argv)
    ends(node, 1, "no name server gives a usable answer for the SRV records _etcd-server._tcp.cluster.test")


@pytest.mark.parametrize("flags, words", [
    (["-discovery-srv", "a b"], '-discovery-srv: "a b" is no domain of at most 233 letters'),
    (["-discovery-srv", ".x"], '-discovery-srv: ".x" is no domain'),
    (["-discovery-srv", "x" * 234], "is no domain of at most 233 letters"),
    (["-discovery-srv", "x", "-peers", "127.0.0.1:1"], "-discovery-srv: -peers, -peers-file and -discovery are other"),
    (["-discovery-srv", "x", "-discovery", "http://h/t"], "-discovery-srv: -peers, -peers-file and -discovery are"),
    (["-discovery-srv", "x", "-initial-cluster", "machine1=http://127.0.0.1:1"],
     "-initial-cluster: -peers, -peers-file, -discovery and -discovery-srv are other ways"),
])
def test_flags_that_do_not_fit(world, flags, words):
    node = world.node(flags=flags)
    node.start(wait=False)
    assert node.process.wait(10) == 2
    assert words in node.log()


# ---- etcdctl --------------------------------------------------------------------------------


def ctl(prefix, *words, **environment):
    return subprocess.run(prefix + [ETCDCTL, *words], capture_output=True, text=True, timeout=60,
                          env=dict(os.environ, **environment))


def test_etcdctl_finds_its_endpoints(world, dns):
    _, prefix = dns.place("here")
    address, place = dns.place("n1")
    node = world.node("n1", client=address + ":2379", peer=address + ":2380")
    node.prefix = place
    node.start()
    dns.server.records[("n1.cluster.test", A)] = [socket.inet_aton(address)]
    dns.server.records[CLIENT] = [srv("gone.cluster.test", 2379, priority=1), srv("n1.cluster.test", 2379, priority=2)]
    for words in (["--discovery-srv", DOMAIN], ["-D", DOMAIN]):
        run = ctl(prefix, *words, "set", "/foo", "bar")
        assert run.returncode == 0 and run.stdout == "bar\n", run
    run = ctl(prefix, "get", "/foo", ETCDCTL_DISCOVERY_SRV=DOMAIN)
    assert run.returncode == 0 and run.stdout == "bar\n"
    # HTTPS goes first: this one speaks none.
    dns.server.records[CLIENT_SSL] = [srv("n1.cluster.test", 2379)]
    run = ctl(prefix, "-D", DOMAIN, "--debug", "get", "/foo")
    assert "https://n1.cluster.test:2379" in run.stderr
    dns.server.records = {("x", A): []}
    run = ctl(prefix, "-D", DOMAIN, "get", "/foo")
    assert run.returncode == 2
    assert "there are no SRV records _etcd-client-ssl._tcp.cluster.test nor _etcd-client._tcp.cluster.test" in run.stderr
    dns.server.mode = "fail"
    run = ctl(prefix, "-D", DOMAIN, "get", "/foo")
    assert run.returncode == 2
    assert "no name server gives an answer for the SRV records _etcd-client-ssl._tcp.cluster.test" in run.stderr
    for bad in ("a b", "", ".x", "-x", "x" * 234):
        run = ctl(prefix, "--discovery-srv=" + bad, "get", "/foo")
        assert run.returncode == 1, bad
