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
  const first = gate.admitSpeaker("a");
  assertEquals(gate.admitSpeaker("a").kind, "admitted");
  const third = gate.admitSpeaker("a");
  assertEquals([third.kind, "status" in third && third.status], ["refused", 429]);
  assertEquals(gate.admitSpeaker("b").kind, "admitted");
  const full = gate.admitSpeaker("c");
  assertEquals("status" in full && [full.status, full.code], [503, "server_full"]);
  assertEquals("status" in full && full.retryAfterMs! > 0, true);
  if (first.kind === "admitted") {
    first[Symbol.dispose]();
    first[Symbol.dispose]();
  }
  assertEquals(gate.speakerCount, 2);
  assertEquals(gate.admitSpeaker("a").kind, "admitted");
  assertEquals(gate.admitSpeaker("c").kind, "refused");
});

Deno.test("Gate: room for connections", () => {
  const gate = new Gate(resolveConfig({ flags: { maxSockets: 1 } }));
  const one = gate.admitSocket();
  assertEquals(gate.admitSocket().kind, "refused");
  if (one.kind === "admitted") one[Symbol.dispose]();
  assertEquals([gate.socketCount, gate.admitSocket().kind], [0, "admitted"]);
});
