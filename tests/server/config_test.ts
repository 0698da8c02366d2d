import { assertEquals, assertStringIncludes, assertThrows } from "../assert.ts";
import { printConfig, resolveConfig, SETTINGS } from "../../src/server/config.ts";

Deno.test("resolveConfig: flags win over the environment, that over the file", () => {
  const { maxSessions, port, idleSeconds, allowedOrigins, viewersNeedKey } = resolveConfig({
    flags: { port: 1 },
    env: { HUBCAP_PORT: "2", HUBCAP_IDLE_SECONDS: "2.5", HUBCAP_VIEWERS_NEED_KEY: "true" },
    file: { port: 3, maxSessions: 3, idleSeconds: 3, allowedOrigins: ["https://a.example"] },
  });
  assertEquals({ maxSessions, port, idleSeconds, allowedOrigins, viewersNeedKey }, {
    maxSessions: 3,
    port: 1,
    idleSeconds: 2.5,
    allowedOrigins: ["https://a.example"],
    viewersNeedKey: true,
  });
});

Deno.test("resolveConfig: every setting has a default or may be absent, and is described", () => {
  resolveConfig();
  for (const { name, flag, env, description } of SETTINGS) {
    assertEquals(description.length > 0, true, name);
    assertEquals(flag.replaceAll("-", ""), name.toLowerCase());
    assertEquals(env.replaceAll("_", ""), `HUBCAP${name}`.toUpperCase());
  }
});

Deno.test("resolveConfig: the guide for operators knows every setting", async () => {
  const guide = await Deno.readTextFile(new URL("../../docs/operations.md", import.meta.url));
  const unknown = SETTINGS.filter(({ name }) => !guide.includes(`\`${name}\``));
  assertEquals(unknown.map(({ name }) => name), []);
});

Deno.test("resolveConfig: what is wrong is named, all of it", () => {
  const cases: [unknown, string[]][] = [
    [{ port: "x", maxSessions: 0 }, ["port", "maxSessions"]],
    [{ port: "" }, ["port"]],
    [{ prot: 1 }, ["prot"]],
    [[], ["JSON object"]],
    [{ tlsCert: "cert.pem" }, ["tlsKey"]],
    [{ logLevel: "loud" }, ["logLevel"]],
    [{ annotators: "./diarizer" }, ["name=source", "./diarizer"]],
    [{ trustedProxies: "10.0.0.0/8,10.0.0.0/33" }, ["trustedProxies", "10.0.0.0/33"]],
    [{ trustedProxies: ["localhost"] }, ["10.0.0.0/8", "localhost"]],
    [{ rightMs: 9000 }, ["rightMs 9000", "maxWindowMs is 12000"]],
  ];
  for (const [file, names] of cases) {
    const { message } = assertThrows(() => resolveConfig({ file }), RangeError);
    for (const name of names) assertStringIncludes(message, name);
  }
});

Deno.test("printConfig: shows everything but keys, and can be read again", () => {
  const config = resolveConfig({ flags: { apiKeys: "me:secret-secret-secret,other-other-other" } });
  const text = printConfig(config);
  assertEquals(text.includes("secret"), false);
  assertEquals(text.includes("other"), false);
  assertEquals(JSON.parse(text).apiKeys, ["me:***", "key2:***"]);
  assertEquals(resolveConfig({ file: { ...JSON.parse(text), apiKeys: config.apiKeys } }), config);
});
