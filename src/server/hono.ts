/**
 * The door to Hono: what the routes use of it.
 *
 * @module
 */
export { type Context, Hono, type MiddlewareHandler } from "hono";
export { bodyLimit } from "hono/body-limit";
export { cors } from "hono/cors";
export { secureHeaders } from "hono/secure-headers";
export { type SSEStreamingApi, streamSSE } from "hono/streaming";
