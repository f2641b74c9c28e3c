"""`text`: CLIPTextModel and CLIPTextModelWithProjection."""

import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from common import Case, check_idle

VOCABULARY = 60
BASE = dict(
    vocab_size=VOCABULARY,
    hidden_size=24,
    intermediate_size=48,
    num_hidden_layers=2,
    num_attention_heads=3,
    max_position_embeddings=11,
    bos_token_id=VOCABULARY - 2,
    pad_token_id=0,
)

# name: (description, class, config, key prefix to write, weights stored as float16)
CONFIGS = {
    'sd1': (
        'The Stable Diffusion 1.x encoder in miniature: quick_gelu, eos_token_id 2 in the config (an old mistake), '
        'so pooling takes the position of the highest token id.',
        CLIPTextModel,
        dict(BASE, hidden_act='quick_gelu', eos_token_id=2),
        'text_model.',
        False,
    ),
    'sd2': (
        'The Stable Diffusion 2.x encoder in miniature: exact gelu, three layers, pooling at the first eos token. '
        'Keys carry no text_model. prefix, as newer transformers write them.',
        CLIPTextModel,
        dict(BASE, hidden_act='gelu', eos_token_id=VOCABULARY - 1, num_hidden_layers=3, num_attention_heads=4),
        '',
        False,
    ),
    'projection': (
        "SDXL's second encoder in miniature: CLIPTextModelWithProjection, gelu, a sequence shorter than "
        'max_position_embeddings, another layer_norm_eps.',
        CLIPTextModelWithProjection,
        dict(BASE, hidden_act='gelu', eos_token_id=VOCABULARY - 1, projection_dim=20, layer_norm_eps=1e-4),
        'text_model.',
        False,
    ),
    'sd1-f16': (
        'The Stable Diffusion 1.x encoder in miniature with weights stored as float16.',
        CLIPTextModel,
        dict(BASE, hidden_act='quick_gelu', eos_token_id=2),
        'text_model.',
        True,
    ),
}


def make(root):
    """Writes every `text` case under root."""
    for name, (description, kind, config, prefix, half) in CONFIGS.items():
        case = Case(root, 'text', name, description)
        case.add_model('text_encoder', kind(CLIPTextConfig(**config)), half)
        if kind is CLIPTextModel:
            rename(case.folder / 'text_encoder' / 'model.safetensors', prefix)
        length = 8 if name == 'projection' else config['max_position_embeddings']
        inputs = {'input_ids': token_ids(case.draw, length)}
        encoder = load(kind, case.folder / 'text_encoder', torch.float32)
        # A bias on the keys shifts all scores of a query alike: the softmax does not see it.
        check_idle(encoder, lambda: encode(encoder, inputs['input_ids']), 10 * case.tolerance, ['k_proj.bias'])
        case.finish(
            inputs,
            lambda given, dtype: encode(load(kind, case.folder / 'text_encoder', dtype), given['input_ids']),
        )


def token_ids(draw, length):
    """Two prompts: bos, words, eos, then padding: with eos again (as Stable Diffusion 1.x pads), and with zeros."""
    words = draw.integers(3, VOCABULARY - 2, 2, length)
    words[:, 0] = VOCABULARY - 2
    words[0, 4:] = VOCABULARY - 1
    words[1, length - 3] = VOCABULARY - 1
    words[1, length - 2 :] = 0
    return words


def rename(path, prefix):
    """Rewrites the keys of a text encoder's weights with or without the text_model. prefix."""
    tensors = {prefix + key.removeprefix('text_model.'): value for key, value in load_file(path).items()}
    save_file(tensors, path, {'format': 'pt'})


def load(kind, folder, dtype):
    """The encoder in the given precision, checked to have found all its weights."""
    encoder, report = kind.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    assert not report['missing_keys'] and not report['unexpected_keys'], report
    return encoder.to(dtype).eval()


def encode(encoder, ids):
    """Every hidden state, and what the model says of the prompt as a whole."""
    output = encoder(ids, output_hidden_states=True)
    tensors = {f'hidden_states.{index}': state for index, state in enumerate(output.hidden_states)}
    tensors['last_hidden_state'] = output.last_hidden_state
    if isinstance(encoder, CLIPTextModelWithProjection):
        tensors['text_embeds'] = output.text_embeds
    else:
        tensors['pooler_output'] = output.pooler_output
    return tensors
