#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Says how far the results of an ONNX file are from those in float64.

    onnx_float64.py FOLDER [RESULTS.safetensors]

FOLDER has model.onnx and test_data_set_0 with an input and the outputs of another
program. RESULTS are those of "vertebra run FOLDER/model.onnx --input
FOLDER/test_data_set_0 --output RESULTS.safetensors". PyTorch computes the graph in
float64 and in float32. Differences are divided by the largest number of an output. For
the operators of convolutional networks; others are an error.
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import helper, numpy_helper


def pooled(x, a):
    p = a.get("pads", [0] * 4)
    x = F.pad(x, (p[1], p[3], p[0], p[2]), value=float("-inf"))
    return F.max_pool2d(x, a["kernel_shape"], a["strides"])


def convolved(x, a, w, b=None):
    p = a.get("pads", [0] * 4)
    x = F.pad(x, (p[1], p[3], p[0], p[2]))
    return F.conv2d(x, w, b, a.get("strides", [1, 1]), 0, a.get("dilations", [1, 1]), a.get("group", 1))


def sliced(x, a, starts, ends, axes=None, steps=None):
    axes = range(len(starts)) if axes is None else axes.tolist()
    steps = [1] * len(starts) if steps is None else steps.tolist()
    for start, end, axis, step in zip(starts.tolist(), ends.tolist(), axes, steps):
        x = x.index_select(axis, torch.tensor(range(x.shape[axis])[start:end:step]))
    return x


def padded(x, a, pads, value=None):
    n = len(pads) // 2
    widths = [int(pads[d + side]) for d in reversed(range(n)) for side in (0, n)]
    return F.pad(x, widths, value=0 if value is None else value.item())


def resized(x, a, roi, scales, sizes):
    if a["mode"] != b"linear" or a["coordinate_transformation_mode"] != b"half_pixel":
        raise NotImplementedError("Resize")
    return F.interpolate(x, size=sizes.tolist()[2:], mode="bilinear", align_corners=False)


def clipped(x, a, low=None, high=None):
    return torch.clamp(x, None if low is None else low.item(), None if high is None else high.item())


OPERATORS = {
    "Conv": convolved,
    "Clip": clipped,
    "Relu": lambda x, a: F.relu(x),
    "Sigmoid": lambda x, a: torch.sigmoid(x),
    "Add": lambda x, a, y: x + y,
    "Sub": lambda x, a, y: x - y,
    "Mul": lambda x, a, y: x * y,
    "Equal": lambda x, a, y: x == y,
    "Cast": lambda x, a: x.to(a["type"]),
    "Concat": lambda x, a, *more: torch.cat((x, *more), a["axis"]),
    "Slice": sliced,
    "Split": lambda x, a: torch.split(x, a["split"], a.get("axis", 0)),
    "Pad": padded,
    "Shape": lambda x, a: torch.tensor(x.shape),
    "Resize": resized,
    "Transpose": lambda x, a: x.permute(*a["perm"]),
    "Reshape": lambda x, a, shape: x.reshape(shape.tolist()),
    "MaxPool": pooled,
}


def computed(model, x, kind):
    """Returns the outputs in a type of floats."""
    values = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in model.graph.initializer}
    values = {k: v.to(kind) if v.is_floating_point() else v for k, v in values.items()}
    values[model.graph.input[0].name] = torch.from_numpy(x.copy()).to(kind)
    for node in model.graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        y = OPERATORS[node.op_type](values[node.input[0]], {**attributes, "type": kind}, *(values.get(i) for i in node.input[1:]))
        values.update(zip(node.output, y if isinstance(y, tuple) else (y,)))
    return [values[o.name].double().numpy() for o in model.graph.output]


def tensor(path):
    t = onnx.TensorProto()
    t.ParseFromString(path.read_bytes())
    return numpy_helper.to_array(t)


def results(path):
    data = path.read_bytes()
    n = struct.unpack("<Q", data[:8])[0]
    entries = json.loads(data[8 : 8 + n])
    part = lambda v: data[8 + n :][slice(*v["data_offsets"])]
    return {k: np.frombuffer(part(v), np.float32).reshape(v["shape"]) for k, v in entries.items() if k != "__metadata__"}


def main():
    folder = Path(sys.argv[1])
    model = onnx.load(folder / "model.onnx")
    data = folder / "test_data_set_0"
    x = tensor(data / "input_0.pb")
    truth = computed(model, x, torch.float64)
    ours = results(Path(sys.argv[2])) if len(sys.argv) > 2 else {}
    for i, (output, want, single) in enumerate(zip(model.graph.output, truth, computed(model, x, torch.float32))):
        others = {"the file beside it": tensor(data / f"output_{i}.pb"), "PyTorch, float32": single}
        if output.name in ours:
            others["vertebra"] = ours[output.name]
        for name, got in others.items():
            zeros = int(((got == 0) != (want == 0)).sum())
            print(f"{output.name}: {name}: {abs(got - want).max() / abs(want).max():.1e} of the largest, {zeros} elements are zero on one side alone")


if __name__ == "__main__":
    main()
