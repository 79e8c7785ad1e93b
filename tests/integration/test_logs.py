"""The log: its forms and places, rotation, levels at run time, what may not stand in it."""

import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from moothall import ETCD, ask, proc_children, sanitized, wait_until
from wire import Wire, request

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (\S+) (etcd|raftd|httpd)\[(\d+)\] "
                  r"(error|warn|info|debug|trace) ([a-z]+): .+\Z")


def read(path):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def log_file(world):
    return os.path.join(world.folder, "node.log")


def wait_for(path, text, timeout=10):
    wait_until(lambda: text in read(path), timeout, "%r in %s:\n%s" % (text, path, read(path)))


# ---- forms

def test_a_file_has_the_lines_of_all_processes_and_a_person_the_sentences(world):
    path = log_file(world)
    node = world.node(flags=["-workers", "1", "-log-output", path]).start()
    pids = node.pids()
    assert node.stop() == 0
    lines = read(path).splitlines()
    assert lines and all(LINE.match(line) for line in lines), lines
    by = {(LINE.match(line)[2], int(LINE.match(line)[3])) for line in lines}
    assert ("etcd", pids["supervisor"][0]) in by and ("raftd", pids["raftd"][0]) in by
    assert all(LINE.match(line)[1] == "machine1" for line in lines)
    assert "machine1: state changed from 'candidate' to 'leader'. term=1" in read(path)
    assert os.stat(path).st_mode & 0o777 == 0o640
    # Who started it sees what is for persons, and nothing else.
    said = node.log().splitlines()
    assert said[0].startswith("etcd ") and said[-1] == "stopped, all data on disk"
    assert not any(LINE.match(line) for line in said)


def test_json_is_one_object_a_line(world):
    path = log_file(world)
    node = world.node(flags=["-log-output", path, "-log-format", "json",
                             "-log-level", "debug"]).start()
    wait_for(path, "ready in")
    assert node.stop() == 0
    entries = [json.loads(line) for line in read(path).splitlines()]
    assert {entry["proc"] for entry in entries} >= {"etcd", "raftd"}
    for entry in entries:
        assert list(entry) == ["time", "node", "proc", "pid", "level", "part", "msg"], entry
        assert isinstance(entry["pid"], int) and entry["node"] == "machine1"
    assert any(entry["part"] == "say" and entry["msg"].startswith("ready in") for entry in entries)


def journal_of(node):
    """Start with standard error as systemd hands it over; what was written, at its end."""
    read_end, write_end = os.pipe()
    status = os.fstat(write_end)
    environment = dict(os.environ, JOURNAL_STREAM="%d:%d" % (status.st_dev, status.st_ino))
    node.process = subprocess.Popen(node.argv(), stdin=subprocess.DEVNULL, stdout=write_end,
                                    stderr=write_end, start_new_session=True, env=environment)
    os.close(write_end)
    node.wait_ready()
    assert node.stop() == 0
    with os.fdopen(read_end, "rb") as file:
        return file.read().decode().splitlines()


def test_the_journal_gets_priorities_and_no_time(world):
    lines = journal_of(world.node(flags=["-log-level", "debug"]))
    assert all(re.match(r"<[3467]>[^<]", line) for line in lines), lines
    assert any(re.match(r"<6>machine1 raftd\[\d+\] info raft: ", line) for line in lines)
    assert any(re.match(r"<7>machine1 etcd\[\d+\] debug supervisor: ", line) for line in lines)
    assert "<6>stopped, all data on disk" in lines
    assert not any(re.search(r"\d\d:\d\d:\d\d", line) for line in lines)


def test_another_stream_is_not_taken_for_the_journal(world):
    node = world.node()
    node.environment = {"JOURNAL_STREAM": "1:2"}
    node.start()
    assert any(LINE.match(line) for line in node.log().splitlines())
    assert not node.log().startswith("<")


def test_syslog_gets_a_datagram_a_line_and_may_be_restarted(world):
    def listen():
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        receiver.bind("\0moothall-log-%d" % os.getpid())
        receiver.settimeout(10)
        return receiver
    receiver = listen()
    node = world.node(flags=["-log-output", "syslog:@moothall-log-%d" % os.getpid(),
                             "-log-level", "debug"]).start()
    first = receiver.recv(65536).decode()
    # A build with sanitizers has no sandbox, and begins with a warning of that.
    priority, level = ("28", "warn") if sanitized() else ("30", "info")
    assert re.match(r"<%s>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d etcd\[\d+\]: (machine1|-) %s \w+: "
                    % (priority, level), first), first
    lines = [first]
    while "ready in" not in lines[-1]:
        lines.append(receiver.recv(65536).decode())
    assert not any("\n" in line for line in lines)
    assert any(re.match(r"<30>.* raftd\[%d\]: machine1 info raft: " % node.pid_of("raftd"), line)
               for line in lines)
    assert any(line.startswith("<31>") for line in lines)
    receiver.close()
    node.kill("peer")
    wait_until(lambda: "cannot write the log to syslog:@" in node.log(), 10, "a line that goes nowhere")
    receiver = listen()
    node.kill("peer")
    while "child ended: process=peer" not in receiver.recv(65536).decode():
        pass
    receiver.close()
    assert node.stop() == 0


# ---- crashes

@pytest.mark.parametrize("to_file", [False, True])
def test_last_words_of_a_child_are_in_the_log(world, to_file):
    path = log_file(world)
    # Else nobody but root may look at its descriptors.
    flags = ["-workers", "1", "-allow-core"] + (["-log-output", path] if to_file else [])
    node = world.node(flags=flags).start()
    node.may_abort = True       # so it looks
    pid = node.pid_of("raftd")
    with open("/proc/%d/fd/2" % pid, "wb") as words:
        words.write(b"broken promise: x\x1b\nhalf a line")
    node.kill("raftd")
    wait_until(lambda: node.pid_of("raftd") != pid, 10, "another raftd")
    assert node.stop() == 0
    if to_file:
        assert "error crash: broken promise: x\\x1b\n" in read(path)
        assert "error crash: half a line\n" in read(path)
        assert "broken promise" not in node.log()
    else:
        assert "broken promise: x\x1b\nhalf a line" in node.log()


# ---- files

def test_rotation_by_signal_and_by_command(world):
    path = log_file(world)
    access = os.path.join(world.folder, "access.log")
    # Else nobody but root may look at descriptors.
    node = world.node(flags=["-allow-core", "-log-output", path, "-access-log", access]).start()
    for round, rotate in enumerate((lambda: node.process.send_signal(signal.SIGUSR1),
                                    lambda: node.control("rotate").check_returncode())):
        old = read(path)
        os.rename(path, path + ".%d" % round)
        os.rename(access, access + ".%d" % round)
        rotate()
        wait_until(lambda: os.path.exists(path) and os.path.exists(access), 5, "new files")
        node.kill("client")
        wait_for(path, "child ended: process=client")
        assert read(path + ".%d" % round).startswith(old)
        assert "child ended" not in read(path + ".%d" % round)[len(old):]
    # Nobody holds an old file, so its room is free when it is deleted.
    for pid in [node.process.pid] + proc_children(node.process.pid):
        # Nobody may look into a child that has just been started.
        wait_until(lambda: os.access("/proc/%d/fd" % pid, os.R_OK), 5, "a child that can be looked at")
        for fd in os.listdir("/proc/%d/fd" % pid):
            try:
                assert not os.readlink("/proc/%d/fd/%s" % (pid, fd)).startswith(path + ".")
            except FileNotFoundError:
                pass
    assert node.stop() == 0


def test_a_file_that_cannot_be_opened_again_is_told_and_the_old_one_goes_on(world):
    folder = os.path.join(world.folder, "logs")
    os.mkdir(folder)
    path = os.path.join(folder, "node.log")
    node = world.node(flags=["-log-output", path]).start()
    os.rename(folder, folder + "-moved")
    answer = node.control("rotate")
    assert answer.returncode == 1
    assert answer.stderr == "etcdctl: rotate: cannot write %s: No such file or directory\n" % path
    wait_for(os.path.join(folder + "-moved", "node.log"), "the old file is still in use")
    os.rename(folder + "-moved", folder)
    assert node.control("rotate").returncode == 0


def test_a_file_that_cannot_be_written_ends_the_start(world):
    node = world.node(flags=["-log-output", "/nonexistent/x"])
    result = subprocess.run(node.argv(), capture_output=True, text=True, timeout=20)
    assert result.returncode == 2
    assert result.stderr.splitlines()[0] == \
        "etcd: -log-output: cannot write /nonexistent/x: No such file or directory"


def test_the_file_belongs_to_the_user_that_will_open_it_again(world):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    os.chmod(world.folder, 0o777)
    path = log_file(world)
    node = world.node(flags=["-user", "nobody", "-log-output", path]).start()
    assert os.stat(path).st_uid == os.stat("/proc/%d" % node.pid_of("raftd")).st_uid != 0
    os.rename(path, path + ".1")
    assert node.control("rotate").returncode == 0
    node.kill("peer")
    wait_for(path, "child ended: process=peer")


# ---- at run time

def test_levels_are_set_for_all_processes_until_they_are_reset(world):
    path = log_file(world)
    node = world.node(flags=["-workers", "1", "-log-output", path]).start()
    assert node.control("log-level").stdout == "info\n"
    assert node.control("log-level", "error,supervisor=debug").stdout == "error,supervisor=debug\n"
    node.kill("raftd")
    wait_for(path, "debug supervisor: child is ready: process=raftd")
    # Also for those that are started later.
    assert "raftd[%d] info" % node.pid_of("raftd") not in read(path)
    assert node.control("log-level", "reset").stdout == "info\n"
    size = len(read(path))
    node.kill("raftd")
    wait_until(lambda: re.search(r"raftd\[\d+\] info raft: ", read(path)[size:]), 10, "raftd's lines")
    assert " debug " not in read(path)[size:]
    wrong = node.control("log-level", "loud")
    assert wrong.returncode == 1
    assert 'etcdctl: log-level: "loud" is none of error, warn, info, debug, trace\n' == wrong.stderr
    wrong = node.control("log-level", "rfat=debug")
    assert wrong.returncode == 1 and '"rfat" is no part; there are ' in wrong.stderr


def test_output_and_format_change_with_the_configuration(world):
    config = os.path.join(world.folder, "etcd.conf")
    first, second = log_file(world), log_file(world) + "-2"
    access = os.path.join(world.folder, "access")

    def write(text):
        with open(config, "w") as file:
            file.write("[log]\n" + text)
    write('output = "%s"\n' % first)
    node = world.node(flags=["-workers", "1", "-config", config]).start()
    write('output = "%s"\nformat = "json"\naccess = "%s"\n' % (second, access))
    answer = node.control("reload")
    assert answer.stdout == "changed: -log-format, -log-output, -access-log\n"
    node.kill("raftd")
    wait_for(second, "ready again")
    assert all(json.loads(line) for line in read(second).splitlines())
    assert "ready again" not in read(first)
    node.get("/v2/keys/")
    wait_for(access, "/v2/keys/")
    write('output = "/nonexistent/x"\n')
    answer = node.control("reload")
    assert answer.returncode == 1 and "-log-output: cannot write /nonexistent/x" in answer.stderr
    node.kill("peer")
    wait_for(second, "process=peer")


# ---- frames

FRAME = re.compile(r"(\S+Z) (\S+) (\w+)\[(\d+)\] trace ipc: (sent to|received from) ([a-z 0-9]+): "
                   r"(id|node)=(\S+)(?: more)?(?: again)? bytes=(\d+) (.+)\Z")


def frames(path, text):
    """(process, way, other, id, what) of each frame with this text, as the log has them."""
    found = [FRAME.match(line) for line in read(path).splitlines() if " trace ipc: " in line and text in line]
    assert all(found), read(path)
    return [(match[3], match[5], match[6], match[8], match[10]) for match in found]


def told_by(path, text):
    """The processes with such a line of a frame."""
    return {int(FRAME.match(line)[4]) for line in path.splitlines() if " trace ipc: " in line and text in line}


def children(node):
    pids = node.pids()
    return set(pids["raftd"] + pids["client"] + pids["peer"])


def trace(node, path, level):
    """Until every child does."""
    assert node.control("log-level", level).returncode == 0
    wait_until(lambda: children(node) <= told_by(read(path), "msg_alive"), 10, "signs of life")


def test_one_put_is_followed_through_all_processes_by_its_key(world):
    nodes = world.cluster(3, flags=["-workers", "1", "-log-level", "warn"])
    leader = world.leader_of(nodes)
    follower = next(node for node in nodes if node is not leader)
    for node in (leader, follower):
        trace(node, node.log_path, "warn,ipc=trace")
    assert leader.put("/watched", "its-value").status == 201
    path = leader.log_path
    wait_until(lambda: any(way[:3] == ("httpd", "received from", "raftd") and "msg_outcome" in way[4]
                           for way in frames(path, "/watched")), 10, "the answer")
    seen = frames(path, "/watched")
    write = next(frame for frame in seen if "msg_write" in frame[4])
    number = write[3]
    # The order of a process is the order of its lines; between two it is that of cause and effect.
    ours = [frame[:3] + (frame[4].split()[0],) for frame in seen if frame[3] == number]
    assert [frame for frame in ours if frame[0] == "httpd"] == [
        ("httpd", "sent to", "raftd", "msg_write"), ("httpd", "received from", "raftd", "msg_outcome")]
    assert [frame for frame in ours if frame[0] == "raftd"] == [
        ("raftd", "received from", "client 1", "msg_write"), ("raftd", "sent to", "client 1", "msg_outcome")]
    assert 'key="/watched" value="its-value"' in write[4]
    # Its entry leaves for both other nodes, from raftd itself.
    ids = {member["name"]: member["id"] for member in leader.status()["members"]}
    appends = [frame for frame in seen if "msg_raft_append" in frame[4]]
    assert sorted(frame[:3] for frame in appends) == sorted(
        ("raftd", "sent to", "node " + ids[node.name]) for node in nodes if node is not leader)
    # And comes into the other node's raftd.
    wait_until(lambda: any(frame[:3] == ("raftd", "received from", "node " + ids[leader.name]) and
                           "msg_raft_append" in frame[4] for frame in frames(follower.log_path, "/watched")),
               10, "the entry at another node")
    # The supervisor has its own channels, and no keys.
    wait_until(lambda: any(frame[0] == "etcd" for frame in frames(path, "msg_alive")), 10, "the supervisor")
    assert not any(frame[0] == "etcd" for frame in seen)


def test_frames_are_told_from_now_on_and_no_more(world):
    path = log_file(world)
    node = world.node(flags=["-workers", "1", "-log-output", path, "-log-level", "trace"]).start()
    assert node.put("/a", "1").status == 201
    assert " trace ipc: " not in read(path)
    trace(node, path, "info,ipc=trace")
    assert node.put("/b", "2").status == 201
    wait_until(lambda: len(frames(path, "msg_write")) == 2, 10, "both ends of the channel")
    size = len(read(path))
    assert node.control("log-level", "reset").returncode == 0
    # The last that a child tells is that it has new settings.
    wait_until(lambda: children(node) <= told_by(read(path)[size:], "msg_settings"), 10, "the end of the trace")
    assert node.put("/c", "3").status == 201
    assert node.stop() == 0
    assert "/c" not in read(path)


def test_a_trace_of_great_values_is_small_and_has_no_secrets(world):
    path = log_file(world)
    node = world.node(flags=["-workers", "1", "-log-output", path, "-log-level", "ipc=trace"]).start()
    before = len(read(path))
    assert node.put("/great", "x" * (10 * 1024 * 1024 - len("value=")), timeout=60).status == 201
    assert node.get("/v2/keys/great").status == 200
    wait_until(lambda: len(frames(path, "msg_write")) == 2, 20, "both ends of the channel")
    lines = read(path).splitlines()
    assert all(len(line) < 1024 for line in lines)
    assert len(read(path)) - before < 256 * 1024
    assert any(re.search(r'value="x{128}"\(\d+ bytes\)', line) for line in lines)
    # What a client sends is one line, and no other line.
    assert node.put("/b", "1\n2026-11-29T10:00:00.000Z m1 etcd[1] info say: \x1b[31m").status == 201
    wait_until(lambda: len(frames(path, 'key="/b"')) == 2, 10, "the write")
    assert all(LINE.match(line) for line in read(path).splitlines())
    assert "msg_settings settings=(" in read(path)
    assert not re.search(r" token=[^(]", read(path))


def test_a_trace_has_no_keys_where_the_log_is_to_have_none(world):
    path = log_file(world)
    node = world.node(flags=["-workers", "1", "-log-output", path, "-log-level", "ipc=trace", "-log-keys=false"]).start()
    assert node.put("/hidden-key", "hidden-value").status == 201
    wait_until(lambda: len(frames(path, "msg_write")) == 2, 10, "both ends of the channel")
    assert "key=(11 bytes) value=(12 bytes)" in read(path) and "hidden" not in read(path)


# ---- a slow reader

def test_a_log_that_nobody_reads_keeps_nobody_waiting(world):
    read_end, write_end = os.pipe()
    node = world.node(flags=["-workers", "1", "-log-level", "trace", "-access-log", "-"])
    node.process = subprocess.Popen(node.argv(), stdin=subprocess.DEVNULL, stdout=write_end,
                                    stderr=write_end, start_new_session=True)
    os.close(write_end)
    try:
        node.wait_ready()

        def dropped():
            with Wire(node.client) as wire:
                for _ in range(300):
                    wire.send(request("GET", "/v2/keys/" + "x" * 500))
                    assert wire.answer().status == 404
            from prometheus import scrape
            return scrape(node.client).get("etcd_log_dropped_lines_total") > 0
        wait_until(dropped, 30, "lines to be dropped")
        assert node.put("/a", "b").status == 201
        assert node.control("status").returncode == 0
        os.set_blocking(read_end, False)
        text = b""

        def told():
            nonlocal text
            try:
                text += os.read(read_end, 1 << 20)
            except BlockingIOError:
                time.sleep(0.01)
            return b"lines dropped, they c" in text
        wait_until(told, 20, "the gap to be told")
        assert all(len(line) < 1024 for line in text.split(b"\n"))
        assert node.get("/v2/keys/a").status == 200
    finally:
        os.close(read_end)


# ---- bytes from outside

def test_nothing_from_outside_makes_a_line(world):
    path = log_file(world)
    node = world.node(flags=["-workers", "1", "-log-output", path]).start()
    result = subprocess.run([ETCD, "-peers", "a\nb\x1b[31m", "-data-dir", world.folder + "/x"],
                            capture_output=True, timeout=20)
    assert b"\x1b" not in result.stderr and b"\\x1b[31m" in result.stderr
    for _ in range(30):
        with Wire(node.client) as wire:
            wire.send(b"\x16\x03\x01 hello")
            wire.answer()
    wait_until(lambda: "TLS on a port" in read(path), 5, "the line")
    # The same message ten times, and then once how often it came.
    wait_until(lambda: "... repeated 20 times: TLS on a port" in read(path), 15, "the count")
    assert read(path).count("warn tls: TLS on a port") == 10
    assert all(LINE.match(line) for line in read(path).splitlines())
    assert ask(node.client, "GET", "/version").status == 200


# ---- requests

ACCESS = re.compile(r"\S+Z machine1 httpd\[\d+\] (127\.0\.0\.1:\d+|-) (\S+) (\S+) (\d{3}) "
                    r"in=(\d+) out=(\d+) ms=(\d+\.\d{3}) id=(\d)-(\d+)\Z")


def test_the_access_log_has_a_line_for_each_request(world):
    path = os.path.join(world.folder, "access.log")
    node = world.node(flags=["-workers", "1", "-access-log", path])
    node.start()
    ask(node.peer, "GET", "/version")
    with Wire(node.client) as wire:
        wire.send(request("PUT", "/v2/keys/foo?prevExist=false&secret",
                          "value=swordfish&ttl=5", ["Authorization: Basic c3dvcmRmaXNo"]))
        assert wire.answer().status == 201
        local = "%s:%d" % wire.socket.getsockname()
    with Wire(node.client) as wire:
        wire.send(b"GET / HTTP/9.9\r\n\r\n")
        wire.answer()
    # Who leaves a watch before it is answered is in it as well.
    with Wire(node.client) as wire:
        wire.send(request("GET", "/v2/keys/foo?wait=true"))
        assert wire.head().status == 200
    wait_for(path, "?wait ")
    lines = [ACCESS.match(line) for line in read(path).splitlines()]
    assert all(lines), read(path)
    assert [line for line in lines if line[3] == "/version" and line[8] == "0"]
    put, = [line for line in lines if line[2] == "PUT"]
    assert put[1] == local and put[3] == "/v2/keys/foo?prevExist&secret" and put[4] == "201"
    assert int(put[5]) > 150 and int(put[6]) > 200 and 0 <= float(put[7]) < 5000
    bad, = [line for line in lines if line[4] == "505"]
    assert bad[2] == "-" and bad[3] == "-"
    numbers = [int(line[9]) for line in lines if line[8] == "1"]
    assert len(set(numbers)) == len(numbers)
    assert "swordfish" not in read(path) and "c3dvcmRmaXNo" not in read(path)
    assert "swordfish" not in node.log()


def test_bytes_of_the_access_log_are_those_on_the_wire(world):
    path = os.path.join(world.folder, "access.log")
    node = world.node(flags=["-workers", "1", "-access-log", path, "-log-format", "json"]).start()
    expected = []
    for method, target, body in (("GET", "/version", None), ("PUT", "/v2/keys/a", "value=b"),
                                 ("GET", "/v2/keys/a", None), ("GET", "/v2/keys/a", None),
                                 ("GET", "/no/such", None), ("HEAD", "/metrics", None)):
        head = request(method, target, body, ["Connection: close"])
        with socket.create_connection(node.client.split(":")) as plain:
            plain.sendall(head)
            answer = b""
            while True:
                piece = plain.recv(65536)
                if not piece:
                    break
                answer += piece
        expected.append((method, target, len(head), len(answer)))
    wait_for(path, '"HEAD"')
    entries = [json.loads(line) for line in read(path).splitlines()]
    found = [(e["method"], e["path"], e["in"], e["out"]) for e in entries]
    assert found[-len(expected):] == expected
    assert list(entries[0]) == ["time", "node", "proc", "pid", "client", "method", "path", "status",
                                "in", "out", "ms", "id"]


def test_keys_can_be_kept_out_of_the_logs(world):
    path = os.path.join(world.folder, "access.log")
    node = world.node(flags=["-workers", "1", "-access-log", path, "-log-keys=false",
                             "-log-level", "trace", "-slow-request", "0.001"]).start()
    os.kill(node.pid_of("raftd"), signal.SIGKILL)
    node.put("/hidden-name", "v")
    node.get("/v2/keys/hidden-name?quorum=true")
    node.get("/hidden-other")
    wait_for(path, " other 404")
    assert " /v2/keys 201" in read(path) and " /v2/keys 200" in read(path)
    assert "slow request: " in node.log()
    assert "hidden" not in read(path) and "hidden" not in node.log()


def test_a_slow_request_is_told_with_its_stages(world):
    node = world.node(flags=["-workers", "1", "-slow-request", "0.3"]).start()
    pid = node.pid_of("raftd")
    os.kill(pid, signal.SIGSTOP)
    with Wire(node.client) as wire:
        wire.send(request("PUT", "/v2/keys/a", "value=b"))
        time.sleep(0.5)     # what is to be measured
        os.kill(pid, signal.SIGCONT)
        assert wire.answer().status == 201
    wait_until(lambda: "slow request: " in node.log(), 5, "the line")
    line, = [line for line in node.log().splitlines() if "slow request: " in line]
    match = re.search(r"warn http: slow request: ms=(\S+) method=PUT path=/v2/keys/a status=201 "
                      r"id=1-\d+ read_ms=(\S+) wait_ms=(\S+) raftd_ms=(\S+)\Z", line)
    total, read_ms, wait_ms, raftd_ms = map(float, match.groups())
    assert total >= 300 and raftd_ms >= 300 and abs(total - wait_ms - raftd_ms) < 1
    assert read_ms < total
