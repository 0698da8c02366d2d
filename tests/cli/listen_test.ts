import { assertEquals, assertStringIncludes } from "../assert.ts";
import { openServer, wordsOf } from "../server/server.ts";
import { HARBOUR, hubcap } from "./fake_terminal.ts";

Deno.test("hubcap listen: a file's captions, as words and as messages", async () => {
  await using server = await openServer();
  const plain = await hubcap(["listen", server.url, HARBOUR]);
  assertEquals([plain.code, plain.errors], [0, ""]);
  const json = await hubcap(["listen", `${server.url}/`, HARBOUR, "--json"]);
  const messages = json.output.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(messages[0].token, undefined);
  assertEquals(wordsOf(messages).join(" "), plain.output.trim().replaceAll(/\s+/g, " "));
});

Deno.test("hubcap listen: says why it cannot", async () => {
  await using server = await openServer({ apiKeys: "me:a-key-of-16-or-more" });
  const refused = await hubcap(["listen", server.url, HARBOUR]);
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.errors, "API key");
  const known = await hubcap(["listen", server.url, HARBOUR, "--key", "a-key-of-16-or-more"]);
  assertEquals(known.code, 0);
  for (const url of ["ftp://localhost", "http://"]) {
    assertEquals((await hubcap(["listen", url, HARBOUR])).code, 2);
  }
});
