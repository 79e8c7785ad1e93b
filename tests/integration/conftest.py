"""Fixtures, and TAP for the harness when MOOTHALL_TAP names a descriptor."""

import os
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
sys.dont_write_bytecode = True

import moothall  # noqa: E402  (the path has to be set first)
from certificates import Authority  # noqa: E402


@pytest.fixture
def world(request):
    world = moothall.World()
    yield world
    if getattr(request.node, "failed", False):
        for node in world.nodes:
            sys.stderr.write("---- %s\n%s\n" % (node.name, node.log()[-6000:]))
    refused = [line for node in world.nodes for line in node.log().splitlines()
               if "sandbox: call refused" in line]
    left = world.close()
    assert not refused, "a process needs what its table has not: %s" % refused
    assert not left, "left behind: %s" % left


@pytest.fixture(scope="module")
def shared(request):
    """One node for all tests of a file, with so many client workers as its WORKERS says."""
    world = moothall.World()
    try:
        yield world.node(flags=["-workers", getattr(request.module, "WORKERS", "2")]).start()
    finally:
        left = world.close()
    assert not left, "left behind: %s" % left


@pytest.fixture
def authority(world):
    return Authority(world.folder)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if outcome.get_result().failed:
        item.failed = True


def pytest_terminal_summary(terminalreporter):
    faults = sys.modules.get("faults")
    for line in faults.table() if faults else []:
        terminalreporter.write_line(line)


class Tap:
    def __init__(self, descriptor):
        self.out = os.fdopen(descriptor, "w", buffering=1)
        self.count = 0
        self.failed, self.skipped = set(), {}

    def pytest_collection_finish(self, session):
        self.out.write("1..%d\n" % len(session.items))

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed.add(report.nodeid)
            for line in str(report.longrepr).splitlines():
                self.out.write("# %s\n" % line)
        if report.skipped and not hasattr(report, "wasxfail"):
            self.skipped[report.nodeid] = " # SKIP %s" % report.longrepr[2]
        if report.when == "teardown":
            self.count += 1
            word = "not ok" if report.nodeid in self.failed else "ok"
            self.out.write("%s %d - %s%s\n" % (word, self.count, report.nodeid, self.skipped.get(report.nodeid, "")))


def pytest_configure(config):
    # In the background of a script it would be ignored, and by all that is started here, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Ended by a signal, a run still ends what it has started.
    signal.signal(signal.SIGTERM, lambda number, frame: pytest.exit("terminated"))
    if "MOOTHALL_TAP" in os.environ:
        config.pluginmanager.register(Tap(int(os.environ["MOOTHALL_TAP"])), "moothall-tap")
