"""`pair`, `pair-gradients`, `pair-closed-form`, `pair-areas`, `pair-area-net`: the pair-conditioned net of models/train/pair in a tiny random configuration.

Pictures and planes are channels last. R styles; each has n references and Q queries.

pair: inputs `planes` [R n + R Q, H, W, 17], references first, `near` [R n + R Q, H, W, 2], `member` [R Q, H, W, areas], `palette` [R, colours, 5], and, where the
queries' own size is another, `own` [R Q, h, w, 13], `own_near` and `own_member`;
expected `features` [R Q, H, W, f + 4 blurs], `after` [R Q, h, w, 4]. parameters: styles, references.

pair-gradients: besides, `target` like `after`, `change` [R Q], and adapters `style` and `content` (`<adapter>.<site>.A`, `.B`) at every attention's to_q,
to_k, to_v and to_out.0, both in force; expected `loss` [1], the mean over queries of the training loss, and `<adapter>.<site>.grad_B`.

pair-closed-form: inputs `before`, `after` [R, P, 4] and `picture` [R, S, 4]; expected `map` [R, 11, 4], `mapped` [R, S, 4],
`trust` [R, S, 1].

pair-areas: input `picture` and `after` [H, W, 4], RGBA, not premultiplied, of whole 255ths; expected `member` [H, W, 32], `near` [H, W, 2], both at
half the size, `palette` [32, 5]; the facts of the areas `form` [32, 12], `touches` [32, 32], as shares of each row, and `fate` [32, 14, 7]. Inputs
`change` [32, 14, 4] and `share` [32], random; expected `changed` [H, W, 4]: what they make of a change that is 0.1 everywhere.

pair-area-net: inputs of R styles with n references and one query each: `palette` [R, 32, 5], `form`, `touches`, and of the references, `ref_` before their names,
[R n, ...], and `ref_fate`; `colours` [R, colours, 5]; expected `made` [R, 32, 14, 4] and `share` [R, 32]. parameters: styles, references.

The net's folder, `net`, holds config.json and model.safetensors as models/train/pair/export.py writes them.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from adapters import Adapted, Switch, orthonormal_rows
from common import Case, check_idle, first_that_fits, randomise

sys.path.append(str(Path(__file__).resolve().parents[3] / 'models' / 'train' / 'pair'))

AREA_CONFIG = dict(width=12, heads=3, layers=2, inner=8, lookups=2)
CONFIG = dict(stem=4, widths=[8, 12], heads=[2, 3], depths=[1, 2, 1], expansion=1.5, features=4, blurs=[1, 3], refine=5, head=6, lookups=2, areas=5)
AREAS = 3  # of the random pictures
PROJECTIONS = ('to_q', 'to_k', 'to_v', 'to_out.0')
RANKS = {'content': 2, 'style': 3}


def tiny_net():
    import pair_net

    return pair_net.PairNet(CONFIG)


def add_net(case, half=False):
    import export

    from areas.net import AreaNet

    model = randomise(tiny_net(), case.draw, gentle=True)
    export.write(model, randomise(AreaNet(AREA_CONFIG), case.draw, gentle=True), case.folder / 'net', half)
    case.models['net'] = 'net'


def load_net(folder, dtype):
    model = tiny_net()
    weights = load_file(folder / 'net' / 'model.safetensors').items()
    model.load_state_dict({k: v.float() for k, v in weights if not k.startswith('area_net.')})
    return model.to(dtype).eval()


def areas_of(draw, count, size):
    """Random nearness, and shares of areas that sum to at most 1."""
    near = torch.rand(count, *size, 2, generator=draw.generator)
    member = torch.rand(count, *size, AREAS, generator=draw.generator)
    return near, member / member.sum(-1, keepdim=True).clamp_min(1)


def palette_of(draw, styles, absent=2):
    """Random colours, the last of each style absent."""
    palette = torch.cat([torch.rand(styles, 6, 4, generator=draw.generator), torch.ones(styles, 6, 1)], -1)
    palette[:, 6 - absent :] = 0
    return palette


def planes_of(draw, references, queries, size):
    """Random planes, with the marks of references and queries where they belong."""
    count = references + queries
    planes = torch.rand(count, *size, 17, generator=draw.generator)
    planes[:references, ..., 13:] = torch.tensor([1.0, 0.0, 1.0, 1.0])
    planes[references:, ..., 15:] = torch.tensor([0.0, 1.0])
    planes[references:, ..., 13:15] = torch.rand(queries, 1, 1, 2, generator=draw.generator)
    return planes


# name: (description, styles, references of a style, queries of a style, size, own size, float16)
FORWARD = {
    'one-reference': ('Two styles with one reference and two queries each, a picture that is not square.', 2, 1, 2, (16, 32), None, False),
    'three-references': ('One query reads three references.', 1, 3, 1, (16, 16), None, False),
    'no-reference': ('An ordinary denoiser: queries that read only themselves.', 1, 0, 2, (16, 16), None, False),
    'own-size': ('The head at another size than the backbone; features resized bilinearly, not by a whole factor.', 1, 2, 1, (16, 32), (23, 37), False),
    'f16': ('Weights stored as float16; the reference computes in float32 from the rounded ones.', 1, 1, 1, (16, 16), None, True),
}


def make_forward(root, name):
    description, styles, references, queries, size, own_size, half = FORWARD[name]

    import pair_net

    def one(seed):
        case = Case(root, 'pair', name, description, seed=seed, styles=styles, references=references)
        add_net(case, half)
        first, count = styles * references, styles * queries
        inputs = {'planes': planes_of(case.draw, first, count, size)}
        near, member = areas_of(case.draw, first + count, size)
        inputs |= {'near': near, 'member': member[first:].clone(), 'palette': palette_of(case.draw, styles)}
        if own_size:
            inputs['own'] = torch.rand(count, *own_size, 13, generator=case.draw.generator)
            inputs['own_near'], inputs['own_member'] = areas_of(case.draw, count, own_size)

        def reference(given, dtype):
            net = load_net(case.folder, dtype)

            def run():
                features = net.backbone(given['planes'], styles, references)[first:]
                own = pair_net.Own(given['own'], given['own_near'], given['own_member']) if own_size else None
                return {'features': features, 'after': net(given['planes'], styles, references, given['near'], given['member'], given['palette'], own)}

            check_idle(net, run, 1e-3, allowed=('to_k.bias',))
            return run()

        case.finish(inputs, reference)

    first_that_fits(one)


def sites_of(net):
    return [name for name, m in net.named_modules() if isinstance(m, torch.nn.Linear) and name.endswith(tuple('.' + p for p in PROJECTIONS))]


def make_gradients(root):
    styles, references, queries, size = 1, 2, 2, (16, 16)

    def one(seed):
        case = Case(root, 'pair-gradients', 'two-adapters', 'The training loss and its gradients at both adapters.', seed=seed, styles=styles, references=references)
        add_net(case)
        inputs = {'planes': planes_of(case.draw, styles * references, styles * queries, size),
                  'target': torch.rand(styles * queries, *size, 4, generator=case.draw.generator),
                  'change': torch.rand(styles * queries, generator=case.draw.generator) * 0.2}
        near, member = areas_of(case.draw, styles * (references + queries), size)
        inputs |= {'near': near, 'member': member[styles * references :].clone(), 'palette': palette_of(case.draw, styles)}
        net, bases = tiny_net(), {}
        for site in sites_of(net):
            module = net.get_submodule(site)
            if module.in_features not in bases:
                bases[module.in_features] = orthonormal_rows(case.draw, sum(RANKS.values()), module.in_features)
            first = 0
            for adapter, rank in RANKS.items():
                inputs[f'{adapter}.{site}.A'] = bases[module.in_features][first : first + rank].clone()
                inputs[f'{adapter}.{site}.B'] = case.draw.normal(module.out_features, rank, scale=0.15)
                first += rank

        @torch.enable_grad()
        def reference(given, dtype):
            from train import losses

            net, switch, trained = load_net(case.folder, dtype).requires_grad_(False), Switch(), {}
            for site in sites_of(net):
                parent, _, leaf = site.rpartition('.')
                module = Adapted(net.get_submodule(site), switch)
                for adapter in RANKS:
                    b = given[f'{adapter}.{site}.B'].clone().requires_grad_()
                    module.adapters[adapter] = (given[f'{adapter}.{site}.A'], b)
                    trained[f'{adapter}.{site}.grad_B'] = b
                setattr(net.get_submodule(parent), leaf, module)
            switch.set(tuple(RANKS))
            loss = losses(net(given['planes'], styles, references, given['near'], given['member'], given['palette']), given['target'], given['change']).mean()
            gradients = torch.autograd.grad(loss, list(trained.values()))
            return {'loss': loss.reshape(1), **dict(zip(trained, gradients, strict=True))}

        case.finish(inputs, reference)

    first_that_fits(one)


def make_closed_form(root):
    def one(seed):
        case = Case(root, 'pair-closed-form', 'regions', 'Flat areas and a gradient; some colours of the picture are not in the pair.', seed=seed)
        import closed_form

        draw = case.draw
        palette = closed_form.valid(torch.rand(2, 9, 4, generator=draw.generator))
        index = draw.integers(0, 9, 2, 600)
        before = closed_form.valid(palette.gather(1, index[..., None].expand(-1, -1, 4)) + draw.normal(2, 600, 4, scale=0.04))
        after = closed_form.valid(before * 0.7 + 0.2 * before.roll(1, -1) + 0.05 + draw.normal(2, 600, 4, scale=0.02))
        picture = closed_form.valid(torch.rand(2, 400, 4, generator=draw.generator))

        def reference(given, dtype):
            fitted = closed_form.fit(given['before'], given['after'])
            mapped, trust = closed_form.apply(fitted, given['picture'])
            return {'map': fitted['map'], 'mapped': mapped, 'trust': trust}

        case.finish({'before': before, 'after': after, 'picture': picture}, reference)

    first_that_fits(one)


def drawn():
    """A gradient behind anti-aliased shapes, some of them see-through, thin lines, and noise: uint8 RGBA [36, 52, 4]."""
    import cv2
    import numpy as np

    height, width, scale = 36, 52, 4
    big = np.zeros((height * scale, width * scale, 4), np.uint8)
    big[..., 0] = np.linspace(40, 200, big.shape[1]).astype(np.uint8)
    big[..., 3] = 255
    cv2.circle(big, (60, 70), 38, (220, 40, 60, 255), -1)
    cv2.circle(big, (64, 66), 14, (250, 250, 250, 255), -1)
    cv2.rectangle(big, (110, 20), (170, 90), (20, 90, 160, 0), -1)
    cv2.rectangle(big, (120, 34), (150, 70), (20, 200, 160, 128), -1)
    cv2.line(big, (100, 110), (190, 130), (0, 0, 0, 255), 6)
    small = cv2.resize(big, (width, height), interpolation=cv2.INTER_AREA)
    small[28:, :20] = np.random.default_rng(3).integers(0, 256, (8, 20, 4))
    return small


def make_areas(root):
    def one(seed):
        case = Case(root, 'pair-areas', 'drawing', 'Anti-aliased shapes before a gradient, clear and half clear ones, a thin line, noise.', seed=seed)
        import batches
        import regions
        from areas import facts

        before = drawn()
        after = before[:, ::-1].copy()
        after[..., 3] = 255
        inputs = {'picture': torch.from_numpy(before).float() / 255, 'after': torch.from_numpy(after).float() / 255}
        inputs |= {'change': case.draw.normal(regions.AREAS, facts.BINS, 4, scale=0.2), 'share': torch.rand(regions.AREAS, generator=case.draw.generator)}

        def reference(given, dtype):
            def premultiplied(x):
                return torch.cat([x[..., :3] * x[..., 3:], x[..., 3:]], -1)

            pictures = premultiplied(given['picture'].float())
            of_picture = batches.areas_of(pictures[None])
            half = [batches.halved(x)[0] for x in (of_picture.member, of_picture.near)]
            found = {'member': of_picture.member[0], 'near': of_picture.near[0], 'half_member': half[0], 'half_near': half[1], 'palette': of_picture.palette[0]}
            whole = (pictures.numpy() * 255 + 0.5).astype('uint8')
            facts_of = facts.find(whole)
            touches = facts.touching(facts_of.label)
            fate = facts.fate(facts_of, premultiplied(given['after'].float()).numpy())
            colours = facts_of.palette[:, None, :4] + given['change'].float().numpy()
            change, share = facts.rendered(whole, colours, facts_of.palette, given['share'].float().numpy())
            found |= {'form': facts.form(facts_of, touches), 'touches': touches / touches.sum(1, keepdims=True).clip(1), 'fate': fate, 'changed': change + 0.1 * (1 - share)}
            # OpenCV's distances differ in their last bits with where arrays lie in memory.
            return {k: torch.as_tensor(v, dtype=torch.float32).mul(2**18).round().div(2**18) for k, v in found.items()}

        case.finish(inputs, reference)

    first_that_fits(one)


AREA_CASES = {
    'one-reference': ('Two styles with one reference each; some areas, bins and colours are absent.', 2, 1),
    'three-references': ('A query reads the areas of three references.', 1, 3),
}


def make_area_net(root, name):
    description, styles, references = AREA_CASES[name]

    from areas.facts import BINS, FORM
    from areas.net import AreaNet
    from regions import AREAS as MOST

    def facts_of(draw, count):
        colours = torch.rand(count, MOST, 4, generator=draw.generator)
        known = torch.ones(count, MOST, 1)
        known[:, 20:] = 0
        touches = torch.rand(count, MOST, MOST, generator=draw.generator)
        touches[:, 7] = 0
        return {'palette': torch.cat([colours * known, known], -1), 'form': torch.rand(count, MOST, FORM, generator=draw.generator),
                'touches': touches / touches.sum(-1, keepdim=True).clamp(min=1)}

    def one(seed):
        case = Case(root, 'pair-area-net', name, description, seed=seed, styles=styles, references=references)
        add_net(case)
        draw = case.draw
        fate = torch.rand(styles * references, MOST, BINS, 7, generator=draw.generator)
        counts = draw.integers(0, 4, styles * references, MOST, BINS).float()
        fate[..., 0] = counts
        fate = fate * torch.cat([torch.ones_like(fate[..., :1]), (counts > 0).float()[..., None].expand(-1, -1, -1, 6)], -1)
        colours = palette_of(draw, styles)
        inputs = {**facts_of(draw, styles), **{f'ref_{k}': v for k, v in facts_of(draw, styles * references).items()}, 'ref_fate': fate, 'colours': colours}

        def reference(given, dtype):
            net = AreaNet(AREA_CONFIG)
            weights = load_file(case.folder / 'net' / 'model.safetensors').items()
            net.load_state_dict({k.removeprefix('area_net.'): v.float() for k, v in weights if k.startswith('area_net.')})
            net = net.to(dtype).eval()
            # What is given are shares; the net takes counts, which these are of sum 1 at most: below 1 they stay as they are.
            def of(prefix, count):
                return {k: given[prefix + k].unflatten(0, (styles, count)) for k in ('palette', 'form', 'touches')}

            def run():
                ref = {**of('ref_', references), 'fate': given['ref_fate'].unflatten(0, (styles, references))}
                made, logit = net(ref, of('', 1), given['colours'])
                return {'made': made[:, 0], 'share': torch.sigmoid(logit[:, 0])}

            check_idle(net, run, 1e-3, allowed=('key.bias',))
            return run()

        case.finish(inputs, reference)

    first_that_fits(one)


def make(root):
    for name in FORWARD:
        make_forward(root, name)
    make_gradients(root)
    make_closed_form(root)
    make_areas(root)
    for name in AREA_CASES:
        make_area_net(root, name)


if __name__ == '__main__':
    from common import deterministic

    deterministic()
    make(Path(sys.argv[1]))
    print(json.dumps(CONFIG))
