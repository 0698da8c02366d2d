/**
 * The families there are.
 *
 * @module
 */
import { UnsupportedConfigError } from "../errors.ts";
import type { ModelFamily } from "./family.ts";
import { HUBERT_FAMILY } from "./hubert_family.ts";
import { WAV2VEC2_BERT_FAMILY } from "./wav2vec2_bert_family.ts";

const FAMILIES: readonly ModelFamily[] = [HUBERT_FAMILY, WAV2VEC2_BERT_FAMILY];

/**
 * The family a config belongs to.
 *
 * @param json A parsed `config.json`.
 * @param options `path` of the file, for the error.
 * @throws {UnsupportedConfigError} If its `model_type` is of none.
 */
export function familyOf(json: unknown, { path }: { readonly path?: string } = {}): ModelFamily {
  const name = (json as { readonly model_type?: unknown } | null | undefined)?.model_type;
  const family = FAMILIES.find(({ modelTypes }) => modelTypes.includes(name as string));
  if (family !== undefined) return family;
  const known = FAMILIES.flatMap(({ modelTypes }) => modelTypes.map((type) => `"${type}"`));
  const where = path === undefined ? {} : { path };
  throw new UnsupportedConfigError("model_type", name, `one of ${known.join(", ")}`, where);
}
