"""The checker of histories, against histories that are known to be right or wrong."""

import itertools
import random

import linear
from linear import ABSENT, ANY, EQUAL, EXISTS, OTHER, Operation, check_register


def made(called, returned, needs, operand=None, writes=False, value=None, numbers=itertools.count()):
    operation = Operation(next(numbers), "c", "/k", "made")
    operation.called, operation.returned = called, returned
    operation.needs, operation.operand = needs, operand
    operation.writes, operation.value = writes, value
    return operation


def put(called, returned, value):
    return made(called, returned, ANY, None, True, value)


def get(called, returned, value):
    return made(called, returned, EQUAL, value)


def swap(called, returned, old, value):
    return made(called, returned, EQUAL, old, True, value)


def test_what_one_order_explains_is_accepted():
    assert check_register([]) is None
    assert check_register([get(0, 1, ABSENT), put(2, 3, "a"), get(4, 5, "a")]) is None
    # Concurrent: a read may see a write that has not returned, or not.
    assert check_register([put(0, 10, "a"), get(1, 2, ABSENT), get(3, 4, "a"), get(5, 6, "a")]) is None
    # A request that only looks goes before an open write that returns earlier.
    assert check_register([put(0, 1, "a"), put(2, 4, "b"), get(3, 6, "a")]) is None
    assert check_register([put(0, 1, "a"), swap(2, 9, "a", "b"), swap(3, 8, "b", "c"),
                           get(10, 11, "c")]) is None


def test_what_no_order_explains_is_found():
    assert check_register([put(0, 1, "a"), get(2, 3, ABSENT)])              # lost
    assert check_register([put(0, 1, "a"), put(2, 3, "b"), get(4, 5, "a")])     # stale
    assert check_register([put(0, 9, "a"), get(1, 2, "a"), get(3, 4, ABSENT)])  # back in time
    assert check_register([get(0, 1, "a")])                                 # out of nowhere
    assert check_register([put(0, 1, "a"), swap(2, 9, "a", "b"), swap(3, 8, "a", "c")])
    assert check_register([put(0, 1, "a"), made(2, 3, OTHER, "a")])
    assert check_register([made(2, 3, EXISTS)])


def test_an_unknown_write_may_happen_late_or_never_but_once():
    lost = put(0, None, "a")
    assert check_register([lost, get(1, 2, ABSENT)]) is None
    assert check_register([lost, get(1, 2, ABSENT), put(3, 4, "b"), get(5, 6, "b"), get(7, 8, "a")]) is None
    assert check_register([lost, get(1, 2, "a"), put(3, 4, "b"), get(5, 6, "a")])
    assert check_register([lost, get(1, 2, "a"), get(3, 4, ABSENT)])
    # It cannot happen before it was asked for.
    assert check_register([get(0, 1, "a"), put(2, None, "a")])


def random_history(rand, size):
    """Requests with random times and answers; small, so that all orders can be tried."""
    out = []
    for i in range(size):
        called = rand.randrange(20)
        returned = called + 1 + rand.randrange(8)
        kind = rand.choice(["put", "get", "swap", "delete", "unknown"])
        some = rand.choice([ABSENT] + ["v%d" % n for n in range(size)])
        if kind == "put":
            out.append(made(called, returned, rand.choice([ANY, EQUAL]), some, True, "v%d" % i))
        elif kind == "get":
            out.append(get(called, returned, some))
        elif kind == "swap":
            out.append(swap(called, returned, some, "v%d" % i))
        elif kind == "delete":
            out.append(made(called, returned, rand.choice([ANY, EXISTS, EQUAL]), some, True, ABSENT))
        else:
            out.append(made(called, None, ANY, None, True, rand.choice(["v%d" % i, ABSENT])))
    return out


def explained_by_trying_all(operations, state=ABSENT):
    """Take any request that none unreturned has to come before; unknown ones may be left over."""
    if all(o.returned is None for o in operations):
        return True
    limit = min(o.returned for o in operations if o.returned is not None)
    for i, operation in enumerate(operations):
        if operation.called <= limit and operation.allows(state):
            rest = operations[:i] + operations[i + 1:]
            if explained_by_trying_all(rest, operation.value if operation.writes else state):
                return True
    return False


def test_random_histories_are_judged_as_by_trying_all_orders():
    rand, right = random.Random(7), 0
    for _ in range(4000):
        operations = random_history(rand, rand.randrange(2, 7))
        expected = explained_by_trying_all(operations)
        assert (check_register(operations) is None) == expected, [str(o) for o in operations]
        right += expected
    assert 200 < right < 3800


def test_a_long_history_is_judged_fast():
    import time
    rand, operations, state = random.Random(3), [], ABSENT
    for i in range(5000):
        at = i * 10
        wide = rand.randrange(1, 60)
        if rand.random() < 0.02:
            operations.append(put(at, None, "u%d" % i))
        elif rand.random() < 0.5:
            operations.append(get(at - wide, at + wide, state))
        else:
            operations.append(swap(at - wide, at + wide, state, "v%d" % i))
            state = "v%d" % i
    began = time.monotonic()
    assert linear.check_register(operations) is None
    operations.append(get(10**6, 10**6 + 1, "v1"))
    assert linear.check_register(operations)
    assert time.monotonic() - began < 20
