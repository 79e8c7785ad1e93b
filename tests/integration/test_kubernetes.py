"""What a kube-apiserver does with its etcd: caches that are lists and watches, writes that compare a revision, reads that
wait for progress, compaction that servers agree upon; while every process of every node is begun again once."""

import os
import random
import re
import ssl
import subprocess

import pytest

import lockers
from apiserver import (LEASES, PODS, Cache, Compactors, Controllers, Readers, Server, Storage, Told, check_all, revision_of,
                       settle)
from faults import Cluster
from h2 import message
from moothall import BUILD, ETCDCTL, ask, free_port, wait_until

KINDS = ["raftd", "client", "peer", "supervisor", "restart raftd", "restart client"]
TTL = 4


def write_event(kv, before=None, gone=False):
    def wire(made):
        return message(f1=made[0], f2=made[1], f3=made[2], f4=made[3], f5=made[4] + "|x")
    fields = {"f2": wire(kv)}
    if before is not None:
        fields["f3"] = wire(before)
    return message(f1=1, **fields) if gone else message(**fields)


FIRST, SECOND = ("/p/a", 5, 5, 1, "one"), ("/p/a", 5, 6, 2, "two")


@pytest.mark.parametrize("events", [
    [write_event(SECOND)],                                              # without what was before
    [write_event(SECOND, FIRST), write_event(SECOND, FIRST)],           # twice
    [write_event(("/p/a", 5, 7, 3, "three"), SECOND)],                  # one is left out
    [write_event(("/p/b", 4, 4, 1, "old"))],                            # out of order
    [write_event(("/p/a", 5, 6, 3, "two"), FIRST)],                     # of another version
    [write_event(("/p/b", 6, 6, 1, "b"), None, True)],                  # what was not there is gone
], ids=["no value before", "twice", "left out", "out of order", "version", "gone"])
def test_a_cache_finds_what_does_not_follow(events):
    told = Told()
    cache = Cache("/p/", told, "one")
    cache.reset({}, 4)
    cache.take([write_event(FIRST)])
    assert not told.problems
    cache.take(events)
    assert told.problems


def test_a_cache_finds_a_broken_promise():
    told = Told()
    cache = Cache("/p/", told, "one")
    cache.reset({}, 4)
    cache.take([write_event(FIRST)])
    cache.promise(6)
    cache.take([write_event(SECOND, FIRST)])
    assert "behind the promise of 6" in told.problems[0]


def wait_held(told, more):
    """So many more consistent reads from caches."""
    goal = told.counts["caches that were held against a list"] + more
    wait_until(lambda: told.counts["caches that were held against a list"] >= goal, 20, "consistent reads")


def test_caches_keep_up_while_every_process_is_begun_again(world):
    rand, cluster, told = random.Random(1), Cluster(world, 3), Told()
    nodes = cluster.nodes
    servers = [Server("server%d" % i, nodes[i:] + nodes[:i], told) for i in range(2)]
    with servers[0], servers[1], Compactors(2, nodes, told, 1), \
            Controllers(nodes, servers, told, pods=400, ttl=TTL) as controllers, Readers(servers, nodes, told) as readers:
        wait_until(lambda: len(servers[0].by_prefix[PODS].state) >= 400, 10, "all pods to be there")
        for kind in KINDS + ["transfer"]:
            if kind == "transfer":
                cluster.leader().control("transfer")
            else:
                lockers.strike(rand.choice(nodes), kind)
            controllers.wait_progress(nodes, 20)
            wait_held(told, 4)
        controllers.stop()
        readers.stop()
        settle(servers, told, nodes, TTL)
    check_all(servers, controllers, told)
    for what in ("caches that were held against a list", "answers to requests for progress", "compactions",
                 "events that went with their lease"):
        assert told.counts[what] >= 2, (what, told.counts)


def read_on(server, stream, revision):
    """All that comes, until progress has that revision; what it promises is checked by who takes it."""
    def told():
        found = stream.read(0.1)
        assert found is not None, "the stream ended"
        assert all(map(server.take, found)), "canceled"
        return server.progress >= revision
    wait_until(told, 20, "progress of %d, which is at %d" % (revision, server.progress))


def test_progress_comes_behind_all_events_to_who_reads_slowly_too(world):
    node, told = world.node().start(), Told()
    server, storage = Server("slow", [node], told, (PODS, LEASES)), Storage([node], told)
    server.list()
    stream, last = server.open(), 0
    # More than the stream and its windows hold, so that the watch is put behind, and what comes is the past.
    for i in range(250):
        last = revision_of(storage.create("%s%d" % ((PODS, LEASES)[i % 2], i), b"|" + b"x" * 65536))
        if i % 10 == 0:
            stream.send(f3=b"")
    stream.send(f3=b"")
    read_on(server, stream, last)
    assert [len(cache.state) for cache in server.caches] == [125, 125] and not told.problems, told.problems[:3]
    # Now from the past, in pieces, and the same beside what happens.
    again = Server("late", [node], told, (PODS, LEASES))
    for cache in again.caches:
        cache.reset({}, 1)
    late = again.open()
    for i in range(100):
        late.send(f3=b"")
        last = revision_of(storage.create("%smore%d" % (PODS, i), b"|x"))
    late.send(f3=b"")
    read_on(again, late, last)
    assert again.caches[0].state == storage.list(PODS)[0] and not told.problems, told.problems[:3]
    # In a quiet cluster, of a watch that begins with what is to come.
    quiet = Server("quiet", [node], told, (PODS,))
    quiet.list()
    now = quiet.open()
    now.send(f3=b"")
    read_on(quiet, now, storage.current(PODS))
    for each in (stream, late, now, storage):
        each.close()


def test_progress_has_what_was_read_at_any_node(world):
    nodes, told = world.cluster(), Told()
    storages = [Storage([node], told) for node in nodes]
    servers = [Server(node.name, [node], told, (PODS,)) for node in nodes]
    streams = []
    for server in servers:
        server.list()
        streams.append(server.open())
    for i in range(60):
        written = revision_of(storages[i % 3].create("%s%d" % (PODS, i), b"|x"))
        for storage, server, stream in zip(storages, servers, streams):
            # It has been applied there, as that node has said so: one request is enough.
            read = storage.current(PODS)
            assert read >= written
            stream.send(f3=b"")
            read_on(server, stream, read)
    assert not told.problems, told.problems[:3]
    for each in storages + streams:
        each.close()


# ---- the manifest


def manifest(replaced):
    """{name of a block: its command} of the static pod, with other paths and ports."""
    with open(os.path.join(BUILD, "contrib", "kubernetes", "etcd.yaml"), encoding="utf-8") as file:
        text = "".join(line for line in file if not line.lstrip().startswith("#"))
    for old, new in replaced:
        assert old in text, old
        text = text.replace(old, new)
    command = re.search(r"^    command:\n((?:    - .*\n)+)", text, re.M).group(1)
    blocks = {"node": [line[len("    - "):] for line in command.splitlines()]}
    for name, probe in re.findall(r"^    (\w+)Probe:\n      exec:\n        command: \[(.*)\]$", text, re.M):
        blocks[name] = probe.split(", ")
    assert set(blocks) == {"node", "liveness", "readiness", "startup"}
    return blocks


def certs(folder, *arguments):
    subprocess.run([ETCDCTL, "certs", "--dir", folder] + list(arguments), check=True, capture_output=True, timeout=20)


def test_the_manifest_starts_a_node_whose_probes_tell_how_it_is(world):
    folder = os.path.join(world.folder, "pki")
    os.makedirs(folder)
    certs(folder, "ca")
    certs(folder, "server", "server", "127.0.0.2", "localhost", "127.0.0.1")
    certs(folder, "peer", "peer", "127.0.0.2")
    certs(folder, "client", "apiserver-etcd-client")
    tls = ssl.create_default_context(cafile=os.path.join(folder, "ca.crt"))
    tls.load_cert_chain(*(os.path.join(folder, "apiserver-etcd-client." + end) for end in ("crt", "key")))
    peer_tls = ssl.create_default_context(cafile=os.path.join(folder, "ca.crt"))
    peer_tls.load_cert_chain(os.path.join(folder, "peer.crt"), os.path.join(folder, "peer.key"))
    port, peer_port = free_port(), free_port()
    node = world.node("machine1", client="127.0.0.2:%d" % port, peer="127.0.0.2:%d" % peer_port, tls=tls,
                      peer_tls=peer_tls)
    blocks = manifest([("/etc/kubernetes/pki/etcd", folder), ("/var/lib/etcd", node.directory), ("10.0.0.1", "127.0.0.2"),
                       (":2379", ":%d" % port), (":2380", ":%d" % peer_port)])
    node.argv = lambda: [node.program] + blocks["node"][1:]

    def probe(name):
        return subprocess.run([ETCDCTL] + blocks[name][1:], capture_output=True, timeout=20).returncode

    assert probe("liveness") == 3 and probe("readiness") == 3
    node.start()
    assert (probe("startup"), probe("liveness"), probe("readiness")) == (0, 0, 0)
    version = ask(node.client, "GET", "/version", tls=tls).json
    assert tuple(map(int, version["etcdserver"].split("."))) >= (3, 5, 13)
    for path in ("/livez", "/readyz", "/health?exclude=NOSPACE&serializable=true"):
        assert ask("127.0.0.1:%d" % port, "GET", path, tls=tls).status == 200
    with pytest.raises(OSError):
        ask(node.client, "GET", "/health", tls=ssl.create_default_context(cafile=os.path.join(folder, "ca.crt")))
    node.kill("raftd")
    wait_until(lambda: probe("readiness") == 0, 10, "another raftd")
    assert probe("liveness") == 0
    assert node.stop() == 0
    assert probe("liveness") == 3


def test_the_files_for_kubernetes_are_yaml():
    yaml = pytest.importorskip("yaml")
    for name in ("etcd", "kubeadm", "k3s"):
        with open(os.path.join(BUILD, "contrib", "kubernetes", name + ".yaml"), encoding="utf-8") as file:
            assert yaml.safe_load(file)
