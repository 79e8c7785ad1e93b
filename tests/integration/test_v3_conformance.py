"""The recorded cases of the v3 API, on one node and on each kind of machine of three: by JSON, and
by gRPC if the machine has Python's.

They lie beside the source tree, or where MOOTHALL_V3_CASES says; a tree without them has no such
tests.
"""

import os
import subprocess
import sys

CASES = os.path.abspath(os.environ.get("MOOTHALL_V3_CASES", os.path.join(
    os.path.dirname(__file__), "..", "..", "..", "shared", "conformance-v3")))

# What is served. Of the others a case or two would pass.
FILES = ["kv", "range-options", "history", "txn", "txn-errors", "compaction", "gateway", "watch",
         "watch-history", "lease", "cluster", "lock-election"]


def tell(text):
    if "MOOTHALL_TAP" in os.environ:
        os.write(int(os.environ["MOOTHALL_TAP"]), b"# %s\n" % text.encode())


def pass_all(node):
    run = subprocess.run([sys.executable, os.path.join(CASES, "run-cases"), "http://" + node.client]
                         + [os.path.join(CASES, "cases", name + ".json") for name in FILES],
                         capture_output=True, text=True, timeout=300)
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
else:
    tell("no conformance cases of v3 in %s: not run" % CASES)
