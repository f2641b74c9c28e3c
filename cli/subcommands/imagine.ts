/** `diptych imagine`: a new picture in learned styles. */
import { encodePng } from '../inputs/images';
import type { Io } from '../io';
import { withEngine, type EngineOptions } from '../inputs/models';
import { given } from '../options';
import { prepareOutput, writeResult } from '../outputs/output';
import { printable } from '../terminal/printable';
import { duration, ProgressLine } from '../terminal/progress';
import { reportStyles } from '../inputs/style-files';
import { readStyles, stylePaths, type StyleOptions } from '../inputs/styles';

export interface ImagineOptions extends EngineOptions, StyleOptions {
  readonly size?: number;
  readonly output: string;
  readonly overwrite?: boolean;
  readonly prompt: string;
  readonly guidance?: number;
  readonly steps?: number;
  readonly start?: number;
  readonly seed?: number;
  readonly force?: boolean;
}

/** @returns what --json prints. */
export async function imagineCommand(io: Io, styleText: string, options: ImagineOptions): Promise<object> {
  const started = performance.now();
  const names = await stylePaths(styleText, options.with);
  const styles = await readStyles(names, options.strength);
  const write = { overwrite: options.overwrite ?? false };
  await prepareOutput(options.output, '.png', names, write);
  const settings = given({
    guidanceScale: options.guidance,
    steps: options.steps,
    size: options.size,
    start: options.start,
    seed: options.seed,
    force: options.force,
  });
  return withEngine(io, options, async (engine) => {
    const adapters = await reportStyles(io, engine, styles, options.force);
    const line = new ProgressLine(io);
    try {
      const request = { prompt: options.prompt, styles, ...settings };
      const picture = await engine.imagine(request, { onProgress: line.update, signal: io.signal });
      await writeResult(options.output, await encodePng(picture), write);
      const seconds = (performance.now() - started) / 1000;
      line.end();
      io.err(`${printable(options.output)}  ${picture.width} x ${picture.height} px  ${duration(seconds)}\n`);
      const { model, device } = engine.description;
      return {
        output: options.output,
        width: picture.width,
        height: picture.height,
        adapters,
        warnings: line.warnings,
        model,
        device,
        seconds,
      };
    } finally {
      line.end();
    }
  });
}
