import { assert, assertAlmostEquals, assertEquals } from "../assert.ts";
import { openServer, s16le, sampleSpeech, START, TestClient, wordsOf } from "./server.ts";

Deno.test("ServerMetrics: a session leaves its marks, and no sample is dropped", async () => {
  await using server = await openServer();
  await using client = new TestClient(`${server.url}/v1/captions`);
  await client.opened;
  client.say(START);
  client.socket.send(s16le((await sampleSpeech()).subarray(0, 16_000)));
  client.say({ type: "end" });
  await client.closed;
  const words = wordsOf(client.messages).length;
  assert(words > 0);
  await using wrong = new TestClient(`${server.url}/v1/captions`);
  await wrong.opened;
  wrong.say({ type: "sing" });
  await wrong.closed;
  const response = await fetch(`${server.url}/metrics`);
  const text = await response.text();
  assert(response.headers.get("content-type")!.startsWith("text/plain"));
  const value = (series: string) =>
    Number(text.split("\n").find((line) => line.startsWith(`${series} `))?.split(" ").at(-1));
  assertEquals(value('hubcap_sessions_ended_total{dialect="native",outcome="ended"}'), 1);
  assertAlmostEquals(value('hubcap_audio_seconds_total{dialect="native"}'), 1, 1e-9);
  assertEquals(value('hubcap_words_total{dialect="native"}'), words);
  assertEquals(value('hubcap_word_emission_latency_seconds_count{kind="final"}'), words);
  assertEquals(value('hubcap_errors_total{code="bad_message"}'), 1);
  assertEquals(value("hubcap_dropped_samples_total"), 0);
  assertEquals(value('hubcap_sessions{state="ended"}'), 1);
});

Deno.test("ServerMetrics: every metric is documented, and none that is not there", async () => {
  await using server = await openServer();
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const guide = await Deno.readTextFile(new URL("../../docs/operations.md", import.meta.url));
  const [table] = guide.split("## Metrics")[1]!.split("Worth an alarm");
  const documented = [...table!.matchAll(/`(hubcap_\w+)/g)].map(([, name]) => name);
  const told = [...text.matchAll(/^# HELP (\w+)/gm)].map(([, name]) => name);
  assertEquals(documented.toSorted(), told.toSorted());
});
