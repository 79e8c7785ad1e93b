"""HTTP/2 frame by frame: a client that may say what no library would.

Fields go out as literals that no table keeps. The client asks for an empty table, so what comes is
literals and the static one (RFC 7541). Text outside of ASCII is not known here.
"""

import socket
import struct
import time
import urllib.parse

from moothall import SLOW

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 1, 1, 4
NO_ERROR, PROTOCOL_ERROR, REFUSED_STREAM, CANCEL, CALM = 0, 1, 7, 8, 11
TABLE_SIZE, STREAMS_MAX, WINDOW, FRAME_MAX, HEADERS_MAX = 1, 3, 4, 5, 6
WINDOW_AT_FIRST = 65535

STATIC = [line.partition("=")[::2] for line in """:authority :method=GET :method=POST :path=/ :path=/index.html
:scheme=http :scheme=https :status=200 :status=204 :status=206 :status=304 :status=400 :status=404 :status=500
accept-charset accept-encoding=gzip,deflate accept-language accept-ranges accept access-control-allow-origin age allow
authorization cache-control content-disposition content-encoding content-language content-length content-location
content-range content-type cookie date etag expect expires from host if-match if-modified-since if-none-match if-range
if-unmodified-since last-modified link location max-forwards proxy-authenticate proxy-authorization range referer
refresh retry-after server set-cookie strict-transport-security transfer-encoding user-agent vary via
www-authenticate""".split()]

# The characters with codes of so many bits; codes count up from one to the next.
CODE_LENGTHS = {5: "012aceiost", 6: " %-./3456789=A_bdfghlmnpru", 7: ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz",
                8: "&*,;XZ", 10: "!\"()?", 11: "'+|", 12: "#>", 13: "\0$@[]~", 14: "^}", 15: "<`{"}


def codes():
    table, code, before = {}, 0, 5
    for bits, characters in sorted(CODE_LENGTHS.items()):
        code, before = code << (bits - before), bits
        for character in characters:
            table[(bits, code)] = character
            code += 1
    return table


CODES = codes()


def unpacked(data):
    text, bits, code = "", 0, 0
    for byte in data:
        for place in range(7, -1, -1):
            bits, code = bits + 1, code << 1 | byte >> place & 1
            if (bits, code) in CODES:
                text, bits, code = text + CODES[(bits, code)], 0, 0
    assert bits < 8 and code == (1 << bits) - 1, "a code that is not known"
    return text


def number(value, bits, first=0):
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    out, value = bytearray([first | most]), value - most
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def packed(fields):
    out = b""
    for name, value in fields:
        for text in (b"\0", name), (b"", value):
            data = text[1] if isinstance(text[1], bytes) else text[1].encode()
            out += text[0] + number(len(data), 7) + data
    return out


class Fields:
    """What stands in a block of headers."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def _number(self, bits):
        most = (1 << bits) - 1
        value = self.data[self.at] & most
        self.at += 1
        shift = 0
        while value >= most and (shift == 0 or self.data[self.at - 1] & 128):
            value += (self.data[self.at] & 127) << shift
            shift += 7
            self.at += 1
        return value

    def _text(self):
        is_packed = self.data[self.at] & 128
        size = self._number(7)
        data = self.data[self.at:self.at + size]
        self.at += size
        return unpacked(data) if is_packed else data.decode()

    def all(self):
        fields = []
        while self.at < len(self.data):
            first = self.data[self.at]
            if first & 0xe0 == 0x20:
                assert self._number(5) == 0, "a table that was not asked for"
            elif first & 0x80:
                fields.append(STATIC[self._number(7) - 1])
            else:
                index = self._number(6 if first & 0x40 else 4)
                fields.append((STATIC[index - 1][0] if index else self._text(), self._text()))
        return fields


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings_of(pairs):
    return b"".join(struct.pack(">HI", *pair) for pair in pairs)


class Stream:
    def __init__(self, window):
        self.blocks, self.body, self.ended, self.reset, self.window = [], b"", False, None, window

    @property
    def over(self):
        return self.ended or self.reset is not None

    def field(self, name, default=None):
        return dict(self.blocks[0]).get(name, default) if self.blocks else default

    @property
    def status(self):
        status = self.field(":status")
        return int(status) if status else None

    def last(self, name):
        """Of the lines behind the body, or of a head that is all there is."""
        return dict(self.blocks[-1]).get(name) if self.blocks else None

    def __repr__(self):
        return "<%s %r %r reset=%s>" % (self.status, self.blocks[1:], self.body[:200], self.reset)


class Over(Exception):
    """The server closed the connection."""


class H2:
    """One connection. What is received is given back to the windows, unless takes is False."""

    def __init__(self, address, settings=(), timeout=15.0, tls=None, receive_bytes=None, begin=True):
        host, port = address.rsplit(":", 1)
        self.address, self.timeout, self.takes, self.acks = address, timeout * SLOW, True, True
        self.socket = socket.socket()
        if receive_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(self.timeout)
        self.socket.connect((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=host)
        self.scheme = "https" if tls is not None else "http"
        self.next_id, self.came, self.block = 1, b"", b""
        self.streams, self.goaways, self.pongs, self.told = {}, [], [], {}
        self.window = WINDOW_AT_FIRST
        if begin:
            self.send(PREFACE, frame(SETTINGS, payload=settings_of([(TABLE_SIZE, 0)] + list(settings))))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.socket.close()

    # ---- to the server

    def send(self, *data):
        self.socket.sendall(b"".join(data))

    def head(self, method, path, fields=(), authority=None):
        return [(":method", method), (":scheme", self.scheme), (":path", path),
                (":authority", authority or self.address)] + list(fields)

    def new(self):
        self.next_id += 2
        self.streams[self.next_id - 2] = Stream(self.told.get(WINDOW, WINDOW_AT_FIRST))
        return self.next_id - 2

    def begin(self, fields, end=True):
        """A head; the id of its stream."""
        stream = self.new()
        self.send(frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, packed(fields)))
        return stream

    def request(self, method, path, form=None, fields=(), body=None):
        if form is not None:
            body = urllib.parse.urlencode(form).encode()
            fields = list(fields) + [("content-type", "application/x-www-form-urlencoded")]
        stream = self.begin(self.head(method, path, fields), end=body is None)
        if body is not None:
            self.upload(stream, body)
        return stream

    def data(self, stream, data, end=False):
        """Whatever the windows say."""
        self.send(frame(DATA, END_STREAM if end else 0, stream, data))
        self.window -= len(data)
        self.streams[stream].window -= len(data)

    def room(self, stream):
        return min(self.window, self.streams[stream].window, 16384)

    def upload(self, stream, data, end=True):
        """As the windows allow; less than all if the stream is over."""
        at = 0
        while at < len(data) or (end and not data):
            self.wait(lambda: not data or self.room(stream) > 0 or self.streams[stream].over)
            if self.streams[stream].over:
                return
            piece = data[at:at + self.room(stream)]
            at += len(piece)
            self.data(stream, piece, end=end and at == len(data))
            if not data:
                return

    def reset(self, stream, code=CANCEL):
        self.send(frame(RST_STREAM, 0, stream, struct.pack(">I", code)))

    def give(self, stream, size):
        self.send(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", size)))

    def ping(self, payload=b"moothall"):
        self.send(frame(PING, 0, 0, payload))

    # ---- from the server

    def _take(self, size):
        while len(self.came) < size:
            try:
                data = self.socket.recv(1 << 18)
            except (ConnectionResetError, BrokenPipeError):
                data = b""
            if not data:
                raise Over()
            self.came += data
        data, self.came = self.came[:size], self.came[size:]
        return data

    def read(self):
        """The next frame: (kind, flags, stream, payload)."""
        head = self._take(9)
        size, (kind, flags, stream) = int.from_bytes(head[:3], "big"), struct.unpack(">BBI", head[3:])
        payload = self._take(size)
        self._note(kind, flags, stream, payload)
        return kind, flags, stream, payload

    def _note(self, kind, flags, stream, payload):
        at = self.streams.get(stream)
        if kind in (HEADERS, CONTINUATION):
            self.block += payload
            if flags & END_HEADERS:
                at.blocks.append(Fields(self.block).all())
                self.block = b""
            at.ended = at.ended or bool(kind == HEADERS and flags & END_STREAM)
        elif kind == DATA:
            at.body += payload
            at.ended = bool(flags & END_STREAM)
            if self.takes and payload:
                self.give(0, len(payload))
                if not at.ended:
                    self.give(stream, len(payload))
        elif kind == RST_STREAM and at is not None:
            at.reset = struct.unpack(">I", payload)[0]
        elif kind == SETTINGS and not flags & ACK:
            for i in range(0, len(payload), 6):
                name, value = struct.unpack(">HI", payload[i:i + 6])
                if name == WINDOW:
                    for each in self.streams.values():
                        each.window += value - self.told.get(WINDOW, WINDOW_AT_FIRST)
                self.told[name] = value
            self.send(frame(SETTINGS, ACK))
        elif kind == PING:
            if flags & ACK:
                self.pongs.append(payload)
            elif self.acks:
                self.send(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            self.goaways.append(struct.unpack(">II", payload[:8]))
        elif kind == WINDOW_UPDATE:
            if stream == 0:
                self.window += struct.unpack(">I", payload)[0]
            elif at is not None:
                at.window += struct.unpack(">I", payload)[0]

    def wait(self, check, timeout=None):
        """Read frames until check() is true."""
        end = time.monotonic() + (timeout * SLOW if timeout else self.timeout)
        while not check():
            left = end - time.monotonic()
            assert left > 0, "timed out: %r %r" % (self.streams, self.goaways)
            self.socket.settimeout(left)
            try:
                self.read()
            except socket.timeout:
                pass
        self.socket.settimeout(self.timeout)
        return check()

    def answer(self, stream, timeout=None):
        self.wait(lambda: self.streams[stream].over, timeout)
        return self.streams[stream]

    def ask(self, method, path, form=None, **more):
        return self.answer(self.request(method, path, form, **more))

    def wait_closed(self, timeout=None):
        try:
            self.wait(lambda: False, timeout)
        except Over:
            return


# ---- gRPC


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def message(**fields):
    """f1="text", f3=5: the fields of a message by their numbers; a list: one after the other."""
    out = b""
    for name, value in fields.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, int):
                out += varint(int(name[1:]) << 3) + varint(each)
            else:
                data = each.encode() if isinstance(each, str) else each
                out += varint(int(name[1:]) << 3 | 2) + varint(len(data)) + data
    return out


def fields_of(data):
    """{number: [values]} of a message."""
    def take(at):
        value = shift = 0
        while True:
            byte = data[at]
            value |= (byte & 127) << shift
            at, shift = at + 1, shift + 7
            if byte < 128:
                return value, at
    at, found = 0, {}
    while at < len(data):
        key, at = take(at)
        value, at = take(at)
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        found.setdefault(key >> 3, []).append(value)
    return found


def framed(data, compressed=0):
    return struct.pack(">BI", compressed, len(data)) + data


def call_head(connection, path, fields=()):
    return connection.head("POST", path, [("content-type", "application/grpc"), ("te", "trailers")] + list(fields))


def call(connection, path, data, fields=(), body=None):
    """A unary call; its stream, which is over."""
    stream = connection.begin(call_head(connection, path, fields), end=False)
    connection.upload(stream, framed(data) if body is None else body)
    return connection.answer(stream)


def result(stream):
    """The one message of a call that went well."""
    assert stream.status == 200 and stream.last("grpc-status") == "0", stream
    assert len(stream.body) == 5 + struct.unpack(">I", stream.body[1:5])[0] and stream.body[0] == 0
    return fields_of(stream.body[5:])


def refusal(stream):
    return int(stream.last("grpc-status")), urllib.parse.unquote(stream.last("grpc-message"))
