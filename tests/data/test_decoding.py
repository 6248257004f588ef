"""Every mode of Pillow in every format that keeps it: the bytes are those of a plain formula, or the file is refused.

The files are written here, by Pillow where it can, byte by byte where it cannot.
"""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageMode

from resnet_limits.data import decoding
from resnet_limits.data.decoding import IMAGE_FORMATS, flattened, picture
from resnet_limits.errors import DamagedData
from tests.planting import resize

LOSSLESS = {
    "1": ("PNG", "BMP", "PPM", "TIFF", "GIF"),
    "L": ("PNG", "BMP", "PPM", "TIFF", "GIF"),
    "RGB": ("PNG", "BMP", "PPM", "TIFF", "WEBP"),
    "P": ("PNG", "BMP", "TIFF", "GIF"),
    "RGBA": ("PNG", "TIFF", "WEBP"),
    "LA": ("PNG", "TIFF"),
    "I;16": ("PNG", "TIFF"),
}
"""The formats that give back what they were given, by mode."""


def stream() -> np.random.Generator:
    return np.random.default_rng(5)


def made(mode: str, height: int = 7, width: int = 5) -> Image.Image:
    """Random pixels of a mode, with all the values that matter."""
    shape = (height, width, len(ImageMode.getmode(mode).bands))
    values = stream().integers(0, 256, shape).astype(np.uint8)
    values[0, :3] = [[0], [128], [255]]
    if mode == "1":
        return Image.fromarray(values[:, :, 0] > 100)
    if mode == "I;16":
        wide = stream().integers(0, 65536, (height, width)).astype(np.uint16)
        wide[0, :4] = [0, 128, 129, 65535]
        return Image.fromarray(wide)
    image = Image.frombytes(mode, (width, height), values.tobytes())
    if mode == "P":
        image.putpalette([int(v) for v in stream().integers(0, 256, 768)])
    return image


def expected(image: Image.Image) -> np.ndarray:
    """The bytes of an image without transparency by plain formulas, (height, width, 3)."""
    v = np.asarray(image).astype(float)
    if image.mode == "1":
        v = 255 * v
    if image.mode == "I;16":
        v = np.floor(v / 257 + 0.5)
    if image.mode == "P":
        v = np.asarray(image.getpalette()).reshape(-1, 3)[np.asarray(image)]
    if image.mode == "CMYK":
        v = np.round((255 - v[..., :3]) * (255 - v[..., 3:]) / 255)
    if image.mode == "YCbCr":  # JFIF
        y, b, r = v[..., 0], v[..., 1] - 128, v[..., 2] - 128
        v = np.stack([y + 1.402 * r, y - 0.344136 * b - 0.714136 * r, y + 1.772 * b], axis=-1)
    return np.clip(v if v.ndim == 3 else np.repeat(v[..., None], 3, axis=-1), 0, 255)


def on_white(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """`(height, width, channels)` and `(height, width)`, both 0 to 255; rounded."""
    a = alpha.astype(float)[..., None]
    return np.round((a * colour + (255 - a) * 255) / 255)


def brightness(colour: np.ndarray) -> np.ndarray:
    return colour @ [0.299, 0.587, 0.114]


def written(folder: Path, image: Image.Image, form: str, **options) -> str:
    path = folder / "image"
    image.save(path, form, **({"lossless": True, "exact": True} if form == "WEBP" else {}), **options)
    return str(path)


def colour_of(path: str) -> np.ndarray:
    image = picture(path, grey=False)
    assert image.mode == "RGB"
    return np.asarray(image)


@pytest.mark.parametrize(("mode", "form"), [(m, f) for m in ("1", "L", "RGB", "P", "I;16") for f in LOSSLESS[m]])
def test_opaque_images_are_exact_in_every_format(tmp_path, mode, form):
    image = made(mode)
    path = written(tmp_path, image, form)
    assert np.array_equal(colour_of(path), expected(image))
    grey = picture(path, grey=True)
    assert grey.mode == "L"
    if mode in ("RGB", "P"):
        np.testing.assert_allclose(np.asarray(grey), brightness(expected(image)), atol=0.51)
    else:
        assert np.array_equal(np.asarray(grey), expected(image)[..., 0])


def test_inks_and_television_colours_become_red_green_and_blue(tmp_path):
    inks, television = made("CMYK"), made("YCbCr")
    np.testing.assert_allclose(colour_of(written(tmp_path, inks, "TIFF")), expected(inks), atol=1)
    np.testing.assert_allclose(np.asarray(flattened(television)), expected(television), atol=1.5)


@pytest.mark.parametrize("top", [65535, 1000])
def test_a_pgm_of_more_than_a_byte_is_scaled_by_the_white_that_it_names(tmp_path, top):
    values = stream().integers(0, top + 1, (4, 6))
    values[0, :2] = 0, top
    (tmp_path / "a.pgm").write_bytes(b"P5 6 4 %d\n" % top + values.astype(">u2").tobytes())
    np.testing.assert_allclose(colour_of(str(tmp_path / "a.pgm"))[..., 0], 255 * values / top, atol=0.51)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_photographs_are_those_of_the_decoder(tmp_path, mode):
    smooth = np.add.outer(np.arange(32) * 4, np.arange(24) * 3).astype(np.uint8)
    bands = len(ImageMode.getmode(mode).bands)
    image = Image.merge(mode, [Image.fromarray(smooth // (k + 1)) for k in range(bands)])
    np.testing.assert_allclose(colour_of(written(tmp_path, image, "JPEG", quality=98)), expected(image), atol=6)


@pytest.mark.parametrize(("mode", "form"), [(m, f) for m in ("RGBA", "LA") for f in LOSSLESS[m]])
@pytest.mark.parametrize("grey", [False, True])
def test_transparency_is_laid_on_white(tmp_path, mode, form, grey):
    image = made(mode)
    values = np.asarray(image)
    laid = on_white(values[..., :-1], values[..., -1])
    decoded = np.asarray(picture(written(tmp_path, image, form), grey=grey))
    if not grey:
        assert np.array_equal(decoded, np.broadcast_to(laid, (7, 5, 3)))
    elif mode == "LA":
        assert np.array_equal(decoded, laid[..., 0])
    else:
        np.testing.assert_allclose(decoded, brightness(laid), atol=0.51)


@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_a_transparent_entry_of_a_palette_is_white(tmp_path, form):
    image = made("P")
    hidden = int(np.asarray(image)[2, 2])
    laid = expected(image)
    laid[np.asarray(image) == hidden] = 255
    assert np.array_equal(colour_of(written(tmp_path, image, form, transparency=hidden)), laid)


def test_a_palette_with_an_opacity_for_each_entry_is_laid_on_white(tmp_path):
    image = made("P")
    opacity = stream().integers(0, 256, 256).astype(np.uint8)
    path = written(tmp_path, image, "PNG", transparency=opacity.tobytes())
    assert np.array_equal(colour_of(path), on_white(expected(image), opacity[np.asarray(image)]))


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_the_transparent_colour_of_a_png_is_white(tmp_path, mode):
    image = made(mode)
    values = np.asarray(image)
    hidden: Any = values[0, 1].tolist() if mode != "1" else 0
    laid = expected(image)
    laid[(values == hidden).all(axis=2) if mode == "RGB" else values == hidden] = 255
    path = written(tmp_path, image, "PNG", transparency=(*hidden,) if mode == "RGB" else hidden)
    assert Image.open(path).info["transparency"] is not None
    assert np.array_equal(colour_of(path), laid)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width: int, height: int, bits: int, colour: int, *bodies: bytes, clear: bytes = b"", interlaced: int = 0
) -> bytes:
    """A PNG (section 11 of its standard) of these pieces of compressed rows."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced))
    middle = (chunk(b"tRNS", clear) if clear else b"") + b"".join(chunk(b"IDAT", body) for body in bodies)
    return b"\x89PNG\r\n\x1a\n" + header + middle + chunk(b"IEND", b"")


@pytest.mark.parametrize(("bits", "clear"), [(1, 1), (2, 2), (4, 9), (8, 200), (16, 300)])
def test_a_transparent_grey_is_in_units_of_the_file(tmp_path, bits, clear):
    values = stream().integers(0, 2**bits, (6, 8))
    values[0, :2] = clear, clear // 2
    of_two_bytes = values.astype(">u2")[..., None].view(np.uint8)
    packed = [np.packbits(np.unpackbits(row, axis=1)[:, -bits:].ravel()) for row in of_two_bytes]
    body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in packed))
    (tmp_path / "a.png").write_bytes(png(8, 6, bits, 0, body, clear=struct.pack(">H", clear)))
    laid = np.where(values == clear, 255, np.floor(values * 255 / (2**bits - 1) + 0.5))
    assert np.array_equal(colour_of(str(tmp_path / "a.png"))[..., 0], laid)


def test_sixteen_bits_of_colour_keep_their_high_byte_and_a_transparent_one_is_refused(tmp_path):
    values = stream().integers(0, 65536, (3, 4, 3)).astype(">u2")
    body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in values))
    (tmp_path / "a.png").write_bytes(png(4, 3, 16, 2, body))
    assert np.array_equal(colour_of(str(tmp_path / "a.png")), values // 256)
    (tmp_path / "a.png").write_bytes(png(4, 3, 16, 2, body, clear=struct.pack(">HHH", 1, 2, 3)))
    with pytest.raises(DamagedData, match="16 bits a colour, one of which is transparent; save it as"):
        picture(str(tmp_path / "a.png"), grey=False)


def tiff(values: np.ndarray, *, bits: int, photometric: int = 1, sample_format: int = 1, samples: int = 1) -> bytes:
    """An uncompressed little-endian TIFF of one strip; pixels as their bytes lie in memory."""
    content = values.tobytes()
    height, width = values.shape[:2]
    pairs = {
        **{256: width, 257: height, 258: bits, 259: 1, 262: photometric, 273: 8, 277: samples, 278: height},
        **{279: len(content), 339: sample_format},
    }
    content += b"\0" * (len(content) % 2)
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(pairs.items()))
    return (
        b"II*\0" + struct.pack("<I", 8 + len(content)) + content + struct.pack("<H", len(pairs)) + entries + b"\0" * 4
    )


def test_sixteen_bits_of_a_tiff_in_which_white_is_zero_are_turned_round(tmp_path):
    values = np.array([[0, 300, 65535]], dtype="<u2")
    (tmp_path / "a.tif").write_bytes(tiff(values, bits=16, photometric=0))
    assert colour_of(str(tmp_path / "a.tif"))[0, :, 0].tolist() == [255, 254, 0]


def test_twelve_bits_of_a_tiff_are_scaled_by_twelve_bits(tmp_path):
    numbers = [0, 8, 9, 2048, 4094, 4095]
    digits = "".join(f"{n:03x}" for n in numbers)
    packed = np.frombuffer(bytes.fromhex(digits), dtype=np.uint8).reshape(1, 9)
    content = bytearray(tiff(packed, bits=12))
    at = content.index(struct.pack("<HHII", 256, 4, 1, 9))
    content[at : at + 12] = struct.pack("<HHII", 256, 4, 1, 6)
    (tmp_path / "a.tif").write_bytes(content)
    assert colour_of(str(tmp_path / "a.tif"))[0, :, 0].tolist() == [int(255 * n / 4095 + 0.5) for n in numbers]


@pytest.mark.parametrize(
    ("dtype", "sample_format", "words"),
    [
        ("<u4", 1, "signed or 32-bit numbers"),
        ("<i4", 2, "signed or 32-bit numbers"),
        ("<i2", 2, "signed or 32-bit numbers"),
        ("<i1", 2, "signed or 32-bit numbers"),
        ("<f4", 3, "floating-point numbers"),
    ],
)
def test_numbers_of_which_none_is_said_to_be_white_are_refused_with_advice(tmp_path, dtype, sample_format, words):
    values = np.array([[0, 1, 100]]).astype(dtype)
    (tmp_path / "a.tif").write_bytes(tiff(values, bits=8 * values.itemsize, sample_format=sample_format))
    with pytest.raises(DamagedData, match=rf"cannot read .*a\.tif: it holds {words}.*save it as 8 or 16 bits of grey"):
        picture(str(tmp_path / "a.tif"), grey=True)


@pytest.mark.parametrize("mode", Image.MODES)
def test_every_mode_of_pillow_is_converted_or_refused_in_words(mode):
    image = Image.new(mode, (3, 2))
    if mode in ("I", "F", "LAB"):
        with pytest.raises(ValueError, match="save it as"):
            flattened(image)
    else:
        assert flattened(image).mode in ("L", "RGB")


def test_modes_that_files_hardly_have_are_laid_on_white_too():
    numbers, alpha = stream().integers(0, 256, (2, 7, 5)).astype(np.uint8)
    palette = stream().integers(0, 256, (256, 3))
    image = Image.frombytes("PA", (5, 7), np.stack([numbers, alpha], axis=-1).tobytes())
    image.putpalette(palette.ravel().tolist())
    assert np.array_equal(np.asarray(flattened(image)), on_white(palette[numbers], alpha))
    for mode, premultiplied in (("LA", "La"), ("RGBA", "RGBa")):
        image = made(mode)
        values = np.asarray(image)
        laid, composed = (
            on_white(values[..., :-1], values[..., -1]),
            np.asarray(flattened(image.convert(premultiplied))),
        )
        np.testing.assert_allclose(composed.reshape(laid.shape), laid, atol=1)


# -- orientation ------------------------------------------------------------------------------------

UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: lambda a: np.rot90(a),
}
"""By EXIF orientation, what sets an array upright: 6 says that the camera was turned so that right is up."""


def scene() -> np.ndarray:
    """A photograph of sorts, 32 x 48: bright sky, dark ground, a red house on the left; it has no symmetry."""
    a = np.full((32, 48, 3), (90, 160, 250), dtype=np.uint8)
    a[20:] = (40, 90, 30)
    a[10:26, 4:16] = (200, 30, 30)
    return a


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_photographs_stand_upright(tmp_path, form, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    decoded = colour_of(written(tmp_path, Image.fromarray(scene()), form, exif=exif))
    expected = UPRIGHT[orientation](scene())
    assert decoded.shape == expected.shape
    assert np.abs(decoded.astype(int) - expected).mean() < (8 if form == "JPEG" else 1e-9)
    wrong = [
        np.abs(decoded.astype(int) - other).mean()
        for k, turn in UPRIGHT.items()
        if k != orientation and (other := turn(scene())).shape == decoded.shape
    ]
    assert min(wrong) > 20


@pytest.mark.parametrize(
    "note", [b"Exif\0\0II*\0\x08\0\0\0\xff\xff", b"Exif\0\0nonsense", b"Exif\0\0", b"Exif\0\0MM\0*"]
)
def test_a_note_of_the_camera_that_is_damaged_leaves_the_picture_as_it_lies_and_says_nothing(
    tmp_path, note, recwarn, capfd
):
    path = written(tmp_path, Image.fromarray(scene()), "JPEG", exif=note)
    assert colour_of(path).shape == (32, 48, 3)
    assert not recwarn.list
    assert capfd.readouterr().err == ""


def test_the_first_picture_of_a_camera_with_several_is_the_photograph(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(scene()).save(path, "MPO", save_all=True, append_images=[Image.new("RGB", (48, 32))], quality=95)
    assert getattr(Image.open(path), "n_frames") == 2  # noqa: B009
    assert np.abs(colour_of(str(path)).astype(int) - scene()).mean() < 8


# -- files that are refused -------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["GIF", "PNG", "TIFF", "WEBP"])
def test_files_of_several_pictures_are_refused_with_their_number(tmp_path, form):
    frames = [Image.new("RGB", (8, 8), (60 * k, 0, 0)) for k in range(3)]
    path = written(tmp_path, frames[0], form, save_all=True, append_images=frames[1:])
    with pytest.raises(DamagedData, match=f"{path}: it holds 3 pictures; save the one that is meant"):
        picture(path, grey=False)


def colour_or_refusal(path: str) -> np.ndarray | None:
    """The picture, or None where it is refused by the name of its file in one or two lines."""
    try:
        return colour_of(path)
    except DamagedData as error:
        if path not in str(error) or len(str(error).splitlines()) > 2:
            raise
        return None


def encoded(image: Image.Image, form: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("GIF", {}),
        ("BMP", {}),
        ("PPM", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
    ],
)
@pytest.mark.parametrize("asked_to_fill_in", [False, True])
def test_a_file_that_ends_early_is_never_a_picture(tmp_path, monkeypatch, form, options, asked_to_fill_in):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", asked_to_fill_in)
    content = encoded(made("RGB", 12, 17), form, **options)
    path = tmp_path / "image"
    path.write_bytes(content)
    whole = colour_of(str(path))
    for length in sorted({*range(0, len(content), 1 + len(content) // 60), *range(len(content) - 30, len(content))}):
        path.write_bytes(content[:length])
        decoded = colour_or_refusal(str(path))
        if decoded is not None:  # what is missing says no more than that the file ends
            assert np.array_equal(decoded, whole)
            assert length >= len(content) - 20
    assert asked_to_fill_in == ImageFile.LOAD_TRUNCATED_IMAGES


@pytest.mark.parametrize("interlaced", [0, 1])
@pytest.mark.parametrize(
    ("bits", "colour", "samples"), [(8, 2, 3), (8, 0, 1), (1, 0, 1), (16, 0, 1), (8, 6, 4), (16, 4, 2)]
)
def test_a_png_whose_rows_end_before_its_header_says_is_refused(tmp_path, interlaced, bits, colour, samples):
    width, height = 11, 9
    passes = (
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
        if interlaced
        else [(0, 0, 1, 1)]
    )
    rows = []
    for x, y, dx, dy in passes:
        columns = len(range(x, width, dx))
        rows += [b"\0" + b"\xff" * ((columns * bits * samples + 7) // 8) for _ in range(y, height, dy) if columns]
    path = tmp_path / "a.png"
    path.write_bytes(png(width, height, bits, colour, zlib.compress(b"".join(rows)), interlaced=interlaced))
    assert (np.asarray(picture(str(path), grey=True)) == 255).all()
    for kept in (len(rows) - 1, len(rows) // 2, 1, 0):
        body = zlib.compress(b"".join(rows[:kept]))
        path.write_bytes(png(width, height, bits, colour, body[:5], body[5:], interlaced=interlaced))
        with pytest.raises(DamagedData, match="truncated"):
            picture(str(path), grey=True)


def test_a_png_without_any_rows_is_refused(tmp_path):
    for bodies in ((), (b"",), (zlib.compress(b""),)):
        (tmp_path / "a.png").write_bytes(png(5, 5, 8, 2, *bodies))
        with pytest.raises(DamagedData, match=r"cannot read .*a\.png: ."):
            picture(str(tmp_path / "a.png"), grey=False)


@pytest.mark.parametrize(("width", "height"), [(13_000, 13_000), (10**6, 10**5), (64_000_001, 1)])
def test_a_picture_of_too_many_pixels_is_refused_by_its_header(tmp_path, monkeypatch, recwarn, width, height):
    def decode(*arguments):
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decode)
    (tmp_path / "a.png").write_bytes(png(width, height, 1, 0, zlib.compress(b"\0" * 1000)))
    with pytest.raises(DamagedData, match=r"a\.png: .*(at most 64 million are read|exceeds limit)"):
        picture(str(tmp_path / "a.png"), grey=False)
    assert not recwarn.list


def test_as_many_pixels_as_the_limit_are_read(tmp_path, monkeypatch):
    path = written(tmp_path, made("L", 6, 5), "PNG")
    resize(monkeypatch, decoding, MOST_PIXELS=30)
    assert colour_of(path).shape == (6, 5, 3)
    resize(monkeypatch, decoding, MOST_PIXELS=29)
    with pytest.raises(DamagedData, match="it has 5 x 6 pixels"):
        picture(path, grey=False)


def test_a_picture_without_pixels_is_refused(tmp_path):
    for width, height in ((0, 4), (4, 0)):
        (tmp_path / "a.png").write_bytes(png(width, height, 8, 0, zlib.compress(b"")))
        with pytest.raises(DamagedData, match=r"a\.png: ."):
            picture(str(tmp_path / "a.png"), grey=False)


def test_no_decoder_is_tried_that_starts_a_program(tmp_path, monkeypatch):
    from PIL import EpsImagePlugin

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *a, **k: pytest.fail("Ghostscript was to be started"))
    (tmp_path / "a.png").write_bytes(encoded(made("RGB"), "EPS"))
    with pytest.raises(DamagedData, match="it is no image that we read"):
        picture(str(tmp_path / "a.png"), grey=False)


@pytest.mark.parametrize("form", [form for form in IMAGE_FORMATS if form != "DIB"])
def test_damage_anywhere_is_a_picture_or_one_error_and_no_word_of_pillows_own(tmp_path, recwarn, form):
    content, path, random, refused = encoded(made("RGB", 12, 17), form), tmp_path / "image", stream(), 0
    for _ in range(150):
        damaged = bytearray(content)
        for at in random.integers(0, min(len(content), 200), 2):
            damaged[at] = random.integers(256)
        path.write_bytes(damaged)
        refused += colour_or_refusal(str(path)) is None
    assert refused > 0
    assert not recwarn.list
