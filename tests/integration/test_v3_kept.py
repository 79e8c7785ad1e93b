"""The v3 keys outlive what holds them: backups, restores, snapshots of nodes that were away."""

import base64
import hashlib
import json
import os
import socket

import pytest

from faults import Cluster
from moothall import ask, wait_until
from test_backup import backup_of, path, restored
from test_snapshot import KEEP, away, installs
from v3 import b64, below, delete, get, good, keys, plain, put, refused, revision

COMPACTED = "etcdserver: mvcc: required revision has been compacted"


def fill(node):
    """Keys with a past, some of which is compacted, and one on a lease; the revision at the end."""
    lease = good(node, "grant", {"TTL": 1000, "ID": 77}, prefix="/v3/lease/")["ID"]
    for i in range(20):
        put(node, "/k/%02d" % i, "first %d" % i)
    compacted = revision(put(node, "/k/00", "second"))
    put(node, "/k/00", "third")
    put(node, "/leased", "x", lease=lease)
    good(node, "compaction", {"revision": compacted})
    return compacted, revision(delete(node, "/k/07"))


def check(node, compacted, last):
    answer = good(node, "range", below("/k/"))
    assert revision(answer) == last and answer["count"] == "19" and "/k/07" not in keys(answer)
    assert plain(answer["kvs"][0]["value"]) == "third" and answer["kvs"][0]["version"] == "3"
    past = get(node, "/k/00", revision=compacted)
    assert plain(past["kvs"][0]["value"]) == "second" and revision(past) == last
    assert keys(get(node, "/k/07", revision=last - 1)) == ["/k/07"]
    refused(node, "range", {"key": b64("/k/00"), "revision": compacted - 1}, 400, 11, COMPACTED)
    assert get(node, "/leased")["kvs"][0]["lease"] == "77"


def go_on(node, last):
    """What comes is one further, and the lease still has its key."""
    assert revision(put(node, "/more")) == last + 1
    good(node, "revoke", {"ID": 77}, prefix="/v3/lease/")
    answer = get(node, "/leased")
    assert "kvs" not in answer and revision(answer) == last + 2


def test_a_backup_has_the_v3_keys_with_their_past_and_their_leases(world):
    node = world.node().start()
    compacted, last = fill(node)
    file = path(world, "file")
    backup_of(node, file)
    fresh = restored(world, "new", file).start()
    check(fresh, compacted, last)
    go_on(fresh, last)
    check(node, compacted, last)


def saved(node, file):
    """What a client saves of Snapshot; how many bytes that is."""
    with open(file, "wb") as out:
        remaining = None
        for line in ask(node.client, "POST", "/v3/maintenance/snapshot", "{}").body.splitlines():
            result = json.loads(line)["result"]
            left = int(result.get("remaining_bytes", 0))
            assert remaining is None or left <= remaining
            remaining = left
            out.write(base64.b64decode(result["blob"]))
    assert remaining == 0
    return os.path.getsize(file)


def test_a_snapshot_as_clients_of_etcd_3_save_it_is_restored(world):
    node = world.node().start()
    for i in range(20):
        put(node, "/big/%d" % i, "x" * 100000)
    compacted, last = fill(node)
    file = path(world, "file")
    assert saved(node, file) % 512 == 32
    with open(file, "rb") as f:
        data = f.read()
    assert data[-32:] == hashlib.sha256(data[:-32]).digest()
    fresh = restored(world, "new", file).start()
    check(fresh, compacted, last)
    go_on(fresh, last)


def test_one_snapshot_at_a_time_leaves_a_place_for_operators(world):
    node = world.node().start()
    for i in range(100):
        put(node, "/big/%d" % i, "x" * 1000000)
    host, port = node.client.split(":")
    with socket.create_connection((host, int(port))) as slow:
        slow.sendall(b"POST /v3/maintenance/snapshot HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}")
        assert slow.recv(1000).startswith(b"HTTP/1.1 200 ")
        answer = ask(node.client, "POST", "/v3/maintenance/snapshot", "{}")
        assert (answer.status, answer.json["message"]) == (429, "etcdserver: too many requests")
        backup_of(node, path(world, "file"))
    wait_until(lambda: ask(node.client, "POST", "/v3/maintenance/snapshot", "{}").status == 200, 10, "the place to be free")


def test_a_snapshot_shows_nobody_hashes_of_passwords(world):
    """While users count it is root's; while they do not, and there are some, an operator's."""
    node = world.node().start()
    body = json.dumps({"user": "root", "password": "secret"})
    assert ask(node.client, "PUT", "/v2/auth/users/root", body).status == 201

    def asked():
        answer = ask(node.client, "POST", "/v3/maintenance/snapshot", "{}")
        return answer.status if answer.status == 200 else (answer.status, answer.json["code"])
    wait_until(lambda: asked() == (403, 7), 5, "the worker to know that there is a user")
    assert ask(node.client, "DELETE", "/v2/auth/users/root").status == 200
    wait_until(lambda: asked() == 200, 5, "the worker to know that there is none")


@pytest.mark.parametrize("then", ["goes on", "starts again"])
def test_a_node_that_was_away_gets_the_v3_keys_by_a_snapshot(world, then):
    cluster = Cluster(world, 3, flags=["-snapshot-count", str(KEEP)])
    victim = cluster.followers()[0]
    put(cluster.nodes[0], "/gone", "before")
    cluster.settle()
    stay = cluster.others(victim)
    victim.kill_all()
    compacted, last = fill(cluster.world.leader_of(stay))
    away(cluster, victim)
    victim.start()
    wait_until(lambda: installs(victim) == 1, 20, "the snapshot")
    cluster.settle()
    if then == "starts again":
        victim.stop()
        victim.start()
        cluster.settle()
    check(victim, compacted, last)
    go_on(victim, last)
