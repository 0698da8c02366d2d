import { assertEquals } from "../assert.ts";
import { LiveCaptions } from "../../src/cli/live_captions.ts";
import type { CaptionMessage } from "../../src/server/protocol.ts";

const words = (text: string) =>
  text.split(" ").filter(Boolean).map((text) => ({ text, startMs: 0, endMs: 1, confidence: 1 }));
const caption = (committed: string, tentative = ""): CaptionMessage => ({
  ...{ type: "caption", seq: 1, firstWord: 0, settledMs: 0 },
  committed: words(committed),
  tentative: words(tentative),
});

function terminal(width: number, isTerminal = true) {
  const fake = { isTerminal, width, text: "", write: (text: string) => void (fake.text += text) };
  return fake;
}

/** What stands on the screen: each line as it was last drawn, dimmed words in brackets. */
function screenOf(text: string): string[] {
  return text.replaceAll("\x1b[2m", "[").replaceAll("\x1b[22m", "]").split("\n")
    .map((line) => line.split("\r\x1b[2K").at(-1)!);
}

Deno.test("LiveCaptions: final words stay, tentative ones are written over, lines break", () => {
  const fake = terminal(20);
  const captions = new LiveCaptions(fake);
  captions.show(caption("", "good mourning"));
  assertEquals(screenOf(fake.text), ["[good mourning]"]);
  captions.show(caption("good morning", "ladies and"));
  assertEquals(screenOf(fake.text), ["good morning [ladies]"]);
  captions.show(caption("ladies and"));
  assertEquals(screenOf(fake.text), ["good morning ladies", "and"]);
  captions.show({ type: "utterance_end", seq: 2, startMs: 0, endMs: 1, wordCount: 4 });
  captions.show(caption("", "gone"));
  captions.end();
  assertEquals(screenOf(fake.text), ["good morning ladies", "and", "", ""]);
});

Deno.test("LiveCaptions: where nobody watches, final words alone", () => {
  const fake = terminal(20, false);
  const captions = new LiveCaptions(fake);
  captions.show(caption("one", "too"));
  captions.show(caption("two three four five six seven"));
  captions.end();
  captions.end();
  assertEquals(fake.text, "one two three four five six seven\n");
});
