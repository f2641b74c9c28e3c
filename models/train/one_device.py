"""The UNet's training loop on one device: data, weights and moments live there; the host only keeps count."""
import time

import torch

import optimizer
from latents import Latents, choose_variants, pair_rows
from net import build_scheduler, shares, translation_target, translation_weight
from progress import Report, learning_rate, save, stratified


def train(net, shared, args, save_every=120, report_every=100):
    """Trains the weights in `shared` (hogwild.Shared) with `net` until args.minutes; saves as it goes."""
    device = torch.device(args.one_device)
    torch.manual_seed(args.seed * 1000 + shared.step.item() * 7)
    folders = [Latents(folder, args.tokenizer) for folder in args.latents.split(",")]
    stored = [folder.on_device(device) for folder in folders]
    alphas = build_scheduler().alphas_cumprod.to(device)
    net.to(device)
    shared.to(device)
    parameters = dict(net.named_parameters())
    for name, parameter in parameters.items():
        parameter.data = shared.weights[name]  # one copy: the optimizer writes what the network reads
    names = list(parameters)
    forward = net if args.no_compile else torch.compile(net)
    before, start, saved = shared.used.item(), time.time(), time.time()
    reports = [Report() for _ in folders]
    while shared.used.item() < args.minutes * 60:
        turn = shared.step.item() % len(folders)
        (latents, ids), size = stored[turn], folders[turn].per_step(args.batch)
        if args.pairs:
            source, rows, variant = pair_rows(size, len(latents), device)
        else:
            rows = torch.randint(len(latents), (size,), device=device)
            source, variant = rows, choose_variants(torch.rand(2, size, device=device))
        origin, z = (latents[r].float() * args.scaling_factor for r in (source, rows))
        t = stratified(size, device)
        x, v = translation_target(origin, z, torch.randn_like(z), shares(size, device), alphas[t])
        with torch.autocast(device.type, torch.bfloat16):
            out = forward(x, t, ids[rows, variant].long())
        each = (out.float() - v).pow(2).mean((1, 2, 3)) * translation_weight(origin, z, alphas[t])
        grads = torch.autograd.grad(each.mean(), [parameters[k] for k in names])
        norm = optimizer.clip(grads)
        shared.step += 1
        shared.samples += size
        lr = learning_rate(args, shared.step.item(), shared.used.item())
        optimizer.adamw(shared, names, grads, lr, weight_decay=1e-2, ema_decay=args.ema)
        shared.used[0] = before + time.time() - start
        if shared.step.item() % 10 < len(folders):  # reading losses waits for the device
            reports[turn].add(t.cpu(), each.detach().cpu())
        if shared.step.item() % report_every < len(folders) and reports[turn].counts.any():
            print(f"{folders[turn].side} x {folders[turn].side}: {reports[turn].line(shared, norm.item(), lr)}", flush=True)
        if time.time() - saved > save_every:
            save(shared, args)
            saved = time.time()
    save(shared, args)
