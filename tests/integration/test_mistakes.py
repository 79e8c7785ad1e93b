"""What people do wrong, and what they are told: each message leads on.

A row of a table is a mistake: a command line, its exit code, the words that say what to do
instead. Where a mistake can be made with every command, it is made with every command.
"""

import http.server
import os
import re
import subprocess
import threading

import pytest

from certificates import Authority
from moothall import ETCD, ETCDCTL, SLOW, World, ask, free_port, wait_until

# Every command of etcdctl that asks a client port; "import" asks two.
CLIENT_COMMANDS = {
    "ls": "ls /", "get": "get /a", "set": "set /a b", "mk": "mk /a b", "update": "update /a b", "rm": "rm /a",
    "mkdir": "mkdir /d", "setdir": "setdir /d", "updatedir": "updatedir /d", "rmdir": "rmdir /d", "watch": "watch /a",
    "exec-watch": "exec-watch /a true", "status": "status", "cluster-health": "cluster-health",
    "member list": "member list", "member add": "member add m http://127.0.0.1:1",
    "member remove": "--yes member remove m", "member update": "member update m http://127.0.0.1:1",
    "auth enable": "auth enable", "auth disable": "auth disable", "auth status": "auth status",
    "user add": "user add u:p", "user get": "user get u", "user list": "user list", "user remove": "user remove u",
    "user grant": "user grant u --roles r", "user revoke": "user revoke u --roles r", "user passwd": "user passwd u:p",
    "role add": "role add r", "role get": "role get r", "role list": "role list", "role remove": "role remove r",
    "role grant": "role grant r --path /a --read", "role revoke": "role revoke r --path /a --read",
    "lock": "lock l true", "elect": "elect l v true", "import": "import SOURCE", "bench": "bench --time 1s",
}
# And those that ask none.
OTHERS = {"member", "control", "control status", "control reload", "control restart", "control transfer", "control rotate",
          "control log-level", "control backup", "control upgrade", "control drain", "control undrain", "control stop",
          "backup", "restore", "recover", "certs", "certs ca", "certs server", "certs peer", "certs client", "help",
          "version", "v3"}


def run(*words, env=None, timeout=60, **more):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("ETCD") and "proxy" not in k.lower()}
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=timeout * SLOW,
                          stdin=subprocess.DEVNULL, env=dict(clean, **(env or {})), **more)


def etcdctl(*words, **more):
    return run(ETCDCTL, *words, **more)


class GoServer:
    """A server of the 3.x series without --enable-v2, as far as it matters here."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                # What is not read resets the connection, perhaps before its answer was.
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                body = b"404 page not found\n"
                self.send_response(404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_PUT = do_POST = do_DELETE = do_GET

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = "127.0.0.1:%d" % self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class House:
    """Nodes to be asked wrongly; none is changed by it."""

    def __init__(self):
        self.world = World()
        self.folder = self.world.folder
        self.authority = Authority(self.folder)
        self.server = self.authority.issue("server")
        self.client = self.authority.issue("client", san=None)
        self.other = Authority(self.folder, "stranger")
        self.stranger = self.other.issue("client", san=None)
        self.no_client = self.authority.issue("no-client", usage="serverAuth", san=None)
        self.plain = self.world.node("plain").start()
        self.tls = self.world.node("tls", flags=self.server.flags(), tls=self.authority.context()).start()
        self.strict = self.world.node("strict", flags=self.server.flags("", self.authority),
                                      tls=self.authority.context(self.client)).start()
        self.peers = self.world.node("peers", flags=self.server.flags("peer-", self.authority),
                                     peer_tls=self.authority.context(self.server)).start()
        self.go = GoServer()
        self.ca = ["--ca-file", self.authority.certificate]

    def show(self, pair):
        return self.ca + ["--cert-file", pair.certificate, "--key-file", pair.key]

    def close(self):
        self.go.close()
        assert not self.world.close()


@pytest.fixture(scope="module")
def house():
    house = House()
    yield house
    house.close()


def test_every_command_is_in_one_of_the_tables():
    names = set(re.findall(r"^usage: \w+ ([a-z0-9-]+(?: [a-z-]+)?)", etcdctl("--help=all").stdout, re.M))
    known = set(CLIENT_COMMANDS) | OTHERS
    assert names <= known, names - known
    assert set(CLIENT_COMMANDS) <= names, set(CLIENT_COMMANDS) - names


# How a client port is asked wrongly: its flags, and the words that are said of its address.
ASKED_WRONGLY = {
    "the peer port": lambda h: (["--endpoints", "http://" + h.plain.peer],
                                "http://%s: this is the peer port; the client port is http://%s"
                                % (h.plain.peer, h.plain.client)),
    "https to plain HTTP": lambda h: (["--endpoints", "https://" + h.plain.client] + h.ca,
                                      "https://%s: speaks plain HTTP: use http://%s" % (h.plain.client, h.plain.client)),
    "http to HTTPS": lambda h: (["--endpoints", "http://" + h.tls.client],
                                "http://%s: speaks HTTPS: use https://%s, and give --ca-file"
                                % (h.tls.client, h.tls.client)),
    "http to HTTPS of peers": lambda h: (["--endpoints", "http://" + h.peers.peer],
                                         "http://%s: speaks HTTPS: use https://%s" % (h.peers.peer, h.peers.peer)),
    "no authority": lambda h: (["--endpoints", "https://" + h.tls.client],
                               "https://%s: its certificate is of an authority that is not known here: give --ca-file"
                               % h.tls.client),
    "another authority": lambda h: (["--endpoints", "https://" + h.tls.client, "--ca-file", h.other.certificate],
                                    "https://%s: its certificate is not of an authority of --ca-file, %s"
                                    % (h.tls.client, h.other.certificate)),
    "no client certificate": lambda h: (["--endpoints", "https://" + h.strict.client] + h.ca,
                                        "https://%s: wants a client certificate: give --cert-file and --key-file"
                                        % h.strict.client),
    "a stranger's certificate": lambda h: (["--endpoints", "https://" + h.strict.client] + h.show(h.stranger),
                                           "https://%s: refuses the certificate of --cert-file, %s: "
                                           % (h.strict.client, h.stranger.certificate)),
    "a server's certificate": lambda h: (["--endpoints", "https://" + h.strict.client] + h.show(h.no_client),
                                         "https://%s: refuses the certificate of --cert-file, %s: it is not one of a client; "
                                         "make one with 'etcdctl certs client NAME', or for the peer port with 'etcdctl certs "
                                         "peer NAME'" % (h.strict.client, h.no_client.certificate)),
}


@pytest.mark.parametrize("mistake", ASKED_WRONGLY)
def test_a_client_port_is_asked_wrongly(house, mistake):
    flags, words = ASKED_WRONGLY[mistake](house)
    wrong = []
    for sync in ([], ["--no-sync"]):
        for name, line in CLIENT_COMMANDS.items():
            line = line.replace("SOURCE", "http://" + house.peers.client)
            answer = etcdctl("--total-timeout", "5s", *flags, *sync, *line.split())
            # Nothing was carried out, and that is known: not 5.
            if answer.returncode != 2 or words not in answer.stderr:
                wrong.append((name, sync, answer.returncode, answer.stdout, answer.stderr))
    assert not wrong, (words, wrong)
    # What is wrong with one endpoint keeps nobody from the next.
    if "https" not in flags[1] and house.plain.peer in flags[1]:
        assert etcdctl("--endpoints", flags[1] + ",http://" + house.plain.client, "ls", "/").returncode == 0


# Files that are wrong by themselves: nothing is sent, the exit code is 1.
def files_of(h):
    nothing = os.path.join(h.folder, "nothing")
    with open(nothing, "w") as file:
        file.write("this is no PEM\n")
    good, other, gone = h.client, h.stranger, os.path.join(h.folder, "gone")
    return {
        "another key": (["--cert-file", good.certificate, "--key-file", other.key],
                        "the key in %s (--key-file) does not belong to the certificate in %s (--cert-file)"
                        % (other.key, good.certificate)),
        "no key": (["--cert-file", good.certificate],
                   "give --key-file too: there is no private key in %s (--cert-file)" % good.certificate),
        "no certificate": (["--key-file", good.key], "--key-file is given without --cert-file"),
        "a certificate as key": (["--cert-file", good.certificate, "--key-file", good.certificate],
                                 "%s (--key-file) has no private key in PEM" % good.certificate),
        "a key as certificate": (["--cert-file", good.key, "--key-file", good.key],
                                 "%s (--cert-file) has no certificate in PEM" % good.key),
        "no authority in it": (["--ca-file", nothing], "%s (--ca-file) has no certificate in PEM" % nothing),
        "a file that is gone": (["--ca-file", gone], "cannot read %s (--ca-file): No such file or directory" % gone),
    }


def test_certificates_and_keys_are_looked_at_before_anything_is_sent(house):
    wrong = []
    for mistake, (flags, words) in files_of(house).items():
        for line in list(CLIENT_COMMANDS.values()) + ["backup %s" % os.path.join(house.folder, "file")]:
            where = ["--peer-url", "https://" + house.peers.peer] if line.startswith("backup") else \
                ["--endpoints", "https://" + house.strict.client]
            command = line.replace("SOURCE", "http://" + house.peers.client).split()
            answer = etcdctl(*flags, *command[:1], *(where if command[0] == "backup" else []), *command[1:],
                             env={} if command[0] == "backup" else {"ETCDCTL_ENDPOINTS": where[1]})
            if answer.returncode != 1 or "etcdctl: " + words not in answer.stderr:
                wrong.append((mistake, line, answer.returncode, answer.stderr))
    assert not wrong, wrong


BACKUP_ASKED_WRONGLY = {
    "https to plain HTTP": lambda h: ("https://" + h.plain.peer, h.ca, "speaks plain HTTP: use http://" + h.plain.peer),
    "http to HTTPS": lambda h: ("http://" + h.peers.peer, [], "speaks HTTPS: use https://%s" % h.peers.peer),
    "no client certificate": lambda h: ("https://" + h.peers.peer, h.ca,
                                        "wants a client certificate: give --cert-file and --key-file"),
    "no authority": lambda h: ("https://" + h.peers.peer, [], "give --ca-file"),
    "nobody": lambda h: ("127.0.0.1:%d" % free_port(), [], "Connection refused"),
}


@pytest.mark.parametrize("mistake", BACKUP_ASKED_WRONGLY)
def test_backup_asks_wrongly(house, mistake):
    address, flags, words = BACKUP_ASKED_WRONGLY[mistake](house)
    file = os.path.join(house.folder, "keys")
    answer = etcdctl("backup", "--peer-url", address, *flags, file)
    assert answer.returncode == 2 and words in answer.stderr and "(--peer-url)" in answer.stderr, answer
    assert not os.path.exists(file)


def test_each_port_names_the_other_for_what_it_has(house):
    """People with curl are told as well."""
    node = house.plain
    for path in ("/v2/admin/status", "/v2/admin/machines", "/join", "/raft/stream"):
        answer = ask(node.client, "GET", path)
        assert answer.status == 404
        assert answer.body.decode() == "404 page not found: this is the client port; the peer port is http://%s\n" % node.peer
    for path in ("/v2/keys/a", "/v2/members", "/v2/stats/self", "/v2/leader", "/health"):
        answer = ask(node.peer, "GET", path)
        assert answer.status == 404
        assert answer.body.decode() == "404 page not found: this is the peer port; the client port is http://%s\n" % node.client
    for address in (node.client, node.peer):
        assert ask(address, "GET", "/none").body == b"404 page not found\n"


# ---- joining ---------------------------------------------------------------------------

JOINS = {
    "a client port": (lambda h: ([h.plain.client], []),
                      lambda h: "%s: it is a client port; peers listen on http://%s" % (h.plain.client, h.plain.peer)),
    "https to plain HTTP": (lambda h: ([h.plain.peer], h.server.flags("peer-", h.authority)),
                            lambda h: "%s: it speaks plain HTTP, this node HTTPS; give -peer-cert-file and "
                                      "-peer-key-file to all nodes or to none" % h.plain.peer),
    "http to HTTPS": (lambda h: ([h.peers.peer], []),
                      lambda h: "%s: it speaks HTTPS, this node plain HTTP; give -peer-cert-file and -peer-key-file to "
                                "all nodes or to none" % h.peers.peer),
    "something else": (lambda h: ([h.go.address], []), lambda h: "%s: no version" % h.go.address),
}


@pytest.mark.parametrize("mistake", JOINS)
def test_a_join_asks_wrongly(house, mistake):
    given, words = JOINS[mistake]
    peers, flags = given(house)
    node = house.world.node("joiner-%d" % free_port(), peers=peers, flags=["-max-retry-attempts", "1"] + flags)
    node.start(wait=False)
    assert node.process.wait(30 * SLOW) == 1
    assert words(house) in node.log().splitlines()[-1] or words(house) in node.log(), node.log()


# ---- starting ----------------------------------------------------------------------------

def write(h, name, text):
    path = os.path.join(h.folder, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def go_directory(h):
    path = os.path.join(h.folder, "go")
    os.makedirs(os.path.join(path, "member", "wal"), exist_ok=True)
    return path


STARTS = {
    "a name with a slash": (lambda h: ["-name", "a/b"], 2,
                            'etcd: -name: "a/b" has a character that is not allowed; allowed are letters A-Z and a-z, digits, '
                            '".", "_" and "-"'),
    "JSON as -config": (lambda h: ["-config", write(h, "json", '{\n  "name": "machine1"\n}\n')], 2,
                        ':1: a key is missing; this looks like JSON, and the file is TOML: name = "machine1"'),
    "YAML as -config": (lambda h: ["-config", write(h, "yaml", "# of 3.x\nname: machine1\n")], 2,
                        ':2: a = is missing behind name; this looks like YAML, and the file is TOML: name = "machine1"'),
    "a Go server's data": (lambda h: ["-data-dir", go_directory(h)], 3,
                           "holds data of another etcd (member/wal); choose another -data-dir; 'etcdctl import' copies the "
                           "keys of that etcd while it runs"),
}


@pytest.mark.parametrize("mistake", STARTS)
def test_a_start_is_wrong(house, mistake):
    flags, code, words = STARTS[mistake]
    answer = run(ETCD, *flags(house), cwd=house.folder)
    assert answer.returncode == code and words in answer.stderr, answer


# ---- words ---------------------------------------------------------------------------------

WORDS = {
    "put /a b": '"set"', "del /a": '"rm"', "delete /a": '"rm"', "create /a b": '"mk"', "show /a": '"get"', "read /a": '"get"',
    "cat /a": '"get"', "write /a b": '"set"', "list": '"ls"', "remove /a": '"rm"', "dir": '"ls"',
    "health": '"cluster-health"', "endpoint health": '"cluster-health"', "endpoint status": '"status"', "endpoint": '"status"',
    "snapshot save f": '"backup"', "members": '"member list"', "member ls": '"member list"', "member delete m": '"member remove"',
    "member rm m": '"member remove"', "member create m u": '"member add"', "move-leader": '"control transfer"',
    "stop": '"control stop"', "certs authority": '"certs ca"', "make-mirror u": '"import" here with --follow',
    "sett /a b": 'did you mean "set"?', "membr list": 'did you mean "member"?', "watsh /a": 'did you mean "watch"?',
}


@pytest.mark.parametrize("line", WORDS)
def test_a_command_is_called_otherwise(line):
    answer = etcdctl(*line.split())
    assert answer.returncode == 1 and answer.stderr.startswith('etcdctl: no command "'), answer
    assert WORDS[line] in answer.stderr, answer


def test_every_other_name_leads_to_a_command_and_is_none_itself():
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "ctl")
    with open(os.path.join(source, "synonym_table.h")) as file:
        rows = re.findall(r'^SYNONYM\("([^"]*)", "([^"]*)"', file.read(), re.M)
    with open(os.path.join(source, "command_table.h")) as file:
        commands = set(re.findall(r'^COMMAND\("([^"]*)"', file.read(), re.M))
    assert len(rows) > 50 and len({word for word, _ in rows}) == len(rows)
    for word, command in rows:
        assert command in commands and word not in commands, (word, command)
        assert '"%s" here' % command in etcdctl(*word.split()).stderr, word


# ---- import, members, control ------------------------------------------------------------------

def test_import_names_its_source(house):
    target = ["--endpoints", "http://" + house.plain.client]
    down = "http://127.0.0.1:%d" % free_port()
    answer = etcdctl(*target, "import", down)
    assert answer.returncode == 2 and "--endpoints" not in answer.stderr, answer
    assert "etcdctl: the source cannot be reached (SOURCE-URL): %s: Connection refused\n" % down == answer.stderr
    answer = etcdctl(*target, "import", "http://" + house.go.address)
    assert answer.returncode == 4, answer
    assert "http://%s answers 404: it has no keys API" % house.go.address in answer.stderr
    assert "started with --enable-v2" in answer.stderr
    answer = etcdctl(*target, "import", "ftp://x")
    assert answer.returncode == 1 and '"ftp://x" is no client URL (SOURCE-URL)' in answer.stderr, answer


@pytest.mark.parametrize("line", [line for name, line in CLIENT_COMMANDS.items() if name not in ("import",)])
def test_v2_is_off(house, line):
    answer = etcdctl("--endpoints", "http://" + house.go.address, *line.split())
    assert answer.returncode == 4 and "--enable-v2" in answer.stderr, answer


def test_members_change_without_a_majority(world):
    nodes = world.cluster(3)
    for node in nodes[1:]:
        node.kill_all()
    wait_until(lambda: nodes[0].leader() is None, 15, "the lead to be given up")
    answer = etcdctl("--endpoints", "http://" + nodes[0].client, "--yes", "member", "remove", "machine3")
    assert answer.returncode in (4, 5), answer
    assert re.search(r"answers 500: (Raft Internal Error: (no leader|timed out)|Internal Server Error)", answer.stderr), answer
    assert "'etcdctl help recover'" in answer.stderr and "a majority" in answer.stderr, answer


@pytest.mark.skipif(os.geteuid() != 0, reason="needs mounts of its own")
def test_https_on_a_machine_without_a_list_of_authorities(house):
    answer = run("unshare", "-m", "sh", "-c", 'mount -t tmpfs none /etc/ssl && exec "$@"', "sh",
                 ETCDCTL, "--endpoints", "https://" + house.tls.client, "ls")
    assert answer.returncode == 2, answer
    assert "https://%s: this machine has no list of authorities: give --ca-file" % house.tls.client in answer.stderr


def test_control_says_where_it_looked_for_a_node(house):
    folder = os.path.join(house.folder, "elsewhere")
    os.makedirs(folder)
    answer = etcdctl("control", "status", cwd=folder)
    assert answer.returncode == 3, answer
    assert re.search(r"no node is running in \S+\.etcd/run, nor as a service in /\S+; if it is elsewhere, give "
                     r"-data-dir or -run-dir$", answer.stderr, re.M), answer.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
@pytest.mark.parametrize("command", ["status", "reload", "restart client", "transfer", "rotate", "log-level", "backup file",
                                     "upgrade", "drain", "undrain", "stop"])
def test_control_without_permission(house, command):
    os.chmod(house.folder, 0o755)
    answer = etcdctl("control", "-data-dir", house.plain.directory, *command.split(), user="nobody", cwd="/")
    assert answer.returncode == 1, answer
    assert "you may not speak to the node in %s/run: be root, the user that it runs as, or one of its group" \
        % house.plain.directory in answer.stderr
    assert "no node is running" not in answer.stderr
