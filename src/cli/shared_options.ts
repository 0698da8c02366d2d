/**
 * Words that several commands share.
 *
 * @module
 */
import type { CommandSpec, OptionSpec } from "./command.ts";

/** Names a model. */
export const MODEL_PARAMETER: CommandSpec["parameters"][number] = {
  usage: "<model>",
  description: "folder of a checkpoint, or owner/name[@revision] on the hub",
};

/** Chooses a language. */
export const LANGUAGE_OPTION: OptionSpec = {
  name: "language",
  short: "l",
  description: "language of a model with adapters, for example deu",
  value: { kind: "text", name: "code" },
  default: "that of the main weights",
};

/** Chooses a head. */
export const TASK_OPTION: OptionSpec = {
  name: "task",
  description: "what the model is for",
  value: {
    kind: "choice",
    name: "task",
    choices: ["base", "ctc", "sequence-classification", "frame-classification", "x-vector"],
  },
  default: "what its config says",
};
