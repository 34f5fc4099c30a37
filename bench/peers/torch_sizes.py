#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Small reference cases of unusual sizes from PyTorch.

    python3 bench/peers/torch_sizes.py golden/testdata [NAME...]

For each network writes FOLDER/NAME.safetensors, a reference case with seeded
weights, an input, and what PyTorch computes for it. ResNets, Swins and
torchvision's vision transformers are torchvision's own modules (BSD-3-Clause);
the others are written here, under the names that their authors' checkpoints use.
The cases of SAM have nothing but inputs, weights and outputs, and one of them a
photo that lies in FOLDER (chelsea.png, CC0). Needs torch, torchvision, numpy and
Pillow.
"""

import json
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch
import torchvision
from PIL import Image
from torch import nn
from torch.nn import functional
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet
from torchvision.models.swin_transformer import (
    PatchMergingV2,
    ShiftedWindowAttention,
    ShiftedWindowAttentionV2,
    SwinTransformer,
    SwinTransformerBlock,
    SwinTransformerBlockV2,
)
from torchvision.models.vision_transformer import VisionTransformer

from clip import Transformer
from torch_cases import Block, microsoft, write_safetensors
from torch_multimodal import SAM


@contextmanager
def divided(by):
    """Layers made meanwhile have every number of channels that `by` divides divided by it."""

    def less(n):
        return n if n % by else n // by

    class Conv2d(nn.Conv2d):
        def __init__(self, inputs, outputs, *args, **kwargs):
            super().__init__(less(inputs), less(outputs), *args, **kwargs)

    class BatchNorm2d(nn.BatchNorm2d):
        def __init__(self, channels, *args, **kwargs):
            super().__init__(less(channels), *args, **kwargs)

    class Linear(nn.Linear):
        def __init__(self, inputs, outputs, *args, **kwargs):
            super().__init__(less(inputs), outputs, *args, **kwargs)

    whole = nn.Conv2d, nn.BatchNorm2d, nn.Linear
    nn.Conv2d, nn.BatchNorm2d, nn.Linear = Conv2d, BatchNorm2d, Linear
    try:
        yield
    finally:
        nn.Conv2d, nn.BatchNorm2d, nn.Linear = whole


def resnet(block, layers, **kwargs):
    with divided(32):
        return ResNet(block, layers, num_classes=7, **kwargs)


class ESPCN(nn.Module):
    """arXiv:1609.05158, of pictures with any number of channels."""

    def __init__(self, channels, wide, narrow, scale, last):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, wide, 5, padding=2)
        self.conv2 = nn.Conv2d(wide, narrow, 3, padding=1)
        self.conv3 = nn.Conv2d(narrow, channels * scale ** 2, 3, padding=1)
        self.pixel_shuffle = nn.PixelShuffle(scale)
        self.last = last

    def forward(self, x):
        x = torch.tanh(self.conv2(torch.tanh(self.conv1(x))))
        return self.last(self.pixel_shuffle(self.conv3(x)))


class SRVGGNetCompact(nn.Module):
    """Real-ESRGAN's compact network (arXiv:2107.10833) under its authors' names."""

    def __init__(self, feat, convs, scale):
        super().__init__()
        self.scale = scale
        layers = [nn.Conv2d(3, feat, 3, padding=1), nn.PReLU(feat)]
        for _ in range(convs):
            layers += [nn.Conv2d(feat, feat, 3, padding=1), nn.PReLU(feat)]
        self.body = nn.Sequential(*layers, nn.Conv2d(feat, 3 * scale ** 2, 3, padding=1))
        self.upsampler = nn.PixelShuffle(scale)

    def forward(self, x):
        return self.upsampler(self.body(x)) + functional.interpolate(x, scale_factor=self.scale, mode="nearest")


def swin(block=SwinTransformerBlock, attention=ShiftedWindowAttention, norm=False, bias=False, **kwargs):
    """torchvision's Swin without the norm of its patches or the biases of queries, keys and values."""
    model = SwinTransformer(
        patch_size=[4, 4], stochastic_depth_prob=0, num_classes=7,
        block=partial(block, attn_layer=partial(attention, qkv_bias=bias)), **kwargs,
    )
    if not norm:
        model.features[0][2] = nn.Identity()
    return model


class ViT(nn.Module):
    """arXiv:2010.11929 under timm's names, with the layer before the head of its first versions."""

    def __init__(self, size, patch, dim, depth, heads, pre, classes):
        super().__init__()
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.randn(1, 1 + (size // patch) ** 2, dim) * 0.3)
        self.patch_embed = nn.Sequential()
        self.patch_embed.add_module("proj", nn.Conv2d(3, dim, patch, patch))
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.pre_logits = nn.Sequential()
        self.pre_logits.add_module("fc", nn.Linear(dim, pre))
        self.pre_logits.add_module("act", nn.Tanh())
        self.head = nn.Linear(pre, classes)

    def forward(self, x):
        x = self.patch_embed(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls_token.expand(len(x), -1, -1), x), 1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.head(self.pre_logits(self.norm(x)[:, 0]))


class CLIPBottleneck(nn.Module):
    def __init__(self, inputs, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.pool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
        self.conv3 = nn.Conv2d(planes, 4 * planes, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * planes)
        self.downsample = None
        if stride > 1 or inputs != 4 * planes:
            self.downsample = nn.Sequential()
            self.downsample.add_module("-1", nn.AvgPool2d(stride))
            self.downsample.add_module("0", nn.Conv2d(inputs, 4 * planes, 1, bias=False))
            self.downsample.add_module("1", nn.BatchNorm2d(4 * planes))

    def forward(self, x):
        y = self.bn1(self.conv1(x)).relu()
        y = self.bn2(self.conv2(y)).relu()
        y = self.bn3(self.conv3(self.pool(y)))
        return (y + (x if self.downsample is None else self.downsample(x))).relu()


class AttentionPool(nn.Module):
    def __init__(self, grid, width, heads, embedding):
        super().__init__()
        self.positional_embedding = nn.Parameter(torch.randn(grid ** 2 + 1, width) * 0.05)
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(width, width) for _ in range(3))
        self.c_proj = nn.Linear(width, embedding)
        self.heads = heads

    def forward(self, x):
        x = x.flatten(2).transpose(1, 2)
        x = torch.cat((x.mean(1, keepdim=True), x), 1) + self.positional_embedding
        q, k, v = (t.unflatten(2, (self.heads, -1)).transpose(1, 2) for t in (self.q_proj(x[:, :1]), self.k_proj(x), self.v_proj(x)))
        y = (q @ k.transpose(2, 3) / q.shape[-1] ** 0.5).softmax(-1) @ v
        return self.c_proj(y.transpose(1, 2).flatten(2))[:, 0]


class CLIPVisual(nn.Module):
    def __init__(self, layers, width, heads, size, embedding):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width // 2, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width // 2)
        self.conv2 = nn.Conv2d(width // 2, width // 2, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width // 2)
        self.conv3 = nn.Conv2d(width // 2, width, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.avgpool = nn.AvgPool2d(2)
        inputs = width
        for i, blocks in enumerate(layers):
            stage = nn.Sequential()
            for j in range(blocks):
                stage.append(CLIPBottleneck(inputs, width << i, 2 if i and not j else 1))
                inputs = 4 * (width << i)
            self.add_module(f"layer{i + 1}", stage)
        self.attnpool = AttentionPool(size // 32, 32 * width, heads, embedding)

    def forward(self, x):
        for conv, bn in ((self.conv1, self.bn1), (self.conv2, self.bn2), (self.conv3, self.bn3)):
            x = bn(conv(x)).relu()
        x = self.avgpool(x)
        return self.attnpool(self.layer4(self.layer3(self.layer2(self.layer1(x)))))


class CLIP(nn.Module):
    """arXiv:2103.00020 with a residual network of any width."""

    def __init__(self, c):
        super().__init__()
        width, context, text_width = c["vision_width"], c["context_length"], c["transformer_width"]
        self.visual = CLIPVisual(c["vision_layers"], width, width * 32 // 64, c["image_resolution"], c["embed_dim"])
        self.token_embedding = nn.Embedding(c["vocab_size"], text_width)
        self.positional_embedding = nn.Parameter(torch.randn(context, text_width) * 0.1)
        mask = torch.full((context, context), float("-inf")).triu(1)
        self.transformer = Transformer(text_width, c["transformer_layers"], mask, c["transformer_heads"])
        self.ln_final = nn.LayerNorm(text_width)
        self.text_projection = nn.Parameter(torch.randn(text_width, c["embed_dim"]) * 0.2)
        self.logit_scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, images, text):
        images = self.visual(images)
        x = self.ln_final(self.transformer(self.token_embedding(text) + self.positional_embedding))
        texts = x[torch.arange(len(text)), text.argmax(1)] @ self.text_projection
        a, b = (t / t.norm(dim=1, keepdim=True) for t in (images, texts))
        logits = self.logit_scale.exp() * a @ b.t()
        return {"image_features": images, "text_features": texts, "logits_per_image": logits, "logits_per_text": logits.t()}


SMALL_SWIN = {"embed_dim": 8, "depths": [2, 1], "num_heads": [1, 2]}
SMALL_VIT = {"image_size": 32, "patch_size": 8, "num_layers": 2, "num_heads": 4, "hidden_dim": 16, "mlp_dim": 24, "num_classes": 7}
SMALL_CLIP = {"embed_dim": 9, "image_resolution": 64, "vision_layers": [1, 2, 1, 1], "vision_width": 5, "vision_patch_size": None,
              "context_length": 7, "vocab_size": 30, "transformer_width": 16, "transformer_heads": 2, "transformer_layers": 1}

# Architecture's name in reference cases, config, constructor, input, stages.
CASES = {
    "espcn_rgb": ("espcn", {"upscale": 2, "channels": 3, "activation": "tanh", "last": "none"},
                  lambda: ESPCN(3, 10, 6, 2, nn.Identity()), (2, 3, 9, 14), ["conv1", "pixel_shuffle"]),
    "espcn_two_channels": ("espcn", {}, lambda: ESPCN(2, 7, 5, 3, torch.sigmoid), (1, 2, 8, 5), []),
    "srvgg": ("srvggnetcompact", {"num_feat": 12, "num_conv": 3, "upscale": 4},
              lambda: SRVGGNetCompact(12, 3, 4), (2, 3, 11, 18), ["body.0", "body.1", "body.5"]),
    "srvgg_x2": ("srvggnetcompact", {"num_feat": 7, "num_conv": 2, "upscale": 2},
                 lambda: SRVGGNetCompact(7, 2, 2), (1, 3, 9, 5), []),
    "resnet_odd_depths": ("resnet", {"layers": [1, 3, 1, 2], "num_classes": 7, "width_div": 32},
                          lambda: resnet(BasicBlock, [1, 3, 1, 2]), (1, 3, 33, 39), ["layer2", "layer4"]),
    "resnext": ("resnext50_32x4d", {"layers": [1, 1, 2, 1], "groups": 4, "width_per_group": 64, "num_classes": 7, "width_div": 32},
                lambda: resnet(Bottleneck, [1, 1, 2, 1], groups=4, width_per_group=64), (1, 3, 33, 39), ["layer1", "layer3"]),
    "wide_resnet": ("wide_resnet50_2", {"layers": [1, 1, 1, 1], "width_per_group": 128, "num_classes": 7, "width_div": 32},
                    lambda: resnet(Bottleneck, [1, 1, 1, 1], width_per_group=128), (1, 3, 40, 33), ["layer1"]),
    "tv_swin_bare": ("swin_torchvision", {**SMALL_SWIN, "window_size": [3, 5], "patch_norm": False, "qkv_bias": False},
                     lambda: swin(window_size=[3, 5], **SMALL_SWIN), (1, 3, 41, 50), ["features.1", "norm"]),
    "tv_swin_v2_bare": ("swin_v2_torchvision", {**SMALL_SWIN, "window_size": [4, 4], "qkv_bias": False},
                        lambda: swin(SwinTransformerBlockV2, ShiftedWindowAttentionV2, norm=True, window_size=[4, 4],
                                     downsample_layer=PatchMergingV2, **SMALL_SWIN), (1, 3, 36, 44), []),
    "ms_swin_bare": ("swin_microsoft", {"img_size": 48, "patch_norm": False, "qkv_bias": False},
                     lambda: swin(window_size=[6, 6], **SMALL_SWIN), (1, 3, 48, 48), []),
    "tv_vit_pre_logits": ("vit_torchvision", {**SMALL_VIT, "representation_size": 15},
                          lambda: VisionTransformer(**SMALL_VIT, representation_size=15), (2, 3, 32, 32),
                          ["encoder.ln", "heads.pre_logits", "heads.act"]),
    "timm_vit_pre_logits": ("vit_timm", {"num_heads": 3, "representation_size": 15},
                            lambda: ViT(32, 8, 12, 1, 3, 15, 7), (2, 3, 32, 32), ["norm", "pre_logits"]),
    "clip_rn_width_5": ("clip", SMALL_CLIP, lambda: CLIP(SMALL_CLIP), (1, 3, 64, 64), ["visual.layer4"]),
}


def seed(model):
    """Seeded weights of a size that leaves no layer without a mark on the result."""
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1 and not name.endswith(("embedding", "embed", "token", "table", "projection")):
            nn.init.normal_(parameter, 0, 1.5 / parameter[0].numel() ** 0.5)
        elif name.startswith("body.") and name.endswith("weight"):  # slopes of a PReLU
            nn.init.normal_(parameter, 0.2, 0.3)
        elif name.endswith(("table", "token", "bias")):
            nn.init.normal_(parameter, 0, 0.3)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 1.8)
        if isinstance(module, (nn.BatchNorm2d, nn.LayerNorm)):
            nn.init.normal_(module.weight, 0.9, 0.3)
            nn.init.normal_(module.bias, 0.1, 0.2)


def case(folder, name):
    arch, config, build, shape, stages = CASES[name]
    torch.manual_seed(11)
    model = build().eval()
    seed(model)
    if arch == "clip":  # whose weights are stored as halves
        model.half().float()
    inputs = {"x": torch.randn(shape)}
    if arch == "clip":
        text = torch.randint(1, 28, (3, config["context_length"]))
        text[0, 4], text[1, 6], text[2, 2] = 29, 29, 29
        text[0, 5:], text[2, 3:] = 0, 0
        inputs = {"image": inputs["x"], "text": text}

    kept = {}
    for stage in stages:
        hook = lambda module, args, output, stage=stage: kept.__setitem__("stage/" + stage, output.detach().clone())
        model.get_submodule(stage).register_forward_hook(hook)
    outputs = model(*inputs.values())
    other = model(*(2 * torch.randn(shape) + 1, *list(inputs.values())[1:]))
    whole = model.double()(*(t.double() if t.is_floating_point() else t for t in inputs.values()))
    model.float()
    if not isinstance(outputs, dict):
        outputs, other, whole = {"out": outputs}, {"out": other}, {"out": whole}
    for key, value in outputs.items():
        change = float((other[key] - value).abs().max() / value.abs().max())
        assert change > 0.05 or key == "text_features", f"{name}: another input changes {key} by {change} only"

    state = model.half().state_dict() if arch == "clip" else model.state_dict()
    if arch == "swin_microsoft":
        state = {microsoft(key): value for key, value in state.items()}
    tensors = {"weight/" + key: value for key, value in state.items()}
    tensors.update({"input/" + key: value for key, value in inputs.items()})
    # The hooks ran in double precision last.
    tensors.update({key: value.float() for key, value in kept.items()})
    tensors.update({"output/" + key: value for key, value in outputs.items()})
    rounding = {key: float((whole[key] - value).abs().max()) for key, value in outputs.items()}
    write_safetensors(folder / (name + ".safetensors"), {
        "model": name,
        "config": json.dumps({"arch": arch, **config}),
        "source": "bench/peers/torch_sizes.py",
        "f32_vs_f64_max_abs_err": json.dumps(rounding),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
    }, tensors)
    print(name, rounding, flush=True)


def small_sam():
    torch.manual_seed(11)
    model = SAM(16, dict(size=64, patch=8, dim=16, depth=2, heads=2, window=3, everywhere=(1,)),
                dict(heads=2, hidden=24, iou=12)).eval()
    seed(model)
    return model


def sam_masks(model, ready, sparse, mask=None):
    """The decoder's four masks of a picture [3, 64, 64], and what it thinks of them."""
    dense = model.prompt_encoder.no_mask_embed.weight.view(1, -1, 1, 1)
    if mask is not None:
        dense = model.prompt_encoder.mask_downscaling(mask)
    return model.mask_decoder(model.image_encoder(ready[None]), model.prompt_encoder.grid(8), sparse, dense)


def enlarged(low, inside, original):
    up = functional.interpolate(low, (64, 64), mode="bilinear", align_corners=False)
    return functional.interpolate(up[..., :inside[0], :inside[1]], original, mode="bilinear", align_corners=False)


def ready(picture):
    mean, std = torch.tensor([123.675, 116.28, 103.53]), torch.tensor([58.395, 57.12, 57.375])
    picture = (picture - mean[:, None, None]) / std[:, None, None]
    return functional.pad(picture, (0, 64 - picture.shape[2], 0, 64 - picture.shape[1]))


def sam_prompts(folder, name):
    model, picture, original = small_sam(), torch.rand(3, 44, 64) * 255, (31, 45)
    points, labels = torch.tensor([[[20.5, 11.0], [50.0, 30.0]], [[7.0, 40.5], [33.0, 2.0]]]), torch.tensor([[1, 0], [1, 1]])
    boxes, masks = torch.tensor([[4.0, 9.5, 41.0, 33.0]]), torch.randn(1, 1, 32, 32) * 4
    tensors = {"input/image0": picture, "input/points/point_coords": points, "input/points/point_labels": labels,
               "input/box_mask/boxes": boxes, "input/box_mask/mask_inputs": masks}
    sparse = torch.cat([model.prompt_encoder.sparse(torch.cat((p[None], torch.zeros(1, 1, 2)), 1), [*l.tolist(), -1], 64)
                        for p, l in zip(points, labels)])
    low, iou = sam_masks(model, ready(picture), sparse)
    tensors["output/points/multi/low_res_logits"], tensors["output/points/multi/iou_predictions"] = low[:, 1:], iou[:, 1:]
    tensors["output/points/multi/masks"] = (enlarged(low[:, 1:], (44, 64), original) > 0).float()
    sparse = model.prompt_encoder.sparse(boxes.view(1, 2, 2).clone(), (2, 3), 64)
    low, iou = sam_masks(model, ready(picture), sparse, masks)
    tensors["output/box_mask/single/upscaled_logits"] = enlarged(low[:, :1], (44, 64), original)
    # Of points the size is that of the masks.
    cases = [{"id": "points"}, {"id": "box_mask", "original_size": original}]
    sam_file(folder, name, model, tensors, {"cases": cases})


def sam_predictor(folder, name):
    model, part = small_sam(), (150, 80, 258, 153)
    photo = Image.open(folder / "chelsea.png").convert("RGB").crop(part)
    scale = 64 / max(photo.size)
    inside = tuple(int(n * scale + 0.5) for n in photo.size[::-1])
    small = torch.tensor(list(photo.resize(inside[::-1], Image.BILINEAR).tobytes())).view(*inside, 3).permute(2, 0, 1)
    point, to = torch.tensor([[71.0, 27.0]]), torch.tensor([inside[1] / photo.size[0], inside[0] / photo.size[1]])
    coords = torch.cat((point * to, torch.zeros(1, 2)))[None]
    low, iou = sam_masks(model, ready(small.float()), model.prompt_encoder.sparse(coords, (1, -1), 64))
    tensors = {"input/point_coords": point, "input/point_labels": torch.tensor([1]),
               "output/points/multi/iou": iou[0, 1:], "output/points/single/low_res": low[0, :1],
               "output/points/single/masks": (enlarged(low[:, :1], inside, photo.size[::-1])[0] > 0).float()}
    sam_file(folder, name, model, tensors, {"image": "chelsea.png (%d,%d,%d,%d)" % part, "size_wh": photo.size})


def sam_file(folder, name, model, tensors, config):
    tensors = {**{"weight/" + key: value for key, value in model.state_dict().items()}, **tensors}
    write_safetensors(folder / (name + ".safetensors"), {
        "model": name,
        "config": json.dumps({"arch": "sam", "dec_heads": 2, **config}),
        "source": "bench/peers/torch_sizes.py",
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
    }, {key: value.detach() for key, value in tensors.items()})
    print(name, flush=True)


SAM_CASES = {"sam_vit_bare": sam_prompts, "sam_predictor_bare": sam_predictor}


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or [*CASES, *SAM_CASES]:
        with torch.no_grad():
            SAM_CASES.get(name, case)(folder, name)


if __name__ == "__main__":
    main()
