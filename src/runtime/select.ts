/**
 * Choosing a backend, aloud.
 *
 * @module
 */
import type { Backend, BackendName, BackendOptions, BackendProbe } from "./backend.ts";
import { openCpu } from "./cpu.ts";
import { reasonOf } from "./lazy_file.ts";
import { openWasm } from "./wasm.ts";
import { openWebgpu } from "./webgpu.ts";
import type { WorkerBackend } from "./worker_backend.ts";
import { BackendError } from "../errors.ts";

/** What a caller may ask for: one backend, or the best there is. */
export type BackendChoice = "auto" | BackendName;

/** Every {@linkcode BackendChoice}. */
export const BACKEND_CHOICES = ["auto", "webgpu", "wasm", "cpu"] as const;

/** Settings of {@linkcode openBackend}. */
export interface OpenBackendOptions extends BackendOptions {
  /**
   * Milliseconds a representative piece of work takes on a backend. Asked, for `auto`, of every
   * candidate when there are several; without it the first in order is taken: a real GPU, native
   * code, WebAssembly.
   */
  readonly measure?: (backend: Backend) => Promise<number>;
}

/** One backend that was looked at. */
export interface Candidate {
  /** Which backend. */
  readonly name: BackendName;
  /** What was found. */
  readonly probe: BackendProbe;
  /** What `measure` said, when it was asked and did not fail. */
  readonly measuredMs?: number;
  /** Why `measure` failed, when it did. */
  readonly failure?: string;
}

/** How a choice was made. */
export interface SelectionReport {
  /** The backend that was opened. */
  readonly chosen: BackendName;
  /** Why, in a sentence for people. */
  readonly reason: string;
  /** Every backend that was looked at, in order. */
  readonly candidates: readonly Candidate[];
}

/** An opened backend and why it is this one. */
export interface OpenedBackend {
  /** The backend; the caller disposes it. */
  readonly backend: Backend;
  /** How it was chosen. */
  readonly report: SelectionReport;
}

/** How each backend is opened. */
export type Openers = Readonly<
  Record<
    BackendName,
    (options: BackendOptions) => Promise<Backend & Pick<WorkerBackend, "probe">>
  >
>;

type ProbedBackend = Awaited<ReturnType<Openers[BackendName]>>;

const OPENERS: Openers = { webgpu: openWebgpu, cpu: openCpu, wasm: openWasm };

/**
 * Opens the named backend, or for `auto` the best there is.
 *
 * @param choice `auto`, or one backend: then that one or an error, never another.
 * @returns The backend, and how it was chosen.
 * @throws {BackendError} If the named backend, or every backend, is absent; says why and what would help.
 */
export async function openBackend(
  choice: BackendChoice,
  options: OpenBackendOptions = {},
): Promise<OpenedBackend> {
  if (choice === "auto") return await openBest(options, OPENERS);
  if (!Object.hasOwn(OPENERS, choice)) {
    throw new RangeError(
      `Cannot open backend "${choice}" as there is none of that name: choose one of ${
        BACKEND_CHOICES.join(", ")
      }`,
    );
  }
  const { measure: _, ...backendOptions } = options;
  const backend = await OPENERS[choice](backendOptions);
  const software = backend.isSoftware ? ", a software stand-in for a GPU" : "";
  return {
    backend,
    report: {
      chosen: choice,
      reason: `${choice} (${backend.device}${software}): asked for by name`,
      candidates: [{ name: choice, probe: backend.probe }],
    },
  };
}

/** `openBackend("auto")` over given openers. */
export async function openBest(
  options: OpenBackendOptions,
  openers: Openers,
): Promise<OpenedBackend> {
  const { measure, ...backendOptions } = options;
  const found: Candidate[] = [];
  const open: ProbedBackend[] = [];
  try {
    for (const name of ["webgpu", "cpu", "wasm"] as const) {
      const isEnough = open.length > 0 && (!measure || name === "wasm");
      if (isEnough) break;
      const { backend, probe } = await tryOpen(openers[name], backendOptions);
      found.push({ name, probe });
      if (backend) open.push(backend);
    }
    const measured = await measureAll(open, measure);
    const candidates = found.map((candidate) => ({
      ...candidate,
      ...measured.get(candidate.name),
    }));
    const chosen = fastest(open, measured);
    if (!chosen) throw nothingFound(candidates);
    await disposeAll(open.filter((backend) => backend !== chosen));
    return { backend: chosen, report: describeChoice(chosen, candidates) };
  } catch (error) {
    await disposeAll(open);
    throw error;
  }
}

async function tryOpen(
  opener: Openers[BackendName],
  options: BackendOptions,
): Promise<{ backend?: ProbedBackend; probe: BackendProbe }> {
  try {
    const backend = await opener({ ...options, allowsSoftware: false });
    return { backend, probe: backend.probe };
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    return { probe: { state: "absent", reason: error.message } };
  }
}

type Measurement = Pick<Candidate, "measuredMs" | "failure">;
type Measurements = ReadonlyMap<BackendName, Measurement>;

async function measureAll(
  backends: readonly ProbedBackend[],
  measure: OpenBackendOptions["measure"],
): Promise<Measurements> {
  const measured = new Map<BackendName, Measurement>();
  if (!measure || backends.length < 2) return measured;
  for (const backend of backends) {
    try {
      measured.set(backend.name, { measuredMs: await measure(backend) });
    } catch (error) {
      measured.set(backend.name, { failure: `it failed when measured (${reasonOf(error)})` });
    }
  }
  return measured;
}

function fastest(
  backends: readonly ProbedBackend[],
  measured: Measurements,
): ProbedBackend | undefined {
  const timeMs = ({ name }: ProbedBackend) => measured.get(name)?.measuredMs ?? 0;
  return backends
    .filter(({ name }) => measured.get(name)?.failure === undefined)
    .toSorted((a, b) => timeMs(a) - timeMs(b))[0];
}

/** Why each candidate that was passed over was. */
function obstacles(candidates: readonly Candidate[]): string[] {
  return candidates.flatMap(({ name, probe, failure }) => {
    const obstacle = probe.state === "absent" ? probe.reason : failure;
    return obstacle === undefined ? [] : [`${name}: ${obstacle}`];
  });
}

function describeChoice(chosen: ProbedBackend, candidates: readonly Candidate[]): SelectionReport {
  const times = candidates.flatMap(({ name, measuredMs }) =>
    measuredMs === undefined ? [] : [`${name} ${measuredMs.toFixed(1)} ms`]
  );
  const why = times.length > 1
    ? `fastest of ${times.join(", ")}`
    : "first of those that can run here";
  const others = obstacles(candidates).map((obstacle) => `; not ${obstacle}`).join("");
  const reason = `${chosen.name} (${chosen.device}): ${why}${others}`;
  return { chosen: chosen.name, reason, candidates };
}

function nothingFound(candidates: readonly Candidate[]): BackendError {
  return new BackendError(
    `Cannot open a backend as none can run here: ${obstacles(candidates).join("; ")}`,
    { backend: "auto" },
  );
}

async function disposeAll(backends: readonly ProbedBackend[]): Promise<void> {
  await Promise.all(backends.map((backend) => backend[Symbol.asyncDispose]()));
}
