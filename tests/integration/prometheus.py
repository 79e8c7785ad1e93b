"""Reads the Prometheus text format 0.0.4 and OpenMetrics 1.0.0, strictly, and what
`promtool check metrics` would say of it: a page that is not right raises Wrong."""

import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|\Z)')
VALUE = re.compile(r"([0-9]+(\.[0-9]+)?|\+Inf)\Z")
TYPES = {"counter", "gauge", "histogram"}

# Names of etcd 3 that dashboards ask for as they are.
GAUGES_OF_ETCD = {"etcd_debugging_mvcc_keys_total", "etcd_debugging_mvcc_watcher_total"}


class Wrong(Exception):
    pass


def labels_of(text, line):
    """'a="b",c="d"' -> (("a", "b"), ("c", "d"))"""
    out, at = [], 0
    while at < len(text):
        match = LABEL.match(text, at)
        if match is None:
            raise Wrong("labels: %r" % line)
        value = re.sub(r'\\(["\\n])', lambda m: "\n" if m[1] == "n" else m[1], match[2])
        out.append((match[1], value))
        at = match.end()
    if len(dict(out)) != len(out):
        raise Wrong("a label twice: %r" % line)
    return tuple(out)


class Page:
    """One scrape: samples[(name, labels)] = value; types[name]."""

    def __init__(self, text, openmetrics=False):
        self.samples, self.types, self.help = {}, {}, {}
        self.family, self.openmetrics = None, openmetrics
        if openmetrics:
            if not text.endswith("\n# EOF\n") or "# EOF" in text[:-6]:
                raise Wrong("the end is not said, or twice")
            text = text[:-6]
        if not text.endswith("\n"):
            raise Wrong("the last line has no end")
        for line in text.split("\n")[:-1]:
            self._comment(line) if line.startswith("#") else self._sample(line)
        for name in self.types:
            self._check_family(name)

    def _comment(self, line):
        words = line.split(" ", 3)
        if len(words) != 4 or words[1] not in ("HELP", "TYPE") or not NAME.match(words[2]):
            raise Wrong("comment: %r" % line)
        if words[1] == "HELP":
            if words[2] in self.help:
                raise Wrong("in two places: %s" % words[2])
            self.help[words[2]] = words[3]
            self.family = None
        else:
            if words[2] not in self.help or words[3] not in TYPES:
                raise Wrong("type: %r" % line)
            self.types[words[2]] = words[3]
            self.family = words[2]

    def _sample(self, line):
        match = re.match(r"([^ {]+)(?:\{(.*)\})? ([^ ]+)\Z", line)
        if match is None or not NAME.match(match[1]) or not VALUE.match(match[3]):
            raise Wrong("sample: %r" % line)
        name, labels = match[1], labels_of(match[2] or "", line)
        allowed = {self.family}
        if self.openmetrics and self.types.get(self.family) == "counter":
            allowed = {self.family + "_total"}
        if self.types.get(self.family) == "histogram":
            allowed = {self.family + part for part in ("_bucket", "_sum", "_count")}
        if name not in allowed:
            raise Wrong("outside of its family: %r" % line)
        if (name, labels) in self.samples:
            raise Wrong("twice: %r" % line)
        self.samples[name, labels] = float(match[3])

    def _check_family(self, name):
        kind = self.types[name]
        if not self.help[name].strip():
            raise Wrong("no help: %s" % name)
        if name not in GAUGES_OF_ETCD and name.endswith("_total") != (kind == "counter" and not self.openmetrics):
            raise Wrong("only counters end in _total, and all do: %s" % name)
        if re.search(r"_(bucket|sum|count|info_total|milliseconds|kilobytes)\Z", name):
            raise Wrong("name: %s" % name)
        if kind == "histogram":
            for labels in {labels for key, labels in self.samples if key == name + "_count"}:
                self._check_histogram(name, labels)

    def _check_histogram(self, name, labels):
        buckets = [(float(dict(key)["le"]), value) for (sample, key), value in self.samples.items()
                   if sample == name + "_bucket" and tuple(l for l in key if l[0] != "le") == labels]
        if self.openmetrics and any("." not in dict(key)["le"] and dict(key)["le"] != "+Inf"
                                    for sample, key in self.samples if sample == name + "_bucket"):
            raise Wrong("a bound that is no float: %s" % name)
        if [le for le, _ in buckets] != sorted({le for le, _ in buckets}):
            raise Wrong("bounds: %s" % name)
        if [value for _, value in buckets] != sorted(value for _, value in buckets):
            raise Wrong("buckets fall: %s" % name)
        if buckets[-1] != (float("inf"), self.samples[name + "_count", labels]):
            raise Wrong("count: %s" % name)
        if (name + "_sum", labels) not in self.samples:
            raise Wrong("no sum: %s" % name)

    def get(self, name, **labels):
        """The sum of all samples that have these labels; None if there is none."""
        wanted = set(labels.items())
        found = [value for (key, own), value in self.samples.items()
                 if key == name and wanted <= set(own)]
        return sum(found) if found else None

    def counters(self):
        """Everything that must never fall."""
        def rises(name):
            family = re.sub(r"_(bucket|sum|count)\Z", "", name)
            return "counter" in (self.types.get(name), self.types.get(name[:-6])) or self.types.get(family) == "histogram"
        return {key: value for key, value in self.samples.items() if rises(key[0])}


TYPES_OF = {False: "text/plain; version=0.0.4; charset=utf-8",
            True: "application/openmetrics-text; version=1.0.0; charset=utf-8"}


def scrape(address, accept=None, openmetrics=False, tls=None):
    from moothall import ask
    answer = ask(address, "GET", "/metrics", headers={} if accept is None else {"Accept": accept}, tls=tls)
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"] == TYPES_OF[openmetrics]
    return Page(answer.body.decode(), openmetrics)
