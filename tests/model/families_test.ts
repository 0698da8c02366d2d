import { UnsupportedConfigError } from "../../src/errors.ts";
import { familyOf } from "../../src/model/families.ts";
import { assertEquals, assertThrows } from "../assert.ts";

Deno.test("familyOf() goes by model_type, and names those it knows", () => {
  for (const name of ["hubert", "wav2vec2", "wav2vec2-bert"]) {
    assertEquals(familyOf({ model_type: name }).modelTypes.includes(name), true);
  }
  for (const json of [{ model_type: "whisper" }, {}, null, undefined, "hubert"]) {
    const error = assertThrows(
      () => familyOf(json, { path: "a/config.json" }),
      UnsupportedConfigError,
      '"hubert", "wav2vec2", "wav2vec2-bert"',
    );
    assertEquals([error.field, error.path], ["model_type", "a/config.json"]);
  }
});

Deno.test("a family names the classes of its tasks, and refuses tasks that it has no head for", () => {
  const hubert = familyOf({ model_type: "hubert" });
  const config = hubert.parseConfig({ model_type: "wav2vec2" }, { path: "" });
  assertEquals(hubert.classNameOf(config, "ctc"), "Wav2Vec2ForCTC");
  assertThrows(() => hubert.checkTask(config, "x-vector"), UnsupportedConfigError, "x-vector");
  const bert = familyOf({ model_type: "wav2vec2-bert" });
  const json = { model_type: "wav2vec2-bert", add_adapter: true };
  const adapted = bert.parseConfig(json, { path: "" });
  assertEquals(
    bert.classNameOf(adapted, "frame-classification"),
    "Wav2Vec2BertForAudioFrameClassification",
  );
  assertThrows(
    () => bert.checkTask(adapted, "frame-classification"),
    UnsupportedConfigError,
    "add_adapter",
  );
});
