/**
 * The door to commander: command specs in, an exit code out.
 *
 * @module
 */
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { type CommandSpec, EXIT_CODES, type OptionSpec, UsageError } from "./command.ts";
import { errorText } from "./error_text.ts";
import type { Terminal } from "./terminal.ts";

/** What {@linkcode runCommandLine} offers. */
export interface CommandLine {
  /** Name of the program. */
  readonly name: string;
  /** Its version. */
  readonly version: string;
  /** What it is, in a line. */
  readonly summary: string;
  /** What it can do. */
  // deno-lint-ignore no-explicit-any
  readonly commands: readonly CommandSpec<any>[];
}

const DEBUG_OPTION: OptionSpec = {
  name: "debug",
  description: "show the origin of errors",
  value: { kind: "flag" },
};

/**
 * Parses arguments and runs the command they name. Errors are written, never thrown.
 *
 * @param args Arguments, without the program's own name.
 * @returns The exit code: 0, 1 when the work failed, 2 when the call was wrong.
 * @throws The reason of the terminal's signal, once that is aborted.
 */
export async function runCommandLine(
  args: readonly string[],
  { line, terminal }: { line: CommandLine; terminal: Terminal },
): Promise<number> {
  let exitCode: number = EXIT_CODES.ok;
  const program = programOf(line, terminal, async (spec, parameters, values) => {
    exitCode = await spec.run(parameters, values, terminal);
  });
  try {
    await program.parseAsync(ownHelp(args, line), { from: "user" });
    return exitCode;
  } catch (error) {
    terminal.signal.throwIfAborted();
    return report(error, { terminal, debug: args.includes("--debug"), line });
  }
}

/** `help bench` as `bench --help`, where a command reads its own options. */
function ownHelp(args: readonly string[], { commands }: CommandLine): readonly string[] {
  const [word, name] = args;
  const asked = word === "help" ? commands.find((spec) => spec.name === name) : undefined;
  return asked?.passesThrough ? [asked.name, "--help"] : args;
}

function report(
  error: unknown,
  { terminal, debug, line }: { terminal: Terminal; debug: boolean; line: CommandLine },
): number {
  if (error instanceof CommanderError) { // it has said so itself
    return error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.usage;
  }
  if (error instanceof Deno.errors.BrokenPipe) return EXIT_CODES.brokenPipe;
  terminal.writeError(errorText(error, { debug, terminal }));
  if (!(error instanceof UsageError)) return EXIT_CODES.failure;
  terminal.writeError(`See ${line.name} --help\n`);
  return EXIT_CODES.usage;
}

type Run = (spec: CommandSpec, parameters: string[], values: object) => Promise<void>;

function programOf(line: CommandLine, terminal: Terminal, run: Run): Command {
  const program = new Command(line.name)
    .description(line.summary)
    .version(line.version, "-V, --version", "show the version")
    .helpOption("-h, --help", "show this help")
    .helpCommand("help [command]", "show the help of a command")
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError(`See ${line.name} --help`)
    .configureOutput({
      writeOut: (text) => terminal.write(text),
      writeErr: (text) => terminal.writeError(text),
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
    });
  for (const spec of line.commands) {
    const command = program.command(spec.name)
      .description(spec.summary)
      .helpOption("-h, --help", "show this help")
      .addHelpText("after", `\n${spec.notes}`);
    for (const { usage, description } of spec.parameters) {
      command.addArgument(new Argument(usage, description));
    }
    if (spec.passesThrough) command.helpOption(false).passThroughOptions().allowUnknownOption();
    else for (const option of [...spec.options, DEBUG_OPTION]) command.addOption(optionOf(option));
    command.action(() => run(spec, command.args, command.opts()));
  }
  return program;
}

function optionOf({ name, short, description, value, default: fallback }: OptionSpec): Option {
  const names = short === undefined ? `--${name}` : `-${short}, --${name}`;
  const taken = value.kind === "flag" ? "" : ` <${value.name}>`;
  const text = fallback === undefined ? description : `${description} (default: ${fallback})`;
  const option = new Option(`${names}${taken}`, text);
  if (value.kind === "choice") option.choices([...value.choices]);
  if (value.kind === "count") option.argParser(parseCount);
  return option;
}

function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new InvalidArgumentError("It must be a positive integer.");
}
