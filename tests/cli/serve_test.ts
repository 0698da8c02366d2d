import { assertEquals, assertStringIncludes } from "../assert.ts";
import { hubcap } from "./fake_terminal.ts";

Deno.test("hubcap serve: shows its settings, without keys", async () => {
  const { code, output } = await hubcap([
    ...["serve", "--print-config", "--max-sessions", "8"],
    ...["--api-keys", "me:secret-secret-secret", "--viewers-need-key"],
  ]);
  assertEquals(code, 0);
  const { maxSessions, apiKeys, viewersNeedKey } = JSON.parse(output);
  assertEquals([maxSessions, apiKeys, viewersNeedKey], [8, ["me:***"], true]);
});

Deno.test("hubcap serve: settings that are wrong are a wrong call", async () => {
  const wrong = await hubcap(["serve", "--max-sessions", "none"]);
  assertEquals(wrong.code, 2);
  assertStringIncludes(wrong.errors, "maxSessions");
  const missing = await hubcap(["serve", "--config", "/no/such/file.json"]);
  assertEquals(missing.code, 2);
  assertStringIncludes(missing.errors, "no such file");
});
