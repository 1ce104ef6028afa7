"""Structure of JPEG files."""

_START, _END = b"\xff\xd8", b"\xff\xd9"
_SCAN, _FILL = 0xDA, 0xFF


def is_cut_jpeg(data: bytes) -> bool:
    """Return whether a JPEG's scans have no end, which some decoders fill up with grey.

    Segments before the first scan are stepped over: thumbnails in them have ends of their own. What phones put behind
    the end, such as a video, does not count.

    Args:
        data: a file's content.

    Returns:
        False for other kinds of files, too.
    """
    if not data.startswith(_START):
        return False
    place = len(_START)
    while place + 4 <= len(data) and data[place] == _FILL:
        marker = data[place + 1]
        if marker == _SCAN:
            return _END not in data[place:]
        place += 1 if marker == _FILL else 2 + int.from_bytes(data[place + 2 : place + 4])
    # Bytes between segments, which decoders step over, or an end within the segments.
    return place + 4 > len(data) or _END not in data[place:]
