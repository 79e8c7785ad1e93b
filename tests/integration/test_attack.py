"""A node with a budget of memory is attacked for a minute by a client that knows its limits:
nothing gives way, and nobody else notices. Longer, and with other seeds: the program attack.

The kinds that write values of 10 MiB all the time come by themselves: how long others wait for
copies of such values is the machine's. All kinds at once are the program's only.
"""

import attacks
from siege import Siege

GREAT_VALUES = ["big", "storm", "swap", "unread"]


def endure(world, kinds, seconds):
    siege = Siege(world, seed=2026, kinds=kinds, tell=print)
    siege.run(seconds)
    siege.expect_waits(strict=False)
    print("\n".join(siege.table()))
    assert not siege.faults, "\n".join(siege.faults)


def test_everything_at_once_for_a_minute(world):
    kinds = [kind.__name__.lower() for kind in attacks.KINDS]
    endure(world, [kind for kind in kinds if kind not in GREAT_VALUES], 60)


def test_values_of_the_greatest_size_stay_within_their_budget(world):
    endure(world, GREAT_VALUES, 12)
