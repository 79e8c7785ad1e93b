"""The first five minutes: what a newcomer types at a terminal, what is seen there,
and the sentences of what most often goes wrong."""

import os
import re
import signal
import socket
import subprocess

import pytest

from moothall import ETCD, VISIBLE, free_port, sanitized, wait_until
from terminal import Terminal

TRY = re.compile(r"ready in (\d+) ms - try: (curl \S+ -XPUT -d value=Hello)")


@pytest.fixture
def terminal(world):
    opened = []

    def start(argv, **more):
        opened.append(Terminal(argv, **more))
        return opened[-1]

    yield start
    for one in opened:
        one.end()


def test_six_lines_until_ready_the_last_says_what_to_try(world, terminal):
    client, peer = "127.0.0.1:%d" % free_port(), "127.0.0.1:%d" % free_port()
    clean = {k: v for k, v in os.environ.items() if not k.startswith("ETCD_")}
    # The addresses are not part of it: others may have the ports of the defaults.
    seen = terminal([ETCD, "-name", "first", "-addr", client, "-peer-addr", peer], cwd=world.folder, env=clean)
    seen.wait("ready in")
    lines = seen.lines()
    # A build with sanitizers says besides that it is less confined.
    assert len(lines) <= 6 + sanitized(), lines
    start = [i for i, line in enumerate(lines) if line.startswith("etcd ")][0]
    assert re.fullmatch(r"etcd \S+ \(\w+\), data in \./first\.etcd \(new\), \d+ processes", lines[start])
    assert lines[start + 1] == "client http://%s   peer http://%s" % (client, peer)
    assert lines[start + 2] == "page http://%s/ui/" % client
    assert lines[start + 3] == "leader of a new one-node cluster, term 1"
    match = TRY.fullmatch(lines[start + 4])
    assert match and start + 5 == len(lines), lines
    # What it says works.
    answer = subprocess.run(match.group(2).split() + ["-sS"], capture_output=True, text=True, timeout=20)
    assert '"value":"Hello"' in answer.stdout, answer
    # Ctrl-C: one line.
    os.killpg(seen.process.pid, signal.SIGINT)
    assert seen.process.wait(20) == 0
    seen.thread.join(5)
    assert seen.lines()[len(lines):] == ["stopped, all data on disk"]


def test_a_log_has_all_that_scripts_wait_for(world):
    node = world.node("fresh").start()
    wait_until(lambda: "ready in" in node.log(), 5, "the ready line")
    for sentence in ("etcd server [name fresh, listen on %s, advertised url http://%s]" % (node.client, node.client),
                     "peer server [name fresh, listen on %s, advertised url http://%s]" % (node.peer, node.peer),
                     "fresh is starting a new cluster", "fresh: state changed from 'candidate' to 'leader'.",
                     "fresh: leader changed from '' to 'fresh'."):
        assert sentence in node.log()


def test_a_level_that_was_asked_for_counts_at_a_terminal_too(world, terminal):
    node = world.node("n")
    seen = terminal(node.argv() + ["-log-level", "info"])
    seen.wait("ready in")
    assert "etcd server [name n," in seen.text
    seen.process.terminate()
    seen.process.wait(20)
    seen.thread.join(5)
    assert "stopping: how=orderly" in seen.text


def test_who_waits_for_a_leader_says_for_whom(world, terminal):
    nodes = world.cluster(3)
    for node in nodes:
        node.stop()
    # A port that is bound but not listening refuses too.
    held = socket.socket()
    host, port = nodes[1].peer.split(":")
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((host, int(port)))
    with held:
        seen = terminal(nodes[0].argv())
        seen.wait("waiting for a leader: 1 of 3 members reachable (", 20)
        line = [line for line in seen.lines() if line.startswith("waiting")][0]
        inside = re.fullmatch(r"waiting for a leader: 1 of 3 members reachable \((.*)\)", line).group(1)
        assert sorted(inside.split(", ")) == ["machine2 refused", "machine3 refused"]
        assert len(seen.lines()[:seen.lines().index(line) + 1]) <= 6
    nodes[2].start()
    seen.wait("ready in")
    seen.process.terminate()
    assert seen.process.wait(20) == 0


def test_help_fits_a_screen_and_all_of_it_can_be_had():
    for flag in ("-h", "-help", "--help"):
        short = subprocess.run([ETCD, flag], capture_output=True, text=True, timeout=10)
        assert short.returncode == 0 and short.stderr == ""
        assert len(short.stdout.splitlines()) < 40
        assert max(len(line) for line in short.stdout.splitlines()) <= 90
        for word in ("usage: etcd", "-name", "-data-dir", "-peers", "examples", "-help=all"):
            assert word in short.stdout
    full = subprocess.run([ETCD, "--help=all"], capture_output=True, text=True, timeout=10)
    assert full.returncode == 0 and len(full.stdout.splitlines()) > 100
    for line in short.stdout.splitlines():
        if line.startswith("  -"):
            assert line.split()[0] + " " in full.stdout


# ---- what goes wrong

def refusal(world, *flags):
    """Exit code, and the one sentence of at most 200 characters."""
    result = subprocess.run([ETCD] + list(flags), capture_output=True, text=True, timeout=30,
                            cwd=world.folder)
    sentences = [line for line in result.stderr.splitlines() if line.startswith("etcd: ")]
    assert len(sentences) == 1 and len(sentences[0]) <= 200, result.stderr
    assert len(result.stderr.splitlines()) <= 3, result.stderr
    return result.returncode, sentences[0]


def flags(name, **more):
    values = dict({"addr": "127.0.0.1:%d" % free_port(), "peer-addr": "127.0.0.1:%d" % free_port(),
                   "data-dir": "./" + name, "name": name}, **more)
    return [word for option, value in values.items() for word in ("-" + option, value)]


def test_the_sentences_of_common_mistakes(world):
    node = world.node("m1", flags=VISIBLE).start()
    assert refusal(world, *flags("m2", addr=node.client)) == (1,
        "etcd: cannot listen on %s (-addr): in use by pid %d (etcd); stop it or choose another -addr"
        % (node.client, node.process.pid))
    assert refusal(world, "-peer-adr", "127.0.0.1:7001") == (2,
        "etcd: no option -peer-adr; did you mean -peer-addr? (etcd --help)")
    code, sentence = refusal(world, *flags("m1"))
    assert code == 4 and re.fullmatch(
        r"etcd: data directory \./m1 is in use by process %d since \d{4}-\S+; stop it or choose another -data-dir"
        % node.process.pid, sentence), sentence
    os.makedirs(os.path.join(world.folder, "go.etcd", "member", "wal"))
    assert refusal(world, *flags("go.etcd")) == (3,
        "etcd: ./go.etcd holds data of another etcd (member/wal); choose another -data-dir; 'etcdctl import' copies the keys of that "
        "etcd while it runs")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs two users")
def test_a_directory_of_another_user(world):
    os.mkdir(os.path.join(world.folder, "m1.etcd"))
    os.chmod(world.folder, 0o755)
    result = subprocess.run(["setpriv", "--reuid=nobody", "--clear-groups", ETCD] + flags("m1.etcd"),
                            capture_output=True, text=True, timeout=30, cwd=world.folder)
    assert (result.returncode, result.stderr.splitlines()[0]) == (2,
        "etcd: ./m1.etcd belongs to root, we run as nobody; chown it or choose another -data-dir")
