import { assert, assertEquals } from "../assert.ts";
import {
  commonPast,
  lastEndedBy,
  lengthen,
  pathCutter,
  type SpanPath,
  spansOf,
} from "../../src/ctc/span_path.ts";

function push(previous: SpanPath | undefined, id: number, startFrame: number): SpanPath {
  return { previous, id, startFrame, endFrame: startFrame + 1, probabilitySum: 0.5 };
}

const first = push(undefined, 1, 0);
const second = push(first, 2, 3);
const left = push(second, 3, 5);
const right = push(push(second, 4, 4), 5, 6);

Deno.test("a path is read from its first token to its last", () => {
  assertEquals(spansOf(undefined), []);
  assertEquals(spansOf(second), [
    { id: 1, startFrame: 0, endFrame: 1, probability: 0.5 },
    { id: 2, startFrame: 3, endFrame: 4, probability: 0.5 },
  ]);
});

Deno.test("lengthening adds a frame and leaves the old path alone", () => {
  const longer = lengthen(second, Math.log(0.1));
  assertEquals([longer?.startFrame, longer?.endFrame], [3, 5]);
  assertEquals(spansOf(longer)[1]?.probability, 0.3);
  assertEquals(second.endFrame, 4);
  assertEquals(lengthen(undefined, 0), undefined);
});

Deno.test("paths share their past by identity, not by looks", () => {
  assert(commonPast([left, right]) === second);
  assert(commonPast([left, left]) === left);
  assertEquals(commonPast([left, undefined]), undefined);
  assertEquals(commonPast([left, push(push(undefined, 1, 0), 2, 3)]), undefined);
});

Deno.test("the latest token that ended by a frame", () => {
  assert(lastEndedBy(right, 4) === second);
  assert(lastEndedBy(right, 3) === first);
  assertEquals(lastEndedBy(right, 0), undefined);
});

Deno.test("cut paths keep what they share", () => {
  const cut = pathCutter(first);
  const [a, b] = [cut(left), cut(right)];
  assertEquals([spansOf(a), spansOf(b)], [spansOf(left).slice(1), spansOf(right).slice(1)]);
  assert(commonPast([a, b])?.id === 2);
  assertEquals([cut(first), cut(undefined)], [undefined, undefined]);
  assertEquals(spansOf(left).length, 3);
});
