#!/usr/bin/env python3
"""Compares "vertebra classify" with torchvision, from picture to probabilities.

    python3 bench/peers/torch_classify.py bin/vertebra IMAGE...

The weights are seeded, with the head scaled so that probabilities differ; the
pictures go through torchvision's own transforms. Needs torch, torchvision and
Pillow. Exits with 1 where the five classes differ or a probability is off by more
than 1e-4; of JPEGs, in which decoders differ by a grey level, by 1e-2.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from PIL import Image
from torch import nn
from torchvision import models

CASES = {  # vertebra's name: torchvision's, its weights' transforms
    "alexnet": ("alexnet", models.AlexNet_Weights.IMAGENET1K_V1),
    "googlenet": ("googlenet", models.GoogLeNet_Weights.IMAGENET1K_V1),
    "resnet18": ("resnet18", models.ResNet18_Weights.IMAGENET1K_V1),
    "resnet50_v2": ("resnet50", models.ResNet50_Weights.IMAGENET1K_V2),
}


def seeded(name):
    torch.manual_seed(1)
    extra = {"aux_logits": True, "transform_input": True, "init_weights": True} if name == "googlenet" else {}
    model = getattr(models, name)(**extra).eval()
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.3)
            layer.running_var.uniform_(0.5, 1.8)
    return model


def main():
    program, *pictures = sys.argv[1:]
    worst, failed = 0.0, False
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        for name, (official, weights) in CASES.items():
            model, transform = seeded(official), weights.transforms()
            x = torch.stack([transform(Image.open(p).convert("RGB")) for p in pictures])
            head = model.fc if hasattr(model, "fc") else model.classifier[-1]
            scale = 6 / model(x).std()
            head.weight.mul_(scale), head.bias.mul_(scale)
            path = Path(folder) / f"{name}.pth"
            torch.save(model.state_dict(), path)
            got = json.loads(subprocess.check_output([program, "classify", name, *pictures, "--weights", path, "--json"]))
            for picture, found, logits in zip(pictures, got, model(x)):
                top = logits.softmax(0).topk(5)
                want = [(int(i), weights.meta["categories"][i]) for i in top.indices]
                same = want == [(c["class"], c["name"]) for c in found["classes"]]
                off = max(abs(c["probability"] - float(v)) for c, v in zip(found["classes"], top.values))
                worst, failed = max(worst, off), failed or not same or off > (1e-4 if picture.endswith(".png") else 1e-2)
                print(f"{name:12} {Path(picture).name:24} {'same classes' if same else 'OTHER CLASSES'}, off by {off:.1e}")
    print(f"largest difference of a probability: {worst:.1e}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
