"""A node with a budget of memory is attacked for a minute by a client that knows its limits:
nothing gives way, and nobody else notices. Longer, and with other seeds: the program attack."""

import pytest

from moothall import sanitized
from siege import Siege


@pytest.mark.skipif(sanitized(), reason="a sanitizer has memory of its own, and takes longer than requests may")
def test_everything_at_once_for_a_minute(world):
    siege = Siege(world, seed=2026, kinds=[], tell=print)
    siege.run(60)
    siege.expect_waits(strict=False)
    print("\n".join(siege.table()))
    assert not siege.faults, "\n".join(siege.faults)
