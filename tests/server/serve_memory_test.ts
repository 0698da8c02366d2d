import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { assert, assertEquals } from "../assert.ts";
import { BINARY, frame, RawSocket } from "./raw_socket.ts";
import { type EchoServer, openEchoServer, START, TestClient } from "./server.ts";

const ROUNDS = 6;
/** Code is compiled and caches are filled by then. */
const SETTLED_ROUND = 2;

/** Memory that is in use, MiB; not what the allocator keeps for later. */
function usedMib(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  const { heapUsed, external } = Deno.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}

/** Speakers who end, who hang up, who send too much; connections that say nothing, or nonsense. */
async function round(server: EchoServer, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const begin = async () => {
    const client = new TestClient(`${server.url}/v1/captions`);
    await client.opened;
    client.say(START);
    await client.get("hello");
    return client;
  };
  const ends = async () => {
    await using client = await begin();
    client.socket.send(bytes);
    client.say({ type: "end" });
    assertEquals((await client.closed).code, 1000);
  };
  const hangsUp = async () => {
    await using client = await begin();
    client.socket.send(bytes);
  };
  const sendsTooMuch = async () => {
    await using client = await begin();
    client.socket.send(new Uint8Array(1_000_001));
    await client.closed;
  };
  const saysNothing = async () => {
    using _raw = await RawSocket.open(server.url);
  };
  const saysNonsense = async () => {
    using raw = await RawSocket.open(server.url);
    await raw.send(frame(BINARY, new Uint8Array(100_000)));
    await raw.rest();
  };
  const all = [ends, hangsUp, sendsTooMuch, saysNothing, saysNonsense];
  await Promise.all(Array.from({ length: 10 }, () => all.map((act) => act())).flat());
  while (server.context.sessions.size > 0 || server.context.gate.socketCount > 0) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

Deno.test("startServer: after speakers and floods, memory is back at its level", async () => {
  const flags = { resumeSeconds: 0, retainSeconds: 0, maxMessageBytes: 1_000_000 };
  await using server = await openEchoServer({ ...flags, leftMs: 1000, hopMs: 500 });
  const words = Array.from({ length: 10 }, (_, i) => ["ab", i / 2 + 0.1] as const);
  const bytes = server.bytesOf(words, 5);
  const mib: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    await round(server, bytes);
    mib.push(usedMib());
  }
  const { gate, captions, engine } = server.context;
  assertEquals([gate.speakerCount, engine.engine!.stats.streamCount], [0, 0]);
  assertEquals(captions.counts, { live: 0, held: 0, ended: 0 });
  const growth = mib.at(-1)! - mib[SETTLED_ROUND]!;
  assert(growth < 1, `grew by ${growth.toFixed(1)} MiB: ${mib.map((value) => value.toFixed(1))}`);
});
