import { assert, assertEquals, assertRejects } from "../assert.ts";
import { CaptionClient, CaptionClientError } from "../../src/server/client.ts";
import type { ServerMessage } from "../../src/server/protocol.ts";
import { openServer, s16le, sampleSpeech, START, wordsOf } from "./server.ts";

const AUDIO = { audio: START.audio, bytesPerSample: 2 };

/** Sends the bytes in pieces, breaking the connection where told; gives all that was said. */
async function speak(
  url: string,
  { bytes, cuts = [], pieceBytes = 3200 }: {
    bytes: Uint8Array;
    cuts?: readonly number[];
    pieceBytes?: number;
  },
): Promise<ServerMessage[]> {
  const messages: ServerMessage[] = [];
  await using client = new CaptionClient({
    ...AUDIO,
    url: `${url}/v1/captions`,
    onMessage: (message) => messages.push(message),
  });
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    await client.write(bytes.slice(at, at + pieceBytes));
    if (cuts.some((cut) => cut >= at && cut < at + pieceBytes)) {
      await new Promise((resolve) => setTimeout(resolve, 20 * Math.random()));
      client.breakConnection();
    }
  }
  if (cuts.some((cut) => cut >= bytes.length)) {
    const ended = client.end();
    client.breakConnection();
    await ended;
  } else await client.end();
  return messages;
}

Deno.test("CaptionClient: a transcript cut at random points is the uncut one", async () => {
  await using server = await openServer({ hopMs: 200, rightMs: 200, maxSpeed: 1000 });
  const speech = await sampleSpeech();
  const bytes = s16le(speech);
  const whole = await speak(server.url, { bytes });
  const words = wordsOf(whole);
  assert(words.length > 10);
  const endOf = (messages: ServerMessage[]) =>
    messages.flatMap((message) => message.type === "end" ? [message.atMs] : []);
  for (let round = 0; round < 12; round++) {
    const cuts = Array.from(
      { length: 1 + round % 4 },
      () => 2 * Math.floor(Math.random() * speech.length * 1.05),
    );
    const messages = await speak(server.url, { bytes, cuts });
    assertEquals(wordsOf(messages), words, `cut at bytes ${cuts}`);
    assertEquals(endOf(messages), endOf(whole));
    const resumes = messages.filter(({ type }) => type === "hello").length - 1;
    assert(resumes >= 1 && resumes <= cuts.length, `${resumes} resumes of ${cuts.length} cuts`);
  }
  assertEquals(server.context.captions.counts, { live: 0, held: 0, ended: 13 });
});

Deno.test("CaptionClient: what the server refuses is told in its words", async () => {
  await using server = await openServer({ apiKeys: "me:a-key-of-16-or-more" });
  const open = (key: string | undefined) =>
    new CaptionClient({ ...AUDIO, url: `${server.url}/v1/captions`, key });
  for (const key of [undefined, "another-key-of-16-letters"]) {
    await using client = open(key);
    const error = await assertRejects(() => client.finished, CaptionClientError);
    assertEquals(error.code, "unauthorized");
  }
  await using client = open("a-key-of-16-or-more");
  await client.end();
});
