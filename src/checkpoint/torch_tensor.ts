/**
 * PyTorch's tensors as their pickles describe them: a window with strides on a
 * storage that others may share.
 *
 * @module
 */
import { elementCount } from "../tensor.ts";
import { ELEMENT_BYTES } from "./dtype.ts";
import { shown } from "./messages.ts";
import { PickleGlobal } from "./pickle.ts";
import type { WeightDtype, WeightInfo } from "./weights.ts";

/** More dimensions than any tensor has. */
const MAX_DIMENSIONS = 16;
/** Elements that a tensor may have beyond those of its storage, by repeating them (stride 0). */
const MAX_EXPANDED_ELEMENTS = 1 << 24;

/** A storage: bytes that tensors lie in. */
export class TorchStorage {
  /** Its name in the file. */
  readonly key: string;
  /** Element type; undefined if its tensors say it. */
  readonly dtype: WeightDtype | undefined;
  /** Where this view starts in the storage of that key. */
  readonly startByte: number;
  /** Bytes of this view. */
  readonly byteLength: number;
  /** Bytes of the whole storage. */
  readonly totalBytes: number;

  /** A view of a storage. @param key Name. @param dtype Element type. @param extent The other fields. */
  constructor(
    key: string,
    dtype: WeightDtype | undefined,
    extent: { startByte: number; byteLength: number; totalBytes: number },
  ) {
    this.key = key;
    this.dtype = dtype;
    this.startByte = extent.startByte;
    this.byteLength = extent.byteLength;
    this.totalBytes = extent.totalBytes;
  }
}

/** A tensor within a storage. */
export class TorchTensor implements WeightInfo {
  readonly dtype: WeightDtype;
  readonly shape: readonly number[];
  /** Elements from one index to the next, of each dimension. */
  readonly strides: readonly number[];
  /** Storage that holds the elements. */
  readonly storage: TorchStorage;
  /** First byte of the first element, in the storage of that key. */
  readonly startByte: number;
  /** Bytes from the first element to the end of the last. */
  readonly byteLength: number;

  /** A tensor in a storage. @throws {RangeError} If the elements do not lie within the storage. */
  constructor(
    storage: TorchStorage,
    geometry: { dtype: WeightDtype; offset: number; shape: number[]; strides: number[] },
  ) {
    const { dtype, offset, shape, strides } = geometry;
    const itemBytes = ELEMENT_BYTES[dtype];
    const span = shape.includes(0)
      ? 0
      : 1 + shape.reduce((sum, length, axis) => sum + (length - 1) * strides[axis]!, 0);
    const capacity = Math.floor(storage.byteLength / itemBytes);
    if (offset + span > capacity) {
      throw new RangeError(
        `a tensor takes elements ${offset} to ${offset + span} of a storage of ${capacity}`,
      );
    }
    if (elementCount(shape) > Math.max(capacity, MAX_EXPANDED_ELEMENTS)) {
      throw new RangeError(
        `a tensor of shape [${shape}] lies in a storage of ${capacity} elements`,
      );
    }
    this.storage = storage;
    this.dtype = dtype;
    this.shape = shape;
    this.strides = strides;
    this.startByte = storage.startByte + offset * itemBytes;
    this.byteLength = span * itemBytes;
  }
}

/**
 * Elements in row-major order.
 *
 * @param span The elements from the tensor's first to its last.
 * @param tensor Their order.
 */
export function gather(span: Float32Array, tensor: TorchTensor): Float32Array {
  const { shape, strides } = tensor;
  if (isRowMajor(tensor)) return span;
  const target = new Float32Array(elementCount(shape));
  if (target.length === 0) return target;
  const innerLength = shape.at(-1)!;
  const innerStride = strides.at(-1)!;
  const index = shape.map(() => 0);
  let source = 0;
  for (let written = 0; written < target.length;) {
    for (let i = 0; i < innerLength; i++) target[written++] = span[source + i * innerStride]!;
    for (let axis = shape.length - 2; axis >= 0; axis--) {
      source += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      source -= index[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return target;
}

function isRowMajor({ shape, strides }: TorchTensor): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}

/** PyTorch's names of the element types. */
const DTYPES: Readonly<Record<string, WeightDtype>> = {
  float64: "F64",
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int64: "I64",
  int32: "I32",
  int16: "I16",
  int8: "I8",
  uint64: "U64",
  uint32: "U32",
  uint16: "U16",
  uint8: "U8",
  bool: "BOOL",
};

/** Classes of storages, by their element type. */
const STORAGE_CLASSES: Readonly<Record<string, WeightDtype>> = {
  DoubleStorage: "F64",
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
};

/** A class of storages, or an element type. */
class TorchType extends PickleGlobal {
  readonly dtype: WeightDtype | undefined;
  constructor(name: string, dtype: WeightDtype | undefined) {
    super(name);
    this.dtype = dtype;
  }
}

/** All that the pickle of a state dict may name. */
export const TORCH_GLOBALS: ReadonlyMap<string, PickleGlobal> = new Map(
  [
    new PickleGlobal("collections.OrderedDict", makeOrderedDict),
    new PickleGlobal("torch.Size", ([lengths]) => lengths),
    new PickleGlobal("torch._utils._rebuild_tensor", rebuildTensor),
    new PickleGlobal("torch._utils._rebuild_tensor_v2", rebuildTensor),
    new PickleGlobal("torch._utils._rebuild_tensor_v3", rebuildTensorOfType),
    new PickleGlobal("torch._utils._rebuild_parameter", ([tensor]) => tensor),
    new PickleGlobal("torch._utils._rebuild_parameter_with_state", ([tensor]) => tensor),
    new TorchType("torch.storage.UntypedStorage", undefined),
    ...Object.entries(DTYPES).map(([name, dtype]) => new TorchType(`torch.${name}`, dtype)),
    ...Object.entries(STORAGE_CLASSES).flatMap(([name, dtype]) => [
      new TorchType(`torch.${name}`, dtype),
      new TorchType(`torch.cuda.${name}`, dtype),
    ]),
  ].map((known) => [known.name, known]),
);

/**
 * A storage from what a pickle says of it: `("storage", class, key, location,
 * length)`, and in the old format the place of a view, or none.
 *
 * @throws {TypeError} If it says something else.
 */
export function storageFrom(id: unknown): TorchStorage {
  if (!Array.isArray(id) || id[0] !== "storage") {
    throw new TypeError("it refers to something that is not a storage");
  }
  const [, type, key, , length, view = null] = id;
  if (!(type instanceof TorchType) || typeof key !== "string" || !isLength(length)) {
    throw new TypeError("it describes a storage wrongly");
  }
  const itemBytes = type.dtype ? ELEMENT_BYTES[type.dtype] : 1;
  const [, offset, viewLength] = view === null ? [null, 0, length] : view as unknown[];
  if (!isLength(offset) || !isLength(viewLength) || offset + viewLength > length) {
    throw new TypeError("it describes the view of a storage wrongly");
  }
  return new TorchStorage(key, type.dtype, {
    startByte: offset * itemBytes,
    byteLength: viewLength * itemBytes,
    totalBytes: length * itemBytes,
  });
}

function makeOrderedDict([pairs]: readonly unknown[]): Map<unknown, unknown> {
  if (pairs !== undefined) throw new TypeError("it fills an OrderedDict as PyTorch never does");
  return new Map();
}

function rebuildTensor([storage, offset, shape, strides]: readonly unknown[]): TorchTensor {
  const dtype = storage instanceof TorchStorage ? storage.dtype : undefined;
  return makeTensor(storage, { dtype, offset, shape, strides });
}

function rebuildTensorOfType(args: readonly unknown[]): TorchTensor {
  const [storage, offset, shape, strides, , , type] = args;
  const dtype = type instanceof TorchType ? type.dtype : undefined;
  return makeTensor(storage, { dtype, offset, shape, strides });
}

function makeTensor(
  storage: unknown,
  geometry: { dtype: WeightDtype | undefined; offset: unknown; shape: unknown; strides: unknown },
): TorchTensor {
  const { dtype, offset, shape, strides } = geometry;
  if (!(storage instanceof TorchStorage) || !dtype || !isLength(offset)) {
    throw new TypeError("it makes a tensor of what is not a storage, a type and an offset");
  }
  if (!isLengths(shape) || !isLengths(strides) || shape.length !== strides.length) {
    throw new TypeError(`it makes a tensor of shape ${shown(shape)}, strides ${shown(strides)}`);
  }
  return new TorchTensor(storage, { dtype, offset, shape, strides });
}

function isLength(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isLengths(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= MAX_DIMENSIONS && value.every(isLength);
}
