#!/usr/bin/env python3
"""Full-size reference cases from PyTorch.

    python3 bench/peers/torch_cases.py FOLDER [NAME...]
    vertebra verify FOLDER

For each model writes FOLDER/NAME.pth, seeded weights as torch.save leaves them,
and FOLDER/NAME.safetensors, a reference case: an input, what PyTorch computes
for it stage by stage, and the name of the file of weights. Needs torch,
torchvision and numpy.
"""

import json
import struct
import sys
from pathlib import Path

import numpy
import torch
import torchvision
from torch import nn


class DoubleConv(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        layers = []
        for a, b in ((inputs, outputs), (outputs, outputs)):
            layers += [nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
        self.double_conv = nn.Sequential(*layers)

    def forward(self, x):
        return self.double_conv(x)


class Down(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), DoubleConv(inputs, outputs))

    def forward(self, x):
        return self.maxpool_conv(x)


class Up(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, inputs // 2, 2, stride=2)
        self.conv = DoubleConv(inputs, inputs // 2)

    def forward(self, x, skip):
        x = self.up(x)
        h, w = (s - t for s, t in zip(skip.shape[2:], x.shape[2:]))
        x = nn.functional.pad(x, (w // 2, w - w // 2, h // 2, h - h // 2))
        return self.conv(torch.cat((skip, x), 1))


class OutConv(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x):
        return self.conv(x)


class UNet(nn.Module):
    """U-Net with padded convolutions, under the names that checkpoints use."""

    def __init__(self):
        super().__init__()
        self.inc = DoubleConv(3, 64)
        self.down1, self.down2, self.down3, self.down4 = (Down(64 << i, 128 << i) for i in range(4))
        self.up1, self.up2, self.up3, self.up4 = (Up(1024 >> i) for i in range(4))
        self.outc = OutConv(64, 2)

    def forward(self, x):
        skips = [self.inc(x)]
        for down in (self.down1, self.down2, self.down3, self.down4):
            skips.append(down(skips[-1]))
        x = skips.pop()
        for up in (self.up1, self.up2, self.up3, self.up4):
            x = up(x, skips.pop())
        return self.outc(x)


def torchvision_model(name, **kwargs):
    return lambda: getattr(torchvision.models, name)(weights=None, **kwargs)


# Architecture's name in reference cases, config, constructor, input [N, C, H, W].
MODELS = {
    "alexnet": ("alexnet", {}, torchvision_model("alexnet"), (1, 3, 224, 224)),
    "googlenet": (
        "googlenet",
        {"aux_logits": True, "transform_input": True, "bn_eps": 0.001},
        torchvision_model("googlenet", transform_input=True, init_weights=False),
        (1, 3, 224, 224),
    ),
    "resnet18": ("resnet18", {}, torchvision_model("resnet18"), (1, 3, 224, 224)),
    "resnet50": ("resnet50", {}, torchvision_model("resnet50"), (1, 3, 224, 224)),
    "resnet152": ("resnet152", {}, torchvision_model("resnet152"), (1, 3, 224, 224)),
    "unet": (
        "unet_milesial",
        {"n_channels": 3, "n_classes": 2, "bilinear": False},
        UNet,
        (1, 3, 572, 388),
    ),
}


def write_safetensors(path, metadata, tensors):
    header, data = {"__metadata__": metadata}, []
    at = 0
    for name, tensor in tensors.items():
        raw = numpy.ascontiguousarray(tensor.numpy(), dtype="<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [at, at + len(raw)]}
        data.append(raw)
        at += len(raw)
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    path.write_bytes(struct.pack("<Q", len(head)) + head + b"".join(data))


def case(folder, name):
    arch, config, build, shape = MODELS[name]
    torch.manual_seed(7)
    model = build().eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 1.8)
            nn.init.normal_(module.weight, 0.7, 0.2)
            nn.init.normal_(module.bias, 0, 0.2)
    x = torch.randn(shape)

    tensors = {"input/x": x}

    def keep(stage):
        def hook(module, inputs, output):
            tensors.setdefault("stage/" + stage, output.detach().clone())
        return hook

    stages = [n for n, _ in model.named_modules() if n.count(".") < 2 and "aux" not in n and n]
    for stage in stages:
        model.get_submodule(stage).register_forward_hook(keep(stage))
    with torch.no_grad():
        tensors["output/out"] = model(x)

    folder.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), folder / (name + ".pth"))
    metadata = {
        "model": name,
        "config": json.dumps({"arch": arch, "weights": name + ".pth", **config}),
        "source": "torch %s, torchvision %s" % (torch.__version__, torchvision.__version__),
    }
    write_safetensors(folder / (name + ".safetensors"), metadata, tensors)
    print(name, list(tensors["output/out"].shape), flush=True)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for name in sys.argv[2:] or MODELS:
        case(Path(sys.argv[1]), name)


if __name__ == "__main__":
    main()
