"""A name server that tells what a test wants, and a network of its own in which nodes ask it.

Each node is in a namespace for its network (namespaces.py) and one for its files, in which
/etc/resolv.conf names this server. It listens on the bridge that only these nodes are on.
"""

import os
import socket
import struct
import threading

from namespaces import Namespaces, available, ip

A, SRV = 1, 33


def encode(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.rstrip(".").split(".") if part) + b"\0"


def srv(host, port, priority=0, weight=0):
    return struct.pack("!HHH", priority, weight, port) + encode(host)


class NameServer:
    """records: (name, type) -> list of data. mode: "answer", "silent", "fail"; or "raw", which sends these bytes
    behind the id."""

    def __init__(self, address):
        self.records, self.mode, self.raw, self.asked = {}, "answer", b"", []
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, 53))
        self.tcp = socket.socket()
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((address, 53))
        self.tcp.listen()
        self.threads = [threading.Thread(target=target, daemon=True) for target in (self._serve_udp, self._serve_tcp)]
        for thread in self.threads:
            thread.start()

    def close(self):
        # Or who waits in a thread holds them.
        for one in (self.udp, self.tcp):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()
        for thread in self.threads:
            thread.join(5)

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += query[at] + 1
        name, (kind, _) = ".".join(labels).lower(), struct.unpack("!HH", query[at + 1:at + 5])
        self.asked.append((name, kind))
        if self.mode == "silent":
            return None
        if self.mode == "raw":
            return query[:2] + self.raw
        found = self.records.get((name, kind), [])
        known = any(key[0] == name for key in self.records)
        code = 2 if self.mode == "fail" else 0 if known else 3
        found = [] if code else found
        out = query[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, len(found), 0, 0) + query[12:at + 5]
        for data in found:
            out += b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 1, len(data)) + data
        return out

    def _serve_udp(self):
        while True:
            try:
                query, source = self.udp.recvfrom(4096)
            except OSError:
                return
            answer = self._answer(query) if query else None
            if answer is None:
                continue
            if len(answer) > 512 and self.mode == "answer":
                # Cut: it is asked for again by TCP.
                answer = answer[:2] + bytes([answer[2] | 2]) + answer[3:6] + bytes(6) + answer[12:512]
                answer = answer[:12] + query[12:]
            self.udp.sendto(answer, source)

    def _serve_tcp(self):
        while True:
            try:
                connection, _ = self.tcp.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                try:
                    size = struct.unpack("!H", connection.recv(2))[0]
                    answer = self._answer(connection.recv(size))
                    if answer is not None:
                        connection.sendall(struct.pack("!H", len(answer)) + answer)
                except (OSError, struct.error):
                    pass


class Names:
    """The network: addresses of nodes, and what a program has to be started with to be there."""

    def __init__(self, folder):
        self.network = Namespaces()
        try:
            self.server = NameServer(self.network.subnet + "254")
        except OSError:
            self.network.close()
            raise
        self.files = os.path.join(folder, "names")
        os.makedirs(self.files)
        with open(os.path.join(self.files, "resolv.conf"), "w") as file:
            file.write("nameserver %s254\noptions timeout:1 attempts:1\n" % self.network.subnet)
        with open(os.path.join(self.files, "nsswitch.conf"), "w") as file:
            file.write("hosts: dns\n")

    def place(self, name):
        """(address, prefix)"""
        prefix = self.network.place(name)["prefix"]
        mounts = " && ".join("mount --bind %s/%s /etc/%s" % (self.files, file, file)
                             for file in ("resolv.conf", "nsswitch.conf"))
        return self.network._address(name), prefix + ["sh", "-c", mounts + ' && exec "$@"', "sh"]

    def close(self):
        self.server.close()
        self.network.close()


__all__ = ["A", "SRV", "Names", "available", "encode", "ip", "srv"]
