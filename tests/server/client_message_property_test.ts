import fc from "../property.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { parseClientMessage } from "../../src/server/client_message.ts";
import { LimitError } from "../../src/server/limits.ts";
import { START } from "./server.ts";

Deno.test("parseClientMessage: whatever comes is a message or a LimitError, nothing else", () => {
  const anything = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.json(),
    fc.record({ type: fc.constantFrom("start", "resume", "end", "finalize"), version: fc.nat() })
      .map((message) => JSON.stringify(message)),
  );
  fc.assert(fc.property(anything, (text) => {
    try {
      assert(typeof parseClientMessage(text, 10_000).type === "string");
    } catch (error) {
      assert(error instanceof LimitError, String(error));
    }
  }));
});

Deno.test("parseClientMessage: takes what the protocol has, and nothing beside it", () => {
  const messages = [
    START,
    {
      ...START,
      audio: { ...START.audio, channelCount: 2 },
      settings: { endSilenceMs: 500, alternatives: 3 },
    },
    { type: "resume", version: 1, token: "t", lastSeq: 3 },
    { type: "finalize" },
    { type: "keepalive" },
    { type: "end" },
  ];
  for (const message of messages) {
    const text = JSON.stringify(message);
    assertEquals<unknown>(parseClientMessage(text, 1000), message);
    const more = JSON.stringify({ ...message, more: 1 });
    assertEquals(
      assertThrows(() => parseClientMessage(more, 1000), LimitError).code,
      "bad_message",
    );
    assertEquals(
      assertThrows(() => parseClientMessage(text, 3), LimitError).code,
      "message_too_big",
    );
  }
});
