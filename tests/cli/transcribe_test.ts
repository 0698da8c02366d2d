/**
 * `hubcap transcribe` in this process.
 *
 * @module
 */
import { HARBOUR, hubcap, MODEL, projectPath, WITH_MODEL } from "./fake_terminal.ts";
import { concat, TemporaryFolder } from "../checkpoint/files.ts";
import { wavFile } from "../audio/wav_file.ts";
import { readSpeech } from "../../src/audio/decode.ts";
import { loadModel } from "../../src/load_model.ts";
import { join } from "../../src/std.ts";
import { transcribe } from "../../src/transcribe.ts";
import { writeTinyCheckpoint } from "../tiny_checkpoint.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../assert.ts";

/** What the library makes of the recording. */
async function harbourText(): Promise<string> {
  await using model = await loadModel(MODEL, { task: "ctc", backend: "cpu", threadCount: 1 });
  const { text } = await transcribe(HARBOUR, { model });
  assert(text.split(" ").length > 20);
  return text;
}

Deno.test("transcribe: JSON has the text, its words and where they come from", async () => {
  const { code, output, errors } = await hubcap([
    "transcribe",
    HARBOUR,
    ...WITH_MODEL,
    "--format",
    "json",
  ]);
  assertEquals([code, errors], [0, ""]);
  assert(output.endsWith("}\n") && output.indexOf("\n") === output.length - 1);
  const { words, text, ...rest } = JSON.parse(output);
  assertEquals(rest, {
    file: HARBOUR,
    model: MODEL,
    backend: "cpu",
    dtype: "float32",
    seconds: rest.seconds,
  });
  assertEquals(words.map((word: { text: string }) => word.text).join(" "), text);
  assertEquals(text, await harbourText());
  for (const { startSeconds, endSeconds, confidence } of words) {
    assert(0 <= startSeconds && startSeconds < endSeconds && endSeconds <= rest.seconds + 0.01);
    assert(0 <= confidence && confidence <= 1);
  }
});

Deno.test("transcribe: text, with times, SRT and WebVTT", async () => {
  const run = async (...options: string[]) => {
    const { code, output, errors } = await hubcap([
      "transcribe",
      HARBOUR,
      ...WITH_MODEL,
      ...options,
    ]);
    assertEquals([code, errors], [0, ""]);
    return output;
  };
  const text = await run();
  assertEquals(text, `${await harbourText()}\n`);
  const words = (lines: string) =>
    lines.split("\n").filter((line) => !/-->|^\d*$|WEBVTT/.test(line)).join(" ");
  const timed = await run("--timestamps");
  for (const line of timed.trimEnd().split("\n")) {
    assertMatch(line, /^\[\d\d:\d\d:\d\d\.\d{3} --> \d\d:\d\d:\d\d\.\d{3}\] \S/);
  }
  assertEquals(timed.replaceAll(/\[.*?\] /g, "").trimEnd().replaceAll("\n", " "), text.trimEnd());
  const srt = await run("--format", "srt");
  assertMatch(srt, /^1\n00:00:00,\d{3} --> 00:00:\d\d,\d{3}\n/);
  assertEquals(words(srt).trim(), text.trimEnd());
  const vtt = await run("--format", "vtt");
  assertMatch(vtt, /^WEBVTT\n\n00:00:00\.\d{3} --> /);
  assertEquals(words(vtt).trim(), text.trimEnd());
});

Deno.test("transcribe: each language has its own letters", async () => {
  const { output } = await hubcap(["transcribe", HARBOUR, ...WITH_MODEL, "--language", "deu"]);
  assertMatch(output, /^[aßü ]+\n$/);
  const missing = await hubcap(["transcribe", HARBOUR, ...WITH_MODEL, "--language", "xyz"]);
  assertEquals(missing.code, 1);
  assertStringIncludes(missing.errors, "deu, eng, fra");
});

Deno.test("transcribe: several recordings, a file each in a folder", async () => {
  await using folder = new TemporaryFolder();
  const output = join(folder.path, "subtitles");
  const flac = projectPath("samples/balloons.flac");
  const { code, output: shown, errors } = await hubcap(
    ["transcribe", HARBOUR, flac, ...WITH_MODEL, "--format", "vtt", "--output", output],
  );
  assertEquals([code, shown, errors], [0, "", ""]);
  for (const name of ["harbour.vtt", "balloons.vtt"]) {
    assertMatch(await Deno.readTextFile(join(output, name)), /^WEBVTT\n\n/);
  }
});

Deno.test("transcribe: words reach a watching person as they come", async () => {
  await using folder = new TemporaryFolder();
  const speech = await readSpeech(HARBOUR);
  const samples = Float32Array.from({ length: 16_000 * 40 }, (_, i) => speech[i % speech.length]!);
  const path = await folder.write(
    "long.wav",
    wavFile(new Uint8Array(samples.buffer), { tag: 3, bits: 32 }),
  );
  const pieces: string[] = [];
  const args = ["transcribe", path, ...WITH_MODEL];
  const live = await hubcap(args, {
    isTerminal: true,
    isErrorTerminal: true,
    onWrite: (text) => pieces.push(text),
  });
  const still = await hubcap(args);
  assertEquals(live.output, still.output);
  assert(pieces.length > 3, `${pieces.length} pieces`);
  assertMatch(live.errors, /long\.wav: 40\.0 s, \d+\.\d×\n$/);
  assertEquals(still.errors, "");
});

Deno.test("transcribe: --device-info says which backend and why, with or without a recording", async () => {
  const alone = await hubcap(["transcribe", "--device-info", "--backend", "cpu"]);
  assertEquals([alone.code, alone.errors], [0, ""]);
  assertMatch(alone.output, /^cpu \(.*\d+ threads?.*\): asked for by name\n$/);
  const { output, errors } = await hubcap(["transcribe", HARBOUR, "--device-info", ...WITH_MODEL]);
  assertMatch(errors, /^backend: cpu \(.*\): asked for by name, float32\n$/);
  assert(!output.includes("cpu"));
});

Deno.test("transcribe: bad recordings are named, good ones are done all the same", async () => {
  await using folder = new TemporaryFolder();
  const floats = (values: ArrayLike<number>) =>
    wavFile(new Uint8Array(Float32Array.from(values).buffer), { tag: 3, bits: 32 });
  const bad: Record<string, [Uint8Array | string, RegExp]> = {
    "text.wav": ["These are no samples but words.", /looks like .*text/],
    "empty.wav": ["", /source is empty/],
    "none.wav": [wavFile(new Uint8Array(0)), /holds no samples/],
    "nan.wav": [floats([0, NaN, 0]), /finite|sample 1 is NaN/],
    "infinite.wav": [floats({ length: 4000, 2000: Infinity }), /finite/],
    "cut.wav": [wavFile(new Uint8Array(0)).subarray(0, 20), /Cannot decode/],
    "noise.mp3": [
      concat([0xff, 0xfb, 0x90, 0], new Uint8Array(2000).map((_, i) => i * 37 + 11)),
      /Cannot decode/,
    ],
  };
  const paths: string[] = [];
  for (const [name, [content]] of Object.entries(bad)) {
    paths.push(await folder.write(name, content));
  }
  const short = await folder.write("short.wav", floats(new Float32Array(134)));
  const { code, output, errors } = await hubcap(
    ["transcribe", ...paths, folder.path, short, HARBOUR, ...WITH_MODEL],
  );
  assertEquals(code, 1);
  const lines = errors.trimEnd().split("\n");
  assertEquals(lines.length, paths.length + 1, errors);
  for (const [i, [, expected]] of Object.values(bad).entries()) {
    assert(lines[i]!.startsWith(`error: ${paths[i]}: `), lines[i]);
    assertMatch(lines[i]!, expected);
  }
  assertEquals(lines.at(-1), `error: ${folder.path}: Cannot read it as it is a folder`);
  const [shortLine, line] = output.trimEnd().split("\n");
  assertEquals(shortLine, `${short}:`); // a recording shorter than a frame has no words
  assertEquals(line, `${HARBOUR}: ${await harbourText()}`);
});

Deno.test("transcribe: 399 samples, fewer than a frame, are no words and no error", async () => {
  await using folder = new TemporaryFolder();
  await writeTinyCheckpoint(folder.path, {
    config: { conv_kernel: [400], conv_stride: [320] },
    shapes: { "feature_extractor.conv_layers.0.conv.weight": [4, 1, 400] },
  });
  const path = await folder.write("short.wav", wavFile(new Uint8Array(399 * 2)));
  const { code, output, errors } = await hubcap(
    ["transcribe", path, "--model", folder.path, "--backend", "cpu", "--format", "json"],
  );
  assertEquals([code, errors], [0, ""]);
  const { text, words, seconds } = JSON.parse(output);
  assertEquals([text, words, seconds], ["", [], 399 / 16_000]);
});

Deno.test("transcribe: wrong calls are told from failures", async () => {
  await using folder = new TemporaryFolder();
  const wrong: [string[], string][] = [
    [["transcribe"], "give a file, or - for standard input"],
    [["transcribe", "a.wav", "b.wav", "-m", MODEL, "-f", "srt"], "give --output with a folder"],
    [["transcribe", "a.wav", "a.wav", "-m", MODEL], "give each file once"],
    [["transcribe", "a.wav", "a.mp3", "-m", MODEL, "-o", folder.path], "for each of a.wav, a.mp3"],
    [["transcribe", "a.wav", "-m", MODEL, "--backend", "gpu"], "auto, webgpu, wasm, cpu"],
    [["transcribe", "a.wav", "-m", MODEL, "--dtype", "int3"], "float32, float16, int8, int4"],
    [["transcribe", "a.wav", "-m", MODEL, "--threads", "0"], "positive integer"],
    [["transcribe", "a.wav", "-m", MODEL, "--fromat", "srt"], "Did you mean --format?"],
  ];
  for (const [args, message] of wrong) {
    const { code, output, errors } = await hubcap(args);
    assertEquals([code, output], [2, ""], args.join(" "));
    assertStringIncludes(errors, message);
    assertStringIncludes(errors, "See hubcap --help");
  }
  const typed = await hubcap(["transcribe", "-", "-m", MODEL], { isInputTerminal: true });
  assertEquals(typed.code, 2);
  const unknown = await hubcap(["transcribe", HARBOUR, "-m", "no-such-model"]);
  assertEquals([unknown.code, unknown.output], [1, ""]);
  assertMatch(unknown.errors, /^error: Cannot find a checkpoint by "no-such-model"/);
});

Deno.test("transcribe: interrupted, it gives the signal's reason", async () => {
  const reason = new Deno.errors.Interrupted("stop");
  const error = await assertRejects(() =>
    hubcap(["transcribe", HARBOUR, ...WITH_MODEL], { signal: AbortSignal.abort(reason) })
  );
  assertEquals(error, reason);
});
