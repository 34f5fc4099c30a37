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
from torchvision.models.vision_transformer import interpolate_embeddings


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


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        q, k, v = (t.unflatten(2, (self.heads, -1)).transpose(1, 2) for t in self.qkv(x).chunk(3, -1))
        weights = (q @ k.transpose(2, 3) / q.shape[-1] ** 0.5).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = nn.Sequential()
        self.mlp.add_module("fc1", nn.Linear(dim, 4 * dim))
        self.mlp.add_module("act", nn.GELU())
        self.mlp.add_module("fc2", nn.Linear(4 * dim, dim))

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class MAE(nn.Module):
    """The masked autoencoder of arXiv:2111.06377, under the names that checkpoints use."""

    def __init__(self, patch=16, dim=768, depth=12, heads=12, decoder_dim=512, decoder_depth=8, decoder_heads=16):
        super().__init__()
        patches = (224 // patch) ** 2
        self.patch = patch
        self.patch_embed = nn.Sequential()
        self.patch_embed.add_module("proj", nn.Conv2d(3, dim, patch, patch))
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim) * 0.02)
        self.pos_embed = nn.Parameter(torch.randn(1, 1 + patches, dim) * 0.1)
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.decoder_embed = nn.Linear(dim, decoder_dim)
        self.mask_token = nn.Parameter(torch.randn(1, 1, decoder_dim) * 0.02)
        self.decoder_pos_embed = nn.Parameter(torch.randn(1, 1 + patches, decoder_dim) * 0.1)
        self.decoder_blocks = nn.ModuleList(Block(decoder_dim, decoder_heads) for _ in range(decoder_depth))
        self.decoder_norm = nn.LayerNorm(decoder_dim, eps=1e-6)
        self.decoder_pred = nn.Linear(decoder_dim, 3 * patch * patch)

    def forward(self, images, noise, ratio):
        x = self.patch_embed(images).flatten(2).transpose(1, 2) + self.pos_embed[:, 1:]
        batch, patches, dim = x.shape
        keep = int(patches * (1 - ratio))
        shuffle = noise.argsort(1)
        restore = shuffle.argsort(1)
        mask = (restore >= keep).float()
        x = x.gather(1, shuffle[:, :keep, None].expand(-1, -1, dim))
        x = torch.cat(((self.cls_token + self.pos_embed[:, :1]).expand(batch, -1, -1), x), 1)
        for block in self.blocks:
            x = block(x)
        latent = self.norm(x)

        x = self.decoder_embed(latent)
        removed = self.mask_token.expand(batch, patches - keep, -1)
        rest = torch.cat((x[:, 1:], removed), 1)
        rest = rest.gather(1, restore[..., None].expand(-1, -1, x.shape[2]))
        x = torch.cat((x[:, :1], rest), 1) + self.decoder_pos_embed
        for block in self.decoder_blocks:
            x = block(x)
        pred = self.decoder_pred(self.decoder_norm(x))[:, 1:]

        target = nn.functional.unfold(images, self.patch, stride=self.patch).transpose(1, 2)
        target = target.unflatten(2, (3, -1)).transpose(2, 3).flatten(2)
        target = (target - target.mean(-1, True)) / (target.var(-1, keepdim=True) + 1e-6) ** 0.5
        loss = (((pred - target) ** 2).mean(-1) * mask).sum() / mask.sum()
        return {"latent": latent, "mask": mask, "ids_restore": restore.float(), "pred": pred, "loss": loss}


def torchvision_model(name, **kwargs):
    return lambda: getattr(torchvision.models, name)(weights=None, **kwargs)


VIT = {"patch_size": 16, "image_size": 224, "mlp_dim": 3072, "hidden_dim": 768, "num_layers": 12, "num_heads": 12,
       "num_classes": 1000}
SWIN = {"embed_dim": 96, "depths": [2, 2, 6, 2], "num_heads": [3, 6, 12, 24], "num_classes": 1000}


def microsoft(name):
    """Microsoft's name for a tensor of torchvision's Swin."""
    part = name.split(".")
    if part[0] != "features":
        return name
    number = int(part[1])
    if number == 0:
        return ".".join(["patch_embed", {"0": "proj", "2": "norm"}[part[2]], part[3]])
    if number % 2 == 0:
        return ".".join(["layers", str(number // 2 - 1), "downsample"] + part[2:])
    rest = ".".join(part[3:]).replace("mlp.0.", "mlp.fc1.").replace("mlp.3.", "mlp.fc2.")
    return ".".join(["layers", str(number // 2), "blocks", part[2], rest])


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
    "resnext50_32x4d": (
        "resnext50_32x4d",
        {"groups": 32, "width_per_group": 4},
        torchvision_model("resnext50_32x4d"),
        (1, 3, 224, 224),
    ),
    "wide_resnet50_2": (
        "wide_resnet50_2",
        {"width_per_group": 128},
        torchvision_model("wide_resnet50_2"),
        (1, 3, 224, 224),
    ),
    "swin_t": ("swin_torchvision", {**SWIN, "window_size": [7, 7]}, torchvision_model("swin_t"), (1, 3, 224, 224)),
    "swin_t_microsoft": (
        "swin_microsoft",
        {**SWIN, "window_size": 7, "img_size": 224},
        torchvision_model("swin_t"),
        (1, 3, 224, 224),
    ),
    "swin_t_odd": ("swin_torchvision", {**SWIN, "window_size": [7, 7]}, torchvision_model("swin_t"), (1, 3, 181, 250)),
    "swin_v2_t": (
        "swin_v2_torchvision",
        {**SWIN, "window_size": [8, 8]},
        torchvision_model("swin_v2_t"),
        (1, 3, 256, 256),
    ),
    "vit_b_16": ("vit_torchvision", VIT, torchvision_model("vit_b_16"), (1, 3, 224, 224)),
    "vit_b_16_256": ("vit_torchvision", VIT, torchvision_model("vit_b_16"), (1, 3, 256, 256)),
    "unet": (
        "unet_milesial",
        {"n_channels": 3, "n_classes": 2, "bilinear": False},
        UNet,
        (1, 3, 572, 388),
    ),
}


def write_safetensors(path, metadata, tensors):
    """Writes tensors as float32, but halves as they are, and whole numbers as int64. Wide types come first."""
    header, data = {"__metadata__": metadata}, []
    at = 0
    kinds = {name: "F16" if t.dtype == torch.float16 else "F32" if t.is_floating_point() else "I64" for name, t in tensors.items()}
    for name, tensor in sorted(tensors.items(), key=lambda item: ("I64", "F32", "F16").index(kinds[item[0]])):
        kind = kinds[name]
        stored = {"I64": "<i8", "F32": "<f4", "F16": "<f2"}[kind]
        raw = numpy.ascontiguousarray(tensor.numpy(), dtype=stored).tobytes()
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [at, at + len(raw)]}
        data.append(raw)
        at += len(raw)
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    path.write_bytes(struct.pack("<Q", len(head)) + head + b"".join(data))


def seeded(name):
    """A model with seeded weights in evaluation mode, and an input."""
    _, _, build, shape = MODELS[name]
    torch.manual_seed(7)
    model = build().eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 1.8)
            nn.init.normal_(module.weight, 0.7, 0.2)
            nn.init.normal_(module.bias, 0, 0.2)
    for parameter in model.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, 0, 0.02)
    return model, torch.randn(shape)


def case(folder, name):
    arch, config, _, shape = MODELS[name]
    model, x = seeded(name)
    state = model.state_dict()
    if arch == "vit_torchvision" and shape[2] != config["image_size"]:
        larger = interpolate_embeddings(shape[2], config["patch_size"], dict(state))
        model = getattr(torchvision.models, "vit_b_16")(weights=None, image_size=shape[2]).eval()
        model.load_state_dict(larger)

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

    if arch == "swin_microsoft":
        state = {microsoft(key): tensor for key, tensor in state.items()}
        tensors = {key: tensor for key, tensor in tensors.items() if not key.startswith("stage/")}
    write(folder, name, arch, config, state, tensors)


def mae(folder, name):
    torch.manual_seed(7)
    model = MAE().eval()
    for parameter in model.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, 0, 0.02)
    tensors = {"input/imgs": torch.randn(1, 3, 224, 224), "input/noise": torch.rand(1, 196)}
    with torch.no_grad():
        results = model(tensors["input/imgs"], tensors["input/noise"], 0.75)
    for key, tensor in results.items():
        tensors["output/" + key] = tensor
    config = {"mask_ratio": 0.75, "norm_pix_loss": True, "img_size": 224, "patch_size": 16, "embed_dim": 768,
              "depth": 12, "num_heads": 12, "decoder_embed_dim": 512, "decoder_depth": 8, "decoder_num_heads": 16}
    write(folder, name, "mae", config, model.state_dict(), tensors)


def write(folder, name, arch, config, state, tensors):
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(state, folder / (name + ".pth"))
    metadata = {
        "model": name,
        "config": json.dumps({"arch": arch, "weights": name + ".pth", **config}),
        "source": "torch %s, torchvision %s" % (torch.__version__, torchvision.__version__),
    }
    write_safetensors(folder / (name + ".safetensors"), metadata, tensors)
    print(name, *(key for key in tensors if key.startswith("output/")), flush=True)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for name in sys.argv[2:] or [*MODELS, "mae_vit_base"]:
        build = mae if name == "mae_vit_base" else case
        build(Path(sys.argv[1]), name)


if __name__ == "__main__":
    main()
