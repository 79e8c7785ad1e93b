"""What can be done to a node by who only reaches its client port: the kinds of attack, each with
random numbers of its own, so that a seed gives the same requests.

A kind does one round after the other. It keeps what it stores below a bound that it tells (live),
and says what was wrong about an answer. Limits are those of common/limits.h and option_table.h.
"""

import collections
import json
import random
import socket
import struct
import threading
import time
import weakref

from bystanders import FORK
from wire import request

KIB, MIB = 1 << 10, 1 << 20
BODY = 10 * MIB                 # -max-body-bytes
HEAD = 64 * KIB                 # -max-header-bytes
NAMES, KEY = 128, 16 * KIB      # -max-key-names, -max-key-bytes
NAMES_MOST, KEY_MOST = 1024, 48 * KIB
FIELDS = 64
PARALLEL = 32                   # requests of a connection that are in work
VALUE = "v" * BODY


class Cut(Exception):
    """The connection ended, or nothing came for long."""


class Reader:
    """A connection whose answers are counted and thrown away."""

    def __init__(self, address, receive_bytes=None, source=None, timeout=20):
        host, port = address.rsplit(":", 1)
        self.socket, self.came = socket.socket(), b""
        self.socket.settimeout(timeout)
        try:
            if receive_bytes is not None:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            if source is not None:
                self.socket.bind((source, 0))
            self.socket.connect((host, int(port)))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            self.socket.close()
            raise Cut(str(error))

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Cut(str(error))

    def more(self, size=1 << 18):
        try:
            data = self.socket.recv(size)
        except OSError as error:
            raise Cut(str(error))
        if not data:
            raise Cut("ended")
        return data

    def until(self, end):
        while end not in self.came:
            self.came += self.more()
        text, _, self.came = self.came.partition(end)
        return text

    def skip(self, size, keep=b""):
        """Drop so many bytes; the first of them are returned."""
        while size:
            if not self.came:
                self.came = self.more()
            part, self.came = self.came[:size], self.came[size:]
            size -= len(part)
            if len(keep) < 1024:
                keep += part[:1024]
        return keep

    def answer(self, method="GET"):
        """(status, head, the first kilobyte of the body)"""
        while True:
            head = self.until(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 "):
                raise ValueError("no answer: %r" % head[:200])
            status = int(head[9:12])
            if status >= 200:
                break
        lower = head.lower()
        if method == "HEAD" or status == 204:
            return status, lower, b""
        if b"\r\ntransfer-encoding: chunked" in lower:
            body = b""
            while True:
                size = int(self.until(b"\r\n"), 16)
                body = self.skip(size, body)
                self.skip(2)
                if size == 0:
                    return status, lower, body
        return status, lower, self.skip(int(lower.split(b"\r\ncontent-length:")[1].split(b"\r\n")[0]))

    def close(self, reset=False):
        try:
            if reset:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                # Wakes who waits for it.
                self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


class Kind:
    """One way to attack. Below, one() is a round."""

    live = 0            # bytes of names and values that it has stored at most

    def __init__(self, addresses, seed):
        self.name = type(self).__name__.lower()
        self.rand = random.Random("%s %s" % (seed, self.name))
        self.root = "/attack/" + self.name
        self.addresses, self.counts, self.wrong = addresses, collections.Counter(), []
        self.held = collections.deque()
        # Weak, for those that were closed.
        self.open, self.stopping = weakref.WeakSet(), threading.Event()

    # ---- connections

    def connect(self, slow=False, source=None):
        if source is True:
            source = "127.0.0.%d" % self.rand.randrange(2, 9)
        reader = Reader(self.rand.choice(self.addresses), 4096 if slow else None, source)
        self.open.add(reader)
        if self.stopping.is_set():
            raise Cut("at the end")
        return reader

    def hold(self, reader, most=8, reset=None):
        """It stays open, unread; the oldest goes, one way or the other. An end behind requests that
        were not read yet reaches nobody before they are: such connections have to be reset."""
        self.held.append(reader)
        while len(self.held) > most:
            self.held.popleft().close(self.rand.random() < 0.5 if reset is None else reset)

    # ---- requests

    def key(self, path=""):
        return "/v2/keys%s%s" % (self.root, path)

    def put(self, path, value, method="PUT", **form):
        body = "&".join(["value=" + value] + ["%s=%s" % item for item in form.items()])
        return request(method, self.key(path), body=body)

    def judge(self, answer, good=(), error=None):
        """Count the answer. Refusals that pass by themselves are always good ones."""
        status, head, body = answer
        self.counts[status] += 1
        if status < 500 and (not good or status in good) and (
                error is None or status < 400 or b'"errorCode":%d,' % error in body):
            return status
        if status == 503 or (status == 500 and (b'"errorCode":300,' in body or b'"errorCode":301,' in body)) or status == 408:
            return status
        self.wrong.append("%s: %d %r, expected %s, error %s" % (self.name, status, body[:300], good or "no 5xx", error))
        return status

    def ask(self, reader, data, good=(), error=None, method="GET"):
        reader.send(data)
        return self.judge(reader.answer(method), good, error)

    def pipeline(self, reader, requests, good=(), error=None):
        """In batches that fit into one connection's work."""
        for at in range(0, len(requests), PARALLEL):
            batch = requests[at:at + PARALLEL]
            reader.send(b"".join(batch))
            for _ in batch:
                self.judge(reader.answer(), good, error)

    def alone(self, data, good=(), error=None, method="GET"):
        """One request on a connection of its own."""
        reader = self.connect()
        try:
            return self.ask(reader, data, good, error, method)
        finally:
            reader.close()

    def run(self):
        while not self.stopping.is_set():
            try:
                self.one()
                self.counts["rounds"] += 1
            except Cut as cut:
                self.counts["cut: %s" % cut] += 1
            except Exception as error:
                if not self.stopping.is_set():
                    self.wrong.append("%s: %r" % (self.name, error))

    def stop(self):
        """From another thread: whatever it does ends."""
        self.stopping.set()
        for reader in list(self.open):
            reader.close(True)


# ---- keys and values

class Deep(Kind):
    """Keys of many names and of many bytes, at the limits and far above."""
    live = 8 * KEY

    def path(self, names, size):
        start = "%s/%d" % (self.root, self.rand.randrange(8))
        path = start + "/a" * (names - start.count("/"))
        return path + "a" * max(0, size - len(path))

    def one(self):
        rand = self.rand
        names = rand.choice([4, NAMES - 1, NAMES, NAMES + 1, 999, NAMES_MOST, NAMES_MOST + 1, 20000, 32480])
        size = rand.choice([0, 0, KEY - 1, KEY, KEY + 1, KEY_MOST, KEY_MOST + 1, HEAD - 200])
        path = self.path(names, size)
        fits = path.count("/") <= NAMES and len(path) <= KEY
        readable = path.count("/") <= NAMES_MOST and len(path) <= KEY_MOST
        reader = self.connect()
        try:
            self.ask(reader, request("DELETE", self.key("/%s?recursive=true" % path.split("/")[3])), (200, 404))
            made = [request(rand.choice(["PUT", "PUT", "POST"]), "/v2/keys" + path, {"value": "v"})
                    for _ in range(rand.choice([1, 8]))]
            # The second is below or in place of what the first has made.
            self.pipeline(reader, made, (200, 201, 400, 403) if fits else (400,), None if fits else 210)
            query = rand.choice(["", "?recursive=true", "?quorum=true", "?wait=true&waitIndex=2"])
            if "wait" not in query:
                self.ask(reader, request("GET", "/v2/keys" + path + query), (200, 404) if readable else (400,),
                         None if readable else 210)
            self.ask(reader, request("DELETE", "/v2/keys" + path), (200, 404, 403, 400))
        finally:
            reader.close()


class Wide(Kind):
    """Directories with thousands of children, made, listed and removed in one go."""
    children, folders = 6000, 3
    live = children * folders * 80

    def one(self):
        rand, folder = self.rand, "/%d" % self.rand.randrange(self.folders)
        reader = self.connect()
        try:
            what = rand.random()
            if what < 0.6:
                numbers = range(rand.randrange(self.children - 2000), self.children)
                self.pipeline(reader, [self.put("%s/%06d-%s" % (folder, i, "n" * 40), "v%d" % i)
                                       for i in numbers][:2000], (200, 201))
            elif what < 0.8:
                self.ask(reader, request("DELETE", self.key(folder + "?recursive=true")), (200, 404))
            else:
                query = rand.choice(["", "?sorted=true", "?recursive=true", "?recursive=true&sorted=true&quorum=true"])
                self.ask(reader, request("GET", self.key(folder + query)), (200, 404))
        finally:
            reader.close()


class Big(Kind):
    """Values of as much as a body may hold, and one byte more."""
    live = BODY

    def one(self):
        size, rand = BODY - len("value="), self.rand
        reader = self.connect()
        try:
            what = rand.random()
            if what < 0.4:
                self.ask(reader, self.put("/v", VALUE[:size]), (200, 201))
            elif what < 0.6:
                try:
                    self.ask(reader, self.put("/v", VALUE[:size + 1]), (413,))
                except Cut:
                    self.counts["cut while it was sent"] += 1
            elif what < 0.8:
                self.ask(reader, request("GET", self.key("/v" + rand.choice(["", "?quorum=true", "?recursive=true"]))),
                         (200, 404))
            else:
                self.ask(reader, request("DELETE", self.key("/v")), (200, 404))
        finally:
            reader.close()


class Storm(Kind):
    """Large values written to one key again and again: history and kept answers."""
    live = BODY

    def one(self):
        sizes = [self.rand.choice([BODY - 6, 5 * MIB, MIB, 262144]) for _ in range(4)]
        reader = self.connect()
        try:
            for size in sizes:
                self.ask(reader, self.put("/v", VALUE[:size]), (200, 201))
        finally:
            reader.close()


class Swap(Kind):
    """Comparisons with previous values as large as can be, right and wrong."""
    live = 5 * MIB

    def one(self):
        rand, size = self.rand, self.rand.choice([5 * MIB - 100, 4 * MIB, 100 * KIB])
        reader = self.connect()
        try:
            self.ask(reader, self.put("/v", "o" * size), (200, 201))
            old = rand.choice(["o" * size, "x" * size, "o" * (size - 1), ""])
            good = (200, 412) if old else (200, 400)
            self.ask(reader, self.put("/v", "n" * (5 * MIB - 100), prevValue=old), good)
            self.ask(reader, request("DELETE", self.key("/v?prevValue=" + "n" * rand.choice([1, 30000, HEAD]))),
                     (200, 404, 412, 414))
        finally:
            reader.close()


class Expiring(Kind):
    """Long names that go at one and the same time."""
    slots = 256
    live = slots * KEY

    def one(self):
        rand, ttl = self.rand, self.rand.randrange(1, 4)
        size = rand.choice([KEY, KEY, 4000, 300])
        numbers = [rand.randrange(self.slots) for _ in range(rand.choice([32, 128]))]
        reader = self.connect()
        try:
            self.pipeline(reader, [self.put("/%03d%s" % (i, "k" * (size - len(self.root) - 4)), "v", ttl=ttl)
                                   for i in numbers], (200, 201))
            self.pipeline(reader, [request("DELETE", self.key("/%03d%s" % (i, "k" * (size - len(self.root) - 4))))
                                   for i in numbers[:8]], (200, 404))
        finally:
            reader.close()


class Ttl(Kind):
    """Times to live that change all the time, and some that are none."""
    slots = 3000
    live = slots * 40

    def one(self):
        rand = self.rand
        reader = self.connect()
        try:
            self.pipeline(reader, [self.put("/%d/%d" % (i % 7, i), "v", ttl=rand.choice([1, 1, 2, 3, 100]))
                                   for i in [rand.randrange(self.slots) for _ in range(320)]], (200, 201))
            for ttl in ["", "0", "-1", "9" * 18, "9" * 40, "1.5", "x", str(2 ** 63)]:
                self.ask(reader, self.put("/odd", "v", ttl=ttl), (200, 201, 400))
            self.pipeline(reader, [request("PUT", self.key("/%d" % i), body="ttl=%d&refresh=true&dir=true&prevExist=true"
                                           % rand.randrange(1, 5)) for i in range(7)], (200, 400, 403, 404))
            self.ask(reader, request("PUT", self.key("/d%d" % rand.randrange(5)), body="dir=true&ttl=2"), (200, 201, 403))
        finally:
            reader.close()


class Names(Kind):
    """Names that are none, that look like something else, or that a terminal would obey."""
    live = 200 * 8 * 600
    odd = ["..", ".", "%2e%2e", "%2F", "%00", "%01%1b[31m", "%", "%zz", "%c3%28", "%ff%fe", "%e2%80%ae", "a%20b", "_hidden",
           "//", "%5c", "%0d%0aSet-Cookie:x", ";a=b", "?", "%3f", "#", "%23", "%7f", "\x80\xff", "\xc3\xa4", "*", "%25%30%30",
           "a" * 255, "%41" * 100, "+", "&", "=", "~"]

    def one(self):
        rand, made = self.rand, []
        for _ in range(8):
            names = [rand.choice(self.odd) if rand.random() < 0.7 else
                     "".join("%%%02x" % rand.randrange(256) for _ in range(rand.randrange(1, 20)))
                     for _ in range(rand.randrange(1, 4))]
            made.append("/".join(names))
        reader = self.connect()
        try:
            for path in made:
                self.ask(reader, self.put("/" + path, "v"))
                self.ask(reader, request(rand.choice(["GET", "DELETE"]), self.key("/" + path)))
            if rand.random() < 0.05:
                self.ask(reader, request("DELETE", self.key("?recursive=true")), (200, 404))
        finally:
            reader.close()


class Ordered(Kind):
    """Names in order, hidden ones, and directories in the way of keys."""
    live = 3000 * 40

    def one(self):
        rand = self.rand
        reader = self.connect()
        try:
            self.pipeline(reader, [self.put("/q", "v", method="POST") for _ in range(100)], (201, 400, 403))
            self.pipeline(reader, [request("PUT", self.key("/_h/%d" % rand.randrange(9)), body=body) for body in
                                   ["dir=true", "value=v", "dir=true&prevExist=true", "value=v&prevExist=false", "value=v&prevIndex=1"]])
            self.pipeline(reader, [request("DELETE", self.key("/" + path)) for path in
                                   ["q", "q?dir=true", "_h?recursive=false", "_h/1?prevIndex=0", "_h/2?dir=true"]])
            if rand.random() < 0.04:
                self.ask(reader, request("DELETE", self.key("/q?recursive=true")), (200, 404))
        finally:
            reader.close()


# ---- readers

class Unread(Kind):
    """Large answers, pipelined, that nobody takes."""
    live = BODY

    def one(self):
        rand = self.rand
        self.alone(self.put("/v", VALUE[:BODY - 6]), (200, 201))
        for _ in range(rand.randrange(1, 4)):
            reader = self.connect(slow=True, source=rand.choice([None, True]))
            reader.send(request("GET", self.key("/v" + rand.choice(["", "", "?quorum=true"]))) * PARALLEL)
            self.counts["unread"] += PARALLEL
            self.hold(reader, 16)
        for reader in list(self.held):
            if rand.random() < 0.3:
                reader.skip(rand.choice([1, 1000, 100000]))


class Middle(Kind):
    """The same with answers just as large as raftd gives at once."""
    live = 256 * KIB

    def one(self):
        rand = self.rand
        self.alone(self.put("/v", VALUE[:rand.choice([250000, 261000, 262144])]), (200, 201))
        for _ in range(rand.randrange(1, 6)):
            reader = self.connect(slow=True, source=rand.choice([None, True]))
            reader.send(request("GET", self.key("/v" + rand.choice(["", "?quorum=true"]))) * PARALLEL)
            self.counts["unread"] += PARALLEL
            self.hold(reader, 40)
        time.sleep(rand.random())


class Listing(Kind):
    """Recursive reads of a directory with many keys and some large values; some are read."""
    children = 5000
    live = children * 150 + 8 * MIB

    def one(self):
        rand = self.rand
        reader = self.connect()
        try:
            if self.counts["rounds"] == 0 or rand.random() < 0.05:
                self.pipeline(reader, [self.put("/d/%05d" % i, "v" * 100) for i in range(self.children)], (200, 201))
                self.pipeline(reader, [self.put("/d/big%d" % i, VALUE[:MIB]) for i in range(8)], (200, 201))
            query = "?recursive=true&sorted=%s&quorum=%s" % (rand.choice(["true", "false"]), rand.choice(["true", "false"]))
            self.ask(reader, request("GET", self.key(query)), (200, 404))
        finally:
            reader.close()
        for _ in range(rand.randrange(4)):
            reader = self.connect(slow=True)
            reader.send(request("GET", self.key(query)) * rand.choice([1, 4, PARALLEL]))
            reader.skip(rand.choice([0, 1, 5000]))
            self.counts["unread"] += 1
            self.hold(reader, 12)
        # While listings are open their keys change.
        self.alone(self.put("/d/%05d" % rand.randrange(self.children), "w" * rand.choice([1, 100])), (200, 201))


class Streaming(Kind):
    """Streams over the whole history that are read slowly or never; long polls in rows."""

    def one(self):
        rand = self.rand
        reader = self.connect()
        try:
            # What of the past is left is told by who asks for too much of it.
            reader.send(request("GET", "/v2/keys/?wait=true&recursive=true&waitIndex=2"))
            status, _, body = reader.answer()
            self.judge((status, b"", body), (200, 400))
            first = 2
            if status == 400:
                first = int(json.loads(body)["cause"].split("[")[1].split("/")[0])
        finally:
            reader.close()
        for _ in range(rand.randrange(1, 6)):
            reader = self.connect(slow=rand.random() < 0.7, source=rand.choice([None, True]))
            query = "?wait=true&recursive=true%s&waitIndex=%d" % (rand.choice(["&stream=true", ""]), first + rand.choice([0, 1, 10]))
            where = rand.choice(["/v2/keys/", self.key(), "/v2/keys/attack"])
            reader.send(request("GET", where + query) * rand.choice([1, 1, PARALLEL]))
            self.hold(reader, 60)
        for reader in rand.sample(list(self.held), len(self.held) // 4):
            reader.socket.setblocking(False)
            try:
                reader.socket.recv(rand.choice([1, 100, 65536]))
            except OSError:
                pass
        self.alone(self.put("/k", VALUE[:rand.choice([10, 1000, MIB])]), (200, 201))
    live = MIB


class Watches(Kind):
    """Many watches of long paths that nothing ever happens to."""

    def one(self):
        rand = self.rand
        for _ in range(8):
            reader = self.connect()
            path = "/" + "w" * rand.choice([10, 4000, KEY_MOST - 100]) if rand.random() < 0.5 else "/w" * rand.choice([100, 900])
            reader.send(request("GET", self.key(path) + "%d?wait=true&stream=true" % rand.randrange(1000)) * PARALLEL)
            self.counts["watches"] += PARALLEL
            self.hold(reader, 64, True)
        time.sleep(0.2)


class Quorum(Kind):
    """Quorum reads in rows."""
    live = 1000

    def one(self):
        reader = self.connect()
        try:
            self.ask(reader, self.put("/v", "q" * self.rand.randrange(900)), (200, 201))
            self.pipeline(reader, [request("GET", self.key("/v?quorum=true"))] * 320, (200,))
        finally:
            reader.close()


# ---- requests

class Forms(Kind):
    """Parameters at the limits and above, and requests that are none."""
    live = 64 * KIB

    def one(self):
        rand = self.rand
        many = "&".join("f%d=x" % i for i in range(FIELDS + rand.randrange(-1, 2) - 1))
        fits = many.count("=") < FIELDS
        self.alone(request("PUT", self.key("/f"), body="value=v&" + many), (200, 201) if fits else (400,), None if fits else 210)
        bodies = ["value=" + "%41" * 20000, "value=%", "value=%zz", "&" * 5000, "=" * 5000, "value", "a" * 100000,
                  "value=v&ttl=" + "9" * 5000, "prevIndex=-1&value=v", "prevIndex=18446744073709551616&value=v",
                  "prevExist=maybe&value=v", "value=v&value=w", "dir=true&value=v", "\0" * 1000, "recursive=x", "value=v&ttl=%00"]
        body = rand.choice(bodies)
        self.alone(request(rand.choice(["PUT", "POST", "DELETE"]), self.key("/f%d" % rand.randrange(3)), body=body,
                           content_type=rand.choice([None, "application/x-www-form-urlencoded", "multipart/form-data", "x" * 1000])))
        heads = [["X-%d: x" % i for i in range(rand.choice([97, 98, 200]))], ["X: " + "x" * rand.choice([60000, HEAD - 300, HEAD])],
                 ["Content-Length: 5", "Content-Length: 6"], ["Transfer-Encoding: chunked", "Content-Length: 3"],
                 ["Expect: 100-continue"], ["Connection: upgrade", "Upgrade: h2c"], ["Range: bytes=0-1"], [" folded: x"]]
        self.alone(request(rand.choice(["GET", "HEAD", "OPTIONS", "TRACE", "PATCH", "BREW"]), self.key("/f"),
                           headers=rand.choice(heads)) + b"\r\n" * rand.randrange(3), method="HEAD")
        self.alone(bytes(rand.randrange(256) for _ in range(rand.randrange(1, 300))) + b"\r\n\r\n")


class Slow(Kind):
    """Heads, bodies and handshakes of which a byte comes now and then."""

    def one(self):
        rand = self.rand
        for _ in range(4):
            reader = self.connect()
            data = request("PUT", self.key("/v"), body="value=" + VALUE[:rand.choice([100, 100000, 5 * MIB])])
            reader.rest = data[rand.choice([0, 1, 20, 200, min(len(data) - 50, 400000)]):]
            reader.send(data[:len(data) - len(reader.rest)])
            self.hold(reader, 100)
        for reader in list(self.held):
            try:
                size = rand.choice([0, 1, 10])
                reader.send(reader.rest[:size])
                reader.rest = reader.rest[size:]
            except Cut:
                self.counts["cut"] += 1
                self.held.remove(reader)
                reader.close()
        time.sleep(0.1)


class Ends(Kind):
    """Connections that end in the middle, in every way there is."""
    live = 300 * KIB

    def one(self):
        rand = self.rand
        for _ in range(10):
            reader = self.connect()
            try:
                data = rand.choice([self.put("/v", VALUE[:rand.choice([10, 300000])]), request("GET", self.key("/v")),
                                    request("GET", self.key("?recursive=true")), request("GET", self.key("/v?wait=true"))])
                reader.send(data[:rand.choice([len(data), len(data), len(data) // 2, 1])] * rand.choice([1, 1, 5]))
                if rand.random() < 0.5:
                    reader.socket.shutdown(rand.choice([socket.SHUT_WR, socket.SHUT_RD, socket.SHUT_RDWR]))
                    if rand.random() < 0.3:
                        reader.more()
            except (Cut, OSError):
                self.counts["cut"] += 1
            finally:
                reader.close(rand.random() < 0.5)
                self.counts["ended"] += 1


class Chunks(Kind):
    """Bodies in odd chunks: of a byte each, with extensions and trailers, and such as are none."""
    live = 300 * KIB

    def one(self):
        rand, value = self.rand, b"value=" + b"c" * self.rand.choice([1, 1000, 300000])
        step = rand.choice([1, 7, 4096, 65536]) if len(value) < 2000 else rand.choice([511, 65536])
        chunks = [value[at:at + step] for at in range(0, len(value), step)]
        extension = rand.choice([b"", b"", b";a=b", b";x=\"y z\""])
        body = b"".join(b"%x%s\r\n%s\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
        head = request("PUT", self.key("/v%d" % rand.randrange(2)),
                       headers=["Transfer-Encoding: chunked", "Content-Type: application/x-www-form-urlencoded"])
        self.alone(head + body + b"0\r\n" + rand.choice([b"", b"X-Trailer: y\r\n"]) + b"\r\n", (200, 201, 400))
        odd = rand.choice([b"ffffffffffffffff\r\nx", b"a00001\r\n", b"-1\r\n", b"zz\r\n", b"3\r\nabcd\r\n", b"1" + b"0" * 40 + b"\r\n",
                           b"1;" + b"e" * 70000 + b"\r\n", b"0\r\n" + b"T: x\r\n" * 20000 + b"\r\n"])
        self.alone(head + odd + b"\r\n\r\n", (400, 413, 431, 414))


class Connections(Kind):
    """Many at once that say nothing, or half a line."""

    def one(self):
        rand = self.rand
        for _ in range(50):
            reader = self.connect(source=rand.choice([None, True, True]))
            reader.send(rand.choice([b"", b"G", b"GET /v2/ke", b"\x16\x03\x01"]))
            self.counts["opened"] += 1
            self.hold(reader, 300)
        time.sleep(0.3)


class Routes(Kind):
    """What there is beside keys."""

    def one(self):
        reader = self.connect()
        try:
            for _ in range(20):
                path = self.rand.choice(["/metrics", "/version", "/v2/stats/self", "/v2/stats/store", "/v2/stats/leader",
                                         "/v2/machines", "/v2/leader", "/v2/keys/_etcd/machines", "/", "/v2", "/v1/keys/a", "/v2/keysx",
                                         "/v2/stats/node", "/v2/stats/log?lines=10000", "/v2/admin/config", "/v2/admin/backup",
                                         "/ui/", "/ui/keys.js"])
                self.ask(reader, request("GET", path))
        finally:
            reader.close()
        time.sleep(0.05)


KINDS = [Deep, Wide, Big, Storm, Swap, Expiring, Ttl, Names, Ordered, Unread, Middle, Listing, Streaming, Watches, Quorum,
         Forms, Slow, Ends, Chunks, Connections, Routes]


def kinds_of(names):
    """Those of that name; all of them, if it is empty."""
    known = {kind.__name__.lower(): kind for kind in KINDS}
    for name in names:
        if name not in known:
            raise ValueError("%s is no kind of attack: %s" % (name, ", ".join(known)))
    return [known[name] for name in names] if names else KINDS


class Attack:
    """All kinds at once, in processes of their own, a thread for each kind."""

    def __init__(self, addresses, seed, names=(), processes=2):
        self.addresses, self.seed, self.kinds = addresses, seed, kinds_of(names)
        self.live = sum(kind.live for kind in self.kinds)
        self.pipes, self.processes, self.shares = [], [], [self.kinds[i::processes] for i in range(processes)]
        self.counts, self.wrong = {}, []

    def __enter__(self):
        for share in self.shares:
            mine, theirs = FORK.Pipe()
            self.pipes.append(mine)
            process = FORK.Process(target=self._run, args=(share, theirs), daemon=True)
            process.start()
            theirs.close()
            self.processes.append(process)
        return self

    def _run(self, share, pipe):
        # Else the others would not see the end of who started them.
        for other in self.pipes:
            other.close()
        kinds = [kind(self.addresses, self.seed) for kind in share]
        threads = [threading.Thread(target=kind.run, daemon=True) for kind in kinds]
        for thread in threads:
            thread.start()
        try:
            pipe.recv()
        except EOFError:
            return
        for kind in kinds:
            kind.stop()
        stuck, end = [], time.monotonic() + 20
        for thread, kind in zip(threads, kinds):
            thread.join(max(0, end - time.monotonic()))
            if thread.is_alive():
                stuck.append("%s: does not end" % kind.name)
        pipe.send(([(kind.name, kind.counts) for kind in kinds], [line for kind in kinds for line in kind.wrong[:5]] + stuck))

    def stop(self):
        for pipe in self.pipes:
            pipe.send("stop")
        for pipe in self.pipes:
            assert pipe.poll(60), "the attackers do not end"
            counts, wrong = pipe.recv()
            self.counts.update(counts)
            self.wrong += wrong
        for process in self.processes:
            process.join(30)
        self.pipes = []

    def __exit__(self, *unused):
        for process in self.processes:
            if process.is_alive():
                process.terminate()
                process.join()

    def table(self):
        return ["%-12s %s" % (name, ", ".join("%s: %d" % (what, counts[what]) for what in sorted(counts, key=str)))
                for name, counts in self.counts.items()]
