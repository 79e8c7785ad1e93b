"""A node with a budget of memory is attacked for a minute by a client that knows its limits:
nothing gives way, and nobody else notices. Longer, and with other seeds: the program attack.

How long others wait for a copy of a value of 10 MiB is the machine's: of that the node's own part
is judged.
"""

from siege import Siege

GREAT_VALUES = ["big", "storm", "swap", "unread"]


def endure(world, kinds, seconds):
    siege = Siege(world, seed=2026, kinds=kinds, tell=print)
    siege.run(seconds)
    siege.expect_waits(strict=False)
    print("\n".join(siege.table()))
    assert not siege.faults, "\n".join(siege.faults)


def test_everything_at_once_for_a_minute(world):
    endure(world, [], 60)


def test_values_of_the_greatest_size_stay_within_their_smaller_budget(world):
    """What else is alive would be part of it."""
    endure(world, GREAT_VALUES, 12)
