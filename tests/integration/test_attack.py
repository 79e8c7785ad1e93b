"""A node with a budget of memory is attacked for a minute by a client that knows its limits:
nothing gives way, and nobody else notices. Longer, and with other seeds: the program attack.

The kinds that write values of 10 MiB all the time come one at a time, and how long others wait
for a copy of such a value is the machine's: all at once they are the program's only.
"""

import pytest

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


@pytest.mark.parametrize("kind", sorted(GREAT_VALUES))
def test_values_of_the_greatest_size_stay_within_the_budget(world, kind):
    siege = Siege(world, seed=2026, kinds=[kind], tell=print)
    siege.run(6)
    siege.expect_waits(strict=False)
    print("\n".join(siege.table()))
    assert not siege.faults, "\n".join(siege.faults)
