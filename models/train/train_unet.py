"""Trains the UNet and text encoder on encoded frames until --minutes have passed. Resumable (OUT/state.pt).

--minutes counts from the first run on. The learning rate is constant but for a linear fall over the last
--decay-minutes: to go on another day, keep a copy of the state from before the fall. The EMA is what gets exported.
Several folders of latents, of different sizes, take turns; a step costs the same at every size.
On a CUDA device: one process, everything on the device, compiled, bf16. Else: worker processes, see hogwild.py.
Usage: train_unet.py LATENTS[,LATENTS] TOKENIZER VAE --out DIR --minutes 80 [--decay-minutes 20]
"""
import argparse
import os

import numpy as np
import torch
from diffusers import AutoencoderTiny

import hogwild
import one_device
from latents import Captions, Latents
from net import Net, build_scheduler, shares, translation_target, translation_weight
from progress import Report, learning_rate, save, stratified


def work(index, shared, lock, args):
    torch.set_num_threads(1)
    torch.manual_seed(args.seed * 1000 + index + shared.step.item() * 7)
    rng = np.random.default_rng([args.seed, index, shared.step.item()])
    folders = [Latents(folder, args.tokenizer) for folder in args.latents.split(",")]
    captions = folders[0].captions
    net = Net(captions.vocabulary, captions.bos, captions.eos, args.widths).to(torch.bfloat16)
    worker = hogwild.Worker(index, shared, lock, net)
    alphas = build_scheduler().alphas_cumprod
    reports, count = [Report() for _ in folders], index  # workers start on different folders
    while not shared.stop.item():
        worker.pull()
        turn = count % len(folders)
        data, size = folders[turn], folders[turn].per_step(args.batch)
        if args.pairs:
            before, after, ids = data.translations(size)
        else:
            after, ids = data.batch(size, rng)
            before = after
        t = stratified(size)
        x, v = translation_target(before * args.scaling_factor, after * args.scaling_factor, torch.randn_like(after), shares(size), alphas[t])
        each = (net(x.to(torch.bfloat16), t, ids).float() - v).pow(2).mean((1, 2, 3)) * translation_weight(before, after, alphas[t])
        each.mean().backward()
        lr = learning_rate(args, shared.step.item(), shared.used.item())
        norm = worker.push(lr, size, ema_decay=args.ema)
        reports[turn].add(t, each.detach())
        count += 1
        if count % 50 < len(folders):
            print(f"w{index} {data.side} x {data.side}: {reports[turn].line(shared, norm.item(), lr)}", flush=True)
        if count % 200 == 0:
            for folder in folders:
                folder.refresh()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("latents", help="folders of encode_pool.py, separated by commas")
    parser.add_argument("tokenizer")
    parser.add_argument("vae")
    parser.add_argument("--out", required=True)
    parser.add_argument("--minutes", type=float, default=80)
    parser.add_argument("--pairs", action="store_true", help="the folders hold pairs (make_pairs.py): learn translation too")
    parser.add_argument("--widths", type=lambda s: tuple(map(int, s.split(","))), default=(32, 64, 128), help="channels of the three levels")
    parser.add_argument("--batch", type=int, default=16, help="samples of one step (of one worker) at 32 x 32")
    parser.add_argument("--lr", type=float, default=7e-4)
    parser.add_argument("--warmup", type=int, default=200, help="steps")
    parser.add_argument("--decay-minutes", type=float, default=0)
    parser.add_argument("--ema", type=float, default=0.999)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--one-device", default="cuda" if torch.cuda.is_available() else None, help="train in one process on this torch device")
    parser.add_argument("--no-compile", action="store_true", help="with --one-device: run the network as it is")
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    torch.manual_seed(args.seed)
    args.scaling_factor = AutoencoderTiny.load_config(args.vae)["scaling_factor"]
    captions = Captions(args.tokenizer)
    net = Net(captions.vocabulary, captions.bos, captions.eos, args.widths)
    shared = hogwild.Shared(dict(net.named_parameters()), [k for k, _ in net.named_parameters()])
    if os.path.exists(f"{args.out}/state.pt"):
        shared.restore(f"{args.out}/state.pt")
    if args.one_device:
        one_device.train(net, shared, args)
    else:
        del net
        hogwild.run(work, shared, args, args.minutes, lambda s: save(s, args), save_every=240)


if __name__ == "__main__":
    main()
