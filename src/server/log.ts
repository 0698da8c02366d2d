/**
 * The door to LogTape. The server logs through it; nothing is written unless the program that runs
 * it says where to.
 *
 * @module
 */
import {
  configure,
  getConsoleSink,
  getJsonLinesFormatter,
  getLogger,
  getTextFormatter,
  type Logger,
} from "@logtape/logtape";

/** How logs are written. */
export interface LogOptions {
  /** The least severe records that are written. @default {"info"} */
  readonly level?: "debug" | "info" | "warning" | "error" | undefined;
  /** One JSON object a line, or text for people. @default {"text"} */
  readonly format?: "json" | "text" | undefined;
}

/** The server's log. Records never hold keys, tokens, queries or captions. */
export const log: Logger = getLogger(["hubcap", "server"]);

/** Sends the log to the console. For programs; call it once. */
export async function writeLogs(options: LogOptions = {}): Promise<void> {
  const { level = "info", format = "text" } = options;
  const formatter = format === "json"
    ? getJsonLinesFormatter({ properties: "flatten" })
    : getTextFormatter({ timestamp: "date-time-tz", level: "FULL" });
  await configure({
    reset: true,
    sinks: { console: getConsoleSink({ formatter }) },
    loggers: [
      { category: ["hubcap"], sinks: ["console"], lowestLevel: level },
      { category: ["logtape"], sinks: ["console"], lowestLevel: "warning" },
    ],
  });
}
