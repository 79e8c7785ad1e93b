"""The node seen by a service manager: readiness, reload, watchdog, more time,
sockets passed on at the start and kept over a restart; -ready-fd and -daemon.

The manager's side of both protocols is played here, as sd_notify(3) and
sd_listen_fds(3) describe them.
"""

import array
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from moothall import BUILD, ETCD, SLOW, VISIBLE, Writers, alive, ask, free_port, proc_text, wait_until

# Puts descriptors at 3, 4, ... and becomes the program whose process id it says.
LAUNCH = """
import os, sys
fds, pid, argv = [int(fd) for fd in sys.argv[1].split(",") if fd], sys.argv[2], sys.argv[3:]
high = [os.dup2(fd, 100 + i) for i, fd in enumerate(fds)]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
os.closerange(3 + len(fds), 200)
os.environ["LISTEN_PID"] = pid or str(os.getpid())
os.environ["LISTEN_FDS"] = str(len(fds))
os.execv(argv[0], argv)
"""


class Manager:
    """A service manager: hears what a node says, and keeps its descriptors."""

    def __init__(self, world, abstract=False):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.name = ("@moothall-test-%d" % os.getpid() if abstract
                     else os.path.join(world.folder, "notify"))
        self.socket.bind("\0" + self.name[1:] if abstract else self.name)
        self.heard, self.store = [], []     # (monotonic time, text); (name, fd)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        world.at_close.append(self.close)

    def _run(self):
        while True:
            try:
                text, control, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(4 * 8))
            except OSError:
                return
            if not text:
                return
            fds = array.array("i")
            for level, kind, data in control:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
            lines = text.decode().split("\n")
            name = next((line[7:] for line in lines if line.startswith("FDNAME=")), "stored")
            if "FDSTORE=1" in lines:
                self.store += [(name, fd) for fd in fds]
            if "FDSTOREREMOVE=1" in lines:
                for entry in [entry for entry in self.store if entry[0] == name]:
                    self.store.remove(entry)
                    os.close(entry[1])
            self.heard.append((time.monotonic(), text.decode()))

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(5)
        for _, fd in self.store:
            os.close(fd)

    def times(self, line):
        return [at for at, text in self.heard if line in text.split("\n")]

    def wait(self, line, count=1, timeout=10):
        wait_until(lambda: len(self.times(line)) >= count, timeout, "%s: %r" % (line, self.heard))

    def statuses(self):
        return [line[7:] for _, text in list(self.heard) for line in text.split("\n")
                if line.startswith("STATUS=")]

    def wait_status(self, text, after=0, timeout=10):
        """A status that begins so, not among the first ones; it may have gone by."""
        wait_until(lambda: any(status.startswith(text) for status in self.statuses()[after:]),
                   timeout, "status %s: %r" % (text, self.heard))

    def manage(self, node, **environment):
        """The node's next start is one by this manager, with what it keeps."""
        node.environment = dict({"NOTIFY_SOCKET": self.name}, **environment)
        pass_on(node, self.store)
        return node


def pass_on(node, sockets, pid="", names=None):
    """sockets: (name, descriptor). pid: what LISTEN_PID says, if not the node's."""
    node.pass_fds = [fd for _, fd in sockets]
    node.prefix = [sys.executable, "-c", LAUNCH, ",".join(str(fd) for fd in node.pass_fds), pid]
    node.environment = dict(node.environment,
                            LISTEN_FDNAMES=":".join(name for name, _ in sockets) if names is None else names)


def listener(address):
    host, port = address.rsplit(":", 1)
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((host, int(port)))
    s.listen(64)
    return s


def send_request(address):
    """A connection whose request nobody has read yet."""
    host, port = address.rsplit(":", 1)
    s = socket.create_connection((host, int(port)), timeout=20 * SLOW)
    s.sendall(b"GET /version HTTP/1.0\r\n\r\n")
    return s


def answered(connection):
    with connection:
        return connection.recv(4096).startswith(b"HTTP/1.")


def environment_of(pid):
    return proc_text(pid, "environ").split(" ")


# ---- notifications

def test_the_service_manager_hears_of_each_state(world):
    for abstract in (False, True):
        manager = Manager(world, abstract)
        node = manager.manage(world.node("n%d" % abstract))
        node.start()
        manager.wait("READY=1")
        manager.wait_status("ready: leader of a one-node cluster, term ")
        assert manager.times("STATUS=starting")[0] < manager.times("READY=1")[0]
        for pid in [pid for kind in ("raftd", "client", "peer") for pid in node.pids()[kind]]:
            names = [entry.split("=")[0] for entry in environment_of(pid)]
            assert not {"NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"} & set(names)
        before = len(manager.statuses())
        node.kill("raftd")
        manager.wait_status("degraded: raftd restarting", before)
        manager.wait_status("ready: leader", before)
        assert len(manager.times("READY=1")) == 1
        assert node.stop() == 0
        manager.wait("STOPPING=1")
        manager.wait_status("stopping", before)


def test_a_reload_is_framed_whether_it_succeeds_or_not(world):
    manager = Manager(world)
    node = manager.manage(world.node())
    node.environment["ETCD_CONFIG"] = path = os.path.join(world.folder, "etcd.conf")
    for number, text in enumerate(['cors = ["*"]\n', "cors = 7\n"], 1):
        with open(path, "w") as file:
            file.write(text if number > 1 else "")
        if number == 1:
            node.start()
            manager.wait("READY=1")
            with open(path, "w") as file:
                file.write(text)
        before = time.monotonic()
        os.kill(node.process.pid, signal.SIGHUP)
        manager.wait("READY=1", 1 + number)
        told = [text for _, text in manager.heard if text.startswith("RELOADING=1\n")]
        assert len(told) == number
        told_us = int(told[-1].split("MONOTONIC_USEC=")[1].split("\n")[0])
        assert before * 1e6 <= told_us <= time.monotonic() * 1e6
        wait_until(lambda: manager.statuses()[-1].startswith("ready"), 5, "the status to be back")
    assert "not reloaded" in node.log()


def test_the_watchdog_is_fed_only_while_every_child_is_alive(world):
    manager = Manager(world)
    node = manager.manage(world.node(), WATCHDOG_USEC="400000")
    node.start()
    manager.wait("WATCHDOG=1", 3)
    stopped = node.pid_of("client")
    begin = time.monotonic()
    os.kill(stopped, signal.SIGSTOP)
    # Ten seconds of silence are borne, and the child is killed two seconds later.
    wait_until(lambda: not alive(stopped), 20, "the stopped worker to be killed")
    fed = manager.times("WATCHDOG=1")
    assert len([at for at in fed if begin < at < begin + 8]) > 20
    manager.wait("WATCHDOG=1", len(fed) + 3)
    fed = [at for at in manager.times("WATCHDOG=1") if at > begin]
    assert max(after - at for at, after in zip(fed, fed[1:])) > 1


def test_a_watchdog_of_another_process_is_not_ours(world):
    manager = Manager(world)
    node = manager.manage(world.node(), WATCHDOG_USEC="100000", WATCHDOG_PID="1")
    node.start()
    manager.wait("READY=1")
    node.stop()
    assert manager.times("WATCHDOG=1") == []


def test_a_long_recovery_asks_for_more_time(world):
    libexec, gate = os.path.join(world.folder, "libexec"), os.path.join(world.folder, "gate")
    os.mkdir(libexec)
    for name in ("httpd", "resolver"):
        os.symlink(os.path.abspath(os.path.join(BUILD, "libexec", name)), os.path.join(libexec, name))
    with open(os.path.join(libexec, "raftd"), "w") as file:
        file.write("#!/bin/sh\nwhile [ ! -e %s ]; do sleep 0.05; done\nexec %s \"$@\"\n"
                   % (gate, os.path.abspath(os.path.join(BUILD, "libexec", "raftd"))))
    os.chmod(os.path.join(libexec, "raftd"), 0o755)
    manager = Manager(world)
    node = manager.manage(world.node(flags=["-libexec-dir", libexec, "-sandbox", "off",
                                            "-start-timeout", "1"]))
    node.start(wait=False)
    manager.wait("EXTEND_TIMEOUT_USEC=30000000", timeout=15)
    manager.wait_status("starting: raftd recovers for more than 5 s")
    assert not manager.times("READY=1")
    open(gate, "w").close()
    manager.wait("READY=1")
    node.wait_ready()


# ---- sockets of the service manager

def test_sockets_of_the_service_manager_are_taken(world):
    node = world.node()
    sockets = [("client", listener(node.client)), ("peer", listener(node.peer))]
    early = [send_request(node.client), send_request(node.peer)]
    pass_on(node, [(name, s.fileno()) for name, s in sockets])
    node.start()
    assert all(answered(connection) for connection in early)
    assert "warn supervisor" not in node.log()
    node.stop()
    # They are still there, and so is who connects meanwhile.
    late = send_request(node.client)
    node.start()
    assert answered(late)
    node.stop()
    for _, s in sockets:
        s.close()


def test_a_socket_elsewhere_is_taken_with_a_warning(world):
    node = world.node()
    elsewhere = "127.0.0.1:%d" % free_port()
    with listener(elsewhere) as s, open(os.devnull) as other:
        pass_on(node, [("", other.fileno()), ("client", s.fileno())], names="web:client")
        node.start(wait=False)
        wait_until(lambda: "ready in" in node.log(), 10, "the node to be ready")
        assert ask(elsewhere, "GET", "/v2/keys/").status == 200
        log = node.log()
        assert "listens where the service manager says, not where -addr does: socket=" + elsewhere in log
        assert 'its name has to be client or peer: name="web"' in log
        node.stop()


def test_what_is_no_listening_socket_is_refused(world):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, socket.socket() as unbound:
        for number, wrong in enumerate((s, unbound)):
            node = world.node("n%d" % number)
            pass_on(node, [("client", wrong.fileno())])
            node.start(wait=False)
            assert node.process.wait(20 * SLOW) == 2
            assert 'etcd: the socket "client" of the service manager is none that listens' in node.log()


def test_sockets_for_another_process_are_not_taken(world):
    node = world.node()
    with listener("127.0.0.1:%d" % free_port()) as s:
        pass_on(node, [("client", s.fileno())], pid="1")
        node.start()
        assert node.get("/version").status == 200


def test_a_restart_with_kept_sockets_refuses_no_connection(world):
    manager = Manager(world)
    node = manager.manage(world.node())
    node.start()
    manager.wait("READY=1")
    wait_until(lambda: len(manager.store) == 4, 5, "four descriptors")
    assert sorted(name for name, _ in manager.store) == ["client", "client-own", "peer", "peer-own"]
    with Writers([node.client], threads=4) as writers:
        writers.wait_more(50)
        for start in range(2, 4):
            assert node.stop() == 0
            manager.manage(node).start()
            manager.wait("READY=1", start)
            writers.wait_more(50)
    assert writers.broken == 0 and writers.failed == []
    writers.check(node)
    # They were not given a second time, and none was let go of.
    assert len(manager.store) == 4


def test_a_kept_socket_gives_way_to_a_new_address(world):
    manager = Manager(world)
    node = manager.manage(world.node())
    node.start()
    wait_until(lambda: len(manager.store) == 4, 5, "four descriptors")
    node.stop()
    old, node.client = node.client, "127.0.0.1:%d" % free_port()
    manager.manage(node).start()
    assert "warn supervisor" not in node.log()
    wait_until(lambda: len(manager.store) == 4, 5, "the new socket to be kept")
    ports = {socket.socket(fileno=os.dup(fd)).getsockname()[1] for name, fd in manager.store
             if name in ("client", "peer")}
    assert ports == {int(node.client.split(":")[1]), int(node.peer.split(":")[1])}
    with socket.socket() as s:
        assert s.connect_ex(("127.0.0.1", int(old.split(":")[1]))) != 0


# ---- without a service manager

def test_a_line_on_a_descriptor_when_ready(world):
    reader, writer = os.pipe()
    node = world.node()
    node.flags, node.pass_fds = ["-ready-fd", str(writer)], [writer]
    node.start(wait=False)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        # One line and the end of the file: nobody else has the other end.
        assert pipe.read() == b"\n"
    assert ask(node.client, "GET", "/v2/keys/").status == 200


def test_a_descriptor_that_is_not_there(world):
    for value, words in (("77", "-ready-fd: 77 is not open"), ("x", '-ready-fd: "x" is not the number')):
        result = subprocess.run([ETCD, "-data-dir", os.path.join(world.folder, "d"), "-ready-fd", value],
                                capture_output=True, text=True, timeout=20)
        assert result.returncode == 2 and words in result.stderr


def daemon(world, node, *more):
    argv = node.argv() + ["-daemon", "-pid-file", os.path.join(world.folder, "pid"),
                          "-log-output", os.path.join(world.folder, "log")] + list(more)
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=30 * SLOW)


def test_in_the_background_once_it_is_ready(world):
    node = world.node(flags=VISIBLE)
    result = daemon(world, node)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    with open(os.path.join(world.folder, "pid")) as file:
        pid = int(file.read())
    try:
        # At once: the exit code of the start told the truth.
        assert ask(node.client, "GET", "/v2/keys/").status == 200
        assert os.getsid(pid) == pid
        log = os.path.join(world.folder, "log")
        for fd, target in ((0, "/dev/null"), (1, log), (2, log)):
            assert os.readlink("/proc/%d/fd/%d" % (pid, fd)) == target
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not alive(pid), 15, "the node to end")
    assert not os.path.exists(os.path.join(world.folder, "pid"))


def test_a_start_in_the_background_that_fails_says_why(world):
    node = world.node()
    with listener(node.client):
        result = daemon(world, node)
    assert result.returncode == 1
    assert result.stderr.startswith("etcd: cannot listen on %s (-addr): in use by pid %d"
                                    % (node.client, os.getpid()))
    for wrong, words in ((["-log-output", "stderr"], "-daemon needs a -log-output"),
                         (["-pid-file", ""], "-daemon needs -pid-file")):
        result = daemon(world, node, *wrong)
        assert result.returncode == 2 and words in result.stderr
