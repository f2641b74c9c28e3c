/** Collects the nodes and initializers of one ONNX model and serialises them. Knows ONNX, not our operations. */
import { create, toBinary } from '@bufbuild/protobuf';
import type { DType } from '../tensor/dtype';
import { floatToHalf } from '../tensor/half';
import type { HostTensor } from '../tensor/tensor';
import type { ValueType, WeightReference } from '../graph/graph';
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
  ValueInfoProtoSchema,
  type AttributeProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from './generated/onnx_pb';

/** ONNX 1.15: the first with Gelu. */
const OPSET = 20n;
const IR_VERSION = 9n;
/** Domain of ONNX Runtime's own operators. */
export const MICROSOFT = 'com.microsoft';

export const ELEMENT_TYPE: Readonly<Record<DType, DataType>> = {
  f32: DataType.FLOAT,
  f16: DataType.FLOAT16,
  bf16: DataType.BFLOAT16,
  i8: DataType.INT8,
  u8: DataType.UINT8,
  i32: DataType.INT32,
  i64: DataType.INT64,
  bool: DataType.BOOL,
};

/** A number is an INT, a list INTS, a string a STRING; a FLOAT is marked, since 1 could be either. */
export type Attribute = number | readonly number[] | string | { readonly float: number };

export class ModelWriter {
  readonly #nodes: NodeProto[] = [];
  readonly #initializers: TensorProto[] = [];
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  /** Names of initializers by what they hold, so that equal ones are written once. */
  readonly #shared = new Map<string, string>();
  readonly #weightFiles = new Set<string>();
  #next = 0;

  /** Keys of the files that the initializers refer to. */
  get weightFiles(): string[] {
    return [...this.#weightFiles];
  }

  /** A name no other value has. */
  fresh(): string {
    return `t${this.#next++}`;
  }

  /** Appends a node; an output named '' is not made. */
  node(
    opType: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = '',
  ): void {
    const used = outputs.findLastIndex((name) => name !== '');
    this.#nodes.push(
      create(NodeProtoSchema, {
        opType,
        name: `${opType}_${this.#nodes.length}`,
        input: [...inputs],
        output: outputs.slice(0, used + 1),
        attribute: Object.entries(attributes).map(([name, value]) => attributeProto(name, value)),
        ...(domain && { domain }),
      }),
    );
  }

  /** Appends a node with one fresh output, and returns its name. */
  step(opType: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string {
    const output = this.fresh();
    this.node(opType, inputs, [output], attributes);
    return output;
  }

  /** A one-dimensional i64 constant: shapes, axes, pads. */
  integers(values: readonly number[]): string {
    return this.#share(`i64 ${values.join(' ')}`, () =>
      this.constant({ dtype: 'i64', shape: [values.length], data: BigInt64Array.from(values, BigInt) }),
    );
  }

  /** A scalar float constant. */
  scalar(x: number, dtype: 'f32' | 'f16'): string {
    const data = dtype === 'f32' ? Float32Array.of(x) : Uint16Array.of(floatToHalf(x));
    return this.#share(`${dtype} ${x}`, () => this.constant({ dtype, shape: [], data }));
  }

  /** An initializer whose bytes are in the model. */
  constant(tensor: HostTensor): string {
    const name = this.fresh();
    const { buffer, byteOffset, byteLength } = tensor.data;
    this.#initializers.push(
      create(TensorProtoSchema, {
        name,
        dims: tensor.shape.map(BigInt),
        dataType: ELEMENT_TYPE[tensor.dtype],
        // Every platform ONNX Runtime runs on is little-endian, as the format asks.
        rawData: new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength),
      }),
    );
    return name;
  }

  /** An initializer whose bytes stay in their file; one for each span, however often it is asked for. */
  weight(reference: WeightReference, type: ValueType): string {
    const { file, offset, length } = reference;
    this.#weightFiles.add(file);
    return this.#share(JSON.stringify([file, offset, type.dtype, type.shape]), () => {
      const name = this.fresh();
      this.#initializers.push(
        create(TensorProtoSchema, {
          name,
          dims: type.shape.map(BigInt),
          dataType: ELEMENT_TYPE[type.dtype],
          dataLocation: DataLocation.EXTERNAL,
          externalData: [
            { key: 'location', value: file },
            { key: 'offset', value: String(offset) },
            { key: 'length', value: String(length) },
          ],
        }),
      );
      return name;
    });
  }

  input(name: string, type: ValueType): void {
    this.#inputs.push(valueInfo(name, type));
  }

  output(name: string, type: ValueType): void {
    this.#outputs.push(valueInfo(name, type));
  }

  /** The bytes of the ModelProto. */
  finish(): Uint8Array {
    const model = create(ModelProtoSchema, {
      irVersion: IR_VERSION,
      producerName: 'diptych',
      opsetImport: [
        { domain: '', version: OPSET },
        { domain: MICROSOFT, version: 1n },
      ],
      graph: {
        name: 'graph',
        node: this.#nodes,
        initializer: this.#initializers,
        input: this.#inputs,
        output: this.#outputs,
      },
    });
    return toBinary(ModelProtoSchema, model);
  }

  #share(key: string, make: () => string): string {
    let name = this.#shared.get(key);
    if (name === undefined) this.#shared.set(key, (name = make()));
    return name;
  }
}

function attributeProto(name: string, value: Attribute): AttributeProto {
  if (typeof value === 'number')
    return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) });
  if (typeof value === 'string')
    return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) });
  if ('float' in value) return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float });
  return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) });
}

function valueInfo(name: string, type: ValueType): ValueInfoProto {
  const tensorType = {
    elemType: ELEMENT_TYPE[type.dtype],
    shape: { dim: type.shape.map((extent) => ({ dimValue: BigInt(extent) })) },
  };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value: tensorType } } });
}
