/** Prompts to the embeddings a UNet attends to. */
import { clipText, poolIndices } from '../nets/clip-text';
import { Scope } from '../nets/scope';
import type { ProgramCache } from '../runtime/program-cache';
import { f32, i64, type HostTensor } from '../tensor/tensor';
import { baseFault, readFinite } from './finite';
import type { DiffusionModel } from './model';

/** Embeddings kept by prompt; one of 77 x 1024 numbers takes 0.3 MB. */
const REMEMBERED = 32;

export class TextEncoder {
  readonly #model: DiffusionModel;
  readonly #programs: ProgramCache;
  readonly #embeddings = new Map<string, HostTensor<'f32'>>();

  constructor(model: DiffusionModel, programs: ProgramCache) {
    this.#model = model;
    this.#programs = programs;
  }

  /** The last hidden state of each prompt: [prompts, T, D]. */
  async embed(prompts: readonly string[]): Promise<HostTensor<'f32'>> {
    const rows: HostTensor<'f32'>[] = [];
    for (const prompt of prompts) rows.push(await this.#one(prompt));
    const [, tokens, width] = rows[0]!.shape as [number, number, number];
    const data = new Float32Array(rows.length * tokens * width);
    rows.forEach((row, i) => data.set(row.data, i * tokens * width));
    return f32(data, [rows.length, tokens, width]);
  }

  async #one(prompt: string): Promise<HostTensor<'f32'>> {
    const known = this.#embeddings.get(prompt);
    if (known) return known;
    const { config, weights } = this.#model.text;
    const { ids } = this.#model.tokenizer.encode(prompt);
    const program = await this.#programs.get('text', (b) => {
      const outputs = clipText(
        new Scope(b, weights),
        config,
        b.input('ids', [1, ids.length], 'i64'),
        b.input('pooled', [1], 'i64'),
      );
      b.output('embeddings', outputs.lastHiddenState);
    });
    const feeds = { ids: i64(ids, [1, ids.length]), pooled: i64(poolIndices(config, [ids]), [1]) };
    const made = (await program.run(feeds))['embeddings']!;
    const embeddings = await readFinite(made, () => baseFault(this.#model, 'text encoder'));
    if (this.#embeddings.size >= REMEMBERED) this.#embeddings.delete(this.#embeddings.keys().next().value!);
    this.#embeddings.set(prompt, embeddings);
    return embeddings;
  }
}
