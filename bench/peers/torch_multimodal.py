#!/usr/bin/env python3
"""Full-size reference cases of CLIP and SAM from PyTorch.

    python3 bench/peers/torch_multimodal.py FOLDER [NAME...]
    vertebra verify FOLDER

As torch_cases.py, for models of more inputs than one. CLIP's weights are
written as OpenAI's are: a TorchScript archive, most of them of 16 bits.
"""

import json
import math
import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from torch_cases import write_safetensors


class QuickGELU(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


class CLIPBlock(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.attn = nn.MultiheadAttention(dim, dim // 64, batch_first=True)
        self.ln_1 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential()
        self.mlp.add_module("c_fc", nn.Linear(dim, 4 * dim))
        self.mlp.add_module("gelu", QuickGELU())
        self.mlp.add_module("c_proj", nn.Linear(4 * dim, dim))
        self.ln_2 = nn.LayerNorm(dim)

    def forward(self, x, mask=None):
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False, attn_mask=mask)[0]
        return x + self.mlp(self.ln_2(x))


class Transformer(nn.Module):
    def __init__(self, dim, layers):
        super().__init__()
        self.resblocks = nn.ModuleList(CLIPBlock(dim) for _ in range(layers))

    def forward(self, x, mask=None):
        for block in self.resblocks:
            x = block(x, mask)
        return x


class Vision(nn.Module):
    def __init__(self, size, patch, dim, layers, out):
        super().__init__()
        self.class_embedding = nn.Parameter(torch.randn(dim) * dim ** -0.5)
        self.positional_embedding = nn.Parameter(torch.randn((size // patch) ** 2 + 1, dim) * dim ** -0.5)
        self.proj = nn.Parameter(torch.randn(dim, out) * dim ** -0.5)
        self.conv1 = nn.Conv2d(3, dim, patch, patch, bias=False)
        self.ln_pre = nn.LayerNorm(dim)
        self.transformer = Transformer(dim, layers)
        self.ln_post = nn.LayerNorm(dim)

    def forward(self, x):
        x = self.conv1(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.class_embedding.expand(len(x), 1, -1), x), 1) + self.positional_embedding
        return self.ln_post(self.transformer(self.ln_pre(x))[:, 0]) @ self.proj


class CLIP(nn.Module):
    """CLIP of arXiv:2103.00020 with a vision transformer, under the names that checkpoints use."""

    def __init__(self, size=224, patch=32, dim=768, layers=12, out=512, context=77, vocabulary=49408, text=512):
        super().__init__()
        self.positional_embedding = nn.Parameter(torch.randn(context, text) * 0.01)
        self.text_projection = nn.Parameter(torch.randn(text, out) * text ** -0.5)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(100)))
        self.visual = Vision(size, patch, dim, layers, out)
        self.transformer = Transformer(text, 12)
        self.token_embedding = nn.Embedding(vocabulary, text)
        self.ln_final = nn.LayerNorm(text)

    def forward(self, image, text):
        mask = torch.full((text.shape[1], text.shape[1]), -math.inf).triu(1)
        x = self.token_embedding(text) + self.positional_embedding
        x = self.ln_final(self.transformer(x, mask))
        texts = x[torch.arange(len(x)), text.argmax(1)] @ self.text_projection
        images = self.visual(image)
        logits = self.logit_scale.exp() * functional.normalize(images) @ functional.normalize(texts).T
        return {"image_features": images, "text_features": texts, "logits_per_image": logits, "logits_per_text": logits.T}


class State(nn.Module):
    """A tree of tensors under their names, for a TorchScript archive."""

    def __init__(self, tensors):
        super().__init__()
        children = {}
        for name, tensor in tensors.items():
            first, _, rest = name.partition(".")
            if rest:
                children.setdefault(first, {})[rest] = tensor
            else:
                self.register_buffer(first, tensor)
        for name, inside in children.items():
            self.add_module(name, State(inside))

    def forward(self):
        return 0


def clip(folder, name):
    torch.manual_seed(7)
    model = CLIP().eval()
    for key, parameter in model.named_parameters():
        if not parameter.any():
            nn.init.normal_(parameter, 0, 0.02)
    halves = ("conv1.weight", "proj.weight", "proj.bias", "c_fc.weight", "c_fc.bias", "in_proj_weight", "in_proj_bias",
              "visual.proj", "text_projection")
    state = {key: t.half() if key.endswith(halves) else t for key, t in model.state_dict().items()}
    model.load_state_dict(state)
    text = torch.zeros(3, 77, dtype=torch.long)
    for row, length in zip(text, (3, 20, 77)):
        row[:length] = torch.randint(1, 49406, (length,))
        row[0], row[length - 1] = 49406, 49407
    tensors = {"input/image": torch.randn(2, 3, 224, 224), "input/text": text}
    for prefix in ("", "visual."):
        for i, block in enumerate(model.get_submodule(prefix + "transformer").resblocks):
            def hook(module, inputs, output, key="stage/%stransformer.resblocks.%d" % (prefix, i)):
                tensors[key] = output.transpose(0, 1)
            block.register_forward_hook(hook)
    with torch.no_grad():
        for key, tensor in model(tensors["input/image"], text).items():
            tensors["output/" + key] = tensor
    numbers = {"input_resolution": 224, "context_length": 77, "vocab_size": 49408}
    state.update({key: torch.tensor(n) for key, n in numbers.items()})
    torch.jit.script(State(state)).save(str(folder / (name + ".pt")))
    config = {"arch": "clip", "weights": name + ".pt", "activation": "quick_gelu"}
    finish(folder, name, config, tensors)


class Norm2d(nn.LayerNorm):
    def __init__(self, dim):
        super().__init__(dim, eps=1e-6)

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class EncoderAttention(nn.Module):
    def __init__(self, dim, heads, size):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.rel_pos_h = nn.Parameter(torch.randn(2 * size - 1, dim // heads) * 0.1)
        self.rel_pos_w = nn.Parameter(torch.randn(2 * size - 1, dim // heads) * 0.1)

    def forward(self, x):
        b, h, w, dim = x.shape
        q, k, v = (t.view(b, h * w, self.heads, -1).transpose(1, 2) for t in self.qkv(x).chunk(3, -1))
        scores = (q @ k.transpose(2, 3) / q.shape[-1] ** 0.5).view(b, self.heads, h, w, h, w)
        apart = torch.arange(h)[:, None] - torch.arange(h) + h - 1
        grid = q.view(b, self.heads, h, w, -1)
        scores += torch.einsum("bnhwc,hkc->bnhwk", grid, self.rel_pos_h[apart])[..., None]
        scores += torch.einsum("bnhwc,wkc->bnhwk", grid, self.rel_pos_w[apart])[..., None, :]
        y = scores.view(b, self.heads, h * w, h * w).softmax(-1) @ v
        return self.proj(y.transpose(1, 2).reshape(b, h, w, dim))


class EncoderBlock(nn.Module):
    def __init__(self, dim, heads, window, grid):
        super().__init__()
        self.window = window
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = EncoderAttention(dim, heads, window or grid)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = MLP2(dim, 4 * dim, nn.GELU())

    def forward(self, x):
        y = self.norm1(x)
        if self.window:
            _, h, w, dim = x.shape
            n, rows, columns = self.window, -(-h // self.window), -(-w // self.window)
            y = functional.pad(y, (0, 0, 0, columns * n - w, 0, rows * n - h))
            y = y.view(-1, rows, n, columns, n, dim).transpose(2, 3).reshape(-1, n, n, dim)
            y = self.attn(y).view(-1, rows, columns, n, n, dim).transpose(2, 3)
            x = x + y.reshape(-1, rows * n, columns * n, dim)[:, :h, :w]
        else:
            x = x + self.attn(y)
        return x + self.mlp(self.norm2(x))


class MLP2(nn.Module):
    def __init__(self, dim, hidden, act):
        super().__init__()
        self.lin1 = nn.Linear(dim, hidden)
        self.lin2 = nn.Linear(hidden, dim)
        self.act = act

    def forward(self, x):
        return self.lin2(self.act(self.lin1(x)))


class ImageEncoder(nn.Module):
    def __init__(self, size=1024, patch=16, dim=768, depth=12, heads=12, window=14, everywhere=(2, 5, 8, 11), out=256):
        super().__init__()
        grid = size // patch
        self.patch_embed = nn.Sequential()
        self.patch_embed.add_module("proj", nn.Conv2d(3, dim, patch, patch))
        self.pos_embed = nn.Parameter(torch.randn(1, grid, grid, dim) * 0.1)
        self.blocks = nn.Sequential(
            *(EncoderBlock(dim, heads, 0 if i in everywhere else window, grid) for i in range(depth)))
        self.neck = nn.Sequential(nn.Conv2d(dim, out, 1, bias=False), Norm2d(out),
                                  nn.Conv2d(out, out, 3, padding=1, bias=False), Norm2d(out))

    def forward(self, x):
        x = self.blocks(self.patch_embed(x).permute(0, 2, 3, 1) + self.pos_embed)
        return self.neck(x.permute(0, 3, 1, 2))


class PromptEncoder(nn.Module):
    def __init__(self, dim=256):
        super().__init__()
        self.pe_layer = nn.Module()
        self.pe_layer.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, dim // 2))
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, dim) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, dim)
        self.mask_downscaling = nn.Sequential(nn.Conv2d(1, 4, 2, 2), Norm2d(4), nn.GELU(), nn.Conv2d(4, 16, 2, 2),
                                              Norm2d(16), nn.GELU(), nn.Conv2d(16, dim, 1))
        self.no_mask_embed = nn.Embedding(1, dim)

    def features(self, points):
        x = 2 * math.pi * ((2 * points - 1) @ self.pe_layer.positional_encoding_gaussian_matrix)
        return torch.cat((x.sin(), x.cos()), -1)

    def grid(self, n):
        at = (torch.arange(n) + 0.5) / n
        return self.features(torch.stack(torch.meshgrid(at, at, indexing="xy"), -1)).permute(2, 0, 1)[None]

    def sparse(self, points, kinds, size):
        """points [B, N, 2]; kinds are rows of point_embeddings, or -1 for what is no point."""
        x = self.features((points + 0.5) / size)
        for i, kind in enumerate(kinds):
            if kind < 0:
                x[:, i] = self.not_a_point_embed.weight
            else:
                x[:, i] += self.point_embeddings[kind].weight
        return x


class Cross(nn.Module):
    def __init__(self, dim, inside, heads):
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(dim, inside) for _ in range(3))
        self.out_proj = nn.Linear(inside, dim)

    def forward(self, q, k, v):
        q, k, v = (layer(t).unflatten(2, (self.heads, -1)).transpose(1, 2)
                   for layer, t in ((self.q_proj, q), (self.k_proj, k), (self.v_proj, v)))
        y = (q @ k.transpose(2, 3) / q.shape[-1] ** 0.5).softmax(-1) @ v
        return self.out_proj(y.transpose(1, 2).flatten(2))


class TwoWay(nn.Module):
    def __init__(self, dim, heads, hidden, first):
        super().__init__()
        self.first = first
        self.self_attn = Cross(dim, dim, heads)
        self.cross_attn_token_to_image = Cross(dim, dim // 2, heads)
        self.cross_attn_image_to_token = Cross(dim, dim // 2, heads)
        self.mlp = MLP2(dim, hidden, nn.ReLU())
        self.norm1, self.norm2, self.norm3, self.norm4 = (nn.LayerNorm(dim) for _ in range(4))

    def forward(self, x, image, tokens, position):
        q = x if self.first else x + tokens
        y = self.self_attn(q, q, x)
        x = self.norm1(y if self.first else x + y)
        k = image + position
        x = self.norm2(x + self.cross_attn_token_to_image(x + tokens, k, image))
        x = self.norm3(x + self.mlp(x))
        return x, self.norm4(image + self.cross_attn_image_to_token(k, x + tokens, x))


class Layers(nn.Module):
    def __init__(self, *widths):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = layer(x).relu()
        return self.layers[-1](x)


class MaskDecoder(nn.Module):
    def __init__(self, dim=256, heads=8, depth=2, hidden=2048, iou=256):
        super().__init__()
        self.transformer = nn.Module()
        self.transformer.layers = nn.ModuleList(TwoWay(dim, heads, hidden, i == 0) for i in range(depth))
        self.transformer.final_attn_token_to_image = Cross(dim, dim // 2, heads)
        self.transformer.norm_final_attn = nn.LayerNorm(dim)
        self.iou_token = nn.Embedding(1, dim)
        self.mask_tokens = nn.Embedding(4, dim)
        self.output_upscaling = nn.Sequential(nn.ConvTranspose2d(dim, dim // 4, 2, 2), Norm2d(dim // 4), nn.GELU(),
                                              nn.ConvTranspose2d(dim // 4, dim // 8, 2, 2), nn.GELU())
        self.output_hypernetworks_mlps = nn.ModuleList(Layers(dim, dim, dim, dim // 8) for _ in range(4))
        self.iou_prediction_head = Layers(dim, iou, iou, 4)

    def forward(self, image, position, sparse, dense):
        b, (_, dim, h, w) = len(sparse), image.shape
        tokens = torch.cat((self.iou_token.weight, self.mask_tokens.weight)).expand(b, -1, -1)
        tokens = torch.cat((tokens, sparse), 1)
        x, image = tokens, (image + dense).expand(b, -1, -1, -1).flatten(2).transpose(1, 2)
        position = position.flatten(2).transpose(1, 2)
        for layer in self.transformer.layers:
            x, image = layer(x, image, tokens, position)
        y = self.transformer.final_attn_token_to_image(x + tokens, image + position, image)
        x = self.transformer.norm_final_attn(x + y)
        up = self.output_upscaling(image.transpose(1, 2).view(b, dim, h, w))
        hyper = torch.stack([mlp(x[:, 1 + i]) for i, mlp in enumerate(self.output_hypernetworks_mlps)], 1)
        return (hyper @ up.flatten(2)).view(b, 4, 4 * h, 4 * w), self.iou_prediction_head(x[:, 0])


class SAM(nn.Module):
    """SAM of arXiv:2304.02643, with ViT-B if nothing is said, under the names that checkpoints use."""

    def __init__(self, dim=256, encoder={}, decoder={}):
        super().__init__()
        self.image_encoder = ImageEncoder(out=dim, **encoder)
        self.prompt_encoder = PromptEncoder(dim)
        self.mask_decoder = MaskDecoder(dim, **decoder)


def sam(folder, name):
    torch.manual_seed(7)
    model, size, inside, original = SAM().eval(), 1024, (683, 1024), (400, 600)
    for parameter in model.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, 0, 0.02)
    image = torch.rand(3, *inside) * 255
    mean, std = torch.tensor([123.675, 116.28, 103.53]), torch.tensor([58.395, 57.12, 57.375])
    ready = functional.pad((image - mean[:, None, None]) / std[:, None, None], (0, 0, 0, size - inside[0]))
    tensors, cases = {"input/image0": image, "stage/preprocessed0": ready}, []
    points, boxes = torch.tensor([[[500.5, 375.0]]]), torch.tensor([[100.0, 120.5, 800.0, 600.0]])
    masks = torch.randn(1, 1, 256, 256) * 4
    prompt = model.prompt_encoder
    with torch.no_grad():
        features, position = model.image_encoder(ready[None]), prompt.grid(64)
        tensors["stage/image_embeddings"], tensors["stage/dense_pe"] = features, position
        for key in ("one_point", "box", "point_mask"):
            dense = prompt.no_mask_embed.weight.view(1, -1, 1, 1)
            if key == "box":
                tensors["input/box/boxes"] = boxes
                sparse = prompt.sparse(boxes.view(1, 2, 2), (2, 3), size)
            else:
                tensors["input/%s/point_coords" % key] = points
                tensors["input/%s/point_labels" % key] = torch.ones(1, 1, dtype=torch.long)
                sparse = prompt.sparse(torch.cat((points, torch.zeros(1, 1, 2)), 1), (1, -1), size)
            if key == "point_mask":
                tensors["input/point_mask/mask_inputs"] = masks
                dense = prompt.mask_downscaling(masks)
            tensors["stage/%s/sparse" % key], tensors["stage/%s/dense" % key] = sparse, dense
            low, iou = model.mask_decoder(features, position, sparse, dense)
            up = functional.interpolate(low, (size, size), mode="bilinear", align_corners=False)
            up = functional.interpolate(up[..., :inside[0], :inside[1]], original, mode="bilinear", align_corners=False)
            for kind, span in (("multi", slice(1, 4)), ("single", slice(0, 1))):
                out = "output/%s/%s/" % (key, kind)
                tensors[out + "low_res_logits"], tensors[out + "iou_predictions"] = low[:, span], iou[:, span]
                tensors[out + "upscaled_logits"], tensors[out + "masks"] = up[:, span], (up[:, span] > 0).float()
            cases.append({"id": key, "image": 0, "input_size": inside, "original_size": original})
    torch.save(model.state_dict(), folder / (name + ".pth"))
    config = {"arch": "sam", "weights": name + ".pth", "cases": cases, "img": 1024, "patch": 16, "dim": 768,
              "depth": 12, "heads": 12, "ws": 14, "glob": [2, 5, 8, 11], "chans": 256, "transformer_depth": 2,
              "dec_heads": 8, "dec_mlp_dim": 2048, "iou_head_hidden": 256, "iou_head_depth": 3, "mask_in_chans": 16,
              "attention_downsample_rate": 2}
    finish(folder, name, config, tensors)


def finish(folder, name, config, tensors):
    metadata = {"model": name, "config": json.dumps(config), "source": "torch " + torch.__version__}
    tensors = {key: tensor.detach() for key, tensor in tensors.items()}
    write_safetensors(folder / (name + ".safetensors"), metadata, tensors)
    print(name, *(key for key in tensors if key.startswith("output/")), flush=True)


MODELS = {"clip_vit_b32": clip, "sam_vit_b": sam}


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or MODELS:
        MODELS[name](folder, name)


if __name__ == "__main__":
    main()
