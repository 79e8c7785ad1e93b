"""What no process of a node can do, whoever took it over; and that it still does its work.

Three ways to look: at running nodes from outside (/proc), from inside by probe, which
takes the tables of a process and tries things, and at whole nodes with -sandbox on,
where one forbidden system call would end a process. docs/security.md names these tests.
"""

import contextlib
import grp
import json
import os
import pwd
import re
import socket
import stat
import subprocess
import sys

import pytest

from moothall import BUILD, ETCD, VISIBLE, Writers, alive, free_port, proc_children, sanitized, wait_until

PROBE = os.path.join(BUILD, "tests", "confinement", "probe")
LIBEXEC = os.path.join(BUILD, "libexec")
ROOT = os.geteuid() == 0
USER, GROUP = "nobody", grp.getgrgid(pwd.getpwnam("nobody").pw_gid).gr_name
UID, GID = pwd.getpwnam(USER).pw_uid, pwd.getpwnam(USER).pw_gid
ORDINARY = ["setpriv", "--reuid", str(UID), "--regid", str(GID), "--clear-groups"]
CHILDREN = ("raftd", "client", "peer")

needs_root = pytest.mark.skipif(not ROOT, reason="needs root")


def has_seccomp():
    with open(os.path.join(BUILD, "config.h")) as f:
        return "#define HAVE_SECCOMP 1" in f.read()


needs_sandbox = pytest.mark.skipif(not has_seccomp(), reason="built without seccomp")


def proc_status(pid):
    with open("/proc/%d/status" % pid) as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def proc_limits(pid):
    with open("/proc/%d/limits" % pid) as f:
        return {line[:26].strip(): line[26:].split()[:2] for line in f}


def descriptors(pid):
    out = {}
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            out[int(fd)] = os.readlink("/proc/%d/fd/%s" % (pid, fd))
        except FileNotFoundError:
            pass
    return out


def mode_of(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def open_to_all(world):
    """The temporary folder as a place where other users can have directories."""
    os.chmod(world.folder, 0o755)


def ordinary_node(world, name="ordinary", **more):
    """Started by an ordinary user, be it us or one that root becomes."""
    node = world.node(name, **more)
    if ROOT:
        open_to_all(world)
        node.directory = os.path.join(world.folder, "home", name)
        os.makedirs(node.directory)
        for path in (os.path.dirname(node.directory), node.directory):
            os.chown(path, UID, GID)
        plain = node.argv
        node.argv = lambda: ORDINARY + plain()
    return node


def root_node(world, name="machine1", flags=(), **more):
    """Started by root, to become another user."""
    open_to_all(world)
    return world.node(name, flags=["-user", USER] + list(flags), **more)


STARTS = [pytest.param(ordinary_node, id="ordinary"),
          pytest.param(root_node, id="user", marks=needs_root)]


# ---- running nodes, from outside --------------------------------------------------------


@pytest.mark.parametrize("start", STARTS)
def test_rights_are_given_up(world, start):
    node = start(world).start()
    owner = UID if ROOT else os.geteuid()
    for kind, pids in node.pids().items():
        for pid in pids:
            status = proc_status(pid)
            assert set(status["Uid"].split()) == {str(owner)}, (kind, status["Uid"])
            assert "0" not in status["Gid"].split() or not ROOT, (kind, status["Gid"])
            for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
                assert int(status[name], 16) == 0, (kind, name, status[name])
            assert status["NoNewPrivs"] == "1", kind
            if has_seccomp():
                assert status["Seccomp"] == "2", kind
            limits = proc_limits(pid)
            assert limits["Max core file size"] == ["0", "0"], kind
            # A sanitizer that has found something starts a process.
            if kind in ("client", "peer") and not sanitized():
                assert limits["Max processes"] == ["0", "0"], kind
    assert node.put("/a", "b").status == 201


@needs_root
def test_root_keeps_no_capability(world):
    """Without -user: root in name only."""
    node = world.node().start()
    for pids in node.pids().values():
        for pid in pids:
            status = proc_status(pid)
            for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"):
                assert int(status[name], 16) == 0, (pid, name)
            assert status["NoNewPrivs"] == "1"


@pytest.mark.parametrize("start", STARTS)
def test_descriptors_are_those_of_the_table(world, start):
    """raftd: its database and sockets of this machine; workers: sockets only."""
    node = start(world, flags=["-workers", "2"]).start()
    assert node.put("/a", "b").status == 201
    if not ROOT:
        # Nobody may look at them, which is a promise too.
        for kind in CHILDREN:
            with pytest.raises(PermissionError):
                os.listdir("/proc/%d/fd" % node.pid_of(kind))
        return
    internet = set()
    for name in ("tcp", "tcp6", "udp", "udp6"):
        with open("/proc/net/" + name) as f:
            internet |= {"socket:[%s]" % line.split()[9] for line in f.readlines()[1:]}
    database = os.path.realpath(os.path.join(node.directory, "db"))
    for kind in CHILDREN:
        for pid in node.pids()[kind]:
            # Memory shared with the supervisor or raftd, and what it says of itself.
            plain = re.compile("/memfd:.*|/proc/%d/(statm|fd)" % pid)
            for fd, target in descriptors(pid).items():
                if fd <= 2 or plain.fullmatch(target) or not target.startswith("/"):
                    assert kind != "raftd" or target not in internet, (kind, fd, target)
                    continue
                assert kind == "raftd", (kind, fd, target)
                assert target.startswith(database + "/") or target == database or \
                    target == database + ".mark", (kind, fd, target)


@needs_root
def test_memory_is_nobody_elses(world):
    """Not dumpable: another process of the same user cannot look into it."""
    node = root_node(world).start()
    for kind in CHILDREN:
        pid = node.pid_of(kind)
        for name in ("fd", "environ", "maps", "mem"):
            path = "/proc/%d/%s" % (pid, name)
            look = ["ls", path] if name == "fd" else ["dd", "if=" + path, "bs=1", "count=1"]
            assert subprocess.run(ORDINARY + look, capture_output=True).returncode != 0, path


@needs_root
def test_allow_core_allows(world):
    node = root_node(world, flags=["-allow-core"]).start()
    for kind in CHILDREN:
        pid = node.pid_of(kind)
        assert subprocess.run(ORDINARY + ["ls", "/proc/%d/fd" % pid], capture_output=True).returncode == 0
        assert proc_limits(pid)["Max core file size"] != ["0", "0"]


@needs_root
def test_children_die_with_a_supervisor_of_another_user(world):
    """Becoming another user clears PR_SET_PDEATHSIG, so it has to be set after that."""
    node = root_node(world).start()
    children = proc_children(node.process.pid)
    assert len(children) >= 3
    node.process.kill()
    node.process.wait()
    wait_until(lambda: not any(alive(pid) for pid in children), 2, "the children to be gone")


# ---- files -------------------------------------------------------------------------------


@pytest.mark.parametrize("start", STARTS)
def test_modes_and_owners_of_files(world, start):
    old = os.umask(0)
    try:
        node = start(world)
        where = os.path.dirname(node.directory)
        node.flags += ["-pid-file", os.path.join(where, "pid"), "-log-output", os.path.join(where, "log")]
        node.start()
    finally:
        os.umask(old)
    assert node.put("/a", "b").status == 201
    owner = UID if ROOT else os.geteuid()
    assert mode_of(node.directory) == 0o700
    seen = 0
    for folder, folders, files in os.walk(node.directory):
        for name in folders + files:
            path = os.path.join(folder, name)
            assert os.lstat(path).st_uid == owner, path
            want = 0o660 if name == "control.sock" else 0o750 if name == "run" else \
                0o700 if name in folders else 0o600
            assert mode_of(path) == want, (path, oct(mode_of(path)))
            seen += 1
    assert seen > 5
    assert mode_of(os.path.join(where, "pid")) == 0o644
    assert mode_of(os.path.join(where, "log")) == 0o640
    assert node.stop() == 0


def test_open_data_directory_is_tightened(world):
    node = world.node()
    os.mkdir(node.directory)
    os.chmod(node.directory, 0o777)
    node.start()
    assert mode_of(node.directory) == 0o700
    assert "others could write to it" in node.log()


@needs_root
def test_data_directory_of_another_user_is_refused(world):
    open_to_all(world)
    flags = ["-addr", "127.0.0.1:%d" % free_port(), "-peer-addr", "127.0.0.1:%d" % free_port(), "-name", "n"]
    theirs = os.path.join(world.folder, "theirs")
    os.mkdir(theirs)
    os.chown(theirs, 1, 1)
    for more in ([], ["-user", USER]):
        done = subprocess.run([ETCD, "-data-dir", theirs] + flags + more, capture_output=True, text=True, timeout=20)
        assert done.returncode == 2, done
        assert "belongs to" in done.stderr and theirs in done.stderr
    assert os.listdir(theirs) == []


@needs_root
def test_links_in_the_data_directory_are_not_followed(world):
    """The user may put anything there; root must not be led by it."""
    open_to_all(world)
    victim = os.path.join(world.folder, "victim")
    os.mkdir(victim)
    with open(os.path.join(victim, "file"), "w") as f:
        f.write("text")
    node = root_node(world)
    os.mkdir(node.directory)
    os.chown(node.directory, UID, GID)
    os.symlink(victim, os.path.join(node.directory, "run"))
    os.symlink(os.path.join(victim, "file"), os.path.join(node.directory, "lock"))
    os.link(os.path.join(victim, "file"), os.path.join(node.directory, "hard"))
    done = subprocess.run(node.argv(), capture_output=True, text=True, timeout=20)
    assert done.returncode == 2, done
    os.unlink(os.path.join(node.directory, "lock"))
    done = subprocess.run(node.argv(), capture_output=True, text=True, timeout=20)
    assert done.returncode == 2, done
    for path in (victim, os.path.join(victim, "file")):
        assert os.stat(path).st_uid == 0
    with open(os.path.join(victim, "file")) as f:
        assert f.read() == "text"


@needs_root
def test_a_directory_of_root_is_given_to_the_user(world):
    """As after trying it out as root; and made with its parents."""
    open_to_all(world)
    node = world.node()
    node.directory = os.path.join(world.folder, "deep", "er", "data")
    node.start()
    assert node.put("/a", "b").status == 201
    node.stop()
    # Root's parents stay root's; that others may pass is for the operator.
    for path in ("deep", "deep/er"):
        os.chmod(os.path.join(world.folder, path), 0o755)
    node.flags = ["-user", USER]
    node.start()
    assert node.value("/a") == "b"
    assert proc_status(node.pid_of("raftd"))["Uid"].split()[0] == str(UID)
    node.stop()


@needs_root
def test_user_and_group_are_checked(world):
    def refusal(argv):
        done = subprocess.run(argv + ["-data-dir", os.path.join(world.folder, "x"), "-name", "x"],
                              capture_output=True, text=True, timeout=20)
        assert done.returncode == 2, done
        return done.stderr
    assert '-user: "no-such-user" is no user' in refusal([ETCD, "-user", "no-such-user"])
    assert '-group: "no-such-group" is no group' in refusal([ETCD, "-user", USER, "-group", "no-such-group"])
    assert "-group given without -user" in refusal([ETCD, "-group", GROUP])
    assert "only root can become" in refusal(ORDINARY + [ETCD, "-user", "daemon"])
    assert '-sandbox: "perhaps"' in refusal([ETCD, "-sandbox", "perhaps"])


# ---- control socket ----------------------------------------------------------------------


@needs_root
def test_control_socket_knows_who_speaks(world):
    """By SO_PEERCRED, whatever the mode of the socket has become."""
    node = root_node(world).start()
    path = os.path.join(node.directory, "run", "control.sock")
    os.chmod(node.directory, 0o755)
    os.chmod(os.path.dirname(path), 0o755)
    os.chmod(path, 0o666)
    speak = ("import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\n"
             "s.sendall(b'{\"command\":\"status\"}\\n')\nprint(len(s.recv(100)))")

    def ask_as(uid, gid):
        done = subprocess.run(["setpriv", "--reuid", str(uid), "--regid", str(gid), "--clear-groups",
                               sys.executable, "-c", speak, path], capture_output=True, text=True, timeout=20)
        return done.stdout.strip() not in ("", "0")
    assert ask_as(0, 0) and ask_as(UID, GID) and ask_as(1, GID)
    assert not ask_as(1, 1)
    wait_until(lambda: "refused a connection to the control socket: uid=1" in node.log(), 5, "the line")


def test_control_socket_names_what_it_takes(world):
    path = os.path.join(world.node().start().directory, "run", "control.sock")

    def say(line):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(path)
            s.sendall(line.encode() + b"\n")
            return json.loads(s.makefile().readline())
    assert say('{"command": "status"}')["ok"]
    assert say("status") == {"ok": False, "error": "not a JSON object"}
    assert say('{"command": "halt"}') == {
        "ok": False, "error": "no such command; say status, reload, rotate, log-level, restart, transfer, backup, "
                              "upgrade, drain, undrain or stop"}
    assert say('{"command": "rotate", "argument": "raftd"}') == {"ok": False, "error": "rotate takes no argument"}


# ---- probes, from inside ------------------------------------------------------------------


class Tried:
    def __init__(self, done):
        words = done.stdout.split()
        self.killed = done.returncode < 0
        self.signal = -done.returncode
        self.answer = words[0] if words else ""
        self.told = re.findall(r"sandbox: call refused: name=(\w+)", done.stderr)
        assert done.returncode <= 0, done

    @property
    def forbidden(self):
        return self.killed or self.answer in ("EPERM", "EACCES")

    def __repr__(self):
        return "killed by %d" % self.signal if self.killed else "%s told=%r" % (self.answer, self.told)


@pytest.fixture
def place(world):
    """A data directory as far as probes look at it."""
    open_to_all(world)
    folder = os.path.join(world.folder, "data")
    os.makedirs(os.path.join(folder, "db"))
    for name in ("FORMAT", "lock", "db.mark", "db/CURRENT"):
        with open(os.path.join(folder, name), "w"):
            pass
    if ROOT:
        for path in [folder] + [os.path.join(folder, n) for n in os.listdir(folder)] + \
                [os.path.join(folder, "db", "CURRENT")]:
            os.chown(path, UID, GID)
    return folder


def attempt(process, place, what, argument=None, mode="best", user=()):
    directory = LIBEXEC if process in ("supervisor", "resolver") else place
    done = subprocess.run(list(user) + [PROBE, process, mode, directory, what] + ([argument] if argument else []),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    return Tried(done)


USERS = [pytest.param((), id="ourselves"), pytest.param(tuple(ORDINARY), id="nobody", marks=needs_root)]

# What each process must not do: the attempt, its argument, and who.
EVERY = ("supervisor", "raftd", "client", "peer")
WORKERS = ("client", "peer")
FORBIDDEN = [
    ("socket-inet", None, ("raftd", "client")),
    ("socket-inet6", None, ("raftd", "client")),
    ("socket-udp", None, CHILDREN),
    ("socket-unix", None, CHILDREN),
    ("socket-netlink", None, CHILDREN),
    ("socketpair", None, CHILDREN),
    ("connect", "1", ("raftd", "client")),
    ("bind", "0", EVERY + ("resolver",)),
    ("listen", None, CHILDREN),
    ("open", "/etc/passwd", CHILDREN),
    ("open", "@/lock", CHILDREN),
    ("open", "@/db/CURRENT", WORKERS),
    ("open-write", "@/db/CURRENT", WORKERS + ("resolver",)),
    ("open-write", "@/FORMAT", CHILDREN + ("resolver",)),
    ("open-write", "/etc/passwd", CHILDREN + ("resolver",)),
    ("make", "@/new", CHILDREN + ("resolver",)),
    ("make", "@/db/new", WORKERS),
    ("remove", "@/FORMAT", CHILDREN + ("resolver",)),
    ("remove", "@/db/CURRENT", WORKERS + ("resolver",)),
    ("mkdir", "@/db/new", CHILDREN + ("resolver",)),
    ("symlink", "@/db/link", EVERY + ("resolver",)),
    ("mknod", "@/db/null", EVERY + ("resolver",)),
    ("rename-away", "@/db/CURRENT", CHILDREN + ("resolver",)),
    ("chmod", "@/db/CURRENT", CHILDREN),
    ("exec", "/bin/true", EVERY + ("resolver",)),
    ("exec", LIBEXEC + "/resolver", CHILDREN + ("resolver",)),
    ("fork", None, CHILDREN),
    ("thread", None, WORKERS),
    ("kill", None, EVERY + ("resolver",)),
    ("ptrace", None, EVERY + ("resolver",)),
    ("read-memory", None, EVERY + ("resolver",)),
    ("prlimit", None, CHILDREN),
    ("setuid", None, CHILDREN),
    ("dumpable", None, CHILDREN),
    ("mmap-exec", None, CHILDREN),
    ("mprotect-exec", None, CHILDREN),
    ("mount", None, EVERY + ("resolver",)),
    ("bpf", None, EVERY + ("resolver",)),
    ("keyctl", None, EVERY + ("resolver",)),
    ("io_uring", None, EVERY + ("resolver",)),
    ("userfaultfd", None, EVERY + ("resolver",)),
    ("unshare", None, EVERY + ("resolver",)),
    ("chroot", None, EVERY + ("resolver",)),
]
ALWAYS_KILLED = ("ptrace", "read-memory", "mount", "bpf", "keyctl", "io_uring", "userfaultfd")


@needs_sandbox
@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("what,argument,processes", FORBIDDEN,
                         ids=["%s%s" % (w, "-" + a.replace("@/", "").lstrip("/").replace("/", "_")
                                        if a and a[0] in "@/" else "") for w, a, _ in FORBIDDEN])
def test_forbidden(place, what, argument, processes, user):
    argument = argument and argument.replace("@", place)
    for process in processes:
        # EXDEV: how Landlock refuses a rename to another directory.
        tried = attempt(process, place, what, argument, user=user)
        assert tried.forbidden or tried.answer == "EXDEV", (process, tried)
        if what in ALWAYS_KILLED or (what == "exec" and process in CHILDREN):
            assert tried.killed, (process, tried)
    # The same without us: the attempt itself would have been possible.
    if what == "unshare" and subprocess.run(["unshare", "--user", "true"], capture_output=True).returncode != 0:
        return                          # not on this machine
    free = attempt(processes[0], place, what, argument, mode="off", user=user)
    if what not in ("mknod", "setuid", "mount", "bpf", "keyctl", "io_uring", "userfaultfd", "unshare",
                    "chroot", "ptrace", "read-memory", "connect", "open-write") or (ROOT and not user):
        assert free.answer in ("done", "", "true", "ECONNREFUSED", "EFAULT", "EINVAL", "ENOENT", "ENOSYS"), free


@needs_sandbox
@pytest.mark.parametrize("user", USERS)
def test_allowed(place, user):
    """The tables do not forbid what the processes are for."""
    for process, what, argument in [
            ("raftd", "open", "@/db/CURRENT"), ("raftd", "open-write", "@/db/CURRENT"),
            ("raftd", "make", "@/db/000001.log"), ("raftd", "remove", "@/db/000001.log"),
            ("raftd", "thread", None), ("peer", "socket-inet", None), ("peer", "socket-inet6", None),
            ("supervisor", "fork", None), ("supervisor", "exec", LIBEXEC + "/resolver"),
            ("supervisor", "open", "/etc/passwd"), ("resolver", "socket-udp", None),
            ("resolver", "open", "/etc/hosts")]:
        tried = attempt(process, place, what, argument and argument.replace("@", place), user=user)
        assert not tried.killed and tried.answer in ("done", "") and not tried.told, (process, what, tried)
    assert attempt("peer", place, "connect", "1", user=user).answer == "ECONNREFUSED"


@needs_sandbox
def test_violation_is_told_with_the_name_of_the_call(place):
    for process, what, name in [("raftd", "socket-inet", "socket"), ("client", "connect", "connect"),
                                ("peer", "open", "openat"), ("raftd", "fork", "clone")]:
        tried = attempt(process, place, what, "/etc/passwd" if what == "open" else "1")
        assert tried.answer == "EPERM" and tried.told == [name], (process, what, tried)


@needs_sandbox
def test_sandbox_on_kills(place):
    for process, what in [("raftd", "socket-inet"), ("client", "socketpair"), ("peer", "socket-udp")]:
        tried = attempt(process, place, what, mode="on")
        assert tried.killed and tried.signal == 31, (process, tried)


# ---- kernels and modes ---------------------------------------------------------------------


@needs_sandbox
def test_kernel_without_landlock(world):
    flags = ["-addr", "127.0.0.1:%d" % free_port(), "-peer-addr", "127.0.0.1:%d" % free_port(),
             "-name", "n", "-data-dir", os.path.join(world.folder, "n")]
    without = [PROBE, "without", "landlock_create_ruleset", ETCD]
    done = subprocess.run(without + flags + ["-sandbox", "on"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2, done
    assert "Landlock" in done.stderr and "-sandbox on" in done.stderr
    node = world.node()
    plain = node.argv
    node.argv = lambda: without + plain()[1:]
    node.start()
    assert node.put("/a", "b").status == 201
    assert len(re.findall("less confined", node.log())) == 1 and "Landlock" in node.log()
    assert proc_status(node.pid_of("client"))["Seccomp"] == "2"


def test_sandbox_off(world):
    node = world.node(flags=["-sandbox", "off"]).start()
    assert node.put("/a", "b").status == 201
    for pids in node.pids().values():
        for pid in pids:
            assert proc_status(pid)["Seccomp"] == "0"
            assert proc_status(pid)["NoNewPrivs"] == "1"
    assert "less confined" not in node.log()


# ---- nodes at work, where one forbidden call would be fatal --------------------------------


def grow(node, count, size=60000):
    for i in range(count):
        assert node.put("/big-%d" % (i % 50), "x" * size).status in (200, 201)


@needs_sandbox
@pytest.mark.parametrize("start", STARTS)
def test_work_under_sandbox_on(world, start):
    """Load, compaction of the database, trims of the log, restarts of each process."""
    node = start(world, flags=["-sandbox", "on", "-snapshot-count", "50", "-workers", "2"]).start()
    first = node.pids()
    tables = set()
    with Writers([node.client], threads=3) as writers:
        for _ in range(6):
            grow(node, 60)
            tables |= {n for n in os.listdir(os.path.join(node.directory, "db")) if n.endswith(".ldb")}
        writers.wait_more(50)
        assert node.pids() == first
        for kind in ("raftd", "client", "peer"):
            answer = node.control("restart", kind)
            assert answer.returncode == 0, answer
        writers.wait_more(20)
    assert not writers.failed
    writers.check(node)
    assert len(tables) > 1, "the database was not compacted: %r" % tables
    node.kill("raftd")
    assert wait_until(lambda: node.put("/after", "b").status in (200, 201), 10, "raftd")
    assert node.stop() == 0
    assert "Bad system call" not in node.log()
    node.start()
    assert node.value("/after") == "b"


@needs_sandbox
def test_cluster_under_sandbox_on(world):
    """Streams between nodes, a snapshot for one that was away, a stop with a transfer."""
    nodes = world.cluster(3, flags=["-sandbox", "on", "-snapshot-count", "50", "-workers", "1"])
    away = nodes[2]
    away.stop()
    for i in range(300):
        assert nodes[0].put("/k-%d" % i, "v" * 1000).status == 201
    away.start()
    wait_until(lambda: away.value("/k-299", quorum=False) == "v" * 1000, 15, "the snapshot")
    for node in nodes:
        assert "Bad system call" not in node.log()


def names_of_children(node):
    names = []
    for pid in proc_children(node.process.pid):
        with contextlib.suppress(OSError):      # it ended meanwhile
            with open("/proc/%d/comm" % pid) as file:
                names.append(file.read().strip())
    return names


@needs_sandbox
def test_names_are_resolved_by_the_supervisor(world):
    """Members that know each other by name; a name that is none."""
    first = world.node("first", flags=["-sandbox", "on"])
    second = world.node("second", flags=["-sandbox", "on"])
    for node in (first, second):
        node.peer = node.peer.replace("127.0.0.1", "localhost")
    first.start()
    second.peers = [first.peer]
    second.start()
    assert second.put("/a", "b").status == 201
    wait_until(lambda: first.value("/a") == "b", 10, "the write at the first")
    # Each has looked up one name, and is gone.
    for node in (first, second):
        wait_until(lambda: "resolver" not in names_of_children(node), 10, "the resolvers of %s to end" % node.name)
    done = subprocess.run([ETCD, "-addr", "127.0.0.1:%d" % free_port(), "-peer-addr",
                           "127.0.0.1:%d" % free_port(), "-name", "lost", "-data-dir",
                           os.path.join(world.folder, "lost"), "-peers", "no-such-host.invalid:7001",
                           "-max-retry-attempts", "1", "-retry-interval", "0.1"],
                          capture_output=True, text=True, timeout=40)
    assert done.returncode == 1, done
    assert "no-such-host.invalid" in done.stderr and "no such host" in done.stderr


@needs_sandbox
def test_idle_node_is_small(world):
    """Filters are made by a library, but do not stay in its memory."""
    node = world.node(flags=["-workers", "1"] + VISIBLE).start()
    total = 0
    for pids in node.pids().values():
        for pid in pids:
            with open("/proc/%d/smaps_rollup" % pid) as f:
                total += int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M).group(1))
    assert total < 12 * 1024, "%d KiB" % total
