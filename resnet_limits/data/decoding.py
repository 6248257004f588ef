"""One image file as bytes: brightness or colour, opaque and upright.

By what Pillow calls the mode of the file, v being a value in it:

    1                       bits                      0 and 255
    L, RGB, RGBX            bytes                     as they are
    P                       numbers of colours        the colours of the palette
    I;16 (I;16L, I;16B)     n bits of grey            255 v / (2^n - 1), rounded; n is 16, or 12 of a TIFF
    I of PNG and PGM        16 bits of grey           the same
    CMYK, YCbCr, HSV        colour, bytes             Pillow's conversion to RGB
    LA, RGBA, PA, La, RGBa  with transparency         laid on white: (a v + (255 - a) 255) / 255, rounded
    I and F of TIFF         32-bit numbers            refused: no file says which number is white
    LAB and all others                                refused

One colour that a file declares to be transparent (PNG, GIF) becomes white. Of colours of 16 bits Pillow keeps the high
byte. Brightness is .299 R + .587 G + .114 B (ITU-R 601). Colour profiles are not applied. What a camera notes of its
orientation (EXIF) is; where the note cannot be read, the picture is taken as it lies. Of the several pictures of a
stereo or telephone camera (MPO) the first is the photograph; other files of several pictures are refused.

Nothing is filled in: a file that ends early is refused. What cannot be seen is damage within the data of formats
without a checksum (JPEG, WebP, GIF, BMP, PPM), whose decoders bridge it.
"""

from __future__ import annotations

import contextlib
import struct
import warnings
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from ..errors import DamagedData

IMAGE_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "DIB", "PPM", "TIFF", "WEBP")
"""What is tried, whatever the name of the file; another of Pillow's decoders would start a program (EPS)."""
MOST_PIXELS = 64_000_000
"""Pixels of one image; more is refused before memory is taken for them. Few cameras have more."""
WHITE_LEVEL = 255
SAVE_AS = "save it as 8 or 16 bits of grey, or as RGB"

_WITH_ALPHA = {"RGBA": "RGBA", "LA": "LA", "PA": "RGBA", "La": "LA", "RGBa": "RGBA"}
_SIXTEEN = ("I;16", "I;16L", "I;16B", "I;16N")
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By EXIF orientation: what sets the picture upright."""
_ORIENTATION, _BITS, _PHOTOMETRIC, _SAMPLE_FORMAT = 274, 258, 262, 339
"""Tags of EXIF and TIFF."""


def picture(path: str, *, grey: bool) -> Image.Image:
    """The image in a file, of mode `L` (brightness) or `RGB`. Raises `DamagedData` naming the file and the reason."""
    try:
        with _strictly(), Image.open(path, formats=IMAGE_FORMATS) as opened:
            _check_extent(opened)
            depth = _depth(opened)
            opened.load()
            if opened.format == "PNG":
                _check_rows(path)
            image = _upright(flattened(opened, depth=depth), _orientation(opened))
        return image.convert("L" if grey else "RGB")
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly all there is; the file is the reason every time
        reason = "it is no image that we read" if isinstance(error, UnidentifiedImageError) else str(error)
        raise DamagedData(f"data=image_folder: cannot read {path}: {reason or type(error).__name__}") from None


def flattened(image: Image.Image, *, depth: str = "") -> Image.Image:
    """An image of any mode as `L` or `RGB`, opaque, by the table above. Raises `ValueError` for what it refuses.

    `depth` is Pillow's word for how a PNG stores its samples; a transparent colour is given in these units.
    """
    mode, clear = image.mode, image.info.get("transparency")
    if mode in _WITH_ALPHA:
        return _on_white(image.convert(_WITH_ALPHA[mode]))
    if mode == "P" and clear is not None:
        return _on_white(image.convert("RGBA"))
    if mode in _SIXTEEN or (mode == "I" and image.format in ("PNG", "PPM")):
        return _from_sixteen_bits(image, clear)
    if mode in ("I", "F") or _tags(image).get(_SAMPLE_FORMAT, (1,))[0] != 1:
        kind = "floating-point" if mode == "F" else "signed or 32-bit"
        raise ValueError(f"it holds {kind} numbers and does not say which is white; {SAVE_AS}")
    if mode in ("P", "CMYK", "YCbCr", "HSV", "RGBX"):
        return image.convert("RGB")
    if mode not in ("1", "L", "RGB"):
        raise ValueError(f"its colours are in the mode {mode}; {SAVE_AS}")
    opaque = image.convert("L") if mode == "1" else image
    return opaque if clear is None else _without(opaque, _in_bytes(clear, mode, depth))


def _from_sixteen_bits(image: Image.Image, clear: Any) -> Image.Image:
    values, tags = np.asarray(image).astype(np.uint32), _tags(image)
    top = 2 ** tags.get(_BITS, (16,))[0] - 1
    grey = ((255 * values + top // 2) // top).astype(np.uint8)
    if tags.get(_PHOTOMETRIC) == 0:  # white is zero: Pillow turns bytes round, and not these
        grey = 255 - grey
    if clear is not None:
        grey[values == clear] = WHITE_LEVEL
    return Image.fromarray(grey)


def _on_white(image: Image.Image) -> Image.Image:
    opaque = Image.new(image.mode[:-1], image.size, (WHITE_LEVEL,) * len(image.mode[:-1]))
    opaque.paste(image.convert(opaque.mode), mask=image.getchannel("A"))
    return opaque


def _in_bytes(clear: Any, mode: str, depth: str) -> Any:
    """The transparent colour of a PNG, in the units of the decoded bytes."""
    if ";16" in depth:
        raise ValueError(f"it has 16 bits a colour, one of which is transparent; {SAVE_AS}")
    if mode == "1":
        return 255 if clear else 0
    return clear * {"L;2": 85, "L;4": 17}.get(depth, 1) if mode == "L" else clear


def _without(image: Image.Image, clear: Any) -> Image.Image:
    pixels = np.array(image)
    pixels[(pixels == clear) if pixels.ndim == 2 else (pixels == clear).all(axis=2)] = WHITE_LEVEL
    return Image.fromarray(pixels)


def _upright(image: Image.Image, orientation: Any) -> Image.Image:
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def _orientation(opened: Image.Image) -> Any:
    """What EXIF says, once the file is loaded: of a TIFF Pillow has then seen to it, and taken the tag away."""
    try:
        return opened.getexif().get(_ORIENTATION)
    except Exception:  # of a note that is damaged: it raises what it likes
        return None


def _tags(image: Image.Image) -> Any:
    """The tags of a TIFF, empty for other files."""
    return getattr(image, "tag_v2", {})


def _depth(opened: Image.Image) -> str:
    """How samples are stored, in Pillow's words: `L;4` are 4 bits of grey. Known before the file is loaded."""
    stored = opened.tile[0][3] if isinstance(opened, ImageFile.ImageFile) and opened.tile else ""
    return stored if isinstance(stored, str) else ""


def _check_extent(opened: Image.Image) -> None:
    """Refuse from the header alone: no pixels, too many of them, or several pictures."""
    width, height = opened.size
    if width * height < 1:
        raise ValueError(f"it has {width} x {height} pixels")
    if width * height > MOST_PIXELS:
        raise ValueError(f"it has {width} x {height} pixels; at most {MOST_PIXELS // 10**6} million are read")
    if opened.format != "MPO" and (frames := getattr(opened, "n_frames", 1)) > 1:
        raise ValueError(f"it holds {frames} pictures; save the one that is meant")


def _check_rows(path: str) -> None:
    """Refuse a PNG with fewer rows than its header says: Pillow leaves the others black.

    A stream that was cut is refused by Pillow; this is one that ends in order, before its time.
    """
    with open(path, "rb") as file:
        file.seek(len(b"\x89PNG\r\n\x1a\n"))
        inflate, size, expected = zlib.decompressobj(), 0, 0
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            body = file.read(length)
            file.seek(4, 1)  # its checksum, which Pillow has looked at
            if kind == b"IHDR":
                expected = _stored_bytes(body)
            while kind == b"IDAT" and body and size < expected:
                size += len(inflate.decompress(body, 2**20))
                body = inflate.unconsumed_tail
    if size < expected:
        raise ValueError(f"image file is truncated: {size} of {expected} bytes of pixels")


def _stored_bytes(header: bytes) -> int:
    """Bytes of the rows of a PNG before compression, each with one that names its filter."""
    width, height, bits, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    bits *= {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    adam7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    total = 0
    for x, y, dx, dy in adam7 if interlaced else ((0, 0, 1, 1),):
        columns, rows = max(0, -((x - width) // dx)), max(0, -((y - height) // dy))
        total += rows * (1 + (columns * bits + 7) // 8) if columns else 0
    return total


@contextlib.contextmanager
def _strictly() -> Iterator[None]:
    """Pillow says nothing on stderr, and fills in nothing, whatever the program around us asked of it."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before
