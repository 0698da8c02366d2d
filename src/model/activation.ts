/**
 * Activation functions by the names transformers gives them (`ACT2FN`).
 *
 * @module
 */
import type { GraphBuilder, Value } from "../graph/builder.ts";
import { clip, gelu, leakyRelu, mul, scalar, unary } from "../graph/ops.ts";

/** Name of a supported activation. */
export type Activation =
  | "gelu"
  | "gelu_python"
  | "gelu_10"
  | "gelu_new"
  | "gelu_fast"
  | "gelu_accurate"
  | "gelu_pytorch_tanh"
  | "gelu_python_tanh"
  | "quick_gelu"
  | "relu"
  | "relu2"
  | "relu6"
  | "leaky_relu"
  | "selu"
  | "silu"
  | "swish"
  | "hardswish"
  | "mish"
  | "sigmoid"
  | "tanh"
  | "linear";

/** Adds an activation to a graph. */
export type ActivationFunction = (g: GraphBuilder, x: Value) => Value;

const swish: ActivationFunction = (g, x) => mul(g, x, unary(g, "Sigmoid", x));
const exactGelu: ActivationFunction = (g, x) => gelu(g, x);
const tanhGelu: ActivationFunction = (g, x) => gelu(g, x, "tanh");

/** The supported activations. */
export const ACTIVATIONS: Readonly<Record<Activation, ActivationFunction>> = {
  gelu: exactGelu,
  gelu_python: exactGelu,
  gelu_10: (g, x) => clip(g, gelu(g, x), -10, 10),
  gelu_new: tanhGelu,
  gelu_fast: tanhGelu,
  gelu_accurate: tanhGelu,
  gelu_pytorch_tanh: tanhGelu,
  gelu_python_tanh: tanhGelu,
  quick_gelu: (g, x) => mul(g, x, unary(g, "Sigmoid", mul(g, x, scalar(g, x, 1.702)))),
  relu: (g, x) => unary(g, "Relu", x),
  relu2: (g, x) => {
    const positive = unary(g, "Relu", x);
    return mul(g, positive, positive);
  },
  relu6: (g, x) => clip(g, x, 0, 6),
  leaky_relu: (g, x) => leakyRelu(g, x, 0.01),
  selu: (g, x) => unary(g, "Selu", x),
  silu: swish,
  swish,
  hardswish: (g, x) => unary(g, "HardSwish", x),
  mish: (g, x) => mul(g, x, unary(g, "Tanh", unary(g, "Softplus", x))),
  sigmoid: (g, x) => unary(g, "Sigmoid", x),
  tanh: (g, x) => unary(g, "Tanh", x),
  linear: (_g, x) => x,
};

/** Applies the activation of this name. */
export function activate(g: GraphBuilder, name: Activation, x: Value): Value {
  return ACTIVATIONS[name](g, x);
}
