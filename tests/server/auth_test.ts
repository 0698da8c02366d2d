import { assertEquals, assertThrows } from "../assert.ts";
import { identify, isOriginAllowed, isSameSecret, parseApiKeys } from "../../src/server/auth.ts";

const KEYS = parseApiKeys(["anna:anna-s-key-0123456789", "0123456789-a-key-without-name"]);

function request(headers: Record<string, string> = {}, query = ""): Request {
  return new Request(`http://captions.example/v1/captions${query}`, { headers });
}

Deno.test("identify: a key by header, query or subprotocol", () => {
  const key = "anna-s-key-0123456789";
  const cases: [Request, string | undefined][] = [
    [request({ authorization: `Bearer ${key}` }), undefined],
    [request({ authorization: `Token ${key}` }), undefined],
    [request({ "x-api-key": key }), undefined],
    [request({}, `?key=${key}`), undefined],
    [request({ "sec-websocket-protocol": `hubcap.v1, hubcap.key.${key}` }), "hubcap.v1"],
    [request({ "sec-websocket-protocol": `token, ${key}` }), "token"],
    [request({ "sec-websocket-protocol": `bearer, ${key}, x-session-id, 1` }), "bearer"],
  ];
  for (const [shown, subprotocol] of cases) {
    assertEquals(identify(shown, KEYS), { kind: "known", keyName: "anna", subprotocol });
  }
  const nameless = request({ "x-api-key": "0123456789-a-key-without-name" });
  assertEquals(identify(nameless, KEYS), {
    kind: "known",
    keyName: "key2",
    subprotocol: undefined,
  });
});

Deno.test("identify: wrong, short, missing and confused keys are refused alike", () => {
  const wrong: Request[] = [
    request(),
    request({ authorization: "Bearer " }),
    request({ authorization: "anna-s-key-0123456789" }),
    request({ "x-api-key": "anna" }),
    request({ "x-api-key": "anna:anna-s-key-0123456789" }),
    request({ "x-api-key": "anna-s-key-0123456789x" }),
    request({ "sec-websocket-protocol": "token" }),
    request({ "sec-websocket-protocol": "hubcap.key." }),
    request({}, "?key=__proto__"),
  ];
  for (const shown of wrong) assertEquals(identify(shown, KEYS).kind, "unknown");
  assertEquals(identify(request(), []).kind, "known");
});

Deno.test("parseApiKeys: refuses keys that are short, cannot be sent, or share a name", () => {
  for (const line of ["short", "me:short", "me:a key with many spaces", "me:käse-käse-käse-käse"]) {
    assertThrows(() => parseApiKeys([line]), RangeError, "16");
  }
  const twice = ["me:0123456789abcdef", "me:fedcba9876543210"];
  assertThrows(() => parseApiKeys(twice), RangeError, "same name");
});

Deno.test("isSameSecret: equal and unequal, of any length", () => {
  assertEquals(isSameSecret("abc", "abc"), true);
  assertEquals(isSameSecret("abc", "abcd"), false);
  assertEquals(isSameSecret("", "a"), false);
});

Deno.test("isOriginAllowed: programs, the own page, those listed; no rebound name", () => {
  const from = (origin: string, host = "captions.example") => request({ origin, host });
  const open = { allowedOrigins: ["https://app.example"], isLoopback: false };
  const local = { allowedOrigins: [], isLoopback: true };
  assertEquals(isOriginAllowed(request(), open), true);
  assertEquals(isOriginAllowed(from("https://app.example"), open), true);
  assertEquals(isOriginAllowed(from("http://captions.example"), open), true);
  assertEquals(isOriginAllowed(from("https://evil.example"), open), false);
  assertEquals(isOriginAllowed(from("null"), open), false);
  assertEquals(isOriginAllowed(from("http://evil:1", "evil:1"), local), false);
  assertEquals(isOriginAllowed(from("http://localhost:8080", "localhost:8080"), local), true);
  assertEquals(isOriginAllowed(from("http://127.0.0.1:1", "127.0.0.1:1"), local), true);
  assertEquals(
    isOriginAllowed(from("https://x.example"), { ...local, allowedOrigins: ["*"] }),
    true,
  );
});
