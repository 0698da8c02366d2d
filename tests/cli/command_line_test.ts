/**
 * Tests of what all commands share.
 *
 * @module
 */
import { HUBCAP } from "../../src/cli/main.ts";
import { runCommandLine } from "../../src/cli/command_line.ts";
import type { CommandSpec } from "../../src/cli/command.ts";
import { assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { fakeTerminal, hubcap } from "./fake_terminal.ts";

Deno.test("help: of the program and of each command", async () => {
  const { code, output, errors } = await hubcap(["--help"]);
  assertEquals([code, errors], [0, ""]);
  for (const { name, summary, options } of HUBCAP.commands) {
    assertStringIncludes(output, summary);
    const help = await hubcap(["help", name]);
    assertEquals([help.code, help.errors], [0, ""]);
    for (const option of options) assertStringIncludes(help.output, `--${option.name}`);
    assertEquals(await hubcap([name, "--help"]), help);
  }
});

Deno.test("version: on standard output", async () => {
  assertEquals(await hubcap(["--version"]), { code: 0, output: `${HUBCAP.version}\n`, errors: "" });
});

Deno.test("an unknown command or none is a wrong call", async () => {
  const { code, errors } = await hubcap(["transcibe"]);
  assertEquals(code, 2);
  assertStringIncludes(errors, "Did you mean transcribe?");
  assertEquals((await hubcap([])).code, 2);
});

Deno.test("errors: coloured only where colours are understood, with their causes under --debug", async () => {
  const command: CommandSpec = {
    name: "fail",
    summary: "Fail",
    parameters: [],
    options: [],
    notes: "",
    run: () => Promise.reject(new TypeError("Cannot", { cause: new Error("the root") })),
  };
  const line = { name: "test", version: "1", summary: "", commands: [command] };
  const run = async (args: string[], hasColors: boolean) => {
    const terminal = fakeTerminal({ hasColors });
    assertEquals(await runCommandLine(args, { line, terminal }), 1);
    return terminal.errors;
  };
  assertEquals(await run(["fail"], false), "error: Cannot\n");
  assertEquals(await run(["fail"], true), "\x1b[1;31merror:\x1b[0m Cannot\n");
  assertMatch(
    await run(["fail", "--debug"], false),
    /TypeError: Cannot\n[^]*caused by Error: the root/,
  );
});

Deno.test("a reader that went away ends the program quietly", async () => {
  const write = () => {
    throw new Deno.errors.BrokenPipe("Broken pipe");
  };
  const terminal = { ...fakeTerminal(), write };
  assertEquals(await runCommandLine(["--version"], { line: HUBCAP, terminal }), 141);
});
