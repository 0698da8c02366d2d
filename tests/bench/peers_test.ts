import { join } from "../../src/std.ts";
import { MODEL_PEERS, type PeerSpec, startPeers } from "../../bench/peers.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { MODEL } from "../cli/fake_terminal.ts";

async function start(specs: readonly PeerSpec[]) {
  await using stack = new AsyncDisposableStack();
  const scratch = await Deno.makeTempDir({ prefix: "hubcap-test-" });
  stack.defer(() => Deno.remove(scratch, { recursive: true }));
  const said: string[] = [];
  const context = { folder: MODEL, threadCount: 1, scratch };
  const say = (text: string) => void said.push(text);
  const peers = await startPeers(specs, { context, say, stack });
  const output = join(scratch, "logits.f32");
  const input = join(scratch, "probe.f32");
  for (const { peer } of peers) await peer.run({ input, shape: [1, 16_000], output });
  const byteLength = await Deno.stat(output).then(({ size }) => size, () => 0);
  return { names: peers.map(({ name }) => name), said, byteLength };
}

Deno.test("a peer that is not there is skipped aloud, with how to install it", async () => {
  const absent: PeerSpec = {
    name: "Absent",
    install: "apt install absent",
    command: () => Promise.resolve(["/nowhere/absent"]),
  };
  const broken: PeerSpec = {
    name: "Broken",
    install: "mend it",
    command: () => Promise.resolve([Deno.execPath(), "eval", "throw new Error('out of order')"]),
  };
  const { names, said } = await start([absent, broken]);
  assertEquals(names, []);
  assertStringIncludes(said[0]!, "SKIPPED Absent");
  assertStringIncludes(said[0]!, "apt install absent");
  assertStringIncludes(said[1]!, "SKIPPED Broken");
});

Deno.test("onnxruntime-node runs the exported graph", async () => {
  const { names, said, byteLength } = await start(
    MODEL_PEERS.filter(({ name }) => name === "onnxruntime-node"),
  );
  assertEquals(names, ["onnxruntime-node"], said.join("\n"));
  assert(byteLength > 0);
});
