"""Makes every golden case, twice, and puts the first set in place if the two are the same byte for byte.

    python make_all.py [--only KIND,...] [--out DIR] [--check-idle]

Folders in DIR that no maker writes are left alone (a case recorded by hand stays).
"""

import argparse
import filecmp
import importlib
import shutil
import sys
import tempfile
from pathlib import Path

import common

MAKERS = {
    'unet': 'unets',
    'text': 'texts',
    'vae': 'vaes',
    'scheduler': 'schedulers',
    'lora-gradients': 'gradients',
    'train': 'trainings',
    'guided': 'guidances',
    'inversion': 'inversions',
    'lora-file': 'lora_files',
    'pipeline': 'pipelines',
    'pair': 'pair_nets',
}


def files_of(root):
    return sorted(path.relative_to(root) for path in root.rglob('*') if path.is_file())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', help='comma-separated kinds')
    parser.add_argument('--out', type=Path, default=Path(__file__).resolve().parent.parent / 'cases')
    parser.add_argument('--check-idle', action='store_true', help='also prove that every parameter matters (minutes)')
    options = parser.parse_args()
    kinds = options.only.split(',') if options.only else list(MAKERS)

    common.deterministic()
    common.quiet()
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        for root in (Path(first), Path(second)):
            common.CHECK_IDLE = options.check_idle and root == Path(first)
            for kind in kinds:
                importlib.import_module(MAKERS[kind]).make(root)
        made = files_of(Path(first))
        if made != files_of(Path(second)):
            sys.exit('the two runs wrote different files')
        _, differing, missing = filecmp.cmpfiles(first, second, made, shallow=False)
        if differing or missing:
            sys.exit(f'the two runs differ: {differing + missing}')
        cases = sorted({file.parent for file in made if file.name == 'case.json'})
        for case in cases:
            shutil.rmtree(options.out / case, ignore_errors=True)
            shutil.copytree(Path(first) / case, options.out / case)
    total = sum(path.stat().st_size for path in options.out.rglob('*') if path.is_file())
    print(f'{len(cases)} cases made, two runs identical; {options.out} holds {total / 2**20:.2f} MiB')


if __name__ == '__main__':
    main()
