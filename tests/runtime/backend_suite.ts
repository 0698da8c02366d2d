/** What every backend must do, as tests. */
import {
  affineGraph,
  affineRow,
  matrixModel,
  reshapeGraph,
  slowGraph,
  typesGraph,
  writeAffineFiles,
} from "./graphs.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../assert.ts";
import { BackendError } from "../../src/errors.ts";
import type { Backend, BackendOptions, GraphSession } from "../../src/runtime/backend.ts";
import type { WorkerBackend } from "../../src/runtime/worker_backend.ts";
import type { Tensor, TensorData } from "../../src/tensor.ts";

const TOLERANCE = 1e-4;
const SLOW_SIZE = 384;

type Open = (options?: BackendOptions) => Promise<WorkerBackend>;

/** Registers the tests of one backend. */
export function testBackend(
  name: string,
  open: Open,
  { ignore = false, productCount = 24 }: { ignore?: boolean; productCount?: number } = {},
): void {
  const test = (title: string, fn: (t: Deno.TestContext) => Promise<void>) =>
    Deno.test({ name: `${name} ${title}`, ignore, fn });

  test("runs graphs", async (t) => {
    await using backend = await open();
    await t.step("says what it is", () => assertFacts(backend, name));
    await t.step("computes", () => computes(backend));
    await t.step("takes and gives every element type", () => passesTypes(backend));
    await t.step("reads weights from files beside the model", () => readsFiles(backend));
    await t.step("reads big weights inside the model", () => readsInside(backend));
    await t.step("answers many calls in order", () => answersInOrder(backend));
    await t.step("keeps two graphs apart", () => keepsApart(backend));
    await t.step("survives a failing run", () => survivesFailingRun(backend));
    await t.step("survives a graph that does not load", () => survivesFailingLoad(backend));
    await t.step("refuses what does not fit", () => refusesMisfits(backend));
    await t.step("refuses a fixed dimension that differs", () => refusesOtherDimensions(backend));
    await t.step("releases a graph", () => releases(backend));
    await t.step("leaves the main thread free", () => leavesMainThreadFree(backend, productCount));
  });

  test("rejects pending and later calls once disposed", () => rejectsOnceDisposed(open));
  test("rejects pending and later calls once its worker failed", () => rejectsOnceDead(open));
  test("does not start when its signal is aborted", async () => {
    const reason = new DOMException("enough", "AbortError");
    const error = await assertRejects(() => open({ signal: AbortSignal.abort(reason) }));
    assertEquals(error as unknown, reason);
    const controller = new AbortController();
    const opening = open({ signal: controller.signal });
    controller.abort(reason);
    assertEquals(await assertRejects(() => opening) as unknown, reason);
  });
}

/** One row through {@linkcode affineGraph}, compared. */
export async function runAffine(session: GraphSession, row: readonly number[]): Promise<void> {
  const { y } = await session.run({ x: tensor(row, [1, 3]) }, ["y"]);
  assertEquals(y?.shape, [1, 2]);
  affineRow(row).forEach((expected, i) =>
    assert(Math.abs(Number(y?.data[i]) - expected) < TOLERANCE, `${y?.data} at ${i}: ${expected}`)
  );
}

function tensor(values: readonly number[], shape: readonly number[]): Tensor {
  return { data: new Float32Array(values), shape };
}

function identity(size: number): Tensor {
  const data = new Float32Array(size * size);
  for (let i = 0; i < size; i++) data[i * size + i] = 1;
  return { data, shape: [size, size] };
}

function assertFacts(backend: WorkerBackend, name: string): void {
  assertEquals<string>(backend.name, name);
  assert(backend.device.length > 0);
  assertEquals(backend.probe.state, "available");
  assertEquals(backend.busyMs, 0);
}

async function computes(backend: Backend): Promise<void> {
  await using session = await backend.load(affineGraph());
  assertEquals(session.inputNames, ["x"]);
  assertEquals(session.outputNames, ["y"]);
  assertEquals(session.inputs, [{ name: "x", dtype: "float32", shape: ["rows", 3] }]);
  const x = tensor([1, 2, 3, -1, 0, 0.25], [2, 3]);
  const { y } = await session.run({ x }, ["y"]);
  assertEquals(y?.shape, [2, 2]);
  assertEquals([...y?.data ?? []], [...affineRow([1, 2, 3]), ...affineRow([-1, 0, 0.25])]);
  assertEquals(x.data.length, 6, "feeds stay the caller's");
  assert(backend.busyMs > 0);
}

async function passesTypes(backend: Backend): Promise<void> {
  await using session = await backend.load(typesGraph());
  const feeds: Record<string, Tensor<TensorData>> = {
    long: { data: new BigInt64Array([1n, -5n, 1n << 40n]), shape: [3] },
    integer: { data: new Int32Array([1, -5, 7]), shape: [3] },
    flags: { data: new Uint8Array([1, 0, 1]), shape: [3] },
    bytes: { data: new Uint8Array([0, 128, 255]), shape: [3] },
  };
  const results = await session.run(feeds, ["doubled", "zero", "opposite", "same"]);
  assertEquals(results.doubled?.data, new BigInt64Array([2n, -10n, 1n << 41n]));
  assertEquals(results.zero?.data, new Int32Array(3));
  assertEquals(results.opposite?.data, new Uint8Array([0, 1, 0]));
  assertEquals(results.same?.data, new Uint8Array([0, 128, 255]));
}

async function readsFiles(backend: Backend): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const source = await writeAffineFiles(folder);
    await using session = await backend.load(source);
    await Deno.remove(folder, { recursive: true });
    await runAffine(session, [1, 2, 3]);
    await assertRejects(() => backend.load(source), BackendError, backend.name);
  } finally {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
}

async function readsInside(backend: Backend): Promise<void> {
  const weights = Float32Array.from({ length: 32 * 32 }, (_, i) => (i * 37 % 101) / 101 - 0.5);
  const model = matrixModel(weights, 32);
  const path = await Deno.makeTempFile({ suffix: ".onnx" });
  try {
    await Deno.writeFile(path, model);
    const sources = [
      { kind: "bytes", model },
      { kind: "file", path, externalDataPaths: [] },
    ] as const;
    for (const source of sources) {
      await using session = await backend.load(source);
      const { y } = await session.run({ x: identity(32) }, ["y"]);
      const worst = weights.reduce((w, v, i) => Math.max(w, Math.abs(v - Number(y?.data[i]))), 0);
      assert(worst < TOLERANCE, `off by ${worst}`);
    }
    assert(model.byteLength > weights.byteLength, "the caller's bytes are still there");
  } finally {
    await Deno.remove(path);
  }
}

async function answersInOrder(backend: Backend): Promise<void> {
  await using session = await backend.load(affineGraph());
  const order: number[] = [];
  await Promise.all(Array.from({ length: 12 }, async (_, i) => {
    await runAffine(session, [i, -i, 2 * i]);
    order.push(i);
  }));
  assertEquals(order, Array.from({ length: 12 }, (_, i) => i));
}

async function keepsApart(backend: Backend): Promise<void> {
  const [first, second] = await Promise.all([
    backend.load(affineGraph()),
    backend.load(slowGraph(2)),
  ]);
  const x = tensor([2, 0, 0, 2], [2, 2]);
  const [, { y }] = await Promise.all([
    runAffine(first, [1, 1, 1]),
    second.run({ x }, ["y"]),
    runAffine(first, [2, 2, 2]),
  ]);
  assertEquals([...y?.data ?? []], [8, 0, 0, 8]);
  await first[Symbol.asyncDispose]();
  await second.run({ x }, ["y"]);
  await second[Symbol.asyncDispose]();
}

async function survivesFailingRun(backend: Backend): Promise<void> {
  await using session = await backend.load(reshapeGraph());
  const x = tensor([1, 2, 3, 4, 5, 6], [6]);
  const run = async (rows: bigint, columns: bigint) => {
    const shape = { data: new BigInt64Array([rows, columns]), shape: [2] };
    return (await session.run({ x, shape }, ["y"])).y?.shape;
  };
  const [good, bad, later] = await Promise.allSettled([run(2n, 3n), run(4n, 4n), run(3n, 2n)]);
  assertEquals(good, { status: "fulfilled", value: [2, 3] });
  assert(bad.status === "rejected" && bad.reason instanceof BackendError);
  assertEquals(bad.reason.backend, backend.name);
  assertStringIncludes(bad.reason.message, `Cannot run a graph on backend "${backend.name}"`);
  assertEquals(later, { status: "fulfilled", value: [3, 2] });
}

async function survivesFailingLoad(backend: Backend): Promise<void> {
  const model = new Uint8Array([1, 2, 3]);
  const loading = [backend.load({ kind: "bytes", model }), backend.load(affineGraph())] as const;
  await assertRejects(() => loading[0], BackendError, `Cannot load a graph into backend`);
  await using session = await loading[1];
  await runAffine(session, [3, 2, 1]);
}

async function refusesMisfits(backend: Backend): Promise<void> {
  await using session = await backend.load(affineGraph());
  const x = tensor([1, 2, 3], [1, 3]);
  const refusals: [Record<string, Tensor<TensorData>>, string[], string][] = [
    [{}, ["y"], `input "x" is missing`],
    [{ x, z: x }, ["y"], `it has no input "z": it takes "x"`],
    [{ x }, ["z"], `it has no output "z": it gives "y"`],
    [{ x }, [], "no output was asked for"],
    [{ x: tensor([1, 2, 3], [3]) }, ["y"], `input "x" has shape [rows, 3]: [3]`],
    [{ x: tensor([1, 2], [1, 2]) }, ["y"], `input "x" has shape [1, 3]: [1, 2]`],
    [{ x: tensor([1, 2], [1, 3]) }, ["y"], "takes 3 elements: 2"],
    [{ x: { data: new Int32Array(3), shape: [1, 3] } }, ["y"], "takes a Float32Array: Int32Array"],
  ];
  for (const [feeds, fetches, words] of refusals) {
    await assertRejects(() => session.run(feeds, fetches), BackendError, words);
  }
  await runAffine(session, [1, 2, 3]);
}

async function refusesOtherDimensions(backend: Backend): Promise<void> {
  await using session = await backend.load(affineGraph(), { fixedDimensions: { rows: 1 } });
  await runAffine(session, [1, 2, 3]);
  const x = tensor([1, 2, 3, 4, 5, 6], [2, 3]);
  await assertRejects(() => session.run({ x }, ["y"]), BackendError, "[2, 3]");
}

async function releases(backend: Backend): Promise<void> {
  const session = await backend.load(affineGraph());
  await session[Symbol.asyncDispose]();
  await session[Symbol.asyncDispose]();
  const run = () => session.run({ x: tensor([1, 2, 3], [1, 3]) }, ["y"]);
  await assertRejects(run, BackendError, "the graph has been released");
}

async function leavesMainThreadFree(backend: Backend, productCount: number): Promise<void> {
  await using session = await backend.load(slowGraph(productCount));
  let tickCount = 0;
  const timer = setInterval(() => tickCount++, 1);
  try {
    const busyBeforeMs = backend.busyMs;
    await session.run({ x: identity(SLOW_SIZE) }, ["y"]);
    assert(backend.busyMs - busyBeforeMs > 10, "the run is long enough to tell");
  } finally {
    clearInterval(timer);
  }
  // a thread that stands still ticks once at most, however busy the machine is
  assert(tickCount > 2, `the main thread ticked ${tickCount} times`);
}

async function rejectsOnceDisposed(open: Open): Promise<void> {
  const backend = await open();
  const session = await backend.load(slowGraph(8));
  const x = identity(SLOW_SIZE);
  const pending = [session.run({ x }, ["y"]), session.run({ x }, ["y"])];
  const settled = Promise.allSettled(pending);
  await Promise.all([backend[Symbol.asyncDispose](), backend[Symbol.asyncDispose]()]);
  await backend[Symbol.asyncDispose]();
  await session[Symbol.asyncDispose]();
  for (const outcome of await settled) {
    assert(outcome.status === "rejected" && outcome.reason instanceof BackendError);
    assertStringIncludes(outcome.reason.message, "it has been disposed");
  }
  await assertRejects(() => session.run({ x }, ["y"]), BackendError);
  await assertRejects(() => backend.load(affineGraph()), BackendError, "it has been disposed");
}

async function rejectsOnceDead(open: Open): Promise<void> {
  await using backend = await open();
  const session = await backend.load(slowGraph(4));
  const x = identity(SLOW_SIZE);
  const crash = backend.rehearse("crash");
  const outcomes = await Promise.allSettled(
    Array.from({ length: 4 }, () => session.run({ x }, ["y"])),
  );
  await crash.catch(() => {});
  const last = outcomes.at(-1);
  assert(last?.status === "rejected" && last.reason instanceof BackendError);
  assertStringIncludes(last.reason.message, "its worker failed: ");
  const again = await assertRejects(() => session.run({ x }, ["y"]), BackendError);
  assertEquals(again.message, last.reason.message);
  await assertRejects(() => backend.load(affineGraph()), BackendError, "a rehearsed crash");
  await session[Symbol.asyncDispose]();
}
