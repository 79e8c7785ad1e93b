"""Who asks a node for small things all the time, in a process of his own, and how long he waits.

A wait says something about the node only if its processes were let run. So it is measured how
much of it the processes that answer, and the one that asks, ran and how long they stood in the
scheduler's queue (/proc/PID/schedstat); and how long a control waits, a process that does nothing
but send back what it gets. The node's own is what remains of a wait without the queues and
without the control's, and no less than what one process of the node ran in it: who works for
long is waited for on a quiet machine, too. How long that is, is a matter of the machine, and of
what else runs on it: so another control measures what a copy of 10 MiB costs meanwhile.
"""

import collections
import mmap
import multiprocessing
import os
import selectors
import signal
import socket
import time

from wire import Wire, request, wires_of_all_workers

FORK = multiprocessing.get_context("fork")
PERIOD = 0.02
VALUE = "unchanged"


def scheduled(pid):
    """Seconds that the main thread of the process ran, and stood in the queue; zeros, if nobody counts them."""
    try:
        with open("/proc/%d/schedstat" % pid) as file:
            return [int(word) / 1e9 for word in file.read().split()[:2]]
    except (OSError, IndexError):
        return [0.0, 0.0]


class Wait:
    """One wait: in all, what of it is not the scheduler's, and when it began."""

    def __init__(self, whole, own, at):
        self.whole, self.own, self.at = whole, own, at

    def __repr__(self):
        return "%.0f ms (%.0f ms of the node's own) at %.1f s" % (self.whole * 1e3, self.own * 1e3, self.at)


class Lane:
    """One connection, one request at a time."""

    def __init__(self, name, sock, question, good, pids):
        self.name, self.socket, self.question, self.good, self.pids = name, sock, question, good, pids
        self.came, self.begun, self.due, self.before = b"", None, 0.0, None
        self.waits, self.worst_own, self.worst = [], Wait(0, 0, 0), Wait(0, 0, 0)
        self.failure, self.refused = None, 0

    def since(self):
        """What its processes ran and were queued since it asked, in lists."""
        return [[now - before for now, before in zip(*both)] for both in
                zip(zip(*map(scheduled, self.pids)), self.before)]

    def ask(self, now):
        """Anew, or again after a refusal: then the wait goes on."""
        if self.begun is None:
            self.begun, self.before = now, list(zip(*map(scheduled, self.pids)))
        self.came, self.due = b"", None
        self.socket.sendall(self.question)

    def receive(self, now):
        """True: an answer is whole, and no refusal."""
        data = self.socket.recv(65536)
        if not data:
            raise OSError("the connection ended after %r" % self.came[-200:])
        self.came += data
        if not self.good(self.came):
            return False
        if self.came.startswith(b"HTTP/1.1 500 "):
            self.refused += 1
            self.due = now + PERIOD
            return False
        return True


def answered(status, text):
    """Has the whole answer come, and is it right, or a refusal?"""
    def good(came):
        head, found, body = came.partition(b"\r\n\r\n")
        if not found:
            return False
        length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n")
                       if line.lower().startswith(b"content-length:")), None)
        if length is None:
            raise OSError("an answer without a length: %r" % came[:300])
        if len(body) < length:
            return False
        refusal = head.startswith(b"HTTP/1.1 500 ") and b'"errorCode":300,' in body
        if not refusal and (not head.startswith(b"HTTP/1.1 %d " % status) or text not in body):
            raise OSError("a wrong answer: %r" % came[:600])
        return True
    return good


class Bystanders:
    """Plain GETs at each client worker, of a key that it may keep and of one that raftd is asked for,
    a quorum GET, and the control; each every 20 ms. Its report is there when it was stopped."""

    def __init__(self, node, key="/bystander"):
        self.node, self.key = node, key

    def __enter__(self):
        node, pids = self.node, self.node.pids()
        assert node.put(self.key, VALUE).status in (200, 201)
        raftd, lanes = pids["raftd"][0], []
        found = answered(200, b'"value":"%s"' % VALUE.encode())
        for name, query in [("plain", ""), ("asked", None), ("quorum", "?quorum=true")]:
            wires = wires_of_all_workers(node)
            for number, (pid, wire) in enumerate(sorted(wires.items())):
                if name == "quorum" and number > 0:
                    wire.close()
                elif name == "asked":
                    # raftd is asked for what is not there: nobody keeps that.
                    lanes.append(Lane("%s %d" % (name, number + 1), wire.socket,
                                      request("GET", "/v2/keys%s-none" % self.key), answered(404, b"100"), [pid, raftd]))
                else:
                    lanes.append(Lane(name if name == "quorum" else "%s %d" % (name, number + 1), wire.socket,
                                      request("GET", "/v2/keys%s%s" % (self.key, query)), found, [pid, raftd]))
        mine, theirs = socket.socketpair()
        self.echo = FORK.Process(target=echo, args=(theirs, [mine] + [lane.socket for lane in lanes]), daemon=True)
        self.echo.start()
        theirs.close()
        lanes.append(Lane("control", mine, b"?", lambda came: came == b"?", [self.echo.pid]))
        self.pipe, theirs = FORK.Pipe()
        self.process = FORK.Process(target=watch, args=(lanes, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.copies, theirs = FORK.Pipe()
        self.copier = FORK.Process(target=copies, args=(theirs,), daemon=True)
        self.copier.start()
        theirs.close()
        for lane in lanes:
            lane.socket.close()
        self.lanes = None
        return self

    def stop(self):
        """{name: Lane}; their failures are in them."""
        if self.lanes is None:
            self.pipe.send("stop")
            assert self.pipe.poll(30), "the bystanders do not end"
            self.lanes = collections.OrderedDict((lane.name, lane) for lane in self.pipe.recv())
            self.copies.send("stop")
            costs = sorted(self.copies.recv()) or [0]
            # Such as it was when the machine was busy.
            self.copy_ms = costs[len(costs) * 9 // 10] * 1e3
            for process in (self.process, self.echo, self.copier):
                process.join()
        return self.lanes

    def __exit__(self, *unused):
        self.stop()

    def worst(self, *names, own=False):
        """The longest wait in lanes whose name begins so."""
        lanes = [lane for lane in self.stop().values() if lane.name.split()[0] in names]
        return max((lane.worst_own if own else lane.worst for lane in lanes),
                   key=lambda wait: wait.own if own else wait.whole)

    def failures(self):
        return ["%s: %s" % (lane.name, lane.failure) for lane in self.stop().values() if lane.failure]

    def table(self):
        lines = ["%-10s %7s %7s %9s %9s %9s  %s" % ("bystander", "GETs", "refused", "median ms", "p99 ms", "worst ms", "the longest that was the node's own")]
        for lane in self.stop().values():
            waits = sorted(lane.waits) or [0]
            lines.append("%-10s %7d %7d %9.1f %9.1f %9.1f  %s" % (
                lane.name, len(lane.waits), lane.refused, waits[len(waits) // 2] * 1e3, waits[len(waits) * 99 // 100] * 1e3,
                lane.worst.whole * 1e3, lane.worst_own))
        return lines + ["a copy of 10 MiB cost %.1f ms" % self.copy_ms]


def echo(sock, others):
    """The control: as little work as a process can have that answers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for other in others:
        other.close()
    try:
        while True:
            data = sock.recv(16)
            if not data:
                os._exit(0)
            sock.sendall(data)
    except OSError:
        os._exit(0)


def copies(pipe):
    """What a copy of 10 MiB into new memory costs the processor, in seconds, again and again."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    costs, value = [], bytes(10 << 20)
    while not pipe.poll(0.5):
        begun = time.process_time()
        with mmap.mmap(-1, len(value)) as copy:
            copy.write(value)
        costs.append(time.process_time() - begun)
    pipe.recv()
    pipe.send(costs)
    os._exit(0)


def watch(lanes, pipe):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    start, me, selector = time.monotonic(), os.getpid(), selectors.DefaultSelector()
    controls = collections.deque(maxlen=1000)   # (begun, ended) of the control's waits
    for lane in lanes:
        selector.register(lane.socket, selectors.EVENT_READ, lane)
        if lane.name != "control":
            lane.pids.append(me)
    selector.register(pipe, selectors.EVENT_READ)
    stopping, end = False, None
    while not (stopping and (all(lane.begun is None for lane in lanes) or time.monotonic() > end)):
        now = time.monotonic()
        for lane in lanes:
            if lane.due is not None and lane.due <= now and not (stopping and lane.begun is None):
                try:
                    lane.ask(now)
                except OSError as error:
                    lane.failure, lane.begun, lane.due = lane.failure or repr(error), None, None
        due = min([now + 0.1] + [lane.due for lane in lanes if lane.due is not None])
        for key, _ in selector.select(max(0.001, due - now)):
            lane = key.data
            if lane is None:
                stopping, end = True, time.monotonic() + 20
                selector.unregister(pipe)
                continue
            try:
                if not lane.receive(time.monotonic()):
                    continue
            except OSError as error:
                lane.failure = lane.failure or repr(error)
                selector.unregister(lane.socket)
                lane.begun = lane.due = None
                continue
            now = time.monotonic()
            whole = now - lane.begun
            lane.waits.append(whole)
            if lane.name == "control":
                controls.append((lane.begun, now))
                lane.worst = max(lane.worst, Wait(whole, 0, lane.begun - start), key=lambda wait: wait.whole)
            else:
                own = whole
                if whole > 0.02:
                    ran, queued = lane.since()
                    own -= max([sum(queued)] + [min(now, ended) - max(lane.begun, begun)
                                                for begun, ended in controls if ended > lane.begun])
                    # The last one is who asks.
                    own = max(own, min(whole, max(ran[:-1])))
                wait = Wait(whole, max(own, 0), lane.begun - start)
                lane.worst = max(lane.worst, wait, key=lambda wait: wait.whole)
                lane.worst_own = max(lane.worst_own, wait, key=lambda wait: wait.own)
            lane.begun, lane.due = None, max(lane.begun + PERIOD, now)
    for lane in lanes:
        if lane.begun is not None and not lane.failure:
            lane.failure = "no answer for %.1f s" % (time.monotonic() - lane.begun)
        lane.socket.close()
        lane.socket = lane.good = None
    pipe.send(lanes)
    os._exit(0)
