"""The reader of files of options against another one: Python's tomllib.

Both read generated files. Files of the part that ours has must give the same
values; any other bytes the same values, or both refuse them; what only ours
refuses must be one of the things supervisor/toml.h says it does not have.
"""

import os
import random
import re
import subprocess
import tomllib

from moothall import BUILD

TOML_PRINT = os.path.join(BUILD, "tests", "unit", "supervisor", "toml_print")
SEED = int(os.environ.get("MOOTHALL_SEED", "1"))

# Sentences about what TOML has and ours has not.
NOT_SUPPORTED = re.compile(
    "not supported|is too large|have to be of one kind|of \\\\ in a text only|"
    "there are more than 1000|more than 1000 items")
# Said of words that TOML reads: dates, times, hexadecimal, octal, binary, inf, nan.
OTHER_WORD = re.compile(
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}|^[0-9]{2}:[0-9]{2}:|^0[xob][0-9a-fA-F_]+$|^[+-]?(inf|nan)$")


def ours(folder, texts):
    """What toml_print says of each text: a dict of values, or the sentence."""
    paths = []
    for number, text in enumerate(texts):
        paths.append(os.path.join(folder, "%d.toml" % number))
        with open(paths[-1], "wb") as file:
            file.write(text)
    out = subprocess.run([TOML_PRINT] + paths, capture_output=True, text=True, check=True)
    results, values = [], {}
    for line in out.stdout.splitlines():
        if line.startswith("refused "):
            results.append(line.split(" ", 2)[2])
        elif line == "end":
            results.append(values)
            values = {}
        else:
            key, kind, is_array, *words = line.split(" ")
            read = {"text": str, "integer": int, "float": float, "bool": lambda word: word == "true"}
            items = [read[kind](bytes.fromhex(word[1:]).decode()) for word in words]
            if kind != "table":
                values[key] = items if is_array == "1" else items[0]
    assert len(results) == len(texts), out.stderr
    return results


def theirs(text):
    """The values of all keys with their tables, or None if it is refused."""
    try:
        tables = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        return None
    values = {}

    def flatten(table, prefix):
        for key, value in table.items():
            if isinstance(value, dict):
                flatten(value, prefix + key + ".")
            else:
                values[prefix + key] = value
    flatten(tables, "")
    return values


def same(one, other):
    """Equal, and of the same types: 1, 1.0 and True are three values."""
    return repr(sorted(one.items())) == repr(sorted(other.items()))


class Writer:
    """Random files of the part of TOML that ours has."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def blanks(self):
        return self.random.choice(["", "", " ", "\t", "  "])

    def end(self):
        comment = self.random.choice(["", "", "", "# a = 1", "#\"'[{\u00e9"])
        return self.blanks() + comment + self.random.choice(["\n", "\n", "\r\n", "\n\n"])

    def key(self):
        return "".join(self.random.choice("abzAZ019_-") for _ in range(self.random.randint(1, 3)))

    def text(self):
        quote = self.random.choice("\"'")
        pieces = ["a", "#", " ", "\t", "[", "=", "\u00e9", "\U0001f600", "127.0.0.1:4001"]
        pieces += ["\\\"", "\\\\", "\\n", "\\t", "\\b", "\\f", "\\r", "'"] if quote == '"' else ["\\", '"']
        return quote + "".join(self.random.choice(pieces) for _ in range(self.random.randint(0, 6))) + quote

    def digits(self, first_zero):
        text = str(self.random.choice([0, 1, 7, 50, 4001, 10 ** 9, self.random.randint(0, 10 ** 6)]))
        if first_zero:
            text = self.random.choice(["", "0", "00"]) + text
        if len(text) > 1 and self.random.random() < 0.2:
            text = text[0] + "_" + text[1:]
        return text

    def integer(self):
        limits = ["9223372036854775807", "-9223372036854775808"]
        if self.random.random() < 0.05:
            return self.random.choice(limits)
        return self.random.choice(["", "", "-", "+"]) + self.digits(False)

    def floating(self):
        fraction = "." + self.digits(True)
        exponent = self.random.choice("eE") + self.random.choice(["", "-", "+"]) + self.random.choice(["2", "05", "1_0"])
        return self.random.choice(["", "-", "+"]) + self.digits(False) + \
            self.random.choice([fraction, exponent, fraction + exponent])

    def truth(self):
        return self.random.choice(["true", "false"])

    def value(self):
        one = self.random.choice([self.text, self.integer, self.floating, self.truth])
        if self.random.random() < 0.75:
            return one()
        gap = lambda: self.random.choice(["", " ", self.end()])  # noqa: E731
        items = [gap() + one() + gap() for _ in range(self.random.randint(0, 4))]
        comma = "," if items and self.random.random() < 0.3 else ""
        return "[" + ",".join(items) + comma + gap() + "]"

    def file(self):
        lines, used, table = [], set(), ""
        for _ in range(self.random.randint(0, 8)):
            if self.random.random() < 0.2:
                names = [self.key() for _ in range(self.random.randint(1, 3))]
                table = ".".join(names) + "."
                if any(table.startswith(key + ".") or key.startswith(table) for key in used) or table in used:
                    break
                used.add(table)
                dot = self.blanks() + "." + self.blanks()
                lines.append(self.blanks() + "[" + self.blanks() + dot.join(names) + self.blanks() + "]" + self.end())
            key = self.key()
            if any(name == table + key or name.startswith(table + key + ".") for name in used):
                continue
            used.add(table + key)
            lines.append(self.blanks() + key + self.blanks() + "=" + self.blanks() + self.value() + self.end())
        return "".join(lines).encode()


def test_files_of_the_part_are_read_alike(tmp_path):
    writer = Writer(SEED)
    texts = [writer.file() for _ in range(1500)]
    read = 0
    for text, found in zip(texts, ours(tmp_path, texts)):
        expected = theirs(text)
        assert expected is not None, text
        assert isinstance(found, dict), (found, text)
        assert same(found, expected), (found, expected, text)
        read += len(found)
    assert read > 3000


def changed(chance, text):
    """Pieces of TOML and bytes put in, taken out, doubled."""
    pieces = [b'"', b"'", b'"""', b"'''", b"[", b"]", b"[[a]]\n", b"{a=1}", b".", b"=", b",", b"#", b"\n", b"\r",
              b"\\u0041", b"\\U00000000", b"\\\n", b"1979-05-27", b"07:32:00", b"0x1f", b"0o7", b"0b1", b"inf", b"-nan", b"_",
              b"0", b"-", b"e", b"\x00", b"\x7f", b"\xff", b"\xc3", b"\xef\xbb\xbf", b"a.b=1\n", b"\"q\"=1\n",
              b"99999999999999999999", b"1e999", b" "]
    for _ in range(chance.randint(1, 3)):
        at = chance.randint(0, len(text))
        how = chance.random()
        if how < 0.6:
            text = text[:at] + chance.choice(pieces) + text[at:]
        elif how < 0.8:
            text = text[:at] + text[at + chance.randint(1, 4):]
        else:
            text = text + text[at:]
    return text


def test_changed_files_are_read_alike_or_refused_by_both(tmp_path):
    writer, chance = Writer(SEED + 1), random.Random(SEED + 2)
    texts = [changed(chance, writer.file()) for _ in range(3000)]
    both, only_ours = 0, set()
    for text, found in zip(texts, ours(tmp_path, texts)):
        expected = theirs(text)
        if isinstance(found, dict):
            assert expected is not None, ("only tomllib refuses it", text)
            assert same(found, expected), (found, expected, text)
        elif expected is None:
            both += 1
        else:
            word = found.split(" is neither ")[0]
            assert NOT_SUPPORTED.search(found) or OTHER_WORD.search(word), (found, text)
            only_ours.add(re.sub(r"[0-9\[].*", "", found))
    assert both > 300 and len(only_ours) > 4, (both, only_ours)
