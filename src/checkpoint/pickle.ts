/**
 * An unpickler that can execute nothing: a stack machine for the opcodes that
 * PyTorch writes, with names resolved in a list its caller gives. Anything
 * else is refused by name. Work and memory are linear in the bytes read.
 *
 * @module
 */
import { CheckpointError } from "../errors.ts";
import { shown } from "./messages.ts";

/** Values that stack and memo hold at most; a state dict of a thousand tensors needs 30 000. */
const MAX_ITEMS = 2_000_000;

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What a pickle may name. */
export class PickleGlobal {
  /** Module and name, as in `torch._utils._rebuild_tensor_v2`. */
  readonly name: string;
  /** Does the work of Python's callable; absent if it is not for calling. */
  readonly call: ((args: readonly unknown[]) => unknown) | undefined;

  /** Something of this name. @param name Module and name. @param call Work of the callable. */
  constructor(name: string, call?: (args: readonly unknown[]) => unknown) {
    this.name = name;
    this.call = call;
  }
}

/** What a pickle is read with. */
export interface UnpickleOptions {
  /** File the bytes are from, for messages. */
  path: string;
  /** All that the pickle may name, by `module.name`. @default {none} */
  globals?: ReadonlyMap<string, PickleGlobal>;
  /** Resolves what the pickle refers to outside itself. @default {refuses} */
  persistentLoad?: (id: unknown) => unknown;
}

/** A pickle that goes on after the given bytes. */
export class PickleEndError extends CheckpointError {
  /** Tells it from other damage. */
  override name = "PickleEndError";
}

/**
 * Reads one pickle from the start of `bytes`. Lists and tuples become arrays,
 * dicts become maps, whole numbers become `number` or, beyond 2^53, `bigint`.
 *
 * @returns The value, and how many bytes the pickle takes.
 * @throws {CheckpointError} If the pickle is damaged or asks for what is not allowed.
 */
export function unpickle(
  bytes: Uint8Array,
  options: UnpickleOptions,
): { value: unknown; byteLength: number } {
  const machine = new Machine(bytes, options);
  while (!machine.stopped) {
    const opcode = machine.byte();
    const operation = OPERATIONS.get(opcode);
    if (!operation) {
      throw machine.error(
        `opcode 0x${opcode.toString(16)} at byte ${
          machine.position - 1
        } is none that PyTorch writes`,
      );
    }
    operation(machine);
  }
  return { value: machine.pop(), byteLength: machine.position };
}

class Machine {
  position = 0;
  stopped = false;
  readonly memo = new Map<number, unknown>();
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #options: UnpickleOptions;
  readonly #stack: unknown[] = [];
  readonly #marks: number[] = [];

  constructor(bytes: Uint8Array, options: UnpickleOptions) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#options = options;
  }

  error(reason: string): CheckpointError {
    const { path } = this.#options;
    return new CheckpointError(`Cannot read the pickle in ${path} because ${reason}`, { path });
  }

  /** Takes bytes, and returns where they start. */
  #take(byteLength: number): number {
    const start = this.position;
    if (start + byteLength > this.#bytes.length) {
      const { path } = this.#options;
      throw new PickleEndError(
        `Cannot read the pickle in ${path} because it is cut short at byte ${this.#bytes.length}`,
        { path },
      );
    }
    this.position += byteLength;
    return start;
  }

  byte(): number {
    return this.#bytes[this.#take(1)]!;
  }

  uint16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  uint64(): number {
    return Number(this.#view.getBigUint64(this.#take(8), true));
  }

  float64(): number {
    return this.#view.getFloat64(this.#take(8), false);
  }

  /** Two's complement, little-endian. */
  integer(byteLength: number): number | bigint {
    const start = this.#take(byteLength);
    let value = 0n;
    for (let i = byteLength - 1; i >= 0; i--) {
      value = (value << 8n) | BigInt(this.#bytes[start + i]!);
    }
    value = BigInt.asIntN(8 * byteLength, value);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  text(byteLength: number): string {
    const start = this.#take(byteLength);
    try {
      return UTF8.decode(this.#bytes.subarray(start, start + byteLength));
    } catch {
      throw this.error(`the text at byte ${start} is not UTF-8`);
    }
  }

  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.position);
    const text = this.text((end < 0 ? this.#bytes.length : end) - this.position);
    this.#take(1);
    return text;
  }

  push(value: unknown) {
    if (this.#stack.length >= MAX_ITEMS) throw this.error(`it stacks over ${MAX_ITEMS} values`);
    this.#stack.push(value);
  }

  pop(): unknown {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) {
      throw this.error(`it takes a value that is not there, before byte ${this.position}`);
    }
    return this.#stack.pop();
  }

  top(): unknown {
    const value = this.pop();
    this.#stack.push(value);
    return value;
  }

  mark() {
    if (this.#marks.length >= MAX_ITEMS) throw this.error(`it sets over ${MAX_ITEMS} marks`);
    this.#marks.push(this.#stack.length);
  }

  popToMark(): unknown[] {
    const mark = this.#marks.pop();
    if (mark === undefined) {
      throw this.error(`it takes a mark that is not there, before byte ${this.position}`);
    }
    return this.#stack.splice(mark);
  }

  put(index: number) {
    if (this.memo.size >= MAX_ITEMS) throw this.error(`it remembers over ${MAX_ITEMS} values`);
    this.memo.set(index, this.top());
  }

  get(index: number) {
    if (!this.memo.has(index)) throw this.error(`it recalls value ${index}, never remembered`);
    this.push(this.memo.get(index));
  }

  global(module: unknown, name: unknown) {
    if (typeof module !== "string" || typeof name !== "string") {
      throw this.error("it asks for a name that is not text");
    }
    const known = this.#options.globals?.get(`${module}.${name}`);
    if (!known) {
      throw this.error(
        `it asks for ${shown(`${module}.${name}`)}, which weights have no need of; ` +
          "if you trust the file, load it in PyTorch and save the model as safetensors",
      );
    }
    this.push(known);
  }

  reduce() {
    const args = this.pop();
    const callable = this.pop();
    if (!(callable instanceof PickleGlobal) || !callable.call || !Array.isArray(args)) {
      const name = callable instanceof PickleGlobal ? callable.name : typeof callable;
      throw this.error(`it calls what cannot be called: ${shown(name)}`);
    }
    this.push(callable.call(args));
  }

  persistentId() {
    const id = this.pop();
    const { persistentLoad } = this.#options;
    if (!persistentLoad) throw this.error("it refers to an object outside itself");
    this.push(persistentLoad(id));
  }

  extendList(values: readonly unknown[]) {
    const list = this.top();
    if (!Array.isArray(list)) throw this.error("it appends to what is not a list");
    for (const value of values) list.push(value);
  }

  extendDict(items: readonly unknown[]) {
    const dict = this.top();
    if (!(dict instanceof Map)) throw this.error("it sets an item of what is not a dict");
    if (items.length % 2) throw this.error("it sets a key without a value");
    for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
  }

  /** Attributes: state dicts carry `_metadata`, which no weight depends on. */
  build() {
    this.pop();
    if (!(this.top() instanceof Map)) throw this.error("it sets attributes of what is not a dict");
  }

  popPair(): unknown[] {
    const second = this.pop();
    return [this.pop(), second];
  }

  popTriple(): unknown[] {
    const third = this.pop();
    return [...this.popPair(), third];
  }
}

function protocol(machine: Machine) {
  const version = machine.byte();
  if (version < 2 || version > 5) {
    throw machine.error(`supported are protocols 2 to 5: it is of ${version}`);
  }
}

/** By the names of Python's `pickletools`. */
const OPERATIONS: ReadonlyMap<number, (machine: Machine) => void> = new Map([
  [0x80, protocol], // PROTO
  [0x95, (m) => m.uint64()], // FRAME
  [0x2e, (m) => m.stopped = true], // STOP

  [0x4e, (m) => m.push(null)], // NONE
  [0x88, (m) => m.push(true)], // NEWTRUE
  [0x89, (m) => m.push(false)], // NEWFALSE
  [0x4b, (m) => m.push(m.byte())], // BININT1
  [0x4d, (m) => m.push(m.uint16())], // BININT2
  [0x4a, (m) => m.push(m.int32())], // BININT
  [0x8a, (m) => m.push(m.integer(m.byte()))], // LONG1
  [0x47, (m) => m.push(m.float64())], // BINFLOAT
  [0x58, (m) => m.push(m.text(m.uint32()))], // BINUNICODE
  [0x8c, (m) => m.push(m.text(m.byte()))], // SHORT_BINUNICODE

  [0x28, (m) => m.mark()], // MARK
  [0x29, (m) => m.push([])], // EMPTY_TUPLE
  [0x85, (m) => m.push([m.pop()])], // TUPLE1
  [0x86, (m) => m.push(m.popPair())], // TUPLE2
  [0x87, (m) => m.push(m.popTriple())], // TUPLE3
  [0x74, (m) => m.push(m.popToMark())], // TUPLE
  [0x5d, (m) => m.push([])], // EMPTY_LIST
  [0x61, (m) => m.extendList([m.pop()])], // APPEND
  [0x65, (m) => m.extendList(m.popToMark())], // APPENDS
  [0x7d, (m) => m.push(new Map())], // EMPTY_DICT
  [0x73, (m) => m.extendDict(m.popPair())], // SETITEM
  [0x75, (m) => m.extendDict(m.popToMark())], // SETITEMS

  [0x71, (m) => m.put(m.byte())], // BINPUT
  [0x72, (m) => m.put(m.uint32())], // LONG_BINPUT
  [0x94, (m) => m.put(m.memo.size)], // MEMOIZE
  [0x68, (m) => m.get(m.byte())], // BINGET
  [0x6a, (m) => m.get(m.uint32())], // LONG_BINGET

  [0x63, (m) => m.global(m.line(), m.line())], // GLOBAL
  [0x93, (m) => m.global(...m.popPair() as [unknown, unknown])], // STACK_GLOBAL
  [0x52, (m) => m.reduce()], // REDUCE
  [0x62, (m) => m.build()], // BUILD
  [0x51, (m) => m.persistentId()], // BINPERSID
]);
