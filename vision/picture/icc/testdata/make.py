#!/usr/bin/env python3
"""Makes profiles of all kinds, and the colours that littlecms gives for them.

For each NAME.icc there is NAME.want: a line for each colour, with the samples of the
device, then red, green and blue. Needs Pillow with littlecms, 9.4 and 2.14 at the time.
"""
import math
import os
import random
import struct

from PIL import Image, ImageCms

HERE = os.path.dirname(os.path.abspath(__file__))
D50 = (0.9642, 1.0, 0.8249)


def s15(*values):
    return b"".join(struct.pack(">i", round(v * 65536)) for v in values)


def profile(space, pcs, tags, version=4, kind=b"mntr"):
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += b"\0" * (-len(data) % 4)
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s12x4s", start + len(body), b"none", version << 24, kind, space, pcs, b"acsp")
    head += struct.pack(">4s12x8xI", b"none", 0)[:28]
    head = head[:68] + s15(*D50)
    head += b"\0" * (128 - len(head))
    return head + struct.pack(">I", len(tags)) + table + body


def xyz(*v):
    return b"XYZ \0\0\0\0" + s15(*v)


def gamma(g):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(g * 256))


def points(values):
    return b"curv\0\0\0\0" + struct.pack(">I", len(values)) + b"".join(struct.pack(">H", round(v * 65535)) for v in values)


def para(kind, *v):
    return b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + s15(*v)


SRGB = para(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
P3 = [(0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)]
ADOBE = [(0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)]


def matrix(colorants, curve, **more):
    tags = {b"wtpt": xyz(*D50)}
    for name, c in zip((b"r", b"g", b"b"), colorants):
        tags[name + b"XYZ"], tags[name + b"TRC"] = xyz(*c), curve
    return profile(b"RGB ", b"XYZ ", tags, **more)


def lab(sample):
    """A plausible L*a*b* for ink or light, in 0 to 1."""
    r, g, b = sample
    y = 0.25 * r + 0.65 * g + 0.1 * b
    return (0.04 + 0.96 * y, 0.5 + 0.25 * (r - g), 0.5 + 0.25 * (0.5 * r + 0.5 * g - b))


def grid(n, channels, jitter, entry):
    random.seed(7)
    out = []
    for i in range(n ** channels):
        at = [i // n ** (channels - 1 - c) % n / (n - 1) for c in range(channels)]
        if channels == 4:
            at = [(1 - v) * (1 - at[3]) for v in at[:3]]
        elif channels == 1:
            at = at * 3
        even = 0 if i in (0, n ** channels - 1) else jitter
        out += [min(max(v + random.uniform(-even, even), 0), 1) for v in entry(at)]
    return out


def mft(width, channels, n, jitter=0.03, entry=lab, curve=lambda v: v ** 1.1):
    pack = lambda values: b"".join(struct.pack(">BH"[0] + "BH"[width - 1], round(v * (255 if width == 1 else 65535))) for v in values)
    head = struct.pack(">4s4xBBBx", b"mft%d" % width, channels, 3, n) + s15(1, 0, 0, 0, 1, 0, 0, 0, 1)
    entries = 256
    if width == 2:
        entries = 33
        head += struct.pack(">HH", entries, entries)
    shape = [curve(i / (entries - 1)) for i in range(entries)]
    plain = [i / (entries - 1) for i in range(entries)]
    return head + pack(shape) * channels + pack(grid(n, channels, jitter, entry)) + pack(plain) * 3


def mab(channels, n, width=2, entry=lab, matrix=(1, 0.02, 0, 0, 0.97, 0, 0.01, 0, 0.98, 0, 0.01, 0), clut=True):
    parts, offsets = b"", [0] * 5

    def put(i, data):
        nonlocal parts
        offsets[i] = 32 + len(parts)
        parts += data + b"\0" * (-len(data) % 4)

    put(0, para(0, 1.05) * 3)
    put(1, s15(*matrix))
    put(2, para(0, 0.95) * 3)
    if clut:
        values = grid(n, channels, 0.03, entry)
        data = b"".join(struct.pack(">B" if width == 1 else ">H", round(v * (255 if width == 1 else 65535))) for v in values)
        put(3, bytes([n] * channels) + b"\0" * (16 - channels) + bytes([width, 0, 0, 0]) + data)
        put(4, para(1, 1.2, 0.9, 0.1) * channels)
    return struct.pack(">4s4xBBxx5I", b"mAB ", channels, 3, *offsets) + parts


PROFILES = {
    "p3": matrix(P3, SRGB),
    "p3_table": matrix(P3, points([(i / 511) ** 2.2 for i in range(512)]), version=2),
    "adobe": matrix(ADOBE, gamma(2.19921875), version=2),
    "linear": matrix(ADOBE, b"curv" + bytes(8)),
    "para1": matrix(P3, para(1, 2.0, 0.95, 0.05)),
    "para2": matrix(P3, para(2, 2.0, 0.95, -0.05, 0.05)),
    "para4": matrix(P3, para(4, 2.2, 0.9, 0.08, 0.1, 0.05, 0.02, 0.004)),
    "grey_gamma": profile(b"GRAY", b"XYZ ", {b"wtpt": xyz(*D50), b"kTRC": gamma(1.8)}, version=2),
    "grey_lab": profile(b"GRAY", b"Lab ", {b"wtpt": xyz(*D50), b"kTRC": points([(i / 20) ** 0.9 for i in range(21)])}),
    "grey_table": profile(b"GRAY", b"Lab ", {b"wtpt": xyz(*D50), b"A2B0": mft(2, 1, 9)}, version=2),
    "rgb_mft1": profile(b"RGB ", b"Lab ", {b"wtpt": xyz(*D50), b"A2B0": mft(1, 3, 9)}, version=2, kind=b"scnr"),
    "rgb_mft2": profile(b"RGB ", b"Lab ", {b"wtpt": xyz(*D50), b"A2B0": mft(2, 3, 5)}, version=2, kind=b"scnr"),
    "rgb_xyz": profile(b"RGB ", b"XYZ ", {b"wtpt": xyz(*D50), b"A2B0": mft(2, 3, 5, entry=lambda v: [0.45 * v[0], 0.47 * v[1], 0.4 * v[2]])}, version=2, kind=b"scnr"),
    "rgb_mab": profile(b"RGB ", b"Lab ", {b"wtpt": xyz(*D50), b"A2B0": mab(3, 5)}),
    "rgb_mab_plain": profile(b"RGB ", b"XYZ ", {b"wtpt": xyz(*D50), b"A2B0": mab(3, 0, matrix=(0.25, 0.15, 0.08, 0.12, 0.32, 0.06, 0.01, 0.05, 0.35, 0.001, 0.001, 0.001), clut=False)}),
    "cmyk_mft1": profile(b"CMYK", b"Lab ", {b"wtpt": xyz(*D50), b"A2B0": mft(1, 4, 5)}, version=2, kind=b"prtr"),
    "cmyk_mft2": profile(b"CMYK", b"Lab ", {b"wtpt": xyz(*D50), b"A2B0": mft(2, 4, 4)}, version=2, kind=b"prtr"),
    "cmyk_mab": profile(b"CMYK", b"Lab ", {b"wtpt": xyz(*D50), b"A2B0": mab(4, 4, width=1)}, kind=b"prtr"),
}

NOOPTIMIZE = 0x100  # littlecms interpolates between colours otherwise
MODES = {b"GRAY": ("L", 1), b"RGB ": ("RGB", 3), b"CMYK": ("CMYK", 4)}

for name, data in PROFILES.items():
    path = os.path.join(HERE, name + ".icc")
    with open(path, "wb") as f:
        f.write(data)
    mode, channels = MODES[data[16:20]]
    random.seed(name)
    colors = [tuple(random.randrange(256) for _ in range(channels)) for _ in range(60)]
    colors += [(v,) * channels for v in (0, 1, 40, 128, 200, 254, 255)]
    if name == "p3":
        colors.append((200, 60, 40))
    m = Image.new(mode, (len(colors), 1))
    m.putdata([c if channels > 1 else c[0] for c in colors])
    out = ImageCms.profileToProfile(m, path, ImageCms.createProfile("sRGB"), outputMode="RGB", flags=NOOPTIMIZE)
    with open(os.path.join(HERE, name + ".want"), "w") as f:
        for c, rgb in zip(colors, out.getdata()):
            print(*c, *rgb, file=f)
