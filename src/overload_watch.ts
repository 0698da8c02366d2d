/**
 * How far a device is behind with what waits for it, and what is given up because of it: the overload
 * policy of one engine, over time.
 *
 * @module
 */
import {
  countShed,
  holdMsOf,
  isInForce,
  observeLag,
  OVERLOAD_START,
  type OverloadEvent,
  type OverloadPolicy,
  type OverloadShed,
  type OverloadState,
} from "./schedule/overload.ts";

/** Moves the overload policy by what waits. */
export class OverloadWatch {
  /** The policy. */
  readonly policy: OverloadPolicy;
  readonly #nowMs: () => number;
  readonly #moved: (event: OverloadEvent) => void;
  #state: OverloadState = OVERLOAD_START;
  #lagMs = 0;
  #isIdle = false;
  #calmMs = -Infinity;

  /** @param policy The policy. @param options Its clock, and who is told when it moves. */
  constructor(
    policy: OverloadPolicy,
    { nowMs, moved }: { nowMs: () => number; moved: (event: OverloadEvent) => void },
  ) {
    this.policy = policy;
    this.#nowMs = nowMs;
    this.#moved = moved;
  }

  /** Where the policy stands. */
  get state(): OverloadState {
    this.#observeIdleTime();
    return this.#state;
  }

  /** How long what waits longest has waited. */
  get lagMs(): number {
    return this.#lagMs;
  }

  /** When the policy last gave up a step; what waited until then waited because of it. */
  get calmMs(): number {
    return this.#calmMs;
  }

  /** Looks at what waits: since when each does. */
  observe(pending: readonly { readonly dueMs: number }[]): void {
    const atMs = this.#nowMs();
    this.#isIdle = pending.length === 0;
    this.#lagMs = pending.reduce((lag, { dueMs }) => Math.max(lag, atMs - dueMs), 0);
    this.#observeLag({ lagMs: this.#lagMs, atMs });
  }

  /** Counts what was given up. */
  count(shed: Partial<OverloadShed>): void {
    this.#state = countShed(this.#state, shed);
  }

  /** While nothing waits nobody observes; this makes up for it. */
  #observeIdleTime(): void {
    while (this.#isIdle && this.#state.step !== "admit") {
      const atMs = (this.#state.calmSinceMs ?? Infinity) + holdMsOf(this.#state, this.policy);
      if (!(atMs <= this.#nowMs())) return;
      this.#observeLag({ lagMs: 0, atMs });
    }
  }

  #observeLag(observation: { lagMs: number; atMs: number }): void {
    const { state, event } = observeLag(this.#state, observation, this.policy);
    this.#state = state;
    if (event === undefined) return;
    if (!isInForce(event.from, state)) this.#calmMs = observation.atMs;
    this.#moved(event);
  }
}
