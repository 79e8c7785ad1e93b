"""PostgreSQL under Patroni, which keeps by the v3 API who leads: bootstrap, switchover, a store that restarts, failover."""

import glob
import json
import os
import pwd
import shutil
import signal
import subprocess
import threading

import pytest

from moothall import SLOW, World, alive, ask, free_port, until, wait_until
from v3 import b64, below, good, keys, plain

PATRONI = shutil.which("patroni")
PROGRAMS = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"), key=lambda path: int(path.split("/")[4]))
try:
    import psycopg2
except ImportError:
    psycopg2 = None
pytestmark = pytest.mark.skipif(not (PATRONI and PROGRAMS and psycopg2), reason="no Patroni with PostgreSQL is here (Debian's patroni, postgresql)")

# Seconds: a lease of the leader, a round of its own, how long it tries to reach the store.
TTL, LOOP, RETRY = 8, 1, 3
SCOPE = "/service/story/"


def other_user():
    """PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class Database:
    """One Patroni with its PostgreSQL."""

    def __init__(self, folder, name, stores):
        self.name, self.folder = name, os.path.join(folder, name)
        self.rest, self.port = "127.0.0.1:%d" % free_port(), free_port()
        self.data, self.process = os.path.join(self.folder, "data"), None
        os.mkdir(self.folder, 0o700)
        user = other_user()
        if user:
            os.chown(self.folder, user["user"], user["group"])
        login = {"superuser": {"username": "postgres", "password": "secret"}, "replication": {"username": "replicator", "password": "secret"}}
        with open(os.path.join(folder, name + ".json"), "w") as file:
            json.dump({
                "scope": "story", "name": name,
                "restapi": {"listen": self.rest, "connect_address": self.rest},
                "etcd3": {"hosts": [node.client for node in stores]},
                "bootstrap": {
                    "dcs": {"ttl": TTL, "loop_wait": LOOP, "retry_timeout": RETRY, "postgresql": {"use_pg_rewind": True}},
                    "initdb": ["data-checksums", {"encoding": "UTF8"}, {"locale": "C"}]},
                "postgresql": {
                    "listen": "127.0.0.1:%d" % self.port, "connect_address": "127.0.0.1:%d" % self.port,
                    "data_dir": self.data, "bin_dir": os.path.dirname(PROGRAMS[-1]), "pgpass": os.path.join(self.folder, "pgpass"),
                    "authentication": login, "pg_hba": ["host all all 127.0.0.1/32 md5", "host replication all 127.0.0.1/32 md5"],
                    "parameters": {"unix_socket_directories": self.folder, "shared_buffers": "8MB", "max_connections": 20, "fsync": "off"}}}, file)
            self.settings = file.name

    def start(self):
        with open(self.folder + ".log", "ab") as log:
            self.process = subprocess.Popen([PATRONI, self.settings], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                                            start_new_session=True, env=dict(os.environ, HOME=self.folder), **other_user())
        return self

    def log(self):
        with open(self.folder + ".log", errors="replace") as file:
            return file.read()

    def status(self):
        try:
            return ask(self.rest, "GET", "/patroni", timeout=3).json
        except (OSError, ValueError):
            return {}

    def runs_as(self, role, timeline=None):
        status = self.status()
        return status.get("state") == "running" and status.get("role") == role and timeline in (None, status.get("timeline"))

    def leads(self):
        return self.runs_as("master") or self.runs_as("primary")

    def connect(self):
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, dbname="postgres", user="postgres", password="secret", connect_timeout=3)
        connection.autocommit = True
        return connection

    def ask(self, query):
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()

    def postmaster(self):
        try:
            with open(os.path.join(self.data, "postmaster.pid")) as file:
                return int(file.readline())
        except (OSError, ValueError):
            return None

    def kill(self):
        """kill -9 of both."""
        pids = [pid for pid in (self.process.pid, self.postmaster()) if pid]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        wait_until(lambda: not any(alive(pid) for pid in pids), 5, "both to be gone")

    def stop(self):
        """Patroni stops its PostgreSQL. Returns what is left."""
        if self.process is None:
            return []
        self.process.terminate()
        try:
            self.process.wait(20 * SLOW)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        pid = self.postmaster()
        if pid is None or not alive(pid):
            return []
        os.kill(pid, signal.SIGQUIT)
        until(lambda: not alive(pid), 5)
        return ["PostgreSQL of %s" % self.name]


class Story:
    def __init__(self):
        self.world = World()
        os.chmod(self.world.folder, 0o711)
        self.databases = []

    def begin(self):
        self.stores = self.world.cluster(flags=["-workers", "1"])
        self.databases = [Database(self.world.folder, name, self.stores) for name in ("one", "two")]
        for database in self.databases:
            database.start()
        return self

    def leader(self, timeline=None):
        """The one that leads, and the other, when each agrees."""
        def agreed():
            for leader, other in (self.databases, self.databases[::-1]):
                if leader.leads():
                    if other.runs_as("replica", leader.status().get("timeline")) and timeline in (None, leader.status().get("timeline")):
                        return leader, other
            return None
        return wait_until(agreed, 30, "a leader and a replica\n" + "\n".join(one.log()[-2000:] for one in self.databases))

    def close(self):
        left = []
        for database in self.databases:
            left += database.stop()
        return left + self.world.close()


@pytest.fixture(scope="module")
def story():
    story = Story()
    try:
        yield story.begin()
    finally:
        left = story.close()
    assert not left, left


def value(node, key):
    found = good(node, "range", {"key": b64(SCOPE + key)}).get("kvs", [])
    return found and plain(found[0]["value"])


def follows(database, table, count):
    """That many rows are there."""
    def seen():
        try:
            return database.ask("select count(*) from " + table) == [(count,)]
        except psycopg2.Error:
            return False
    wait_until(seen, 10, "%d rows of %s at %s" % (count, table, database.name))


def test_two_begin_a_cluster(story):
    leader, other = story.leader()
    leader.ask("create table first (n int)")
    leader.ask("insert into first select generate_series(1, 100)")
    follows(other, "first", 100)
    # Every node of the store has what they tell, under leases.
    for node in story.stores:
        found = good(node, "range", below(SCOPE))
        assert {SCOPE + key for key in ("config", "initialize", "leader", "members/one", "members/two")} <= set(keys(found))
        leased = {plain(kv["key"]) for kv in found["kvs"] if "lease" in kv}
        assert leased == {SCOPE + key for key in ("leader", "members/one", "members/two")}
        assert value(node, "leader") == leader.name


def test_the_lead_is_switched(story):
    leader, other = story.leader()
    timeline = leader.status()["timeline"]
    answer = ask(leader.rest, "POST", "/switchover", json.dumps({"leader": leader.name, "candidate": other.name}), timeout=30)
    assert answer.status == 200 and b"Successfully switched over" in answer.body, answer
    assert story.leader(timeline + 1) == (other, leader)
    assert value(story.stores[0], "leader") == other.name
    other.ask("create table second as select 1")
    follows(leader, "second", 1)


class Rows:
    """Inserts one row after the other, and remembers what failed."""

    def __init__(self, database):
        self.connection, self.count, self.failed = database.connect(), 0, []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.stopping.set()
        self.thread.join(10)
        self.connection.close()

    def _run(self):
        while not self.stopping.wait(0.01) and not self.failed:
            try:
                with self.connection.cursor() as cursor:
                    cursor.execute("insert into load values (%d)" % self.count)
                self.count += 1
            except psycopg2.Error as error:
                self.failed.append(error)


def test_the_store_restarts_and_nobody_notices(story):
    """Each raftd, then a whole node: the one that leads goes on, and knows it."""
    leader, other = story.leader()
    timeline, begin = leader.status()["timeline"], len(leader.log())
    leader.ask("create table load (n int)")
    with Rows(leader) as rows:
        for node in story.stores:
            node.kill("raftd")
            story.world.leader_of(story.stores)
        last = story.world.leader_of(story.stores)
        last.kill_all()
        # Longer than its lease: it has been renewed at the others.
        left = next(node for node in story.stores if node is not last)
        assert not until(lambda: not leader.leads() or value(left, "leader") != leader.name, TTL + 1)
        last.start()
        story.world.leader_of(story.stores)
    assert not rows.failed and rows.count > 100
    assert story.leader(timeline) == (leader, other)
    follows(other, "load", rows.count)
    assert "demot" not in leader.log()[begin:].lower()
    # Both watch again: what is changed comes to them.
    assert ask(leader.rest, "PATCH", "/config", json.dumps({"postgresql": {"parameters": {"work_mem": "5MB"}}})).status == 200
    for database in (leader, other):
        wait_until(lambda: database.ask("show work_mem") == [("5MB",)], 10, "%s to take the setting" % database.name)


def test_another_leads_when_one_is_killed(story):
    leader, other = story.leader()
    timeline = leader.status()["timeline"]
    leader.ask("create table third as select generate_series(1, 10)")
    follows(other, "third", 10)
    leader.kill()
    wait_until(other.leads, TTL + 15, "the other to lead\n" + other.log()[-3000:])
    assert value(story.stores[0], "leader") == other.name
    other.ask("insert into third values (11)")
    leader.start()
    assert story.leader(timeline + 1) == (other, leader)
    follows(leader, "third", 11)
