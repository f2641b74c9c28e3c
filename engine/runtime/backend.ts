/** What the runtime asks of a build of ONNX Runtime. One file per build implements it: backend-node, backend-web. */
import type { InferenceSession, InferenceSessionFactory, Tensor, TensorConstructor } from 'onnxruntime-common';
import type { ValueType } from '../graph/graph';
import type { DType } from '../tensor/dtype';
import type { HostTensor } from '../tensor/tensor';

export type DeviceKind = 'cpu' | 'wasm' | 'webgpu';

export interface DeviceInfo {
  readonly kind: DeviceKind;
  /** For people: the adapter's or the processor's name. */
  readonly name: string;
  /** Threads an operation may use; 1 on webgpu. */
  readonly threads: number;
  /** Whether half floats are computed natively, so that f16 saves time as well as memory. */
  readonly f16: boolean;
}

export interface DeviceOptions {
  /** 'auto' (the default) takes webgpu where there is a real GPU, else wasm or cpu. */
  readonly device?: 'auto' | DeviceKind;
  /** Threads for cpu and wasm; by default as many as help. */
  readonly threads?: number;
  /** For tests: a program with an operation the GPU lacks is refused instead of being run half on the CPU. */
  readonly disableCpuFallback?: boolean;
}

/** What a session is for. */
export interface SessionPlan {
  /** The outputs by their names in the model. */
  readonly outputs: ReadonlyMap<string, ValueType>;
  /** The graph computes some values twice on purpose, to hold fewer at once: do not merge them. */
  readonly recompute: boolean;
  /**
   * Memory before speed, for a net of hundreds of megabytes: weights are used where they lie, in their file's format,
   * instead of being converted, repacked and folded into copies; and what a run needs is given back when it ends.
   */
  readonly lean: boolean;
}

/** The classes of an onnxruntime package. */
export interface Ort {
  readonly InferenceSession: InferenceSessionFactory;
  readonly Tensor: TensorConstructor;
}

/** A buffer of the device with a weight's elements, which programs take as an input. */
export interface WeightBuffer {
  /**
   * Writes `bytes`, a multiple of 4 unless they are the last, at `offset`, a multiple of 4. Resolves when more may be
   * written.
   */
  write(offset: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** The elements as a tensor, which does not own them. */
  tensor(type: ValueType): Tensor;
  /** Gives the memory back; no run may be using it. */
  release(): void;
}

/** Weights that a device holds apart from programs. */
export interface WeightMemory {
  /** As what a weight of this dtype is held; undefined where it must stay in the programs. */
  heldAs(dtype: DType): DType | undefined;
  allocate(bytes: number): WeightBuffer;
  /** Resolves when all that was written is there, or known not to fit. */
  settled(): Promise<void>;
}

/** An open device. */
export interface Device {
  readonly info: DeviceInfo;
  readonly ort: Ort;
  /** Options for a session, without the weights. A new object each time: ONNX Runtime writes into it. */
  sessionOptions(plan: SessionPlan): InferenceSession.SessionOptions;
  /** Copies a tensor to where programs read it fastest. */
  upload(tensor: HostTensor): Tensor;
  /**
   * A tensor for a program to write an output into; undefined where ONNX Runtime makes its own. On WebGPU it must not:
   * a buffer that a session made cannot be released once the session is.
   */
  allocate(type: ValueType): Tensor | undefined;
  /**
   * Where weight files lie, for a session that maps them into memory itself: a folder, and the files' paths from it.
   * Undefined where files cannot be mapped.
   */
  locate?(paths: readonly string[]): { readonly folder: string; readonly locations: readonly string[] };
  /** Where weights of large models are held once for all programs; undefined where programs map their file, or hold their own. */
  readonly weights?: WeightMemory;
  /** Bytes that work on this device may take, where that can be known. */
  availableMemory?(): number;
  /** Gives back memory kept for the next `allocate`. */
  trim(): void;
  /** Elements of a tensor, possibly a view of them. */
  read(tensor: Tensor): Promise<Tensor.DataType>;
  /** What the device reported outside any call since this was last asked, such as memory running out. */
  fault(): string | undefined;
  /** Resolves with the reason if the device is lost; never if it cannot be. */
  readonly lost: Promise<string>;
  /** Gives the device back. Sessions and tensors are gone by then. */
  close(): void;
}

export interface Backend {
  /** Throws a DeviceError when the device asked for is not there. */
  open(options: DeviceOptions): Promise<Device>;
}

/** Options that every device shares; `session` adds entries of ONNX Runtime's "session." configuration. */
export function commonSessionOptions(
  plan: SessionPlan,
  session: Readonly<Record<string, string>> = {},
  disabledOptimizers: readonly string[] = [],
): InferenceSession.SessionOptions {
  const disabled = [
    ...disabledOptimizers,
    ...(plan.lean ? COPY_WEIGHTS : []),
    ...(plan.recompute ? ['CommonSubexpressionElimination'] : []),
  ];
  return {
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    // The pattern's block comes on top of the arena's own, and the arena keeps what it once had.
    ...(plan.lean && { enableMemPattern: false, enableCpuMemArena: false }),
    extra: {
      // Matrices in 8 bits stay as they are, whatever operations they meet.
      session: { ...session, ...(plan.lean && { disable_prepacking: '1', disable_quant_qdq: '1' }) },
      optimization: disabled.length > 0 ? { disable_specified_optimizers: [...new Set(disabled)].join(';') } : {},
    },
  };
}

/** Optimizers that make copies of weights: converted to f32, turned, or in blocks of channels. */
const COPY_WEIGHTS: readonly string[] = [
  'ConstantFolding',
  'FuseFp16InitializerToFp32NodeTransformer',
  'NchwcTransformer',
];

/**
 * Graph optimizers of ONNX Runtime that find nothing in our graphs, or nothing that pays, when they run on the CPU.
 * Each walks the whole graph; without them a training session is made in two thirds of the time (docs/experiments.md).
 * Equal operations are merged by our own GraphBuilder.
 */
export const IDLE_ON_CPU: readonly string[] = [
  'AttentionFusion',
  'BiasDropoutFusion',
  'BiasGeluFusion',
  'BiasSkipLayerNormFusion',
  'BiasSoftmaxFusion',
  'CommonSubexpressionElimination',
  'ConstantSharing',
  'DoubleQDQPairsRemover',
  'DynamicQuantizeMatMulFusion',
  'EmbedLayerNormFusion',
  'EnsureUniqueDQForNodeUnit',
  'FastGeluFusion',
  'FreeDimensionOverrideTransformer',
  'GatherToSliceFusion',
  'GeluFusionL1',
  'GeluFusionL2',
  'GemmActivationFusion',
  'GroupQueryAttentionFusion',
  'GroupQueryAttentionPreNormFusion',
  'LayerNormFusionL1',
  'LayerNormFusionL2',
  'MatMulActivationFusion',
  'MatMulIntegerToFloatFusion',
  'MatMulNBitsFusion',
  'MatMulScaleFusion',
  'NhwcTransformer',
  'QDQFinalCleanupTransformer',
  'QDQPropagationTransformer',
  'QDQS8ToU8Transformer',
  'QDQSelectorActionTransformer',
  'ReshapeFusion',
  'SimplifiedLayerNormFusion',
  'SkipLayerNormFusion',
  'SliceConcatToSpaceToDepthFusion',
  'TransposeOptimizer',
  'TransposeOptimizer_CPUExecutionProvider',
  'WeightBiasQuantization',
  'WhereDummyDq',
];
