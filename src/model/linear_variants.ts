/**
 * Linear layers with their weights changed when they are loaded.
 *
 * @module
 */
import type { Value } from "../graph/builder.ts";
import { matMul } from "../graph/ops.ts";
import { affine, constantOf, type Network } from "./layers.ts";
import { derive, type Parameter, transposed } from "./parameters.ts";

/** A parameter times a number. */
export function scaled(parameter: Parameter, factor: number): Parameter {
  return derive(`${parameter.name}.times_${factor}`, parameter.shape, async () => {
    return (await parameter.load()).map((value) => value * factor);
  });
}

/** x · Wᵀ. x: [..., K], weight: [N, K] → [..., N] */
export function linearWithoutBias(net: Network, x: Value, weight: Parameter): Value {
  if (net.precision.matrices === "full") {
    return matMul(net.g, x, constantOf(net, transposed(weight)));
  }
  const outSize = weight.shape[0]!;
  const zeros = () => Promise.resolve(new Float32Array(outSize));
  return affine(net, x, {
    weight,
    bias: constantOf(net, derive(`zeros.${outSize}`, [outSize], zeros)),
  });
}

/** x · Wᵀ + b, times a number that goes into the weights. x: [..., K] → [..., N] */
export function scaledLinear(
  net: Network,
  x: Value,
  { name, outSize, factor }: { name: string; outSize: number; factor: number },
): Value {
  const weight = net.parameters.get(`${name}.weight`, [outSize, x.shape.at(-1) as number]);
  const bias = net.parameters.get(`${name}.bias`, [outSize]);
  return affine(net, x, {
    weight: scaled(weight, factor),
    bias: constantOf(net, scaled(bias, factor)),
  });
}
