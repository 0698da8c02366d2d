import { retry, TransientError, Watchdog } from "../../src/checkpoint/retry.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";

const { signal } = new AbortController();
const options = { retryCount: 3, retryDelayMs: 1, signal };

/** Fails so many times, then returns how often it was called. */
function failing(times: number, error: () => Error): () => Promise<number> {
  let calls = 0;
  return () => ++calls <= times ? Promise.reject(error()) : Promise.resolve(calls);
}

const transient = () => new TransientError(new RangeError("busy"));

Deno.test("retry() tries again what may pass, and only that", async () => {
  assertEquals(await retry(failing(3, transient), options), 4);
  await assertRejects(() => retry(failing(4, transient), options), RangeError, "busy");
  await assertRejects(() => retry(failing(1, () => new TypeError("no")), options), TypeError, "no");
});

Deno.test("retry() is patient with what makes progress", async () => {
  let position = 0;
  const call = failing(50, transient);
  const calls = await retry(() => {
    position++;
    return call();
  }, { ...options, retryCount: 0, progress: () => position }).catch(() => position);
  assertEquals(calls, 1);
  position = 0;
  const patient = await retry(() => {
    position++;
    return call();
  }, { ...options, retryCount: 1, progress: () => position });
  assert(patient > 40);
});

Deno.test("retry() waits no longer than its signal", async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error("enough")), 20);
  const slow = { ...options, retryDelayMs: 30_000, signal: controller.signal };
  await assertRejects(() => retry(failing(9, transient), slow), Error, "enough");
});

Deno.test("Watchdog fires when nothing moves, or with its parent", async () => {
  {
    using watchdog = new Watchdog(signal, 60);
    for (let i = 0; i < 5; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      watchdog.touch();
    }
    assertEquals(watchdog.signal.aborted, false);
    await new Promise((resolve) => setTimeout(resolve, 120));
    assertEquals(watchdog.signal.aborted, true);
  }
  const controller = new AbortController();
  using watchdog = new Watchdog(controller.signal, 10_000);
  controller.abort(new Error("enough"));
  assertEquals(watchdog.signal.reason, controller.signal.reason);
});
