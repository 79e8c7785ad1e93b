"""The init script of contrib/init, as an init system and an operator call it."""

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import threading

import pytest

from moothall import BUILD, ETCD, ETCDCTL, SLOW, alive, ask, free_port, proc_children, wait_until

SCRIPT = os.path.join(BUILD, "contrib", "init", "etcd.init")
USER = "nobody"
PR_SET_CHILD_SUBREAPER = 36


def reap(pid):
    """What init does; not every first process of a container does."""
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        pass


class Service:
    """The script with a default file of its own; name is what the service is called."""

    def __init__(self, world, user=None):
        self.folder = world.folder
        self.client, self.peer = "127.0.0.1:%d" % free_port(), "127.0.0.1:%d" % free_port()
        self.defaults = {"DAEMON": os.path.abspath(ETCD), "CONTROL": os.path.abspath(ETCDCTL),
                         "DATA_DIR": self.path("data"), "RUN_DIR": self.path("run"),
                         "LOG_FILE": self.path("log", "etcd.log"), "PID_FILE": self.path("run", "etcd.pid"),
                         "DAEMON_USER": user or pwd.getpwuid(os.geteuid()).pw_name, "START_WAIT": "10",
                         "ETCD_NAME": "init1", "ETCD_ADDR": self.client, "ETCD_PEER_ADDR": self.peer,
                         "ETCD_CONFIG": self.path("etcd.conf")}
        if user is None and os.geteuid() != 0:
            os.mkdir(self.path("log"))
        self.configure("")
        world.at_close.append(self.end)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def configure(self, text):
        with open(self.path("etcd.conf"), "w") as file:
            file.write(text)
        os.chmod(self.path("etcd.conf"), 0o644)

    def call(self, command):
        with open(self.path("default"), "w") as file:
            file.writelines("%s=%s\n" % item for item in self.defaults.items())
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ETCD_")}
        result = subprocess.run(["sh", SCRIPT, command], stdin=subprocess.DEVNULL, capture_output=True,
                                text=True, timeout=60 * SLOW,
                                env=dict(environment, DEFAULT=self.path("default")))
        if command in ("start", "restart") and result.returncode == 0:
            threading.Thread(target=reap, args=(self.pid(),), daemon=True).start()
        return result

    def pid(self):
        with open(self.path("run", "etcd.pid")) as file:
            return int(file.read())

    def end(self):
        try:
            os.kill(self.pid(), signal.SIGKILL)
        except (OSError, ValueError):
            pass


def user_params():
    yield pytest.param(None, id="as-we-are")
    yield pytest.param(USER, id="root-becomes-another",
                       marks=pytest.mark.skipif(os.geteuid() != 0, reason="needs root"))


@pytest.fixture(params=list(user_params()))
def service(world, request):
    if not os.path.exists("/sbin/start-stop-daemon"):
        pytest.skip("no start-stop-daemon here")
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    os.chmod(world.folder, 0o755)
    yield Service(world, request.param)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def test_the_life_of_a_service(service):
    assert service.call("status").returncode == 3
    assert service.call("reload").returncode == 7
    result = service.call("start")
    assert (result.returncode, result.stderr) == (0, ""), result
    first = service.pid()
    # What start returned from serves.
    assert ask(service.client, "PUT", "/v2/keys/a", {"value": "b"}).status == 201
    wanted = service.defaults["DAEMON_USER"]
    for pid in [first] + proc_children(first):
        assert os.stat("/proc/%d" % pid).st_uid in (pwd.getpwnam(wanted).pw_uid, 0)
        with open("/proc/%d/status" % pid) as file:
            assert "Uid:\t%d\t" % pwd.getpwnam(wanted).pw_uid in file.read()
    status = service.call("status")
    assert status.returncode == 0 and status.stdout.startswith("init1: ready, leader")
    again = service.call("start")
    assert again.returncode == 0 and "already running" in again.stdout and service.pid() == first
    for command in ("reload", "force-reload", "restart-worker"):
        assert service.call(command).returncode == 0, command
    service.configure("cors = 7\n")
    result = service.call("reload")
    assert result.returncode == 1 and "cors" in result.stderr
    service.configure("")
    assert service.call("restart").returncode == 0
    assert service.pid() != first and not alive(first)
    assert ask(service.client, "GET", "/v2/keys/a").json["node"]["value"] == "b"
    second = service.pid()
    assert service.call("stop").returncode == 0
    assert not alive(second) and not os.path.exists(service.path("run", "etcd.pid"))
    for command, code in (("status", 3), ("stop", 0), ("try-restart", 0), ("nonsense", 2)):
        assert service.call(command).returncode == code, command


def test_a_crash_is_told_and_its_pid_file_is_no_obstacle(service):
    assert service.call("start").returncode == 0
    crashed = service.pid()
    os.kill(crashed, signal.SIGKILL)
    wait_until(lambda: not os.path.exists("/proc/%d" % crashed), 5, "the node to be gone")
    status = service.call("status")
    assert status.returncode == 1 and "has crashed" in status.stdout
    # Now another process has its number: it is neither taken for the node nor harmed.
    with open(service.path("run", "etcd.pid"), "w") as file:
        file.write("%d\n" % os.getpid())
    assert service.call("status").returncode == 1
    assert service.call("start").returncode == 0
    assert service.pid() not in (crashed, os.getpid())
    assert service.call("stop").returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_ends_no_process_that_the_user_names(service):
    """The pid file is the user's; a process of the right name is another user's."""
    if service.defaults["DAEMON_USER"] == "root":
        pytest.skip("root is the user")
    assert service.call("start").returncode == 0
    node = service.pid()
    copy = service.path("etcd")
    shutil.copy("/bin/sleep", copy)
    with subprocess.Popen([copy, "60"]) as other:
        with open(service.path("run", "etcd.pid"), "w") as file:
            file.write("%d\n" % other.pid)
        assert service.call("status").returncode == 1
        assert service.call("stop").returncode == 0
        assert other.poll() is None
        other.kill()
    os.kill(node, signal.SIGTERM)
    wait_until(lambda: not alive(node), 15, "the end")


@pytest.mark.parametrize("content", ["", "\0" * 6, "12", "-1\n", "x\n", "1\n2\n", "99999999999999999999\n"])
def test_a_damaged_pid_file_is_no_obstacle(service, content):
    assert service.call("start").returncode == 0
    node = service.pid()
    os.kill(node, signal.SIGKILL)
    wait_until(lambda: not os.path.exists("/proc/%d" % node), 5, "the node to be gone")
    with open(service.path("run", "etcd.pid"), "w") as file:
        file.write(content)
    assert service.call("status").returncode in (1, 3, 4)
    result = service.call("start")
    assert result.returncode == 0, result
    assert service.call("stop").returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_the_folder_of_the_log_is_made_only_where_root_rules(service):
    if service.defaults["DAEMON_USER"] == "root":
        pytest.skip("root is the user")
    user = pwd.getpwnam(service.defaults["DAEMON_USER"])
    os.mkdir(service.path("theirs"))
    os.chown(service.path("theirs"), user.pw_uid, user.pw_gid)
    service.defaults["LOG_FILE"] = service.path("theirs", "log", "etcd.log")
    result = service.call("start")
    assert result.returncode == 1 and "the folder above it is not root's" in result.stderr
    assert os.listdir(service.path("theirs")) == []
    # What is there already was made by somebody who may.
    os.mkdir(service.path("theirs", "log"))
    os.chown(service.path("theirs", "log"), user.pw_uid, user.pw_gid)
    assert service.call("start").returncode == 0
    assert service.call("stop").returncode == 0


def test_a_start_that_fails_says_so(service):
    host, port = service.client.split(":")
    with socket.socket() as busy:
        busy.bind((host, int(port)))
        busy.listen()
        result = service.call("start")
    assert result.returncode == 1
    assert "etcd: cannot listen on %s (ETCD_ADDR): in use" % service.client in result.stderr
    assert service.call("status").returncode == 3
    service.defaults["DAEMON"] = service.path("nothing")
    assert service.call("start").returncode == 5
