import math

import torch
from tassn.tests.tiny import SIZES

from handpose_core.nn.heatmaps import decode_argmax, gaussian_heatmaps
from handpose_tassn.clips import pixels, places
from handpose_tassn.module import TASSNModule
from handpose_tassn.networks import ClipOutput
from handpose_tassn.reversal import AsTheyAre, Seen, Turned, turned, turned_places
from handpose_tassn.terms import MeshConsistency

QUARTER = torch.tensor([math.pi / 2])


def test_a_quarter_turn_moves_pixels_and_no_more() -> None:
    clip = torch.rand(1, 2, 3, 8, 8)
    torch.testing.assert_close(turned(clip, QUARTER), clip.rot90(-1, (-2, -1)), atol=1e-5, rtol=0)


def test_a_quarter_turn_takes_the_right_to_the_bottom() -> None:
    place = torch.tensor([1.0, 0.5, 7.0]).expand(1, 1, 1, 3)
    torch.testing.assert_close(turned_places(place, QUARTER), torch.tensor([[[[0.5, 1.0, 7.0]]]]))


def test_places_turn_as_the_pictures_do() -> None:
    joints = torch.tensor([[40.0, 30.0], [20.0, 36.0]])
    maps = gaussian_heatmaps(joints, 4.0, 64, 64)[None, None]
    angles = torch.tensor([0.4])
    found, _ = decode_argmax(turned(maps, angles)[0, 0], 64)
    where = torch.cat([places(joints, 64), torch.zeros(2, 1)], dim=-1)[None, None]
    expected = pixels(turned_places(where, angles)[0, 0, :, :2], 64)
    torch.testing.assert_close(found, expected, atol=0.1, rtol=0)


def test_what_is_said_of_turned_clips_is_brought_back() -> None:
    images = torch.rand(2, 3, 3, 16, 16)
    seen = Turned(rotation=60.0).see(images)
    assert seen.angles is not None
    assert 0 < seen.angles.abs().max() <= math.radians(60)
    said = torch.rand(2, 3, 5, 3)
    there = turned_places(said, seen.angles)
    back = seen.brought_back(ClipOutput([turned(images, seen.angles)], there, there))
    torch.testing.assert_close(back.joints, said)
    torch.testing.assert_close(back.vertices, said)
    crop = (..., slice(6, 10), slice(6, 10))  # not the corners, which were turned away
    before, after = images[crop], back.stages[0][crop]  # twice interpolated: about the same
    assert (after - before).abs().mean() < (after.flip(0) - before).abs().mean()


def test_colours_change_and_stay_colours() -> None:
    images = torch.rand(4, 2, 3, 8, 8)
    seen = Turned(rotation=0.0, brightness=0.3, contrast=0.0, saturation=0.0).see(images)
    assert 0 <= seen.images.min() <= seen.images.max() <= 1
    inside = (seen.images > 0) & (seen.images < 1)
    factors = [(shown / image)[where] for shown, image, where in zip(seen.images, images, inside, strict=True)]
    for one in factors:
        torch.testing.assert_close(one, one[0].expand_as(one))  # one factor a clip
    assert torch.stack([one[0] for one in factors]).std() > 1e-3  # and not one for all
    greys = images[:, :, :1].expand(-1, -1, 3, -1, -1)
    shown = Turned(rotation=0.0, brightness=0.0, contrast=0.0, saturation=0.9).see(greys).images
    torch.testing.assert_close(shown, greys, atol=1e-5, rtol=0)


def test_as_they_are_is_the_same_pictures() -> None:
    images = torch.rand(1, 2, 3, 8, 8)
    seen = AsTheyAre().see(images)
    assert seen == Seen(images, None)
    output = ClipOutput([images], torch.rand(1, 2, 4, 3), torch.rand(1, 2, 21, 3))
    assert seen.brought_back(output) is output


def test_a_network_that_heeds_no_past_agrees_with_itself_unless_clips_are_turned(clips) -> None:
    torch.manual_seed(0)
    module = TASSNModule(**SIZES).eval()
    with torch.no_grad():
        same, other = (module.measure(clips["image"], 1.0, reversal) for reversal in (AsTheyAre(), Turned()))
    torch.testing.assert_close(same.forward.joints, other.forward.joints)
    assert MeshConsistency().value(same, clips) == 0
    assert MeshConsistency().value(other, clips) > 0
