#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""torchvision's detection networks as torch.onnx.export writes them, with random weights.

    python3 bench/peers/torch_detection.py FOLDER [--opset N] [--classes N] [NAME...]

For each network writes FOLDER/NAME/model.onnx, and beside it what PyTorch's CPU
computes for a few pictures. How many boxes there are differs from picture to
picture. `vertebra verify FOLDER/NAME/model.onnx` compares. Networks are small:
ResNet-18 instead of ResNet-50, pictures of 96 by 128, five classes. Heads get
larger weights than a training starts with, since scores would all be alike.
Needs torch and torchvision.
"""

import argparse
import struct
import warnings
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional
from torchvision.models import detection
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone

SIZE = (96, 128)


def backbone():
    return resnet_fpn_backbone("resnet18", weights=None, norm_layer=nn.BatchNorm2d)


def anchors():
    return AnchorGenerator(((16,), (32,), (64,), (96,), (128,)), ((0.5, 1.0, 2.0),) * 5)


def networks(classes):
    small = dict(min_size=SIZE[0], max_size=160, num_classes=classes)
    return {
        "ssdlite": lambda: detection.ssdlite320_mobilenet_v3_large(
            weights=None, weights_backbone=None, num_classes=classes, score_thresh=1.2 / classes, topk_candidates=40
        ),
        "ssd": lambda: detection.ssd300_vgg16(
            weights=None, weights_backbone=None, num_classes=classes, score_thresh=1.4 / classes, topk_candidates=40
        ),
        "fcos": lambda: detection.FCOS(backbone(), score_thresh=0.55, topk_candidates=50, **small),
        "retinanet": lambda: detection.RetinaNet(
            backbone(), anchor_generator=anchors(), score_thresh=0.55, topk_candidates=50, **small
        ),
        "fasterrcnn": lambda: detection.FasterRCNN(
            backbone(),
            rpn_anchor_generator=anchors(),
            rpn_pre_nms_top_n_test=60,
            rpn_post_nms_top_n_test=40,
            box_score_thresh=1.1 / classes,
            **small,
        ),
    }


def shaken(net, pictures):
    """net with the weights of its heads drawn anew, and batch norms that suit the pictures."""
    torch.manual_seed(2)
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    for name, module in net.named_modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)) and "backbone" not in name:
            nn.init.normal_(module.weight, std=1.2 / module.weight[0].numel() ** 0.5)
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.1)
    net.eval()
    for m in norms:
        m.train()
        m.momentum = None
        m.reset_running_stats()
    net(pictures)
    return net.eval()


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def tensor(t):
    """The bytes of a TensorProto."""
    t = t.detach().contiguous()
    kind, code = (1, "f") if t.dtype == torch.float32 else (7, "q")
    raw = struct.pack(f"<{t.numel()}{code}", *t.flatten().tolist())
    dims = b"".join(b"\x08" + varint(d) for d in t.shape)
    return dims + b"\x10" + varint(kind) + b"\x4a" + varint(len(raw)) + raw


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("folder", type=Path)
    args.add_argument("names", nargs="*")
    args.add_argument("--opset", type=int, default=13)
    args.add_argument("--classes", type=int, default=5)
    args = args.parse_intermixed_args()
    warnings.simplefilter("ignore")
    for name, make in networks(args.classes).items():
        if args.names and name not in args.names:
            continue
        torch.manual_seed(1)
        pictures = [functional.interpolate(torch.rand(1, 3, n, n), SIZE, mode="bilinear")[0] for n in (3, 8, 40)]
        to = args.folder / name
        to.mkdir(parents=True, exist_ok=True)
        with torch.no_grad():
            net = shaken(make(), pictures)
            results = [net([p])[0] for p in pictures]
            keys = list(results[0])
            torch.onnx.export(
                net, ([pictures[0]],), str(to / "model.onnx"), opset_version=args.opset, input_names=["image"], output_names=keys
            )
        for i, (p, r) in enumerate(zip(pictures, results)):
            data = to / f"test_data_set_{i}"
            data.mkdir(exist_ok=True)
            (data / "input_0.pb").write_bytes(tensor(p))
            for k, key in enumerate(keys):
                (data / f"output_{k}.pb").write_bytes(tensor(r[key]))
        print(name, *[len(r["scores"]) for r in results], "boxes", flush=True)


main()
