/** The batches as Prometheus metrics. */
import type { Gauge } from 'prom-client';
import type { BatchStatus } from '../status';

const STATES = ['done', 'failed', 'running', 'waiting', 'delayed'] as const;

/** The text of /metrics and its content type. */
export async function metricsOf(batches: readonly BatchStatus[]): Promise<{ text: string; type: string }> {
  // Loaded here, so that other commands start without it.
  const prometheus = await import('prom-client');
  const register = new prometheus.Registry();
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[]): Gauge<Label> =>
    new prometheus.Gauge({ name, help, labelNames, registers: [register] });
  const pictures = gauge('diptych_batch_pictures', 'Pictures of a batch by state', ['batch', 'state']);
  const rate = gauge('diptych_batch_pictures_per_second', 'Pictures done per second', ['batch']);
  const refusals = gauge('diptych_batch_refusals', 'Workers that refuse the batch', ['batch']);
  const outstanding = gauge('diptych_pictures_outstanding', 'Pictures that wait or are in work, all batches', []);
  let sum = 0;
  for (const { name, state, counts, perSecond, refusals: refused } of batches) {
    for (const of of STATES) pictures.set({ batch: name, state: of }, counts[of]);
    rate.set({ batch: name }, perSecond ?? 0);
    refusals.set({ batch: name }, refused.length);
    if (state === 'waiting' || state === 'running') sum += counts.waiting + counts.running + counts.delayed;
  }
  outstanding.set(sum);
  return { text: await register.metrics(), type: register.contentType };
}
