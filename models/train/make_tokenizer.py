"""Trains a CLIP-style byte-level BPE tokenizer on the pool's captions and saves it as CLIPTokenizer reads it.

Usage: make_tokenizer.py POOL --out tokenizer/
"""
import argparse
import glob
import json
import os

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

BOS, EOS = "<|startoftext|>", "<|endoftext|>"
MAX_LENGTH = 32
PATTERN = r"""<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""


def train(captions, vocab_size):
    tokenizer = Tokenizer(models.BPE(unk_token=EOS, end_of_word_suffix="</w>", continuing_subword_prefix=""))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), behavior="removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size - 2, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), end_of_word_suffix="</w>",
                                  special_tokens=[], min_frequency=2, show_progress=False)
    tokenizer.train_from_iterator(captions, trainer)
    # Every byte must also exist as the last of a word, and the two marks come last, as in CLIP.
    saved = json.loads(tokenizer.to_str())["model"]
    vocab = dict(saved["vocab"])
    for piece in [c + "</w>" for c in sorted(pre_tokenizers.ByteLevel.alphabet())] + [BOS, EOS]:
        vocab.setdefault(piece, len(vocab))
    merges = [tuple(m) for m in saved["merges"]]
    tokenizer.model = models.BPE(vocab=vocab, merges=merges, unk_token=EOS, end_of_word_suffix="</w>", continuing_subword_prefix="")
    tokenizer.add_special_tokens([BOS, EOS])
    tokenizer.post_processor = processors.RobertaProcessing((EOS, vocab[EOS]), (BOS, vocab[BOS]), trim_offsets=False, add_prefix_space=False)
    return tokenizer, vocab, merges


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pool")
    parser.add_argument("--out", required=True)
    parser.add_argument("--vocab", type=int, default=3072)
    args = parser.parse_args()
    captions = []
    for path in sorted(glob.glob(f"{args.pool}/[0-9][0-9][0-9].json")):
        for c in json.load(open(path)):
            captions.append(", ".join(v for v in (c["subject"], c["style"], c["place"]) if v))
    tokenizer, vocab, merges = train(captions, args.vocab)
    os.makedirs(args.out, exist_ok=True)
    tokenizer.save(f"{args.out}/tokenizer.json")
    json.dump(vocab, open(f"{args.out}/vocab.json", "w"), ensure_ascii=False)
    with open(f"{args.out}/merges.txt", "w") as f:
        f.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    marks = {"bos_token": BOS, "eos_token": EOS, "pad_token": EOS, "unk_token": EOS}
    json.dump(marks, open(f"{args.out}/special_tokens_map.json", "w"), indent=2)
    json.dump({"tokenizer_class": "CLIPTokenizer", "model_max_length": MAX_LENGTH, "do_lower_case": True, "add_prefix_space": False,
               "errors": "replace", **marks,
               "added_tokens_decoder": {str(vocab[t]): {"content": t, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
                                        for t in (BOS, EOS)}},
              open(f"{args.out}/tokenizer_config.json", "w"), indent=2)
    print(f"{len(vocab)} pieces; e.g. {tokenizer.encode('red apple, flat emoji').tokens}")


if __name__ == "__main__":
    main()
