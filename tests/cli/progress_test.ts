import { Progress, progressText } from "../../src/cli/progress.ts";
import { assertEquals } from "../assert.ts";
import { fakeTerminal } from "./fake_terminal.ts";

Deno.test("progressText: the label gives way first, then the bar", () => {
  const line = { label: "recordings/harbour.wav", fraction: 0.5, detail: "12.0 s, 8.0×" };
  assertEquals(
    progressText(line, 80),
    "recordings/harbour.wav [############------------]  50% 12.0 s, 8.0×",
  );
  assertEquals(progressText(line, 56), "…arbour.wav [############------------]  50% 12.0 s, 8.0×");
  assertEquals(progressText(line, 30), "…harbour.wav  50% 12.0 s, 8.0×");
  for (let width = 1; width < 80; width++) {
    assertEquals(progressText(line, width).length <= width, true, `${width}`);
  }
});

Deno.test("Progress: ten times a second at most, and only for a person", () => {
  let nowMs = 0;
  const terminal = fakeTerminal({ isErrorTerminal: true });
  const progress = new Progress(terminal, () => nowMs);
  progress.show({ label: "a", detail: "1" });
  nowMs = 50;
  progress.show({ label: "a", detail: "2" });
  nowMs = 100;
  progress.show({ label: "a", detail: "3" });
  progress.clear();
  progress.clear();
  assertEquals(terminal.errors, "\r\x1b[2Ka 1\r\x1b[2Ka 3\r\x1b[2K");

  const controller = new AbortController();
  const stopped = fakeTerminal({ isErrorTerminal: true, signal: controller.signal });
  const last = new Progress(stopped);
  last.show({ label: "a", detail: "1" });
  controller.abort();
  last.show({ label: "a", detail: "2" });
  assertEquals(stopped.errors, "\r\x1b[2Ka 1\r\x1b[2K");

  const unwatched = fakeTerminal();
  new Progress(unwatched).show({ label: "a", detail: "1" });
  assertEquals(unwatched.errors, "");
});
