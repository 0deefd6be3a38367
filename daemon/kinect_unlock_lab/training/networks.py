"""The networks of the articles: a face in colour and depth to a vector of unit length.

Input of every network: f32[N,4,112,112] as `kinect_unlock.crop` makes it: planes R, G, B from 0 to 255 and registered
depth in [-1,1], `NO_DEPTH` where there is no reading. Whatever a network does to bring these to its own scale is part
of it, and so of its exported graph.
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from kinect_unlock.crop import DEPTH_SPAN_MM, NO_DEPTH
from kinect_unlock_lab.training.recipes import Architecture

_HOLE_BELOW: Final = (NO_DEPTH - 1.0) / 2.0  # halfway between no reading and the farthest one
_ARTICLE_SIDE_PX: Final = 200
_ARTICLE_FAR_MM: Final = 1200.0  # the article's largest depth, and what it divides by


class Fire(nn.Module):
    """SqueezeNet's building block: fewer channels, then 1x1 and 3x3 filters side by side (arXiv 1602.07360)."""

    def __init__(self, channels: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeeze, 1)
        self.point = nn.Conv2d(squeeze, expand, 1)
        self.field = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Map f32[N,channels,h,w] to f32[N,2*expand,h,w]."""
        squeezed = functional.relu(self.squeeze(features))
        return functional.relu(torch.cat([self.point(squeezed), self.field(squeezed)], 1))


class ArticleNet(nn.Module):
    """The network of faceID_beta (2018), layer by layer: 32,039,552 numbers, 31.8 million of them in two dense layers.

    It looks at 200x200 pixels, colours raw and depth divided by the farthest, so that colours are a thousand times as
    large, as in the original. Ours are the crop (a found, aligned face instead of a fixed window) and its enlargement.
    """

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(4, 64, 5, stride=2),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            Fire(64, 16, 16),
            Fire(32, 16, 16),
            nn.MaxPool2d(3, 2),
            Fire(32, 32, 32),
            Fire(64, 32, 32),
            nn.MaxPool2d(3, 2),
            Fire(64, 48, 48),
            Fire(96, 48, 48),
            Fire(96, 64, 64),
            Fire(128, 64, 64),
            nn.Dropout(dropout),
            nn.Conv2d(128, 512, 1),
            nn.ReLU(),
        )
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(11 * 11 * 512, 512), nn.ReLU(), nn.Dropout(dropout), nn.Linear(512, dim)
        )
        self.apply(_begin_as_keras)

    def forward(self, rgbd: Tensor) -> Tensor:
        """Map f32[N,4,112,112] to unit vectors f32[N,dim]."""
        # What has no reading is far away, as the article has it; enlarging must not mix it with what has one.
        depth = rgbd[:, 3:].clamp(min=-1.0) * (DEPTH_SPAN_MM / _ARTICLE_FAR_MM)
        side = (_ARTICLE_SIDE_PX, _ARTICLE_SIDE_PX)
        enlarged = functional.interpolate(torch.cat([rgbd[:, :3], depth], 1), side, mode="bilinear")
        return functional.normalize(self.head(self.trunk(enlarged)))


def _begin_as_keras(layer: nn.Module) -> None:
    """Draw first weights as Keras, and so the article, does.

    Torch's are smaller: after 16 layers without a norm all faces look the same (20 real ones: every cosine above
    0.9999996, here from 0.70), and 200 steps taught the network nothing.
    """
    if isinstance(layer, nn.Conv2d | nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


class SqueezeNet(nn.Module):
    """``rgbd-squeezenet``: 4 channels, Fire modules with batch norm and bypass, global pooling; 0.54 million numbers.

    Each colour is freed of its mean and contrast, since real light and white balance are not the renderer's; a hole in
    depth is taken for the face's plane.
    """

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(4, 32, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, padding=1),
            _Block(32, 16, 32),
            _Block(64, 16, 32),
            nn.MaxPool2d(3, 2, padding=1),
            _Block(64, 32, 64),
            _Block(128, 32, 64),
            nn.MaxPool2d(3, 2, padding=1),
            _Block(128, 48, 128),
            _Block(256, 48, 128),
            _Block(256, 64, 192),
            _Block(384, 64, 192),
        )
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(384, dim))

    def forward(self, rgbd: Tensor) -> Tensor:
        """Map f32[N,4,112,112] to unit vectors f32[N,dim]."""
        color, depth = rgbd[:, :3], rgbd[:, 3:]
        centred = color - color.mean((2, 3), keepdim=True)
        even = centred / (centred.square().mean((2, 3), keepdim=True).sqrt() + 1.0)  # one grey level: noise of the dark
        filled = torch.where(depth < _HOLE_BELOW, torch.zeros_like(depth), depth)
        features = self.trunk(torch.cat([even, 2.0 * filled], 1))  # a face fills about half of the depth plane's range
        return functional.normalize(self.head(features.mean((2, 3))))


class _Block(nn.Module):
    """A Fire module with batch norm, bypassed where it keeps the number of channels."""

    def __init__(self, channels: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Sequential(nn.Conv2d(channels, squeeze, 1, bias=False), nn.BatchNorm2d(squeeze), nn.ReLU())
        self.point = nn.Conv2d(squeeze, expand, 1, bias=False)
        self.field = nn.Conv2d(squeeze, expand, 3, padding=1, bias=False)
        self.normed = nn.BatchNorm2d(2 * expand)
        self.bypassed = channels == 2 * expand

    def forward(self, features: Tensor) -> Tensor:
        squeezed = self.squeeze(features)
        expanded = self.normed(torch.cat([self.point(squeezed), self.field(squeezed)], 1))
        return functional.relu(expanded + features if self.bypassed else expanded)


def network_of(architecture: Architecture) -> nn.Module:
    """Return the network of a recipe with weights as the current seed of torch gives them."""
    kinds = {"article": ArticleNet, "squeezenet": SqueezeNet}
    return kinds[architecture.name](architecture.dim, architecture.dropout)
