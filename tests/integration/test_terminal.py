"""What others wrote, on a terminal: every command of etcdctl against a server, a node and
names that are as hostile as can be. Nothing but printable text may reach the terminal,
and a pipe gets the bytes as they are."""

import base64
import contextlib
import fcntl
import http.server
import json
import os
import pty
import re
import select
import socket
import subprocess
import termios
import threading
import time
import tty
import unicodedata

import pytest

from moothall import ETCD, ETCDCTL, SLOW, free_port, wait_until

# Every kind: a C0 control, DEL, a C1 control, override, isolate, zero width, separator,
# byte order mark, a tag, soft hyphen, filler; a line's end, and letters that may be seen.
BAD = "\x1b]0;own\x07\x08\x7f\u009b31m\u202eabc\u2066\u200b\u2028\ufeff\U000e0041\u00ad\u3164\r\n\tM\u00fcller \u6771\u4eac \U0001f600"
BAD_KEY = "/" + BAD


def b64(text):
    return base64.b64encode(text.encode()).decode()


SEEN = "M\u00fcller \u6771\u4eac \U0001f600"
# The same for an argument or a plain body, with what is no UTF-8.
BAD_BYTES = BAD.encode() + b"\xff\x9b\xed\xa0\x80\xc2"
BAD_WORD = os.fsdecode(BAD_BYTES)

# How progress takes back its own line.
WIPE = b"\r\x1b[K"

SPELLED, SPELLED_JSON = "\\xc2\\x9b", "\\u009b"
RAW = "\u009b".encode()

# Unicode's Default_Ignorable_Code_Point, but for the selectors of emoji (common/printable.h).
IGNORABLE = [0xad, 0x34f, 0x61c, (0x115f, 0x1160), (0x17b4, 0x17b5), (0x180b, 0x180f), (0x200b, 0x200f), (0x202a, 0x202e),
             (0x2060, 0x206f), 0x3164, 0xfeff, 0xffa0, (0xfff0, 0xfff8), (0x1bca0, 0x1bca3), (0x1d173, 0x1d17a), (0xe0000, 0xe0fff)]


def is_printable(character):
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return False
    code = ord(character)
    return not any(code == row if isinstance(row, int) else row[0] <= code <= row[1] for row in IGNORABLE)


def spelled(character):
    return "".join("\\x%02x" % byte for byte in character.encode())


def check_terminal(seen):
    """What reached a terminal is UTF-8, and all of it may be seen."""
    text = seen.replace(WIPE, b"").decode()
    bad = sorted({"U+%04X" % ord(c) for c in text if c not in "\n\t" and not is_printable(c)})
    assert not bad, (bad, text)
    return text


# ---- terminals ---------------------------------------------------------------------------

class Run:
    def __init__(self, code, terminal, out, err):
        self.code, self.terminal, self.out, self.err = code, terminal, out, err


def run(argv, env=None, at_terminal=("out", "err"), answer=b"", cwd=None, enough=None):
    """Runs a program whose streams are a terminal, which is the one it is controlled by, or pipes.

    answer: what is typed there when something was said. enough: words after which a program that goes on is ended.
    """
    ours, theirs = pty.openpty()
    tty.setraw(theirs)

    def take():
        os.setsid()
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    clean = {k: v for k, v in os.environ.items() if not k.startswith(("ETCD", "LC_", "LANG")) and "proxy" not in k.lower()}
    clean.update(TERM="xterm", NO_COLOR="1", **(env or {}))
    process = subprocess.Popen(argv, env=clean, cwd=cwd, stdin=theirs, preexec_fn=take, pass_fds=(theirs,),
                               stdout=theirs if "out" in at_terminal else subprocess.PIPE,
                               stderr=theirs if "err" in at_terminal else subprocess.PIPE)
    os.close(theirs)
    streams = {ours: "terminal"}
    streams.update((pipe.fileno(), name) for pipe, name in ((process.stdout, "out"), (process.stderr, "err")) if pipe)
    got = {"terminal": b"", "out": b"", "err": b""}
    end = time.monotonic() + 60 * SLOW
    try:
        while streams:
            ended = process.poll() is not None
            ready = select.select(list(streams), [], [], 0.2)[0]
            assert time.monotonic() < end, (argv, got)
            for fd in ready:
                try:
                    piece = os.read(fd, 1 << 16)
                except OSError:     # the last of them has closed the terminal
                    piece = b""
                got[streams[fd]] += piece
                if not piece:
                    del streams[fd]
            # Whoever asks for a password does not take what was typed before.
            if answer and got["terminal"].endswith((b": ", b"] ")):
                os.write(ours, answer)
                answer = b""
            if enough and enough in b"".join(got.values()):
                process.terminate()
            # What it left behind was taken: a terminal that nobody wrote to ends with the program.
            if ended and not ready:
                break
        code = process.wait(20 * SLOW)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(ours)
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()
    return Run(code, got["terminal"], got["out"], got["err"])


# ---- a server that says anything --------------------------------------------------------------

def event(action=BAD, key=BAD_KEY, **more):
    node = dict({"key": key, "value": BAD, "modifiedIndex": 7, "createdIndex": 7, "expiration": BAD}, **more)
    return {"action": action, "node": node, "prevNode": {"key": key, "value": BAD, "modifiedIndex": 6, "createdIndex": 6}}


class Hostile(http.server.BaseHTTPRequestHandler):
    """GET /v2/keys/KIND answers by its kind."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send(self, status, body, head=()):
        if not isinstance(body, bytes):
            # Controls as they may stand in JSON, all else as it is.
            body = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status, "\u009b31m")
        for name, value in (("X-Etcd-Index", "7"), ("X-Raft-Index", "7"), ("X-Raft-Term", "1"), *head):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def error(self, code, status=400):
        self.send(status, {"errorCode": code, "message": BAD, "cause": BAD_KEY, "index": 7})

    def members(self):
        own = "http://127.0.0.1:%d" % self.server.server_address[1]
        self.send(200, {"members": [
            {"id": "a" + BAD, "name": "n" + BAD, "peerURLs": [own, BAD], "clientURLs": [own, BAD]},
            {"id": "b", "name": "b", "peerURLs": [own], "clientURLs": ["http://" + BAD]},
            {"id": "d\u009b31m\u202e", "name": "d", "peerURLs": [BAD], "clientURLs": []}]})

    def users(self, path):
        role = {"role": BAD, "permissions": {"kv": {"read": [BAD_KEY], "write": [BAD_KEY]}}}
        user = {"user": BAD, "roles": [role]}
        return {"users": [user], "roles": [role]} if path.endswith("s") else user if "/users/" in path else role

    def keys(self, method, key):
        kind = key.split("/")[1].split("?")[0]
        queue = [{"key": BAD_KEY + str(i), "value": BAD, "createdIndex": i, "modifiedIndex": i} for i in (3, 7)]
        if kind == "error":
            self.error(100, 404)
        elif kind == "plain":
            self.send(502, "\u009b31m\u202e".encode() + BAD_BYTES)
        elif kind == "said":
            self.send(403, {"message": BAD})
        elif kind == "nowhere":
            self.send(301, b"", [("Location", "http://127.0.0.1:%d/\u009b31m" % free_port())])
        elif kind == "dir":
            self.send(200, event(dir=True, nodes=[{"key": BAD_KEY, "dir": True, "nodes": [{"key": BAD_KEY, "value": BAD}]}]))
        elif kind == "all":
            self.send(200, event(value=self.server.everything))
        elif "/mod/lock/" in key and method == "POST":
            self.send(201, event(key=BAD_KEY, createdIndex=7))
        elif "/mod/lock/" in key and "wait=true" in key:
            self.error(401)
        elif "/mod/lock/" in key and method == "GET":
            mine = "mine" in key
            self.send(200, event(key="/", dir=True, nodes=queue[1:] if mine else queue))
        elif kind == "":
            there = BAD_KEY if self.server.agreeable else "/old"
            self.send(200, event(key="/", dir=True, nodes=[{"key": there, "value": BAD}]))
        elif method == "PUT" and kind.startswith("%1B"):
            self.error(210)     # what import carries over is refused
        else:
            self.send(200, event("delete" if method == "DELETE" else BAD))

    def v3(self, path):
        """All that any answer of the gateway may have, or an error."""
        if not self.server.agreeable:
            self.send(400, {"error": BAD, "message": BAD, "code": 3})
            return
        kv = {"key": b64(BAD), "value": b64(BAD), "create_revision": "1", "mod_revision": "1", "version": BAD, "lease": BAD}
        answer = {"header": {"cluster_id": "5", "member_id": BAD, "revision": "1"}, "kvs": [kv], "prev_kv": kv, "prev_kvs": [kv],
                  "count": BAD, "deleted": BAD, "succeeded": True, "responses": [{"response_range": {"kvs": [kv]}}],
                  "ID": "5", "TTL": "5", "keys": [b64(BAD)], "leases": [{"ID": "5"}], "version": BAD, "errors": [BAD], "hash": 5,
                  "members": [{"ID": "5", "name": BAD, "peerURLs": [BAD], "clientURLs": [BAD]}], "member": {"ID": "5", "peerURLs": [BAD]},
                  "users": [BAD], "roles": [BAD], "perm": [{"permType": BAD, "key": b64(BAD)}], "leader": BAD,
                  "alarms": [{"memberID": "5", "alarm": BAD}], "token": "t", "enabled": True}
        if path == "/v3/watch":
            event = {"type": BAD, "kv": kv, "prev_kv": kv}
            lines = [{"result": dict(answer, events=[event])}, {"error": {"message": BAD}}]
            self.send(200, b"".join(json.dumps(line).encode() + b"\n" for line in lines))
        else:
            self.send(200, answer)

    def any(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        path, method = self.path, self.command
        if path.startswith("/v3/"):
            self.v3(path)
        elif path.startswith("/v2/keys"):
            self.keys(method, path[len("/v2/keys"):] or "/")
        elif path == "/v2/members" and method == "POST":
            self.send(*(201, {"id": BAD}) if self.server.agreeable else (409, {"message": BAD}))
        elif path == "/v2/members/leader":
            self.send(200, {"id": "a" + BAD})
        elif path == "/v2/members":
            self.members()
        elif path.startswith(("/v2/members/", "/v2/admin/machines")):
            self.send(*(200, b"{}") if self.server.agreeable else (500, {"message": BAD}))
        elif path.startswith("/v2/auth/"):
            self.send(*(200, self.users(path)) if self.server.agreeable else (409, {"message": BAD}))
        elif path == "/v2/machines":
            self.send(200, BAD_BYTES)
        elif path == "/v2/stats/self":
            self.send(200, {"state": "S" + BAD})
        elif path == "/version":
            self.send(200, {"etcdserver": BAD})
        elif path == "/health":
            self.send(503, {"health": BAD})
        elif path == "/v2/admin/backup":
            self.send(503, BAD_BYTES)
        else:
            self.send(404, BAD_BYTES)

    do_GET = do_PUT = do_POST = do_DELETE = any


def everything():
    """Every character that there is, in lines that are not too long."""
    planes = [*range(0x30000), *range(0xe0000, 0xe1000)]
    return "".join(chr(code) for code in planes if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co"))


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 64


@contextlib.contextmanager
def hostile_server(agreeable=False):
    server = Server(("127.0.0.1", 0), Hostile)
    server.agreeable, server.everything, server.daemon_threads = agreeable, everything(), True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield "http://127.0.0.1:%d" % server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Supervisor:
    """A control socket whose node says anything."""

    def __init__(self, folder):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(os.path.join(folder, "control.sock"))
        self.socket.listen(8)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def answer(self, request):
        command = request["command"]
        if command == "status":
            process = {"name": BAD, "state": BAD, "pid": 1, "since": BAD, "restarts": 1, "connections": 1, "memory": 1}
            member = {"name": BAD, "role": BAD, "client_url": BAD, "peer_url": BAD}
            names = {name: BAD for name in ("name", "state", "role", "leader", "id", "cluster_id")}
            return dict(names, ok=True, ready=True, term=1, members=[member], processes=[process])
        if command in ("rotate", "drain", "backup", "frobnicate"):
            return {"ok": False, "error": BAD}
        return {"ok": True, "text": BAD + "\n"}

    def serve(self):
        while True:
            try:
                one, _ = self.socket.accept()
            except OSError:
                return
            with one, one.makefile("rb") as lines:
                request = json.loads(lines.readline().decode("utf-8", "replace"))
                one.sendall(json.dumps(self.answer(request), ensure_ascii=False).encode() + b"\n")

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(5)
        self.socket.close()


# ---- every command -----------------------------------------------------------------------------

def name_of(words):
    """A command line, with what is hostile left out."""
    return " ".join(word.replace(BAD_WORD, "...").replace(BAD, "...") for word in words)


class Case:
    """words: the command line. how: what it shows of the others' words.

    "text": as they are in a pipe; "json"; "spelled": everywhere; "tty": at the terminal
    only; "ours": nothing.
    """

    def __init__(self, words, how="text", agreeable=False, answer=b"", env=None, enough=None):
        self.words, self.how, self.agreeable = words.split(" ") if isinstance(words, str) else words, how, agreeable
        self.answer, self.env, self.enough = answer, env, enough
        self.name = name_of(self.words)


def of_keys(*words):
    """A command on keys in all its forms, and with all answers that are errors."""
    command, rest = words[0], list(words[1:])
    cases = [Case([command, "/k"] + rest), Case(["-o", "json", command, "/k"] + rest, "json"),
             Case(["-o", "extended", command, "/k"] + rest)]
    # Whoever watches waits for a server that is broken.
    cases += [Case([command, "/" + kind] + rest) for kind in ("error", "plain", "said") if (command, kind) != ("watch", "plain")]
    return cases + [Case(["-o", "json", command, "/error"] + rest, "json")]


CASES = [
    *of_keys("ls"), *of_keys("get"), *of_keys("set", "v"), *of_keys("mk", "v"),
    *of_keys("update", "v"), *of_keys("rm"), *of_keys("mkdir"), *of_keys("setdir"),
    *of_keys("updatedir"), *of_keys("rmdir"), *of_keys("watch"),
    Case("ls -r -p /dir"), Case("get /dir"), Case("watch -r /k"), Case("-o extended watch -r /k"), Case("watch -f /k", enough=RAW[1:]),
    Case(["exec-watch", "/k", "bad.backup/" + BAD_WORD]), Case("exec-watch /error true"),
    Case("exec-watch -r /dir true", enough=b"Ignored dir"),
    Case(["--debug", "--endpoints", "http://127.0.0.1:1/" + BAD_WORD, "get", "/k"]), Case("get /nowhere", "ours"), Case("--debug ls", "ours"),
    Case(["set", "/error", BAD_WORD]), Case(["set", "/k", "v", "--swap-with-index", BAD_WORD]),
    Case("status", "spelled"), Case("-o json status", "json"), Case("--wide status", "spelled"),
    Case("cluster-health"), Case("-o json cluster-health", "json"),
    Case("member list", "spelled"), Case("--wide member list", "spelled"), Case("-o json member list", "json"),
    Case("-o extended member list"), Case(["member", "add", BAD_WORD, BAD_WORD]),
    Case(["member", "add", BAD_WORD, "http://b"], agreeable=True), Case("--yes member remove b"), Case(["member", "remove", BAD_WORD]),
    Case("member remove b", "ours", answer=b"n\n"), Case("--yes member remove d", agreeable=True),
    Case(["member", "remove", "n" + BAD], answer=b"n\n"),
    Case("member update b http://b"), Case(["member", "update", BAD_WORD, "http://b"]),
    Case("member update d http://b", agreeable=True),
    Case("auth enable"), Case("auth disable"), Case("auth status"), Case("auth enable", "ours", agreeable=True),
    Case(["user", "passwd", BAD_WORD + ":p"]), Case(["user", "passwd", BAD_WORD + ":p"], "ours", agreeable=True),
    *[Case(words, agreeable=agreeable) for agreeable in (False, True) for words in (
        "user list", "role list", ["user", "get", BAD_WORD], ["role", "get", BAD_WORD], ["user", "remove", BAD_WORD],
        ["role", "remove", BAD_WORD], ["user", "add", BAD_WORD + ":p"], ["role", "add", BAD_WORD],
        ["user", "grant", BAD_WORD, "--roles", BAD_WORD], ["user", "revoke", BAD_WORD, "--roles", BAD_WORD],
        ["role", "grant", BAD_WORD, "--path", BAD_WORD, "--read"], ["role", "revoke", BAD_WORD, "--path", BAD_WORD, "--read"])],
    Case("control status"), Case("-o json control status", "json"), Case("control reload"), Case("-o json control reload", "json"),
    Case("control restart client"), Case(["control", "restart", BAD_WORD]), Case("control transfer x"), Case("control rotate"),
    Case("control log-level"), Case(["control", "backup", "FILE"]), Case("control upgrade"), Case("control drain"), Case("control undrain"),
    Case("control stop"), Case("control frobnicate"), Case(["control", BAD_WORD], "ours"),
    Case(["control", "--run-dir", "bad.backup/" + BAD_WORD, "status"]),
    Case("backup --peer-url SERVER new.backup"), Case(["backup", "--check", BAD_WORD]), Case("backup --check bad.backup", "ours"),
    Case(["backup", "--peer-url", "http://127.0.0.1:1/" + BAD_WORD, "new.backup"]), Case(["backup", "bad.backup/" + BAD_WORD]),
    Case(["restore", "--to", "d", "--name", "n", BAD_WORD]), Case(["restore", "--to", "d", "--name", BAD_WORD, "bad.backup"], "ours"),
    Case(["recover", BAD_WORD], "spelled"),
    Case(["lock", "--wait", "1ms", "theirs", "true"]), Case(["lock", BAD_WORD + "/", "true"]), Case("lock /error true", "ours"),
    Case(["lock", "mine", "bad.backup/" + BAD_WORD]), Case(["elect", "mine", BAD, "true"]), Case("elect --listen theirs", enough=SEEN.encode()),
    Case("-o json elect --listen theirs", "json", enough=SEEN.encode()), Case(["elect", "--listen", "theirs", BAD_WORD]),
    Case("import OTHER", "ours", answer=b"n\n"), Case("--yes import OTHER"), Case(["import", BAD_WORD]), Case(["import", "--hidden", BAD_WORD, "OTHER"]),
    Case("bench --time 10ms", "ours"), Case(["bench", "--time", BAD_WORD]),
    Case(["certs", "ca", BAD_WORD]), Case(["certs", "--dir", BAD_WORD, "ca"]), Case(["certs", "server", "s", BAD_WORD]),
    Case(["certs", "peer", BAD_WORD, "h"]), Case(["certs", "--dir", BAD_WORD, "client", "c"]),
    Case(["help", BAD_WORD]), Case("help", "ours"), Case("--help=all", "ours"), Case("version", "ours"),
    Case([BAD_WORD]), Case(["--" + BAD_WORD, "ls"]), Case(["get", "-" + BAD_WORD]), Case(["member", BAD_WORD]), Case(["ls", "/", BAD_WORD]),
    Case(["--ca-file", "bad.backup/" + BAD_WORD, "ls"]), Case(["--endpoints", BAD_WORD, "ls"]), Case(["-o", BAD_WORD, "ls"]),
    Case("ls", env={"ETCDCTL_TIMEOUT": BAD_WORD}), Case("ls", env={"ETCDCTL_ENDPOINTS": BAD_WORD}),
    Case(["--username", BAD_WORD, "ls"], "tty", answer=b"secret\n"),
]


# The v3 commands, and what they show of the answers that have all of it: as they are in a pipe, quoted as Go does
# ("ours" here: nothing of it is as it was), or nothing.
V3_SHOWN = ["put k v", "get k", "get -w json k", "get -w fields k", "del k", "del -w fields k", "watch k", "watch -w fields k",
            "lease timetolive 5 --keys", "lease timetolive -w fields 5 --keys", "endpoint status", "endpoint status -w json",
            "endpoint status -w table", "endpoint status -w fields", "member list", "member list -w json", "member list -w table",
            "member list -w fields", "user get u", "user get u --detail", "user list", "role get r", "role get -w fields r", "role list",
            "alarm list", "alarm list -w json", "alarm disarm", "member add m --peer-urls http://a"]
V3_SILENT = ["txn", "compaction 5", "lease grant 5", "lease revoke 5", "lease list", "lease keep-alive 5 --once", "endpoint health",
             "endpoint hashkv", "defrag", "member remove 5", "member update 5 --peer-urls http://a", "member promote 5",
             "move-leader 5", "user add u:p", "user delete u", "user grant-role u r",
             "user revoke-role u r", "role add r", "role delete r", "role grant-permission r read k", "role revoke-permission r k",
             "auth enable", "auth disable", "auth status"]
V3_QUOTED = ("-w fields", "get -w json", "endpoint status -w json")
CASES += [Case("v3 " + line, "ours" if any(word in line for word in V3_QUOTED) else "json" if "-w json" in line else "text", agreeable=True)
          for line in V3_SHOWN]
CASES += [Case("v3 " + line) for line in V3_SHOWN + V3_SILENT if line != "txn"]
CASES += [Case("v3 lock name true"), Case("v3 elect name value"), Case("v3 elect -l name"), Case("v3 check perf"),
          Case("v3 elect -l name", agreeable=True, enough=SEEN.encode()), Case("v3 lease keep-alive 5"),
          Case(["v3", "snapshot", "save", "file"]), Case(["v3", "snapshot", "status", "bad.backup"], "ours"),
          Case(["v3", "snapshot", "status", BAD_WORD]), Case(["v3", "snapshot", "restore", BAD_WORD]),
          Case("v3 import --overwrite SERVER"), Case("v3 export --overwrite SERVER"), Case("v3 import --verify SERVER"),
          Case(["v3", "import", "--snapshot", BAD_WORD]), Case(["v3", "import", BAD_WORD]),
          Case(["v3", "get", BAD_WORD, "-w", BAD_WORD]), Case(["v3", BAD_WORD]), Case(["v3", "put", "--" + BAD_WORD]),
          Case(["v3", "get", "--limit", BAD_WORD, "k"]), Case(["v3", "get", "--order", BAD_WORD, "k"]), Case(["v3", "lease", "grant", BAD_WORD]),
          Case(["v3", "role", "grant-permission", "r", BAD_WORD, "k"]), Case(["v3", "endpoint", "status", "--endpoints", BAD_WORD]),
          Case("v3 help", "ours"), Case("v3 --help=all", "ours"), Case("v3 version", "ours"),
          Case("v3 user passwd", "ours")]


def test_every_command_is_in_the_cases():
    text = "".join(subprocess.run([ETCDCTL, *words], capture_output=True, text=True, check=True).stdout
                   for words in (["--help=all"], ["v3", "--help=all"]))
    commands = re.findall(r"^usage: etcdctl ((?:[a-z0-9-]+ ?)+)", text, re.M)
    commands = [command for command in commands if command not in ("v3 ", "v3 txn ")]   # one is all of the others; one reads
    assert len(commands) > 40
    lines = [" ".join(case.words) for case in CASES]
    missing = [command.strip() for command in commands
               if not any(re.search(r"(^|\s)%s(\s|$)" % re.escape(part), line) for line in lines
                          for part in [command.strip()]) and
               not any(all(word in case.words for word in command.split()) for case in CASES)]
    assert not missing


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Servers, a control socket and files: what stands for them in a case."""
    folder = tmp_path_factory.mktemp("terminal")
    (folder / "run").mkdir()
    (folder / "bad.backup").write_bytes(BAD_BYTES)
    (folder / os.fsdecode(b"d" + BAD_BYTES.replace(b"/", b""))).mkdir()
    supervisor = Supervisor(str(folder / "run"))
    with hostile_server() as refusing, hostile_server(agreeable=True) as agreeable:
        yield {"folder": str(folder), "refusing": refusing, "agreeable": agreeable}
    supervisor.close()


def strings_of(value):
    """All that stand somewhere in what was read as JSON."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [string for part in value for string in strings_of(part)] if isinstance(value, list) else []


def command_line(case, place):
    server = place["agreeable" if case.agreeable else "refusing"]
    other = place["refusing" if case.agreeable else "agreeable"]
    words = [{"SERVER": server, "OTHER": other, "FILE": "file.backup"}.get(word, word) for word in case.words]
    env = dict({"ETCDCTL_ENDPOINTS": server, "ETCD_RUN_DIR": place["folder"] + "/run", "ETCDCTL_NO_SYNC": "1"}, **(case.env or {}))
    return [ETCDCTL] + words, env


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nothing_but_printable_text_reaches_a_terminal(place, case):
    argv, env = command_line(case, place)
    more = {"env": env, "cwd": place["folder"], "answer": case.answer}
    seen = run(argv, enough=case.enough and (b"\\x9b" if case.enough == RAW[1:] else case.enough), **more)
    text = check_terminal(seen.terminal)
    assert text, case.words
    if case.how == "json":
        assert SPELLED_JSON in text, text
        values = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        assert any(BAD in string for string in strings_of(values))
    elif case.how != "ours":
        assert SPELLED in text, text

    # A pipe gets them as they are, whichever of the two it is.
    piped = run(argv, at_terminal=(), enough=case.enough, **more)
    both = piped.out + piped.err
    if case.how in ("text", "json"):
        assert RAW in both, both
    if case.how == "spelled":
        assert SPELLED.encode() in both, both
    assert seen.code == piped.code


def test_each_stream_is_judged_for_itself(place):
    argv = [ETCDCTL, "--debug", "get", "/k"]
    env = {"ETCDCTL_ENDPOINTS": place["refusing"], "ETCDCTL_NO_SYNC": "1"}
    good = run(argv, env=env, at_terminal=("err",))
    assert good.out == BAD.encode() + b"\n" and check_terminal(good.terminal).startswith("cURL Command: ")
    good = run(argv, env=env, at_terminal=("out",))
    assert check_terminal(good.terminal) and SPELLED.encode() in good.terminal and good.err.startswith(b"cURL Command: ")
    failed = run([ETCDCTL, "get", "/error"], env=env, at_terminal=("out",))
    assert failed.err == ("Error:  100: %s (%s) [7]\n" % (BAD, BAD_KEY)).encode()
    failed = run([ETCDCTL, "get", "/error"], env=env, at_terminal=("err",))
    assert SPELLED in check_terminal(failed.terminal) and failed.terminal.count(b"\n") == 1


def test_a_value_keeps_its_lines_and_a_name_is_one_line(place):
    env = {"ETCDCTL_ENDPOINTS": place["refusing"], "ETCDCTL_NO_SYNC": "1"}
    shown = run([ETCDCTL, "get", "/k"], env=env).terminal.decode()
    assert shown == "".join(c if c in "\n\t" or is_printable(c) else spelled(c) for c in BAD) + "\n"
    assert shown.count("\n") == 2 and "\n\t" + SEEN in shown
    shown = run([ETCDCTL, "ls", "/dir", "-r"], env=env).terminal.decode()
    assert shown == ("".join(c if is_printable(c) else spelled(c) for c in BAD_KEY) + "\n") * 2
    # Elsewhere they are what they are.
    piped = run([ETCDCTL, "ls", "/dir", "-r"], env=env, at_terminal=())
    assert piped.out == (BAD_KEY + "\n").encode() * 2


def test_every_character_there_is(place):
    env = {"ETCDCTL_ENDPOINTS": place["refusing"], "ETCDCTL_NO_SYNC": "1"}
    shown = run([ETCDCTL, "get", "/all"], env=env).terminal.decode()
    wanted = "".join(c if c in "\n\t" or is_printable(c) else spelled(c) for c in everything()) + "\n"
    wrong = [(a, b) for a, b in zip(shown, wanted) if a != b][:5]
    assert shown == wanted, wrong
    assert run([ETCDCTL, "get", "/all"], env=env, at_terminal=()).out.decode() == everything() + "\n"
    as_json = run([ETCDCTL, "-o", "json", "get", "/all"], env=env).terminal
    check_terminal(as_json)
    assert json.loads(as_json)["node"]["value"] == everything()


def test_a_child_of_exec_watch_gets_the_value_as_it_is(place):
    env = {"ETCDCTL_ENDPOINTS": place["refusing"], "ETCDCTL_NO_SYNC": "1"}
    out = os.path.join(place["folder"], "watched")
    argv = [ETCDCTL, "exec-watch", "/k", "sh", "-c", 'printf %%s "$ETCD_WATCH_VALUE" >%s.new && mv %s.new %s && echo done' % (out, out, out)]
    run(argv, env=env, at_terminal=(), enough=b"done")
    with open(out, "rb") as file:
        assert file.read() == BAD.encode()


def test_colours_and_progress_are_ours(place):
    """They are all that is not text, and only where they are wanted."""
    argv = [ETCDCTL, "--color", "always", "status"]
    env = {"ETCDCTL_ENDPOINTS": place["refusing"], "ETCDCTL_NO_SYNC": "1"}
    seen = run(argv, env=env).terminal
    assert b"\033[31m" in seen
    check_terminal(re.sub(rb"\033\[(0|2|31|32)m", b"", seen))


# ---- the programs of a node ----------------------------------------------------------------------

@pytest.mark.parametrize("words", [
    ["-name", BAD_WORD], ["-addr", BAD_WORD], ["-peers", BAD_WORD], ["-" + BAD_WORD], [BAD_WORD], ["-config", "bad.backup/" + BAD_WORD],
    ["-cert-file", "bad.backup/" + BAD_WORD, "-key-file", "x"], ["-log-level", BAD_WORD], ["-data-dir", "bad.backup/" + BAD_WORD],
    ["-restore", "bad.backup/" + BAD_WORD, "-data-dir", "d"], ["-check-config", "-name", BAD_WORD], ["-config", "bad.conf"],
    ["-check-config", "-config", "bad.conf"], ["-print-config", "-discovery", "http://h/" + BAD_WORD],
    ["-print-config", "-data-dir", BAD_WORD], ["-help=" + BAD_WORD], ["-help"], ["-version"]], ids=lambda words: name_of(words))
def test_no_sentence_of_etcd_obeys_what_it_was_given(place, words):
    with open(os.path.join(place["folder"], "bad.conf"), "wb") as file:
        file.write(b'name = "\xc2\x9b31m\\u001b"\n\x1b\xe2\x80\xae = 1\n')
    seen = run([ETCD] + words, cwd=place["folder"])
    assert check_terminal(seen.terminal), words


def test_a_name_from_the_cluster_is_no_order_to_the_terminal(world):
    """A real node, whose keys are hostile."""
    node = world.node().start()
    key = "/%1B%5B2J%C2%9B31m%E2%80%AE%0A"
    assert node.put(key + "d/" + key[1:], BAD).status == 201
    env = {"ETCDCTL_ENDPOINTS": "http://" + node.client}
    for words in (["ls"], ["ls", "-r"], ["-o", "json", "ls", "-r"],
                  ["get", "\x1b[2J\u009b31m\u202e\nd"], ["set", "\x1b[2J\u009b31m\u202e\nd", "v"], ["rm", "\x1b[2J\u009b31m\u202e\nd"]):
        seen = check_terminal(run([ETCDCTL] + words, env=env).terminal)
        assert SPELLED in seen or SPELLED_JSON in seen, words


def bodies_of(address, target, method="GET", head=b"", body=b""):
    """The body of one answer, whatever it is."""
    host, port = address.split(":")
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    with socket.create_connection((host, int(port)), timeout=10 * SLOW) as one:
        one.sendall(method.encode() + b" " + target + b" HTTP/1.1\r\nHost: t\r\nConnection: close\r\n" + head + length + b"\r\n" + body)
        answer = b""
        while piece := one.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


# What a head may hold of what a terminal obeys: a C1 control as UTF-8 and as a byte, an override.
QUOTED = "\u009b31m\u202e\u200b".encode() + b"\x9b\xff"


@pytest.mark.parametrize("port", ["client", "peer"])
def test_no_plain_answer_carries_what_a_terminal_obeys(world, port):
    """curl prints them as they are. (JSON says what the API says: docs/api.md.)"""
    node = world.node().start()
    address = getattr(node, port)
    asked = [(method, target + QUOTED) for method in ("GET", "DELETE", "BREW", "POST")
             for target in (b"/", b"/v2/", b"/v2/admin/machines/x?forget=", b"/version/", b"/metrics?", b"/v2/members/", b"/v2/stats/",
                            b"/v2/leader?", b"/v2/machines?", b"/health/", b"/raft/stream?", b"/raft/snapshot/")]
    upgrade = b"Connection: Upgrade\r\nUpgrade: " + QUOTED + b"\r\nX-Raft-Name: " + QUOTED + b"\r\n"
    answers = [bodies_of(address, target, method) for method, target in asked]
    answers += [bodies_of(address, target, "GET", upgrade) for target in (b"/raft/stream", b"/raft/snapshot")]
    answers += [bodies_of(address, target, "PUT", b"Content-Type: application/json\r\n", body)
                for target in (b"/join", b"/v2/admin/config", b"/v2/members")
                for body in (QUOTED, b'{"' + QUOTED + b'": 1}', json.dumps({"name": BAD, "activeSize": BAD}, ensure_ascii=False).encode())]
    plain = 0
    for head, body in answers:
        if b"application/json" not in head:
            plain += bool(body)
            check_terminal(body)
    assert plain > 20
