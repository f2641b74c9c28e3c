/** `diptych restyle`: learned styles applied to images. */
import { join } from 'node:path';
import { CancelledError, InputError } from '../engine/errors';
import type { AppliedStyle, GuideMode } from '../engine/requests';
import { checkImageFile, encodePng, loadImage, stemOf } from './images';
import type { Io } from './io';
import { withEngine, type EngineOptions } from './models';
import { given, strengthPerStyle } from './options';
import { prepareFolder, refuseExisting, refuseInputs, writeResult } from './output';
import { duration, ProgressLine } from './progress';
import { readStyleFile, reportStyles } from './style-files';

export interface RestyleOptions extends EngineOptions {
  readonly size?: number;
  /** Folder for the results, NAME.png each. */
  readonly output: string;
  readonly overwrite?: boolean;
  readonly strength?: readonly number[];
  readonly guide?: GuideMode;
  readonly prompt?: string;
  readonly steps?: number;
  readonly start?: number;
  readonly seed?: number;
  readonly force?: boolean;
}

/** @returns what --json prints. */
export async function restyleCommand(
  io: Io,
  stylePaths: string,
  images: readonly string[],
  options: RestyleOptions,
): Promise<object> {
  const styles = await readStyles(stylePaths, options.strength);
  await prepareFolder(options.output);
  const write = { overwrite: options.overwrite ?? false };
  const outputs = await planOutputs(images, stylePaths, options.output, io.signal);
  await refuseExisting(outputs, write);
  const settings = given({
    guide: options.guide,
    prompt: options.prompt,
    steps: options.steps,
    size: options.size,
    start: options.start,
    seed: options.seed,
    force: options.force,
  });
  return withEngine(io, options, async (engine) => {
    const adapters = await reportStyles(io, engine, styles, options.force);
    const results: object[] = [];
    for (const [i, input] of images.entries()) {
      const started = performance.now();
      const line = new ProgressLine(io, images.length === 1 ? input : `${i + 1}/${images.length} ${input}`);
      try {
        const picture = await loadImage(input, io.signal);
        const result = await engine.restyle(
          { image: picture, styles, ...settings },
          { onProgress: line.update, signal: io.signal },
        );
        const output = outputs[i]!;
        await writeResult(output, await encodePng(result), write);
        line.end();
        const seconds = (performance.now() - started) / 1000;
        io.err(`${output}  ${result.width} x ${result.height} px  ${duration(seconds)}\n`);
        results.push({ input, output, width: result.width, height: result.height, seconds });
      } catch (error) {
        if (error instanceof CancelledError) {
          throw new CancelledError(`cancelled; ${i} of ${images.length} images are done`);
        }
        if (error instanceof InputError && !error.message.includes(input)) {
          throw new InputError(`${input}: ${error.message}`);
        }
        throw error;
      } finally {
        line.end();
      }
    }
    const { model, device } = engine.description;
    return {
      styles: stylePaths.split(','),
      strengths: styles.map(({ strength }) => strength),
      adapters,
      model,
      device,
      results,
    };
  });
}

export type NamedStyle = AppliedStyle & { readonly name: string };

/** "A.safetensors,B.safetensors" with a strength each. */
export async function readStyles(paths: string, strengths: readonly number[] | undefined): Promise<NamedStyle[]> {
  const names = paths.split(',').map((name) => name.trim());
  if (names.includes('')) throw new InputError(`${paths}: a style's name is empty; write STYLE or STYLE,STYLE`);
  const values = strengthPerStyle(strengths, names.length);
  return Promise.all(names.map(async (name, i) => ({ name, file: await readStyleFile(name), strength: values[i]! })));
}

/** Where each image goes. Everything that can be wrong with an image's name or size is found before any work. */
async function planOutputs(
  images: readonly string[],
  styles: string,
  folder: string,
  signal: AbortSignal,
): Promise<string[]> {
  const inputs = [...images, ...styles.split(',')];
  const taken = new Map<string, string>();
  const outputs: string[] = [];
  for (const input of images) {
    await checkImageFile(input, signal);
    const output = join(folder, `${stemOf(input)}.png`);
    // Some file systems do not tell upper from lower case.
    const other = taken.get(output.toLowerCase());
    if (other !== undefined) {
      throw new InputError(`${other} and ${input} would both be written to ${output}; restyle them into two folders`);
    }
    taken.set(output.toLowerCase(), input);
    await refuseInputs(output, inputs);
    outputs.push(output);
  }
  return outputs;
}
