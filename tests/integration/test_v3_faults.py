"""The v3 keys under faults: one history explains all answers, a watch misses nothing and tells
nothing twice, leases keep their promise; and the checker finds what is wrong."""

import random

import pytest

import faults
from faults import Cluster, strike
from revisions import Leases, Load, Operation, Watch, check_history
from v3 import put, revision


def made(kind, called, returned, number, changes=None, saw=None):
    operation = Operation("c", kind, "made")
    operation.called, operation.returned, operation.revision = called, returned, number
    operation.changes, operation.saw = changes or {}, saw or {}
    return operation


TOLD = {2: {"a": "1"}, 3: {"a": "2", "b": "2"}, 4: {"a": None}}


def test_what_the_revisions_explain_is_accepted():
    check_history([made("put", 0, 1, 2, {"a": "1"}, {"a": None}),
                   made("txn", 2, 5, 3, {"a": "2", "b": "2"}, {"a": "1"}),
                   made("get", 3, 4, 2, None, {"a": "1", "b": None}),
                   made("delete", 6, 7, 4, {"a": None}, {"a": "2"}),
                   made("get", 8, 9, 4, None, {"a": None, "b": "2"})], TOLD)


@pytest.mark.parametrize("operations", [
    [made("put", 0, 1, 5, {"a": "3"})],                                 # lost
    [made("put", 0, 1, 2, {"a": "1"}), made("put", 2, 3, 2, {"a": "1"})],       # one for two
    [made("txn", 0, 1, 3, {"a": "2"})],                                 # in part
    [made("get", 0, 1, 3, None, {"b": None})],                          # not of that revision
    [made("put", 0, 1, 3, {"a": "2", "b": "2"}), made("get", 2, 3, 2)],         # stale
    [made("delete", 0, 1, 4, {"a": None}), made("put", 2, 3, 2, {"a": "1"})],   # back in time
], ids=["lost", "one revision for two", "in part", "another state", "stale", "back in time"])
def test_what_they_do_not_explain_is_found(operations):
    with pytest.raises(AssertionError):
        check_history(operations, TOLD)


def test_a_write_that_was_refused_or_came_twice_is_found():
    refused = made("put", 0, 1, None, {"a": "1"})
    refused.refused = True
    with pytest.raises(AssertionError):
        check_history([refused], TOLD)
    with pytest.raises(AssertionError):
        check_history([], {2: {"a": "1"}, 3: {"a": "1"}})
    with pytest.raises(AssertionError):
        check_history([], {2: {"a": "1"}}, ("a", "b"))


@pytest.mark.parametrize("seed", [1, 2])
def test_one_history_explains_all_under_faults(world, seed):
    rand, cluster = random.Random(seed), Cluster(world, 3)
    names = rand.sample(list(faults.FAULTS), 4)
    first = revision(put(cluster.nodes[0], "/begin")) + 1
    with Load(cluster.nodes, seed=seed) as load, Leases(cluster.nodes) as leases, \
            Watch(cluster.nodes[1], load.prefix, first) as watch, \
            Watch(cluster.nodes[2], Leases.PREFIX, first) as lost:
        for name in names:
            strike(cluster, load, name, rand)
        load.wait_progress(cluster.nodes)
        load.stop()
        leases.stop()
        last = revision(put(cluster.nodes[0], load.prefix + "end", "end"))
        leases.wait_gone(cluster.nodes[0])
        load.check(watch.finish(last))
        lost.finish(max(lost.revisions))
        leases.check(lost)
    assert leases.renewals > 0
