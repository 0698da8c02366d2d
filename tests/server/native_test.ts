import { assert, assertEquals } from "../assert.ts";
import { openServer, s16le, sampleSpeech, START, TestClient, wordsOf } from "./server.ts";

Deno.test("native: audio goes up, captions come down, the end closes", async () => {
  await using server = await openServer();
  await using client = new TestClient(`${server.url}/v1/captions`);
  await client.opened;
  client.say(START);
  const hello = await client.get("hello");
  assertEquals([hello.role, hello.acceptedSamples, hello.lastSeq], ["speaker", 0, 0]);
  const speech = await sampleSpeech();
  client.socket.send(s16le(speech));
  client.say({ type: "end" });
  assertEquals(await client.closed, { code: 1000, reason: "The session is over" });
  const words = wordsOf(client.messages);
  assert(words.length > 3);
  const seqs = client.messages.flatMap((message) => "seq" in message ? [message.seq] : []);
  assertEquals(seqs, [...new Set(seqs)].sort((a, b) => a - b));
  assertEquals(client.messages.findLast(({ type }) => type === "accepted"), {
    type: "accepted",
    samples: speech.length,
  });
  assertEquals(client.messages.findLast((message) => "seq" in message)?.type, "end");
});
