"""Histories of concurrent requests, and whether one order explains them.

A History records what clients asked and were answered, with the time of both.
check() looks, key by key, for an order of the requests that respects their
times and in which every answer is right for a register: a read gives the last
value written, a compare-and-swap replaces what it compared with, and so on.
A request whose outcome is not known (the connection broke, the answer was "may
or may not have been applied") may take effect at any time after it was asked,
or never; at most once, which values that are written only once make visible.

The search is that of Wing and Gong as Lowe has it: take the calls and returns
in the order of their times and keep all that may be so (the state, and which of
the open requests took effect); when a request returns, only what has it in
effect remains. Values are unique, so very few possibilities stay at a time.
"""

import itertools
import threading
import time

ABSENT = None           # what a register that does not exist holds

# What a request needs of the state to have had its answer.
ANY, EQUAL, OTHER, EXISTS = "any", "equal", "other", "exists"


class Operation:
    """One request. needs and effect say what its answer means for a register."""

    __slots__ = ("number", "client", "key", "text", "called", "returned", "needs", "operand",
                 "writes", "value")

    def __init__(self, number, client, key, text):
        self.number, self.client, self.key, self.text = number, client, key, text
        self.called, self.returned = time.monotonic_ns(), None
        self.needs, self.operand = ANY, None
        self.writes, self.value = False, None

    def allows(self, state):
        if self.needs == EQUAL:
            return state == self.operand
        if self.needs == OTHER:
            return state is not ABSENT and state != self.operand
        if self.needs == EXISTS:
            return state is not ABSENT
        return True

    def __str__(self):
        end = "never" if self.returned is None else "%.3f" % (self.returned / 1e6)
        return "%.3f..%s ms client %s: %s [%s %r%s]" % (
            self.called / 1e6, end, self.client, self.text, self.needs, self.operand,
            " -> %r" % (self.value,) if self.writes else "")


class History:
    def __init__(self):
        self.lock = threading.Lock()
        self.counter = itertools.count()
        self.operations = []
        self.known = self.unknown = self.refused = 0

    def call(self, client, key, text):
        return Operation(next(self.counter), client, key, text)

    def _keep(self, operation, needs, operand, writes, value):
        operation.needs, operation.operand = needs, operand
        operation.writes, operation.value = writes, value
        with self.lock:
            self.operations.append(operation)

    def returned(self, operation, needs=ANY, operand=None, writes=False, value=None):
        """Answered: it took effect between call and now, and found the state so."""
        operation.returned = time.monotonic_ns()
        self._keep(operation, needs, operand, writes, value)
        with self.lock:
            self.known += 1

    def maybe(self, operation, needs=ANY, operand=None, writes=False, value=None):
        """Nobody knows. Reads of that kind mean nothing and are left out."""
        with self.lock:
            self.unknown += 1
        if writes:
            self._keep(operation, needs, operand, writes, value)

    def never(self, operation):
        """Said not to have happened: any sight of its value is then an error."""
        with self.lock:
            self.refused += 1

    def check(self, initial=None):
        """The first key that no order explains, as a text; None if all is well."""
        keys = {}
        for operation in self.operations:
            keys.setdefault(operation.key, []).append(operation)
        for key, operations in sorted(keys.items()):
            problem = check_register(operations, (initial or {}).get(key, ABSENT))
            if problem:
                return "%s: %s" % (key, problem)
        return None


def drop_unseen(operations):
    """Without writes of unknown outcome whose value nobody ever met.

    Had one taken effect, the next effect must have been a write that did not
    look at the state; then all is the same without it. Not so if an answer says
    only that there was something.
    """
    if any(o.needs in (OTHER, EXISTS) for o in operations):
        return operations
    seen = {o.operand for o in operations if o.needs == EQUAL}
    return [o for o in operations
            if o.returned is not None or o.value is ABSENT or o.value in seen]


def with_reads(state, done, open_operations):
    """Every open request that only looks and is right here is placed here: later
    places are not better for it, and it changes nothing for the others."""
    fits = [o.number for o in open_operations.values()
            if not o.writes and o.number not in done and o.allows(state)]
    return (state, done.union(fits)) if fits else (state, done)


def spread(possible, goal, open_operations):
    """All that may be so once the request of that number is in effect, other open
    ones before it or not. A possibility is a state and the open requests in effect.
    """
    todo = [with_reads(state, done, open_operations) for state, done in possible]
    out, met = set(), set(todo)
    while todo:
        state, done = todo.pop()
        if goal in done:
            out.add((state, done))
            continue
        for operation in open_operations.values():
            if not operation.writes or operation.number in done or not operation.allows(state):
                continue
            after = with_reads(operation.value, done | {operation.number}, open_operations)
            if after not in met:
                met.add(after)
                todo.append(after)
    return out


def keep_freest(possible, open_operations):
    """Of what may be so with one state, what has the fewest unknown requests used up."""
    unknown = frozenset(n for n, o in open_operations.items() if o.returned is None)
    best = {}
    for state, done in possible:
        used, others = done & unknown, best.setdefault((state, done - unknown), [])
        if not any(other <= used for other in others):
            others[:] = [other for other in others if not used <= other] + [used]
    return {(state, done | used) for (state, done), many in best.items() for used in many}


def check_register(operations, initial=ABSENT):
    operations = drop_unseen(operations)
    moments = []
    for operation in operations:
        moments.append((operation.called, 0, operation))
        if operation.returned is not None:
            moments.append((operation.returned, 1, operation))
    moments.sort(key=lambda moment: moment[:2])
    possible, open_operations = {(initial, frozenset())}, {}
    for _, is_return, operation in moments:
        if not is_return:
            open_operations[operation.number] = operation
            continue
        before = possible
        possible = spread(possible, operation.number, open_operations)
        if not possible:
            return explain(operation, before, open_operations, operations)
        gone = frozenset((operation.number,))
        possible = keep_freest({(state, done - gone) for state, done in possible}, open_operations)
        del open_operations[operation.number]
    return None


def explain(operation, before, open_operations, operations):
    near = [o for o in operations if o.called <= operation.returned
            and (o.returned is None or o.returned >= operation.called - 2 * 10**9)]
    return "no order explains this answer:\n    %s\nbefore it the value could be %s\nopen:\n%s\nlately:\n%s" % (
        operation, sorted({repr(state) for state, _ in before}),
        "\n".join("    %s" % o for o in open_operations.values()),
        "\n".join("    %s" % o for o in sorted(near, key=lambda o: o.called)[-40:]))
