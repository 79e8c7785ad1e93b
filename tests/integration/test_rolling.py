"""Every process restarted and replaced by command, while clients write, read and
watch: no request fails, no watch misses or repeats an event, no connection is
closed that HTTP does not allow to close.

MOOTHALL_ROLLING_ROUNDS=5 repeats the rounds of the long ones.
"""

import http.client
import json
import os
import select
import threading
import time

from moothall import SLOW, wait_until

ROUNDS = int(os.environ.get("MOOTHALL_ROLLING_ROUNDS", "1"))


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
    def __init__(self, address, number, tls=None):
        super().__init__(address, tls)
        self.key = "/load/%d" % number

    def step(self):
        status, body = self.ask("PUT", "/v2/keys%s" % self.key, "value=%d" % self.done)
        assert status in (200, 201), (status, body)
        status, body = self.ask("GET", "/v2/keys%s" % self.key)
        assert status == 200 and json.loads(body)["node"]["value"] == str(self.done), (status, body)


class Reader(Client):
    def step(self):
        status, body = self.ask("GET", "/v2/keys/load?recursive=true" +
                                ("&quorum=true" if self.done % 2 else ""))
        assert status == 200, (status, body)
        time.sleep(0.003)


class Slow(Client):
    """Mostly idle, so that its connection is found at rest; and half a request
    is under way when it is not."""

    def step(self):
        if self.connection is None:
            self.connect()
        self.connection.sock.sendall(b"GET /v2/keys/load HT")
        time.sleep(0.05)
        self.connection.sock.sendall(b"TP/1.1\r\nHost: h\r\n\r\n")
        response = http.client.HTTPResponse(self.connection.sock, method="GET")
        response.begin()
        response.read()
        assert response.status == 200
        if response.will_close:
            self.told += 1
            self.drop()
        time.sleep(0.05)


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
        self.writers = [Writer(a, 10 * i + k, tls) for i, a in enumerate(addresses) for k in range(2)]
        self.watchers = [kind(a, first, tls) for a in addresses for kind in (Poller, Stream)]
        nodes[0].put("/load/0", "x")
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


def test_client_workers_are_replaced_and_no_connection_notices(world):
    node = world.node(flags=["-workers", "2"]).start()
    with Load([node]) as load:
        for _ in range(2 * ROUNDS):
            before = node.pids()["client"]
            control(node, "restart", "client")
            wait_until(lambda: not set(before) & set(node.pids()["client"]), 10, "the old ones to end")
            load.go_on(10)
    assert load.told_to_close() == load.found_closed() == 0
