"""Machines for the commands of the texts: each has a tree of its own, with what "make install"
installs in /usr/local, and all are in one network of their own, so that the texts' addresses,
ports and paths can be taken as they are.

A tree has the /usr, /proc and /dev of this machine; /etc, /run, /srv, /tmp and /var are its own.
It is what `./configure --sysconfdir=/etc --localstatedir=/var` makes: /usr/local/etc and
/usr/local/var lead to /etc and /var. Needs root and ip(8).
"""

import glob
import os
import re
import shlex
import signal
import subprocess
import time

import commands
import namespaces
from moothall import CRASHED, SLOW, alive, proc_children, wait_until
from terminal import Terminal

ADDRESSES = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.1.0.1"]
USER, UID = "etcd", 4001
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

# Mounts are made anew for each command, and are gone with it.
ENTER = """
set -e
root=$1 installed=$2
shift 2
mount --rbind /usr "$root/usr"
mount -o remount,bind,ro "$root/usr"
mount --bind "$installed" "$root/usr/local"
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
exec chroot "$root" "$@"
"""
# The start of a node; not what only looks at options.
NODE = re.compile(r"(\./)?etcd (?!.*-(check-config|print-config|version|help))", re.S)
# What may be asked again until it is as the text has it: what looks and changes nothing.
LOOKS = re.compile(r"grep |curl (?!.*(-X|-d |-o |wait=true))|\S*etcdctl (.* )?(status|cluster-health|ls|get|member list)\b", re.S)
# What never ends by itself.
ENDLESS = re.compile(r"stream=true|watch -f|exec-watch|--follow|/v3/watch|etcdctl watch \S+ --rev")
QUESTION = "Go on? [y/N] "


def install(folder):
    """/usr/local of the machines; None: the build is for another place."""
    with open(os.path.join(commands.BUILD, "Makefile")) as file:
        made = dict(re.findall(r"^(prefix|sysconfdir|program_transform_name|service) = (.*)$", file.read(), re.M))
    if (made["prefix"], made["sysconfdir"], made["service"]) != ("/usr/local", "${prefix}/etc", "etcd") or \
            not made["program_transform_name"].startswith("s,x,x,"):
        return None
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "DESTDIR"))}
    subprocess.run(["make", "-s", "-C", commands.BUILD, "install", "DESTDIR=" + folder], check=True, env=environment,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    for name, target in (("etc", "/etc"), ("var", "/var")):
        os.symlink(target, os.path.join(folder, "usr/local", name))
    return os.path.join(folder, "usr/local")


class Running:
    """A node at a terminal."""

    def __init__(self, machine, name, terminal):
        self.machine, self.name, self.terminal = machine, name, terminal
        self.process, self.children = terminal.process, []

    def end(self, how):
        if self.process.poll() is None:
            self.children += proc_children(self.process.pid)
            self.process.send_signal(how)
        code = self.process.wait(20 * SLOW)
        wait_until(lambda: not any(alive(pid) for pid in self.children), 5, "the children of %s to be gone" % self.name)
        self.terminal.end()
        # 5: a command of the text has removed it.
        assert code in (0, 5, -signal.SIGKILL) and not CRASHED.search(self.terminal.text), self.terminal.text


class Machine:
    def __init__(self, network, name):
        self.network, self.name = network, name
        self.root = os.path.join(network.folder, name)
        for path in ("usr", "proc", "dev", "root", "etc/default", "etc/etcd", "etc/init.d", "etc/logrotate.d", "run", "srv", "tmp", "var/lib", "var/log", "var/tmp"):
            os.makedirs(os.path.join(self.root, path))
        for path in ("bin", "lib", "lib32", "lib64", "sbin"):
            if os.path.islink("/" + path):
                os.symlink(os.readlink("/" + path), os.path.join(self.root, path))
        os.symlink("/run", os.path.join(self.root, "var/run"))
        os.chmod(os.path.join(self.root, "tmp"), 0o1777)
        self.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\n%s:x:%d:%d::/var/lib/etcd:/bin/false\n" % (USER, UID, UID))
        self.write("/etc/group", "root:x:0:\n%s:x:%d:\n" % (USER, UID))
        self.write("/etc/hosts", "127.0.0.1 localhost\n")
        # As a build tree has them.
        for program in ("etcd", "etcdctl"):
            os.symlink("/usr/local/bin/" + program, os.path.join(self.root, "srv", program))
        os.symlink("/usr/local/libexec/moothall", os.path.join(self.root, "srv/libexec"))

    def path(self, name):
        """A path of the machine, seen from outside."""
        return os.path.join(self.root, os.path.join("/srv", name).lstrip("/"))

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)

    def copy(self, source, name):
        """A file of the build."""
        with open(os.path.join(commands.BUILD, source)) as file:
            self.write(name, file.read())

    def give(self, name, mode):
        """A directory of the service's user; with all that is in it if it was somebody else's, as systemd does it."""
        path = self.path(name)
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)
        if os.stat(path).st_uid == UID:
            return
        for folder, _, files in os.walk(path):
            for one in [folder] + [os.path.join(folder, file) for file in files]:
                os.chown(one, UID, UID, follow_symlinks=False)

    def rotate(self, text):
        """What logrotate does with such a file, to the logs that are there."""
        logs = glob.glob(self.path(re.search(r"^(?:/usr/local)?(/var/\S+)", text, re.M).group(1)))
        for log in logs:
            os.rename(log, log + ".1")
        script = re.search(r"postrotate\n(.*?)\s*endscript", text, re.S).group(1)
        self.network.run(script, machine=self.name)
        assert logs and all(os.path.exists(log) for log in logs), logs

    def argv(self, words):
        return (["ip", "netns", "exec", self.network.space, "sh", "-c", ENTER, "enter", self.root, self.network.installed,
                 "env", "-i", "-C", "/srv", "PATH=" + PATH, "HOME=/root", "TERM=dumb", "ETCD_WORKERS=2"] + self.network.environment + words)

    def shell(self, command):
        """At a terminal."""
        return Terminal(self.argv(["sh", "-c", command]))


class Network:
    def __init__(self, folder, installed):
        self.folder, self.installed = folder, installed
        self.space = "mh%d-text" % os.getpid()
        self.machines, self.nodes, self.started, self.endless, self.environment = {}, {}, {}, [], []
        namespaces.ip("netns", "add", self.space)
        namespaces.ip("-n", self.space, "link", "set", "lo", "up")
        for address in ADDRESSES:
            namespaces.ip("-n", self.space, "addr", "add", address + "/32", "dev", "lo")

    def machine(self, name):
        if name not in self.machines:
            self.machines[name] = Machine(self, name)
        return self.machines[name]

    def _where(self, command, name):
        """The machine of a line: that of its own address, if it has one."""
        address = re.search(r"-addr 10\.(\d)\.0\.(\d):", command)
        if name is None and address:
            name = "machine" + address.group(2) if address.group(1) == "0" else "source"
        return self.machine(name or "machine1")

    # ---- commands

    def run(self, command, shown=None, machine=None, words=()):
        """A command of a text. shown: the lines of its output, if the text has them."""
        where = self._where(command, machine)
        again = re.fullmatch(r"start (\S+) again", command)
        if again:
            self.run(self.started[again.group(1)])
        elif re.match(r"(stop|kill) ", command):
            self._end(*command.split())
        elif command in ("start the service", "systemctl start etcd", "systemctl restart etcd"):
            self._start_service(where)
        elif command == "systemctl stop etcd":
            self._stop_service(where)
        elif NODE.match(command):
            self.start(where, command, shown, words)
        elif command.startswith("export "):
            self.environment += command.split()[1:]
        elif shown and any(line.startswith("^C") for line in shown):
            self._interrupt(where, command, shown, words)
        elif ENDLESS.search(command):
            seen = where.shell("exec " + command)
            self.endless.append((command, seen))
            if shown:
                wait_until(lambda: commands.fits(shown, seen.text, words), 20, "%r to show %r" % (command, shown))
        else:
            deadline = time.monotonic() + 20 * SLOW
            while True:
                problem = self._once(where, command, shown, words)
                if problem is None:
                    break
                assert LOOKS.match(command) and time.monotonic() < deadline, problem
                time.sleep(0.05)

    def _once(self, where, command, shown, words):
        """What is wrong with it; None: nothing."""
        seen = where.shell(command)
        try:
            wait_until(lambda: seen.process.poll() is not None or seen.text.endswith(QUESTION), 60, command)
            if seen.process.poll() is None:
                os.write(seen.fd, b"y\n")
                seen.process.wait(60 * SLOW)
            seen.thread.join(10)
        finally:
            seen.end()
        text = seen.text.replace(QUESTION + "y\n", "")
        return _problem(command, seen.process.returncode, text, shown, words)

    def _interrupt(self, where, command, shown, words):
        """CTRL-C when it has shown what stands before that; it shows the rest then."""
        seen = where.shell("exec " + command)
        at = [i for i, line in enumerate(shown) if line.startswith("^C")][0]
        try:
            wait_until(lambda: commands.fits(shown[:at], seen.text, words), 20, "%r to show %r" % (seen.text, shown[:at]))
            # What the terminal shows, and what it does where it is somebody's.
            os.write(seen.fd, b"\x03")
            seen.process.send_signal(signal.SIGINT)
            seen.process.wait(20 * SLOW)
            seen.thread.join(10)
        finally:
            seen.end()
        problem = _problem(command, seen.process.returncode, seen.text, shown, words)
        assert problem is None, problem

    # ---- nodes

    def start(self, where, command, shown=None, words=()):
        """A node, until it is ready."""
        name = re.search(r"-name (\S+)", command)
        name = name.group(1) if name else "default"
        if name in self.nodes:
            self._end("stop", name)
        self.started[name] = command
        seen = where.shell("exec " + command)
        node = self.nodes[name] = Running(where, name, seen)
        wait_until(lambda: "ready in" in seen.text or seen.process.poll() is not None, 30, "the end of the start: " + command)
        wait_until(lambda: seen.text.endswith("\n"), 5, "the end of the line")
        node.children = proc_children(seen.process.pid)
        first = seen.text[:seen.text.find("\n", seen.text.find("ready in")) + 1]
        problem = _problem(command, seen.process.poll() or 0, first, shown, words)
        assert "ready in" in seen.text and problem is None, problem or seen.text
        return node

    def _start_service(self, where):
        self._stop_service(where)
        self.start(where, Service(where).start())
        self.nodes["service of " + where.name] = self.nodes.pop("default")

    def _stop_service(self, where):
        if "service of " + where.name in self.nodes:
            self._end("stop", "service of " + where.name)

    def _end(self, how, name):
        for one in reversed(list(self.nodes)) if name == "all" else [name]:
            self.nodes.pop(one).end(signal.SIGKILL if how == "kill" else signal.SIGTERM)

    def pid(self, machine):
        return [node.process.pid for node in self.nodes.values() if node.machine.name == machine][0]

    def close(self):
        ended = ["%s\n%s" % (command, seen.text) for command, seen in self.endless if seen.process.poll() is not None]
        for _, seen in self.endless:
            seen.end()
        try:
            self.run("kill all")
        finally:
            namespaces.ip("netns", "del", self.space, check=False)
        assert not ended, ended


class Service:
    """What systemd does for a node, by what its unit has; instance: of the template unit."""

    def __init__(self, machine, instance=None):
        self.machine = machine
        with open(os.path.join(commands.BUILD, "contrib/systemd/etcd%s.service" % ("@" if instance else ""))) as file:
            text = file.read().replace("%i", instance or "")
        self.unit = dict(re.findall(r"^(\w+)=(.*)$", text, re.M))
        assert self.unit["User"] == self.unit["Group"] == USER

    def start(self):
        """The command of the start; its directories are there then."""
        for above, key in (("/var/lib/", "StateDirectory"), ("/run/", "RuntimeDirectory")):
            self.machine.give(above + self.unit[key], int(self.unit[key + "Mode"], 8))
        self.machine.give("/var/log/etcd", 0o750)
        # Paths of the configuration are below /usr/local, which leads to /etc.
        with open(self.machine.path(re.sub("^-?/usr/local", "", self.unit["EnvironmentFile"]))) as file:
            given = [line.strip() for line in file if re.match(r"\w+=", line)]
        return "env %s setpriv --reuid=%d --regid=%d --clear-groups --no-new-privs -- %s" % (
            " ".join(map(shlex.quote, given)), UID, UID, self.unit["ExecStart"])

    def reload(self):
        return self.unit["ExecReload"]


def _problem(command, code, text, shown, words):
    if code == 0 and (shown is None or commands.fits(shown, text, words)):
        return None
    return "$ %s\nended with %d and showed\n%s\nwhere the text has\n%s" % (command, code, text, "\n".join(shown or ["..."]))
