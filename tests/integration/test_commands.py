"""Every command that the texts give, as somebody would type it who reads them.

README.md, CONTRIBUTING.md, docs/operations.md and the manual pages; commands.py says how a block of commands is
marked there, and how its output is compared.
"""

import ctypes
import os
import re
import signal
import subprocess
import threading

import pytest

import commands
import machines
import namespaces
from moothall import SLOW, WITH_V3, alive, sanitized
from test_init import PR_SET_CHILD_SUBREAPER, reap

# Such a build says that it has no sandbox, and is slow.
pytestmark = pytest.mark.skipif(sanitized(), reason="the texts show what a plain build says")
SCENARIOS = commands.scenarios()
THREE = [
    "etcd -peer-addr 127.0.0.1:7001 -addr 127.0.0.1:4001 -data-dir machines/machine1 -name machine1",
    "etcd -peer-addr 127.0.0.1:7002 -addr 127.0.0.1:4002 -peers 127.0.0.1:7001 -data-dir machines/machine2 -name machine2",
    "etcd -peer-addr 127.0.0.1:7003 -addr 127.0.0.1:4003 -peers 127.0.0.1:7001 -data-dir machines/machine3 -name machine3"]
CLUSTER = [
    "etcd -name machine1 -data-dir /var/lib/etcd -addr 10.0.0.1:4001 -peer-addr 10.0.0.1:7001",
    "etcd -name machine2 -data-dir /var/lib/etcd -addr 10.0.0.2:4001 -peer-addr 10.0.0.2:7001 -peers 10.0.0.1:7001",
    "etcd -name machine3 -data-dir /var/lib/etcd -addr 10.0.0.3:4001 -peer-addr 10.0.0.3:7001 -peers 10.0.0.1:7001"]
KEYS = "for i in $(seq 20); do curl -sS http://127.0.0.1:4001/v2/keys/k$i -XPUT -d value=$i; done"
# The third machine has all of it; what only looks is asked again until it shows that.
ALL_THERE = "curl -sS http://10.0.0.3:7001/v2/admin/status | grep -c '\"applied\":26'"
RECOVER = ([line.replace("/var/lib/etcd", "machines/machine%d" % number) for number, line in enumerate(CLUSTER, 1)] +
           [KEYS.replace("127.0.0.1", "10.0.0.1"),
            # An orderly stop writes what is known as committed; a kill may come before that.
            ALL_THERE, "stop machine3", "kill all"])
SERVICE = ["etcd -name machine2 -data-dir /var/lib/etcd -addr 10.0.0.2:4001 -peer-addr 10.0.0.2:7001"]
# Three services, as somebody installs them from the text; of the first two the disks are lost then.
OPTIONS = "printf '%%s\\n' ETCD_NAME=machine%d ETCD_ADDR=10.0.0.%d:4001 ETCD_PEER_ADDR=10.0.0.%d:7001 %s >/etc/default/etcd"
SERVICES = [pair for number, peers in ((1, ""), (2, "10.0.0.1:7001,10.0.0.3:7001"), (3, "10.0.0.1:7001,10.0.0.2:7001")) for pair in (
    ("machine%d" % number, OPTIONS % (number, number, number, peers and "ETCD_PEERS=" + peers)),
    ("machine%d" % number, "systemctl start etcd"))]
LOST = SERVICES + [
    ("machine1", KEYS.replace("127.0.0.1", "10.0.0.1")),
    ("machine3", ALL_THERE),
    ("machine1", "systemctl stop etcd"), ("machine1", "rm -r /var/lib/etcd"),
    ("machine2", "systemctl stop etcd"), ("machine2", "rm -r /var/lib/etcd")]
SOURCE = "etcd -name source -data-dir source -addr 10.1.0.1:2379 -peer-addr 10.1.0.1:7001"

# What has been done before the first block of a scenario.
BEFORE = {
    ("etcd-api.7", "keys"): THREE,
    ("etcdctl.1", "commands"): [
        "export ETCDCTL_ENDPOINTS=http://10.0.0.1:4001", "export ETCDCTL_PEER_URL=http://10.0.0.1:7001",
        CLUSTER[0].replace("/var/lib/etcd", "machines/machine1")] + CLUSTER[1:] + [SOURCE],
    ("operations.md", "reload"): [
        "printf '[log]\\nlevel = \"warn\"\\n' >etcd.conf", "etcd -name m1 -data-dir m1 -config etcd.conf",
        "printf 'snapshot_count = 20000\\n' >etcd.conf"],
    ("operations.md", "service"): SERVICE,
    ("operations.md", "upgrade"): THREE[:1] + ["rm etcd etcdctl libexec", "cp /usr/local/bin/etcd* .", "cp -r /usr/local/libexec/moothall libexec"],
    ("operations.md", "processes"): ["./etcd -name machine1 -data-dir machines/machine1"],
    ("operations.md", "control"): THREE + ["curl -sS http://127.0.0.1:4001/v2/keys/foo -XPUT -d value=bar"],
    ("operations.md", "drain"): ["touch /etc/default/etcd", "start the service"],
    ("operations.md", "damage"): CLUSTER,
    ("operations.md", "backup"): THREE + [KEYS],
    ("operations.md", "recover"): RECOVER,
    ("operations.md", "recover a service"): LOST,
    ("operations.md", "import"): CLUSTER[:1] + [SOURCE],
    ("etcd-operations.7", "configuration"): ["touch etcd.conf"],
    ("etcd-operations.7", "service"): ["touch /etc/default/etcd", "start the service"],
    ("etcd-operations.7", "backup"): CLUSTER,
    ("etcd-operations.7", "recover"): RECOVER,
    ("etcd-operations.7", "recover a service"): LOST,
    ("etcd-operations.7", "damage"): CLUSTER,
    ("etcd-operations.7", "import"): CLUSTER[:1] + [SOURCE],
}


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    if not namespaces.available():
        pytest.skip("no network namespaces here")
    folder = machines.install(str(tmp_path_factory.mktemp("install")))
    if folder is None:
        pytest.skip("this build is for another place than /usr/local")
    return folder


@pytest.fixture
def network(installed, world):
    network = machines.Network(world.folder, installed)
    yield network
    network.close()


def test_every_block_of_commands_is_marked():
    problems = []
    for text in commands.TEXTS:
        blocks = commands.blocks_of(text)
        problems += ["%s: a block of commands: %s" % (block.place(), block.problem) for block in blocks if block.problem]
        marked = sum(block.problem is None for block in blocks)
        if commands.marks(text) > marked:
            problems.append("%s: %d marks stand before no block" % (text, commands.marks(text) - marked))
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("shown, got, fit", [
    ("a b", "a b", True), ("a b", "a c", False), ("a b", "a b\nc", False),
    ("ready in ... ms - try", "ready in 12 ms - try", True), ("ready in ... ms", "ready in 12 s", False),
    ("a\n...\nb", "a\nx\ny\nb", True), ("a\n...\nb", "a\nb", True), ("a\n...\nb", "a\nx\ny", False),
    ("node 13a6814ac19f6191", "node 00000000000000ff", True), ("node 13a6814ac19f6191", "node ff", False),
    ("at 2026-11-22T18:10:35.7Z", "at 2031-01-01T00:00:00.123456789Z", True), ("at 2026-11-22T18:10:35Z", "at noon", False),
    ("etcd 0.2.0", "etcd 0.1.0", True), ("etcd 0.2.0", "etcd", False), ("NAME   ID", "NAME ID", True),
    ("index 7", "index 8", False), ("http://127.0.0.1:7003", "http://127.0.0.1:7002", False)])
def test_what_an_output_is_compared_by(shown, got, fit):
    assert commands.fits(shown.split("\n"), got) == fit


def test_some_words_stand_for_any():
    assert commands.fits(["at index 90211: 7 keys"], "at index 4: 9 keys", ["90211", "7"])
    assert not commands.fits(["at index 90211: 7 keys"], "at index 4: 9 keys", ["90211"])
    assert not commands.fits(["at index 90211"], "at 4", ["90211"])


@pytest.mark.parametrize("text, scenario", [pytest.param(*key, id="%s: %s" % key) for key in SCENARIOS if key[1] != commands.TREE])
def test_a_text(network, text, scenario):
    for command in BEFORE.get((os.path.basename(text), scenario), []):
        machine, command = command if isinstance(command, tuple) else (None, command)
        network.run(command, ["1"] if command == ALL_THERE else None, machine)
    for block in SCENARIOS[text, scenario]:
        needs = block.words.get("needs")
        if needs and not (WITH_V3 if needs == "v3" else os.access(needs, os.X_OK)):
            pytest.skip("%s needs %s" % (block.place(), needs))
        try:
            run_block(network, block)
        except AssertionError as error:
            raise AssertionError("%s: %s" % (block.place(), error)) from error


def run_block(network, block):
    words = block.words
    for command in words["after"]:
        network.run(command, machine=words.get("on"))
    if "file" in words:
        machine = network.machine(words.get("on", "machine1"))
        machine.write(words["file"], block.body())
        if "logrotate" in words["file"]:
            machine.rotate(block.body())
        return
    for command, shown in block.commands():
        if "pid" in words:
            pid = "%d" % network.pid(words.get("on", "machine1"))
            command = command.replace(words["pid"], pid)
            shown = [line.replace(words["pid"], pid) for line in shown]
        network.run(command, shown, words.get("on"), words["any"])


@pytest.mark.parametrize("text", [text for text, scenario in SCENARIOS if scenario == commands.TREE])
def test_a_text_in_the_tree(text):
    if os.path.realpath(commands.BUILD) != os.path.realpath(commands.SOURCE):
        pytest.skip("the text is of a build inside the source tree")
    # Of the make and the pytest that run this nothing is inherited.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "MOOTHALL_", "PYTEST"))}
    environment["MOOTHALL_TEST_SLOW"] = "%g" % SLOW
    for block in SCENARIOS[text, commands.TREE]:
        for command, shown in block.commands():
            run = subprocess.run(["sh", "-c", command], cwd=commands.BUILD, env=environment, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300 * SLOW)
            assert run.returncode == 0 and (shown is None or commands.fits(shown, run.stdout, block.words["any"])), \
                "%s: $ %s\nended with %d and showed\n%s" % (block.place(), command, run.returncode, run.stdout)


# ---- the files of a service, in its own directories

CONTROL = ["status", "status -json", "reload", "restart client", "restart client 1", "restart peer", "restart raftd", "restart all",
           "upgrade", "drain", "undrain", "rotate", "log-level", "log-level warn", "log-level reset", "transfer", "backup keys.backup",
           "stop graceful", "stop fast", "stop"]


def test_no_order_is_left_out():
    with open(os.path.join(commands.SOURCE, "docs", "operations.md")) as file:
        rows = re.findall(r"^\| (`.*?)(?<!\\) \|", file.read().split("| command | effect | exit code |")[1].split("\n\n")[0], re.M)
    told = {word.split()[0] for row in rows for word in re.findall("`([^`]+)`", row)}
    assert told == {order.split()[0] for order in CONTROL}


@pytest.mark.parametrize("instance", [None, "m1"])
def test_each_order_finds_the_node_of_a_service(network, instance):
    name = "etcd-m1" if instance else "etcd"
    machine = network.machine("machine1")
    machine.write("/etc/default/" + name, "ETCD_NAME=m1\nETCD_ADDR=127.0.0.1:4001\nETCD_PEER_ADDR=127.0.0.1:7001\n")
    ways = ["-data-dir /var/lib/" + name, "-run-dir /run/" + name] + ([] if instance else [""])
    service = machines.Service(machine, instance)
    node = network.start(machine, service.start())
    network.run(service.reload())
    # Of the template unit it is the same code: only the ways to it differ.
    for number, order in enumerate(CONTROL if instance is None else ["status", "rotate", "reload", "backup keys.backup", "stop"]):
        if order.startswith("transfer"):
            continue    # there is nobody
        if node.process.poll() is not None:
            node = network.start(machine, service.start())
        network.run("etcdctl control %s %s" % (ways[number % len(ways)], order))
    # The user of the service, too.
    network.start(machine, service.start())
    for way in ways:
        network.run("setpriv --reuid=%d --regid=%d --clear-groups etcdctl control %s status" % (machines.UID, machines.UID, way))


def test_the_init_script_in_its_own_directories(network):
    machine = network.machine("machine1")
    machine.copy("contrib/init/etcd.init", "/etc/init.d/etcd")
    with open(os.path.join(commands.BUILD, "contrib/init/etcd.logrotate")) as file:
        rotation = file.read()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        network.run("sh /etc/init.d/etcd start")
        with open(machine.path("/run/etcd/etcd.pid")) as file:
            pid = int(file.read())
        threading.Thread(target=reap, args=(pid,), daemon=True).start()
        for order in ("status", "reload", "restart-worker", "rotate"):
            network.run("sh /etc/init.d/etcd " + order)
        for way in ("", "-data-dir /var/lib/etcd", "-run-dir /run/etcd"):
            network.run("etcdctl control %s status" % way)
        machine.rotate(rotation)
        network.run("sh /etc/init.d/etcd stop")
        assert not alive(pid)
    finally:
        if os.path.exists(machine.path("/run/etcd/etcd.pid")):
            os.kill(pid, signal.SIGKILL)
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
