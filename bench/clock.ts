/**
 * Clocks to drive an engine by: the real one, and one that jumps from event to event.
 *
 * @module
 */
import { setImmediate } from "node:timers";

/** Resolves at a moment of `performance.now()`; at once, if it is past. */
export async function waitUntil(atMs: number): Promise<void> {
  const waitMs = atMs - performance.now();
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
}

/** When things happen. */
export interface DrivingClock {
  /** Now, ms. */
  nowMs(): number;
  /** Has something happen. Of one time, what was asked for first comes first. */
  at(atMs: number, action: () => void): void;
  /** Lets everything happen that is to happen until then. */
  run(untilMs: number): Promise<void>;
  /** Lets what has begun come to its end. */
  finish(): Promise<void>;
}

/** The real clock; 0 is when it was made. */
export function realClock(): DrivingClock {
  const startMs = performance.now();
  const nowMs = () => performance.now() - startMs;
  return {
    nowMs,
    at: (atMs, action) => void setTimeout(action, Math.max(0, atMs - nowMs())),
    run: (untilMs) => new Promise((resolve) => setTimeout(resolve, Math.max(0, untilMs - nowMs()))),
    finish: () => Promise.resolve(), // it does so by itself
  };
}

/** A clock of no time of its own: after each event it waits until nobody has anything left to do. */
export class VirtualClock implements DrivingClock {
  readonly #events = new EventHeap();
  #nowMs = 0;

  /** Now, ms. */
  nowMs = (): number => this.#nowMs;

  /** Has something happen; at once, if the time is past. */
  at(atMs: number, action: () => void): void {
    this.#events.add({ atMs: Math.max(atMs, this.#nowMs), action });
  }

  /** Resolves when so much time has passed. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.at(this.#nowMs + ms, resolve));
  }

  /** Lets everything happen that is to happen until then. */
  async run(untilMs: number): Promise<void> {
    await this.#advance(untilMs);
    this.#nowMs = untilMs;
  }

  /** Lets everything happen that is to happen. */
  finish(): Promise<void> {
    return this.#advance(Infinity);
  }

  async #advance(untilMs: number): Promise<void> {
    await quiet();
    for (let next = this.#events.first; next && next.atMs <= untilMs; next = this.#events.first) {
      this.#nowMs = next.atMs;
      for (let due = this.#events.first; due?.atMs === this.#nowMs; due = this.#events.first) {
        this.#events.removeFirst();
        due.action();
      }
      await quiet();
    }
  }
}

/** Resolves when every promise that could go on has gone on. */
function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

interface ClockEvent {
  readonly atMs: number;
  readonly action: () => void;
}

/** Events, the earliest first (binary heap). */
class EventHeap {
  readonly #items: (ClockEvent & { order: number })[] = [];
  #count = 0;

  get first(): ClockEvent | undefined {
    return this.#items[0];
  }

  add(event: ClockEvent): void {
    const items = this.#items;
    items.push({ ...event, order: this.#count++ });
    for (let at = items.length - 1; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  removeFirst(): void {
    const items = this.#items;
    const last = items.pop()!;
    if (items.length === 0) return;
    items[0] = last;
    for (let at = 0;;) {
      const children = [2 * at + 1, 2 * at + 2].filter((child) => child < items.length);
      const least = children.reduce((a, b) => this.#isBefore(b, a) ? b : a, at);
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [first, second] = [this.#items[a]!, this.#items[b]!];
    return first.atMs < second.atMs || (first.atMs === second.atMs && first.order < second.order);
  }

  #swap(a: number, b: number): void {
    [this.#items[a], this.#items[b]] = [this.#items[b]!, this.#items[a]!];
  }
}
