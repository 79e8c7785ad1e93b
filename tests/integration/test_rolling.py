"""Every process restarted and replaced by command, while clients write, read and
watch: no request fails, no watch misses or repeats an event, no connection is
closed that HTTP does not allow to close.

MOOTHALL_ROLLING_ROUNDS=5 repeats the rounds of the long ones.
"""

import http.client
import json
import os
import select
import shutil
import signal
import stat
import subprocess
import threading
import time

import pytest

from certificates import Authority
from moothall import BUILD, SLOW, VISIBLE, ask, wait_until
from wire import Wire, request

ROUNDS = int(os.environ.get("MOOTHALL_ROLLING_ROUNDS", "1"))
# The load: how long a reader waits between requests, and how long a connection rests.
PACE_S, REST_S = 0.003, 0.05
# Writers wait for watchers that are further behind: the history has 1000 events.
BEHIND_MAX = 300


class Client(threading.Thread):
    """One kept connection. Follows HTTP: makes a new one after "Connection: close",
    or when the server closed it between two requests; all else is a failure."""

    def __init__(self, address, tls=None):
        super().__init__(daemon=True)
        self.host, port = address.rsplit(":", 1)
        self.port, self.tls = int(port), tls
        self.connection = None
        self.stopping = threading.Event()
        self.done, self.told, self.closed, self.failed = 0, 0, 0, []

    def connect(self):
        if self.tls is None:
            self.connection = http.client.HTTPConnection(self.host, self.port, timeout=20 * SLOW)
        else:
            self.connection = http.client.HTTPSConnection(self.host, self.port, timeout=20 * SLOW,
                                                          context=self.tls)
        self.connection.connect()

    def drop(self):
        self.connection.close()
        self.connection = None

    def ask(self, method, path, body=None):
        if self.connection is not None and select.select([self.connection.sock], [], [], 0)[0]:
            self.closed += 1
            self.drop()
        if self.connection is None:
            self.connect()
        head = {} if body is None else {"Content-Type": "application/x-www-form-urlencoded"}
        self.connection.request(method, path, body, head)
        response = self.connection.getresponse()
        data = response.read()
        if response.will_close:
            self.told += 1
            self.drop()
        return response.status, data

    def run(self):
        try:
            while not self.stopping.is_set():
                self.step()
                self.done += 1
        except (OSError, http.client.HTTPException, AssertionError, ValueError) as error:
            self.failed.append("%s after %d: %r" % (type(self).__name__, self.done, error))
        finally:
            if self.connection is not None:
                self.connection.close()

    def stop(self):
        self.stopping.set()


class Writer(Client):
    def __init__(self, address, number, watchers, tls=None):
        super().__init__(address, tls)
        self.key, self.watchers = "/load/%d" % number, watchers

    def step(self):
        status, body = self.ask("PUT", "/v2/keys%s" % self.key, "value=%d" % self.done)
        assert status in (200, 201), (status, body)
        index = json.loads(body)["node"]["modifiedIndex"]
        wait_until(lambda: self.stopping.is_set() or
                   index - min(w.next for w in self.watchers) <= BEHIND_MAX, 30, "the watchers")
        status, body = self.ask("GET", "/v2/keys%s" % self.key)
        assert status == 200 and json.loads(body)["node"]["value"] == str(self.done), (status, body)


class Reader(Client):
    def step(self):
        status, body = self.ask("GET", "/v2/keys/load?recursive=true" +
                                ("&quorum=true" if self.done % 2 else ""))
        assert status == 200, (status, body)
        time.sleep(PACE_S)


class Slow(Client):
    """Mostly idle, so that its connection is found at rest; and half a request
    is under way when it is not."""

    def step(self):
        if self.connection is None:
            self.connect()
        self.connection.sock.sendall(b"GET /v2/keys/load HT")
        time.sleep(REST_S)
        self.connection.sock.sendall(b"TP/1.1\r\nHost: h\r\n\r\n")
        response = http.client.HTTPResponse(self.connection.sock, method="GET")
        response.begin()
        response.read()
        assert response.status == 200
        if response.will_close:
            self.told += 1
            self.drop()
        time.sleep(REST_S)


class Poller(Client):
    """Long polls, each for the event behind the last."""

    def __init__(self, address, since, tls=None):
        super().__init__(address, tls)
        self.next, self.events = since, []

    def step(self):
        status, body = self.ask("GET", "/v2/keys/?wait=true&recursive=true&waitIndex=%d" % self.next)
        if status == 200 and not body and self.tls is not None:
            return          # a watch that ended: asked again
        assert status == 200 and body, (status, body)
        self.events.append(json.loads(body)["node"]["modifiedIndex"])
        self.next = self.events[-1] + 1


class Stream(Client):
    """One stream of events; with TLS another one where it ended."""

    def __init__(self, address, since, tls=None):
        super().__init__(address, tls)
        self.next, self.events, self.response = since, [], None

    def step(self):
        if self.response is None:
            self.connect()
            self.connection.request("GET", "/v2/keys/?wait=true&recursive=true&stream=true"
                                    "&waitIndex=%d" % self.next)
            self.response = self.connection.getresponse()
            assert self.response.status == 200
        line = self.response.readline()
        if not line and self.tls is not None:
            self.response = None
            self.told += 1
            return
        assert line, "the stream ended"
        self.events.append(json.loads(line)["node"]["modifiedIndex"])
        self.next = self.events[-1] + 1


class Load:
    """Clients of each kind on each address, through some rounds of something."""

    def __init__(self, nodes, tls=None):
        first = nodes[0].put("/begin", "x").json["node"]["modifiedIndex"] + 1
        self.nodes, self.first, self.tls = nodes, first, tls
        addresses = [node.client for node in nodes]
        self.watchers = [kind(a, first, tls) for a in addresses for kind in (Poller, Stream)]
        self.writers = [Writer(a, 10 * i + k, self.watchers, tls)
                        for i, a in enumerate(addresses) for k in range(2)]
        nodes[0].put("/load/0", "x")
        for node in nodes:
            wait_until(lambda: node.get("/v2/keys/load/0").status == 200, 10, "the first key")
        self.others = [kind(a, tls) for a in addresses for kind in (Reader, Slow)]
        if tls is not None:
            self.others = [o for o in self.others if not isinstance(o, Slow)]
        self.all = self.writers + self.watchers + self.others

    def __enter__(self):
        for client in self.all:
            client.start()
        self.go_on(20)
        return self

    def __exit__(self, kind, *unused):
        for client in self.all if kind is not None else self.writers + self.others:
            client.stop()
        if kind is not None:
            return
        for client in self.writers + self.others:
            client.join(30 * SLOW)
        last = self.nodes[0].put("/end", "x").json["node"]["modifiedIndex"]
        for watcher in self.watchers:
            wait_until(lambda: watcher.failed or watcher.next > last, 15, "the last event")
            assert not watcher.failed, watcher.failed
            watcher.stop()
            assert watcher.events[:last + 1 - self.first] == list(range(self.first, last + 1)), \
                "a gap or a repeat"
        # The last thing that they wait for.
        self.nodes[0].put("/over", "x")
        assert not self.failures(), self.failures()
        self.requests = sum(c.done for c in self.all)

    def failures(self):
        return [text for client in self.all for text in client.failed]

    def go_on(self, count):
        """Every client has got further."""
        goals = [(c, c.done + (1 if isinstance(c, Slow) else count)) for c in self.all]
        wait_until(lambda: self.failures() or all(c.done >= goal for c, goal in goals), 30,
                   "every client to go on")
        assert not self.failures(), self.failures()

    def told_to_close(self):
        return sum(c.told for c in self.all)

    def found_closed(self):
        return sum(c.closed for c in self.all)


def control(node, *words):
    answer = node.control(*words)
    assert answer.returncode == 0, (words, answer.stdout, answer.stderr)
    return answer.stdout


def all_pids(node):
    return sorted(pid for kind in node.pids().values() for pid in kind)


def term(node):
    return node.status()["term"]


def handed_over(node):
    page = ask(node.client, "GET", "/metrics", tls=node.tls).body.decode()
    return sum(int(line.split()[-1]) for line in page.splitlines()
               if line.startswith("etcd_http_connections_handed_over_total"))


def replace_all(node):
    """Every process but the supervisor; none is there twice in the end."""
    before = node.pids()
    control(node, "restart", "all")
    wait_until(lambda: not set(before["client"]) & set(node.pids()["client"]), 15,
               "the old workers to end")
    after = node.pids()
    for kind in ("raftd", "peer", "client"):
        assert not set(before[kind]) & set(after[kind]) and len(after[kind]) == len(before[kind])


# ---- restarts ------------------------------------------------------------------------


def test_client_workers_are_replaced_and_no_connection_notices(world):
    node = world.node(flags=["-workers", "2"]).start()
    with Load([node]) as load:
        for _ in range(2 * ROUNDS):
            before = node.pids()["client"]
            control(node, "restart", "client")
            wait_until(lambda: not set(before) & set(node.pids()["client"]), 10, "the old ones to end")
            load.go_on(10)
    assert load.told_to_close() == load.found_closed() == 0
    assert handed_over(node) > 0


def test_fewer_workers_and_more_again_close_no_connection(world):
    config = os.path.join(world.folder, "etcd.conf")

    def workers(count):
        with open(config, "w") as file:
            file.write("[server]\nworkers = %d\n" % count)
    workers(3)
    node = world.node(flags=["-config", config]).start()
    with Load([node]) as load:
        for count in (1, 3, 2):
            workers(count)
            control(node, "reload")
            wait_until(lambda: len(node.pids()["client"]) == count, 15, "%d workers" % count)
            load.go_on(10)
    assert load.told_to_close() == load.found_closed() == 0


def test_every_process_of_a_single_node_is_restarted(world):
    node = world.node(flags=["-workers", "2"]).start()
    with Load([node]) as load:
        for _ in range(2 * ROUNDS):
            replace_all(node)
            load.go_on(10)
    assert load.told_to_close() == load.found_closed() == 0


def test_every_process_of_a_cluster_is_restarted_with_no_election_but_transfers(world):
    nodes = world.cluster(flags=["-workers", "2"])
    with Load(nodes) as load:
        for _ in range(ROUNDS):
            for node in nodes:
                before, leads = term(node), node is world.leader_of(nodes)
                replace_all(node)
                load.go_on(5)
                assert term(node) == before + (1 if leads else 0)
    assert load.told_to_close() == load.found_closed() == 0


def test_with_tls_watches_end_and_connections_are_told(world):
    authority = Authority(world.folder)
    pair = authority.issue("machine")
    node = world.node(flags=pair.flags() + ["-workers", "2"], tls=authority.context()).start()
    with Load([node], tls=authority.context()) as load:
        for _ in range(ROUNDS):
            replace_all(node)
            load.go_on(10)
    assert load.told_to_close() > 0


def test_a_drained_node_says_so_and_goes_on(world):
    node = world.node(flags=["-workers", "2"]).start()
    assert node.get("/health").status == 200
    with Load([node]) as load:
        control(node, "drain")
        wait_until(lambda: {node.get("/health").status for _ in range(8)} == {503}, 5, "503")
        load.go_on(5)
        # Also those that come later.
        replace_all(node)
        assert {node.get("/health").status for _ in range(8)} == {503}
        assert node.put("/during", "x").status == 201
        assert node.get("/health").json["reason"] == "drained by the operator"
        assert "machine1: ready, drained, leader, " in control(node, "status")
        assert json.loads(control(node, "status", "--json"))["state"] == "ready, drained"
        control(node, "undrain")
        wait_until(lambda: {node.get("/health").status for _ in range(8)} == {200}, 5, "200")
        assert "machine1: ready, leader, " in control(node, "status")
    assert load.told_to_close() == load.found_closed() == 0


# ---- another program -----------------------------------------------------------------


class Programs:
    """The programs of a node in a folder of their own, to be replaced like a
    package manager does: each file by another one of its name."""

    NAMES = ("etcd", "libexec/raftd", "libexec/httpd", "libexec/resolver")

    def __init__(self, world, name="bin"):
        self.folder = os.path.join(world.folder, name)
        os.makedirs(os.path.join(self.folder, "libexec"))
        self.install(BUILD)

    def path(self, name):
        return os.path.join(self.folder, name)

    def put(self, name, source):
        shutil.copy(source, self.path(name) + ".new")
        os.rename(self.path(name) + ".new", self.path(name))

    def write(self, name, text):
        with open(self.path(name) + ".new", "w") as file:
            file.write(text)
        os.chmod(self.path(name) + ".new", 0o755)
        os.rename(self.path(name) + ".new", self.path(name))

    def install(self, folder):
        for name in self.NAMES:
            if os.path.exists(os.path.join(folder, name)):
                self.put(name, os.path.join(folder, name))

    def newer(self):
        self.install(os.path.join(BUILD, "tests", "newer"))

    def older(self):
        self.install(BUILD)


def version(node):
    """As each worker says, and the supervisor's metric."""
    said = {node.get("/version").json["moothall"] for _ in range(8)}
    page = node.get("/metrics").body.decode()
    said |= {line.split('"')[1] for line in page.splitlines()
             if line.startswith("etcd_build_info{") and line.endswith(" 1")}
    return said


def all_are_of_their_files(node):
    """No process runs a file that was replaced."""
    links = [os.readlink("/proc/%d/exe" % pid) for pid in all_pids(node)]
    return not any(link.endswith(" (deleted)") for link in links)


def descriptors(pid):
    return sorted(stat.S_IFMT(os.stat("/proc/%d/fd/%s" % (pid, name)).st_mode)
                  for name in os.listdir("/proc/%d/fd" % pid))


def replaced(node, before):
    after = node.pids()
    return after["supervisor"] == before["supervisor"] and all(
        len(after[kind]) == len(before[kind]) and not set(after[kind]) & set(before[kind])
        for kind in ("raftd", "peer", "client"))


def upgrade_by_signal(node):
    before, done = node.pids(), node.log().count("upgrade: done")
    node.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: node.log().count("upgrade: done") > done, 30, "the upgrade\n" + node.log())
    wait_until(lambda: replaced(node, before), 15, "the old processes to end")


def test_all_programs_of_a_single_node_are_replaced(world):
    programs = Programs(world)
    pid_file = os.path.join(world.folder, "pid")
    node = world.node(flags=["-workers", "2", "-pid-file", pid_file] + VISIBLE)
    node.program = programs.path("etcd")
    node.start()
    older = version(node)
    control(node, "drain")
    with Load([node]) as load:
        for round_number in range(ROUNDS):
            programs.newer()
            upgrade_by_signal(node)
            load.go_on(10)
            assert version(node) == {older.copy().pop() + "-newer"}
            assert all_are_of_their_files(node)
            if round_number == 0:
                held = descriptors(node.process.pid)
            programs.older()
            before = node.pids()
            assert control(node, "upgrade").startswith("etcd ")
            wait_until(lambda: replaced(node, before), 15, "the old processes to end")
            load.go_on(10)
            assert version(node) == older
            # One of a process that has just ended may be there for a moment longer.
            wait_until(lambda: descriptors(node.process.pid) == held, 10, "no descriptor more than before")
    assert load.told_to_close() == load.found_closed() == 0
    # What an operator asked for stays; so do the lock, the pid file and the counters.
    assert node.get("/health").status == 503
    assert "in use by process" in refused_start(node)
    with open(pid_file) as file:
        assert int(file.read()) == node.process.pid
    assert handed_over(node) > 0
    assert node.stop() == 0
    assert not os.path.exists(pid_file)


def refused_start(node):
    return subprocess.run(node.argv(), capture_output=True, text=True, timeout=30).stderr


def test_all_programs_of_a_cluster_are_replaced_with_no_election_but_transfers(world):
    programs = Programs(world)
    nodes = [world.node("machine%d" % (i + 1), flags=["-workers", "2"] + VISIBLE) for i in range(3)]
    for i, node in enumerate(nodes):
        node.program = programs.path("etcd")
        node.peers = [other.peer for other in nodes if other is not node] if i else []
        node.start()
    world.wait_voters(nodes)
    older = version(nodes[0])
    with Load(nodes) as load:
        for round_number in range(ROUNDS):
            programs.newer() if round_number % 2 == 0 else programs.older()
            for node in nodes:
                before, leads = term(node), node is world.leader_of(nodes)
                upgrade_by_signal(node)
                load.go_on(5)
                assert term(node) == before + (1 if leads else 0)
            assert (version(nodes[0]) == older) == (round_number % 2 == 1)
            assert all(all_are_of_their_files(node) for node in nodes)
    assert load.told_to_close() == load.found_closed() == 0


BROKEN = {
    "not a program": (lambda p: p.write("etcd", "no program\n"), ""),
    "says nothing and ends well": (lambda p: p.write("etcd", "#!/bin/sh\nexit 0\n"), ""),
    "is gone": (lambda p: os.unlink(p.path("etcd")), ""),
    "is another program": (lambda p: p.put("etcd", os.path.join(BUILD, "etcdctl")), "etcdctl"),
    "has a worker that does not run": (lambda p: p.write("libexec/httpd", "#!/bin/sh\nexit 1\n"),
                                       "libexec/httpd does not run"),
    # One file of a build was copied and the others were forgotten.
    "only etcd is newer": (lambda p: p.put("etcd", os.path.join(BUILD, "tests/newer/etcd")),
                           "libexec/raftd does not run, or is of another build than this etcd"),
    "raftd is newer": (lambda p: p.put("libexec/raftd", os.path.join(BUILD, "tests/newer/libexec/raftd")),
                       "libexec/raftd does not run, or is of another build than this etcd"),
    "a worker is newer": (lambda p: p.put("libexec/httpd", os.path.join(BUILD, "tests/newer/libexec/httpd")),
                          "libexec/httpd does not run, or is of another build than this etcd"),
    "has no raftd": (lambda p: os.unlink(p.path("libexec/raftd")), "raftd"),
}


def test_a_program_that_fails_its_check_keeps_the_old_one_running(world):
    programs = Programs(world)
    node = world.node(flags=["-workers", "2"])
    node.program = programs.path("etcd")
    node.start()
    before = all_pids(node)
    with Load([node]) as load:
        for what, (damage, said) in BROKEN.items():
            damage(programs)
            answer = node.control("upgrade")
            assert answer.returncode == 1 and said in answer.stderr, (what, answer)
            if what == "is gone":
                told = node.log().count("upgrade: not done")
                node.process.send_signal(signal.SIGUSR2)
                wait_until(lambda: node.log().count("upgrade: not done") > told, 15, "a refusal")
            assert all_pids(node) == before, what
            load.go_on(2)
            programs.older()
        programs.newer()
        upgrade_by_signal(node)
    assert load.told_to_close() == load.found_closed() == 0


def test_a_new_worker_that_does_not_come_up_leaves_the_old_one_serving(world):
    programs = Programs(world)
    node = world.node(flags=["-workers", "2", "-sandbox", "off"])    # may run a script
    node.program = programs.path("etcd")
    node.start()
    before = all_pids(node)
    with Load([node]) as load:
        programs.newer()
        programs.write("libexec/httpd", "#!/bin/sh\n[ $1 = --check ] && exit 0\nexit 2\n")
        answer = node.control("upgrade")
        assert answer.returncode == 1 and "client 1 ended with code 2" in answer.stderr, answer
        assert all_pids(node) == before
        load.go_on(5)
        programs.newer()
        upgrade_by_signal(node)
        load.go_on(5)
        assert len(version(node)) == 1
    assert load.told_to_close() == load.found_closed() == 0


@pytest.mark.parametrize("text, said", [
    ("[server]\nsandbox = \"off\"\n", "-sandbox is \"off\" now and was \"best\""),
    ("[server]\nworkers = -1\n", "workers")])
def test_options_that_cannot_be_taken_over_are_named(world, text, said):
    config = os.path.join(world.folder, "etcd.conf")
    open(config, "w").close()
    node = world.node(flags=["-config", config]).start()
    before = all_pids(node)
    with open(config, "w") as file:
        file.write(text)
    answer = node.control("upgrade")
    assert answer.returncode == 1 and said in answer.stderr, answer
    assert all_pids(node) == before
    assert node.put("/a", "b").status == 201


def test_the_logs_go_on_and_a_watch_is_one_line(world):
    path, access = os.path.join(world.folder, "log"), os.path.join(world.folder, "access.log")
    node = world.node(flags=["-workers", "1", "-log-output", path, "-access-log", access]).start()

    def lines(file_path, what):
        with open(file_path) as file:
            return [line for line in file if what in line]
    with Wire(node.client) as stream:
        stream.send(request("GET", "/v2/keys/seen?wait=true&stream=true"))
        stream.head()
        control(node, "restart", "client")
        control(node, "upgrade")
        node.put("/seen", "x")
        assert b'"value":"x"' in stream.chunk()
        assert not lines(access, "wait")
    wait_until(lambda: lines(access, "wait"), 5, "the watch in the access log")
    assert len(lines(access, "wait")) == 1
    assert " GET /v2/keys/seen?wait&stream " in lines(access, "wait")[0]
    assert lines(path, "upgrade: took over") and lines(path, "upgrade: done")
    # Of a worker of the old program, by the pipe that the new one was handed.
    assert lines(path, "raftd closed the channel") or lines(path, "recovered at log index")
