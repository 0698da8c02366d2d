import { conv1d } from "../../src/graph/conv.ts";
import { openCpu } from "../../src/runtime/cpu.ts";
import { openWebgpu } from "../../src/runtime/webgpu.ts";
import { assertAllClose } from "../golden.ts";
import { hasWebgpu } from "../runtime/gpu.ts";
import { runGraph, wave } from "./graphs.ts";

/** Channels in and out, kernel, stride, groups, margin; the first few are what published models have. */
const SHAPES = [
  [1, 32, 10, 5, 1, 0],
  [32, 32, 3, 2, 1, 0],
  [64, 64, 128, 1, 16, 64],
  [24, 24, 16, 1, 4, 8], // 6 channels a group: computed 4 at a time
  [24, 24, 15, 1, 4, 7],
  [20, 20, 3, 1, 2, 1], // 10 a group
  [6, 8, 3, 2, 1, 0], // read in threes
  [9, 16, 4, 3, 1, 0],
  [18, 32, 1, 1, 1, 0],
  [12, 9, 3, 3, 1, 0],
] as const;

Deno.test({
  name: "conv1d() on WebGPU is as on the CPU for every channel count",
  ignore: !await hasWebgpu(),
  async fn() {
    await using gpu = await openWebgpu();
    await using cpu = await openCpu();
    for (const [channels, outChannels, kernel, stride, groups, margin] of SHAPES) {
      const run = (backend: typeof gpu) =>
        runGraph(backend, { shape: [2, channels, 61] }, (g, x) => {
          const shape = [outChannels, channels / groups, kernel];
          const weight = g.constant("float32", shape, wave(shape[0]! * shape[1]! * kernel));
          const bias = g.constant("float32", [outChannels], wave(outChannels));
          const padding = [margin, margin] as const;
          return conv1d(g, x, { weight, bias, stride, groups, padding, length: "out" });
        });
      const name = `conv ${channels}→${outChannels} kernel ${kernel} in ${groups} groups`;
      assertAllClose(await run(gpu), await run(cpu), { atol: 1e-3, name });
    }
  },
});
