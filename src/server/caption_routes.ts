/**
 * The addresses of the native protocol.
 *
 * @module
 */
import { refusal, refuse } from "./admission.ts";
import type { CaptionSession } from "./caption_sessions.ts";
import type { App } from "./app.ts";
import type { ServerContext } from "./context.ts";
import { resumeRoute, startRoute } from "./native.ts";
import {
  eventsRoute,
  TRANSCRIPT_FORMATS,
  type TranscriptFormat,
  transcriptRoute,
} from "./viewers.ts";

/** Adds `/v1/captions` and what is below it. */
export function captionRoutes(app: App, context: ServerContext): void {
  const found = (id: string, answer: (session: CaptionSession) => Response): Response => {
    const session = context.captions.get(id);
    if (session !== undefined) return answer(session);
    return refuse(
      context,
      refusal(404, "not_found", "Cannot find the session: it is unknown, or was over long ago"),
    );
  };
  app.get("/v1/captions", (c) => startRoute(context, c.req.raw));
  app.get(
    "/v1/captions/:session/events",
    (c) => found(c.req.param("session"), (session) => eventsRoute(context, c, session)),
  );
  app.get("/v1/captions/:name", (c) => {
    const [id = "", format, ...rest] = c.req.param("name").split(".");
    if (format === undefined) {
      return found(id, (session) => resumeRoute(context, c.req.raw, session));
    }
    const isKnown = rest.length === 0 && TRANSCRIPT_FORMATS.includes(format as TranscriptFormat);
    return found(
      isKnown ? id : "",
      (session) =>
        transcriptRoute(context, c.req.raw, { session, format: format as TranscriptFormat }),
    );
  });
}
