"""etcdctl: the commands on keys, as people and scripts use them, and beside Debian's
client of the 2.x series, which is played the same story on a node of its own."""

import json
import os
import re
import signal
import socket
import subprocess
import threading

import pytest

import test_clients
from moothall import ETCDCTL, SLOW, free_port, wait_until


class Ctl:
    """etcdctl for some endpoints; program: ours or Debian's."""

    def __init__(self, *addresses, program=ETCDCTL, flags=()):
        self.argv = [program, "--endpoints", ",".join("http://" + a for a in addresses)] + list(flags)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("ETCDCTL_") and "proxy" not in k.lower()}
        self.env["ETCDCTL_API"] = "2"

    def __call__(self, *command, input="", env=None, timeout=60):
        return subprocess.run(self.argv + list(command), input=input, env=dict(self.env, **(env or {})),
                              capture_output=True, text=True, timeout=timeout * SLOW)

    def start(self, *command):
        return subprocess.Popen(self.argv + list(command), env=self.env, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, start_new_session=True)

    def good(self, *command, **more):
        run = self(*command, **more)
        assert run.returncode == 0, (command, run)
        return run.stdout


# Command lines in their order. What they print may hold indexes and times, which
# are the same on two nodes that were told the same.
STORY = [
    "set /k v", "get /k", "-o extended get /k", "-o json get /k", "-o extended set /k w", "-o json set /k <&>",
    "set /k x --swap-with-value <&>", "set /k y --swap-with-value no", "set /k y --swap-with-index 1",
    "mk /k z", "mk /m 1", "-o extended mk /m2 2", "mk --in-order /q a", "-o json mk --in-order /q b",
    "update /k u", "-o extended update /k u2", "-o json update /k u3", "update /none u",
    "mkdir /d", "mkdir /d", "-o extended mkdir /d2", "-o json mkdir /d3", "setdir /s", "setdir /s", "setdir /m2",
    "updatedir /s", "updatedir /none", "get /d", "get /none", "get --quorum /k", "get --sort /k",
    "set /d/a 1", "set /d/sub/b 2", "ls", "ls /", "ls -p", "ls --recursive", "ls -r -p --sort /", "ls /d", "ls d",
    "ls /k", "ls /none", "ls --quorum /d", "-o json ls -r --sort /d", "-o extended ls /d", "rm /d", "rm --dir /d", "rmdir /d",
    "rm --recursive /d", "rmdir /d2", "-o extended rm /k", "rm /k", "rm", "get", "mkdir",
    "set /c 1", "rm --with-value 2 /c", "rm --with-index 1 /c", "-o extended rm --with-value 1 /c",
    "set -- /-c -1", "get -- /-c", "rm -r /", "set / v",
    "watch --after-index 2 /k", "watch -r --after-index 2 /", "-o extended watch --after-index 2 /k",
    "-o json watch --after-index 2 /k", "watch -after-index 3 -recursive /k",
]


def play(ctl):
    out = {}
    for line in STORY:
        run = ctl(*line.split(" "))
        # Sentences about a wrong command line are everybody's own.
        error = run.stderr if run.stderr.startswith(("Error:", "/")) and "required" not in run.stderr else ""
        out[len(out), line] = (run.returncode, run.stdout, error)
    return out


def test_outputs_and_exit_codes_are_those_of_the_client_of_2_x(world):
    if not test_clients.is_of_the_other_etcd():
        pytest.skip("no etcdctl of Debian here")
    ours, theirs = world.node("machine1").start(), world.node("machine1x").start()
    told = play(Ctl(ours.client)), play(Ctl(theirs.client, program="/usr/bin/etcdctl"))
    assert told[0] == told[1]
    assert told[0][len(STORY) - 5, "watch --after-index 2 /k"][1] == "w\n"


def test_the_story_of_every_command(world):
    node = world.node().start()

    def etcdctl(*command):
        run = Ctl(node.client)(*command)
        return run.returncode, run.stdout, run.stderr.strip()
    test_clients.play_story(etcdctl)


def test_a_value_comes_from_standard_input_byte_for_byte(world):
    node = world.node().start()
    ctl = Ctl(node.client)
    for value in ["one line\n", "tab\there\n\n", " ", "ü€ &+%=;#?\n", "x" * 200000]:
        assert ctl.good("set", "/in", input=value) == value + "\n"
        assert node.value("/in") == value
        assert ctl.good("get", "/in") == value + "\n"
    run = ctl("set", "/in", input="")
    assert (run.returncode, run.stdout) == (1, "") and "value required" in run.stderr
    assert ctl.good("set", "/in", "") == "\n"
    assert node.value("/in") == ""


def test_names_of_keys_reach_the_server_as_they_are(world):
    node = world.node().start()
    ctl = Ctl(node.client)
    for key in ["/a b", "/a+b", "/a%20b", "/ü/€", "/q?x=1&y=2#z", "/'quoted\"", "/-dash", "relative/key"]:
        assert ctl.good("set", "--", key, key) == key + "\n"
        assert ctl.good("get", "--", key) == key + "\n"
        assert ctl.good("rm", "--", key) == "PrevNode.Value: %s\n" % key
    assert ctl.good("ls") == "/relative\n/ü\n"


def test_ttl_and_conditions(world):
    node = world.node().start()
    ctl = Ctl(node.client)
    for command in ["set", "mk", "update"]:
        key = "/update" if command == "update" else "/" + command
        ctl.good("set", "/update", "0")
        ctl.good(command, key, "v", "--ttl", "100")
        assert 90 < node.get("/v2/keys" + key).json["node"]["ttl"] <= 100
    ctl.good("mkdir", "--ttl=50", "/dir")
    ctl.good("updatedir", "-ttl", "70", "/dir")
    assert 60 < node.get("/v2/keys/dir").json["node"]["ttl"] <= 70
    index = node.put("/cas", "1").json["node"]["modifiedIndex"]
    assert ctl("set", "/cas", "2", "--swap-with-index", str(index + 1)).returncode == 4
    ctl.good("set", "/cas", "2", "--swap-with-index", str(index))
    run = ctl("set", "/cas", "3", "--swap-with-value", "")
    assert run.returncode == 1 and "--swap-with-index" in run.stderr
    assert node.value("/cas") == "2"
    assert ctl("rm", "/cas", "--with-value", "1").returncode == 4
    ctl.good("rm", "/cas", "--with-value", "2")


def test_wrong_command_lines_say_what_is_allowed_and_ask_nobody(world):
    ctl = Ctl("127.0.0.1:%d" % free_port())
    for command, words in [
            ([], ["a command is missing"]),
            (["sett", "/a", "b"], ['no command "sett"', 'did you mean "set"?']),
            (["ls", "--recursiv"], ["--recursiv", "did you mean --recursive?"]),
            (["get"], ["get needs KEY"]),
            (["get", "/a", "/b"], ['"/b" is one word too many']),
            (["set", "/a", "-5"], ["-5", "write --"]),
            (["set", "/a", "b", "--ttl", "-5"], ["--ttl", '"-5"', "whole number"]),
            (["set", "/a", "b", "--ttl"], ["--ttl needs a value", "SECONDS"]),
            (["set", "/a", "b", "--ttl", "18446744073709551616"], ["--ttl"]),
            (["-o", "xml", "get", "/a"], ["--output", '"xml"', "simple|extended|json"]),
            (["--timeout", "soon", "get", "/a"], ["--timeout", '"soon"', "500ms"]),
            (["--endpoints", "ftp://a", "get", "/a"], ['"ftp://a"', "http://HOST:PORT"]),
            (["--ca-file", "/nonexistent/ca", "get", "/a"], ["/nonexistent/ca", "--ca-file"]),
            (["get", "--ttl", "5", "/a"], ["get has no option --ttl"]),
            (["watch"], ["watch needs KEY"]),
            (["exec-watch", "/a"], ["exec-watch needs KEY COMMAND"]),
    ]:
        run = ctl(*command)
        assert (run.returncode, run.stdout) == (1, ""), (command, run)
        for word in words:
            assert word in run.stderr, (command, run.stderr)
        assert len(run.stderr.splitlines()[0]) <= 200
    run = ctl("get", "/a", env={"ETCDCTL_TIMEOUT": "x"})
    assert run.returncode == 1 and "ETCDCTL_TIMEOUT" in run.stderr


def test_endpoints_are_asked_in_turn_and_others_are_found(world):
    nodes = world.cluster(3)
    dead = "127.0.0.1:%d" % free_port()
    assert Ctl(dead, nodes[1].client).good("set", "/a", "1") == "1\n"
    run = Ctl(dead, nodes[1].client)("--debug", "get", "/a")
    assert run.stderr.count("/v2/machines") == 2 and run.stderr.count("/v2/keys/a") == 1
    run = Ctl(dead)("get", "/a")
    assert run.returncode == 2 and dead in run.stderr and "--endpoints" in run.stderr
    # Known by the others' list only, and without a scheme.
    argv = [ETCDCTL, "-C", nodes[0].client, "--debug", "get", "/a"]
    run = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert run.stdout == "1\n", run
    for name in ["ETCDCTL_PEERS", "ETCDCTL_ENDPOINTS", "ETCDCTL_ENDPOINT"]:
        run = subprocess.run([ETCDCTL, "get", "/a"], capture_output=True, text=True, timeout=60,
                             env=dict(os.environ, **{name: "http://" + nodes[2].client}))
        assert run.stdout == "1\n", (name, run)
    run = Ctl(nodes[0].client)("--no-sync", "--debug", "get", "/a")
    assert "/v2/machines" not in run.stderr


def test_a_shell_can_repeat_what_debug_prints(world):
    node = world.node().start()
    run = Ctl(node.client)("--debug", "set", "/it's a key", "it's a &value")
    line = [l for l in run.stderr.splitlines() if "PUT" in l][0]
    assert line.startswith("cURL Command: curl ")
    node.delete("/it's%20a%20key")
    subprocess.run(line.removeprefix("cURL Command: ") + " -s", shell=True, check=True, capture_output=True, timeout=60)
    assert node.value("/it's%20a%20key") == "it's a &value"


class Silent:
    """A server that takes a request and says nothing, or hangs up."""

    def __init__(self, answer=None):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.answer, self.requests, self.held = answer, [], []
        threading.Thread(target=self._run, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.socket.close()

    def _run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.requests.append(connection.recv(65536).decode())
            if self.answer is None:
                self.held.append(connection)
            else:
                connection.sendall(self.answer)
                connection.close()


def test_a_write_without_an_answer_is_not_repeated_and_says_so(world):
    node = world.node().start()
    with Silent() as silent, Silent(answer=b"") as rude:
        for bad in (silent, rude):
            run = Ctl(bad.address, node.client)("--no-sync", "--total-timeout", "1s", "mk", "--in-order", "/q", "v")
            assert run.returncode == 5, run
            assert "may or may not have been carried out" in run.stderr and bad.address in run.stderr
            assert len(bad.requests) == 1
        assert node.get("/v2/keys/q").status == 404
        # A read may be asked of another.
        node.put("/a", "1")
        run = Ctl(silent.address, node.client)("--no-sync", "--total-timeout", "3s", "get", "/a")
        assert run.stdout == "1\n", run
        run = Ctl(silent.address)("--no-sync", "--total-timeout", "500ms", "get", "/a")
        assert run.returncode == 2 and "--total-timeout" in run.stderr


def test_answers_that_are_none_of_etcd_are_refused(world):
    deep = b"[" * 5000
    for body in [b"<html>", b"{}", b'{"node":', deep, b'{"node":{},"node":{}}', b'{"errorCode":"x"}']:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
        with Silent(answer=head + body) as odd:
            run = Ctl(odd.address)("--no-sync", "get", "/a")
            assert run.returncode == 4 or run.stdout == "\n", (body[:20], run)
            assert "Sanitizer" not in run.stderr
    for status, code in [(401, 3), (403, 3), (502, 4)]:
        answer = b"HTTP/1.1 %d X\r\nContent-Length: 5\r\n\r\nno..\n" % status
        with Silent(answer=answer) as odd:
            run = Ctl(odd.address)("--no-sync", "set", "/a", "b")
            assert run.returncode == code and "answers %d: no.." % status in run.stderr, run


def test_a_redirect_to_the_leader_is_followed_with_the_form(world):
    node = world.node().start()
    head = "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://%s/v2/keys/a\r\nContent-Length: 0\r\n\r\n" % node.client
    with Silent(answer=head.encode()) as follower:
        assert Ctl(follower.address)("--no-sync", "set", "/a", "x y").stdout == "x y\n"
        assert Ctl(follower.address)("--no-sync", "rm", "/a").stdout == "PrevNode.Value: x y\n"


def test_errors_as_json(world):
    node = world.node().start()
    run = Ctl(node.client)("-o", "json", "get", "/none")
    assert (run.returncode, run.stdout) == (4, "")
    assert json.loads(run.stderr)["errorCode"] == 100 and json.loads(run.stderr)["cause"] == "/none"


def test_watch_goes_on_over_a_restart_of_the_workers(world):
    node = world.node().start()
    process = Ctl(node.client).start("watch", "--forever", "-r", "/w")
    try:
        wait_until(lambda: node.get("/v2/stats/store").json["watchers"] == 1, 10, "the watch")
        node.put("/w/a", "1")
        assert process.stdout.readline() == "[set] /w/a\n" and process.stdout.readline() == "1\n"
        for i in range(3):
            assert node.control("restart", "client").returncode == 0
            node.put("/w/%d" % i, str(i))
            assert process.stdout.readline() == "[set] /w/%d\n" % i and process.stdout.readline() == "%d\n" % i
        node.delete("/w/a")
        assert process.stdout.readline() == "[delete] /w/a\n"
        assert process.stdout.readline() == "PrevNode.Value: 1\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(10 * SLOW) == -signal.SIGINT
    finally:
        process.kill()
        process.communicate()


def test_watch_misses_nothing_in_a_rush_nor_while_the_node_is_down(world):
    node = world.node().start()
    index = node.put("/first", "1").json["node"]["modifiedIndex"]
    process = Ctl(node.client).start("--debug", "watch", "--forever", "-r", "/w")
    try:
        wait_until(lambda: node.get("/v2/stats/store").json["watchers"] == 1, 10, "the watch")
        # It breaks before anything came: it goes on where it began.
        node.kill_all()
        lines = iter(process.stderr.readline, "")
        assert any("waitIndex=%d'" % (index + 1) in line for line in lines)
        node.start()
        written = 0
        for burst in range(2):
            for _ in range(100):
                assert node.put("/w/%d" % written, str(written)).status == 201
                written += 1
            for i in range(written - 100, written):
                assert process.stdout.readline() == "[set] /w/%d\n" % i and process.stdout.readline() == "%d\n" % i
            if burst == 0:
                node.kill_all()
                node.start()
    finally:
        process.kill()
        process.communicate()
    # When nobody comes back it ends with a sentence.
    process = Ctl(node.client).start("--total-timeout", "500ms", "watch", "/w")
    try:
        wait_until(lambda: node.get("/v2/stats/store").json["watchers"] == 1, 10, "the watch")
        node.kill_all()
        _, error = process.communicate(timeout=60 * SLOW)
        assert process.returncode == 2 and node.client in error
    finally:
        process.kill()
        process.communicate()


def test_exec_watch_tells_the_command_what_happened(world):
    node = world.node().start()
    index = node.put("/e/a", "first").json["node"]["modifiedIndex"]
    out = os.path.join(world.folder, "out")
    script = 'echo "$0 $1 $ETCD_WATCH_ACTION $ETCD_WATCH_KEY $ETCD_WATCH_MODIFIED_INDEX $ETCD_WATCH_VALUE" >>' + out
    process = Ctl(node.client).start("exec-watch", "--recursive", "--after-index", str(index - 1), "/e",
                                     "--", "sh", "-c", script, "zero", "--forever")
    try:
        def lines():
            return open(out).read().splitlines() if os.path.exists(out) else []
        wait_until(lambda: lines() == ["zero --forever set /e/a %d first" % index], 10, "the first command")
        node.delete("/e/a")
        wait_until(lambda: lines()[1:] == ["zero --forever delete /e/a %d " % (index + 1)], 10, "the second")
    finally:
        process.kill()
        process.communicate()
    run = Ctl(node.client)("exec-watch", "--after-index", str(index - 1), "/e/a", "/nonexistent/program")
    assert run.returncode == 1 and "/nonexistent/program" in run.stderr


def test_help_is_short_and_complete():
    run = Ctl("127.0.0.1:1")("--help")
    assert run.returncode == 0 and len(run.stdout.splitlines()) < 45
    assert all(len(line) <= 80 for line in run.stdout.splitlines())
    assert len(re.findall(r"^  etcdctl ", run.stdout, re.M)) == 3
    for command in re.findall(r"^  ([a-z-]+) ", run.stdout, re.M):
        if command != "etcdctl":
            help_text = Ctl("127.0.0.1:1").good("help", command)
            assert help_text == Ctl("127.0.0.1:1").good(command, "--help")
            assert command in help_text and len(help_text.splitlines()) < 45
    everything = Ctl("127.0.0.1:1").good("--help=all")
    assert all(len(line) <= 80 for line in everything.splitlines())
    assert "--swap-with-value VALUE" in everything and "--total-timeout TIME" in everything


def test_control_speaks_with_the_node(world):
    node = world.node().start()
    run = node.control("status")
    assert run.returncode == 0 and "machine1: ready, leader, term 1" in run.stdout
    assert re.search(r"^raftd +running +\d+ +\d+ s +0 +\d+ +\d+\.\d MiB$", run.stdout, re.M), run.stdout
    assert all(len(line) <= 80 for line in run.stdout.splitlines())
    assert json.loads(node.control("status", "-json").stdout)["name"] == "machine1"
    assert json.loads(node.control("status", "-o", "json").stdout)["name"] == "machine1"
    run = node.control("no-such-thing")
    assert run.returncode == 1 and "no-such-thing" in run.stderr
    run = node.control("restart")
    assert run.returncode == 1 and "control restart needs" in run.stderr
    assert node.control("restart", "client", "1").returncode == 0
    node.stop()
    run = node.control("status")
    assert run.returncode == 3 and "no node is running" in run.stderr
