"""The recorded cases of the keys API, on one node and on each kind of machine of three.

They lie beside the source tree, or where MOOTHALL_CASES says; a tree without
them has no such tests.
"""

import json
import os
import subprocess
import sys

CASES = os.path.abspath(os.environ.get("MOOTHALL_CASES", os.path.join(
    os.path.dirname(__file__), "..", "..", "..", "shared", "conformance")))


def pass_all(node, folder):
    results = os.path.join(folder, "results.json")
    run = subprocess.run([sys.executable, os.path.join(CASES, "run-cases"), "-j", "12", "--json", results,
                          "http://" + node.client], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
    with open(results) as file:
        outcome = json.load(file)
    assert len(outcome) > 300 and not any(outcome.values())


if os.path.exists(os.path.join(CASES, "run-cases")):
    def test_one_node_three_times_in_a_row(world):
        node = world.node().start()
        pids = node.pids()
        for _ in range(3):
            pass_all(node, world.folder)
        assert node.pids() == pids, "a process did not live through it"

    def test_leader_and_follower_of_three(world):
        nodes = world.cluster()
        leader = world.leader_of(nodes)
        follower = next(node for node in nodes if node is not leader)
        pass_all(leader, world.folder)
        pass_all(follower, world.folder)
elif "MOOTHALL_TAP" in os.environ:
    os.write(int(os.environ["MOOTHALL_TAP"]), b"# no conformance cases in %s: not run\n" % CASES.encode())
