"""The command blocks of the texts, and what stands below a command as a pattern.

A block of commands is, in Markdown, a fenced one of the language sh or with a line that
begins with "$ "; in a manual page a literal display (.Bd -literal ... .Ed) with such a line
or lines that are such (.Dl). Right before it stands a mark, a comment:

	<!-- run: SCENARIO; WORD VALUE; ... -->		.\\" run: SCENARIO; WORD VALUE; ...
	<!-- not run: REASON -->			.\\" not run: REASON

The blocks of one scenario of a text are run one after the other, on machines of their own
(machines.py); those of the scenario "tree" by a shell in the root of the build. A reason says
why neither can do it. The words are:

	on MACHINE	where; otherwise where the addresses of a line are, or on machine1
	after COMMAND	what the reader was told between the blocks; several, each with its "after"
	file PATH	the block is no commands: it is what is in that file
	pid NUMBER	stands for the process id of the node on that machine
	needs PATH	a program: without it the scenario ends before the block; "v3": a build with it
	any WORD ...	each of them stands for any word where it is an output

"after" takes any command, and some that only the tests know: "stop NODE", "kill NODE" (or
"all"), "start NODE again", "start the service" and "export NAME=VALUE".

What stands below a command line, up to the next one, is its output. It is compared line by
line, and these stand for others of their kind:

	...			anything within a line; alone on a line: any lines
	13a6814ac19f6191	any sixteen hexadecimal digits
	2026-11-22T18:12:46Z	any time
	etcd 0.2.0		any version
	two or more spaces	any number of spaces, as in a table
"""

import glob
import os
import re

SOURCE = os.path.abspath(os.environ.get("MOOTHALL_SOURCE") or
                         os.path.join(os.path.dirname(__file__), "..", ".."))
# Not moothall.BUILD, which may be a copy of the programs only.
BUILD = os.environ.get("MOOTHALL_BUILD") or SOURCE
TEXTS = (["README.md", "CONTRIBUTING.md", "docs/operations.md"] +
         sorted(os.path.relpath(page, SOURCE) for page in glob.glob(os.path.join(SOURCE, "docs/man/*.[1-8]"))))

TREE = "tree"
MARK = re.compile(r'(?:<!-- |\.\\" )(run|not run): (.*?)(?: -->)?')
WORDS = ("on", "after", "file", "pid", "needs", "any")
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"
KINDS = [(r"\.\.\.", r"[^\n]*"), (r"\b[0-9a-f]{16}\b", r"[0-9a-f]{16}"), (TIME, TIME),
         (r"(?<=etcd )\d+\.\d+\.\d+", r"\d+\.\d+\.\d+\S*"), (r"^ +|  +", r" *")]
ANY_WORD = r"[^\s,\"]+"


class Block:
    def __init__(self, text, line, mark, lines, shell):
        self.text, self.line, self.lines, self.shell = text, line, lines, shell
        self.scenario = self.reason = None
        self.words = {"after": [], "any": []}
        self.problem = None
        match = mark and MARK.fullmatch(mark)
        if match is None:
            self.problem = "is not marked: run, or why not"
        elif match.group(1) == "not run":
            self.reason = match.group(2)
        else:
            self.scenario, *words = match.group(2).split("; ")
            for word in words:
                self._take(*word.partition(" ")[::2])

    def _take(self, word, value):
        if word not in WORDS or not value:
            self.problem = "the mark has a word that is not known: %s" % word
        elif word == "after":
            self.words["after"].append(value)
        else:
            self.words[word] = value.split() if word == "any" else value

    def place(self):
        return "%s:%d" % (self.text, self.line)

    def body(self):
        return "".join(line + "\n" for line in self.lines)

    def commands(self):
        """(command, the lines of its output; None: the text shows none)."""
        out, command = [], None
        for line in self.lines:
            if command is not None:
                command += "\n" + line
            elif not self.shell and not line.startswith("$ "):
                if out:
                    out[-1][1].append(line)
                continue
            else:
                command = line if self.shell else line[2:]
            if not command.endswith("\\"):
                if command.strip():
                    out.append((command, []))
                command = None
        return [(command, _without_empty(lines) or None) for command, lines in out]


def _without_empty(lines):
    while lines and not lines[-1]:
        lines = lines[:-1]
    return lines


def _markdown(text, lines):
    blocks, begin, language, mark = [], None, None, None
    for number, line in enumerate(lines, 1):
        if line.startswith("```"):
            if begin is None:
                begin, language, inside = number, line[3:], []
                mark = lines[number - 2] if number > 1 and MARK.fullmatch(lines[number - 2]) else None
                continue
            if language == "sh" or mark or any(line.startswith("$ ") for line in inside):
                blocks.append(Block(text, begin, mark, inside, language == "sh"))
            begin = None
        elif begin is not None:
            inside.append(line)
    return blocks


def _plain(line):
    """A line of a literal display as it is read."""
    return line.replace("\\e", "\\").replace("\\-", "-").replace("\\&", "").replace("\\(dq", '"')


def _manual(text, lines):
    blocks, begin = [], None
    for number, line in enumerate(lines, 1):
        above = lines[number - 2] if number > 1 and MARK.fullmatch(lines[number - 2]) else None
        if line.startswith(".Bd -literal"):
            begin, mark, inside = number, above, []
        elif line == ".Ed" and begin is not None:
            if mark or any(line.startswith("$ ") for line in inside):
                blocks.append(Block(text, begin, mark, inside, False))
            begin = None
        elif begin is not None:
            inside.append(_plain(line))
        elif line.startswith(".Dl $ ") and lines[number - 2].startswith(".Dl $ "):
            blocks[-1].lines.append(_plain(line[4:]))
        elif line.startswith(".Dl $ "):
            blocks.append(Block(text, number, above, [_plain(line[4:])], False))
    return blocks


def marks(text):
    """How many lines of a text are marks: each has to stand before a block."""
    with open(os.path.join(SOURCE, text)) as file:
        return sum(bool(MARK.fullmatch(line.rstrip("\n"))) for line in file)


def blocks_of(text):
    with open(os.path.join(SOURCE, text)) as file:
        lines = file.read().splitlines()
    return (_markdown if text.endswith(".md") else _manual)(text, lines)


def scenarios():
    """(text, scenario) -> its blocks, in the order of the text."""
    out = {}
    for text in TEXTS:
        for block in blocks_of(text):
            if block.scenario:
                out.setdefault((text, block.scenario), []).append(block)
    return out


def _line_pattern(line, words):
    kinds = KINDS + [(r"(?<![\w.])" + re.escape(word) + r"(?![\w])", ANY_WORD) for word in words]
    out, at = "", 0
    for match in re.finditer("|".join("(%s)" % kind for kind, _ in kinds), line):
        out += re.escape(line[at:match.start()]) + kinds[match.lastindex - 1][1]
        at = match.end()
    return out + re.escape(line[at:])


def pattern(lines, words=()):
    """The regular expression of an output that ends with a line's end."""
    return "".join(r"(?:[^\n]*\n)*?" if line.strip() == "..." else _line_pattern(line, words) + " *\n" for line in lines)


def fits(lines, output, words=()):
    got = _without_empty([line.rstrip() for line in output.splitlines()])
    # A blank line between two commands belongs to the text.
    return re.fullmatch(pattern(lines, words), "".join(line + "\n" for line in got)) is not None
