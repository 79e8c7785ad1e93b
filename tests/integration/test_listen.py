"""Several addresses for each port: told by the flags of etcd 2 and 3, by ours, or by the
sockets of a service manager; served by every worker, over restarts, reloads and upgrades.
"""

import os
import signal
import socket
import subprocess

from certificates import Authority
from moothall import ETCD, ask, free_port, wait_until
from test_service import Manager, listener, pass_on

HOSTS = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]


def addresses(count=3):
    return ["%s:%d" % (HOSTS[i % len(HOSTS)], free_port()) for i in range(count)]


def urls(items, scheme="http"):
    return ",".join("%s://%s" % (scheme, item) for item in items)


def listening(world, clients, peers, name="n1", more=()):
    node = world.node(name, client=clients[0], peer=peers[0])
    node.argv = lambda: node.prefix + [
        node.program, "--name", name, "--data-dir", node.directory,
        "--listen-client-urls", urls(clients), "--advertise-client-urls", urls(clients[:1]),
        "--listen-peer-urls", urls(peers), "--initial-advertise-peer-urls", urls(peers[:1])] + list(more)
    return node


def check_served(clients, peers, tls=None, peer_tls=None):
    for address in clients:
        assert ask(address, "GET", "/v2/keys/", tls=tls).status == 200, address
    for address in peers:
        assert ask(address, "GET", "/version", tls=peer_tls).status == 200, address


def is_refused(address):
    host, port = address.rsplit(":", 1)
    with socket.socket() as s:
        return s.connect_ex((host, int(port))) != 0


def run_wrong(world, *flags, code):
    done = subprocess.run([ETCD, "-data-dir", os.path.join(world.folder, "wrong"), *flags],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == code, done
    return done.stderr


def test_every_address_is_served_by_every_worker(world):
    clients, peers = addresses(), addresses(2)
    node = listening(world, clients, peers, more=["-workers", "2"]).start()
    check_served(clients, peers)
    # One worker alone serves them all.
    for pid in node.pids()["client"]:
        os.kill(pid, signal.SIGSTOP)
        for address in clients:
            assert ask(address, "PUT", "/v2/keys/a", {"value": address}).status in (200, 201)
        os.kill(pid, signal.SIGCONT)
    for address in clients:
        assert ask(address, "GET", "/v2/keys/a").json["node"]["value"] == clients[-1]
    assert "listen on %s, advertised url http://%s]" % (",".join(clients), clients[0]) in node.log()
    assert node.stop() == 0
    assert all(is_refused(address) for address in clients + peers)


def test_addresses_outlive_workers_reloads_and_upgrades(world):
    clients, peers = addresses(), addresses(2)
    node = listening(world, clients, peers, more=["-workers", "1"]).start()
    for kind in ("client", "peer"):
        old = node.pid_of(kind)
        node.kill(kind)
        wait_until(lambda: node.pids()[kind] not in ([], [old]), 10, "another %s" % kind)
    check_served(clients, peers)
    assert node.control("reload").returncode == 0
    check_served(clients, peers)
    workers = node.pids()
    done = node.control("upgrade")
    assert done.returncode == 0, done
    assert not set(workers["client"]) & set(node.pids()["client"])
    check_served(clients, peers)
    # And again: what was taken over is handed on.
    assert node.control("upgrade").returncode == 0
    check_served(clients, peers)
    assert node.stop() == 0
    assert all(is_refused(address) for address in clients + peers)


def test_our_own_flags_take_lists_and_the_port_file_has_all(world):
    path = os.path.join(world.folder, "ports")
    port = free_port()
    node = world.node(client="127.0.0.1:%d" % port,
                      flags=["-bind-addr", "127.0.0.2, 127.0.0.1:0,127.0.0.1", "-peer-bind-addr",
                             "127.0.0.1:0,127.0.0.3:0", "-port-file", path]).start()
    with open(path) as file:
        lines = [line.split() for line in file.read().splitlines()]
    assert [kind for kind, _ in lines] == ["client"] * 3 + ["peer"] * 2
    bound = {kind: [a for k, a in lines if k == kind] for kind in ("client", "peer")}
    assert bound["client"][0] == "127.0.0.2:%d" % port and bound["client"][2] == "127.0.0.1:%d" % port
    assert not any(address.endswith(":0") for _, address in lines)
    check_served(bound["client"], bound["peer"])
    node.stop()
    shown = subprocess.run([ETCD, "-bind-addr", "127.0.0.2,127.0.0.1", "-print-config"],
                           capture_output=True, text=True, timeout=20).stdout
    assert 'bind_addr = "127.0.0.2:4001,127.0.0.1:4001"' in shown


def test_what_cannot_be_bound_names_its_address(world):
    taken = "127.0.0.2:%d" % free_port()
    free = "127.0.0.1:%d" % free_port()
    with listener(taken):
        for more, code in (((), 1), (("-check-config",), 2)):
            said = run_wrong(world, "--listen-client-urls", urls([free, taken]), *more, code=code)
            assert "cannot listen on %s (-listen-client-urls): in use by " % taken in said
    said = run_wrong(world, "--listen-client-urls", urls([free, "192.0.2.1:1"]), code=1)
    assert "cannot listen on 192.0.2.1:1 (-listen-client-urls)" in said
    # By a name it is only seen when it is bound.
    name = "localhost:" + free.split(":")[1]
    said = run_wrong(world, "-bind-addr", free + "," + name, "-addr", free, code=1)
    assert "cannot listen on %s (-bind-addr): another address of this node covers it" % name in said


def test_eight_addresses_are_listened_on_and_nine_are_refused(world):
    clients, peers = addresses(8), addresses(8)
    node = listening(world, clients, peers).start()
    check_served(clients, peers)
    node.stop()
    for flag in ("--listen-client-urls", "--listen-peer-urls"):
        said = run_wrong(world, flag, urls(addresses(9)), code=2)
        assert flag[1:] + ': "http' in said and '" are more than 8 URLs' in said
    said = run_wrong(world, "-bind-addr", ",".join(addresses(9)), code=2)
    assert '-bind-addr: "127' in said and '" are more than 8 addresses' in said


def test_lists_that_make_no_sense_are_refused(world):
    a = "127.0.0.1:5"
    for flags, words in (
            (["--listen-client-urls", "http://%s,https://127.0.0.2:5" % a],
             '-listen-client-urls: "https://127.0.0.2:5" needs -cert-file and its key'),
            (["--listen-client-urls", "http://%s,http://%s" % (a, a)], '-listen-client-urls: "%s" is there twice' % a),
            (["--listen-client-urls", "http://%s,http://0.0.0.0:5" % a, "-addr", a],
             '-listen-client-urls: "0.0.0.0:5" covers "%s"; leave out one of them' % a),
            (["--listen-peer-urls", "http://%s,unix:///x" % a], '"unix:///x" does not begin with http://'),
            (["--listen-client-urls", "http://%s,http://127.0.0.2:5" % a, "--listen-peer-urls",
              "http://127.0.0.3:5,http://127.0.0.2:5"], "-addr and -peer-addr: both are 127.0.0.2:5")):
        assert words in run_wrong(world, *flags, code=2), flags


def test_check_config_shows_all_of_them(world):
    clients, peers = addresses(2), addresses(2)
    node = listening(world, clients, peers)
    done = subprocess.run(node.argv() + ["-check-config"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done
    assert "listening on %s\n" % ",".join(clients) in done.stdout
    assert "listening on %s\n" % ",".join(peers) in done.stdout


# ---- service managers

def test_all_sockets_of_a_unit_are_served(world):
    clients, peers = addresses(), addresses(2)
    node = listening(world, clients, peers)
    sockets = [("client", listener(a)) for a in clients] + [("peer", listener(a)) for a in peers]
    pass_on(node, [(name, s.fileno()) for name, s in sockets])
    node.start()
    check_served(clients, peers)
    assert "warn supervisor" not in node.log()
    node.stop()
    # They are all there is, also if the options want more; one elsewhere is warned of.
    more = listening(world, [clients[0], "127.0.0.2:%d" % free_port()],
                     addresses(1), "n2")
    pass_on(more, [("client", sockets[0][1].fileno()), ("client", sockets[1][1].fileno())])
    more.start()
    check_served(clients[:2], [more.peer])
    assert "not where -listen-client-urls does: socket=" + clients[1] in more.log()
    more.stop()
    for _, s in sockets:
        s.close()


def test_more_sockets_than_there_is_room_for_are_refused(world):
    node = world.node()
    sockets = [listener(a) for a in addresses(9)]
    pass_on(node, [("client", s.fileno()) for s in sockets])
    node.start(wait=False)
    assert node.process.wait(20) == 2
    assert 'the service manager passes on more than 8 sockets "client"' in node.log()
    for s in sockets:
        s.close()


def test_kept_sockets_follow_the_addresses(world):
    manager = Manager(world)
    clients, peers = addresses(2), addresses(2)

    def names():
        return sorted(name for name, _ in manager.store)

    def start(wanted, count):
        node = listening(world, wanted, peers)
        manager.manage(node).start()
        manager.wait("READY=1", count)
        check_served(wanted, peers)
        everywhere = sorted(["client"] * len(wanted) + ["peer"] * 2 + ["client-own", "peer-own"])
        wait_until(lambda: names() == everywhere, 5, "what is kept: %r" % names())
        assert node.stop() == 0
        return node

    start(clients, 1)
    kept = list(manager.store)
    start(clients, 2)
    assert manager.store == kept
    # One goes, one comes, one stays.
    other = [clients[1], "127.0.0.3:%d" % free_port()]
    start(other, 3)
    assert is_refused(clients[0])
    ports = {socket.socket(fileno=os.dup(fd)).getsockname()[1] for name, fd in manager.store if name == "client"}
    assert ports == {int(a.split(":")[1]) for a in other}


# ---- as kubeadm writes it

def test_the_manifest_of_kubeadm_starts_a_node(world):
    authority, peers = Authority(world.folder, "ca"), Authority(world.folder, "peers")
    san = "IP:127.0.0.1,IP:127.0.0.2,DNS:localhost"
    server, peer = authority.issue("server", san=san), peers.issue("peer", san=san)
    client = authority.issue("client")
    port, peer_port, metrics = free_port(), free_port(), free_port()
    node = world.node("n", client="127.0.0.2:%d" % port, peer="127.0.0.2:%d" % peer_port,
                      tls=authority.context(client), peer_tls=peers.context(peer))
    node.argv = lambda: [
        node.program,
        "--advertise-client-urls=https://127.0.0.2:%d" % port,
        "--cert-file=" + server.certificate,
        "--client-cert-auth=true",
        "--data-dir=" + node.directory,
        "--experimental-initial-corrupt-check=true",
        "--experimental-watch-progress-notify-interval=5s",
        "--initial-advertise-peer-urls=https://127.0.0.2:%d" % peer_port,
        "--initial-cluster=n=https://127.0.0.2:%d" % peer_port,
        "--key-file=" + server.key,
        "--listen-client-urls=https://127.0.0.1:%d,https://127.0.0.2:%d" % (port, port),
        "--listen-metrics-urls=http://127.0.0.1:%d" % metrics,
        "--listen-peer-urls=https://127.0.0.2:%d" % peer_port,
        "--name=n",
        "--peer-cert-file=" + peer.certificate,
        "--peer-client-cert-auth=true",
        "--peer-key-file=" + peer.key,
        "--peer-trusted-ca-file=" + peers.certificate,
        "--snapshot-count=10000",
        "--trusted-ca-file=" + authority.certificate]
    node.start()
    for host in ("127.0.0.1", "127.0.0.2"):
        url = "https://%s:%d/v2/keys/%s" % (host, port, host)
        curl = ["curl", "-sS", "--cacert", authority.certificate]
        done = subprocess.run(curl + client.curl() + [url, "-XPUT", "-d", "value=x"],
                              capture_output=True, text=True, timeout=20)
        assert done.returncode == 0 and '"action":"set"' in done.stdout, done
        assert subprocess.run(curl + [url], capture_output=True, timeout=20).returncode != 0
    check_served([], [node.peer], peer_tls=node.peer_tls)
    # The probes of the manifest, without a certificate; and nothing else is there.
    plain = "127.0.0.1:%d" % metrics
    for path in ("/health?exclude=NOSPACE&serializable=true", "/health?serializable=false", "/health"):
        answer = ask(plain, "GET", path)
        assert (answer.status, answer.json) == (200, {"health": "true"}), answer
    assert [ask(plain, "GET", path).status for path in ("/livez", "/readyz")] == [200, 200]
    assert b"etcd_server_has_leader" in ask(plain, "GET", "/metrics").body
    for method, path in (("GET", "/v2/keys/127.0.0.1"), ("PUT", "/v2/keys/a"), ("POST", "/v3/kv/range"), ("GET", "/v2/stats/node"),
                         ("GET", "/ui/"), ("POST", "/etcdserverpb.KV/Range"), ("GET", "/v2/admin/backup")):
        assert ask(plain, method, path).status == 404, path
    # It stays over a restart of what serves it.
    node.kill("client")
    wait_until(lambda: ask(plain, "GET", "/health").status == 200, 10, "the next worker")
    assert node.stop() == 0
