"""The v3 keys outlive what holds them: backups, restores, snapshots of nodes that were away."""

import pytest

from faults import Cluster
from moothall import wait_until
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
