/**
 * A model for an engine that is not to end it.
 *
 * @module
 */
import type { SpeechModel } from "../src/speech_model.ts";

/** The same model; closing it does nothing. */
export function sharedModel(model: SpeechModel<"ctc">): SpeechModel<"ctc"> {
  return new Proxy(model, {
    get(target, name) {
      if (name === Symbol.asyncDispose) return () => Promise.resolve();
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
