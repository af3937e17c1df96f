"""Parameter groups: the counts of the 2021 version."""
from src.util import parameter_groups
from tests.test_checkpoint import small_network


def test_groups_at_80_classes():
    plain, decayed = parameter_groups(small_network(80), 0.016)
    assert (len(plain["params"]), sum(p.size for p in plain["params"]), plain["weight_decay"]) == (24, 6_878, 0.0)
    assert (len(decayed["params"]), sum(p.size for p in decayed["params"])) == (13, 8_845_488)
    assert decayed["weight_decay"] == 0.016
