#!/usr/bin/env python3
# Copyright the vertebra authors. Licensed under the Apache License, Version 2.0.
"""Train, check and export the ESPCN super-resolution weights (x2, x3, x4).

The network (Shi et al., arXiv:1609.05158) works on one channel, the luminance
in [0, 1], at the low resolution, and rearranges r*r output channels into an
image r times larger:

    conv1 5x5 1->64 pad 2, tanh
    conv2 3x3 64->32 pad 1, tanh
    conv3 3x3 32->r*r pad 1, pixel shuffle r, sigmoid

Usage, from this folder (README.md says where the photographs come from):

    # 1. photographs -> one file of luminance planes, at several sizes each
    python3 train.py prepare --packages PKGS --cache CACHE

    # 2. train the x3 network, then the others from its first two layers
    python3 train.py train --scale 3 --cache CACHE --work WORK --iters 25000
    python3 train.py train --scale 2 --cache CACHE --work WORK --iters 15000 \
        --init ../espcn_x3.safetensors
    python3 train.py train --scale 4 --cache CACHE --work WORK --iters 15000 \
        --init ../espcn_x3.safetensors

    # 3. PSNR against bicubic on the held-out images (and any others)
    python3 train.py eval --scale 3 --cache CACHE --weights ../espcn_x3.safetensors \
        [--images DIR]

PKGS holds one folder per Debian package, named as the package, unpacked with
`dpkg-deb -x`. Training writes WORK/espcn_xR.ckpt and goes on from it when it is
started again, with the same or another --iters, so it may be stopped (SIGTERM,
Ctrl-C) or paused (SIGSTOP) at any time: the learning rate follows the iteration
number and not the clock.

Needs torch, numpy and Pillow with WebP. Everything random comes from --seed.
"""

import argparse
import io
import json
import math
import os
import random
import signal
import struct
import sys
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
Image.MAX_IMAGE_PIXELS = None

# Radius of the receptive field in low-resolution pixels: 2 + 1 + 1.
RADIUS = 4


# ---------------------------------------------------------------- the network


class ESPCN(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale
        self.conv1 = nn.Conv2d(1, 64, 5, padding=2)
        self.conv2 = nn.Conv2d(64, 32, 3, padding=1)
        self.conv3 = nn.Conv2d(32, scale * scale, 3, padding=1)
        for c in (self.conv2, self.conv3):
            nn.init.xavier_normal_(c.weight)
            nn.init.zeros_(c.bias)
        # Luminance is nearly all constant, and detail is the small rest. Random
        # filters would all see mostly the constant, and learning the detail
        # would take very long. So all filters but eight start with sum zero and
        # a larger gain, and all of them are centred on mid-grey.
        with torch.no_grad():
            w = torch.randn(64, 1, 5, 5)
            w -= w.mean((1, 2, 3), keepdim=True)
            w *= 3 / w.flatten(1).norm(dim=1)[:, None, None, None]
            at = torch.arange(5.0) - 2
            blob = torch.exp(-(at[:, None] ** 2 + at[None] ** 2) / 2)
            w[:8, 0] = 2 * blob / blob.sum() * torch.tensor([1.0, -1.0] * 4)[:, None, None] + 0.1 * w[:8, 0]
            self.conv1.weight.copy_(w)
            self.conv1.bias.copy_(-0.5 * w.sum((1, 2, 3)))

    def forward(self, x, bf16=False):
        # With bf16 only the large middle layer (four fifths of the work) runs
        # in bfloat16; the layers that touch pixel values stay in float32.
        x = torch.tanh(self.conv1(x))
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            x = self.conv2(x)
        x = torch.tanh(x.float())
        return torch.sigmoid(F.pixel_shuffle(self.conv3(x), self.scale))


# ------------------------------------------------------------------ optimiser


class Soap(torch.optim.Optimizer):
    """Adam in the eigenbasis of the gradients' second moments (after SOAP,
    Vyas et al., arXiv:2409.11321).

    Neighbouring pixels are nearly equal, so the inputs of every layer are
    strongly correlated, and plain Adam creeps along a plateau a little worse
    than bicubic for many thousand iterations. A weight is taken as a matrix of
    out x (in*k*k); both sides keep a running covariance of the gradient, whose
    eigenvectors are refreshed now and then by one step of orthogonal iteration.
    """

    def __init__(self, params, lr=3e-3, betas=(0.95, 0.99), eps=1e-8, refresh=50):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, refresh=refresh))

    @torch.no_grad()
    def step(self):
        for g in self.param_groups:
            b1, b2 = g["betas"]
            for p in g["params"]:
                if p.grad is None:
                    continue
                s, G = self.state[p], p.grad.reshape(p.shape[0], -1)
                side = p.dim() > 1
                if not s:
                    s["t"] = 0
                    s["m"], s["v"] = torch.zeros_like(G), torch.zeros_like(G)
                    if side:
                        n, k = G.shape
                        s["L"], s["R"] = torch.zeros(n, n), torch.zeros(k, k)
                        s["QL"], s["QR"] = torch.eye(n), torch.eye(k)
                s["t"] += 1
                t = s["t"]
                s["m"].lerp_(G, 1 - b1)
                m = s["m"]
                if side:
                    s["L"].lerp_(G @ G.T, 1 - b2)
                    s["R"].lerp_(G.T @ G, 1 - b2)
                    if t == 20:  # the first basis comes from whole decompositions
                        s["QL"] = torch.linalg.eigh(s["L"])[1]
                        s["QR"] = torch.linalg.eigh(s["R"])[1]
                        s["v"].zero_()
                        s["t0"] = t - 1
                    elif t % g["refresh"] == 0:
                        s["QL"] = torch.linalg.qr(s["L"] @ s["QL"])[0]
                        s["QR"] = torch.linalg.qr(s["R"] @ s["QR"])[0]
                    G = s["QL"].T @ G @ s["QR"]
                    m = s["QL"].T @ m @ s["QR"]
                s["v"].mul_(b2).addcmul_(G, G, value=1 - b2)
                u = t - s.get("t0", 0)
                u = m / (1 - b1**t) / ((s["v"] / (1 - b2**u)).sqrt() + g["eps"])
                if side:
                    u = s["QL"] @ u @ s["QR"].T
                p.add_(u.reshape(p.shape), alpha=-g["lr"])


# ---------------------------------------------------------------- safetensors


def save_safetensors(path, tensors, metadata):
    """Writes float32 tensors: 8 bytes of header length, JSON, data."""
    header, blobs, at = {"__metadata__": metadata}, [], 0
    for name, t in tensors.items():
        b = np.ascontiguousarray(t.detach().cpu().numpy(), dtype="<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [at, at + len(b)]}
        blobs.append(b)
        at += len(b)
    text = json.dumps(header, separators=(",", ":"), sort_keys=False).encode()
    text += b" " * (-len(text) % 8)
    part = path + ".part"
    with open(part, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    os.replace(part, path)


def load_safetensors(path):
    with open(path, "rb") as f:
        raw = f.read()
    n = struct.unpack("<Q", raw[:8])[0]
    header, data, out = json.loads(raw[8 : 8 + n]), raw[8 + n :], {}
    for name, d in header.items():
        if name == "__metadata__":
            continue
        a, b = d["data_offsets"]
        t = np.frombuffer(data[a:b], dtype="<f4").reshape(d["shape"])
        out[name] = torch.from_numpy(t.copy())
    return out, header.get("__metadata__", {})


# ------------------------------------------------------------------- pictures


def webp_in_resource(path, k):
    """The k-th WebP picture stored whole inside a Qt resource (.rcc) file."""
    raw, i, n = open(path, "rb").read(), 0, 0
    while True:
        i = raw.find(b"RIFF", i)
        if i < 0:
            raise ValueError("%s holds only %d WebP pictures" % (path, n))
        if raw[i + 8 : i + 12] != b"WEBP":
            i += 4
            continue
        size = struct.unpack("<I", raw[i + 4 : i + 8])[0] + 8
        if n == k:
            return Image.open(io.BytesIO(raw[i : i + size]))
        i, n = i + size, n + 1


def open_rgb(path):
    name, _, k = path.partition("#")
    im = webp_in_resource(name, int(k)) if k else Image.open(path)
    if im.mode in ("RGBA", "LA", "PA") or "transparency" in im.info:
        im = im.convert("RGBA")
        back = Image.new("RGBA", im.size, (255, 255, 255, 255))
        back.alpha_composite(im)
        im = back
    return im.convert("RGB")


def luminance(im):
    """Full-range BT.601 luminance as uint8."""
    return np.asarray(im.convert("YCbCr"))[:, :, 0].copy()


def studio(y):
    """Full-range luminance (0..255) to studio range (16..235), uint8 to uint8."""
    return np.round(16 + y.astype(np.float64) * 219 / 255).astype(np.uint8)


def crop_to(y, r):
    h, w = y.shape
    return y[: h - h % r, : w - w % r]


def shrink(y, r):
    """Bicubic (a = -0.5) with antialias, rounded to uint8 as a file would be."""
    h, w = y.shape
    return np.asarray(Image.fromarray(y).resize((w // r, h // r), Image.BICUBIC))


def enlarge(y, r):
    h, w = y.shape
    return np.asarray(Image.fromarray(y).resize((w * r, h * r), Image.BICUBIC))


def psnr(a, b, shave):
    d = a.astype(np.float64) - b.astype(np.float64)
    d = d[shave:-shave, shave:-shave]
    return 10 * math.log10(255**2 / max(float((d * d).mean()), 1e-10))


def read_list():
    with open(os.path.join(HERE, "images.tsv"), encoding="utf-8") as f:
        return [l.rstrip("\n").split("\t") for l in f if l.strip() and l[0] != "#"]


# -------------------------------------------------------------------- prepare

# Long sides of the training pictures. Photographs are soft at their full size;
# made several times smaller they have detail at the scale of single pixels,
# and that is the detail the network has to learn to restore.
SIDES = (1000, 720, 512, 360, 256)


def prepare(a):
    rng = random.Random(a.seed)
    train, val, pixels = {}, {}, 0
    for split, package, path, name, crop, side in read_list():
        im = open_rgb(os.path.join(a.packages, package, path))
        w, h = im.size
        if split == "val":
            l, t, r, b = (float(v) for v in crop.split(","))
            im = im.crop((round(l * w), round(t * h), round(r * w), round(b * h)))
            w, h = im.size
            f = int(side) / max(w, h)
            if f < 1:
                im = im.resize((round(w * f), round(h * f)), Image.BICUBIC)
            val[name] = luminance(im)
            continue
        long = max(w, h)
        # Small pictures were shrunk already by those who published them.
        factors = [s / long for s in SIDES if s * 1.5 <= long]
        if long <= 720:
            factors = [1.0] + [f for f in factors if f * long >= 200]
        for i, f in enumerate(factors):
            # A few per cent more or less, so that sizes differ, and two filters.
            f = f if f == 1 else f * rng.uniform(0.9, 1.1)
            kind = Image.BICUBIC if (i + len(name)) % 2 else Image.LANCZOS
            small = im if f == 1 else im.resize((round(w * f), round(h * f)), kind)
            y = luminance(small)
            train["%s@%d" % (name, i)] = y
            pixels += y.size
    os.makedirs(a.cache, exist_ok=True)
    for what, d in (("train", train), ("val", val)):
        np.savez(os.path.join(a.cache, what + ".npz"), **d)
    print("%d training pictures, %.1f megapixels; %d held out" % (len(train), pixels / 1e6, len(val)))


# ---------------------------------------------------------------------- train


class Patches:
    """Random pairs of low- and high-resolution patches.

    A patch is cut out of its picture, so the zeros that the convolutions see
    around it are false unless it touches the picture's own border. `weight` is
    0 at low-resolution pixels that see false zeros and 1 elsewhere: the true
    borders are learnt as the runtime computes them, and nothing else is.
    """

    def __init__(self, cache, scale, size, seed):
        data = np.load(os.path.join(cache, "train.npz"))
        self.r, self.size, self.pairs, area = scale, size, [], []
        for k in data.files:
            hi = crop_to(data[k], scale)
            lo = shrink(hi, scale)
            if min(lo.shape) < size:
                continue
            self.pairs.append((lo, hi))
            area.append(lo.size)
        # Smaller pictures are sharper: sample by the square root of the area.
        p = np.sqrt(np.array(area, dtype=np.float64))
        self.cum = np.cumsum(p / p.sum())
        self.rng = np.random.RandomState(seed)
        print("%d pictures, %.2f low-resolution megapixels" % (len(self.pairs), sum(area) / 1e6))

    def _place(self, n):
        # A little past either end and clamped, so that borders come up more often.
        s = self.size
        return int(min(max(self.rng.randint(-RADIUS, n - s + RADIUS + 1), 0), n - s))

    def batch(self, n):
        s, r, rng = self.size, self.r, self.rng
        X = np.empty((n, 1, s, s), np.float32)
        Y = np.empty((n, 1, s * r, s * r), np.float32)
        W = np.zeros((n, 1, s, s), np.float32)
        for i in range(n):
            for attempt in range(3):
                k = min(int(np.searchsorted(self.cum, rng.rand())), len(self.pairs) - 1)
                lo, hi = self.pairs[k]
                h, w = lo.shape
                y, x = self._place(h), self._place(w)
                p = lo[y : y + s, x : x + s]
                if attempt == 2 or p[::2, ::2].std() > 8:  # blurred backgrounds teach little
                    break
            q = hi[y * r : (y + s) * r, x * r : (x + s) * r]
            m = np.zeros((s, s), np.float32)
            m[
                0 if y == 0 else RADIUS : s if y + s == h else s - RADIUS,
                0 if x == 0 else RADIUS : s if x + s == w else s - RADIUS,
            ] = 1
            turn, flip = rng.randint(4), rng.randint(2)
            p, q, m = (np.rot90(v, turn) for v in (p, q, m))
            if flip:
                p, q, m = (v[:, ::-1] for v in (p, q, m))
            # Full range, studio range, or any other gain and offset.
            u = rng.rand()
            if u < 0.5:
                gain, offset = 1.0, 0.0
            elif u < 0.8:
                gain, offset = 219 / 255, 16 / 255
            else:
                gain = rng.uniform(0.5, 1)
                offset = rng.uniform(0, 1 - gain)
            X[i, 0] = p * np.float32(gain / 255) + np.float32(offset)
            Y[i, 0] = q * np.float32(gain / 255) + np.float32(offset)
            W[i, 0] = m
        return torch.from_numpy(X), torch.from_numpy(Y), torch.from_numpy(W)


def loss_of(out, want, weight, scale, kind):
    d = (out - want) ** 2
    w = F.interpolate(weight, scale_factor=scale, mode="nearest")
    if kind == "mse":
        return (d * w).sum() / w.sum()
    # Root of the mean square of each patch: between L1 and MSE in how much
    # hard patches outweigh easy ones, as PSNR averaged over images is.
    per = (d * w).sum((1, 2, 3)) / w.sum((1, 2, 3))
    return torch.sqrt(per + 1e-5).mean()


def run(net, lo):
    x = torch.from_numpy(lo.astype(np.float32) / 255)[None, None]
    with torch.no_grad():
        y = net(x.contiguous(memory_format=torch.channels_last))[0, 0].numpy()
    return np.round(np.clip(y * 255, 0, 255)).astype(np.uint8)


def compare(net, planes, scale, to_studio=False):
    """(name, bicubic PSNR, network PSNR) of each ground-truth plane."""
    rows = []
    for name, y in planes.items():
        hi = crop_to(studio(y) if to_studio else y, scale)
        lo = shrink(hi, scale)
        rows.append((name, psnr(enlarge(lo, scale), hi, scale), psnr(run(net, lo), hi, scale)))
    return rows


def means(rows):
    b = sum(r[1] for r in rows) / len(rows)
    n = sum(r[2] for r in rows) / len(rows)
    return b, n, n - b


def train(a):
    random.seed(a.seed)
    torch.manual_seed(a.seed)
    torch.set_num_threads(a.threads)
    os.makedirs(a.work, exist_ok=True)
    out = a.out or os.path.join(HERE, "..", "espcn_x%d.safetensors" % a.scale)
    ckpt = os.path.join(a.work, "espcn_x%d.ckpt" % a.scale)
    with open(os.path.join(a.work, "pid"), "w") as f:
        f.write("%d\n" % os.getpid())

    net = ESPCN(a.scale)
    if a.init:
        had, _ = load_safetensors(a.init)
        own = net.state_dict()
        for k, v in had.items():
            if own[k].shape == v.shape:
                own[k] = v
        net.load_state_dict(own)
    net = net.to(memory_format=torch.channels_last)
    opt = Soap(net.parameters(), lr=a.lr)
    data = Patches(a.cache, a.scale, a.patch, a.seed)
    val = dict(np.load(os.path.join(a.cache, "val.npz")))
    mean = {k: v.clone() for k, v in net.state_dict().items()}  # running mean of the weights
    step, spent, best = 0, 0.0, -math.inf
    if os.path.exists(ckpt):
        c = torch.load(ckpt)
        net.load_state_dict(c["net"])
        opt.load_state_dict(c["opt"])
        mean, step, spent, best = c["mean"], c["step"], c["spent"], c["best"]
        data.rng.set_state(c["rng"])
        print("going on from iteration %d" % step)

    shown = ESPCN(a.scale).to(memory_format=torch.channels_last)

    def save():
        part = ckpt + ".part"
        torch.save(
            {
                "net": net.state_dict(),
                "opt": opt.state_dict(),
                "mean": mean,
                "step": step,
                "spent": spent,
                "best": best,
                "rng": data.rng.get_state(),
            },
            part,
        )
        os.replace(part, ckpt)

    stop = []
    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, lambda *_: stop.append(1))
    total, since = 0.0, 0
    last = time.time()
    while step < a.iters:
        t = step / a.iters
        rate = a.lr_end + (a.lr - a.lr_end) * 0.5 * (1 + math.cos(math.pi * t))
        if step < 500:  # a short warm-up
            rate *= (step + 1) / 500
        for g in opt.param_groups:
            g["lr"] = rate
        x, y, w = data.batch(a.batch)
        p = net(x.contiguous(memory_format=torch.channels_last), bf16=t < a.bf16_until)
        loss = loss_of(p, y, w, a.scale, a.loss)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        step += 1
        total, since = total + float(loss), since + 1
        keep = min(a.ema, step / (step + 10))
        with torch.no_grad():
            for k, v in net.state_dict().items():
                mean[k].mul_(keep).add_(v, alpha=1 - keep)
        # Wall time; a stretch in which the process was stopped counts as a second.
        now = time.time()
        spent += min(now - last, 1.0)
        last = now

        if step % a.every == 0 or step == a.iters:
            shown.load_state_dict(mean)
            full = means(compare(shown, val, a.scale))
            tv = means(compare(shown, val, a.scale, True))
            print(
                "x%d %6d/%d lr %.1e loss %.6f  gain %.3f dB (studio %.3f)  %.1f min"
                % (a.scale, step, a.iters, rate, total / since, full[2], tv[2], spent / 60),
                flush=True,
            )
            total, since = 0.0, 0
            score = (full[2] + tv[2]) / 2
            if score > best:
                best = score
                save_safetensors(
                    out,
                    mean,
                    {
                        "model": "espcn",
                        "scale": str(a.scale),
                        "licence": "Apache-2.0",
                        "trained_on": "photographs in Debian packages of wallpapers and of an educational "
                        "suite; vision/zoo/espcn_train/README.md lists them",
                        "psnr": "mean luminance PSNR on %d held-out images: %.2f dB, bicubic %.2f dB "
                        "(full range, border of %d shaved)" % (len(val), full[1], full[0], a.scale),
                    },
                )
            save()
            last = time.time()
        elif stop:
            save()
        if stop:
            print("stopped at iteration %d" % step)
            return
    print("done: best mean gain %.3f dB after %.1f minutes" % (best, spent / 60))


# ----------------------------------------------------------------------- eval


def evaluate(a):
    torch.set_num_threads(a.threads)
    w, meta = load_safetensors(a.weights)
    scale = a.scale or int(meta["scale"])
    net = ESPCN(scale)
    net.load_state_dict(w)
    planes = dict(np.load(os.path.join(a.cache, "val.npz"))) if a.cache else {}
    for d in a.images or []:
        for f in sorted(os.listdir(d)):
            if f.lower().endswith((".png", ".jpg", ".jpeg", ".bmp", ".webp")):
                planes[f] = luminance(open_rgb(os.path.join(d, f)))
    full = compare(net, planes, scale)
    tv = compare(net, planes, scale, True)
    print("| image | size | bicubic | x%d | gain | bicubic, studio | x%d, studio | gain |" % (scale, scale))
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for (name, b, n), (_, bs, ns) in zip(full, tv):
        h, wd = planes[name].shape
        print("| %s | %dx%d | %.2f | %.2f | %+.2f | %.2f | %.2f | %+.2f |" % (name, wd, h, b, n, n - b, bs, ns, ns - bs))
    print("| mean | | %.2f | %.2f | %+.2f | %.2f | %.2f | %+.2f |" % (means(full) + means(tv)))


def main():
    ap = argparse.ArgumentParser(description="ESPCN weights: prepare, train, eval")
    sub = ap.add_subparsers(dest="mode", required=True)
    p = sub.add_parser("prepare", help="make the cache of luminance planes")
    p.add_argument("--packages", required=True, help="folder of unpacked packages, one folder each")
    p.add_argument("--cache", required=True)
    p.add_argument("--seed", type=int, default=1)
    p = sub.add_parser("train", help="train one scale, or go on with it")
    p.add_argument("--scale", type=int, choices=(2, 3, 4), required=True)
    p.add_argument("--cache", required=True)
    p.add_argument("--work", required=True, help="folder of checkpoints; holds the process's id in `pid`")
    p.add_argument("--out", help="weights to write (default: ../espcn_xR.safetensors)")
    p.add_argument("--init", help="weights to start from, where shapes agree")
    p.add_argument("--iters", type=int, default=25000)
    p.add_argument("--batch", type=int, default=8)
    p.add_argument("--patch", type=int, default=40, help="side of a patch in low-resolution pixels")
    p.add_argument("--lr", type=float, default=3e-3)
    p.add_argument("--lr-end", type=float, default=1e-5)
    p.add_argument("--loss", choices=("mse", "rms"), default="rms")
    p.add_argument("--bf16-until", type=float, default=0.8, help="share of the iterations with conv2 in bfloat16")
    p.add_argument("--ema", type=float, default=0.999)
    p.add_argument("--every", type=int, default=1000, help="iterations between checks")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--seed", type=int, default=1)
    p = sub.add_parser("eval", help="PSNR against bicubic")
    p.add_argument("--scale", type=int)
    p.add_argument("--weights", required=True)
    p.add_argument("--cache", help="adds its held-out images")
    p.add_argument("--images", action="append", help="a folder of more images")
    p.add_argument("--threads", type=int, default=1)
    a = ap.parse_args()
    {"prepare": prepare, "train": train, "eval": evaluate}[a.mode](a)


if __name__ == "__main__":
    sys.exit(main())
