"""Nobody who may write in a folder makes root touch what is not his.

The attacker is the user "nobody". He has a folder that the operator names in some
option, puts links into it that lead to root's files and folders, and waits until root
starts, rotates or upgrades a node: with -user nobody, and with root staying root. Then
everything that was root's has to be as it was. docs/security.md, "What root touches",
has a row for each path.
"""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import threading

import pytest

from moothall import ETCD, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root and another user")
USER = "nobody"
UID, GID = pwd.getpwnam(USER).pw_uid, pwd.getpwnam(USER).pw_gid
WHO = [pytest.param(["-user", USER], id="user"), pytest.param([], id="root")]


def write(path, text, mode=0o600):
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)


def seen(path):
    status = os.lstat(path)
    what = [stat.filemode(status.st_mode), status.st_uid, status.st_gid]
    if stat.S_ISREG(status.st_mode):
        with open(path) as f:
            what.append(f.read())
    return what


class Place:
    """A folder of the attacker's and what is root's."""

    def __init__(self, world):
        self.world = world
        os.chmod(world.folder, 0o755)
        self.root = os.path.join(world.folder, "root")
        self.theirs = os.path.join(world.folder, "theirs")
        for path in (self.root, os.path.join(self.root, "db"), self.theirs):
            os.mkdir(path)
            os.chmod(path, 0o755)
        for name in ("secret", "db/CURRENT", "FORMAT", "db.mark", "node.log", "node.pid", "lock"):
            write(self.of_root(name), "this is root's " + name)
        self.give(self.theirs)
        self.before = self.now()

    def of_root(self, name):
        return os.path.join(self.root, name)

    def path(self, name):
        return os.path.join(self.theirs, name)

    def give(self, path):
        os.lchown(path, UID, GID)

    def link(self, name, to):
        os.symlink(to, self.path(name))
        self.give(self.path(name))

    def now(self):
        out = {self.root: seen(self.root)}
        for folder, folders, files in os.walk(self.root):
            for name in folders + files:
                out[os.path.join(folder, name)] = seen(os.path.join(folder, name))
        return out

    def check(self):
        now = self.now()
        assert now == self.before, {k: (self.before.get(k), now.get(k)) for k in set(now) | set(self.before)
                                    if now.get(k) != self.before.get(k)}

    def node(self, flags, data_dir=None):
        node = self.world.node()
        if data_dir is not None:
            node.directory = data_dir
        node.flags = flags
        return node


@pytest.fixture
def place(world):
    return Place(world)


def live(node):
    """Started; and stopped again if it serves, which it need not."""
    try:
        node.start()
        node.stop()
        return True
    except AssertionError:
        if node.process.poll() is None:
            raise
        assert node.process.returncode in (1, 2, 3), node.log()
        return False


# How a name in the attacker's folder leads to root's: it, or the folder it is in.
def as_link(place, name):
    place.link(name, place.of_root("secret"))
    return place.path(name)


def as_hard_link(place, name):
    os.link(place.of_root("secret"), place.path(name))
    return place.path(name)


def as_link_to_what_is_not_there(place, name):
    place.link(name.split("/")[0], place.of_root("made"))
    return place.path(name)


def by_its_folder(place, name):
    place.link("sub", place.root)
    return os.path.join(place.path("sub"), name)


def by_two_folders(place, name):
    os.mkdir(place.path("deep"))
    place.give(place.path("deep"))
    place.link("deep/sub", "../../root")
    return os.path.join(place.path("deep/sub"), name)


def by_a_way_back(place, name):
    place.link("sub", place.of_root("db"))
    return os.path.join(place.path("sub"), "..", name)


def by_the_new_file(place, name):
    place.link(name + ".new", place.of_root("secret"))
    return place.path(name)


WAYS = [as_link, as_hard_link, as_link_to_what_is_not_there, by_its_folder, by_two_folders, by_a_way_back,
        by_the_new_file]


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("option,name", [("-log-output", "node.log"), ("-access-log", "access.log"),
                                         ("-pid-file", "node.pid"), ("-port-file", "ports")])
def test_files_that_options_name(place, option, name, way, who):
    live(place.node(who + [option, way(place, name)]))
    place.check()


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("way", WAYS[2:6], ids=lambda way: way.__name__)
@pytest.mark.parametrize("name", ["new", "a/b/c"])
def test_folders_that_are_made(place, way, name, who):
    """-run-dir with its parents; the data directory with its own."""
    path = way(place, name)
    live(place.node(who + ["-run-dir", path]))
    place.check()
    live(place.node(who, data_dir=path + "-data"))
    place.check()


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("more", [[], ["-force"]], ids=["", "force"])
def test_a_data_directory_that_is_a_link(place, who, more):
    for target in (place.root, place.of_root("db")):
        place.link("data", target)
        live(place.node(who + more, data_dir=place.path("data")))
        place.check()
        os.unlink(place.path("data"))


@pytest.mark.parametrize("name", ["lock", "run", "db", "FORMAT", "db.mark", "FORMAT.new", "UNFINISHED"])
@pytest.mark.parametrize("target", ["secret", "db", "made"])
def test_links_in_the_data_directory(place, name, target):
    data = place.path("data")
    os.mkdir(data, 0o700)
    place.give(data)
    place.link("data/" + name, place.of_root(target))
    for more in ([], ["-force"]):
        live(place.node(["-user", USER] + more, data_dir=data))
        place.check()


@pytest.mark.parametrize("who", WHO)
def test_the_run_directory_is_a_link(place, who):
    place.link("run", place.root)
    live(place.node(who + ["-run-dir", place.path("run")]))
    place.check()


@pytest.mark.parametrize("orphan", [False, True])
def test_hard_links_in_the_data_directory(place, orphan):
    """One that has lost its other name, as after an update of the file, is root's as well."""
    data = place.path("data")
    os.mkdir(data, 0o700)
    place.give(data)
    for name in ("lock", "other"):
        write(place.of_root(name + ".old"), "this was root's " + name)
        os.link(place.of_root(name + ".old"), os.path.join(data, name))
        if orphan:
            os.unlink(place.of_root(name + ".old"))
    place.before = place.now()
    assert not live(place.node(["-user", USER], data_dir=data))
    place.check()
    for name in ("lock", "other"):
        assert seen(os.path.join(data, name)) == ["-rw-------", 0, 0, "this was root's " + name]


def test_what_others_put_into_a_directory_of_root_stays_as_it_is(place):
    """It was writable by all before root made it ours."""
    data = os.path.join(place.world.folder, "data")
    os.mkdir(data)
    os.chmod(data, 0o777)
    write(os.path.join(data, "orphan"), "this was root's")
    node = place.node(["-user", USER], data_dir=data)
    assert not live(node) and '(-data-dir) holds "orphan"' in node.log()
    assert seen(data) == ["drwxrwxrwx", 0, 0]
    os.rename(os.path.join(data, "orphan"), os.path.join(data, "lost+found"))
    node.start()
    assert "others could write to it" in node.log()
    assert seen(os.path.join(data, "lost+found")) == ["-rw-------", 0, 0, "this was root's"]
    assert os.stat(data).st_uid == UID and os.stat(os.path.join(data, "lock")).st_uid == UID
    node.stop()


@pytest.mark.parametrize("kind", ["fifo", "folder"])
def test_a_lock_that_is_no_file(place, kind):
    data = place.path("data")
    os.mkdir(data, 0o700)
    lock = os.path.join(data, "lock")
    os.mkfifo(lock) if kind == "fifo" else os.mkdir(lock)
    for path in (data, lock):
        place.give(path)
    node = place.node(["-user", USER], data_dir=data)
    assert not live(node)
    assert "cannot use %s: it is not a file of ours with one name; remove it" % lock in node.log()


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("cause", ["rotate", "reload", "upgrade"])
@pytest.mark.parametrize("way", [as_link, as_hard_link, as_link_to_what_is_not_there], ids=lambda way: way.__name__)
def test_a_log_that_is_opened_again(place, who, cause, way):
    """By a signal, by another path in the configuration, by a program that takes over."""
    os.mkdir(place.path("run"), 0o750)
    path, other = place.path("node.log"), place.path("other.log")
    config = os.path.join(place.world.folder, "node.conf")
    write(config, '[log]\noutput = "%s"\n' % path, 0o644)
    if who:
        place.give(place.path("run"))
    node = place.node(who + ["-config", config, "-run-dir", place.path("run")]).start()
    wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 0, 5, "the log")
    if cause == "reload":
        way(place, "other.log")
        write(config, '[log]\noutput = "%s"\n' % other, 0o644)
        node.process.send_signal(signal.SIGHUP)
    else:
        os.rename(path, path + ".1")
        way(place, "node.log")
        node.process.send_signal(signal.SIGUSR1 if cause == "rotate" else signal.SIGUSR2)
    # Each is told in the log that is still open, or by the new program.
    told = {"rotate": "the old file is still in use", "reload": "eload", "upgrade": "upgrade"}[cause]
    names = [path, path + ".1"]
    wait_until(lambda: any(os.path.exists(p) and not os.path.islink(p) and os.stat(p).st_nlink == 1 and
                           told in open(p).read() for p in names) or told in node.log(), 15, told)
    if node.process.poll() is None:
        node.kill_all()
    place.check()


def test_links_of_root_are_followed(place):
    """An operator's own link is meant, as /dev/stdout is."""
    logs = os.path.join(place.world.folder, "logs")
    os.mkdir(logs)
    os.symlink(logs, os.path.join(place.world.folder, "link"))
    os.symlink("../logs/really.log", os.path.join(logs, "node.log"))
    node = place.node(["-log-output", os.path.join(place.world.folder, "link", "node.log")]).start()
    node.stop()
    assert "etcd" in open(os.path.join(logs, "really.log")).read()
    for who in ([], ["-user", USER]):
        node = place.node(who + ["-log-output", "/dev/stdout"]).start()
        node.stop()
        data = subprocess.run(node.argv() + ["-log-output", "/dev/stderr", "-check-config"], capture_output=True)
        assert data.returncode == 0, data


@pytest.mark.parametrize("who", WHO)
def test_a_folder_that_changes_all_the_time(place, who):
    """Now it is a folder, now a link to one of root's, while a node is started again and again."""
    stopping = threading.Event()

    def swap():
        os.mkdir(place.path("kept"))
        place.give(place.path("kept"))
        place.link("spare", place.root)
        while not stopping.is_set():
            for name in ("kept", "spare"):
                try:
                    os.rename(place.path(name), place.path("sub"))
                    os.rename(place.path("sub"), place.path(name))
                except OSError:
                    # A start has made it in between.
                    shutil.rmtree(place.path("sub"), ignore_errors=True)
    thread = threading.Thread(target=swap)
    thread.start()
    try:
        sub = place.path("sub")
        for i in range(30):
            argv = place.node([]).argv() + who + [
                "-log-output", sub + "/node.log", "-pid-file", sub + "/node.pid", "-port-file", sub + "/ports",
                "-run-dir", sub + "/run", "-data-dir", sub + "/data", "-addr", "127.0.0.1:1"]
            subprocess.run(argv, capture_output=True, timeout=20)
    finally:
        stopping.set()
        thread.join()
    place.check()


@pytest.mark.parametrize("folder", ["theirs", "root's", "everybody's"])
def test_what_is_made_has_the_right_owner(place, folder):
    """In a folder of the user's, of root's, and in one like /tmp."""
    path = {"theirs": place.theirs, "root's": os.path.join(place.world.folder, "plain"),
            "everybody's": os.path.join(place.world.folder, "sticky")}[folder]
    if not os.path.exists(path):
        os.mkdir(path)
        os.chmod(path, 0o1777 if folder == "everybody's" else 0o755)
    files = {name: os.path.join(path, name) for name in ("log", "access", "pid", "ports", "run/deep", "a/data")}
    node = place.node(["-user", USER, "-log-output", files["log"], "-access-log", files["access"], "-pid-file",
                       files["pid"], "-port-file", files["ports"], "-run-dir", files["run/deep"]],
                      data_dir=files["a/data"])
    for _ in range(2):
        node.start()
        for name in ("log", "access", "run", "run/deep", "a", "a/data", "a/data/lock"):
            assert os.lstat(os.path.join(path, name)).st_uid == UID, name
        owner = 0 if folder == "root's" else UID
        assert os.lstat(files["pid"]).st_uid == owner and os.lstat(files["ports"]).st_uid == owner
        assert node.put("/a", "b").status in (200, 201)
        node.stop()
        assert os.path.exists(files["pid"]) == (folder == "root's")


def test_what_is_refused_is_told(place):
    """The sentences of an operator who meets these rules."""
    place.link("node.log", place.of_root("secret"))
    place.link("data", place.root)

    def refusal(flags, data_dir=None):
        done = subprocess.run(place.node(flags, data_dir).argv(), capture_output=True, text=True, timeout=20)
        assert done.returncode == 2, done
        return done.stderr.splitlines()[0]
    path = place.path("node.log")
    assert refusal(["-log-output", path]) == \
        "etcd: -log-output: cannot write %s: root follows no link that others can change" % path
    assert refusal(["-user", USER, "-log-output", path]) == \
        "etcd: -log-output: cannot write %s: Permission denied" % path
    assert "root follows no link that others can change" in refusal([], place.path("data"))
    assert "belongs to root, we run as nobody" in refusal(["-user", USER], place.path("data"))
    os.unlink(path)
    os.link(place.of_root("secret"), path)
    assert refusal(["-log-output", path]) == "etcd: -log-output: cannot write %s: Permission denied" % path
    place.check()
