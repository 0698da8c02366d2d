import type { Network } from "../../src/model/layers.ts";
import { longConvolution } from "../../src/model/long_convolution.ts";
import { derive } from "../../src/model/parameters.ts";
import { openBackend } from "../../src/runtime/select.ts";
import { assertAllClose } from "../golden.ts";
import { runGraph, wave } from "../graph/graphs.ts";
import { hasWebgpu } from "../runtime/gpu.ts";

/** The sums as they are defined. x: [1, C, T] → [1, C, T] */
function convolve(
  x: Float32Array,
  { channels, taps, bias, kernel, paddingBefore }: {
    channels: number;
    taps: Float32Array;
    bias: Float32Array;
    kernel: number;
    paddingBefore: number;
  },
): Float32Array {
  const length = x.length / channels;
  return Float32Array.from(x, (_, at) => {
    const channel = Math.floor(at / length);
    let sum = bias[channel]!;
    for (let k = 0; k < kernel; k++) {
      const from = at - channel * length + k - paddingBefore;
      if (from < 0 || from >= length) continue;
      sum += taps[channel * kernel + k]! * x[channel * length + from]!;
    }
    return sum;
  });
}

for (const name of ["cpu", "wasm", "webgpu"] as const) {
  Deno.test({
    name: `longConvolution() on ${name} is the convolution, however long the input`,
    ignore: name === "webgpu" && !await hasWebgpu(),
    async fn() {
      await using backend = (await openBackend(name, { threadCount: 1 })).backend;
      for (const [channels, kernel] of [[3, 40], [20, 41]] as const) {
        const paddingBefore = Math.floor(kernel / 2);
        const [taps, bias] = [wave(channels * kernel), wave(channels)];
        for (const length of [1, 2, 15, 16, 17, 20, 21, 39, 40, 41, 100]) {
          const shape = [1, channels, length];
          const actual = await runGraph(backend, { shape }, (g, x) => {
            const net = { g, precision: { activations: "float32", matrices: "full" } };
            const constant = (name: string, shape: number[], values: Float32Array) =>
              derive(name, shape, () => Promise.resolve(values));
            return longConvolution(net as unknown as Network, x, {
              weight: constant("weight", [channels, 1, kernel], taps),
              bias: constant("bias", [channels], bias),
              paddingBefore,
            });
          });
          const x = wave(channels * length);
          const expected = convolve(x, { channels, taps, bias, kernel, paddingBefore });
          assertAllClose(actual, { shape, data: expected }, {
            atol: 1e-3,
            name: `${kernel} taps over ${length}`,
          });
        }
      }
    },
  });
}
