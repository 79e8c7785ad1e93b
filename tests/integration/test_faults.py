"""Faults under load, and what clients saw of them: one order explains every answer."""

import os
import random

import pytest

from faults import FAULTS, Cluster, Events, Load, strike

SEED = int(os.environ.get("MOOTHALL_SEED", "1"))


def run(world, names):
    """These faults one after the other, under load; then everything is checked."""
    cluster, rand = Cluster(world), random.Random(SEED)
    first = cluster.nodes[0].put("/begin", "x").json["node"]["modifiedIndex"] + 1
    with Load(cluster.nodes, seed=SEED) as load, Events(cluster.nodes[1], first) as events:
        for name in names:
            strike(cluster, load, name, rand)
        load.stop()
        last = cluster.settle()
        load.check(events.finish(last))
    assert load.history.known > 20
    return load


@pytest.mark.parametrize("name", list(FAULTS))
def test_one(world, name):
    run(world, [name])
