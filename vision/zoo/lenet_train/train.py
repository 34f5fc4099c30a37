#!/usr/bin/env python3
"""Trains LeNet-5 on the ten thousand test digits of MNIST: every fifth of them
is never trained on, and tells the accuracy. Writes weights as safetensors.

    python3 train.py FOLDER lenet.safetensors

FOLDER holds t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz.
Needs PyTorch (1.13 or newer) and NumPy.
"""
import argparse
import gzip
import json
import os
import struct

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

MEAN, STD = 0.1307, 0.3081  # of MNIST's training digits


class LeNet5(nn.Module):
    """The form of PyTorch's tutorials, for 32x32 pixels: ReLU, maxima."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2).flatten(1)
        x = F.dropout(F.relu(self.fc1(x)), 0.3, self.training)
        return self.fc3(F.relu(self.fc2(x)))


def idx(path, header):
    with gzip.open(path) as f:
        return np.frombuffer(f.read(), np.uint8, offset=header)


def read(folder):
    """Digits [N, 1, 32, 32], 0 to 1, two black pixels around; and labels."""
    images = idx(os.path.join(folder, "t10k-images-idx3-ubyte.gz"), 16).reshape(-1, 1, 28, 28)
    labels = idx(os.path.join(folder, "t10k-labels-idx1-ubyte.gz"), 8)
    return F.pad(torch.from_numpy(images / np.float32(255)), (2, 2, 2, 2)), torch.from_numpy(labels.astype(np.int64))


def vary(x):
    """Shifts, turns, scales and slants each digit a little."""
    n = len(x)

    def within(r):
        return (torch.rand(n) * 2 - 1) * r

    turn, slant = within(0.24), within(0.24)
    sx, sy = 1 + within(0.14), 1 + within(0.14)
    c, s = turn.cos(), turn.sin()
    theta = torch.stack([
        torch.stack([sx * c, sx * (slant * c - s), within(2 / 16)], 1),
        torch.stack([sy * s, sy * (slant * s + c), within(2 / 16)], 1),
    ], 1)
    return F.grid_sample(x, F.affine_grid(theta, x.shape, align_corners=False), align_corners=False)


def normal(x):
    return (x - MEAN) / STD


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(normal(x)).argmax(1) == y).float().mean().item()


def save(path, tensors, metadata):
    header, at = {"__metadata__": metadata}, 0
    for name, t in tensors.items():
        n = t.numel() * 4
        header[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [at, at + n]}
        at += n
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for t in tensors.values():
            f.write(t.contiguous().numpy().astype("<f4").tobytes())


def main():
    p = argparse.ArgumentParser()
    p.add_argument("folder")
    p.add_argument("output")
    p.add_argument("--epochs", type=int, default=30)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(a.seed)

    x, y = read(a.folder)
    number = torch.arange(len(x))
    train, test = number[number % 5 < 4], number[number % 5 == 4]
    batch, steps = 64, 8000 // 64
    model = LeNet5()
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=a.epochs * steps)
    for epoch in range(a.epochs):
        model.train()
        total = 0.0
        for i in torch.randperm(len(train)).view(steps, batch):
            loss = F.cross_entropy(model(normal(vary(x[train[i]]))), y[train[i]])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total / steps:.4f}", flush=True)
    seen, unseen = accuracy(model, x[train], y[train]), accuracy(model, x[test], y[test])
    print(f"accuracy: {seen:.4f} of those trained on, {unseen:.4f} of the 2000 others")
    save(a.output, model.state_dict(), {
        "model": "LeNet-5",
        "data": "MNIST, t10k: all but every fifth digit",
        "accuracy": f"{unseen:.4f} of every fifth digit",
        "input": "white digits on black, 28x28 padded to 32x32, (x/255 - 0.1307)/0.3081",
    })


if __name__ == "__main__":
    main()
