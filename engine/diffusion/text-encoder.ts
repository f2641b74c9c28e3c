/** Prompts to what a UNet is conditioned on. */
import type { InputError } from '../errors';
import type { Value } from '../graph/graph';
import { clipText, poolIndices, type ClipTextOutputs } from '../nets/clip-text';
import { Scope } from '../nets/scope';
import type { ProgramCache } from '../runtime/program-cache';
import { f32, i64, zeros, type HostTensor } from '../tensor/tensor';
import { stackConditioning, type Conditioning } from './conditioning';
import { baseFault, readFinite } from './finite';
import type { DiffusionModel, TextPart } from './model';

/** Prompts kept with their embeddings; one of 77 x 2048 numbers takes 0.6 MB. */
const REMEMBERED = 32;

export class TextEncoder {
  readonly #model: DiffusionModel;
  readonly #programs: ProgramCache;
  readonly #known = new Map<string | null, Conditioning>();

  constructor(model: DiffusionModel, programs: ProgramCache) {
    this.#model = model;
    this.#programs = programs;
  }

  /**
   * The embedding of each prompt; null stands for no prompt at all, as in the unconditional row of guidance.
   *
   * With one encoder: its last hidden state. With two, as in SDXL (Podell et al., arXiv 2307.01952): the last but one
   * of each side by side, before any final norm, and the second's projection of the prompt as a whole.
   */
  async embed(prompts: readonly (string | null)[]): Promise<Conditioning> {
    const all: Conditioning[] = [];
    for (const prompt of prompts) all.push(await this.#one(prompt));
    return stackConditioning(all);
  }

  async #one(prompt: string | null): Promise<Conditioning> {
    let found = this.#known.get(prompt);
    if (!found) {
      found = await this.#encode(prompt);
      if (this.#known.size >= REMEMBERED) this.#known.delete(this.#known.keys().next().value!);
      this.#known.set(prompt, found);
    }
    return found;
  }

  async #encode(prompt: string | null): Promise<Conditioning> {
    const { texts, zeroUnconditional } = this.#model;
    if (prompt === null && zeroUnconditional) {
      const like = await this.#one('');
      return { context: zeros(like.context.shape), pooled: like.pooled && zeros(like.pooled.shape) };
    }
    const [first, second] = texts;
    if (!second) {
      const { state } = await this.#run(first, prompt ?? '', ({ lastHiddenState }) => lastHiddenState);
      return { context: state, pooled: null };
    }
    const penultimate = ({ hiddenStates }: ClipTextOutputs): Value => hiddenStates.at(-2)!;
    const [one, two] = [
      await this.#run(first, prompt ?? '', penultimate),
      await this.#run(second, prompt ?? '', penultimate),
    ];
    return { context: sideBySide(one.state, two.state), pooled: two.pooled };
  }

  async #run(
    { name, config, weights, tokenizer }: TextPart,
    prompt: string,
    choose: (outputs: ClipTextOutputs) => Value,
  ): Promise<{ state: HostTensor<'f32'>; pooled: HostTensor<'f32'> }> {
    const { ids } = tokenizer.encode(prompt);
    const program = await this.#programs.get(name, (b) => {
      const [tokens, pooled] = [b.input('ids', [1, ids.length], 'i64'), b.input('pooled', [1], 'i64')];
      const outputs = clipText(new Scope(b, weights), config, tokens, pooled);
      b.output('state', choose(outputs));
      b.output('pooled', outputs.pooled);
    });
    const feeds = { ids: i64(ids, [1, ids.length]), pooled: i64(poolIndices(config, [ids]), [1]) };
    const { state, pooled } = await program.run(feeds);
    const fault = (): InputError => baseFault(this.#model, 'text encoder');
    return { state: await readFinite(state!, fault), pooled: await readFinite(pooled!, fault) };
  }
}

/** [1, T, D] and [1, T, E] as [1, T, D + E]. */
function sideBySide(a: HostTensor<'f32'>, b: HostTensor<'f32'>): HostTensor<'f32'> {
  const [, tokens, left] = a.shape as [number, number, number];
  const right = b.shape[2]!;
  const data = new Float32Array(tokens * (left + right));
  for (let t = 0; t < tokens; t++) {
    data.set(a.data.subarray(t * left, (t + 1) * left), t * (left + right));
    data.set(b.data.subarray(t * right, (t + 1) * right), t * (left + right) + left);
  }
  return f32(data, [1, tokens, left + right]);
}
