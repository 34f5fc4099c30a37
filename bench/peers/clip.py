# SPDX-License-Identifier: Apache-2.0
"""The towers of CLIP (Radford et al., arXiv:2103.00020) at ViT-B/32's size,
under the names that OpenAI's checkpoints use."""
import torch
from torch import nn


class QuickGELU(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


class Block(nn.Module):
    def __init__(self, width, mask, heads):
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential()
        self.mlp.add_module("c_fc", nn.Linear(width, 4 * width))
        self.mlp.add_module("gelu", QuickGELU())
        self.mlp.add_module("c_proj", nn.Linear(4 * width, width))
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x):
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False, attn_mask=self.mask)[0]
        return x + self.mlp(self.ln_2(x))


class Transformer(nn.Module):
    def __init__(self, width, depth, mask=None, heads=None):
        super().__init__()
        self.resblocks = nn.Sequential(*(Block(width, mask, heads or width // 64) for _ in range(depth)))

    def forward(self, x):
        return self.resblocks(x)


class Visual(nn.Module):
    def __init__(self, size=224, patch=32, width=768, depth=12, embedding=512):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, patch, patch, bias=False)
        self.class_embedding = nn.Parameter(torch.randn(width) * width ** -0.5)
        self.positional_embedding = nn.Parameter(torch.randn((size // patch) ** 2 + 1, width) * width ** -0.5)
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = Transformer(width, depth)
        self.ln_post = nn.LayerNorm(width)
        self.proj = nn.Parameter(torch.randn(width, embedding) * width ** -0.5)

    def forward(self, images):
        x = self.conv1(images).flatten(2).transpose(1, 2)
        x = torch.cat((self.class_embedding.expand(len(images), 1, -1), x), 1) + self.positional_embedding
        x = self.transformer(self.ln_pre(x))
        return self.ln_post(x[:, 0]) @ self.proj


class Image(nn.Module):
    """The image tower: images [B, 3, size, size] to [B, embedding]."""

    def __init__(self):
        super().__init__()
        self.visual = Visual()

    def forward(self, images):
        return self.visual(images)


class Text(nn.Module):
    """The text tower: ids [B, context] to [B, embedding]."""

    def __init__(self, vocabulary=49408, context=77, width=512, depth=12, embedding=512):
        super().__init__()
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.positional_embedding = nn.Parameter(torch.randn(context, width) * 0.1)
        mask = torch.full((context, context), float("-inf")).triu(1)
        self.transformer = Transformer(width, depth, mask)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.randn(width, embedding) * width ** -0.5)

    def at(self, ids, end):
        x = self.token_embedding(ids) + self.positional_embedding
        x = self.ln_final(self.transformer(x))
        return x[:, end] @ self.text_projection

    def forward(self, ids):
        return torch.cat([self.at(row[None], row.argmax()) for row in ids])


class TextAt(nn.Module):
    """The text tower for texts that end at a known place. ONNX Runtime's
    provider has no argmax of token ids."""

    def __init__(self, text, end):
        super().__init__()
        self.text, self.end = text, end

    def forward(self, ids):
        return self.text.at(ids, self.end)
