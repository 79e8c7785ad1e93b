"""Calls of gRPC as a client library makes them, over the HTTP/2 of h2.py: connections that are made anew, at the
next node if this one is gone, and a stream that one thread reads and another one writes.
"""

import select
import struct
import threading
import time

from h2 import (H2, WINDOW, WINDOW_UPDATE, REFUSED_STREAM, Over, call_head, fields_of, frame, framed, message, refusal)

WINDOW_BYTES = 4 << 20
UNAVAILABLE, OUT_OF_RANGE = 14, 11
NOT_DONE = "etcdserver: no leader"


class NotSent(Exception):
    """It was not done."""


class Lost(Exception):
    """Nobody knows whether it was done."""


class Refused(Exception):
    def __init__(self, code, text):
        super().__init__("%d %s" % (code, text))
        self.code, self.text = code, text


class Connection(H2):
    """A window for whole pages of a list, and senders in more than one thread."""

    def __init__(self, address, timeout=15.0):
        self.sending = threading.Lock()
        super().__init__(address, settings=[(WINDOW, WINDOW_BYTES)], timeout=timeout)
        self.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", WINDOW_BYTES)))

    def send(self, *data):
        with self.sending:
            super().send(*data)


def messages(stream):
    """The whole ones that came, which are taken away."""
    body, at, found = stream.body, 0, []
    while len(body) >= at + 5:
        size = struct.unpack(">I", body[at + 1:at + 5])[0]
        if len(body) < at + 5 + size:
            break
        found.append(body[at + 5:at + 5 + size])
        at += 5 + size
    stream.body = body[at:]
    return found


class Rpc:
    """Unary calls at the first of some addresses that answers; not for more than one thread."""

    def __init__(self, addresses, timeout=12.0):
        self.addresses, self.timeout, self.connection = list(addresses), timeout, None

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def _open(self):
        if self.connection is not None and not self.connection.goaways:
            return
        self.close()
        try:
            self.connection = Connection(self.addresses[0], self.timeout)
        except OSError:
            self.addresses.append(self.addresses.pop(0))
            raise NotSent()

    def _fail(self, what):
        self.close()
        self.addresses.append(self.addresses.pop(0))
        return what()

    def call(self, path, request, fields=()):
        """The fields of the answer; raises one of the above."""
        self._open()
        connection = self.connection
        try:
            head = call_head(connection, path, fields)
            stream = connection.begin(head, end=False)
            connection.upload(stream, framed(request))
            answer = connection.answer(stream, self.timeout)
        except (OSError, Over, AssertionError):
            raise self._fail(Lost)
        del connection.streams[stream]
        if answer.reset == REFUSED_STREAM:
            raise self._fail(NotSent)
        if answer.last("grpc-status") is None:
            raise self._fail(Lost)
        if answer.last("grpc-status") != "0":
            code, text = refusal(answer)
            if code == UNAVAILABLE:
                raise self._fail(NotSent if text == NOT_DONE else Lost)
            raise Refused(code, text)
        return fields_of(messages(answer)[0])


class Duplex:
    """A stream of both. Who reads it is one thread; send() may be another's."""

    def __init__(self, address, path, fields=()):
        self.connection = Connection(address)
        try:
            self.stream = self.connection.begin(call_head(self.connection, path, fields), end=False)
        except OSError:
            self.connection.close()
            raise

    def send(self, **fields):
        try:
            self.connection.data(self.stream, framed(message(**fields)))
        except OSError:
            pass                        # Who reads hears of it.

    def read(self, timeout):
        """What came within that time at most, each message as its fields; None: it is over."""
        stream = self.connection.streams[self.stream]
        end = time.monotonic() + timeout
        while True:
            found = messages(stream)
            if found:
                return [fields_of(each) for each in found]
            left = end - time.monotonic()
            if stream.over or left <= 0:
                return None if stream.over else []
            try:
                # A frame is not left half read.
                if self.connection.came or select.select([self.connection.socket], [], [], left)[0]:
                    self.connection.read()
            except (OSError, Over, KeyError, ValueError, AttributeError):
                return None

    def close(self):
        self.connection.close()
