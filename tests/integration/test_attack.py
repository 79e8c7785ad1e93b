"""A node with a budget of memory is attacked for a minute by a client that knows its limits:
nothing gives way, and nobody else notices. Longer, and with other seeds: the program attack.

The kinds that write values of 10 MiB all the time are the program's only: what several copies
of each cost in memory and time is above the budget.
"""

import attacks
from siege import Siege

GREAT_VALUES = {"big", "storm", "swap", "unread"}


def test_everything_at_once_for_a_minute(world):
    kinds = [kind.__name__.lower() for kind in attacks.KINDS]
    siege = Siege(world, seed=2026, kinds=[kind for kind in kinds if kind not in GREAT_VALUES], tell=print)
    siege.run(60)
    siege.expect_waits(strict=False)
    print("\n".join(siege.table()))
    assert not siege.faults, "\n".join(siege.faults)
