/**
 * The door to prom-client: what the metrics use of it.
 *
 * @module
 */
export { Counter, Gauge, Histogram, Registry } from "prom-client";
