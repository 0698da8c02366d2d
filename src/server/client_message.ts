/**
 * What a speaker says in text, checked before it is believed.
 *
 * @module
 */
import { z } from "zod";
import { LimitError } from "./limits.ts";
import { jsonOf } from "./text_message.ts";
import type { ClientMessage } from "./protocol.ts";

const ms = (min: number, max: number) => z.number().min(min).max(max);

const SCHEMA = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("start"),
    version: z.literal(1),
    audio: z.strictObject({
      encoding: z.enum(["u8", "s16le", "s24le", "s32le", "f32le", "f64le", "mulaw", "alaw"]),
      sampleRateHz: z.int().min(4000).max(192_000),
      channelCount: z.int().min(1).max(16).optional(),
    }),
    settings: z.strictObject({
      hopMs: ms(100, 5000).optional(),
      rightMs: ms(0, 5000).optional(),
      endSilenceMs: ms(100, 20_000).optional(),
      alternatives: z.int().min(1).max(10).optional(),
    }).optional(),
  }),
  z.strictObject({
    type: z.literal("resume"),
    version: z.literal(1),
    token: z.string().min(1).max(200),
    lastSeq: z.int().min(0),
  }),
  z.strictObject({ type: z.literal("finalize") }),
  z.strictObject({ type: z.literal("keepalive") }),
  z.strictObject({ type: z.literal("end") }),
]);

/**
 * Reads a text message.
 *
 * @throws {LimitError} If it is too long, no JSON, or not one of the protocol's.
 */
export function parseClientMessage(text: string, maxBytes: number): ClientMessage {
  const parsed = SCHEMA.safeParse(jsonOf(text, maxBytes));
  if (parsed.success) return parsed.data as ClientMessage;
  const problems = parsed.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join(".")}: ${message}`
  );
  throw new LimitError("bad_message", `Cannot understand the message: ${problems.join("; ")}`);
}
