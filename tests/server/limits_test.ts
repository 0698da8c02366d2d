import { assertEquals } from "../assert.ts";
import { resolveConfig } from "../../src/server/config.ts";
import { Gate, SpeedLimit } from "../../src/server/limits.ts";

Deno.test("SpeedLimit: a burst, then as fast as allowed, on average for ever", () => {
  let nowMs = 0;
  const limit = new SpeedLimit({ maxSpeed: 2, burstSeconds: 10, nowMs: () => nowMs });
  assertEquals(limit.take(10), true);
  assertEquals(limit.take(0.1), false);
  nowMs = 1000;
  assertEquals(limit.take(2.1), false);
  assertEquals(limit.take(2), true);
  let taken = 0;
  for (; nowMs < 101_000; nowMs += 10) if (limit.take(0.05)) taken += 0.05;
  assertEquals(Math.abs(taken - 200) < 1, true);
});

Deno.test("Gate: room for speakers in all and by key, given back once", () => {
  const gate = new Gate(resolveConfig({ flags: { maxSessions: 3, maxSessionsPerKey: 2 } }));
  const ask = (keyName: string) => gate.admitSpeaker({ keyName, address: undefined });
  const first = ask("a");
  assertEquals(ask("a").kind, "admitted");
  const third = ask("a");
  assertEquals([third.kind, "status" in third && third.status], ["refused", 429]);
  assertEquals(ask("b").kind, "admitted");
  const full = ask("c");
  assertEquals("status" in full && [full.status, full.code], [503, "server_full"]);
  assertEquals("status" in full && full.retryAfterMs! > 0, true);
  if (first.kind === "admitted") {
    first[Symbol.dispose]();
    first[Symbol.dispose]();
  }
  assertEquals(gate.speakerCount, 2);
  assertEquals(ask("a").kind, "admitted");
  assertEquals(ask("c").kind, "refused");
});

Deno.test("Gate: room for speakers by address, whatever their keys, and where none is known", () => {
  const gate = new Gate(resolveConfig({ flags: { maxSessionsPerAddress: 2 } }));
  const ask = (keyName: string | undefined, address: string | undefined) => {
    const permit = gate.admitSpeaker({ keyName, address });
    return permit.kind === "admitted" ? permit : [permit.status, permit.code];
  };
  const first = ask("a", "192.0.2.1") as Disposable;
  ask(undefined, "192.0.2.1");
  assertEquals(ask("b", "192.0.2.1"), [429, "too_many_from_address"]);
  for (const address of ["192.0.2.2", undefined, undefined, undefined]) {
    assertEquals("kind" in ask(undefined, address), true, address);
  }
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  assertEquals("kind" in ask("b", "192.0.2.1"), true);
  assertEquals(ask("a", "192.0.2.1"), [429, "too_many_from_address"]);
  assertEquals(gate.speakerCount, 6);
});

Deno.test("Gate: room for connections", () => {
  const gate = new Gate(resolveConfig({ flags: { maxSockets: 1 } }));
  const one = gate.admitSocket();
  assertEquals(gate.admitSocket().kind, "refused");
  if (one.kind === "admitted") one[Symbol.dispose]();
  assertEquals([gate.socketCount, gate.admitSocket().kind], [0, "admitted"]);
});
