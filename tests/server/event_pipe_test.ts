import { assertEquals } from "../assert.ts";
import { RawSocket } from "./raw_socket.ts";
import { openServer, START, TestClient } from "./server.ts";

/** Words no reader wants. */
function longCaption(index: number) {
  const text = "x".repeat(100_000);
  const word = { text, startSample: 160 * index, endSample: 160 * index + 80, confidence: 1 };
  return { kind: "caption", committed: [word], tentative: [], settledSample: 0 } as const;
}

Deno.test("EventPipe: a reader that does not read is cut, its session goes on", async () => {
  await using server = await openServer({ maxBufferedBytes: 100_000, slowReaderSeconds: 1 });
  await using speaker = new TestClient(`${server.url}/v1/captions`);
  await speaker.opened;
  speaker.say(START);
  const { session } = await speaker.get("hello");
  const path = `/v1/captions/${session}/events`;
  using stuck = await RawSocket.open(server.url, { path });
  using half = await RawSocket.open(server.url, { path }); // says nothing, reads nothing, lives
  assertEquals([stuck.status, half.status], [101, 101]);
  const { log } = server.context.captions.get(session)!;
  for (let i = 0; i < 100; i++) {
    log.append(longCaption(i));
    await new Promise((resolve) => setTimeout(resolve, 5)); // for those who read
  }
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const { text: metrics } = await fetchText(`${server.url}/metrics`);
  const cut = Number(/hubcap_slow_readers_total (\d+)/.exec(metrics)?.[1]);
  assertEquals(cut, 2);
  await using good = new TestClient(`${server.url}${path}`);
  speaker.say({ type: "end" });
  assertEquals((await speaker.closed).code, 1000);
  assertEquals((await good.closed).code, 1000);
  const words = (client: TestClient) =>
    client.messages.flatMap((message) => message.type === "caption" ? message.committed : [])
      .length;
  assertEquals([words(speaker), words(good)], [100, 100]);
});

async function fetchText(url: string): Promise<{ status: number; text: string }> {
  const response = await fetch(url);
  return { status: response.status, text: await response.text() };
}
