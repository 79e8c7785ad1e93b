"""Nodes that are started as etcd 2 and 3 are: with URLs and a list of all of them."""

import http.client

from moothall import ask, wait_until


def url(address):
    return "http://" + address


class Together:
    """count nodes n1, n2, ... of one list; none of them is started."""

    def __init__(self, world, count=3, token="token-1"):
        self.nodes = [world.node("n%d" % (i + 1)) for i in range(count)]
        self.list = ",".join("%s=%s" % (n.name, url(n.peer)) for n in self.nodes)
        for node in self.nodes:
            self.flag(node, token)

    def flag(self, node, token="token-1", state="new", names=None, more=()):
        """Give that node its whole command line."""
        argv = [node.program, "--name", node.name, "--listen-client-urls", url(node.client),
                "--advertise-client-urls", url(node.client), "--listen-peer-urls", url(node.peer),
                "--initial-advertise-peer-urls", url(node.peer), "--initial-cluster", names or self.list,
                "--initial-cluster-token", token, "--initial-cluster-state", state,
                "--data-dir", node.directory] + list(more)
        node.argv = lambda: node.prefix + argv

    def start(self, *nodes):
        for node in nodes or self.nodes:
            node.start(wait=False)
        return self


def members(node):
    """name -> (id, peer URLs, client URLs), as the client port says."""
    try:
        found = ask(node.client, "GET", "/v2/members", timeout=3).json["members"]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return {}
    return {m["name"]: (m["id"], m["peerURLs"], m["clientURLs"]) for m in found}


def wait_whole(nodes, count=None, timeout=20):
    """All these nodes know the same members; count of them have said where their clients go."""
    def whole():
        lists = [members(node) for node in nodes]
        told = [m for m in lists[0].values() if m[2]]
        return lists[0] if len(told) == (count or len(nodes)) and all(m == lists[0] for m in lists) else None
    return wait_until(whole, timeout, "the same members everywhere")
