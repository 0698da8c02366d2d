/**
 * A program: transcribes a long WAV file from standard input as the command line
 * does, and prints the seconds it held and how far memory grew after the first
 * minutes. Run on its own, so that no other test's memory counts.
 *
 * @module
 */
import { HUBCAP } from "../../src/cli/main.ts";
import { runCommandLine } from "../../src/cli/command_line.ts";
import { wavFile } from "../audio/wav_file.ts";
import { fakeTerminal } from "./fake_terminal.ts";

const BYTES_PER_SECOND = 32_000;
/** Before this much, what grows are compilers and pools. */
const WARM_UP_SECONDS = 600;

const [model = "", seconds = "60"] = Deno.args;
let startBytes = 0;
let peakBytes = 0;

/** A 16 kHz mono file of a rising and falling tone, its header first; it never lies in memory. */
function* longWavFile(seconds: number): Generator<Uint8Array> {
  const tone = Float32Array.from({ length: BYTES_PER_SECOND / 2 }, (_, k) => Math.sin(k * 0.05));
  yield wavFile(new Uint8Array(0), { dataByteLength: seconds * BYTES_PER_SECOND });
  for (let i = 0; i < seconds; i++) {
    const amplitude = 3000 * (1 + Math.sin(i));
    const second = new Int16Array(tone.length);
    for (let k = 0; k < tone.length; k++) second[k] = amplitude * tone[k]!;
    const { rss } = Deno.memoryUsage();
    if (i >= WARM_UP_SECONDS) startBytes ||= rss;
    if (startBytes > 0) peakBytes = Math.max(peakBytes, rss);
    yield new Uint8Array(second.buffer);
  }
}

const terminal = {
  ...fakeTerminal(),
  output: "",
  write: (text: string) => void (terminal.output += text),
  writeError: (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text)),
  input: () => ReadableStream.from(longWavFile(Number(seconds))),
};
const code = await runCommandLine(
  ["transcribe", "-", "--model", model, "--backend", "cpu", "--threads", "1", "--format", "json"],
  { line: HUBCAP, terminal },
);
Deno.stdout.writeSync(
  new TextEncoder().encode(JSON.stringify({
    seconds: JSON.parse(terminal.output).seconds,
    growthMiB: (peakBytes - startBytes) / 2 ** 20,
  })),
);
Deno.exit(code);
