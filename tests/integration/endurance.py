#!/usr/bin/env python3
"""Writes at full load over few keys, for as long as wanted: does it ever pause, and
what does the disk hold? Not part of make check; test_disk.py does seconds of it.

    endurance.py [--seconds N] [--keys N] [--bytes N] [--connections N] [--flag FLAG ...]
"""

import argparse
import os
import re
import select
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from moothall import World  # noqa: E402  (the path has to be set first)


class Load:
    """Connections that write and wait for the answer, all in one thread."""

    def __init__(self, address, connections, keys, size):
        host, port = address.rsplit(":", 1)
        self.address, self.keys, self.value = (host, int(port)), keys, "v" * size
        self.done = self.errors = self.next = 0
        self.slowest = self.longest_pause = 0.0
        self.stopping = False
        self.sockets = {}
        for _ in range(connections):
            s = socket.create_connection(self.address)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sockets[s.fileno()] = [s, b"", 0.0]
        self.thread = threading.Thread(target=self._run)

    def _send(self, entry):
        body = "value=" + self.value
        self.next += 1
        entry[0].sendall(("PUT /v2/keys/load/k%d HTTP/1.1\r\nHost: x\r\nContent-Type: application/"
                          "x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s"
                          % (self.next % self.keys, len(body), body)).encode())
        entry[2] = time.monotonic()

    def _run(self):
        poll = select.epoll()
        for fd, entry in self.sockets.items():
            poll.register(fd, select.EPOLLIN)
            self._send(entry)
        last = time.monotonic()
        while not self.stopping:
            for fd, _ in poll.poll(0.1):
                entry = self.sockets[fd]
                entry[1] += entry[0].recv(65536)
                head, found, rest = entry[1].partition(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: (\d+)", head)
                chunked = length is None and rest.endswith(b"0\r\n\r\n")
                if not found or not (chunked or (length and len(rest) >= int(length.group(1)))):
                    continue
                entry[1] = b""
                now = time.monotonic()
                self.slowest = max(self.slowest, now - entry[2])
                self.longest_pause, last = max(self.longest_pause, now - last), now
                self.done += 1
                self.errors += not head.startswith(b"HTTP/1.1 20")
                self._send(entry)
        for entry in self.sockets.values():
            entry[0].close()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.stopping = True
        self.thread.join()


def disk_bytes(node):
    total = 0
    for folder, _, names in os.walk(os.path.join(node.directory, "db")):
        for name in names:
            try:
                total += os.path.getsize(os.path.join(folder, name))
            except OSError:
                pass
    return total


def written_bytes(node):
    """By raftd, so far; 0 if we may not know: it hides from everybody but root."""
    try:
        with open("/proc/%d/io" % node.pid_of("raftd")) as f:
            return int(re.search(r"(?m)^write_bytes: (\d+)", f.read()).group(1))
    except PermissionError:
        return 0


def run(node, seconds, keys, size, connections, tell=None):
    """(load, most bytes the disk held, bytes written to it)."""
    most, begun = 0, written_bytes(node)
    with Load(node.client, connections, keys, size) as load:
        end, told = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            time.sleep(0.2)
            most = max(most, disk_bytes(node))
            told += 1
            if tell is not None and told % 50 == 0:
                tell(load, most)
    return load, most, written_bytes(node) - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--keys", type=int, default=1000)
    parser.add_argument("--bytes", type=int, default=128)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--flag", action="append", default=[], help="for the node")
    options = parser.parse_args()
    world = World()
    try:
        node = world.node(flags=options.flag).start()

        def tell(load, most):
            print("%d writes, slowest %.3f s, longest pause %.3f s, disk %.1f MiB at most"
                  % (load.done, load.slowest, load.longest_pause, most / 2**20), flush=True)
        load, most, written = run(node, options.seconds, options.keys, options.bytes,
                                  options.connections, tell)
        tell(load, most)
        print("%d errors, %.0f writes/s, %.0f bytes to the disk for one, live data %.1f MiB"
              % (load.errors, load.done / options.seconds, written / load.done,
                 options.keys * options.bytes / 2**20))
    finally:
        left = world.close()
    return 1 if left or load.errors or load.longest_pause > 1 else 0


if __name__ == "__main__":
    sys.exit(main())
