import { PickleEndError, PickleGlobal, unpickle } from "../../src/checkpoint/pickle.ts";
import { CheckpointError } from "../../src/errors.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { concat, op } from "./files.ts";

function load(...parts: readonly (readonly number[])[]): unknown {
  return unpickle(concat(op.proto, ...parts), { path: "x.pkl" }).value;
}

Deno.test("unpickle() reads Python's plain values", () => {
  assertEquals(load(op.none, op.stop), null);
  assertEquals(load(op.int(-5), op.stop), -5);
  assertEquals(load(op.long(0xff), op.stop), -1);
  assertEquals(load(op.long(), op.stop), 0);
  assertEquals(load(op.long(0, 0, 0, 0, 0, 0, 0, 0x7f), op.stop), 0x7f00000000000000n);
  assertEquals(load(op.text("größe"), op.stop), "größe");
  assertEquals(load([0x47, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], op.stop), 1.5);
  const dict = [...op.emptyDict, ...op.mark, ...op.text("a"), ...op.int(1), ...op.setItems];
  assertEquals(load(dict, op.stop), new Map([["a", 1]]));
  const list = [...op.emptyList, ...op.mark, ...op.int(1), ...op.int(2), ...op.appends];
  assertEquals(load(list, op.stop), [1, 2]);
});

Deno.test("unpickle() says where a pickle ends, and when it does not", () => {
  const bytes = concat(op.proto, op.int(7), op.stop, [1, 2, 3]);
  assertEquals(unpickle(bytes, { path: "x" }), { value: 7, byteLength: 8 });
  for (let length = 0; length < 8; length++) {
    assertThrows(() => unpickle(bytes.subarray(0, length), { path: "x" }), PickleEndError);
  }
});

Deno.test("unpickle() calls what is allowed, and only that", () => {
  const globals = new Map([
    ["m.add", new PickleGlobal("m.add", ([a, b]) => (a as number) + (b as number))],
    ["m.TYPE", new PickleGlobal("m.TYPE")],
  ]);
  const call = (name: string) =>
    unpickle(
      concat(op.proto, op.global("m", name), op.int(1), op.int(2), op.tuple2, op.reduce, op.stop),
      { path: "x", globals },
    ).value;
  assertEquals(call("add"), 3);
  assertThrows(() => call("TYPE"), CheckpointError, `cannot be called: "m.TYPE"`);
  assertThrows(() => call("sub"), CheckpointError, `it asks for "m.sub"`);
});

const command = [...op.text("echo owned"), ...op.tuple1, ...op.reduce, ...op.stop];
const HOSTILE: Record<string, [pickle: (readonly number[])[], reason: string]> = {
  "imports os.system": [[op.global("os", "system"), command], `it asks for "os.system"`],
  "imports builtins.eval": [[op.global("builtins", "eval"), command], `"builtins.eval"`],
  "imports by stack": [
    [op.text("posix"), op.text("system"), op.stackGlobal, command],
    `"posix.system"`,
  ],
  "imports a name that is a list": [
    [op.emptyList, op.text("system"), op.stackGlobal, command],
    "name that is not text",
  ],
  "calls a string": [[op.text("eval"), command], `cannot be called: "string"`],
  "calls with arguments that are no tuple": [
    [op.text("f"), op.none, op.reduce, op.stop],
    "cannot be called",
  ],
  "makes an object by NEWOBJ": [[op.text("f"), op.emptyTuple, [0x81]], "opcode 0x81"],
  "makes an object by INST": [[[0x69]], "opcode 0x69"],
  "makes an object by OBJ": [[op.mark, [0x6f]], "opcode 0x6f"],
  "uses the extension registry": [[[0x82, 1]], "opcode 0x82"],
  "writes an integer as text": [[[0x49]], "opcode 0x49"],
  "announces a LONG4 of 2 GB": [[[0x8b, 255, 255, 255, 127]], "opcode 0x8b"],
  "announces a text of 4 GB": [[[0x58, 255, 255, 255, 255, 65]], "cut short"],
  "is of protocol 9": [[[0x80, 9]], "it is of 9"],
  "has text that is not UTF-8": [[[0x8c, 1, 0xff], op.stop], "not UTF-8"],
  "stops with an empty stack": [[op.stop], "value that is not there"],
  "takes values below its mark": [
    [op.int(1), op.mark, op.int(2), op.append, op.stop],
    "value that is not there",
  ],
  "takes a mark that is not there": [[op.int(1), op.tuple, op.stop], "mark that is not there"],
  "recalls what it never remembered": [[op.get(3), op.stop], "value 3"],
  "appends to a dict": [[op.emptyDict, op.int(1), op.append, op.stop], "not a list"],
  "sets an item of a list": [
    [op.emptyList, op.int(1), op.int(1), op.setItem, op.stop],
    "not a dict",
  ],
  "sets a key without value": [
    [op.emptyDict, op.mark, op.int(1), op.setItems, op.stop],
    "key without a value",
  ],
  "sets attributes of a list": [[op.emptyList, op.emptyDict, op.build, op.stop], "attributes"],
  "refers outside itself": [[op.int(1), op.persistentId, op.stop], "outside itself"],
};

for (const [what, [parts, reason]] of Object.entries(HOSTILE)) {
  Deno.test(`unpickle() refuses a pickle that ${what}`, () => {
    assertThrows(() => load(...parts), CheckpointError, reason);
  });
}

Deno.test("unpickle() bounds stack, marks and memo", () => {
  const repeat = (instruction: readonly number[]) =>
    new Uint8Array(2_000_002 * instruction.length).map((_, i) =>
      instruction[i % instruction.length]!
    );
  const run = (bytes: Uint8Array) => () => unpickle(bytes, { path: "x" });
  assertThrows(run(repeat(op.none)), CheckpointError, "stacks over");
  assertThrows(run(repeat(op.mark)), CheckpointError, "marks");
  const memo = repeat(op.none).fill(0x94); // MEMOIZE
  memo[0] = 0x4e;
  assertThrows(run(memo), CheckpointError, "remembers over");
});

Deno.test("unpickle() does not unfold what refers to itself", () => {
  // Each level holds the one before twice: 2^200 values if anyone counted them.
  const levels = Array.from({ length: 200 }, (_, i) => [
    ...[...op.emptyList, ...op.put(i), ...op.mark],
    ...[...op.get(Math.max(0, i - 1)), ...op.get(Math.max(0, i - 1)), ...op.appends],
  ]);
  const value = load(...levels, op.stop);
  assertEquals(Array.isArray(value), true);
});
