"""Completions, as a shell would ask for them."""

import os
import subprocess

import pytest

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def complete(program, *words, cwd=None):
    """What bash would offer for the last of the words."""
    script = ('compopt() { :; }; . "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _"$1"; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    path = os.path.join(SOURCE, "contrib", "completion", "bash", program)
    run = subprocess.run(["bash", "--norc", "-uc", script, "bash", path, program] + list(words), capture_output=True,
                         text=True, timeout=60, cwd=cwd)
    assert run.returncode == 0 and run.stderr == "", run
    return [line for line in run.stdout.splitlines() if line]


@pytest.mark.parametrize("words, offered", [
    (["set"], ["set", "setdir"]),
    (["member", ""], ["list", "add", "remove", "update"]),
    (["control", "-data-dir", "m1", "re"], ["reload", "restart"]),
    (["--endpoints", "http://a:1", "control", "restart", ""], ["raftd", "peer", "client", "all"]),
    (["help", "cl"], ["cluster-health"]),
    (["-o", ""], ["simple", "extended", "json"]),
    (["get", "-output", "j"], ["json"]),
    (["set", "--swap"], ["--swap-with-value", "--swap-with-index"]),
    (["set", "/key", "--tt"], ["--ttl"]),
    (["get", "--tt"], []),
    (["set", "--ttl", ""], []),
    (["control", "status", "--js"], ["--json"]),
    (["control", "stop", "--js"], []),
    (["v3", "le"], ["lease"]),
    (["v3", "lease", "g"], ["grant"]),
    (["v3", "-w", "json", "endpoint", ""], ["health", "status", "hashkv"]),
    (["v3", "get", "--pr"], ["--prefix", "--print-value-only"]),
    (["v3", "get", "--prefix", "--keys"], ["--keys-only"]),
    (["v3", "set"], []),
    (["get", "--prefi"], []),
])
def test_etcdctl(words, offered):
    assert complete("etcdctl", *words) == offered


def test_with_the_variable_all_commands_are_of_v3(monkeypatch):
    monkeypatch.setenv("ETCDCTL_API", "3")
    assert complete("etcdctl", "pu") == ["put"]
    assert complete("etcdctl", "put", "--prev") == ["--prev-kv"]
    assert complete("etcdctl", "rmd") == []


def test_files_and_the_options_of_etcd(tmp_path):
    (tmp_path / "server.crt").touch()
    assert complete("etcdctl", "--cert-file", "ser", cwd=tmp_path) == ["server.crt"]
    assert complete("etcd", "-cert-file", "ser", cwd=tmp_path) == ["server.crt"]
    assert complete("etcd", "--tls-min-version", "") == ["1.2", "1.3"]
    assert complete("etcd", "-peer-h") == ["-peer-heartbeat-interval"]
    assert complete("etcd", "-name", "x", "-data") == ["-data-dir"]
