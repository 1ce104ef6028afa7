"""Frames keep their numbers and times; what is missing is told; a video has its name once it is whole."""

import resource
import signal
from pathlib import Path

import numpy as np
import pytest

from handpose_core.errors import HandposeError
from handpose_core.io.atomic import staged
from handpose_core.io.video import Video, VideoWriter, is_video, write_video
from handpose_core.io.video_access import VideoFrames

from .videos import RATE, cut_off, grey, mp4_with_codec, with_damage, with_steps, write_frames

STEPS = [33] * 6 + [200] * 6


def read(path: Path) -> tuple[Video, list[int], list[float], list[int]]:
    """A video after it was read, and number, time and grey of each frame."""
    video = Video(path)
    frames = list(video)
    return (
        video,
        [frame.number for frame in frames],
        [frame.seconds for frame in frames],
        [round((frame.pixels.mean() - 20) / 10) for frame in frames],
    )


def test_damaged_frames_are_named_and_the_others_keep_their_numbers(tmp_path):
    video, numbers, seconds, shown = read(with_damage(tmp_path / "clip.avi", 12, [0, 4, 5]))
    assert numbers == shown == [1, 2, 3, *range(6, 12)]
    assert seconds == pytest.approx([number / RATE for number in numbers])
    assert video.notes == ("3 of 12 frames are missing, damaged or cut off: 0, 4 to 5",)


def test_of_a_file_that_breaks_off_it_is_said_how_much_is_missing(tmp_path):
    video, numbers, _, shown = read(cut_off(tmp_path / "clip.avi", 12, 7))
    assert numbers[:7] == shown[:7] == list(range(7))
    assert video.announced == 12
    missing = 12 - len(numbers)
    assert video.notes[0].startswith(f"{missing} of 12 frames are missing, damaged or cut off: {len(numbers)} to 11")


def test_a_whole_video_has_no_notes(tmp_path):
    video, numbers, seconds, _ = read(write_frames(tmp_path / "clip.mp4", 12, "mp4v"))
    assert numbers == list(range(12))
    assert seconds == pytest.approx([number / RATE for number in range(12)])
    assert (video.rate, video.notes) == (RATE, ())


def test_a_clip_that_was_trimmed_by_an_edit_list_misses_nothing(tmp_path):
    """Phones trim so: the frames are there, and the file says which part of them is shown."""
    path = write_frames(tmp_path / "clip.mp4", 12, "mp4v")
    content = bytearray(path.read_bytes())
    place = content.index(b"elst") + 4 + 8
    shown = int.from_bytes(content[place : place + 4])
    content[place : place + 4] = (shown // 2).to_bytes(4)
    path.write_bytes(content)
    video, numbers, _, _ = read(path)
    assert numbers == list(range(len(numbers)))
    assert 5 <= len(numbers) <= 8
    assert video.notes == ()
    assert video.announced == len(numbers)


def test_frames_of_a_variable_rate_keep_their_times(tmp_path):
    video, numbers, seconds, shown = read(with_steps(tmp_path / "clip.mp4", STEPS))
    assert numbers == shown == list(range(12))
    assert seconds == pytest.approx(np.cumsum([0, *STEPS[:-1]]) / 1000)
    assert video.rate == 30
    assert video.notes == ("variable frame rate: each frame keeps its own time; overlay at 30 frames a second",)


@pytest.mark.parametrize("order", [range(12), range(11, -1, -1), (3, 11, 0, 7, 7, 2, 10)])
def test_frames_are_found_in_any_order(tmp_path, order):
    whole = VideoFrames(with_steps(tmp_path / "clip.mp4", STEPS))
    assert whole.missing == frozenset()
    assert [round(whole.read(number).mean()) for number in order] == pytest.approx([*map(grey, order)], abs=4)
    damaged = VideoFrames(with_damage(tmp_path / "clip.avi", 12, [4, 5]))
    assert (len(damaged.names), damaged.missing) == (12, {4, 5})
    kept = [number for number in order if number not in damaged.missing]
    assert [round(damaged.read(number).mean()) for number in kept] == pytest.approx([*map(grey, kept)], abs=4)
    with pytest.raises(HandposeError, match="frame 4: found a frame that does not decode"):
        damaged.read(4)


@pytest.mark.parametrize(
    ("content", "found", "fix"),
    [
        (mp4_with_codec(b"av01"), "AV1, no frame", "ffmpeg -i '.*my clip.mp4' -c:v libx264"),
        (mp4_with_codec(b"vvc1"), r"H\.266 \(VVC\), no frame", "ffmpeg"),
        (mp4_with_codec(b"encv"), r"an encrypted stream \(DRM\)", "ffmpeg"),
        (b"\x1aE\xdf\xa3" + bytes(40) + b"\x86\x85V_AV1" + bytes(99), "AV1, no frame", "ffmpeg"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "a Git LFS pointer", "git lfs pull"),
        (b"<!DOCTYPE html><html></html>", "an HTML page", "download the file again"),
        (b"", "an empty file", "again"),
        (b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x20mdat" + bytes(24), r"without its index \(moov\)", "broke off"),
    ],
)
def test_what_is_no_readable_video_is_named_with_the_way_out(tmp_path, content, found, fix):
    (tmp_path / "my clip.mp4").write_bytes(content)
    with pytest.raises(HandposeError, match=rf"my clip\.mp4: found {'.*' if 'moov' in found else ''}{found}") as raised:
        Video(tmp_path / "my clip.mp4")
    assert raised.match(fix)


NAMES = ["clip%03d.mp4", "%d.mp4", "12:30 #1 & ünï.mp4", "-i.mp4", "file:x.mp4", "100%.MP4", "手.mp4", "a'b\"c.mp4"]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_read_and_written(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write_frames(tmp_path / "plain.mp4", 3, "mp4v").rename(name)
    assert is_video(Path(name))
    assert [frame.number for frame in Video(Path(name))] == [0, 1, 2]
    Path("out").mkdir()
    with staged(Path("out", name), ".mp4") as path, write_video(path, RATE, Path(name)) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8), 0.0)
    assert [path.name for path in Path("out").iterdir()] == [name]
    assert len(list(Video(Path("out", name)))) == 1


def test_videos_are_known_by_content_and_by_suffixes_of_any_case(tmp_path):
    write_frames(tmp_path / "clip.avi", 2, "MJPG").rename(tmp_path / "recording")
    assert is_video(tmp_path / "recording")
    assert is_video(Path("CLIP.MOV"))
    (tmp_path / "frames.mp4").mkdir()
    assert not is_video(tmp_path / "frames.mp4")
    (tmp_path / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    assert not is_video(tmp_path / "photo.heic")


def write_noise(target: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    with staged(target, ".mp4") as path, write_video(path, RATE, target) as writer:
        for number in range(20):
            writer.write(noise, number / RATE)


def test_a_video_that_cannot_be_read_again_does_not_get_its_name(tmp_path):
    """A limit on the size of files fails as a full disk does, and OpenCV's writer reports neither."""
    before, limits = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.getrlimit(resource.RLIMIT_FSIZE)
    target = tmp_path / "clip.mp4"
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        with pytest.raises(HandposeError, match=r"clip\.mp4: found .*after writing.*disk is full"):
            write_noise(target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert list(tmp_path.iterdir()) == []


def test_each_frame_is_shown_at_its_own_time_and_in_the_first_ones_size(tmp_path):
    path = tmp_path / "clip.mp4"
    with write_video(path, 10.0, path) as writer:
        for number, (seconds, size) in enumerate([(0.2, (48, 64)), (0.3, (49, 65)), (0.7, (20, 30))]):
            writer.write(np.full((*size, 3), grey(5 * number), np.uint8), seconds)
    shown = [round((frame.pixels.mean() - 20) / 50) for frame in Video(path)]
    assert shown == [0, 0, 0, 1, 1, 1, 1, 2]


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    target = tmp_path / "none" / "x.mp4"
    with pytest.raises(HandposeError, match=r"x\.mp4: found no file that OpenCV can write a video to"):
        VideoWriter(target, RATE, target).write(np.zeros((4, 4, 3), np.uint8), 0.0)


def test_a_name_that_is_not_utf8_is_refused_before_opencv_crashes(tmp_path):
    path = tmp_path / "clip\udcff.mp4"
    with pytest.raises(HandposeError, match="not UTF-8"), write_video(path, RATE, path) as writer:
        writer.write(np.zeros((16, 16, 3), np.uint8), 0)


def test_opencv_adds_no_messages_to_a_refusal(tmp_path, capfd):
    (tmp_path / "clip.mp4").write_bytes(b"no video")
    with pytest.raises(HandposeError, match="no frame"):
        Video(tmp_path / "clip.mp4")
    assert "VIDEOIO" not in capfd.readouterr().err
