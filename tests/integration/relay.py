"""A network between nodes that the tests can break.

Every node advertises the address of a relay of its own and listens elsewhere
(-peer-addr, -peer-bind-addr), so all that nodes say to each other passes here.
A stream names its caller in its first lines, so a direction of a link (from
machine1 to machine2) can be cut, delayed or slowed down whatever connection the
bytes are on. What is cut is not lost but waits, as TCP has it: it comes when
the link heals, late, or never if the connection is reset then.

A relay refuses connections while its node does, since nodes take that as news.

    Network      used by tests; starts this file as a process and orders it
    relay.py     the process: orders on standard input, answers on standard output
"""

import asyncio
import json
import os
import re
import subprocess
import sys

from moothall import free_port

PROBE_S = 0.01          # how often a node that refuses is tried
HEAD_BYTES_MAX = 65536
CALLER = re.compile(rb'^X-Raft-Name: *([A-Za-z0-9._-]+)|"name" *: *"([A-Za-z0-9._-]+)"', re.I | re.M)


class Link:
    """One direction between two nodes."""

    def __init__(self):
        self.open = asyncio.Event()
        self.open.set()
        self.delay, self.rate = 0.0, 0

    def set(self, cut=False, delay=0.0, rate=0):
        self.delay, self.rate = delay, rate
        if cut:
            self.open.clear()
        else:
            self.open.set()


class Pipe:
    """One direction of one connection."""

    def __init__(self, reader, writer, link):
        self.reader, self.writer, self.link = reader, writer, link
        self.due = 0.0

    async def pass_on(self, data):
        await self.link.open.wait()
        loop = asyncio.get_running_loop()
        if self.link.rate:
            await asyncio.sleep(len(data) / self.link.rate)
        self.due = max(self.due, loop.time() + self.link.delay)
        if self.due > loop.time():
            loop.call_at(self.due, self.deliver, data)
        else:
            self.deliver(data)
            await self.writer.drain()

    def deliver(self, data):
        if not self.writer.is_closing():
            self.writer.write(data)

    async def run(self):
        while True:
            await self.link.open.wait()
            data = await self.reader.read(65536)
            if not data:
                # A close is as late as the bytes before it.
                await self.link.open.wait()
                await asyncio.sleep(max(0.0, self.due - asyncio.get_running_loop().time()))
                return
            await self.pass_on(data)


class Relay:
    """In front of one node."""

    def __init__(self, world, name, port, target):
        self.world, self.name = world, name
        self.target = target
        self.port, self.server = port, None
        self.connections = {}           # its task: who called, and what for
        self.probing = None

    async def listen(self):
        self.server = await asyncio.start_server(self.accepted, "127.0.0.1", self.port)

    async def refused(self):
        """The node is gone: so are we, until it is back."""
        if self.server is not None:
            self.server.close()
            self.server = None
        if self.probing is None:
            self.probing = asyncio.create_task(self.probe())

    async def probe(self):
        while True:
            try:
                _, writer = await asyncio.open_connection(*self.target)
                writer.transport.abort()
                break
            except OSError:
                await asyncio.sleep(PROBE_S)
        await self.listen()
        self.probing = None

    async def accepted(self, reader, writer):
        task = asyncio.current_task()
        self.connections[task] = None, None
        out = None
        try:
            head = await self.read_head(reader)
            found = CALLER.search(head)
            caller = (found.group(1) or found.group(2)).decode() if found else "?"
            self.connections[task] = caller, head.split(b" ")[1].decode(errors="replace")
            there = self.world.link(caller, self.name)
            back = self.world.link(self.name, caller)
            await there.open.wait()
            try:
                answers, out = await asyncio.open_connection(*self.target)
            except OSError:
                await self.refused()
                return
            first = Pipe(reader, out, there)
            pipes = [asyncio.create_task(first.run()),
                     asyncio.create_task(Pipe(answers, writer, back).run())]
            try:
                await first.pass_on(head)
                await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pipe in pipes:
                    pipe.cancel()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            del self.connections[task]
            for end in (writer, out):
                if end is not None:
                    end.close()

    @staticmethod
    async def read_head(reader):
        """Until the blank line; of a request with a body a little more."""
        head = b""
        while len(head) < HEAD_BYTES_MAX:
            data = await reader.read(65536)
            if not data:
                raise ConnectionResetError
            head += data
            if b"\r\n\r\n" in head and (head.startswith(b"GET ") or head[-4:] != b"\r\n\r\n"
                                        or b"\nContent-Length: 0" in head):
                break
            if b"\r\n\r\n" in head and b"\nContent-Length:" not in head:
                break
        return head


class Links:
    """The process: all relays, all links."""

    def __init__(self):
        self.relays, self.links, self.everyone = {}, {}, Link()

    def link(self, source, target):
        if "?" in (source, target):
            return self.everyone
        return self.links.setdefault((source, target), Link())

    async def order_add(self, name, port, target):
        relay = self.relays[name] = Relay(self, name, port, ("127.0.0.1", target))
        await relay.listen()

    async def order_link(self, pairs, **how):
        for source, target in pairs:
            self.link(source, target).set(**how)

    async def order_heal(self, reset=False):
        hurt = {pair for pair, link in self.links.items() if not link.open.is_set()}
        for link in self.links.values():
            link.set()
        if reset:
            await self.order_reset([list(pair) for pair in hurt])

    async def order_reset(self, pairs, path=None):
        """Break the connections between these, as a firewall does that forgot them."""
        pairs = {frozenset(pair) for pair in pairs}
        for relay in self.relays.values():
            for task, (caller, asked) in list(relay.connections.items()):
                if frozenset((caller, relay.name)) in pairs and path in (None, asked):
                    task.cancel()

    async def serve(self):
        loop = asyncio.get_running_loop()
        orders = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
        while True:
            line = await orders.readline()
            if not line:
                os._exit(0)
            order = json.loads(line)
            answer = await getattr(self, "order_" + order.pop("order"))(**order)
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


class Network:
    """Starts the process; cut, heal and the like return when it is so."""

    label = ""

    def __init__(self):
        self.process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.names = []

    def _order(self, order, **more):
        self.process.stdin.write(json.dumps(dict(more, order=order)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the relay process is gone"
        return json.loads(line)

    def place(self, name):
        """Where that node is: what a Node has to be made with. With a name again, another place."""
        port, target = free_port(), free_port()
        if name not in self.names:
            self.names.append(name)
        self._order("add", name=name, port=port, target=target)
        return {"peer": "127.0.0.1:%d" % port, "client": None,
                "flags": ["-peer-bind-addr", "127.0.0.1:%d" % target], "prefix": []}

    def one_way(self, sources, targets, **how):
        """Nothing comes from sources to targets any more; or with delay=, rate=, late."""
        pairs = [(s, t) for s in sources for t in targets if s != t]
        self._order("link", pairs=pairs, **(how or {"cut": True}))

    def both_ways(self, ones, others, **how):
        self.one_way(ones, others, **how)
        self.one_way(others, ones, **how)

    def isolate(self, name):
        self.both_ways([name], [n for n in self.names if n != name])

    def heal(self, reset=False):
        self._order("heal", reset=reset)

    def reset(self, ones, others, path=None):
        """All connections between these, or those that were opened for that path."""
        self._order("reset", pairs=[(a, b) for a in ones for b in others], path=path)

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


if __name__ == "__main__":
    asyncio.run(Links().serve())
