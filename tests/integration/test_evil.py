"""A worker that was taken over harms nobody but its own clients (docs/security.md)."""

import evil
import pytest

SEED = 2026


@pytest.mark.parametrize("evil_ones", ["2,3,4", "2,peer"])
def test_taken_over_workers_harm_nobody(world, evil_ones):
    attack = evil.Attack(world, SEED, evil=evil_ones)
    attack.start()
    attack.run(10)
    attack.over()
    assert min(attack.sums.values()) > 100, attack.sums
