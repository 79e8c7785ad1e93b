"""A network between nodes where packets are really lost: a namespace for each node.

All are on one bridge. A direction from one node to another is cut by a wrong
hardware address for the other: what is sent goes to nobody, and no one is told.
Clients are in the namespace of the tests and reach every node all the time.

Needs root and ip(8); where there is not both, available() says so.
"""

import os
import shutil
import subprocess

NOBODY = "02:00:00:00:00:01"


def ip(*words, check=True):
    return subprocess.run(["ip"] + list(words), check=check, capture_output=True, text=True)


def available():
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = "mh%d-try" % os.getpid()
    made = ip("netns", "add", name, check=False).returncode == 0
    made = made and ip("link", "add", name[:15], "type", "bridge", check=False).returncode == 0
    ip("link", "del", name[:15], check=False)
    ip("netns", "del", name, check=False)
    return made


class Namespaces:
    """As relay.Network, but for delays."""

    label = " (packets lost)"

    def __init__(self):
        self.tag = "mh%d" % os.getpid()
        self.subnet = "10.%d.%d." % (64 + os.getpid() // 256 % 64, os.getpid() % 256)
        self.names = []
        ip("link", "add", self.tag, "type", "bridge")
        ip("addr", "add", self.subnet + "254/24", "dev", self.tag)
        ip("link", "set", self.tag, "up")

    def _space(self, name):
        return "%s-%d" % (self.tag, self.names.index(name) + 1)

    def _address(self, name):
        return self.subnet + str(self.names.index(name) + 1)

    def place(self, name):
        """Where that node is: what a Node has to be made with."""
        self.names.append(name)
        space, address = self._space(name), self._address(name)
        ip("netns", "add", space)
        ip("link", "add", space, "type", "veth", "peer", "name", "eth0", "netns", space)
        ip("link", "set", space, "master", self.tag, "up")
        ip("-n", space, "addr", "add", address + "/24", "dev", "eth0")
        ip("-n", space, "link", "set", "lo", "up")
        ip("-n", space, "link", "set", "eth0", "up")
        return {"peer": address + ":7001", "client": address + ":4001", "flags": [],
                "prefix": ["ip", "netns", "exec", space]}

    def _hardware(self, name):
        text = ip("-n", self._space(name), "link", "show", "eth0").stdout.split()
        return text[text.index("link/ether") + 1]

    def _set(self, source, target, hardware):
        ip("-n", self._space(source), "neigh", "replace", self._address(target), "lladdr", hardware,
           "dev", "eth0", "nud", "permanent")

    def one_way(self, sources, targets):
        """Nothing comes from sources to targets any more."""
        for source in sources:
            for target in targets:
                if source != target:
                    self._set(source, target, NOBODY)

    def both_ways(self, ones, others):
        self.one_way(ones, others)
        self.one_way(others, ones)

    def isolate(self, name):
        self.both_ways([name], [n for n in self.names if n != name])

    def heal(self, reset=False):
        """Connections live on if they were not given up; reset is for relays."""
        for source in self.names:
            for target in self.names:
                if source != target:
                    self._set(source, target, self._hardware(target))

    def close(self):
        for name in self.names:
            ip("netns", "del", self._space(name), check=False)
            ip("link", "del", self._space(name), check=False)
        ip("link", "del", self.tag, check=False)
