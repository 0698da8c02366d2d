import { openTorchBin } from "../../src/checkpoint/torch_bin.ts";
import { CheckpointError } from "../../src/errors.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import {
  concat,
  op,
  statePickle,
  TemporaryFolder,
  tensorPickle,
  type TensorPickleOptions,
  torchZip,
  zip,
} from "./files.ts";
import { assertHoldsFixture, fixture, fixtureNames } from "./fixtures.ts";

for (const name of fixtureNames(".bin")) {
  Deno.test(`openTorchBin() reads ${name} as PyTorch wrote it`, async () => {
    await using store = await openTorchBin(fixture(name));
    await assertHoldsFixture(store, name);
  });
}

Deno.test("openTorchBin() refuses what PyTorch wrote but is not a state dict", async () => {
  await assertRejects(
    () => openTorchBin(fixture("training.bin")),
    CheckpointError,
    `no tensors but ["model","step"]`,
  );
  await assertRejects(
    () => openTorchBin(fixture("module.bin")),
    CheckpointError,
    `it asks for "__main__.Network"`,
  );
});

Deno.test("openTorchBin() reads a file made here", async () => {
  await using folder = new TemporaryFolder();
  const pickle = statePickle(tensorPickle({ shape: [2, 2], strides: [1, 2] }));
  const path = await folder.write("x.bin", torchZip(pickle));
  await using store = await openTorchBin(path);
  assertEquals(await store.read("w"), new Float32Array([1, 3, 2, 4]));
  await assertRejects(() => store.read("v"), CheckpointError, `no tensor of that name: "v"`);
});

Deno.test("WeightStore.read() checks the checksum of a whole storage", async () => {
  await using folder = new TemporaryFolder();
  const path = await folder.write("x.bin", torchZip(statePickle(tensorPickle()), { crc: 1 }));
  await using store = await openTorchBin(path);
  await assertRejects(() => store.read("w"), CheckpointError, "checksum of the 16 bytes");
});

Deno.test("openTorchBin() refuses a zip64 directory beyond what a number can say", async () => {
  await using folder = new TemporaryFolder();
  const bytes = await Deno.readFile(fixture("weight_norm_zip.bin"));
  const locator = bytes.findLastIndex((_, at) =>
    LOCATOR.every((byte, i) => bytes[at + i] === byte)
  );
  bytes[locator + LOCATOR_OFFSET_AT + 7] = 7; // 7 * 2^56
  const path = await folder.write("x.bin", bytes);
  await assertRejects(() => openTorchBin(path), CheckpointError, "as zip because of");
});

/** How the locator of a zip64 directory begins, and where in it the offset lies. */
const LOCATOR = [0x50, 0x4b, 0x06, 0x07];
const LOCATOR_OFFSET_AT = 8;

const sound = statePickle(tensorPickle());
const call = (module: string, name: string) =>
  concat(op.proto, op.global(module, name), op.text("x"), op.tuple1, op.reduce, op.stop);
const tensor = (options: TensorPickleOptions) => torchZip(statePickle(tensorPickle(options)));

const HOSTILE: Record<string, [file: Uint8Array, reason: string]> = {
  "is empty": [new Uint8Array(0), "neither a zip file nor"],
  "is text": [new TextEncoder().encode("hello, world"), "neither a zip file nor"],
  "imports os.system": [torchZip(call("os", "system")), `it asks for "os.system"`],
  "imports builtins.eval": [torchZip(call("builtins", "eval")), `"builtins.eval"`],
  "imports torch.load": [torchZip(call("torch", "load")), `"torch.load"`],
  "imports an attribute of an allowed module": [
    torchZip(call("torch._utils", "_import_dotted_name")),
    `"torch._utils._import_dotted_name"`,
  ],
  "calls a type": [torchZip(call("torch", "float32")), `cannot be called: "torch.float32"`],
  "fills an OrderedDict from an argument": [
    torchZip(call("collections", "OrderedDict")),
    "fills an OrderedDict",
  ],
  "holds a list": [torchZip(concat(op.proto, op.emptyList, op.stop)), "else than a state dict"],
  "has a storage shorter than said": [tensor({ elements: 5 }), "has 16 bytes where 20"],
  "has a tensor beyond its storage": [tensor({ shape: [5] }), "elements 0 to 5 of a storage of 4"],
  "has a tensor that starts beyond its storage": [tensor({ offset: 4 }), "4 to 8"],
  "has strides beyond its storage": [tensor({ shape: [2], strides: [4] }), "0 to 5"],
  "has a negative offset": [tensor({ offset: -1 }), "makes a tensor of what is not"],
  "has a negative length": [tensor({ shape: [-4] }), "shape [-4]"],
  "has a negative stride": [tensor({ strides: [-1] }), "strides [-1]"],
  "has more strides than dimensions": [tensor({ strides: [1, 1] }), "strides [1,1]"],
  "has a negative storage": [tensor({ elements: -1 }), "describes a storage wrongly"],
  "has a tensor of 4 G elements in a storage of four": [
    tensor({ shape: [65536, 65536], strides: [0, 0] }),
    "lies in a storage of 4",
  ],
  "has a hundred dimensions": [
    tensor({ shape: Array(100).fill(1), strides: Array(100).fill(1) }),
    "makes a tensor of shape",
  ],
  "has no pickle": [zip([{ name: "archive/data/0", data: new Uint8Array(4) }]), "data.pkl"],
  "has two pickles": [
    zip([{ name: "a/data.pkl", data: sound }, { name: "b/data.pkl", data: sound }]),
    "there are 2",
  ],
  "has a pickle with a wrong checksum": [
    zip([{ name: "a/data.pkl", data: sound, crc: 5 }]),
    "checksum",
  ],
  "has no storages": [zip([{ name: "a/data.pkl", data: sound }]), "has 0 bytes where 16"],
  "is big-endian": [
    zip([
      { name: "a/data.pkl", data: sound },
      { name: "a/byteorder", data: new TextEncoder().encode("big") },
    ]),
    "byte order",
  ],
  "has a compressed entry": [torchZip(sound, { method: 8 }), `compressed or encrypted`],
  "has two sizes for an entry": [torchZip(sound, { compressedSize: 8 }), "size mismatch"],
  "has an entry beyond its end": [torchZip(sound, { size: 1 << 20 }), "overflows file bounds"],
  "has a header beyond its end": [torchZip(sound, { offset: 1 << 20 }), "as zip because of"],
  "has an entry twice": [torchZip(sound, { name: "archive/data.pkl" }), "second entry"],
  "has a name that climbs": [torchZip(sound, { name: "../../etc/passwd" }), "relative path"],
  "has an absolute name": [torchZip(sound, { name: "/etc/passwd" }), "absolute path"],
  "has a name with a backslash": [torchZip(sound, { name: "a\\..\\b" }), "invalid characters"],
};

for (const [what, [bytes, reason]] of Object.entries(HOSTILE)) {
  Deno.test(`openTorchBin() refuses a file that ${what}`, async () => {
    await using folder = new TemporaryFolder();
    const path = await folder.write("x.bin", bytes);
    const error = await assertRejects(() => openTorchBin(path), CheckpointError, reason);
    assertEquals(error.path, path);
  });
}

const legacyHead = concat(
  ...[op.proto, op.long(0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19), op.stop],
  ...[op.proto, op.int(1001), op.stop],
);
const littleEndian = [...op.emptyDict, ...op.text("little_endian"), 0x88, ...op.setItem];
const legacyState = statePickle(tensorPickle({ isLegacy: true }));
const system = concat(op.proto, littleEndian, op.stop);
const keys = (...names: string[]) =>
  concat(op.proto, op.emptyList, op.mark, ...names.map(op.text), op.appends, op.stop);
const storage = (count: number) =>
  concat([count, 0, 0, 0, 0, 0, 0, 0], new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer));

Deno.test("openTorchBin() reads an old-format file made here", async () => {
  await using folder = new TemporaryFolder();
  const bytes = concat(legacyHead, system, legacyState, keys("0"), storage(4));
  await using store = await openTorchBin(await folder.write("x.bin", bytes));
  assertEquals(await store.read("w"), new Float32Array([1, 2, 3, 4]));
});

const LEGACY: Record<string, [file: Uint8Array, reason: string]> = {
  "has another version": [
    concat(legacyHead.slice(0, -6), op.int(7), op.stop),
    "its format has version 7",
  ],
  "is big-endian": [concat(legacyHead, op.proto, op.emptyDict, op.stop), "byte order"],
  "imports os.system": [concat(legacyHead, system, call("os", "system")), `"os.system"`],
  "lists an unknown storage": [
    concat(legacyHead, system, legacyState, keys("1"), storage(4)),
    `lists storage "1" wrongly`,
  ],
  "lists a storage twice": [
    concat(legacyHead, system, legacyState, keys("0", "0"), storage(4)),
    `lists storage "0" wrongly`,
  ],
  "lists no storage": [concat(legacyHead, system, legacyState, keys()), "has 0 bytes where 16"],
  "gives a storage two lengths": [
    concat(legacyHead, system, legacyState, keys("0"), storage(5)),
    "has 5 elements, or 16 bytes",
  ],
  "ends within a storage": [
    concat(legacyHead, system, legacyState, keys("0"), storage(4).slice(0, 20)),
    "ends after the file",
  ],
};

for (const [what, [bytes, reason]] of Object.entries(LEGACY)) {
  Deno.test(`openTorchBin() refuses an old-format file that ${what}`, async () => {
    await using folder = new TemporaryFolder();
    const path = await folder.write("x.bin", bytes);
    await assertRejects(() => openTorchBin(path), CheckpointError, reason);
  });
}
