/** What programs and tensors of one runtime share: the device, the queue, the memory account, and failure. */
import { DeviceError } from '../errors';
import type { Device } from './backend';
import type { DeviceTensor } from './device-tensor';
import { explainFailure } from './failure';
import { MemoryAccount } from './memory';
import { Queue } from './queue';

export class RuntimeCore {
  readonly queue = new Queue();
  readonly memory = new MemoryAccount();
  /** Tensors that are alive, to be disposed with the runtime. */
  readonly tensors = new Set<DeviceTensor>();
  readonly device: Device;
  #ended: DeviceError | undefined;
  readonly #lost: Promise<never>;

  constructor(device: Device) {
    this.device = device;
    this.#lost = device.lost.then((reason) => {
      this.#ended ??= new DeviceError(`the ${device.info.kind} device was lost (${reason}); open the runtime again`);
      throw this.#ended;
    });
    // Waited for only while a call is under way; at other times a loss is kept for the next call.
    this.#lost.catch(() => undefined);
  }

  /** Throws a DeviceError when the runtime is disposed or its device lost. */
  assertOpen(): void {
    if (this.#ended) throw this.#ended;
  }

  end(): void {
    this.#ended ??= new DeviceError('the runtime is used after it was disposed');
  }

  /**
   * Queues a call into ONNX Runtime. A failure of the device becomes a DeviceError that says what to try; `action`
   * says in it what was being done. A call that never returns because the device was lost is given up.
   */
  call<T>(action: string, job: () => Promise<T>): Promise<T> {
    this.assertOpen();
    return this.queue.run(async () => {
      this.assertOpen();
      try {
        return await Promise.race([job(), this.#lost]);
      } catch (error) {
        throw explainFailure(error, action, this.device.info);
      }
    });
  }
}
