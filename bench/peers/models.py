#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what the peers run: a one-node ONNX model for every shape in
bench/shapes, ESPCN x3, and whole networks at batch 1 (--models). Beside each
lies a safetensors file with the same weights, the input, and the output that
PyTorch computes on the CPU.

    build/NAME.onnx         NCHW, as PyTorch exports it
    build/NAME.nhwc.onnx    convolutions: the same between two transposes, which
                            cancel the two that ONNX Runtime adds itself
    build/NAME.safetensors  input/x, weight/..., output/y; PyTorch's layouts:
                            NCHW, OIHW, linear weights [out, in]; token ids as
                            numbers of 32 bits

Everything is seeded by its name, so two machines write the same bytes.
"""
import argparse
import json
import pathlib
import struct
import zlib
from unittest import mock

import torch
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent
SHAPES = HERE.parent / "shapes"
ESPCN_WEIGHTS = HERE.parent.parent / "vision" / "zoo" / "espcn_x3.safetensors"
OPSET = 13
WHOLE_OPSET = 17  # has layer normalisation as one node
WHOLE = ["resnet18", "resnet50", "googlenet", "alexnet", "vit_b_16", "swin_t", "clip_image", "clip_text"]


def read_safetensors(path):
    """The float32 tensors of a file, by name."""
    data = path.read_bytes()
    n = struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8 : 8 + n])
    header.pop("__metadata__", None)
    tensors = {}
    for name, t in header.items():
        if t["dtype"] != "F32":
            continue
        begin, end = t["data_offsets"]
        body = bytearray(data[8 + n + begin : 8 + n + end])
        tensors[name] = torch.frombuffer(body, dtype=torch.float32).reshape(t["shape"])
    return tensors


def write_safetensors(path, tensors, metadata):
    header, offset = {"__metadata__": metadata}, 0
    for name, t in tensors.items():
        size = 4 * t.numel()
        header[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for t in tensors.values():
            f.write(t.detach().contiguous().numpy().tobytes())


class Gemm(nn.Module):
    """A linear layer with its weight stored [in, out], the order that ONNX
    Runtime's provider is a little quicker with than PyTorch's own."""

    def __init__(self, linear):
        super().__init__()
        self.weight = nn.Parameter(linear.weight.detach().t().contiguous())
        self.bias = linear.bias

    def forward(self, x):
        return torch.addmm(self.bias, x, self.weight)


class ESPCN(nn.Module):
    """Shi et al. 2016 (arXiv:1609.05158)."""

    def __init__(self, scale=3):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 64, 5, padding=2)
        self.conv2 = nn.Conv2d(64, 32, 3, padding=1)
        self.conv3 = nn.Conv2d(32, scale * scale, 3, padding=1)
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, x):
        x = torch.tanh(self.conv1(x))
        x = torch.tanh(self.conv2(x))
        return torch.sigmoid(self.shuffle(self.conv3(x)))


class ChannelsLast(nn.Module):
    """A convolution that takes and gives NHWC."""

    def __init__(self, conv):
        super().__init__()
        self.conv = conv

    def forward(self, x):
        return self.conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def seed(module, rng):
    """Uniform weights that keep the size of the values."""
    for p in module.parameters():
        fan_in = p[0].numel() if p.dim() > 1 else p.numel()
        p.data = (torch.rand(p.shape, generator=rng) * 2 - 1) * (3 / fan_in) ** 0.5


def export(module, x, path):
    torch.onnx.export(module, x, str(path), opset_version=OPSET, input_names=["x"], output_names=["y"])


def write(name, module, x, out, metadata):
    module.eval()
    with torch.no_grad():
        y = module(x)
        export(Gemm(module) if isinstance(module, nn.Linear) else module, x, out / f"{name}.onnx")
        if isinstance(module, nn.Conv2d):
            export(ChannelsLast(module).eval(), x.permute(0, 2, 3, 1).contiguous(), out / f"{name}.nhwc.onnx")
    tensors = {"input/x": x}
    tensors.update(("weight/" + k, v) for k, v in module.state_dict().items())
    tensors["output/y"] = y
    write_safetensors(out / f"{name}.safetensors", tensors, metadata)


def write_shape(s, out):
    rng = torch.Generator().manual_seed(zlib.crc32(s["name"].encode()))
    if s["op"] == "conv2d":
        module = nn.Conv2d(s["cin"], s["cout"], s["kernel"], s["stride"], s["pad"], bias=s["bias"])
        size = [s["batch"], s["cin"], s["h"], s["w"]]
    elif s["op"] == "linear":
        module = nn.Linear(s["k"], s["n"])
        size = [s["m"], s["k"]]
    else:
        raise SystemExit(f"models.py: {s['name']}: op {s['op']!r}")
    seed(module, rng)
    x = torch.rand(size, generator=rng) * 2 - 1
    write(s["name"], module, x, out, {"shape": json.dumps(s)})


def write_espcn(out, size=256):
    rng = torch.Generator().manual_seed(zlib.crc32(b"espcn_x3"))
    module = ESPCN()
    seed(module, rng)
    source = "seeded random weights"
    if ESPCN_WEIGHTS.exists():
        weights = {k.replace("weight/", "", 1): v for k, v in read_safetensors(ESPCN_WEIGHTS).items()}
        module.load_state_dict({k: weights[k] for k in module.state_dict()})
        source = "vision/zoo/" + ESPCN_WEIGHTS.name
    x = torch.rand([1, 1, size, size], generator=rng)
    write("espcn_x3", module, x, out, {"weights": source})
    return source


def whole(name):
    """A network with seeded weights, its input, and what ONNX is to have."""
    import clip
    import torch_cases

    if not name.startswith("clip_"):
        module, x = torch_cases.seeded(name)
        return module, x, module
    torch.manual_seed(7)
    module = {"clip_image": clip.Image, "clip_text": clip.Text}[name]().eval()
    for p in module.parameters():
        if not p.any():
            nn.init.normal_(p, 0, 0.02)
    if name == "clip_image":
        return module, torch.randn(1, 3, 224, 224), module
    x = torch.zeros(1, module.positional_embedding.shape[0], dtype=torch.int64)
    x[0, :9] = torch.tensor([49406, *torch.randint(1, 49405, (7,)), 49407])
    return module, x, clip.TextAt(module, 8)


def write_whole(name, out):
    module, x, exported = whole(name)
    with torch.no_grad():
        y = module(x)
    # Gradients stay on: without them PyTorch takes its own fused attention,
    # which ONNX has no operator for. Dropout does nothing in evaluation, but
    # torchvision's Swin leaves nodes of it.
    with mock.patch("torch.nn.functional.dropout", lambda x, *args, **kwargs: x):
        torch.onnx.export(exported, x, str(out / f"{name}.onnx"), opset_version=WHOLE_OPSET, input_names=["x"], output_names=["y"])
    tensors = {"input/x": x.float()}
    tensors.update(("weight/" + k, v) for k, v in module.state_dict().items() if v.dtype == torch.float32)
    tensors["output/y"] = y
    write_safetensors(out / f"{name}.safetensors", tensors, {"weights": "seeded"})
    print(name, flush=True)


def write_shapes():
    """bench/shapes: the distinct shapes of ResNet-50 and ViT-B/16, each under
    the name of its first use, with the number of its uses."""
    import torchvision

    convs = {}

    def hook(name):
        def f(module, args, result):
            b, cin, h, w = args[0].shape
            s = dict(op="conv2d", batch=b, h=h, w=w, cin=cin, cout=module.out_channels,
                     kernel=list(module.kernel_size), stride=list(module.stride),
                     pad=list(module.padding), bias=True)
            entry = convs.setdefault(json.dumps(s), dict(name=name, count=0, **s))
            entry["count"] += 1

        return f

    net = torchvision.models.resnet50().eval()
    for name, module in net.named_modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(hook(name))
    with torch.no_grad():
        net(torch.zeros(1, 3, 224, 224))

    tokens, width, hidden, depth = 197, 768, 3072, 12
    matmuls = [
        dict(name=name, count=count, op="linear", m=m, k=k, n=n, bias=True)
        for name, count, m, k, n in [
            ("patch_embed", 1, tokens - 1, 3 * 16 * 16, width),
            ("qkv", depth, tokens, width, 3 * width),
            ("proj", depth, tokens, width, width),
            ("fc1", depth, tokens, width, hidden),
            ("fc2", depth, tokens, hidden, width),
            ("head", 1, 1, width, 1000),
        ]
    ]
    for file, shapes in [("resnet50_conv", convs.values()), ("vit_b_matmul", matmuls)]:
        lines = ",\n".join("  " + json.dumps(s) for s in shapes)
        (SHAPES / f"{file}.json").write_text(f"[\n{lines}\n]\n")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", type=pathlib.Path, default=HERE / "build", help="folder to write to (default: build)")
    p.add_argument("--only", metavar="NAME", action="append", help="write only this shape, or espcn_x3")
    p.add_argument("--models", nargs="*", metavar="NAME",
                   help="write whole networks instead, these or all (needs torchvision; 2 GB): " + ", ".join(WHOLE))
    p.add_argument("--shapes", action="store_true", help="write bench/shapes anew instead (needs torchvision)")
    args = p.parse_args()
    if args.shapes:
        write_shapes()
        return
    args.out.mkdir(parents=True, exist_ok=True)
    if args.models is not None:
        for name in args.models or WHOLE:
            write_whole(name, args.out)
        return
    shapes = [s for f in sorted(SHAPES.glob("*.json")) for s in json.loads(f.read_text())]
    wanted = set(args.only or [s["name"] for s in shapes] + ["espcn_x3"])
    for s in shapes:
        if s["name"] in wanted:
            write_shape(s, args.out)
    if "espcn_x3" in wanted:
        print("espcn_x3:", write_espcn(args.out))
    print(f"{len(wanted)} models in {args.out.name}")


if __name__ == "__main__":
    main()
