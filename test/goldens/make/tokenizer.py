"""Makes test/goldens/tokenizer: a tiny CLIP-style vocabulary and what transformers' CLIPTokenizer does with it.

Run by hand: python test/goldens/make/tokenizer.py   (transformers 5.23, tokenizers 0.23)
"""

import json
import tempfile
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

OUT = Path(__file__).resolve().parent.parent / "tokenizer"
MERGES = 320
BOS, EOS = "<|startoftext|>", "<|endoftext|>"

CORPUS = """
a red apple in watercolor style. a photo of a cat sitting on a wooden table in the morning light.
a painting of a mountain lake at sunset in oil painting style. a portrait of an old man with a hat.
an illustration of a city street at night in flat vector style. a house near the sea in pencil style.
the quick brown fox jumps over the lazy dog. a bowl of fruit on a blue cloth, soft light, detailed.
a dog running in the park in cartoon style. a cup of coffee beside a book, in the style of ink drawing.
trees and flowers in a garden in spring, pixel art style. a red car on a road, isometric icon style.
don't we've they're it's i'm you'll he'd can't. photo photograph photography painting painted painter.
""".strip().split("\n")

TEXTS = [
    "",
    " ",
    "a",
    "a red apple",
    "a red apple in watercolor style",
    "A Red APPLE, in Watercolor style!",
    "  leading and   trailing \t spaces \n\n",
    "hello world",
    "don't we've they're it's I'm you'll he'd can't",
    "rock 'n' roll",
    "1234567890",
    "a 3d render, 8k, f/1.8, 35mm",
    "photo2painting v1.5-beta",
    "!",
    "wow!!! really?!",
    "a cat! a dog! (a bird) [a fish] {a fox}",
    "(masterpiece:1.2), best quality",
    "e-mail: name@example.com, http://example.com/?q=1&r=2#x",
    "under_score and-dash and/slash and\\backslash",
    "\"quoted\" and 'single' and `tick`",
    "$5.00 + 10% = ~5 ^ | < >",
    "caf\u00e9 na\u00efve r\u00e9sum\u00e9",
    "cafe\u0301 nai\u0308ve",
    "\u00c4RGER \u00dcBER STRASSE stra\u00dfe",
    "\u039f\u0394\u039f\u03a3 \u03a3\u0391\u03a3",
    "\u0130stanbul \u0131rmak",
    "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440",
    "\u3053\u3093\u306b\u3061\u306f\u4e16\u754c",
    "\u7ea2\u82f9\u679c\uff0c\u6c34\u5f69\u98ce\u683c\u3002",
    "\ud55c\uad6d\uc5b4 \uadf8\ub9bc",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645",
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e",
    "\U0001f600 smile \U0001f44d\U0001f3fd thumbs",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 family \u2764\ufe0f",
    "\u00bd cup, \u2167 kings, x\u00b2, \u0663\u0664",
    "no\u00a0break\u2003em\u3000ideographic\u2028line",
    "bom\ufeffinside next\u0085line",
    "zero\u200bwidth",
    "\u201ccurly\u201d \u2018quotes\u2019 \u2014 dash\u2026 \u2122",
    "a <|startoftext|> b <|endoftext|> c",
    "a <|STARTOFTEXT|>b",
    "<|startoftext|><|endoftext|>",
    "</w> a</w>",
    "word" * 60,
    " ".join(["a red apple in watercolor style"] * 20),
    " ".join(str(n) for n in range(75)),
    " ".join(["apple"] * 75),
    "a" * 300,
    "tab\tand\nnewline\r\nreturn",
    "\x00\x01 control \x1f\x7f",
]


def special(content, normalized):
    return {"content": content, "lstrip": False, "normalized": normalized, "rstrip": False, "single_word": False}


def decoder(content, normalized):
    return {**special(content, normalized), "special": True}


def train():
    """Byte-level BPE with </w>, laid out as CLIP lays it out: bytes, bytes + </w>, merges, the two specials."""
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False),
    ])
    trainer = trainers.BpeTrainer(vocab_size=1 << 14, end_of_word_suffix="</w>", show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(CORPUS, trainer)
    merges = [tuple(m) for m in json.loads(tokenizer.to_str())["model"]["merges"]][:MERGES]
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    alphabet = [chr(b) for b in printable] + [chr(256 + n) for n in range(256 - len(printable))]
    vocab = {}
    for token in [*alphabet, *(c + "</w>" for c in alphabet), *(a + b for a, b in merges), BOS, EOS]:
        vocab.setdefault(token, len(vocab))
    return vocab, merges


def variants(vocab):
    bos, eos = vocab[BOS], vocab[EOS]
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "do_lower_case": True, "errors": "replace",
              "add_prefix_space": False}
    typed = {key: {"__type": "AddedToken", **special(token, True)}
             for key, token in (("bos_token", BOS), ("eos_token", EOS), ("unk_token", EOS))}
    named = {"bos_token": special(BOS, True), "eos_token": special(EOS, True), "unk_token": special(EOS, True)}
    return {
        # Stable Diffusion 1.x
        "sd1": {"config": {**config, **typed, "pad_token": EOS}, "special": {**named, "pad_token": EOS}},
        # Stable Diffusion 2.x: the special tokens map wins over the config
        "sd2": {"config": {**config, **typed, "pad_token": EOS}, "special": {**named, "pad_token": "!"}},
        # Stable Diffusion XL, second tokenizer
        "sdxl2": {"config": {**config, "bos_token": BOS, "eos_token": EOS, "unk_token": EOS, "pad_token": "!",
                             "added_tokens_decoder": {"0": decoder("!", False), str(bos): decoder(BOS, True),
                                                      str(eos): decoder(EOS, True)}},
                  "special": {**named, "unk_token": special(EOS, True), "pad_token": "!"}},
        "bare": {"config": {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77}, "special": None},
        "short": {"config": {**config, **typed, "pad_token": EOS, "model_max_length": 16}, "special": None},
        "json": {"config": {**config, **typed, "pad_token": EOS}, "special": {**named, "pad_token": EOS}, "fast": True},
    }


def main():
    vocab, merges = train()
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False), encoding="utf-8")
    lines = ["#version: 0.2", *(f"{a} {b}" for a, b in merges)]
    (OUT / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with tempfile.TemporaryDirectory() as saved:
        CLIPTokenizer(vocab=vocab, merges=merges).save_pretrained(saved)
        fast = json.loads((Path(saved) / "tokenizer.json").read_text(encoding="utf-8"))
    (OUT / "tokenizer.json").write_text(json.dumps(fast, ensure_ascii=False), encoding="utf-8")

    cases = {}
    for name, variant in variants(vocab).items():
        with tempfile.TemporaryDirectory() as folder:
            files = ["tokenizer.json"] if variant.get("fast") else ["vocab.json", "merges.txt"]
            for file in files:
                (Path(folder) / file).write_bytes((OUT / file).read_bytes())
            (Path(folder) / "tokenizer_config.json").write_text(json.dumps(variant["config"]))
            if variant["special"]:
                (Path(folder) / "special_tokens_map.json").write_text(json.dumps(variant["special"]))
            tokenizer = CLIPTokenizer.from_pretrained(folder)
            ids = [tokenizer(text, padding="max_length", max_length=tokenizer.model_max_length, truncation=True).input_ids
                   for text in TEXTS]
            cases[name] = {**variant, "pad": tokenizer.pad_token_id, "ids": ids}
    rows = ",\n".join(json.dumps(text) for text in TEXTS)
    parts = []
    for name, case in cases.items():
        head = json.dumps({k: v for k, v in case.items() if k != "ids"})[:-1]
        parts.append(f'"{name}": {head}, "ids": [\n' + ",\n".join(json.dumps(i, separators=(",", ":")) for i in case["ids"]) + "\n]}")
    (OUT / "expected.json").write_text('{"texts": [\n' + rows + '\n],\n"cases": {\n' + ",\n".join(parts) + "\n}}\n")
    print({name: (case["pad"], len(case["ids"])) for name, case in cases.items()}, len(vocab))


main()
