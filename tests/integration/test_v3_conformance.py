"""The recorded cases of the v3 API, on one node and on each kind of machine of three: by JSON, and
by gRPC if the machine has Python's.

They lie beside the source tree, or where MOOTHALL_V3_CASES says; a tree without them has no such
tests.
"""

import os
import subprocess
import sys

import pytest

CASES = os.path.abspath(os.environ.get("MOOTHALL_V3_CASES", os.path.join(
    os.path.dirname(__file__), "..", "..", "..", "shared", "conformance-v3")))

FILES = ["kv", "range-options", "history", "txn", "txn-errors", "compaction", "gateway", "watch",
         "watch-history", "lease", "cluster", "lock-election",
         "maintenance", "auth"]


def tell(text):
    if "MOOTHALL_TAP" in os.environ:
        os.write(int(os.environ["MOOTHALL_TAP"]), b"# %s\n" % text.encode())


def pass_all(node):
    run = subprocess.run([sys.executable, os.path.join(CASES, "run-cases"), "http://" + node.client]
                         + [os.path.join(CASES, "cases", name + ".json") for name in FILES],
                         capture_output=True, text=True, timeout=300)
    failed = [line for line in run.stdout.splitlines() if line.startswith("FAIL ")]
    assert failed == [], "\n".join(failed) + run.stderr[-2000:]
    assert run.stdout.endswith(" passed, 0 failed\n"), run.stdout[-4000:]


def pass_by_grpc(nodes):
    run = subprocess.run([sys.executable, os.path.join(CASES, "run-grpc")] + [node.client for node in nodes],
                         capture_output=True, text=True, timeout=300)
    if run.returncode == 77:
        pytest.skip("no python3-grpcio here")
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]


if os.path.exists(os.path.join(CASES, "run-cases")):
    def test_one_node(world):
        node = world.node().start()
        pids = node.pids()
        for _ in range(3):
            pass_all(node)
        assert node.pids() == pids, "a process did not live through it"

    def test_leader_and_follower_of_three(world):
        nodes = world.cluster()
        leader = world.leader_of(nodes)
        pass_all(leader)
        pass_all(next(node for node in nodes if node is not leader))

    def test_one_node_by_grpc(world):
        pass_by_grpc([world.node().start()])

    def test_three_nodes_by_grpc(world):
        pass_by_grpc(world.cluster())
else:
    tell("no conformance cases of v3 in %s: not run" % CASES)
