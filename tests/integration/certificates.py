"""Certificates for the tests, made by openssl in a folder of their own."""

import datetime
import os
import ssl
import subprocess

BOTH = "serverAuth,clientAuth"
LOOPBACK = "IP:127.0.0.1,DNS:localhost"


def openssl(*arguments, check=True, **more):
    done = subprocess.run(["openssl"] + list(arguments), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, **more)
    if check and done.returncode != 0:
        raise AssertionError("openssl %s:\n%s" % (" ".join(arguments), done.stderr))
    return done


def key_arguments(kind):
    """'P-256', 'rsa:2048', 'ed25519', ... as openssl req takes it."""
    if kind.startswith("rsa"):
        return ["-newkey", kind]
    if kind in ("ed25519", "ed448"):
        return ["-newkey", kind]
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:" + kind]


class Pair:
    """Certificate and key as files, and the flags that name them."""

    def __init__(self, certificate, key):
        self.certificate, self.key = certificate, key

    def flags(self, prefix="", authority=None):
        out = ["-%scert-file" % prefix, self.certificate, "-%skey-file" % prefix, self.key]
        return out + (["-%sca-file" % prefix, authority.certificate] if authority else [])

    def curl(self):
        return ["--cert", self.certificate, "--key", self.key]


class Authority:
    def __init__(self, folder, name="authority"):
        self.folder = os.path.join(folder, name)
        os.makedirs(self.folder)
        self.certificate, self.key = self.path("ca.crt"), self.path("ca.key")
        self.database = self.path("index")
        open(self.database, "w").close()
        openssl("req", "-x509", *key_arguments("P-256"), "-nodes", "-days", "3650", "-subj",
                "/CN=" + name, "-keyout", self.key, "-out", self.certificate,
                "-addext", "basicConstraints=critical,CA:TRUE",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def path(self, name):
        return os.path.join(self.folder, name)

    def sign(self, request, certificate, extensions, days, digest):
        """days: (from, to), counted from now; so the past is possible too."""
        now = datetime.datetime.now(datetime.timezone.utc)
        begin, end = ((now + datetime.timedelta(days=day)).strftime("%Y%m%d%H%M%SZ") for day in days)
        with open(self.path("ca.cnf"), "w") as f:
            f.write("[ca]\ndatabase=%s\nnew_certs_dir=%s\nrand_serial=yes\nunique_subject=no\n"
                    "policy=policy\n[policy]\ncommonName=supplied\n[extensions]\n%s\n"
                    % (self.database, self.folder, "\n".join(extensions)))
        openssl("ca", "-batch", "-notext", "-config", self.path("ca.cnf"), "-name", "ca",
                "-extensions", "extensions", "-cert", self.certificate, "-keyfile", self.key,
                "-md", digest, "-startdate", begin, "-enddate", end, "-in", request,
                "-out", certificate)

    def issue(self, name, san=LOOPBACK, usage=BOTH, days=(-1, 365), key="P-256",
              digest="sha256"):
        extensions = ["basicConstraints=CA:FALSE"]
        if san:
            extensions.append("subjectAltName=" + san)
        if usage:
            extensions.append("extendedKeyUsage=" + usage)
        pair = Pair(self.path(name + ".crt"), self.path(name + ".key"))
        request = self.path(name + ".csr")
        openssl("req", *key_arguments(key), "-nodes", "-subj", "/CN=" + name, "-keyout", pair.key,
                "-out", request)
        self.sign(request, pair.certificate, extensions, days, digest)
        return pair

    def below(self, name):
        """An intermediate authority, signed by this one."""
        child = Authority(self.folder, name)
        request = child.path("ca.csr")
        openssl("req", "-new", "-key", child.key, "-subj", "/CN=" + name, "-out", request)
        self.sign(request, child.certificate, ["basicConstraints=critical,CA:TRUE",
                                               "keyUsage=critical,keyCertSign"], (-1, 365), "sha256")
        return child

    def context(self, pair=None, others=()):
        """To talk with to a server of this authority (or of others), as pair."""
        context = ssl.create_default_context(cafile=self.certificate)
        for other in others:
            context.load_verify_locations(other.certificate)
        if pair is not None:
            context.load_cert_chain(pair.certificate, pair.key)
        return context


def refused(call):
    """Was it refused by TLS? Workers learn of a new set a moment after the log tells it."""
    try:
        call()
        return False
    except ssl.SSLError:
        return True


def served(call):
    return not refused(call)


def join_files(path, *parts):
    with open(path, "w") as out:
        for part in parts:
            with open(part) as f:
                out.write(f.read())
    return path
