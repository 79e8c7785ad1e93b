"""HTTP byte by byte: what goes over the connection is what a test says, and
an answer is read no further than its own end."""

import json
import os
import select
import socket
import threading
import time
import urllib.parse

from moothall import SLOW

FORM = "application/x-www-form-urlencoded"


def request(method, target, form=None, headers=(), version="HTTP/1.1", body=None, content_type=FORM):
    """The bytes of one request. form: pairs, a dict, or what is encoded already."""
    lines = ["%s %s %s" % (method, target, version)]
    if version == "HTTP/1.1":
        lines.append("Host: test")
    lines += headers
    if form is not None:
        body = form if isinstance(form, (str, bytes)) else urllib.parse.urlencode(form)
    if body is not None:
        body = body.encode() if isinstance(body, str) else body
        if content_type:
            lines.append("Content-Type: " + content_type)
        lines.append("Content-Length: %d" % len(body))
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")


class Head:
    def __init__(self, text):
        lines = text.decode("latin-1").split("\r\n")
        self.version, status, self.reason = (lines[0].split(" ", 2) + [""])[:3]
        self.status = int(status)
        self.lines = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:]]

    def get(self, name, default=None):
        return next((value for key, value in self.lines if key.lower() == name.lower()), default)

    @property
    def index(self):
        return int(self.get("X-Etcd-Index"))


class Answer:
    def __init__(self, head, body):
        self.head, self.status, self.body = head, head.status, body
        self.get = head.get

    @property
    def index(self):
        return self.head.index

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return "<%d %r>" % (self.status, self.body[:300])


class Ended(Exception):
    """The server closed the connection; got is what came before."""

    def __init__(self, got):
        super().__init__("connection ended after %r" % got[-200:])
        self.got = got


class Wire:
    """One connection. Every wait has a limit, and passing it is a failure."""

    def __init__(self, address, timeout=15.0, receive_bytes=None, tls=None, source=None):
        """source: the address to call from, another one of the loopback."""
        host, port = address.rsplit(":", 1)
        self.socket = socket.socket()
        self.socket.settimeout(timeout * SLOW)
        if receive_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        if source is not None:
            self.socket.bind((source, 0))
        self.socket.connect((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=host)
        self.port = self.socket.getsockname()[1]
        self.came, self.chunked, self.left = b"", False, 0

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, *data):
        self.socket.sendall(b"".join(data))

    def _more(self):
        try:
            data = self.socket.recv(1 << 18)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Ended(self.came)
        self.came += data

    def _take(self, size):
        while len(self.came) < size:
            self._more()
        data, self.came = self.came[:size], self.came[size:]
        return data

    def _line(self, end=b"\r\n"):
        while end not in self.came:
            self._more()
        data, _, self.came = self.came.partition(end)
        return data

    def head(self, interim=False):
        """The next head. Without interim 1xx are passed over."""
        while True:
            head = Head(self._line(b"\r\n\r\n"))
            if interim or head.status >= 200:
                self.chunked = (head.get("Transfer-Encoding") or "").lower() == "chunked"
                return head

    def chunk(self):
        """The next chunk; empty at the end of the answer."""
        data = self._take(int(self._line(), 16))
        assert self._take(2) == b"\r\n"
        return data

    def answer(self, method="GET"):
        head = self.head()
        if method == "HEAD" or head.status == 204:
            return Answer(head, b"")
        if self.chunked:
            body = b""
            while True:
                data = self.chunk()
                if not data:
                    return Answer(head, body)
                body += data
        if head.get("Content-Length") is not None:
            return Answer(head, self._take(int(head.get("Content-Length"))))
        return Answer(head, self.rest())

    def ask(self, method, target, form=None, **more):
        self.send(request(method, target, form, **more))
        return self.answer(method)

    def put(self, key, value, **form):
        return self.ask("PUT", "/v2/keys" + key, dict(form, value=value))

    def read(self, key, query=""):
        return self.ask("GET", "/v2/keys" + key + query)

    def watch(self, key, query=""):
        """Ask for it; returns the head, which says that it is registered."""
        self.send(request("GET", "/v2/keys%s?wait=true%s" % (key, query)))
        head = self.head()
        assert head.status == 200, head.status
        return head

    def event(self):
        """The next event of a stream, or of a long poll."""
        data = self.chunk()
        if not data:
            raise Ended(b"the end of the answer")
        assert data.endswith(b"\n")
        return json.loads(data)

    def rest(self):
        """All up to the end of the connection, which has to come."""
        try:
            while True:
                self._more()
        except Ended as ended:
            self.came = b""
            return ended.got

    def silent(self, seconds=0):
        """Nothing has come that was not read, nor comes for so long."""
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        return not self.came and not poll.poll(seconds * 1000)


def worker_of(node, wire):
    """The client worker that holds the other end of the connection, or None."""
    port = int(node.client.rsplit(":", 1)[1])
    inode = None
    with open("/proc/net/tcp") as table:
        for line in table:
            fields = line.split()
            if fields[0] == "sl":
                continue
            local, remote = (int(part.split(":")[1], 16) for part in fields[1:3])
            if local == port and remote == wire.port:
                inode = fields[9]
    if inode in (None, "0"):
        return None
    for pid in node.pids()["client"]:
        folder = "/proc/%d/fd" % pid
        try:
            if any(os.readlink(os.path.join(folder, fd)) == "socket:[%s]" % inode for fd in os.listdir(folder)):
                return pid
        except OSError:
            continue
    return None


def wires_of_all_workers(node, timeout=10.0):
    """A connection to each client worker: {pid: Wire}."""
    wires, spare = {}, []
    end = time.monotonic() + timeout * SLOW
    wanted = len(node.pids()["client"])
    while len(wires) < wanted:
        assert time.monotonic() < end, "only %d of %d workers took a connection" % (len(wires), wanted)
        wire = Wire(node.client)
        assert wire.ask("GET", "/version").status == 200
        pid = worker_of(node, wire)
        if pid is None or pid in wires:
            spare.append(wire)
        else:
            wires[pid] = wire
    for wire in spare:
        wire.close()
    return wires


def wire_of(node, pid, timeout=10.0):
    """A connection to that client worker."""
    end = time.monotonic() + timeout * SLOW
    while True:
        wire = Wire(node.client, timeout=30)
        assert wire.ask("GET", "/version").status == 200
        if worker_of(node, wire) == pid:
            return wire
        wire.close()
        assert time.monotonic() < end, "worker %d takes no connection" % pid


class Floor:
    """The newest index that anybody was answered on a node: no answer to a
    request sent after it may be older."""

    def __init__(self):
        self.index, self.lock = 0, threading.Lock()

    def seen(self, index):
        with self.lock:
            self.index = max(self.index, index)


class Crowd:
    """Threads that do one thing each until told to stop; the first that fails fails the test."""

    def __init__(self):
        self.stopping, self.threads, self.failures = threading.Event(), [], []

    def __enter__(self):
        return self

    def __exit__(self, kind, *unused):
        self.stopping.set()
        for thread in self.threads:
            thread.join(30 * SLOW)
        if kind is None:
            assert not any(thread.is_alive() for thread in self.threads), "a client is stuck"
            if self.failures:
                raise self.failures[0]

    def add(self, work, *arguments):
        """work(*arguments), again and again while it returns true."""
        def run():
            try:
                while not self.stopping.is_set() and work(*arguments):
                    pass
            except Exception as failure:
                self.failures.append(failure)
                self.stopping.set()
        thread = threading.Thread(target=run, daemon=True)
        self.threads.append(thread)
        thread.start()

    def wait(self, timeout=60.0):
        """Until all are done by themselves."""
        end = time.monotonic() + timeout * SLOW
        for thread in self.threads:
            thread.join(max(0, end - time.monotonic()))
            assert self.failures or not thread.is_alive(), "a client is not done in time"


def watchers(node):
    """Watches open on the node, by its own count."""
    with Wire(node.client) as wire:
        return wire.ask("GET", "/v2/stats/store").json["watchers"]
