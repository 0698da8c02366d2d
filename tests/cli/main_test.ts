/**
 * The program as it is run: a process of its own.
 *
 * @module
 */
import { transcribe } from "../../src/transcribe.ts";
import { loadModel } from "../../src/load_model.ts";
import { VERSION } from "../../src/cli/version.ts";
import { TemporaryFolder } from "../checkpoint/files.ts";
import { writeTinyCheckpoint } from "../tiny_checkpoint.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { HARBOUR, MODEL, type Outcome, projectPath, WITH_MODEL } from "./fake_terminal.ts";

const MAIN = projectPath("src/cli/main.ts");

function spawn(args: readonly string[], options: Deno.CommandOptions = {}): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", MAIN, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...options,
  }).spawn();
}

async function outcomeOf(process: Deno.ChildProcess): Promise<Outcome> {
  const { code, stdout, stderr } = await process.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, output: text(stdout), errors: text(stderr) };
}

Deno.test("hubcap transcribe: standard input and a bad file, in a process", async () => {
  const process = spawn(["transcribe", "-", "/no/such/file.wav", ...WITH_MODEL], {
    stdin: "piped",
  });
  const file = await Deno.open(HARBOUR);
  await file.readable.pipeTo(process.stdin);
  const { code, output, errors } = await outcomeOf(process);
  await using model = await loadModel(MODEL, { task: "ctc", backend: "cpu", threadCount: 1 });
  const { text } = await transcribe(HARBOUR, { model });
  assertEquals(output, `-: ${text}\n`);
  assertEquals(errors, "error: /no/such/file.wav: Cannot read it as there is no such file\n");
  assertEquals(code, 1);
});

Deno.test("hubcap: exit code of a wrong call, no stack, no colours in a pipe", async () => {
  const { code, errors } = await outcomeOf(spawn(["transcribe", "a.wav", "--fromat", "srt"]));
  assertEquals(code, 2);
  assertStringIncludes(errors, "Did you mean --format?");
  assert(!errors.includes("    at ") && !errors.includes("\x1b"), errors);
});

Deno.test({
  name: "hubcap transcribe: an interrupted process ends with 130",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using folder = new TemporaryFolder();
    await writeTinyCheckpoint(folder.path);
    // Its input never ends, so only the interruption ends it.
    const process = spawn(
      ["transcribe", "-", "--device-info", "--model", folder.path, "--backend", "cpu"],
      { stdin: "piped" },
    );
    const errors = process.stderr.getReader();
    const { value } = await errors.read();
    assertMatch(new TextDecoder().decode(value), /^backend: cpu/);
    process.kill("SIGINT");
    const { value: rest } = await errors.read();
    assertEquals(rest, undefined);
    errors.releaseLock();
    const { code } = await process.status;
    await Promise.all([process.stdout.cancel(), process.stdin.close().catch(() => {})]);
    assertEquals(code, 130);
  },
});

Deno.test("hubcap transcribe: memory stays bounded over three hours", async () => {
  await using folder = new TemporaryFolder();
  await writeTinyCheckpoint(folder.path);
  const program = projectPath("tests/cli/long_recording.ts");
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", program, folder.path, "10800"],
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  const { seconds, growthMiB } = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals(seconds, 10_800);
  // As samples the recording takes 659 MiB, as a file half of that.
  assert(growthMiB < 200, `memory grew by ${growthMiB} MiB`);
});

Deno.test("VERSION: as in deno.json", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(projectPath("deno.json")));
  assertEquals(VERSION, version);
});
