/**
 * What all routes of a server share.
 *
 * @module
 */
import type { ApiKey } from "./auth.ts";
import type { ServerConfig } from "./config.ts";
import type { CaptionSessions } from "./caption_sessions.ts";
import type { ClientAddresses } from "./client_address.ts";
import type { EngineSlot } from "./engine_slot.ts";
import type { Gate } from "./limits.ts";
import type { ServerMetrics } from "./metrics.ts";
import type { SpeakerSession } from "./session.ts";

/** What all routes of a server share. */
export interface ServerContext {
  readonly config: ServerConfig;
  /** The keys of the configuration. */
  readonly keys: readonly ApiKey[];
  /** Where requests come from. */
  readonly addresses: ClientAddresses;
  /** The engine, once it is loaded. */
  readonly engine: EngineSlot;
  readonly metrics: ServerMetrics;
  /** Room for speakers and connections. */
  readonly gate: Gate;
  /** Aborted when the server begins to shut down. */
  readonly draining: AbortSignal;
  /** Sessions of all dialects, and recordings, that are not over. */
  readonly sessions: Set<Pick<SpeakerSession, "abort" | "acceptedSamples">>;
  /** Native sessions, those that ended and can still be read included. */
  readonly captions: CaptionSessions;
}
