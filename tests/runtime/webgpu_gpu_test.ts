import { runAffine, testBackend } from "./backend_suite.ts";
import { hasWebgpu } from "./gpu.ts";
import { affineGraph, typesGraph } from "./graphs.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { BackendError } from "../../src/errors.ts";
import { openWebgpu } from "../../src/runtime/webgpu.ts";

const ignore = !await hasWebgpu();

testBackend("webgpu", openWebgpu, { ignore, productCount: 2 });

Deno.test({
  name: "webgpu rejects every call once its device is lost, and a new backend works",
  ignore,
  async fn() {
    await using lost = await openWebgpu();
    const session = await lost.load(affineGraph());
    await runAffine(session, [1, 2, 3]);
    const rehearsal = lost.rehearse("device-lost").catch(() => {});
    const words = "its device was lost";
    await assertRejects(() => runAffine(session, [1, 2, 3]), BackendError, words);
    await rehearsal;
    await assertRejects(() => runAffine(session, [1, 2, 3]), BackendError, words);
    await assertRejects(() => lost.load(affineGraph()), BackendError, words);
    await session[Symbol.asyncDispose]();
    await using replacement = await openWebgpu();
    await runAffine(await replacement.load(affineGraph()), [1, 2, 3]);
  },
});

Deno.test({
  name: "webgpu says how many nodes run elsewhere",
  ignore,
  async fn() {
    await using backend = await openWebgpu();
    const affine = await backend.load(affineGraph(), { reportsPlacement: true });
    assertEquals(Object.keys(affine.placement ?? {}), ["WebGpuExecutionProvider"]);
    const types = await backend.load(typesGraph(), { reportsPlacement: true });
    assert((types.placement?.CPUExecutionProvider ?? 0) > 0);
    assertEquals((await backend.load(affineGraph())).placement, undefined);
  },
});
