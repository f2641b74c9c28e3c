/** What programs and tensors of one runtime share: the device, the queue, the memory account, and failure. */
import { DeviceError } from '../errors';
import type { Device } from './backend';
import { explainFailure } from './failure';
import { MemoryAccount } from './memory';
import { Queue } from './queue';

export class RuntimeCore {
  readonly queue = new Queue();
  readonly memory = new MemoryAccount();
  /** Tensors that are alive, to be disposed with the runtime. */
  readonly tensors = new Set<{ dispose(): void }>();
  readonly device: Device;
  #ended: Error | undefined;
  /** Rejects the call under way. */
  #giveUp: ((error: Error) => void) | undefined;

  constructor(device: Device) {
    this.device = device;
    void device.lost.then((reason) => {
      this.#ended ??= new DeviceError(`the ${device.info.kind} device was lost (${reason}); open the runtime again`);
      this.#giveUp?.(this.#ended);
    });
  }

  /** Throws when the runtime is disposed (a defect of the caller) or its device lost (a DeviceError). */
  assertOpen(): void {
    if (this.#ended) throw this.#ended;
  }

  end(): void {
    this.#ended ??= new Error('the runtime is used after it was disposed');
  }

  /** Throws what the device reported outside a call since the last check. */
  assertSound(): void {
    const fault = this.device.fault();
    if (fault !== undefined) throw new Error(fault);
  }

  /**
   * Queues a call into ONNX Runtime. A failure of the device becomes a DeviceError that says what to try; `action`
   * says in it what was being done. A call that never returns because the device was lost is given up.
   */
  async call<T>(action: string, job: () => Promise<T>): Promise<T> {
    this.assertOpen();
    return this.queue.run(async () => {
      this.assertOpen();
      try {
        return await new Promise<T>((resolve, reject) => {
          this.#giveUp = reject;
          job().then(resolve, reject);
        });
      } catch (error) {
        throw explainFailure(error, action, this.device.info);
      } finally {
        this.#giveUp = undefined;
      }
    });
  }
}
