import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "../assert.ts";
import { BackendError } from "../../src/errors.ts";
import type { Backend, BackendName } from "../../src/runtime/backend.ts";
import {
  type BackendChoice,
  openBackend,
  type OpenBackendOptions,
  openBest,
  type Openers,
} from "../../src/runtime/select.ts";
import { dirname, fromFileUrl, join } from "../../src/std.ts";

const ROOT = join(dirname(fromFileUrl(import.meta.url)), "../..");

/** Backends that do nothing; those in `absent` do not open. */
function fakes(absent: readonly BackendName[] = []) {
  const opened: string[] = [];
  const disposed: string[] = [];
  const opener = (name: BackendName) => {
    const facts = { device: `a ${name}`, isSoftware: false, hasFloat16: false } as const;
    return async () => {
      await Promise.resolve();
      if (absent.includes(name)) throw new BackendError(`no ${name} here`, { backend: name });
      opened.push(name);
      return {
        name,
        ...facts,
        busyMs: 0,
        probe: { state: "available", ...facts } as const,
        load: () => Promise.reject(new Error("not a real backend")),
        [Symbol.asyncDispose]: () => Promise.resolve(void disposed.push(name)),
      };
    };
  };
  const openers: Openers = { webgpu: opener("webgpu"), cpu: opener("cpu"), wasm: opener("wasm") };
  return { openers, opened, disposed };
}

function measuring(times: Partial<Record<BackendName, number>>): OpenBackendOptions {
  const measure = async ({ name }: Backend) => {
    await Promise.resolve();
    const timeMs = times[name];
    if (timeMs === undefined) throw new Error("too big");
    return timeMs;
  };
  return { measure };
}

Deno.test("openBest takes a GPU, else native code, else WebAssembly", async () => {
  for (const absent of [[], ["webgpu"], ["webgpu", "cpu"]] as BackendName[][]) {
    const { openers, opened, disposed } = fakes(absent);
    const { backend, report } = await openBest({}, openers);
    assertEquals(opened, [backend.name]);
    assertEquals(disposed, []);
    assertEquals(report.chosen, (["webgpu", "cpu", "wasm"] as const)[absent.length]!);
    assertEquals(report.candidates.map(({ name }) => name), [...absent, backend.name]);
    for (const name of absent) assertStringIncludes(report.reason, `not ${name}: no ${name} here`);
  }
});

Deno.test("openBest measures the candidates and keeps the fastest", async () => {
  const { openers, opened, disposed } = fakes();
  const { backend, report } = await openBest(measuring({ webgpu: 30, cpu: 20 }), openers);
  assertEquals(backend.name, "cpu");
  assertEquals(opened, ["webgpu", "cpu"]);
  assertEquals(disposed, ["webgpu"]);
  assertEquals(report.candidates.map(({ measuredMs }) => measuredMs), [30, 20]);
  assertEquals(report.reason, "cpu (a cpu): fastest of webgpu 30.0 ms, cpu 20.0 ms");
});

Deno.test("openBest passes over a candidate that fails when measured, and says so", async () => {
  const { openers, disposed } = fakes();
  const { backend, report } = await openBest(measuring({ cpu: 20 }), openers);
  assertEquals(backend.name, "cpu");
  assertEquals(disposed, ["webgpu"]);
  assertStringIncludes(report.reason, "not webgpu: it failed when measured (too big)");
  assertEquals(report.candidates[0], {
    name: "webgpu",
    probe: { state: "available", device: "a webgpu", isSoftware: false, hasFloat16: false },
    failure: "it failed when measured (too big)",
  });
});

Deno.test("openBest measures nothing where there is no choice", async () => {
  const { openers } = fakes(["webgpu", "cpu"]);
  const { report } = await openBest(measuring({}), openers);
  assertEquals(report.chosen, "wasm");
});

Deno.test("openBest says of each backend why there is none, and leaves none open", async () => {
  const { openers } = fakes(["webgpu", "cpu", "wasm"]);
  const error = await assertRejects(() => openBest({}, openers), BackendError);
  assertEquals(
    error.message,
    "Cannot open a backend as none can run here: " +
      "webgpu: no webgpu here; cpu: no cpu here; wasm: no wasm here",
  );
  const all = fakes();
  await assertRejects(() => openBest(measuring({}), all.openers), BackendError, "too big");
  assertEquals(all.disposed.toSorted(), all.opened.toSorted());
});

Deno.test("openBackend opens a backend by name, and says it was asked to", async () => {
  const { backend, report } = await openBackend("cpu", { threadCount: 1 });
  await using _ = backend;
  assertEquals(report.reason, `cpu (${backend.device}): asked for by name`);
  assertMatch(backend.device, /1 thread$/);
});

Deno.test("openBackend refuses names and thread counts that make no sense", async () => {
  await assertRejects(
    () => openBackend("tpu" as BackendChoice),
    RangeError,
    "choose one of auto, webgpu, wasm, cpu",
  );
  for (const threadCount of [0, -1, 1.5, NaN]) {
    await assertRejects(() => openBackend("cpu", { threadCount }), RangeError, `${threadCount}`);
  }
});

/** Opens a backend in a Deno of its own, started with `args`: "available", or why it is not. */
async function openElsewhere(name: BackendName, args: readonly string[]): Promise<string> {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "open.ts");
    const select = new URL("../../src/runtime/select.ts", import.meta.url);
    await Deno.writeTextFile(
      path,
      `import { openBackend } from "${select}";
      try {
        await using backend = (await openBackend("${name}")).backend;
        console.log("available");
      } catch (error) {
        console.log(error.message);
      }`,
    );
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--no-check",
        "--config",
        join(ROOT, "deno.json"),
        ...args,
        path,
      ],
      stderr: "null",
    }).output();
    return new TextDecoder().decode(stdout).trim();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("openBackend says what the cpu backend lacks, and what would help", async () => {
  assertEquals(await openElsewhere("cpu", ["--allow-read", "--allow-ffi"]), "available");
  assertEquals(
    await openElsewhere("cpu", ["--allow-read"]),
    'Cannot start backend "cpu" as Deno may not load native code: start it with --allow-ffi',
  );
  const folder = await Deno.makeTempDir();
  try {
    const importMap = join(folder, "import_map.json");
    await Deno.writeTextFile(
      importMap,
      JSON.stringify({ imports: { "@std/path": "npm:deno-std@1.4.0/path/mod.js" } }),
    );
    assertMatch(
      await openElsewhere("cpu", ["--allow-all", "--import-map", importMap]),
      /^Cannot start backend "cpu" as onnxruntime-node does not load: .* Install it/s,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("openBackend opens wasm with the right to read alone", async () => {
  assertEquals(await openElsewhere("wasm", ["--allow-read"]), "available");
});
