"""The autoencoder: diffusers AutoencoderTiny with 4 latent channels; its training pictures, losses and scores."""
import glob

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny


def build(width=48, levels=3):
    """Three levels, f4: 128 px -> 32 x 32 x 4. Four levels, f8: 256 px -> 32 x 32 x 4.

    The encoder has no residual blocks until a quarter of the size: 48 channels at half size hold 2 x 2 x 3 pixels
    with room to spare. The decoder has one at every size, since convolutions alone cannot undo nearest upsampling."""
    return AutoencoderTiny(
        encoder_block_out_channels=(width,) * levels, decoder_block_out_channels=(width,) * levels,
        num_encoder_blocks=(0,) * (levels - 2) + (1, 2), num_decoder_blocks=(2,) + (1,) * (levels - 1), latent_channels=4)


def open_shards(pool):
    return [np.load(p, mmap_mode="r") for p in sorted(glob.glob(f"{pool}/[0-9][0-9][0-9].npy"))]


def batch(shards, size, crop, rng):
    """Random crops of random frames: float [N, 3, crop, crop] in [-1, 1]."""
    out = np.empty((size, crop, crop, 3), np.uint8)
    for k in range(size):
        frames = shards[rng.integers(len(shards))]
        y, x = rng.integers(0, frames.shape[1] + 1 - crop, 2)
        out[k] = frames[rng.integers(len(frames)), y:y + crop, x:x + crop]
    return torch.from_numpy(out).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


@torch.no_grad()
def initialise(net, images):
    """Starts an f4 encoder as an exact PCA of 4 x 4 patches, and every residual branch at zero.

    images: [N, 3, H, W] in [-1, 1]. Finding colour in the latents is otherwise the slow part of training."""
    layers = net.encoder.layers
    first, half, quarter, last = layers[0], layers[1], layers[3], layers[6]
    for parameter in (first.weight[:3], first.bias[:3], half.weight[:12], quarter.weight, last.weight, last.bias):
        parameter.zero_()
    for c in range(3):
        first.weight[c, c, 1, 1] = 1
        for dy in range(2):
            for dx in range(2):
                half.weight[c * 4 + dy * 2 + dx, c, 1 + dy, 1 + dx] = 1
    for c in range(12):
        for dy in range(2):
            for dx in range(2):
                quarter.weight[c * 4 + dy * 2 + dx, c, 1 + dy, 1 + dx] = 1
    for block in [m for m in net.modules() if type(m).__name__ == "AutoencoderTinyBlock"]:
        block.conv[-1].weight.mul_(0.05)
        block.conv[-1].bias.zero_()
    x = images.add(1).div(2)
    for layer in layers[:6]:
        x = layer(x)
    patches = x.movedim(1, -1).reshape(-1, x.shape[1])
    mean = patches.mean(0)
    _, spread, basis = torch.linalg.svd(patches - mean, full_matrices=False)
    scale = (len(patches) ** 0.5) / spread[:4]
    last.weight[:, :, 1, 1] = basis[:4] * scale[:, None]
    last.bias.copy_(-(basis[:4] * scale[:, None]) @ mean)


def gradients(x):
    return x[..., :, 1:] - x[..., :, :-1], x[..., 1:, :] - x[..., :-1, :]


def reconstruction_loss(y, x):
    """L1 + edge L1 + the same at half and quarter size, so that flat fills and borders both survive.

    y, x: [N, 3, H, W] in [-1, 1]."""
    total = 0.0
    for scale, weight in ((1, 1.0), (2, 0.5), (4, 0.5)):
        a, b = (y, x) if scale == 1 else (F.avg_pool2d(y, scale), F.avg_pool2d(x, scale))
        total = total + weight * (F.l1_loss(a, b) + 0.5 * F.mse_loss(a, b))
        if scale < 4:
            for ga, gb in zip(gradients(a), gradients(b)):
                total = total + weight * 0.5 * F.l1_loss(ga, gb)
    return total


def latent_regulariser(z):
    """Keeps every channel near zero mean and unit variance, and punishes outliers."""
    mean, var = z.mean((0, 2, 3)), z.var((0, 2, 3))
    return (mean ** 2).mean() + ((var - 1) ** 2).mean() * 0.25 + F.relu(z.abs() - 3).pow(2).mean()


def psnr(y, x):
    """Per image, for [-1, 1] images. [N]"""
    mse = ((y.clamp(-1, 1) - x) / 2).pow(2).mean((1, 2, 3))
    return -10 * torch.log10(mse.clamp_min(1e-10))


def ssim(y, x):
    """Mean structural similarity, 11 x 11 gaussian window, on [-1, 1] images. [N]"""
    t = torch.arange(11.0, device=x.device) - 5
    g = torch.exp(-t * t / (2 * 1.5 ** 2))
    g = g / g.sum()
    kernel = (g[:, None] * g[None]).expand(3, 1, 11, 11)
    x, y = (x + 1) / 2, (y.clamp(-1, 1) + 1) / 2
    blur = lambda v: F.conv2d(v, kernel, groups=3)
    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    value = ((2 * mx * my + 1e-4) * (2 * cov + 9e-4)) / ((mx * mx + my * my + 1e-4) * (vx + vy + 9e-4))
    return value.mean((1, 2, 3))
