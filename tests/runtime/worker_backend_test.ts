import { assertEquals, assertRejects } from "../assert.ts";
import { BackendError } from "../../src/errors.ts";
import { startWorkerBackend, type WorkerBackend } from "../../src/runtime/worker_backend.ts";

function startFake(name = "fake"): Promise<WorkerBackend> {
  const url = new URL("./fake_worker.ts", import.meta.url);
  return startWorkerBackend({
    name: "cpu",
    createWorker: () => new Worker(url, { type: "module", name }),
  });
}

function load(backend: WorkerBackend, misdeed: string): Promise<unknown> {
  return backend.load({ kind: "bytes", model: new TextEncoder().encode(misdeed) });
}

Deno.test("a worker that does not come to life is told from one that does", async () => {
  const error = await assertRejects(() => startFake("stillborn"), BackendError, "stillborn");
  assertEquals(error.backend, "cpu");
});

for (
  const [misdeed, words] of [
    ["trap", "an earlier call broke it: it trapped"],
    ["throw", "its worker died: Uncaught Error: thrown"],
    ["reject", "its worker died: Uncaught (in promise) Error: rejected"],
  ] as const
) {
  Deno.test(`a worker that fails by "${misdeed}" rejects pending and later calls alike`, async () => {
    await using backend = await startFake();
    const waiting = load(backend, "ignore");
    const failing = load(backend, misdeed);
    await assertRejects(() => failing, BackendError);
    const pending = await assertRejects(() => waiting, BackendError, words);
    const later = await assertRejects(() => load(backend, "ignore"), BackendError, words);
    assertEquals(later.message, pending.message);
  });
}
