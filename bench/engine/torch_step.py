"""The embedded model's work in plain PyTorch, as a worker for run.mjs: `JOB COUNT` in, a JSON line of times out.

Usage: torch_step.py MODEL THREADS RANK

`train` and `guided` are written as one does with diffusers and peft: two adapters by LoraConfig, a pass for every set
of active adapters. The `-batched` jobs are the faster way that takes some work by hand: one pass, adapters by row.
"""
import json
import sys
import time

import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny, DDIMScheduler, UNet2DConditionModel
from peft import LoraConfig
from peft.tuners.lora import Linear as LoraLinear
from transformers import CLIPTextModel

TARGETS = ["to_q", "to_k", "to_v", "to_out.0"]
TIMESTEP = 500


def wave(shape, step):
    """Numbers both programs can make: sqrt(2) sin of multiples of `step`."""
    n = torch.tensor(shape).prod().item()
    return (2 ** 0.5 * torch.sin(torch.arange(1, n + 1, dtype=torch.float64) * step)).float().reshape(shape)


class Setting:
    """Latents, embeddings and noise schedule that every job shares."""

    def __init__(self, folder):
        self.folder = folder
        scheduler = DDIMScheduler.from_pretrained(folder, subfolder="scheduler")
        self.config = self.unet().config
        a = scheduler.alphas_cumprod[TIMESTEP]
        self.signal, self.noise_level = a.sqrt(), (1 - a).sqrt()
        self.velocity = scheduler.config.prediction_type == "v_prediction"
        side = self.config.sample_size
        self.shape = (1, self.config.in_channels, side, side)
        self.latents = torch.cat([wave(self.shape, 0.7), wave(self.shape, 1.1)])
        tokens = json.load(open(f"{folder}/tokenizer/tokenizer_config.json"))["model_max_length"]
        self.context = wave((2, tokens, self.config.cross_attention_dim), 0.3)
        self.timestep = torch.tensor(TIMESTEP)

    def unet(self):
        # f32 as our engine computes, with diffusers' default attention (torch's fused kernel).
        net = UNet2DConditionModel.from_pretrained(self.folder, subfolder="unet", torch_dtype=torch.float32)
        return net.requires_grad_(False)

    def noised(self, noise):
        """The noised latents and the training target, [2, C, h, w]."""
        sample = self.signal * self.latents + self.noise_level * noise
        if not self.velocity:
            return sample, noise.expand_as(sample)
        return sample, self.signal * noise - self.noise_level * self.latents


def adam(parameters):
    return torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0)


def train(setting, rank):
    """A step of both adapters with peft: a pass for each loss, the content adapter's parameters held in the second."""
    unet = setting.unet()
    for name in ("content", "style"):
        unet.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=TARGETS, init_lora_weights=True), name)
    layers = [m for m in unet.modules() if isinstance(m, LoraLinear)]
    ups = {name: [m.lora_B[name].weight for m in layers] for name in ("content", "style")}
    unet.requires_grad_(False)
    for up in ups["content"] + ups["style"]:
        up.requires_grad_(True)
    optimizer = adam(ups["content"] + ups["style"])

    def activate(names):
        for layer in layers:  # set_adapter would also make the down-projections trainable
            layer._active_adapter = names

    def step(noise=None):
        noise = torch.randn(setting.shape) if noise is None else noise
        sample, target = setting.noised(noise)
        losses = []
        for row, names in enumerate((["content"], ["content", "style"])):
            activate(names)
            output = unet(sample[row:row + 1], setting.timestep, setting.context[row:row + 1], return_dict=False)[0]
            loss = F.mse_loss(output, target[row:row + 1])
            loss.backward(inputs=ups[names[-1]])
            losses.append(loss.item())
        optimizer.step()
        optimizer.zero_grad()
        return losses

    return step


class RowAdapter(torch.nn.Module):
    """A linear layer with low-rank adapters of which every row of a batch has its own."""

    def __init__(self, base, rank, adapters):
        super().__init__()
        self.base = base
        self.down = torch.nn.Linear(base.in_features, adapters * rank, bias=False).requires_grad_(False)
        self.ups = torch.nn.ParameterList(torch.zeros(base.out_features, rank) for _ in range(adapters))

    def rows(self, h):
        raise NotImplementedError

    def forward(self, x):
        return self.base(x) + self.rows(self.down(x))


class TrainingRows(RowAdapter):
    """Row 0: content. Row 1: content, held, and style."""

    def rows(self, h):
        content, style = self.ups
        first = F.linear(h[:1, :, :content.shape[1]], content)
        return torch.cat([first, F.linear(h[1:], torch.cat([content.detach(), style], 1))])


class GuidedRows(RowAdapter):
    """Row 0: no adapter. Row 1: the style."""

    def forward(self, x):
        y = self.base(x)
        y[1:] += F.linear(self.down(x[1:]), self.ups[0])
        return y


def replace(unet, kind, rank, adapters):
    made = []
    for module in [m for m in unet.modules() if hasattr(m, "to_q")]:
        for name in ("to_q", "to_k", "to_v"):
            setattr(module, name, kind(getattr(module, name), rank, adapters))
            made.append(getattr(module, name))
        module.to_out[0] = kind(module.to_out[0], rank, adapters)
        made.append(module.to_out[0])
    return made


def train_batched(setting, rank):
    unet = setting.unet()
    parameters = [up for layer in replace(unet, TrainingRows, rank, 2) for up in layer.ups]
    optimizer = adam(parameters)

    def step(noise=None):
        sample, target = setting.noised(torch.randn(setting.shape) if noise is None else noise)
        output = unet(sample, setting.timestep, setting.context, return_dict=False)[0]
        losses = (output - target).square().mean((1, 2, 3))
        losses.sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        return losses.tolist()

    return step


def deviation_step(setting, evaluate):
    """d' = a d + b (guided(z + d) - o), as engine/diffusion/denoiser.ts has it, with a strength of 1."""
    path, output = wave(setting.shape, 0.7), wave(setting.shape, 0.9)
    state = {"deviation": torch.zeros(setting.shape)}

    @torch.no_grad()
    def step():
        d = state["deviation"]
        state["deviation"] = 0.5 * d - 0.1 * (evaluate(path + d) - output)
        return state["deviation"].abs().mean().item()

    return step


def guided(setting, rank):
    unet = setting.unet()
    unet.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=TARGETS, init_lora_weights=True), "style")

    def evaluate(sample):
        outputs = []
        for row, active in enumerate((False, True)):
            unet.enable_adapters() if active else unet.disable_adapters()
            outputs.append(unet(sample, setting.timestep, setting.context[row:row + 1], return_dict=False)[0])
        return outputs[0] * 0.0 + outputs[1]

    return deviation_step(setting, evaluate)


def guided_batched(setting, rank):
    unet = setting.unet()
    replace(unet, GuidedRows, rank, 1)

    def evaluate(sample):
        base, style = unet(sample.expand(2, -1, -1, -1), setting.timestep, setting.context, return_dict=False)[0]
        return (base * 0.0 + style)[None]

    return deviation_step(setting, evaluate)


def autoencoder(setting, encode):
    vae = AutoencoderTiny.from_pretrained(setting.folder, subfolder="vae", torch_dtype=torch.float32)
    side = setting.shape[-1] * 2 ** (len(vae.config.encoder_block_out_channels) - 1)
    image, latents = wave((1, 3, side, side), 0.2) / 2, setting.latents

    @torch.no_grad()
    def step():
        return (vae.encode(image).latents if encode else vae.decode(latents).sample).mean().item()

    return step


def text(setting):
    net = CLIPTextModel.from_pretrained(setting.folder, subfolder="text_encoder", torch_dtype=torch.float32)
    ids = torch.arange(1, setting.context.shape[1] + 1)[None]

    @torch.no_grad()
    def step():
        return net(input_ids=ids).last_hidden_state.mean().item()

    return step


JOBS = {
    "train": train,
    "train-batched": train_batched,
    "guided": guided,
    "guided-batched": guided_batched,
    "encode": lambda setting, rank: autoencoder(setting, True),
    "decode": lambda setting, rank: autoencoder(setting, False),
    "text": lambda setting, rank: text(setting),
}


def main():
    folder, threads, rank = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    setting = Setting(folder)
    steps = {}
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        name, count = line.split()
        if name not in steps:
            steps[name] = JOBS[name](setting, rank)
            # Before any update the losses say that both programs compute the same.
            given = (wave(setting.shape, 0.5),) if name.startswith("train") else ()
            print(json.dumps({"losses": steps[name](*given)}), flush=True)
            continue
        wall, cpu = [], []
        for _ in range(int(count)):
            start, used = time.perf_counter(), time.process_time()
            steps[name]()
            wall.append(1e3 * (time.perf_counter() - start))
            cpu.append(1e3 * (time.process_time() - used))
        print(json.dumps({"wall": wall, "cpu": cpu}), flush=True)


main()
