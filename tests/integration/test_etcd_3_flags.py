"""What starts etcd 3 starts this: its flags one by one, its variables, unit files, images, manifests.

Every flag of 3.4 and 3.5 is done, accepted with a line, or refused with a sentence.
"""

import json
import os
import re
import socket
import subprocess

import pytest

from moothall import ETCD, free_port
from v3 import b64, get, keys, put

SOURCE = os.environ.get("MOOTHALL_SOURCE") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")

# As `etcd --help` of 3.4 lists them, with what it says is the default.
FLAGS_3_4 = {
    "name": "default", "data-dir": "d", "wal-dir": "", "snapshot-count": "100000", "heartbeat-interval": "100",
    "election-timeout": "1000", "initial-election-tick-advance": "true", "listen-peer-urls": "http://localhost:2380",
    "listen-client-urls": "http://localhost:2379", "max-snapshots": "5", "max-wals": "5", "quota-backend-bytes": "0",
    "backend-batch-interval": "", "backend-batch-limit": "0", "max-txn-ops": "128", "max-request-bytes": "1572864",
    "max-concurrent-streams": "math.MaxUint32", "grpc-keepalive-min-time": "5s", "grpc-keepalive-interval": "2h",
    "grpc-keepalive-timeout": "20s", "initial-advertise-peer-urls": "http://localhost:2380",
    "initial-cluster": "default=http://localhost:2380", "initial-cluster-state": "new",
    "initial-cluster-token": "etcd-cluster", "advertise-client-urls": "http://localhost:2379", "discovery": "",
    "discovery-fallback": "proxy", "discovery-proxy": "", "discovery-srv": "", "discovery-srv-name": "",
    "strict-reconfig-check": "true", "pre-vote": "false", "auto-compaction-retention": "0",
    "auto-compaction-mode": "periodic", "enable-v2": "false", "cert-file": "", "key-file": "", "client-cert-auth": "false",
    "client-crl-file": "", "client-cert-allowed-hostname": "", "trusted-ca-file": "", "auto-tls": "false",
    "peer-cert-file": "", "peer-key-file": "", "peer-client-cert-auth": "false", "peer-trusted-ca-file": "",
    "peer-cert-allowed-cn": "", "peer-cert-allowed-hostname": "", "peer-auto-tls": "false", "peer-crl-file": "",
    "cipher-suites": "", "cors": "*", "host-whitelist": "*", "auth-token": "simple", "bcrypt-cost": "10",
    "auth-token-ttl": "300", "enable-pprof": "false", "metrics": "basic", "listen-metrics-urls": "", "logger": "capnslog",
    "log-outputs": "default", "log-level": "info", "proxy": "off", "proxy-failure-wait": "5000",
    "proxy-refresh-interval": "30000", "proxy-dial-timeout": "1000", "proxy-write-timeout": "5000",
    "proxy-read-timeout": "0", "experimental-initial-corrupt-check": "false", "experimental-corrupt-check-time": "0s",
    "experimental-enable-v2v3": "", "experimental-backend-bbolt-freelist-type": "array",
    "experimental-enable-lease-checkpoint": "false", "experimental-compaction-batch-limit": "1000",
    "experimental-peer-skip-client-san-verification": "false", "experimental-watch-progress-notify-interval": "10m",
    "experimental-warning-apply-duration": "100ms", "force-new-cluster": "false", "debug": "false",
    "log-package-levels": "",
}
# What 3.5 has besides.
FLAGS_3_5 = {
    "socket-reuse-port": "false", "socket-reuse-address": "false", "enable-log-rotation": "false",
    "log-rotation-config-json": "", "log-format": "json", "self-signed-cert-validity": "1", "tls-min-version": "TLS1.2",
    "tls-max-version": "", "listen-client-http-urls": "", "v2-deprecation": "not-yet", "enable-grpc-gateway": "true",
    "unsafe-no-fsync": "false", "client-cert-file": "", "client-key-file": "", "peer-client-cert-file": "",
    "peer-client-key-file": "", "experimental-memory-mlock": "false", "experimental-max-learners": "1",
    "experimental-txn-mode-write-with-shared-buffer": "true", "experimental-compaction-sleep-interval": "10ms",
    "experimental-bootstrap-defrag-threshold-megabytes": "0", "experimental-downgrade-check-time": "5s",
    "experimental-enable-lease-checkpoint-persist": "false", "experimental-warning-unary-request-duration": "300ms",
    "experimental-wait-cluster-ready-timeout": "5s", "experimental-compact-hash-check-enabled": "false",
    "experimental-compact-hash-check-time": "1m", "experimental-snapshot-catch-up-entries": "5000",
    "experimental-stop-grpc-service-on-defrag": "false", "experimental-enable-distributed-tracing": "false",
    "experimental-distributed-tracing-address": "localhost:4317",
    "experimental-distributed-tracing-service-name": "etcd", "experimental-distributed-tracing-instance-id": "",
    "experimental-distributed-tracing-sampling-rate": "0",
}
BOOLS = {flag for flag, value in {**FLAGS_3_4, **FLAGS_3_5}.items() if value in ("true", "false")}
# What asks for something that the node would not have: the flag, a value, how the sentence goes on.
REFUSED = [
    ("force-new-cluster", "true", "it would drop the other members"),
    ("auto-tls", "true", "no certificates are made here"),
    ("peer-auto-tls", "true", "no certificates are made here"),
    ("client-crl-file", "/crl", "lists of revoked certificates are not looked at"),
    ("peer-crl-file", "/crl", "lists of revoked certificates are not looked at"),
    ("client-cert-allowed-hostname", "a", "every certificate that comes from -trusted-ca-file is let in"),
    ("auth-token", "jwt,sign-method=RS256", "tokens are simple ones"),
    ("discovery-proxy", "http://a:1", "a discovery service is asked directly"),
    ("discovery-srv-name", "a", "the records that are asked for are"),
    ("experimental-enable-v2v3", "/v2", "/v2 and v3 have keys of their own"),
    ("config-file", "/etc/etcd.yaml", "files of etcd 3 (YAML) are not read"),
    ("listen-client-http-urls", "http://a:1", "HTTP and gRPC are served at the same addresses"),
    ("peer-client-cert-file", "/c", "a node shows -peer-cert-file both ways"),
    ("tls-max-version", "TLS1.2", "TLS 1.3 is spoken with whoever can"),
    ("proxy", "on", "there are no proxies"),
    ("quota-backend-bytes", "much", "is not a size"),
    ("auto-compaction-mode", "hourly", "is none of periodic, revision"),
    ("auto-compaction-retention", "1w", "is neither a number of hours nor a time"),
    ("cipher-suites", "TLS_AES_128_GCM_SHA256", "has no suite for TLS 1.2"),
]


def run(world, *flags, **environment):
    env = dict({k: v for k, v in os.environ.items() if not k.startswith("ETCD_")}, **environment)
    return subprocess.run([ETCD] + list(flags), capture_output=True, text=True, timeout=30, env=env, cwd=world.folder)


def variable(flag):
    return "ETCD_" + flag.upper().replace("-", "_")


def theirs():
    """The program of Debian's package etcd-server, if it lies beside the sources."""
    for place in (os.path.join(SOURCE, ".debian", "usr", "bin", "etcd"), "/usr/lib/etcd-server/etcd"):
        if os.path.exists(place):
            return place
    return None


def test_the_list_is_that_of_its_help():
    program = theirs()
    if program is None:
        pytest.skip("no etcd of Debian's etcd-server here")
    help_text = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=20)
    listed = set(re.findall(r"^  --([a-z0-9-]+)", help_text.stdout + help_text.stderr, re.M)) - {"version"}
    # The usage has one, which is among what is refused.
    assert listed - {"help", "config-file"} == set(FLAGS_3_4)


def test_every_flag_with_its_default(world):
    """With one dash and two, "=" and a word of its own, and as a variable."""
    for flag, value in {**FLAGS_3_4, **FLAGS_3_5}.items():
        spellings = [["--%s=%s" % (flag, value)], ["-%s=%s" % (flag, value)], ["--" + flag, value], ["-" + flag, value]]
        # One spelling of each, another of each next one.
        for words in [spellings[len(flag) % 4]]:
            result = run(world, "-check-config", *words)
            assert result.returncode == 0 and "no option" not in result.stderr, (words, result)
        result = run(world, "-check-config", **{variable(flag): value})
        assert result.returncode == 0 and "no such option" not in result.stderr, (flag, result)


def test_all_of_them_together_start_a_node(world):
    """Nothing is said of what is as usual."""
    port, peer = free_port(), free_port()
    given = dict(FLAGS_3_4, **{
        "listen-client-urls": "http://127.0.0.1:%d" % port, "advertise-client-urls": "http://127.0.0.1:%d" % port,
        "listen-peer-urls": "http://127.0.0.1:%d" % peer, "initial-advertise-peer-urls": "http://127.0.0.1:%d" % peer,
        "initial-cluster": "default=http://127.0.0.1:%d" % peer})
    for by_environment in (False, True):
        node = world.node("of-%d" % by_environment, client="127.0.0.1:%d" % port, peer="127.0.0.1:%d" % peer)
        given["data-dir"] = node.directory
        words = ["--%s=%s" % pair for pair in given.items()]
        if by_environment:
            node.environment = {variable(flag): value for flag, value in given.items()}
            words = []
        node.argv = lambda node=node, words=words: [node.program] + words
        node.start()
        put(node, "a", "b")
        assert keys(get(node, "a")) == ["a"]
        said = [line for line in node.log().splitlines() if " is accepted" in line and "auto-tls" in line]
        assert said == []
        assert node.stop() == 0


@pytest.mark.parametrize("flag, value, why", REFUSED)
def test_what_cannot_be_ignored_is_refused(world, flag, value, why):
    for result, name in ((run(world, "-check-config", "--%s=%s" % (flag, value)), "-" + flag),
                         (run(world, "-check-config", **{variable(flag): value}), variable(flag))):
        assert result.returncode == 2, result
        first = result.stderr.splitlines()[0]
        # An alias is called by the name of ours.
        assert why in first and (name in first or flag in ("cipher-suites",)), result


def test_what_has_no_meaning_is_told_in_a_line(world):
    port, peer = free_port(), free_port()
    node = world.node("n", client="127.0.0.1:%d" % port, peer="127.0.0.1:%d" % peer,
                      flags=["--backend-batch-limit", "50", "-bcrypt-cost=12", "--enable-pprof", "--max-snapshots=3"])
    node.environment = {"ETCD_AUTH_TOKEN_TTL": "600", "ETCD_GRPC_KEEPALIVE_TIMEOUT": "30s"}
    node.start()
    for line in ("-backend-batch-limit is accepted: each write is on the disk before it is answered",
                 "-bcrypt-cost is accepted: ", "-enable-pprof is accepted: there are no profiles",
                 "-max-snapshots is accepted: ", "ETCD_AUTH_TOKEN_TTL is accepted: a token is forgotten",
                 "ETCD_GRPC_KEEPALIVE_TIMEOUT is accepted: "):
        assert sum(line in said for said in node.log().splitlines()) == 1, line


def test_a_bool_may_stand_alone_and_takes_no_other_word(world):
    assert run(world, "-check-config", "--enable-pprof", "--name", "a").returncode == 0
    assert run(world, "-check-config", "--auto-tls", "false").returncode == 0
    assert run(world, "-check-config", "--auto-tls").returncode == 2
    result = run(world, "-check-config", "--bcrypt-cost")
    assert result.returncode == 2 and "-bcrypt-cost: a value is missing" in result.stderr


def test_the_last_one_of_flags_and_variables_counts(world):
    assert run(world, "-check-config", "--auto-tls=false", ETCD_AUTO_TLS="true").returncode == 0
    assert run(world, "-check-config", "--auto-tls=true", "--auto-tls=false").returncode == 0
    assert run(world, "-check-config", "--auto-tls=false", "--auto-tls=true").returncode == 2


# ---- as others start it

def start_with(world, environment, words):
    """%(client)d and %(peer)d are ports."""
    port, peer = free_port(), free_port()
    node = world.node("etcd1", client="127.0.0.1:%d" % port, peer="127.0.0.1:%d" % peer)
    fields = {"client": port, "peer": peer, "data": node.directory}
    node.environment = {name: value % fields for name, value in environment.items()}
    node.argv = lambda: [node.program] + [word % fields for word in words]
    node.start()
    put(node, "a", "b")
    assert keys(get(node, "a")) == ["a"]
    return node


def test_the_command_of_the_quay_image(world):
    """As its page says it: it listens everywhere, and says so to clients."""
    node = start_with(world, {}, [
        "--name", "s1", "--data-dir", "%(data)s", "--listen-client-urls", "http://0.0.0.0:%(client)d",
        "--advertise-client-urls", "http://0.0.0.0:%(client)d", "--listen-peer-urls", "http://0.0.0.0:%(peer)d",
        "--initial-advertise-peer-urls", "http://0.0.0.0:%(peer)d", "--initial-cluster", "s1=http://0.0.0.0:%(peer)d",
        "--initial-cluster-token", "tkn", "--initial-cluster-state", "new", "--log-level", "info", "--logger", "zap",
        "--log-outputs", "stderr"])
    assert "is told to clients, who reach it from this machine alone" in node.log()


def test_the_variables_of_the_bitnami_image(world):
    start_with(world, {
        "ALLOW_NONE_AUTHENTICATION": "yes", "ETCDCTL_API": "3", "ETCD_NAME": "etcd1", "ETCD_DATA_DIR": "%(data)s",
        "ETCD_LISTEN_CLIENT_URLS": "http://0.0.0.0:%(client)d", "ETCD_ADVERTISE_CLIENT_URLS": "http://127.0.0.1:%(client)d",
        "ETCD_LISTEN_PEER_URLS": "http://0.0.0.0:%(peer)d", "ETCD_INITIAL_ADVERTISE_PEER_URLS": "http://127.0.0.1:%(peer)d",
        "ETCD_INITIAL_CLUSTER": "etcd1=http://127.0.0.1:%(peer)d", "ETCD_INITIAL_CLUSTER_STATE": "new",
        "ETCD_INITIAL_CLUSTER_TOKEN": "etcd-cluster", "ETCD_AUTO_TLS": "false", "ETCD_LOG_LEVEL": "info",
        "ETCD_AUTO_COMPACTION_MODE": "revision", "ETCD_AUTO_COMPACTION_RETENTION": "1000",
        "ETCD_QUOTA_BACKEND_BYTES": "8589934592", "ETCD_SNAPSHOT_COUNT": "10000"}, [])


def test_the_unit_of_debian_and_its_defaults(world):
    """ETCD_NAME and ETCD_DATA_DIR by the unit, the rest by /etc/default/etcd."""
    node = start_with(world, {
        "DAEMON_ARGS": "", "ETCD_NAME": "etcd1", "ETCD_DATA_DIR": "%(data)s", "ETCD_WAL_DIR": "",
        "ETCD_HEARTBEAT_INTERVAL": "100", "ETCD_ELECTION_TIMEOUT": "1000", "ETCD_MAX_SNAPSHOTS": "5", "ETCD_MAX_WALS": "5",
        "ETCD_CORS": "*", "ETCD_PROXY": "off", "ETCD_PROXY_FAILURE_WAIT": "5000", "ETCD_STRICT_RECONFIG_CHECK": "true",
        "ETCD_DEBUG": "false", "ETCD_LOG_PACKAGE_LEVELS": "", "ETCD_FORCE_NEW_CLUSTER": "false",
        "ETCD_LISTEN_CLIENT_URLS": "http://127.0.0.1:%(client)d", "ETCD_ADVERTISE_CLIENT_URLS": "http://127.0.0.1:%(client)d",
        "ETCD_LISTEN_PEER_URLS": "http://127.0.0.1:%(peer)d",
        "ETCD_INITIAL_ADVERTISE_PEER_URLS": "http://127.0.0.1:%(peer)d",
        "ETCD_INITIAL_CLUSTER": "etcd1=http://127.0.0.1:%(peer)d"}, [])
    assert "no such option" not in node.log()


def test_progress_of_watches_comes_as_often_as_it_says(world):
    node = world.node(flags=["--experimental-watch-progress-notify-interval=200ms"]).start()
    host, port = node.client.split(":")
    body = json.dumps({"create_request": {"key": b64("a"), "progress_notify": True}}).encode()
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(b"POST /v3/watch HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        seen = b""
        # It is made, and two notices of it.
        while seen.count(b'"result"') < 3:
            piece = client.recv(65536)
            assert piece, seen
            seen += piece
