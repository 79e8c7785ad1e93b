"""The files of certificates: which are refused, which are doubtful, new ones under load."""

import grp
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import subprocess

import pytest

from certificates import Authority, join_files, openssl, refused, served
from moothall import ETCD, Writers, ask, free_port, wait_log, wait_until
from test_confinement import GID, UID, USER, needs_root, needs_sandbox, open_to_all


def refusal(*flags):
    """Standard error of a start that has to end with code 2."""
    done = subprocess.run([ETCD] + list(flags), stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=30)
    assert done.returncode == 2, done
    return done.stderr


# ---- what is refused at the start


def test_files_that_do_not_fit(world, authority):
    pair, other = authority.issue("server"), authority.issue("other")
    folder = world.folder
    start = ["-data-dir", os.path.join(folder, "data")]

    def path(name, content=None):
        name = os.path.join(folder, name)
        if content is not None:
            with open(name, "w") as f:
                f.write(content)
            os.chmod(name, 0o600)
        return name

    def expect(sentence, *flags):
        error = refusal(*start, *flags)
        lines = error.splitlines()
        assert any(sentence in line for line in lines if line.startswith("etcd: ")), error
        assert not os.path.exists(os.path.join(folder, "data"))
        checked = subprocess.run([ETCD, "-check-config"] + start + list(flags), capture_output=True,
                                 text=True, timeout=30)
        assert checked.returncode == 2 and sentence in checked.stderr

    expect("-cert-file given without -key-file", "-cert-file", pair.certificate)
    expect("-peer-key-file given without -peer-cert-file", "-peer-key-file", pair.key)
    expect("-ca-file needs -cert-file and -key-file", "-ca-file", authority.certificate)
    expect("-peer-ca-file needs -peer-cert-file and -peer-key-file", "-peer-ca-file",
           authority.certificate)
    expect("etcd: %s and %s do not belong together (-cert-file, -key-file)" %
           (pair.certificate, other.key), "-cert-file", pair.certificate, "-key-file", other.key)
    expect("do not belong together (-peer-cert-file, -peer-key-file)", "-peer-cert-file",
           pair.certificate, "-peer-key-file", other.key)
    expect("nothing.crt: No such file", "-cert-file", path("nothing.crt"), "-key-file", pair.key)
    expect("has no certificate in PEM form", "-cert-file", pair.key, "-key-file", pair.key)
    expect("has no private key in PEM form", "-cert-file", pair.certificate, "-key-file",
           pair.certificate)
    expect("(-ca-file) has no certificate in PEM form", *pair.flags(), "-ca-file", path("empty", ""))
    expect("has a certificate that cannot be read", "-cert-file", path(
        "broken.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "-key-file",
        pair.key)
    expect("is not a file", "-cert-file", folder, "-key-file", pair.key)

    encrypted = path("encrypted.key")
    openssl("pkey", "-in", pair.key, "-aes256", "-passout", "pass:x", "-out", encrypted)
    expect("is encrypted, and nobody is asked for a passphrase", "-cert-file", pair.certificate,
           "-key-file", encrypted)
    writable = path("writable.key")
    shutil.copy(pair.key, writable)
    os.chmod(writable, 0o602)
    expect("can be written by everybody", "-cert-file", pair.certificate, "-key-file", writable)

    inner = authority.below("inner")
    leaf = inner.issue("leaf")
    wrong = join_files(path("wrong.crt"), leaf.certificate, authority.certificate, inner.certificate)
    expect("is no chain: certificate 2 did not sign certificate 1", "-cert-file", wrong, "-key-file",
           leaf.key)
    expect("has an RSA key of 1024 bits",
           *authority.issue("short", key="rsa:1024").flags())
    expect("has a key on the curve secp256k1", *authority.issue("odd", key="secp256k1").flags())
    expect("is signed with SHA-1", *authority.issue("old", digest="sha1").flags())
    expect("its usages are without serverAuth", *authority.issue("c", usage="clientAuth").flags())
    expect("its usages are without clientAuth; a peer's certificate needs clientAuth and serverAuth",
           *authority.issue("s", usage="serverAuth").flags("peer-", authority))
    expect("its usages are without serverAuth; a peer's certificate needs clientAuth and serverAuth",
           *authority.issue("c2", usage="clientAuth").flags("peer-", authority))
    expect("has a key that is none of RSA, ECDSA, Ed25519", *authority.issue("ed448", key="ed448").flags())
    expect("is too long for certificates", "-cert-file", path("long", "#" * (1 << 20)), "-key-file",
           pair.key)
    expect("-tls-min-version: \"1.1\" is none of 1.2, 1.3", *pair.flags(), "-tls-min-version", "1.1")
    expect("-tls-ciphers: \"nonsense\" has no cipher for TLS 1.2", *pair.flags(), "-tls-ciphers",
           "nonsense")


def test_files_that_are_doubtful(world, authority):
    """The node starts, and says what is not as it should be."""
    pair = authority.issue("server", days=(-10, 20.5))
    os.chmod(pair.key, 0o644)
    lonely = authority.issue("lonely", usage="serverAuth", san="DNS:else.example", days=(-10, -1))
    node = world.node(flags=pair.flags() + lonely.flags("peer-"), tls=authority.context()).start()
    assert "server.key (-key-file) can be read by others than this node; chown it to %s and chmod 600 it" \
        % pwd.getpwuid(os.geteuid()).pw_name in node.log()
    wait_log(node, r"server\.crt \(-cert-file\) ends on \d+-\d+-\d+, in 20 days; replace the file and send SIGHUP")
    wait_log(node, r"lonely\.crt \(-peer-cert-file\) has expired on \d+-\d+-\d+; replace the file and send SIGHUP")
    assert "-peer-cert-file without -peer-ca-file: the peer port does not know who calls" in node.log()
    assert "has usages without clientAuth" in node.log()
    assert "does not name 127.0.0.1 (-peer-addr)" in node.log()


@needs_root
@pytest.mark.parametrize("as_root", [False, True], ids=["as the user", "from root"])
def test_a_key_of_the_documented_rights_is_good(world, authority, as_root):
    """chgrp to the node's group, chmod 640: root stays its owner. The rest gets the sentence that is right."""
    nobody = pwd.getpwnam("nobody")
    group = grp.getgrgid(nobody.pw_gid).gr_name
    pair = authority.issue("machine")
    os.chmod(world.folder, 0o755)
    for path in (pair.certificate, os.path.dirname(pair.certificate)):
        os.chmod(path, 0o755)
    doubt = "can be read by others than this node"
    who = ["-user", "nobody"]
    for owner, owner_group, mode, said in [
            (0, nobody.pw_gid, 0o640, None), (nobody.pw_uid, 0, 0o600, None),
            (0, nobody.pw_gid, 0o644, doubt + "; chown it to nobody and chmod 600 it"),
            (nobody.pw_uid, 1, 0o640, doubt + "; chown it to nobody and chmod 600 it"),
            (0, nobody.pw_gid, 0o660, "can be written by others than this node; chown it to nobody and chmod 600 it"),
            (0, 0, 0o600, "cannot be read by nobody, so no reload or upgrade will take it; chgrp it to %s and "
             "chmod 640 it" % group if as_root else
             "cannot read %s: Permission denied; let nobody read it and enter its folder: for a key, chgrp it to %s "
             "and chmod 640 it" % (pair.key, group))]:
        os.chown(pair.key, owner, owner_group)
        os.chmod(pair.key, mode)
        command = [ETCD, *who, *pair.flags(), "-check-config", "-data-dir", os.path.join(world.folder, "data"),
                   "-addr", "127.0.0.1:%d" % free_port(), "-peer-addr", "127.0.0.1:%d" % free_port()]
        if not as_root:
            command = ["setpriv", "--reuid", "nobody", "--regid", str(nobody.pw_gid), "--clear-groups"] + command
            os.makedirs(os.path.join(world.folder, "data"), exist_ok=True)
            os.chown(os.path.join(world.folder, "data"), nobody.pw_uid, nobody.pw_gid)
        result = subprocess.run(command, capture_output=True, text=True, timeout=30)
        if said is None:
            assert "machine.key" not in result.stderr, (oct(mode), result)
        else:
            assert said in result.stderr, (oct(mode), result)
        refused = said is not None and said.startswith("cannot read ")
        assert result.returncode == (2 if refused else 0), (oct(mode), result)


def test_files_of_the_future_and_of_others_are_doubtful(world, authority):
    early = authority.issue("early", days=(2, 30))
    other = Authority(world.folder, "other")
    pair = other.issue("machine")
    node = world.node(flags=pair.flags("peer-", authority) + early.flags() + ["-peer-cert-names", "else"])
    node.start(wait=False)
    wait_log(node, r"early\.crt \(-cert-file\) is not valid before \d+-\d+-\d+: it will be refused until then; "
             "is the clock right?".replace("?", r"\?"))
    wait_log(node, "has none of the names in -peer-cert-names: nodes with the same list refuse it")
    wait_log(node, r"machine\.crt \(-peer-cert-file\) is not from an authority of .*ca\.crt \(-peer-ca-file\)")
    # What is not valid yet is no reason to stop what works.
    good = authority.issue("good", san="DNS:else.example")
    second = world.node("second", flags=good.flags(), tls=False)
    second.tls = authority.context()
    second.tls.check_hostname = False
    second.start()
    wait_log(second, r"does not name 127.0.0.1 \(-addr\) among its subjectAltNames: clients that check this refuse it")
    place(early, good)
    reload(second, "not reloaded, nothing has changed")
    assert re.search(r"good\.crt \(-cert-file\) is not valid before \d+-\d+-\d+$", second.log(), re.M)
    assert second.get("/version").status == 200


def test_system_authorities_that_cannot_be_read(world, authority):
    pair = authority.issue("machine")
    node = world.node(flags=pair.flags("peer-"))
    node.environment = {"SSL_CERT_FILE": os.path.join(world.folder, "none")}
    node.start()
    assert "the system's authorities cannot be read (%s/none): there is no -peer-ca-file, so no other node " \
        "will be trusted" % world.folder in node.log()


def test_kinds_of_keys_and_chains(world, authority):
    inner = authority.below("inner")
    leaf = inner.issue("leaf", key="rsa:2048")
    chain = join_files(os.path.join(world.folder, "chain.crt"), leaf.certificate, inner.certificate)
    pairs = [["-cert-file", chain, "-key-file", leaf.key]]
    pairs += [authority.issue(kind, key=kind).flags() for kind in ("P-384", "P-521", "ed25519")]
    for number, flags in enumerate(pairs):
        node = world.node("machine%d" % number, flags=flags, tls=authority.context()).start()
        assert node.get("/version").status == 200
        node.stop()


# ---- new certificates


def reload(node, expect="reloaded: "):
    """SIGHUP, and wait until the log has another line of that kind."""
    before = node.log().count(expect)
    os.kill(node.process.pid, signal.SIGHUP)
    wait_until(lambda: node.log().count(expect) > before, 10, "a reload of " + node.name)


def place(source, target):
    for name in ("certificate", "key"):
        shutil.copy(getattr(source, name), getattr(target, name) + ".new")
        os.rename(getattr(target, name) + ".new", getattr(target, name))


def confinements():
    plain = pytest.param([], id="best")
    on = pytest.param(["-sandbox", "on"], id="on", marks=needs_sandbox)
    user = pytest.param(["-sandbox", "on", "-user", USER], id="on-user", marks=[needs_sandbox, needs_root])
    return [plain, on, user]


def hand_over(world, confinement, *paths):
    """After a start as root with -user the files are read again by that user."""
    if "-user" in confinement:
        open_to_all(world)
        for path in paths:
            os.chown(path, UID, GID)
            os.chmod(os.path.dirname(path), 0o755)


@pytest.mark.parametrize("confinement", confinements())
def test_new_certificates_under_load(world, authority, confinement):
    """All of it is replaced, authority and all, and nobody notices; a bad set in between is none."""
    old, new = authority, Authority(world.folder, "new")
    trusted = join_files(os.path.join(world.folder, "trusted.crt"), old.certificate)
    pair, fresh = old.issue("machine"), new.issue("machine")
    client = old.issue("client", san=None)
    flags = pair.flags() + ["-ca-file", trusted] + pair.flags("peer-") + ["-peer-ca-file", trusted,
                                                                          "-workers", "2"]
    hand_over(world, confinement, trusted, pair.certificate, pair.key)
    context = old.context(client, others=[new])
    nodes = world.cluster(3, flags=flags + confinement, tls=context, peer_tls=context)
    first = [node.pids() for node in nodes]
    with Writers([node.client for node in nodes], threads=3, tls=context) as writers:
        writers.wait_more(30)
        # First everybody learns to trust the new authority, then it is used.
        join_files(trusted + ".new", old.certificate, new.certificate)
        os.rename(trusted + ".new", trusted)
        hand_over(world, confinement, trusted)
        for node in nodes:
            reload(node)
        writers.wait_more(30)
        # Half of the new set is in place: said, and nothing has changed.
        shutil.copy(fresh.certificate, pair.certificate)
        for node in nodes:
            reload(node, "not reloaded, nothing has changed: %s and %s do not belong together" %
                   (pair.certificate, pair.key))
            done = node.control("reload")
            assert done.returncode == 1 and "do not belong together" in done.stdout + done.stderr
            assert node.get("/version").status == 200
            with pytest.raises(ssl.SSLError):
                ask(node.client, "GET", "/version", tls=new.context(new.issue("early", san=None)))
        writers.wait_more(30)
        place(fresh, pair)
        hand_over(world, confinement, pair.certificate, pair.key)
        for node in nodes:
            reload(node)
        writers.wait_more(30)
        # A client that knows the new authority only, with a certificate of it.
        newcomer = new.context(new.issue("newcomer", san=None))
        for node in nodes:
            wait_until(lambda: served(lambda: ask(node.client, "GET", "/version", tls=newcomer)), 5,
                       "the new set")
            wait_until(lambda: refused(lambda: ask(node.client, "GET", "/version",
                                                   tls=old.context(client))), 5, "the old to be gone")
        assert [node.pids() for node in nodes] == first
        # New streams between nodes use the new set.
        nodes[0].kill("peer")
        writers.wait_more(30)
    assert writers.broken == 0 and writers.failed == []
    writers.check(nodes[1])


def test_open_connections_go_on_over_a_reload(world, authority):
    new = Authority(world.folder, "new")
    pair = authority.issue("server")
    node = world.node(flags=pair.flags() + ["-workers", "1"], tls=authority.context()).start()
    host, port = node.client.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as plain:
        with authority.context().wrap_socket(plain, server_hostname=host) as stream:
            place(new.issue("server"), pair)
            reload(node)
            wait_until(lambda: served(lambda: ask(node.client, "GET", "/version", tls=new.context())),
                       5, "the new set")
            stream.sendall(b"GET /version HTTP/1.1\r\nHost: h\r\n\r\n")
            assert stream.recv(1000).startswith(b"HTTP/1.1 200 OK")
    # And a worker that is started later has the new set.
    node.kill("client")
    assert ask(node.client, "GET", "/version", tls=new.context()).status == 200


def test_a_bad_new_set_changes_nothing(world, authority):
    pair = authority.issue("server")
    other = authority.issue("other")
    keep = os.path.join(world.folder, "keep.key")
    shutil.copy(pair.key, keep)
    node = world.node(flags=pair.flags("", authority) + ["-workers", "1"],
                      tls=authority.context(pair)).start()
    assert node.put("/foo", "bar").status == 201
    shutil.copy(other.key, pair.key)
    reload(node, "not reloaded, nothing has changed")
    assert "server.crt and %s do not belong together" % pair.key in node.log()
    assert node.value("/foo") == "bar"
    done = node.control("reload")
    assert done.returncode == 1 and "do not belong together" in done.stdout + done.stderr
    expired = authority.issue("expired", days=(-10, -1))
    place(expired, pair)
    reload(node, "not reloaded, nothing has changed")
    assert "has expired on" in node.log()
    os.remove(pair.certificate)
    reload(node, "not reloaded, nothing has changed")
    node.kill("client")
    assert node.value("/foo") == "bar"


def test_a_removed_authority_ends_old_sessions(world, authority):
    """A ticket does not outlive the trust in the certificate it stands for."""
    other = Authority(world.folder, "other")
    pair = authority.issue("server")
    client, theirs = authority.issue("client", san=None), other.issue("client", san=None)
    trusted = join_files(os.path.join(world.folder, "trusted.crt"), authority.certificate,
                         other.certificate)
    node = world.node(flags=pair.flags() + ["-ca-file", trusted, "-workers", "1"],
                      tls=authority.context(client)).start()
    host, port = node.client.split(":")

    def visit(context, session):
        with socket.create_connection((host, int(port)), timeout=10) as plain:
            with context.wrap_socket(plain, server_hostname=host, session=session) as stream:
                stream.sendall(b"GET /version HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                while stream.recv(1000):
                    pass
                return stream.session_reused, stream.session

    context = authority.context(theirs)
    _, session = visit(context, None)
    resumed, session = visit(context, session)
    assert resumed
    join_files(trusted, authority.certificate)
    reload(node)
    wait_until(lambda: refused(lambda: visit(context, session)), 5, "the session to be refused")
    with pytest.raises(ssl.SSLError, match="bad certificate"):
        visit(context, session)
    assert visit(authority.context(client), None)[0] is False


def test_a_port_does_not_change_between_http_and_https_by_a_reload(world, authority):
    pair = authority.issue("server")
    config = os.path.join(world.folder, "etcd.conf")
    open(config, "w").close()
    node = world.node(flags=["-config", config]).start()
    with open(config, "w") as f:
        f.write('cert_file = "%s"\nkey_file = "%s"\n' % (pair.certificate, pair.key))
    os.kill(node.process.pid, signal.SIGHUP)
    wait_log(node, "changed options need a restart: .*-cert-file")
    assert node.get("/version").status == 200
