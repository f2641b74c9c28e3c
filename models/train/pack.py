"""Packs rendered icons into one small file to carry to another machine, and back: lossless WebP of every icon.

Usage: pack.py pack DATA FILE | pack.py unpack FILE DATA      (DATA holds icons.rgba and icons.json of render.mjs)
"""
import argparse
import io
import json
import os
import struct

import numpy as np
from PIL import Image

from augment import Icons


def pack(data, file):
    """FILE is: length of the listing (u32), the listing (icons.json), then length (u32) and bytes of every picture."""
    icons = Icons(data)
    with open(f"{data}/icons.json", "rb") as f:
        listing = f.read()
    with open(file, "wb") as out:
        out.write(struct.pack("<I", len(listing)) + listing)
        for rgba in icons.pixels:
            buffer = io.BytesIO()
            Image.fromarray(np.asarray(rgba)).save(buffer, "WEBP", lossless=True, quality=50, method=3, exact=False)
            out.write(struct.pack("<I", buffer.tell()) + buffer.getvalue())
    print(f"{file}: {len(icons)} icons, {os.path.getsize(file) / 2 ** 20:.1f} MiB")


def unpack(file, data):
    os.makedirs(data, exist_ok=True)
    with open(file, "rb") as packed, open(f"{data}/icons.rgba", "wb") as pixels:
        chunk = lambda: packed.read(struct.unpack("<I", packed.read(4))[0])
        listing = chunk()
        with open(f"{data}/icons.json", "wb") as f:
            f.write(listing)
        for _ in json.loads(listing)["icons"]:
            pixels.write(Image.open(io.BytesIO(chunk())).convert("RGBA").tobytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("pack", "unpack"))
    parser.add_argument("source")
    parser.add_argument("target")
    args = parser.parse_args()
    (pack if args.what == "pack" else unpack)(args.source, args.target)


if __name__ == "__main__":
    main()
