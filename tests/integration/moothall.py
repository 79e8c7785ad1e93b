"""Real nodes on loopback for the black-box tests: start, ask, kill, look.

Every node is started in a session of its own; stop_all ends what a test left,
by pid, and says what should not have been there.
"""

import atexit
import http.client
import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse



def open_to_all(path):
    """May every user go there?"""
    path = os.path.realpath(path)
    while os.stat(path).st_mode & 0o001:
        if path == "/":
            return True
        path = os.path.dirname(path)
    return False


def build_for_all(build):
    """The build; for root, who makes other users run it, a copy if it is in a place of his own."""
    if os.geteuid() != 0 or open_to_all(build):
        return build
    copy = tempfile.mkdtemp(prefix="moothall-build-")
    os.chmod(copy, 0o755)
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    for part in ("etcd", "etcdctl", "config.h", "contrib/init", "contrib/kubernetes", "libexec", "supervisor/sample",
                 "tests/confinement/probe", "tests/integration/evil_worker", "tests/newer",
                 "tests/unit/supervisor/toml_print"):
        source, target = os.path.join(build, part), os.path.join(copy, part)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.isdir(source):
            shutil.copytree(source, target)
        elif os.path.exists(source):
            shutil.copy(source, target)
    return copy


def file_for_all(path):
    """The file; for root a copy if it is in a place of his own."""
    if os.geteuid() != 0 or (os.stat(path).st_mode & 0o004 and open_to_all(os.path.dirname(path))):
        return path
    file, copy = tempfile.mkstemp(prefix="moothall-")
    os.close(file)
    atexit.register(os.unlink, copy)
    shutil.copyfile(path, copy)
    os.chmod(copy, 0o644)
    return copy


BUILD = build_for_all(os.environ.get("MOOTHALL_BUILD", os.path.join(os.path.dirname(__file__), "..", "..")))
ETCD = os.path.join(BUILD, "etcd")
ETCDCTL = os.path.join(BUILD, "etcdctl")

with open(os.path.join(BUILD, "config.h"), encoding="utf-8") as file:
    WITH_V3 = "#define WITH_V3 1" in file.read()

# Sanitized builds are slower; deadlines are for liveness, not for speed.
SLOW = float(os.environ.get("MOOTHALL_TEST_SLOW", "1"))


def sanitized():
    with open(ETCD, "rb") as program:
        text = program.read()
        return b"__asan_init" in text or b"__tsan_init" in text


# The last one counts: make check names the same file where it is.
os.environ["TSAN_OPTIONS"] = '%s suppressions="%s"' % (
    os.environ.get("TSAN_OPTIONS", ""),
    file_for_all(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "thread-sanitizer.supp")))

# What a process says that broke a promise of its own, or its supervisor of it.
# A sanitizer that cannot do its work at the end of a process counts, too.
CRASHED = re.compile(r"broken promise: |by=signal (6|7|8|11) |(ERROR|WARNING): \w+Sanitizer|runtime error: |"
                     r"Sanitizer has encountered a fatal error")


def until(check, timeout):
    """Poll check() until it is true or the time is over; returns its last value."""
    end = time.monotonic() + timeout * SLOW
    while True:
        value = check()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.01)


def wait_until(check, timeout=10.0, what="the condition"):
    """As until(). Fails loudly."""
    value = until(check, timeout)
    if not value:
        raise AssertionError("timed out after %.1f s waiting for %s" % (timeout * SLOW, what))
    return value


def wait_log(node, text, timeout=10):
    return wait_until(lambda: re.search(text, node.log()), timeout, "%r in the log of %s" %
                      (text, node.name))


# Flags of a node whose descriptors and memory an ordinary user may look at, too.
VISIBLE = ["-allow-core"]

PORTS = range(12000, 32000)      # none that a connection may take as its own
BLOCK = 500                      # of them, for one run


def _claim_ports():
    """Runs beside one another do not hand out each other's ports while a node is down: a name
    in the kernel says whose a block is, and goes with the process that has it."""
    blocks = list(range(PORTS.start, PORTS.stop, BLOCK))
    random.shuffle(blocks)
    for first in blocks:
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind("\0moothall-test-ports-%d" % first)
            return claim, range(first, first + BLOCK)
        except OSError:
            claim.close()
    raise AssertionError("all ports are other runs'")


_claim, _ports = _claim_ports()
_next_port = itertools.cycle(random.sample(_ports, BLOCK))


def free_port():
    """A port nobody listens on now and that this run has not handed out but long ago."""
    for port in _next_port:
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return "<%d %r>" % (self.status, self.body[:300])


def ask(address, method, path, form=None, timeout=15.0, headers=None, tls=None):
    """One request on a connection of its own, redirects not followed.

    tls: an ssl.SSLContext, for HTTPS.
    """
    host, port = address.rsplit(":", 1)
    if tls is None:
        connection = http.client.HTTPConnection(host, int(port), timeout=timeout * SLOW)
    else:
        connection = http.client.HTTPSConnection(host, int(port), timeout=timeout * SLOW,
                                                 context=tls)
    try:
        body, head = None, dict(headers or {})
        if form is not None:
            body = form if isinstance(form, (str, bytes)) else urllib.parse.urlencode(form)
            head.setdefault("Content-Type", "application/x-www-form-urlencoded")
        connection.request(method, path, body=body, headers=head)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def proc_children(pid):
    out = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open("/proc/%s/stat" % entry) as f:
                    fields = f.read().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid and fields[0] != "Z":
                out.append(int(entry))
    return sorted(out)


def proc_text(pid, name):
    try:
        with open("/proc/%d/%s" % (pid, name), "rb") as f:
            return f.read().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return ""


def held_bytes(pid):
    """Memory of its own. What a process has mapped of files is the kernel's to take back, and LevelDB maps those that
    it reads and writes."""
    text = proc_text(pid, "status")
    return sum(int(kib) << 10 for kib in re.findall(r"Rss(?:Anon|Shmem):\s+(\d+) kB", text))


def state_of(pid):
    """As ps has it: R, S, T, Z; None: it is gone."""
    text = proc_text(pid, "stat")
    return text.rpartition(")")[2].split()[0] if text else None


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def started(pid):
    """When it was, in ticks since the machine was; None: it is gone."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return int(f.read().rpartition(")")[2].split()[19])
    except OSError:
        return None


class Processes:
    """Process ids that are still those of the processes they were when they were added:
    in a long run another one, of anybody, may get the number of one that is gone."""

    def __init__(self):
        self.started = {}

    def add(self, pid):
        self.started[pid] = started(pid)

    def __iter__(self):
        return iter([pid for pid, since in self.started.items() if since is not None and started(pid) == since])


class Node:
    """One etcd with its children.

    tls, peer_tls: an ssl.SSLContext to talk with to the client and the peer port,
    for nodes whose flags make these HTTPS.
    """

    def __init__(self, world, name, directory, peers=(), flags=(), client=None, peer=None,
                 tls=None, peer_tls=None):
        self.tls, self.peer_tls = tls, peer_tls
        self.world, self.name, self.directory = world, name, directory
        self.client = client or "127.0.0.1:%d" % free_port()
        self.peer = peer or "127.0.0.1:%d" % free_port()
        self.peers, self.flags = list(peers), list(flags)
        self.environment, self.prefix, self.pass_fds = {}, [], ()
        self.program = ETCD
        self.process, self.log_path = None, directory + ".log"
        self.seen = Processes()
        self.may_abort = False          # a process of it, as a test wants it

    def argv(self):
        argv = self.prefix + [self.program, "-peer-addr", self.peer, "-addr", self.client,
                "-data-dir", self.directory, "-name", self.name]
        if self.peers:
            argv += ["-peers", ",".join(self.peers)]
        return argv + self.flags

    def start(self, wait=True, timeout=15.0):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.argv(), stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, start_new_session=True,
                                            env=dict(os.environ, **self.environment),
                                            pass_fds=self.pass_fds)
        if wait:
            self.wait_ready(timeout)
        return self

    def wait_ready(self, timeout=15.0):
        def ready():
            if self.process.poll() is not None:
                raise AssertionError("%s ended with %d:\n%s" % (self.name, self.process.returncode, self.log()))
            try:
                return ask(self.client, "GET", "/v2/keys/", timeout=2, tls=self.tls).status == 200
            except (OSError, http.client.HTTPException):
                return False
        wait_until(ready, timeout, "%s to serve\n%s" % (self.name, self.log()))
        self.pids()

    def log(self):
        try:
            with open(self.log_path, errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    # ---- processes

    def pids(self):
        """supervisor, raftd and workers by role: {'raftd': [pid], 'client': [...], 'peer': [pid]}"""
        out = {"supervisor": [self.process.pid], "raftd": [], "client": [], "peer": []}
        if self.process.poll() is not None:
            return out
        for pid in proc_children(self.process.pid):
            self.seen.add(pid)
            title, comm = proc_text(pid, "cmdline"), proc_text(pid, "comm")
            if comm == "raftd":
                out["raftd"].append(pid)
            elif "peer" in title:
                out["peer"].append(pid)
            elif comm == "httpd":
                out["client"].append(pid)
        self.seen.add(self.process.pid)
        return out

    def pid_of(self, kind):
        return wait_until(lambda: self.pids()[kind], 5, "a %s process" % kind)[0]

    def kill(self, kind, sig=signal.SIGKILL):
        """Kill one process of that kind; waits until another is in its place."""
        pid = self.pid_of(kind)
        os.kill(pid, sig)
        wait_until(lambda: not alive(pid), 5, "%d to be gone" % pid)
        return pid

    def kill_all(self):
        """kill -9 of every process of the node at once."""
        # A supervisor that runs may make one more behind our back: who is not killed writes on.
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)
            wait_until(lambda: state_of(self.process.pid) in ("T", "t", "Z", None), 5, "it to stand still")
        self.pids()
        # Not by its number if it has ended: that may be another's by now.
        self.process.kill()
        for pid in sorted(self.seen):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        wait_until(self.gone, 5, "children to be gone")

    def gone(self):
        """All its processes, as far as they were seen, are."""
        return not any(alive(pid) for pid in self.seen)

    def stop(self, sig=signal.SIGTERM, timeout=15.0):
        self.pids()
        self.process.send_signal(sig)
        code = self.process.wait(timeout * SLOW)
        wait_until(self.gone, 5, "children to be gone")
        return code

    # ---- HTTP

    def get(self, path, **more):
        return ask(self.client, "GET", path, tls=self.tls, **more)

    def put(self, key, value, timeout=15.0, **form):
        return ask(self.client, "PUT", "/v2/keys" + key, dict(form, value=value), timeout=timeout,
                   tls=self.tls)

    def delete(self, key, query=""):
        return ask(self.client, "DELETE", "/v2/keys" + key + query, tls=self.tls)

    def value(self, key, quorum=True):
        answer = self.get("/v2/keys%s%s" % (key, "?quorum=true" if quorum else ""))
        return answer.json["node"]["value"] if answer.status == 200 else None

    def leader(self):
        """Peer URL of the leader as this node sees it, or None."""
        try:
            answer = self.get("/v2/leader", timeout=3)
        except (OSError, http.client.HTTPException):
            return None
        return answer.body.decode() if answer.status == 200 else None

    def peer_url(self):
        return "%s://%s" % ("http" if self.peer_tls is None else "https", self.peer)

    def state(self):
        return self.get("/v2/stats/self").json["state"]

    def status(self):
        return json.loads(ask(self.peer, "GET", "/v2/admin/status", tls=self.peer_tls).body)

    def control(self, *command):
        return subprocess.run([ETCDCTL, "control", "-run-dir", os.path.join(self.directory, "run")]
                              + list(command), capture_output=True, text=True, timeout=60)


def start_together(nodes, timeout=15.0):
    """Nodes that need one another: none is waited for before all are started."""
    for node in nodes:
        node.start(wait=False)
    for node in nodes:
        node.wait_ready(timeout)


class World:
    """A temporary folder and the nodes in it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="moothall-test-")
        self.nodes = []
        self.at_close = []      # called when the nodes have ended

    def node(self, name="machine1", **more):
        node = Node(self, name, os.path.join(self.folder, name), **more)
        self.nodes.append(node)
        return node

    def cluster(self, count=3, flags=(), **more):
        """Started one after the other, as the walkthrough does."""
        nodes = [self.node("machine%d" % (i + 1), flags=flags, **more) for i in range(count)]
        for i, node in enumerate(nodes):
            if i > 0:
                node.peers = [other.peer for other in nodes if other is not node]
            node.start()
        self.wait_voters(nodes)
        return nodes

    def wait_voters(self, nodes):
        def all_vote():
            members = nodes[0].status()["members"]
            return len(members) == len(nodes) and all(m["role"] == "voter" for m in members)
        wait_until(all_vote, 15, "all machines to be voters")

    def leader_of(self, nodes, timeout=10.0):
        def agreed():
            urls = {node.leader() for node in nodes}
            url = urls.pop() if len(urls) == 1 else None
            return next((n for n in nodes if url == n.peer_url()), None)
        return wait_until(agreed, timeout, "a leader that all agree on")

    def close(self):
        """Ends everything by pid; returns what was left that should not be."""
        left = []
        for node in self.nodes:
            if node.process is None:
                continue
            if node.process.poll() is None:
                node.kill_all()
            else:
                # If it ended just now, its children see that in their next turn.
                until(node.gone, 5)
            left += ["%s pid %d" % (node.name, p) for p in node.seen if alive(p)]
            # Others would restart it, and nobody would know.
            crash = CRASHED.search(node.log())
            if crash and not node.may_abort:
                left.append("%s log: %s" % (node.name, node.log()[crash.start():][:4000]))
        for call in self.at_close:
            call()
        shutil.rmtree(self.folder, ignore_errors=True)
        return left


class Writers:
    """Threads that write unique values in turn and remember what was answered.

    Keys are PREFIX-T-N; acknowledged ones must be there in the end, each with
    the index it was answered with. Errors of the connection are counted apart.
    """

    def __init__(self, addresses, threads=4, prefix="/load", tls=None):
        self.addresses, self.prefix, self.tls = list(addresses), prefix, tls
        self.stopping = threading.Event()
        self.done, self.failed, self.broken = {}, [], 0
        self.lock = threading.Lock()
        self.longest_gap = 0.0
        self.threads = [threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *unused):
        self.stop()

    def _run(self, number):
        address, count = self.addresses[number % len(self.addresses)], 0
        last = time.monotonic()
        while not self.stopping.is_set():
            key = "%s-%d-%d" % (self.prefix, number, count)
            count += 1
            try:
                answer = ask(address, "PUT", "/v2/keys" + key, {"value": key}, timeout=20,
                             tls=self.tls)
            except (OSError, http.client.HTTPException):
                with self.lock:
                    self.broken += 1
                time.sleep(0.005)
                continue
            now = time.monotonic()
            with self.lock:
                self.longest_gap = max(self.longest_gap, now - last)
                if answer.status in (200, 201):
                    self.done[key] = (answer.status, answer.json["node"]["modifiedIndex"])
                else:
                    self.failed.append((key, answer.status, answer.body))
            last = now

    def count(self):
        with self.lock:
            return len(self.done)

    def wait_more(self, number, timeout=20.0):
        goal = self.count() + number
        wait_until(lambda: self.count() >= goal, timeout, "%d more writes" % number)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(30 * SLOW)

    def check(self, node):
        """Every acknowledged write is there, with its index, and was made once."""
        indexes = [index for _, index in self.done.values()]
        assert len(indexes) == len(set(indexes)), "two writes were answered with one index"
        for key, (status, index) in self.done.items():
            answer = node.get("/v2/keys%s?quorum=true" % key)
            assert answer.status == 200, "%s was acknowledged and is gone: %r" % (key, answer)
            assert answer.json["node"]["value"] == key
            assert answer.json["node"]["createdIndex"] == index, \
                "%s was applied again: %r, acknowledged with %d" % (key, answer, index)
            assert status == 201, "%s was new and was answered as a replacement" % key


class Watcher:
    """Follows a directory by long polls, waitIndex by waitIndex."""

    def __init__(self, address, key, since):
        self.address, self.key, self.next = address, key, since
        self.events, self.errors = [], []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.stopping.set()

    def _run(self):
        while not self.stopping.is_set():
            try:
                answer = ask(self.address, "GET", "/v2/keys%s?wait=true&recursive=true&waitIndex=%d"
                             % (self.key, self.next), timeout=60)
            except (OSError, http.client.HTTPException) as error:
                self.errors.append(repr(error))
                time.sleep(0.01)
                continue
            if answer.status != 200 or not answer.body:
                self.errors.append(repr(answer))
                time.sleep(0.01)
                continue
            event = answer.json
            self.events.append(event["node"]["modifiedIndex"])
            self.next = event["node"]["modifiedIndex"] + 1
