"""Options from every source, what is said of wrong ones, and a new configuration
for a running node."""

import grp
import importlib.machinery
import importlib.util
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import tomllib

import pytest

from certificates import Authority
from moothall import BUILD, ETCD, free_port, wait_until

SAMPLE = os.path.join(BUILD, "supervisor", "sample")
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SAMPLE_FILE = os.path.join(os.path.dirname(__file__), "..", "..", "etc", "etcd.conf")

# The sample of the 0.4 series' documentation.
OLD_FILE = """
addr = "127.0.0.1:4001"
bind_addr = "0.0.0.0"
cors = ["http://console.example"]
data_dir = "/var/lib/etcd"
name = "machine1"
peers = ["10.0.0.2:7001", "10.0.0.3:7001"]
snapshot = true
[peer]
addr = "10.0.0.1:7001"
heartbeat_interval = 50
election_timeout = 200
[cluster]
active_size = 9
remove_delay = 1800.0
sync_interval = 5.0
"""


def run(world, *flags, **environment):
    env = dict({k: v for k, v in os.environ.items() if not k.startswith("ETCD_")}, **environment)
    return subprocess.run([ETCD] + list(flags), capture_output=True, text=True, timeout=30, env=env,
                          cwd=world.folder)


def write(world, text, name="etcd.conf"):
    path = os.path.join(world.folder, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def printed(result):
    assert result.returncode == 0, result
    return tomllib.loads(result.stdout)


def refused(result, *words):
    """Exit 2, one sentence with all the words, then where to look further."""
    assert result.returncode == 2, result
    lines = [line for line in result.stderr.splitlines() if "ignored" not in line]
    assert len(lines) == 2 and lines[0].startswith("etcd: ") and lines[1] == "try 'etcd -help'", result
    for word in words:
        assert word in lines[0], lines[0]


def test_the_old_sample_is_read_as_it_is(world):
    path = write(world, OLD_FILE)
    result = run(world, "-config", path, "-print-config")
    values = printed(result)
    assert result.stderr == ""
    for key, value in tomllib.loads(OLD_FILE).items():
        if isinstance(value, dict):
            assert values[key] == dict(values[key], **value)
        elif key != "bind_addr":
            assert values[key] == value
    assert values["bind_addr"] == "0.0.0.0:4001"


def test_each_source_wins_over_the_one_before_and_is_told(world):
    path = write(world, 'name = "file"\naddr = "f:1"\nsnapshot_count = 7\npeers = ["f:2"]\n')
    peers = write(world, "p:1, p:2\np:3\n", "peers")
    result = run(world, "-config=" + path, "-print-config", "--name", "flag", "-peers-file", peers,
                 ETCD_NAME="environment", ETCD_ADDR="e:1", ETCD_PEERS="e:2")
    values = printed(result)
    assert (values["name"], values["addr"], values["snapshot_count"]) == ("flag", "e:1", 7)
    assert values["peers"] == ["p:1", "p:2", "p:3"]
    for line in ['name = "flag"  # -name', 'addr = "e:1"  # ETCD_ADDR',
                 "snapshot_count = 7  # %s:3: snapshot_count" % path, "snapshot = true  # default"]:
        assert line in result.stdout.splitlines(), result.stdout


def test_what_is_printed_can_be_read_again(world):
    first = run(world, "-print-config", "-name", "n1", "-peers", "a:1,b:2", "-storage-cache", "4M",
                "-retry-interval", "2.5", "-workers", "3")
    path = write(world, first.stdout)
    second = run(world, "-print-config", "-config", path)
    assert printed(first) == printed(second)
    assert second.stderr == ""


# ---- every option, every way

USER = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())

# What options whose values are not free can be set to, all at once and none its default.
VALUES = {
    "addr": "127.0.0.9:4901", "peer-addr": "127.0.0.9:7901", "bind-addr": "127.0.0.8:4901",
    "peer-bind-addr": "127.0.0.8", "peers": "10.0.0.1:1,10.0.0.2:2", "discovery": "https://h:1/t",
    "tls-min-version": "1.3", "cors": "http://a,http://b:1", "peer-cert-names": "a,b", "host-names": "a,b",
    "peer-heartbeat-interval": "77", "peer-election-timeout": "777", "workers": "3",
    "sandbox": "off", "member-changes": "off", "modules": "leader,lock", "ui": "read-only", "log-format": "json", "log-level": "warn", "access-log": "-", "trace": "*",
    "cluster-active-size": "7", "max-key-names": "77", "max-key-bytes": "17K", "max-requests": "99", "max-header-bytes": "32K", "ready-fd": "7",
    "user": USER.pw_name, "group": grp.getgrgid(USER.pw_gid).gr_name, "origin-check": "true", "name": "other",
    "quota-backend-bytes": "300M", "auto-compaction-mode": "revision", "auto-compaction-retention": "77",
    "experimental-watch-progress-notify-interval": "77s", "listen-metrics-urls": "http://127.0.0.9:4902",
}
# Of etcd 2 and 3, and what of ours they say otherwise: not both at once.
THEIRS = {
    "listen-client-urls": "https://127.0.0.8:4901", "advertise-client-urls": "https://127.0.0.9:4901",
    "listen-peer-urls": "https://127.0.0.8:7901", "initial-advertise-peer-urls": "https://127.0.0.9:7901",
    "initial-cluster": "other=https://127.0.0.9:7901,b=https://10.0.0.2:1", "initial-cluster-state": "existing",
    "initial-cluster-token": "some", "trusted-ca-file": None, "client-cert-auth": "true",
}
OURS = {"addr", "bind-addr", "peer-addr", "peer-bind-addr", "peers", "peers-file", "discovery", "ca-file"}
# Every other value of these is refused.
REFUSED = {"force-new-cluster", "proxy"}
BY_KIND = {"NUMBER": "4321", "MS": "77", "SECONDS": "321", "SIZE": "2M", "TEXT": "some"}
# These say what to do, or where the others come from.
ACTIONS = {"check-config", "print-config", "config", "restore"}
FILES = {"peers-file", "cert-file", "key-file", "ca-file", "peer-cert-file", "peer-key-file", "peer-ca-file",
         "trusted-ca-file"}


def option_table():
    """Rows of the option table: flag, environment, file key, kind, default."""
    path = os.path.join(SOURCE, "docs", "man", "options")
    loader = importlib.machinery.SourceFileLoader("options", path)
    options = importlib.util.module_from_spec(importlib.util.spec_from_loader("options", loader))
    loader.exec_module(options)
    rows = [row[1:6] for row in options.rows(options.TABLE, "OPTION")]
    return [row for row in rows if row[0] is not None and row[0] not in ACTIONS], \
        options.rows(options.ALIASES, "OPTION_ALIAS"), \
        options.rows(options.ALIASES, "OPTION_ENVIRONMENT_ALIAS"), options.rows(options.ALIASES, "OPTION_FILE_ALIAS")


def value_for(world, flag, kind, default):
    """Some value that is not the default."""
    if flag in VALUES:
        return VALUES[flag]
    if THEIRS.get(flag) is not None:
        return THEIRS[flag]
    if flag in FILES:
        return write(world, "10.0.0.1:1\n10.0.0.2:2\n", flag)
    if kind == "BOOL":
        return "false" if default == "true" else "true"
    return os.path.join(world.folder, flag) if kind == "PATH" else BY_KIND[kind]


def shown(result):
    """What -print-config shows: {flag or file key: (value, source)}"""
    assert result.returncode == 0, result
    out, table = {}, ""
    for line in result.stdout.splitlines():
        if line.startswith("["):
            table = line.strip("[]") + "."
        match = re.fullmatch(r"(# -)?([a-z0-9_-]+) = (.*?)  # (.*)", line)
        if match:
            out[match[2] if match[1] else table + match[2]] = (match[3], match[4].removesuffix(", completed"))
    return out


def toml_of(kind, value):
    if kind == "LIST":
        return "[%s]" % ", ".join('"%s"' % item for item in value.split(","))
    if kind in ("BOOL", "NUMBER", "MS", "SECONDS"):
        return value
    return '"%s"' % value


@pytest.mark.parametrize("left_out", [set(THEIRS) | {"discovery-srv"}, OURS | {"discovery-srv"},
                                      OURS | {"initial-cluster"}], ids=["ours", "theirs", "theirs by DNS"])
def test_every_option_can_be_set_in_all_its_ways(world, left_out):
    rows, _, _, _ = option_table()
    rows = [row for row in rows if row[0] not in left_out | REFUSED]
    assert len(rows) > 60
    values = {flag: value_for(world, flag, kind, default) for flag, _, _, kind, default in rows}
    defaults = shown(run(world, "-print-config"))
    ways = {}
    for name, spell in {"-flag value": lambda f, v: ["-" + f, v], "--flag value": lambda f, v: ["--" + f, v],
                        "-flag=value": lambda f, v: ["-%s=%s" % (f, v)],
                        "--flag=value": lambda f, v: ["--%s=%s" % (f, v)]}.items():
        flags = [word for flag, value in values.items() for word in spell(flag, value)]
        ways[name] = shown(run(world, "-print-config", *flags))
    ways["environment"] = shown(run(world, "-print-config", **{
        env: values[flag] for flag, env, _, _, _ in rows if env is not None}))
    lines = {}
    for flag, _, key, kind, _ in rows:
        if key is not None:
            table, _, last = key.rpartition(".")
            lines.setdefault(table, []).append("%s = %s" % (last, toml_of(kind, values[flag])))
    text = "\n".join(lines.pop("")) + "\n" + "".join(
        "[%s]\n%s\n" % (table, "\n".join(these)) for table, these in lines.items())
    path = write(world, text)
    ways["file"] = shown(run(world, "-config", path, "-print-config"))
    ways["file of the environment"] = shown(run(world, "-print-config", ETCD_CONFIG=path))
    for flag, env, key, kind, _ in rows:
        name = key or flag
        expected = ways["-flag value"][name]
        assert expected[0] != defaults[name][0], name
        for way, found in ways.items():
            if (way == "environment" and env is None) or ("file" in way and key is None):
                assert found[name] == defaults[name], (name, way)
                continue
            assert found[name][0] == expected[0], (name, way, found[name], expected)
            source = "-" + flag if "flag" in way else env if way == "environment" else path + ":"
            assert found[name][1].startswith(source), (name, way, found[name])


def test_old_names_are_taken_and_told(world):
    rows, flags, environments, keys = option_table()
    field = {row[0].replace("-", "_"): row for row in rows}
    field["verbose"] = field["v"]

    def partners(flag):
        """What it cannot do without."""
        if flag == "peers-file":
            return ["-peers", "h:1"]
        if not flag.endswith(("cert-file", "key-file", "ca-file")):
            return []
        prefix = "peer-" if flag.startswith("peer-") else ""
        return ["-%s%s-file=%s" % (prefix, part, write(world, "", part)) for part in ("cert", "key")
                if "%s%s-file" % (prefix, part) != flag]
    for old, name, deprecated in flags:
        flag, _, key, kind, default = field[name]
        value = value_for(world, flag, kind, default)
        result = run(world, "-" + old, value, "-print-config", *partners(flag))
        assert shown(result)[key or flag][1] == "-" + flag, (old, result)
        assert ("[deprecated] use -%s, not -%s" % (flag, old) in result.stderr) == (deprecated == "true"), result
    for old, name in environments:
        flag, env, key, kind, default = field[name]
        value = value_for(world, flag, kind, default)
        assert shown(run(world, "-print-config", *partners(flag), **{old: value}))[key] == \
            shown(run(world, "-print-config", *partners(flag), **{env: value}))[key], old
    for old, name in keys:
        flag, _, key, kind, default = field[name]
        path = write(world, "%s = %s\n" % (old, toml_of(kind, VALUES[flag])))
        assert shown(run(world, "-config", path, "-print-config"))[key][0] == VALUES[flag]


def test_unknown_keys_tables_and_variables_are_warned_of(world):
    path = write(world, 'nane = "x"\nworkers = 2\nqqqqqqqqqq = 1\n[foo]\nbar = 1\n[peer]\nadr = "a:1"\n')
    result = run(world, "-config", path, "-print-config", ETCD_NAM="x")
    assert result.returncode == 0
    assert result.stderr.splitlines() == [
        "etcd: %s:1: nane: no such option, ignored; did you mean name?" % path,
        "etcd: %s:2: workers: no such option, ignored; did you mean server.workers?" % path,
        "etcd: %s:3: qqqqqqqqqq: no such option, ignored" % path,
        "etcd: %s:4: [foo]: no such table, ignored" % path,
        "etcd: %s:7: peer.adr: no such option, ignored; did you mean peer.addr?" % path,
        "etcd: ETCD_NAM: no such option, ignored"]


def test_wrong_files_are_told_with_their_line(world):
    for text, words in [
            ("\n\naddr = 4001\n", ":3: addr: a text is expected, this is a number"),
            ("name = [", ":1: a value is missing"),
            ("snapshot_count = 0", ":1: snapshot_count: 0 is below the minimum 1"),
            ('[peer]\naddr = "127.0.0.1"', ':2: peer.addr: "127.0.0.1": no port; write host:port'),
            ('name = "a/b"', ':1: name: "a/b" has a character that is not allowed'),
            ('bind_addr = ":4001"', ":1: bind_addr: Listen Host: IP required can't use a port only"),
            ('cors = ["http://%zz"]', ':1: cors: "http://%zz" is not a URL'),
            ('peers = ["a:1", "b"]', ':1: peers: "b": no port'),
            ("[log]\nlevel = 'loud'", ':2: log.level: "loud" is none of')]:
        path = write(world, text)
        refused(run(world, "-config", path), "etcd: " + path + words)
    refused(run(world, "-config", "missing"), "-config: cannot read missing")
    refused(run(world, ETCD_CONFIG="missing"), "ETCD_CONFIG: cannot read missing")
    assert os.listdir(world.folder) == ["etcd.conf"]


def test_wrong_flags_and_variables_name_their_source(world):
    refused(run(world, "-addr", "127.0.0.1"), '-addr: "127.0.0.1": no port; write host:port')
    refused(run(world, ETCD_SNAPSHOT_COUNT="x"), 'ETCD_SNAPSHOT_COUNT: "x" is not a whole number')
    refused(run(world, "-cert-file", "c.pem"), "-cert-file given without -key-file")
    refused(run(world, "-ca-file", "c.pem"), "-ca-file needs -cert-file and -key-file")
    refused(run(world, "-ipc-max-frame", "17M"), "-ipc-max-frame: 17M is above the maximum 16777216")
    refused(run(world, "-peer-election-timeout", "100", "-peer-heartbeat-interval", "500"),
            "-peer-election-timeout (100) must be at least twice -peer-heartbeat-interval (500)")


WRONG = {
    "-": 'unexpected argument "-"',
    "word": 'unexpected argument "word"',
    "-snapshot maybe": 'unexpected argument "maybe"',
    "-force=x": '-force: "x" is neither true nor false',
    "-snapshot-count": "-snapshot-count: a value is missing",
    "-snapshot-count -5": "-snapshot-count: -5 is below the minimum 1",
    "-peer-adr h:1": "no option -peer-adr; did you mean -peer-addr?",
    "-nothing-like-it": "no option -nothing-like-it",
    "-addr http://127.0.0.1:4001": '"http://127.0.0.1:4001": no scheme here; write 127.0.0.1:4001',
    "-addr 127.0.0.1:99999": '"99999" is not a port',
    "-addr [::1:4001": "a ] is missing; write [address]:port",
    "-addr 127.0.0.1:0": "-addr: port 0 needs -port-file",
    "-peer-addr 127.0.0.1:0": "-peer-addr: port 0 needs -port-file",
    "-bind-addr :4001": "-bind-addr: Listen Host: IP required can't use a port only",
    "-addr 127.0.0.1:4001 -peer-addr 127.0.0.1:4001": "both are 127.0.0.1:4001; choose another -peer-addr",
    "-peers 127.0.0.1:7001": "-peers names only this machine",
    "-name " + "n" * 256: '-name: "%s..." is longer than 255 bytes' % ("n" * 20),
    "-name _n": '-name: "_n" may not start with "_"',
    "-name=": '-name: "" is empty',
    "-workers 0": "-workers: 0 is below the minimum 1",
    "-workers 65": "-workers: 65 is above the maximum 64",
    "-workers some": '-workers: "some" is neither a whole number nor auto',
    "-retry-interval -1": "-retry-interval: -1 is below the minimum 0",
    "-http-read-timeout soon": '-http-read-timeout: "soon" is not a number of seconds',
    "-header-timeout 0": "-header-timeout: 0 is below the minimum 0.001",
    "-snapshot-count 99999999999999999999": "-snapshot-count: 99999999999999999999 is above the maximum",
    "-max-body-bytes 5T": '-max-body-bytes: "5T" is not a size; write a number, or one with K, M or G',
    "-max-body-bytes 11M": "-max-body-bytes: 11M is above the maximum 10485760",
    "-cluster-active-size 32": "-cluster-active-size: 32 is above the maximum 31",
    "-sandbox maybe": '-sandbox: "maybe" is none of on, off, best',
    "-log-level loud": '-log-level: "loud" is none of error, warn, info, debug, trace',
    "-log-format xml": '-log-format: "xml" is none of text, json',
    "-tls-min-version 1.1": '-tls-min-version: "1.1" is none of 1.2, 1.3',
    "-user nobody-of-that-name": '-user: "nobody-of-that-name" is no user of this machine',
    "-peers-file missing": "-peers-file: cannot read missing: No such file or directory",
    "-peers-file long": "-peers-file: cannot read long: too long for a list of peers",
    "-config long": "etcd: cannot read long: it is too long for a file of options",
}


def test_each_wrong_value_has_its_sentence(world):
    with open(os.path.join(world.folder, "long"), "w") as file:
        file.write("#" * (9 << 20))
    for flags, words in WRONG.items():
        result = run(world, "-print-config", *flags.split())
        refused(result, words)
    assert os.listdir(world.folder) == ["long"]


def test_doubtful_values_are_warned_of(world):
    node = world.node(flags=["-peer-election-timeout", "300", "-peer-heartbeat-interval", "100",
                             "-cluster-active-size", "11", "-no-fsync", "-cpuprofile", "p"]).start()
    for words in ["-peer-election-timeout (300) should be at least four times -peer-heartbeat-interval (100)",
                  "-cluster-active-size (11): every write waits for most of so many machines",
                  "-no-fsync: what is acknowledged can be lost", "-cpuprofile has no effect"]:
        assert node.log().count(words) == 1, node.log()


def test_an_address_of_another_machine_says_what_to_do(world):
    result = run(world, "-addr", "192.0.2.1:%d" % free_port(), "-peer-addr", "127.0.0.1:%d" % free_port(),
                 "-name", "m", "-data-dir", "m")
    assert result.returncode != 0
    assert "cannot listen on 192.0.2.1:" in result.stderr and "add -bind-addr 0.0.0.0" in result.stderr, result


def test_check_config_says_what_a_start_would_do_and_makes_nothing(world):
    flags = ["-addr", "127.0.0.1:%d" % free_port(), "-peer-addr", "127.0.0.1:%d" % free_port()]
    result = run(world, *flags, "-name", "m1", "-data-dir", "sub/m1", "-workers", "3", "-check-config")
    assert result.returncode == 0, result
    for words in ["sub/m1, to be made", flags[1], flags[3], "3 client workers", "\ncluster   a new one\n"]:
        assert words in result.stdout, result.stdout
    assert "HTTPS" not in result.stdout, result.stdout
    result = run(world, *flags, "-name", "m1", "-data-dir", "sub/m1", "-peers", "127.0.0.1:1", "-check-config")
    assert "\ncluster   to be joined by 127.0.0.1:1\n" in result.stdout, result
    assert os.listdir(world.folder) == []
    refused(run(world, "-check-config", "-addr", "[::zz]:4001"), "-addr", "[::zz]:4001")
    refused(run(world, "-check-config", "-libexec-dir", world.folder), "cannot find raftd and httpd")
    path = write(world, "x", "file")
    refused(run(world, "-check-config", "-data-dir", path), "is not a directory")
    os.makedirs(os.path.join(world.folder, "go", "member"))
    refused(run(world, "-check-config", "-data-dir", "go"), "holds data of another etcd")


def test_check_config_may_run_beside_the_node(world):
    node = world.node().start()
    result = run(world, *node.argv()[1:], "-check-config")
    assert result.returncode == 0 and "in use by a node that runs" in result.stdout, result
    node.stop()
    result = run(world, *node.argv()[1:], "-check-config")
    assert result.returncode == 0 and "which holds a node that goes on" in result.stdout, result
    assert "\ncluster   as in the data; if that were lost, a new one\n" in result.stdout, result


def test_check_config_is_good_only_if_a_start_is(world):
    """Each of these made a node end at its start, or one that nobody can use, and was called good."""
    authority = Authority(world.folder)
    old, early = authority.issue("old", days=(-20, -1)), authority.issue("early", days=(1, 20))
    addresses = ["-addr", "127.0.0.1:%d" % free_port(), "-peer-addr", "127.0.0.1:%d" % free_port()]
    other = world.node("other").start()
    programs = os.path.join(world.folder, "programs")
    shutil.copytree(os.path.join(BUILD, "libexec"), programs)
    shutil.copy(os.path.join(BUILD, "tests/newer/libexec/httpd"), programs)
    port = ["-peer-addr", addresses[3]]
    for flags, words in [
            (["-addr", "192.0.2.1:4001", *port], "cannot listen on 192.0.2.1:4001 (-addr): not an address of this machine; "
             "add -bind-addr 0.0.0.0"),
            ([*addresses, "-peer-bind-addr", "192.0.2.1"], "cannot listen on 192.0.2.1:"),
            (["-addr", other.client, *port], "cannot listen on %s (-addr): in use by" % other.client),
            ([*addresses, *old.flags()], "old.crt (-cert-file) has expired on "),
            ([*addresses, *old.flags("peer-")], "old.crt (-peer-cert-file) has expired on "),
            ([*addresses, *early.flags()], "early.crt (-cert-file) is not valid before "),
            ([*addresses, "-pid-file", "no/pid"], "-pid-file: cannot write "),
            ([*addresses, "-port-file", "no/port"], "-port-file: cannot write "),
            ([*addresses, "-log-output", "no/log"], "-log-output: cannot write "),
            ([*addresses, "-access-log", "no/log"], "-access-log: cannot write "),
            ([*addresses, "-run-dir", write(world, "x", "file") + "/run"], "(-run-dir)"),
            ([*addresses, "-libexec-dir", programs], "programs/httpd does not run, or is of another build")]:
        refused(run(world, "-check-config", "-data-dir", "new", "-name", "n", *flags), words)
        assert not os.path.exists(os.path.join(world.folder, "new")), flags


@pytest.mark.parametrize("address", ["0.0.0.0:4001", "[::]:4001", "0:4001", "[0::0]:4001", "[::ffff:0.0.0.0]:4001"])
def test_everywhere_is_no_place_to_send_anybody(world, address):
    for flag, whom, bind in (("-addr", "clients", "-bind-addr"), ("-peer-addr", "other nodes", "-peer-bind-addr")):
        refused(run(world, flag, address, "-data-dir", "x"), '%s (%s) is told to %s, who cannot reach it; give an address '
                "of this machine, and %s %s" % (flag, address, whom, bind, address.rpartition(":")[0]))


def test_the_sample_file_is_what_the_table_makes(world):
    # Called so, it has no names of an installation.
    sample = subprocess.run(["etcd"], executable=SAMPLE, capture_output=True, text=True, check=True).stdout
    with open(SAMPLE_FILE) as file:
        assert file.read() == sample, "write it anew: supervisor/sample > etc/etcd.conf"
    uncommented = re.sub(r"^#(?=[a-z_]+ = )", "", sample, flags=re.M)
    result = run(world, "-config", write(world, uncommented), "-print-config")
    assert result.returncode == 0 and result.stderr == "", result.stderr
    defaults = printed(run(world, "-print-config"))
    values = printed(result)
    # It is drawn at each start, and given in the file.
    assert 2.5 <= defaults.pop("retry_interval") <= 5 and values.pop("retry_interval") == 0
    assert values == defaults


def test_options_without_effect_are_warned_of(world):
    node = world.node(flags=["-graphite-host", "g:1", "-ipc-max-frame", "8M"]).start()
    for words in ["-graphite-host has no effect", "-ipc-max-frame has no effect"]:
        assert node.log().count(words) == 1, node.log()


def test_reload_applies_what_it_can_and_names_the_rest(world):
    path = write(world, "max_retry_attempts = 3\n[limits]\nmax_body_bytes = 4096\n")
    node = world.node(flags=["-config", path]).start()
    pids = node.pids()
    assert node.put("/a", "x" * 3000).status == 201
    write(world, "max_retry_attempts = 4\n[limits]\nmax_body_bytes = 2048\n")
    result = node.control("reload")
    assert result.returncode == 0, result
    assert result.stdout == "changed: -max-body-bytes\nneeds a restart: -max-retry-attempts\n"
    wait_until(lambda: node.put("/a", "x" * 3000).status == 413, 5, "the new limit to count")
    assert node.put("/a", "small").status == 200
    assert node.pids() == pids

    write(world, "[limits]\nmax_body_bytes = 'x'\n")
    result = node.control("reload")
    assert result.returncode == 1 and "limits.max_body_bytes" in result.stderr, result
    assert node.put("/a", "x" * 3000).status == 413

    write(world, "[limits]\nmax_body_bytes = 8192\n")
    node.process.send_signal(signal.SIGHUP)
    wait_until(lambda: node.put("/a", "x" * 3000).status == 200, 5, "the new limit to count")
    wait_until(lambda: "reloaded: changed=-max-body-bytes" in node.log(), 5, "the log to say so")
    assert node.stop() == 0


def test_reload_changes_the_number_of_workers_without_a_failed_request(world):
    path = write(world, "[server]\nworkers = 1\n")
    node = world.node(flags=["-config", path]).start()
    for count in (3, 2, 4, 1):
        write(world, "[server]\nworkers = %d\n" % count)
        result = node.control("reload")
        assert result.returncode == 0 and result.stdout == "changed: -workers\n", result
        for number in range(20):
            assert node.put("/a", str(number)).status in (200, 201)
        wait_until(lambda n=count: len(node.pids()["client"]) == n, 10, "%d workers" % count)
    assert node.stop() == 0


def test_the_log_can_go_to_a_file_and_be_json(world):
    log = os.path.join(world.folder, "log")
    node = world.node(flags=["-log-output", log, "-log-format", "json"]).start()
    assert node.put("/a", "b").status == 201

    def lines_of_log():
        with open(log) as file:
            return [json.loads(line) for line in file if line.endswith("\n")]

    wait_until(lambda: any(line["msg"].startswith("ready in") for line in lines_of_log()), 10, "the ready line")
    assert node.stop() == 0
    lines = lines_of_log()
    assert {"etcd", "raftd"} <= {line["proc"] for line in lines}
    assert {line["node"] for line in lines} <= {"-", "machine1"}
