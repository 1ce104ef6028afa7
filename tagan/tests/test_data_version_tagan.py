"""A change of what `handpose tagan simulate` makes of the same seeds raises the data version."""

from pathlib import Path

from core.tests.synth.fingerprints import fingerprint, hold_version

from handpose_tagan.simulation.bulk import simulate

KEPT = Path(__file__).with_name("data_version.json")


def test_simulated_hands_are_those_of_the_data_version():
    hands = simulate(4, range(2))
    labels = [array for hand in hands for array in (hand.joints_3d, hand.joints_2d, hand.K, [hand.side])]
    pictures = [picture for hand in hands for picture in (hand.rgba, 255 * hand.mask)]
    hold_version({"simulated": fingerprint(labels, pictures)}, KEPT)
