import { assertEquals, assertStringIncludes } from "../assert.ts";
import { RawSocket } from "./raw_socket.ts";
import { openServer, START, TestClient } from "./server.ts";

const KEY = "a-key-of-16-or-more";

Deno.test("admit: refuses before the upgrade, with the status, the reason and when to come back", async () => {
  await using server = await openServer({
    apiKeys: `me:${KEY},you:another-key-of-mine`,
    allowedOrigins: "https://app.example",
    maxSessions: 2,
    maxSessionsPerKey: 1,
  });
  const ask = async (headers: Record<string, string>) => {
    const response = await fetch(`${server.url}/v1/captions`, { headers });
    const { error } = await response.json();
    return [response.status, error.code, response.headers.get("retry-after")];
  };
  const mine = { authorization: `Bearer ${KEY}` };
  const yours = { authorization: "Bearer another-key-of-mine" };
  assertEquals(await ask({}), [401, "unauthorized", null]);
  assertEquals(await ask({ authorization: "Bearer wrong" }), [401, "unauthorized", null]);
  assertEquals(await ask({ ...mine, origin: "https://evil.example" }), [
    ...[403, "forbidden_origin", null],
  ]);
  assertEquals(await ask({ ...mine, origin: "https://app.example" }), [
    ...[426, "upgrade_required", null],
  ]);
  const speak = async (key: string) => {
    const client = new TestClient(`${server.url}/v1/captions`, ["hubcap.v1", `hubcap.key.${key}`]);
    await client.opened;
    assertEquals(client.socket.protocol, "hubcap.v1");
    client.say(START);
    await client.get("hello");
    return client;
  };
  await using _first = await speak(KEY);
  assertEquals(await ask(mine), [429, "too_many_sessions", "5"]);
  await using second = await speak("another-key-of-mine");
  assertEquals((await ask(yours))[0], 429);
  second.say({ type: "end" });
  await second.closed;
  assertEquals((await ask(yours))[0], 426);
});

Deno.test("admit: one address takes its share, in every protocol, and no more", async () => {
  await using server = await openServer({ maxSessionsPerAddress: 1, trustedProxies: "127.0.0.1" });
  const listen = "/v1/listen?encoding=mulaw&sample_rate=8000";
  const from = (address: string) => ({ headers: [`X-Forwarded-For: 203.0.113.1, ${address}`] });
  using _speaker = await RawSocket.open(server.url, { path: "/vosk", ...from("192.0.2.1") });
  assertEquals(server.context.gate.speakerCount, 1);
  const sockets = ["/v1/captions", listen, `${listen}&channels=2&multichannel=true`, "/", "/vosk"];
  for (const path of sockets) {
    using refused = await RawSocket.open(server.url, { path, ...from("192.0.2.1") });
    assertEquals(refused.status, 429, path);
    assertStringIncludes(refused.head.toLowerCase(), "retry-after: 5");
  }
  const post = async (address: string) => {
    const response = await fetch(`${server.url}/v1/audio/transcriptions`, {
      ...{ method: "POST", body: new FormData(), headers: { "x-forwarded-for": address } },
    });
    return [response.status, (await response.json()).error.message] as const;
  };
  const [status, message] = await post("192.0.2.1");
  assertEquals(status, 429);
  assertEquals(message, "Cannot open a session as there are 1 from 192.0.2.1, the most allowed");
  assertEquals((await post("192.0.2.2"))[0], 400); // let in: what it sends is no recording
  using one = await RawSocket.open(server.url, { path: listen, ...from("192.0.2.2") });
  const two = `${listen}&channels=2&multichannel=true`;
  using both = await RawSocket.open(server.url, { path: two, ...from("192.0.2.3") });
  assertEquals([one.status, both.status], [101, 429]); // each channel is a speaker
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  assertStringIncludes(metrics, 'hubcap_refusals_total{code="too_many_from_address"} 7');
});

Deno.test("admit: who took no room with the connection hears at 'start' that there is none", async () => {
  await using server = await openServer({ maxSessionsPerAddress: 1 });
  const connect = async () => {
    const client = new TestClient(`${server.url}/v1/captions`);
    await client.opened;
    return client;
  };
  await using first = await connect();
  await using second = await connect();
  first.say(START);
  await first.get("hello");
  second.say(START);
  const { code, retryAfterMs, message } = await second.get("error");
  assertEquals([code, retryAfterMs], ["too_many_from_address", 5000]);
  assertStringIncludes(message, "127.0.0.1");
  assertEquals((await second.closed).code, 1013);
});

Deno.test("admit: pages get security headers, those of allowed origins may read", async () => {
  await using server = await openServer({ allowedOrigins: "https://app.example" });
  const get = async (origin: string) => {
    const response = await fetch(`${server.url}/healthz`, { headers: { origin } });
    await response.body?.cancel();
    return response.headers;
  };
  const headers = await get("https://app.example");
  assertEquals(headers.get("access-control-allow-origin"), "https://app.example");
  assertStringIncludes(headers.get("content-security-policy")!, "default-src 'self'");
  assertEquals(headers.get("x-content-type-options"), "nosniff");
  assertEquals((await get("https://evil.example")).get("access-control-allow-origin"), null);
  const missing = await fetch(`${server.url}/..%2f..%2f/etc/passwd`);
  assertEquals([missing.status, (await missing.json()).error.code], [404, "not_found"]);
});

Deno.test("admit: a wrong key opens no door, however it comes, and is never told back", async () => {
  await using server = await openServer({ apiKeys: `me:${KEY}` });
  const wrong = "a-wrong-key-of-mine";
  const doors = ["/v1/captions", "/v1/listen?encoding=mulaw&sample_rate=8000", "/", "/vosk"];
  for (const path of doors) {
    for (const key of ["", wrong, KEY.slice(1), `${KEY}x`, KEY.toUpperCase()]) {
      const query = `${path.includes("?") ? "&" : "?"}key=${key}`;
      const ways = [
        { path, headers: [`Authorization: Bearer ${key}`] },
        { path, headers: [`Authorization: Token ${key}`] },
        { path, headers: [`X-Api-Key: ${key}`] },
        { path: `${path}${query}` },
        { path, headers: [`Sec-WebSocket-Protocol: hubcap.v1, hubcap.key.${key}`] },
        { path, headers: [`Sec-WebSocket-Protocol: token, ${key}`] },
      ];
      for (const way of ways) {
        using raw = await RawSocket.open(server.url, way);
        assertEquals(raw.status, 401, JSON.stringify(way));
        assertEquals(key !== "" && raw.head.includes(key), false);
      }
    }
  }
  const post = await fetch(`${server.url}/v1/audio/transcriptions`, {
    ...{ method: "POST", body: new FormData(), headers: { authorization: `Bearer ${wrong}` } },
  });
  assertEquals([post.status, (await post.text()).includes(wrong)], [401, false]);
  assertEquals([server.context.gate.socketCount, server.context.gate.speakerCount], [0, 0]);
  const metrics = await (await fetch(`${server.url}/metrics?key=${KEY}`)).text();
  assertStringIncludes(metrics, 'hubcap_refusals_total{code="unauthorized"} 121');
});

Deno.test("admit: metrics need a key where there are keys, health does not", async () => {
  await using server = await openServer({ apiKeys: `me:${KEY}` });
  const status = async (path: string) => {
    const response = await fetch(`${server.url}${path}`);
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await status("/metrics"), 401);
  assertEquals(await status(`/metrics?key=${KEY}`), 200);
  assertEquals(await status("/healthz"), 200);
});
