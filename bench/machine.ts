/**
 * The machine and versions that a result belongs to.
 *
 * @module
 */
import config from "../deno.json" with { type: "json" };
import { fromFileUrl } from "../src/std.ts";

/** What a result depends on besides the code. */
export interface MachineFacts {
  readonly date: string;
  readonly cpu: string;
  readonly coreCount: number;
  readonly memoryGib: number;
  readonly os: string;
  readonly deno: string;
  readonly onnxruntime: string;
  readonly hubcap: string;
  /** The commit, where the program is a checkout and git is there. */
  readonly commit: string;
  /** Processes that wanted to run when the benchmark began, over the last minute: noise. */
  readonly load: number;
}

/** Looks at the machine. */
export async function machineFacts(): Promise<MachineFacts> {
  return {
    date: new Date().toISOString(),
    cpu: await cpuName(),
    coreCount: navigator.hardwareConcurrency,
    memoryGib: Math.round(Deno.systemMemoryInfo().total / 2 ** 30),
    os: `${Deno.build.os} ${Deno.build.arch}`,
    deno: Deno.version.deno,
    onnxruntime: config.imports["onnxruntime-node"].split("@").at(-1)!,
    hubcap: config.version,
    commit: await commitName(),
    load: Deno.loadavg()[0]!,
  };
}

async function commitName(): Promise<string> {
  try {
    const { success, stdout } = await new Deno.Command("git", {
      args: ["describe", "--always", "--dirty"],
      cwd: fromFileUrl(new URL(".", import.meta.url)),
      stderr: "null",
    }).output();
    return success ? new TextDecoder().decode(stdout).trim() : "unknown";
  } catch {
    return "unknown"; // no git
  }
}

/** Instruction sets that change which kernels run. */
const INSTRUCTION_SETS = ["avx2", "avx512f", "avx_vnni", "avx512_vnni", "amx_int8"];

async function cpuName(): Promise<string> {
  const text = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  const field = (name: string) => text.match(new RegExp(`^${name}\\s*: (.*)$`, "m"))?.[1] ?? "";
  const flags = field("flags").split(" ");
  const sets = INSTRUCTION_SETS.filter((name) => flags.includes(name));
  return [field("model name") || "unknown", ...sets].join(" ");
}
