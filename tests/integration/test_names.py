"""Programs and service with names of their own: nothing that is installed says the old ones."""

import os
import re
import shutil
import subprocess

import pytest

from moothall import BUILD

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
TRANSFORM = "s/^etcd$/moothall/;s/^etcdctl$/moothallctl/;s/^etcd-/moothall-/;s/^etcd.conf$/moothall.conf/"
# The original, its keys, metrics and variables, and where data lies by default.
KEPT = re.compile(r"etcd [0-9](\.[0-9x])?|keyword in etcd|etcdctl of the 0\.4|etcd_\w+|/_etcd/|\w+\.etcd\b|/v2 API of etcd|"
                  r"_etcd[\\\w-]*\._tcp|etcd key-value store|\betcdserverpb\.\w+")


def is_program(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\177ELF"


def unwanted(folder, names):
    """What a build leaves in the tree."""
    built = {"Makefile", "config.status", "config.h", "config.log", "autom4te.cache", ".git", ".deps", "deb"}
    return [name for name in names if name in built or name.endswith((".o", ".a", ".log", ".trs")) or
            os.path.isfile(os.path.join(folder, name)) and is_program(os.path.join(folder, name)) or
            not os.path.exists(os.path.join(folder, name))]


def stale(text):
    """Lines with a name that is not the installed one."""
    return [line for line in text.splitlines() if re.search(r"etcd|\.Dt ETCD", KEPT.sub("", line))]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """What does not have to be compiled, in a directory of its own."""
    folder = str(tmp_path_factory.mktemp("names"))
    tree, root = os.path.join(folder, "tree"), os.path.join(folder, "root")
    shutil.copytree(SOURCE, tree, ignore=unwanted, symlinks=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}

    def run(*words):
        done = subprocess.run(words, cwd=tree, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]

    run("./configure", "-q", "--prefix=/usr", "--sysconfdir=/etc", "--localstatedir=/var", "--runstatedir=/run",
        "--with-systemdsystemunitdir=/lib/systemd/system", "--with-service-name=moothall",
        "--program-transform-name=" + TRANSFORM)
    files = re.search(r"^service_names = ((?:.*\\\n)*.*)", open(os.path.join(tree, "contrib", "Makefile.inc")).read(),
                      re.M).group(1).replace("\\\n", " ").split()
    run("make", "-s", *("contrib/" + name for name in files))
    run("make", "-s", "install-data", "DESTDIR=" + root)
    for name in files:
        shutil.copy(os.path.join(tree, "contrib", name), root)
    yield root
    shutil.rmtree(folder)


def every_file(root):
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names)


def test_pages_units_and_scripts(installed):
    root = installed
    looked_at, found = 0, []
    for path in every_file(root):
        # In a manifest the names are those that Kubernetes has.
        if "completion" in path or "site-functions" in path or path.endswith(".yaml"):
            continue
        looked_at += 1
        with open(path) as file:
            found += ["%s: %s" % (path[len(root):], line) for line in stale(file.read())]
    assert looked_at > 20 and not found, "\n".join(found)


def test_pages_refer_to_pages_that_are_installed(installed):
    root = installed
    pages = {os.path.basename(path) for path in every_file(root) if "/man/" in path}
    named = set()
    for path in every_file(root):
        if "/man/" in path:
            with open(path) as file:
                named |= {"%s.%s" % found for found in re.findall(r"^\.Xr (\S+) (\d)", file.read(), re.M)}
    assert "moothall.8" in pages
    # Those of the system are not ours to install.
    assert named - {"curl.1", "systemd.1"} <= pages, named - pages


@pytest.mark.parametrize("program, words", [
    ("etcd", ["-help"]), ("etcd", ["-version"]), ("etcd", ["-nonsense"]), ("etcd", ["-help=all"]),
    ("etcdctl", ["help"]), ("etcdctl", ["help", "set"]), ("etcdctl", ["--version"]), ("etcdctl", ["nonsense"]),
    ("etcdctl", ["--help=all"]), ("etcdctl", ["control", "-data-dir", "/nowhere", "status"]),
])
def test_what_programs_say(program, words, tmp_path):
    """By the name they are called by; the other one's is that of this build."""
    name = "moothall" + program[len("etcd"):]
    os.symlink(os.path.join(BUILD, program), str(tmp_path / name))
    said = subprocess.run([str(tmp_path / name)] + words, capture_output=True, text=True, timeout=60)
    text = said.stdout + said.stderr
    other = ("etcdctl control -data-dir m1", "or etcd(8)", "file of -config", "etcd 2 and 3",
             "(default: etcd-cluster)")
    lines = [line for line in stale(text) if not any(words in line for words in other)]
    assert (name in text or "=all" in words[0]) and not lines, lines
