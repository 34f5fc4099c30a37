#!/usr/bin/env python3
"""Makes table.zip: files of every format, mode, number of bits, compression and
orientation, and what Pillow gives for each. The comment of a file in table.zip names
the entry with the picture that is wanted: upright, in grey or colour, with alpha if
there is one. Where Pillow does not read what is meant, that picture is made here.

Usage: make.py [FOLDER]   (also leaves the files in FOLDER)

Needs Pillow (made with 9.4), numpy, and the tools cjpeg, jpegtran, tiffcp, heif-enc,
avifenc and avifdec.
"""
import io, os, struct, subprocess, sys, tempfile, zipfile, zlib
import numpy as np
from PIL import Image, ImageOps

W, H = 33, 19
files = {}  # name: (bytes, want)

# ---- the picture: gradients and edges, the same at every run
y, x = np.mgrid[0:H, 0:W]
rgb = np.stack([x * 255 // (W - 1), y * 255 // (H - 1), 255 * ((x // 5 + y // 4) % 2)], -1).astype(np.uint8)
rgb[4:9, 6:14] = (230, 60, 40)
rgb[10:16, 18:30] = rgb[10:16, 18:30] // 3 + 120
RGB = Image.fromarray(rgb)
L = RGB.convert("L")
alpha = ((x * 9 + y * 5) % 256).astype(np.uint8)
alpha[:, :6] = 0
alpha[:, -6:] = 255
A = Image.fromarray(alpha)
RGBA = RGB.copy(); RGBA.putalpha(A)
LA = L.copy(); LA.putalpha(A)
P = RGB.quantize(64)
P16 = RGB.quantize(16)
ONE = L.point(lambda v: 255 * (v > 110)).convert("1", dither=Image.Dither.NONE)
CMYK = Image.merge("CMYK", [Image.fromarray(255 - rgb[..., c]) for c in range(3)] + [Image.fromarray(255 - np.maximum(rgb.max(-1), 90))])
wide = (np.asarray(L).astype(np.uint16) * 257 + x * 3).clip(0, 65535).astype(np.uint16)
SMOOTH = Image.fromarray(np.stack([x * 7, 255 - y * 12, (x * 3 + y * 6)], -1).clip(0, 255).astype(np.uint8))


def pillow(data):
    """What Pillow gives, upright, as grey, colour or colour with alpha."""
    im = Image.open(io.BytesIO(data))
    turned = im.format != "TIFF"  # Pillow itself turns TIFFs
    im.load()
    if turned:
        im = ImageOps.exif_transpose(im)
    if "A" in im.mode or "a" in im.mode or "transparency" in im.info:
        return im.convert("RGBA")
    return im.convert("L") if im.mode in ("1", "L", "I", "I;16", "I;16B", "F") else im.convert("RGB")


def add(name, data, want=None):
    if "-be-big." in name:  # Pillow 9.4 reads no BigTIFF of that order
        want = files[name.replace("-be-", "-le-")][1]
    if isinstance(want, np.ndarray):
        want = Image.fromarray(want)
    try:
        files[name] = data, want or pillow(data)
    except Exception as e:
        sys.exit(f"{name}: {e}")


def saved(im, format, **options):
    b = io.BytesIO()
    im.save(b, format, **options)
    return b.getvalue()


def tool(data, *command, suffix="", to=None):
    """Runs a command with a file IN and a file OUT."""
    with tempfile.TemporaryDirectory() as d:
        names = {"IN": f"{d}/in{suffix}", "OUT": f"{d}/out{to or suffix}"}
        open(names["IN"], "wb").write(data)
        subprocess.run([names.get(c, c) for c in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return open(names["OUT"], "rb").read()


# ---- PNG, by a writer of our own for what Pillow does not write
def chunk(kind, data, wrong=0):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data) ^ wrong)


def png(pixels, bits, kind, extra=b"", interlaced=False, end=True, wrong=0, split=0, after=b""):
    """pixels [H, W, samples] of bits each."""
    def rows(p):
        out = b""
        for i, row in enumerate(p):
            v = row.reshape(-1)
            if bits == 16:
                line = v.astype(">u2").tobytes()
            elif bits == 8:
                line = v.astype(np.uint8).tobytes()
            else:
                b = ((v[:, None] >> np.arange(bits - 1, -1, -1)) & 1).reshape(-1).astype(np.uint8)
                line = np.packbits(b).tobytes()
            out += b"\0" + line
        return out
    h, w = pixels.shape[:2]
    if interlaced:
        raw = b"".join(rows(pixels[y0::dy, x0::dx]) for x0, y0, dx, dy in
                       [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
                       if pixels[y0::dy, x0::dx].size)
    else:
        raw = rows(pixels)
    z = zlib.compress(raw)
    parts = [z[i:i + split] for i in range(0, len(z), split)] if split else [z]
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, bits, kind, 0, 0, interlaced)) + extra
    for p in parts:
        data += chunk(b"IDAT", p, wrong)
        if split:
            data += chunk(b"IDAT", b"")
    return data + (after + chunk(b"IEND", b"") if end else b"")


l8 = np.asarray(L)[..., None]
la8 = np.asarray(LA)
pal = b"".join(bytes([v, 255 - v, v // 2]) for v in range(0, 256, 16))
for bits in 1, 2, 4, 8, 16:
    v = l8.astype(int) >> (8 - bits) if bits <= 8 else wide[..., None]
    want = (wide >> 8).astype(np.uint8) if bits == 16 else None  # Pillow limits 16 bits to 255
    for i in 0, 1:
        add(f"png-grey{bits}{'-interlaced' * i}.png", png(v, bits, 0, interlaced=bool(i)), want)
for bits in 1, 2, 4, 8:
    v = (l8 >> 4) & ((1 << bits) - 1)
    palette = chunk(b"PLTE", pal[:3 << min(bits, 4)])
    add(f"png-palette{bits}.png", png(v, bits, 3, palette))
    add(f"png-palette{bits}-clear.png", png(v, bits, 3, palette + chunk(b"tRNS", bytes([40, 0, 200])[:1 << bits]), interlaced=bits % 4 == 0))
for bits in 8, 16:
    s = 1 if bits == 8 else 257
    for i in 0, 1:
        t = "-interlaced" * i
        add(f"png-rgb{bits}{t}.png", png(rgb.astype(int) * s, bits, 2, interlaced=bool(i)))
        add(f"png-rgba{bits}{t}.png", png(np.asarray(RGBA).astype(int) * s, bits, 6, interlaced=bool(i)))
        add(f"png-greyalpha{bits}{t}.png", png(la8.astype(int) * s, bits, 4, interlaced=bool(i)))
add("png-rgb8-clear.png", png(rgb, 8, 2, chunk(b"tRNS", struct.pack(">HHH", 230, 60, 40))))
add("png-grey8-clear.png", png(l8, 8, 0, chunk(b"tRNS", struct.pack(">H", int(l8[5, 8, 0])))))
add("png-split.png", png(rgb, 8, 2, split=40))
add("png-no-iend.png", png(rgb, 8, 2, end=False))
add("png-wrong-crc-idat.png", png(rgb, 8, 2, wrong=1))
add("png-wrong-crc-after.png", png(rgb, 8, 2, after=chunk(b"tEXt", b"a\0b", 5)))
add("png-cut-after-pixels.png", png(rgb, 8, 2)[:-14])
add("png-garbage-after.png", png(rgb, 8, 2) + b"garbage" * 9)
add("png-filters.png", saved(SMOOTH, "PNG", optimize=True))
add("png-filters-rgba.png", saved(RGBA, "PNG"))
add("png-animated.png", saved(RGB, "PNG", save_all=True, append_images=[SMOOTH, RGB]))
add("png-1x1.png", saved(RGB.crop((0, 0, 1, 1)), "PNG"))
add("png-interlaced-3x2.png", png(rgb[:2, :3], 8, 2, interlaced=True))

# ---- JPEG
ppm = saved(RGB, "PPM")
for name, im in ("grey", L), ("rgb", RGB), ("cmyk", CMYK):
    for sub in (0, 1, 2) if name != "grey" else (0,):
        for prog in 0, 1:
            add(f"jpeg-{name}-{sub}{'-progressive' * prog}.jpg", saved(im, "JPEG", quality=90, subsampling=sub, progressive=bool(prog)))
for sample in "1x2", "4x1", "1x4", "3x1", "1x3", "2x4", "4x2", "2x2,1x2,2x1", "2x2,2x1,2x1", "2x2,1x2,1x2", "2x1,2x1,2x1", "1x2,1x2,1x2", "2x1,1x1,2x1", "1x1,2x2,2x2", "3x2", "2x2,2x2,1x1":
    s = sample if "," in sample else sample + ",1x1,1x1"
    for prog in (0, 1) if len(sample) == 3 and sample < "2" else (0,):
        add(f"jpeg-{sample.replace(',', '_')}{'-progressive' * prog}.jpg",
            tool(ppm, "cjpeg", "-quality", "90", "-sample", s, *["-progressive"] * prog, "-outfile", "OUT", "IN"))
add("jpeg-arithmetic.jpg", tool(ppm, "cjpeg", "-arithmetic", "-outfile", "OUT", "IN"))
add("jpeg-arithmetic-progressive.jpg", tool(ppm, "cjpeg", "-arithmetic", "-progressive", "-outfile", "OUT", "IN"))
add("jpeg-restart.jpg", tool(ppm, "cjpeg", "-restart", "1B", "-outfile", "OUT", "IN"))
add("jpeg-rgb-stored.jpg", tool(ppm, "cjpeg", "-rgb", "-outfile", "OUT", "IN"))
for sub in 0, 1, 2:
    base = saved(RGB.crop((0, 0, 32, 16)), "JPEG", quality=90, subsampling=sub)
    add(f"jpeg-rotated-{sub}.jpg", tool(base, "jpegtran", "-rotate", "90", "-outfile", "OUT", "IN"))
add("jpeg-rotated-odd.jpg", tool(saved(RGB, "JPEG", subsampling=1), "jpegtran", "-transpose", "-outfile", "OUT", "IN"))
cmyk = saved(CMYK, "JPEG", quality=90)
app14 = cmyk.index(b"\xff\xee")
add("jpeg-cmyk-no-adobe.jpg", cmyk[:app14] + cmyk[app14 + 16:])
add("jpeg-ycck.jpg", cmyk[:app14 + 15] + b"\2" + cmyk[app14 + 16:])
small = saved(CMYK, "JPEG", quality=90, subsampling=2)
sof = small.index(b"\xff\xc0")
plain = saved(RGB, "JPEG", quality=90)
add("jpeg-fill-bytes.jpg", plain[:2] + b"\xff\xff\xff" + plain[2:])
add("jpeg-garbage-after.jpg", plain + b"garbage")
add("jpeg-unknown-segment.jpg", plain[:2] + b"\xff\xe5\x00\x04\xff\xd9" + plain[2:])
wrong = bytearray(plain); wrong[len(plain) // 2 + 60] ^= 0x10
try:
    add("jpeg-flipped-bit.jpg", bytes(wrong), pillow(bytes(wrong)))
except OSError:
    pass
for w, h in (1, 1), (2, 3), (3, 2), (8, 8), (5, 17), (17, 5), (4, 4):
    for sub in 1, 2:
        add(f"jpeg-{w}x{h}-{sub}.jpg", saved(RGB.crop((3, 3, 3 + w, 3 + h)), "JPEG", quality=95, subsampling=sub))

# ---- orientations
for o in range(1, 9):
    exif = Image.Exif(); exif[274] = o
    add(f"turned-{o}.jpg", saved(SMOOTH, "JPEG", quality=90, exif=exif))
    add(f"turned-{o}.png", saved(RGBA, "PNG", exif=exif))
    add(f"turned-{o}.webp", saved(RGB, "WEBP", lossless=True, exif=exif))
    add(f"turned-{o}.tif", saved(RGB, "TIFF", compression="tiff_lzw", tiffinfo={274: o}))

# ---- GIF
add("gif-palette.gif", saved(P, "GIF"))
add("gif-grey.gif", saved(L, "GIF"))
add("gif-one.gif", saved(ONE, "GIF"))
add("gif-interlaced.gif", saved(P, "GIF", interlace=1))
add("gif-not-interlaced.gif", saved(P, "GIF", interlace=0))
add("gif-transparent.gif", saved(P, "GIF", transparency=P.getpixel((8, 6))))
add("gif-animated.gif", saved(P, "GIF", save_all=True, append_images=[SMOOTH.quantize(16)], duration=50))


def gif(screen, frame, at, transparent=None, local=False, glob=True, interlaced=False):
    lzw = saved(frame, "GIF", interlace=int(interlaced))
    table = bytes((frame.getpalette() or [])[:768]).ljust(768, b"\0")
    i = lzw.index(b",")
    while True:  # the descriptor, not a comma in the table
        if struct.unpack("<HHHH", lzw[i + 1:i + 9]) == (0, 0) + frame.size:
            break
        i = lzw.index(b",", i + 1)
    flags, rest = lzw[i + 9], lzw[i + 10:]
    if flags & 0x80:
        rest = rest[3 << (flags & 7) + 1:]
    out = b"GIF89a" + struct.pack("<HHBBB", *screen, 0x87 if glob else 0, 3, 0) + (table if glob else b"")
    if transparent is not None:
        out += b"!\xf9\4\1\0\0" + bytes([transparent]) + b"\0"
    out += b"," + struct.pack("<HHHHB", *at, *frame.size, (0x87 if local else 0) | (0x40 if interlaced else 0))
    return out + (table[::-1] if local else b"") + rest


part = P.crop((5, 3, 16, 12))
add("gif-offset.gif", gif((W, H), part, (7, 4)))
add("gif-offset-transparent.gif", gif((W, H), part, (7, 4), transparent=part.getpixel((3, 3))))
add("gif-beyond-screen.gif", gif((9, 9), part, (7, 4)))
add("gif-local-palette.gif", gif((W, H), part, (2, 2), local=True))
add("gif-no-palette.gif", gif((W, H), part, (0, 0), glob=False))
add("gif-offset-interlaced.gif", gif((W, H), part, (1, 6), interlaced=True))

# ---- BMP
for name, im in ("one", ONE), ("grey", L), ("palette", P), ("rgb", RGB), ("rgba", RGBA):
    add(f"bmp-{name}.bmp", saved(im, "BMP"))


def bmp(bits, rows, compression=0, masks=b"", palette=b"", header=40, top_down=False, colours=0, w=W, h=H):
    """rows: the bytes of the pixels, bottom row first unless top_down."""
    if header == 12:
        head = struct.pack("<IHHHH", 12, w, h, 1, bits)
    else:
        head = struct.pack("<IiiHHIIiiII", header, w, -h if top_down else h, 1, bits, compression, len(rows), 2835, 2835, colours, 0)
        if header > 40:
            head, masks = (head + masks).ljust(header, b"\0"), b""
    offset = 14 + len(head) + len(masks) + len(palette)
    return b"BM" + struct.pack("<IHHI", offset + len(rows), 0, 0, offset) + head + masks + palette + rows


def lines(a, top_down=False):
    out = b""
    for r in a if top_down else a[::-1]:
        b = r.tobytes()
        out += b + b"\0" * (-len(b) % 4)
    return out


r, g, b = (rgb[..., c].astype(np.uint16) for c in range(3))
x555 = (r >> 3 << 10 | g >> 3 << 5 | b >> 3).astype("<u2")
x565 = (r >> 3 << 11 | g >> 2 << 5 | b >> 3).astype("<u2")
m = lambda *v: struct.pack(f"<{len(v)}I", *v)
add("bmp-555.bmp", bmp(16, lines(x555)))
add("bmp-555-fields.bmp", bmp(16, lines(x555), 3, m(0x7c00, 0x3e0, 0x1f)))
add("bmp-565.bmp", bmp(16, lines(x565), 3, m(0xf800, 0x7e0, 0x1f)))
add("bmp-565-down.bmp", bmp(16, lines(x565, True), 3, m(0xf800, 0x7e0, 0x1f), top_down=True))
add("bmp-24-down.bmp", bmp(24, lines(rgb[..., ::-1].copy(), True), top_down=True))
bgrx = np.concatenate([rgb[..., ::-1], alpha[..., None]], -1).copy()
add("bmp-32.bmp", bmp(32, lines(bgrx)))
add("bmp-32-fields.bmp", bmp(32, lines(bgrx), 3, m(0xff0000, 0xff00, 0xff)))
add("bmp-32-v4.bmp", bmp(32, lines(bgrx), 3, m(0xff0000, 0xff00, 0xff, 0xff000000), header=108))
add("bmp-32-v5-rgba.bmp", bmp(32, lines(np.asarray(RGBA)), 3, m(0xff, 0xff00, 0xff0000, 0xff000000), header=124))
p4 = np.asarray(P16); bgr4 = np.array(P16.getpalette()[:48]).reshape(16, 3)[:, ::-1].astype(np.uint8)
pal4 = b"".join(c.tobytes() + b"\0" for c in bgr4)
nib = np.pad(p4, ((0, 0), (0, W % 2))); packed = (nib[:, ::2] << 4 | nib[:, 1::2]).astype(np.uint8)
add("bmp-4.bmp", bmp(4, lines(packed), palette=pal4))
add("bmp-4-ten-colours.bmp", bmp(4, lines(np.minimum(packed, 0x99) & 0x77), palette=pal4[:40], colours=10))
add("bmp-os2-4.bmp", bmp(4, lines(packed), palette=b"".join(c.tobytes() for c in bgr4), header=12))
p8 = np.asarray(P); n8 = len(P.getpalette()) // 3
bgr8 = np.array(P.getpalette()).reshape(-1, 3)[:, ::-1].astype(np.uint8)
bgr8 = np.pad(bgr8, ((0, 256 - n8), (0, 0)))
add("bmp-os2-8.bmp", bmp(8, lines(p8), palette=b"".join(c.tobytes() for c in bgr8), header=12))
add("bmp-os2-24.bmp", bmp(24, lines(rgb[..., ::-1].copy()), header=12))
add("bmp-os2v2-24.bmp", bmp(24, lines(rgb[..., ::-1].copy()), header=64))
pal8 = b"".join(c.tobytes() + b"\0" for c in bgr8)


def rle8(a, end=True):
    out = b""
    for r in a[::-1]:
        i = 0
        while i < len(r):
            n = 1
            while i + n < len(r) and r[i + n] == r[i] and n < 255:
                n += 1
            if n == 1 and len(r) - i >= 5:  # five as they are
                out += b"\0\5" + r[i:i + 5].tobytes() + b"\0"
                i += 5
                continue
            out += bytes([n, r[i]])
            i += n
        out += b"\0\0"
    return out + (b"\0\1" if end else b"")


def rle4(a):
    out = b""
    for r in a[::-1]:
        for i in range(0, len(r), 6):
            s = [int(v) for v in r[i:i + 6]]
            if len(s) >= 3 and i % 12:
                t = s + [0] * (-len(s) % 4)
                d = bytes(t[k] << 4 | t[k + 1] for k in range(0, len(t), 2))
                out += bytes([0, len(s)]) + d[:(len(s) + 1) // 2] + b"\0" * (-((len(s) + 1) // 2) % 2)
            else:
                out += b"".join(bytes([1, v << 4]) for v in s)
        out += b"\0\0"
    return out + b"\0\1"


add("bmp-rle8.bmp", bmp(8, rle8(p8), 1, palette=pal8))
add("bmp-rle8-grey.bmp", bmp(8, rle8(np.asarray(L) // 16 * 16), 1, palette=b"".join(bytes([v] * 3 + [0]) for v in range(256))))
want4 = np.array(P16.getpalette()[:48]).reshape(16, 3).astype(np.uint8)[p4]  # Pillow miscounts bytes of runs as they are
add("bmp-rle4.bmp", bmp(4, rle4(p4), 2, palette=pal4), want4)

# ---- WebP
add("webp-lossy.webp", saved(RGB, "WEBP", quality=80))
add("webp-lossless.webp", saved(RGB, "WEBP", lossless=True))
add("webp-lossy-alpha.webp", saved(RGBA, "WEBP", quality=80))
add("webp-lossless-alpha.webp", saved(RGBA, "WEBP", lossless=True, exact=True))
add("webp-smooth.webp", saved(SMOOTH, "WEBP", quality=50, method=6))
add("webp-animated.webp", saved(RGB, "WEBP", save_all=True, append_images=[SMOOTH], quality=80))
add("webp-animated-lossless.webp", saved(RGB, "WEBP", save_all=True, append_images=[SMOOTH], lossless=True))
add("webp-animated-alpha.webp", saved(RGBA, "WEBP", save_all=True, append_images=[SMOOTH.convert("RGBA")], lossless=True, exact=True))
add("webp-animated-lossy-alpha.webp", saved(RGBA, "WEBP", save_all=True, append_images=[SMOOTH.convert("RGBA")], quality=70))
for w, h in (1, 1), (2, 3), (5, 4):
    add(f"webp-{w}x{h}.webp", saved(RGB.crop((4, 4, 4 + w, 4 + h)), "WEBP", quality=90))


def webp_frame(still, at, size, canvas):
    body = still[12:]
    if body[:4] == b"VP8X":
        body = body[18:]
    u3 = lambda v: struct.pack("<I", v)[:3]
    anmf = u3(at[0] // 2) + u3(at[1] // 2) + u3(size[0] - 1) + u3(size[1] - 1) + u3(100) + b"\2" + body
    part = lambda k, d: k + struct.pack("<I", len(d)) + d + b"\0" * (len(d) % 2)
    d = b"WEBP" + part(b"VP8X", b"\x12\0\0\0" + u3(canvas[0] - 1) + u3(canvas[1] - 1)) + part(b"ANIM", b"\xff\0\0\xff\0\0") + part(b"ANMF", anmf)
    return b"RIFF" + struct.pack("<I", len(d)) + d


piece = RGB.crop((4, 4, 15, 13))
for name, im, opts in ("lossy", piece, {"quality": 90}), ("lossless", piece, {"lossless": True}), ("alpha", RGBA.crop((4, 4, 15, 13)), {"quality": 90}):
    add(f"webp-frame-{name}.webp", webp_frame(saved(im, "WEBP", **opts), (6, 4), (11, 9), (W, H)))

# ---- TIFF by Pillow
tiff = lambda im, compression=None, **o: saved(im, "TIFF", compression=compression, **o)
for name, im in ("one", ONE), ("grey", L), ("palette", P), ("greyalpha", LA), ("rgb", RGB), ("rgba", RGBA), ("cmyk", CMYK):
    for c in None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd":
        add(f"tiff-{name}-{c or 'raw'}.tif", tiff(im, c))
for c in "group3", "group4", "tiff_ccitt":
    add(f"tiff-one-{c}.tif", tiff(ONE, c))
    add(f"tiff-one-{c}-black.tif", tiff(ONE, c, tiffinfo={262: 1}))
for name, im in ("grey", L), ("rgb", RGB):
    add(f"tiff-{name}-jpeg.tif", tiff(im, "jpeg", quality=90))
add("tiff-float-raw.tif", tiff(Image.fromarray(np.asarray(L).astype(np.float32) * 1.4 - 40)))
add("tiff-float-lzw.tif", tiff(Image.fromarray(np.asarray(L).astype(np.float32) * 1.4 - 40), "tiff_lzw"))
add("tiff-int32.tif", tiff(Image.fromarray(np.asarray(L).astype(np.int32) * 2 - 100)))
add("tiff-grey16.tif", tiff(Image.fromarray(wide)), (wide >> 8).astype(np.uint8))  # Pillow limits 16 bits to 255
add("tiff-grey16-lzw.tif", tiff(Image.fromarray(wide), "tiff_lzw"), (wide >> 8).astype(np.uint8))
add("tiff-predictor.tif", tiff(RGB, "tiff_lzw", tiffinfo={317: 2}))


# ---- TIFF by a writer of our own
def own(data, bits, samples, photometric, order="<", big=False, fill=1, compression=1, planes=None, **tags):
    """data: the bytes of one strip, or of one for each plane."""
    strips = planes or [data]
    head = 16 if big else 8
    at, body, offsets = head, b"", []
    for s in strips:
        offsets.append(at + len(body)); body += s
    values = {256: (4, [W]), 257: (4, [H]), 258: (3, [bits] * samples), 259: (3, [compression]), 262: (3, [photometric]),
              266: (3, [fill]), 273: (4, offsets), 277: (3, [samples]), 278: (4, [H]), 279: (4, [len(s) for s in strips]),
              284: (3, [2 if planes else 1])}
    for k, v in tags.items():
        values[int(k[1:])] = v
    size = {1: 1, 3: 2, 4: 4, 5: 8}
    code = {1: "B", 3: "H", 4: "I"}
    entries, extra, at = b"", b"", at + len(body)
    n = len(values)
    at += 8 + 20 * n + 8 if big else 2 + 12 * n + 4
    for tag in sorted(values):
        kind, v = values[tag]
        raw = struct.pack(order + f"{len(v)}{code[kind]}", *v)
        room = 8 if big else 4
        if len(raw) > room:
            field = struct.pack(order + ("Q" if big else "I"), at + len(extra)); extra += raw + b"\0" * (len(raw) % 2)
        else:
            field = raw.ljust(room, b"\0")
        entries += struct.pack(order + ("HHQ" if big else "HHI"), tag, kind, len(v)) + field
    mark = b"II" if order == "<" else b"MM"
    ifd = head + len(body)
    if big:
        return mark + struct.pack(order + "HHHQ", 43, 8, 0, ifd) + body + struct.pack(order + "Q", n) + entries + b"\0" * 8 + extra
    return mark + struct.pack(order + "HI", 42, ifd) + body + struct.pack(order + "H", n) + entries + b"\0" * 4 + extra


def bits_of(v, bits):
    out = b""
    for row in v:
        b = ((row.reshape(-1).astype(int)[:, None] >> np.arange(bits - 1, -1, -1)) & 1).reshape(-1).astype(np.uint8)
        out += np.packbits(b).tobytes()
    return out


reverse = bytes(int(f"{i:08b}"[::-1], 2) for i in range(256))
l = np.asarray(L)
for bits in 1, 2, 4, 8:
    v = l >> (8 - bits)
    for photo in 0, 1:
        add(f"tiff-own-grey{bits}-{'white' if photo == 0 else 'black'}.tif", own(bits_of(v, bits), bits, 1, photo))
    add(f"tiff-own-grey{bits}-fill2.tif", own(bits_of(v, bits).translate(reverse), bits, 1, 1, fill=2))
    cm = (3, [int(q) * 257 for c in range(3) for q in (np.arange(1 << bits) * 37 * (c + 1) % 256)])
    add(f"tiff-own-palette{bits}.tif", own(bits_of(v, bits), bits, 1, 3, t320=cm))
    add(f"tiff-own-palette{bits}-big-endian.tif", own(bits_of(v, bits), bits, 1, 3, ">", t320=cm))
add("tiff-own-grey12.tif", own(bits_of(wide >> 4, 12), 12, 1, 1), (wide >> 8).astype(np.uint8))  # as 16 bits
for order in "<", ">":
    e = "le" if order == "<" else "be"
    for big in False, True:
        t = e + "-big" * big
        add(f"tiff-own-rgb-{t}.tif", own(rgb.tobytes(), 8, 3, 2, order, big))
        add(f"tiff-own-rgb16-{t}.tif", own((rgb.astype(order + "u2") * 257 + 40).astype(order + "u2").tobytes(), 16, 3, 2, order, big))
        add(f"tiff-own-grey16-{t}.tif", own(wide.astype(order + "u2").tobytes(), 16, 1, 1, order, big), (wide >> 8).astype(np.uint8))
        add(f"tiff-own-int16-{t}.tif", own((l.astype(order + "i2") * 2 - 80).astype(order + "i2").tobytes(), 16, 1, 1, order, big, t339=(3, [2])))
        add(f"tiff-own-int32-{t}.tif", own((l.astype("i4") * 2 - 80).astype(order + "i4").tobytes(), 32, 1, 1, order, big, t339=(3, [2])))
        add(f"tiff-own-float-{t}.tif", own((l.astype(order + "f4") * 1.3 - 30).astype(order + "f4").tobytes(), 32, 1, 1, order, big, t339=(3, [3])))
        add(f"tiff-own-rgba16-{t}.tif", own((np.asarray(RGBA).astype(int) * 257).astype(order + "u2").tobytes(), 16, 4, 2, order, big, t338=(3, [2])))
    add(f"tiff-own-planar-{e}.tif", own(b"", 8, 3, 2, order, planes=[rgb[..., c].tobytes() for c in range(3)]))
    add(f"tiff-own-planar-rgba-{e}.tif", own(b"", 8, 4, 2, order, planes=[np.asarray(RGBA)[..., c].tobytes() for c in range(4)], t338=(3, [2])))
    add(f"tiff-own-planar-cmyk-{e}.tif", own(b"", 8, 4, 5, order, planes=[np.asarray(CMYK)[..., c].tobytes() for c in range(4)]))
add("tiff-own-uint32.tif", own((l.astype("<u4") * 2).tobytes(), 32, 1, 1))
add("tiff-own-cmyk16.tif", own((np.asarray(CMYK).astype("<u2") * 257).tobytes(), 16, 4, 5))
pre = np.asarray(RGBA).astype(int); pre[..., :3] = pre[..., :3] * pre[..., 3:] // 255
add("tiff-own-premultiplied.tif", own(pre.astype(np.uint8).tobytes(), 8, 4, 2, t338=(3, [1])))
add("tiff-own-unspecified.tif", own(np.asarray(RGBA).tobytes(), 8, 4, 2, t338=(3, [0])), RGB)
add("tiff-own-no-extra.tif", own(np.asarray(RGBA).tobytes(), 8, 4, 2))
add("tiff-own-palette-alpha.tif", own(np.stack([l >> 4, alpha], -1).tobytes(), 8, 2, 3, t338=(3, [2]), t320=(3, [q * 257 for c in range(3) for q in [(i * 37 * (c + 1)) % 256 for i in range(256)]])))
add("tiff-own-cmyk-extra.tif", own(np.concatenate([np.asarray(CMYK), alpha[..., None]], -1).tobytes(), 8, 5, 5, t338=(3, [0])))

# ---- TIFF by tiffcp
base, grey, one = tiff(RGB), tiff(L), tiff(ONE)
cp = lambda data, *options: tool(data, "tiffcp", *options, "IN", "OUT", suffix=".tif")
for name, data, options in [
        ("tiles", base, ["-t", "-w", "16", "-l", "16"]), ("tiles-lzw", base, ["-t", "-w", "16", "-l", "16", "-c", "lzw:2"]),
        ("tiles-zip", tiff(RGBA), ["-t", "-w", "16", "-l", "16", "-c", "zip"]), ("tiles-zstd", grey, ["-t", "-w", "16", "-l", "16", "-c", "zstd"]),
        ("tiles-jpeg", base, ["-t", "-w", "16", "-l", "16", "-c", "jpeg:95"]), ("strips-jpeg", base, ["-r", "16", "-c", "jpeg:95"]),
        ("jpeg-rgb", base, ["-c", "jpeg:r:95"]), ("grey-jpeg", grey, ["-c", "jpeg:95"]), ("cmyk-jpeg", tiff(CMYK), ["-c", "jpeg:r:95"]),
        ("big", base, ["-8"]), ("big-zstd", base, ["-8", "-c", "zstd:2"]), ("big-endian-lzw", base, ["-B", "-c", "lzw"]),
        ("strips", base, ["-r", "3"]), ("strips-zip", base, ["-r", "3", "-c", "zip:2"]),
        ("separate-lzw", base, ["-p", "separate", "-c", "lzw"]), ("separate-zip", tiff(RGBA), ["-p", "separate", "-c", "zip:2"]),
        ("g3-2d", one, ["-c", "g3:2d"]), ("g3-fill", one, ["-c", "g3:fill"]), ("g4-lsb", one, ["-f", "lsb2msb", "-c", "g4"]), ("g4-strips", one, ["-r", "5", "-c", "g4"]),
        ("lzw-lsb", grey, ["-f", "lsb2msb", "-c", "lzw"]), ("float-zip", tiff(Image.fromarray(np.asarray(L).astype(np.float32))), ["-c", "zip:3"]),
        ("tiles-separate", base, ["-t", "-w", "16", "-l", "16", "-p", "separate"]),
        ("grey16-tiles", tiff(Image.fromarray(wide)), ["-t", "-w", "16", "-l", "16", "-c", "zip:2"]),
        ("palette-tiles", tiff(P), ["-t", "-w", "16", "-l", "16", "-c", "lzw"]), ("one-tiles", one, ["-t", "-w", "16", "-l", "16", "-c", "g4"])]:
    want = None
    data = cp(data, *options)
    if name == "grey16-tiles":
        want = (wide >> 8).astype(np.uint8)
    if name in ("separate-lzw", "separate-zip", "tiles-separate"):  # Pillow takes them for contiguous, or not at all
        want = RGBA if name == "separate-zip" else RGB
    add(f"tiff-cp-{name}.tif", data, want)
# Chroma of half the resolution, not compressed: 2x2 pixels as four of luma, two of chroma.
even = np.asarray(RGB.convert("YCbCr").crop((0, 0, 32, 18)))
blocks = b"".join(bytes([*even[y:y + 2, x:x + 2, 0].reshape(-1), int(even[y:y + 2, x:x + 2, 1].mean()), int(even[y:y + 2, x:x + 2, 2].mean())]) for y in range(0, 18, 2) for x in range(0, 32, 2))
W, H = 32, 18
for name, data in ("2x2", blocks), ("1x1", even.tobytes()):
    n = int(name[0])
    add(f"tiff-own-ycbcr-{name}-zip.tif", own(zlib.compress(data), 8, 3, 6, compression=8, t530=(3, [n, n])))
    # Pillow reads them compressed alone.
    add(f"tiff-own-ycbcr-{name}.tif", own(data, 8, 3, 6, t530=(3, [n, n])), files[f"tiff-own-ycbcr-{name}-zip.tif"][1])

# Old-style JPEG: a JPEG's file is the strip.
W, H = 33, 19
for sub in 0, 2:
    old = saved(RGB, "JPEG", quality=90, subsampling=sub)
    data = own(old, 8, 3, 6, compression=6, t513=(4, [8]), t514=(4, [len(old)]), t530=(3, [1 + sub // 2] * 2))
    add(f"tiff-own-old-jpeg-{sub}.tif", data)

# ---- HEIC and AVIF, which Pillow 9.4 does not read. Most are lossless, so what is wanted
# is what was encoded, turned.
heic = lambda im, *o: tool(saved(im, "PNG"), "heif-enc", "-L", "-p", "chroma=444", *o, "IN", "-o", "OUT", suffix=".png", to=".heic")
avif = lambda im, *o: tool(saved(im, "PNG"), "avifenc", "--lossless", *o, "IN", "OUT", suffix=".png", to=".avif")
turned = Image.Transpose
add("heic-rgb.heic", heic(RGB, "--matrix_coefficients=0"), RGB)
add("heic-rgba.heic", heic(RGBA, "--matrix_coefficients=0"), RGBA)
add("heic-grey.heic", heic(L), L)
add("heic-444.heic", heic(RGB), RGB)
add("avif-by-heif.avif", tool(saved(SMOOTH, "PNG"), "heif-enc", "-A", "-L", "-p", "chroma=444", "--matrix_coefficients=0", "IN", "-o", "OUT", suffix=".png", to=".avif"), SMOOTH)
add("avif-rgb.avif", avif(RGB), RGB)
add("avif-rgba.avif", avif(RGBA), RGBA)
add("avif-grey.avif", avif(L, "-y", "400"), L)
for k, t in (1, turned.ROTATE_90), (2, turned.ROTATE_180), (3, turned.ROTATE_270):
    add(f"avif-irot{k}.avif", avif(RGB, "--irot", str(k)), RGB.transpose(t))
add("avif-imir0.avif", avif(RGBA, "--imir", "0"), RGBA.transpose(turned.FLIP_TOP_BOTTOM))
add("avif-imir1.avif", avif(RGB, "--imir", "1"), RGB.transpose(turned.FLIP_LEFT_RIGHT))
add("avif-irot1-imir0.avif", avif(RGB, "--irot", "1", "--imir", "0"), RGB.transpose(turned.ROTATE_90).transpose(turned.FLIP_TOP_BOTTOM))
add("avif-irot3-alpha.avif", avif(RGBA, "--irot", "3"), RGBA.transpose(turned.ROTATE_270))
add("avif-imir1-10.avif", avif(RGB, "-d", "10", "--imir", "1"), RGB.transpose(turned.FLIP_LEFT_RIGHT))
add("avif-clap.avif", avif(RGB, "--clap", "21,1,11,1,0,1,0,1"), RGB.crop((6, 4, 27, 15)))
add("avif-clap-offset.avif", avif(RGB, "--clap", "21,1,11,1,3,1,-2,1", "--irot", "1"), RGB.crop((9, 2, 30, 13)).transpose(turned.ROTATE_90))
large = SMOOTH.resize((128, 64), Image.Resampling.NEAREST)
add("avif-grid.avif", tool(saved(large.crop((0, 0, 64, 64)), "PNG"), "avifenc", "--lossless", "--grid", "1x1", "IN", "OUT", suffix=".png", to=".avif"), large.crop((0, 0, 64, 64)))
for name, options in ("420", ["-y", "420"]), ("422", ["-y", "422"]), ("444-limited", ["-y", "444", "-r", "limited"]), ("420-10", ["-y", "420", "-d", "10"]), ("444-12", ["-y", "444", "-d", "12"]), ("709", ["--cicp", "1/13/1"]), ("2020", ["-d", "10", "--cicp", "9/16/9"]):
    data = tool(saved(SMOOTH, "PNG"), "avifenc", "--min", "5", "--max", "15", *options, "IN", "OUT", suffix=".png", to=".avif")
    add(f"avif-{name}.avif", data, Image.open(io.BytesIO(tool(data, "avifdec", "-d", "8", "-u", "bilinear", "IN", "OUT", suffix=".avif", to=".png"))).convert("RGB"))

# ---- pack
when = (2020, 1, 1, 0, 0, 0)
here = os.path.dirname(os.path.abspath(__file__))
with zipfile.ZipFile(os.path.join(here, "table.zip"), "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
    wants = {}
    for name in sorted(files):
        data, want = files[name]
        info = zipfile.ZipInfo(name, when)
        b = io.BytesIO()
        want.save(b, "PNG", optimize=True)
        b = b.getvalue()
        info.comment = wants.setdefault(b, f"want/{len(wants)}.png").encode()
        z.writestr(info, data, zipfile.ZIP_DEFLATED)
        if len(sys.argv) > 1:
            os.makedirs(sys.argv[1], exist_ok=True)
            for n, d in (name, data), (name + ".want.png", b):
                open(os.path.join(sys.argv[1], n), "wb").write(d)
    for b, name in wants.items():
        z.writestr(zipfile.ZipInfo(name, when), b, zipfile.ZIP_STORED)
print(len(files), "files")
