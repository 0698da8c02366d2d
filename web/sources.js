// @ts-check
/// <reference lib="dom" />
/**
 * What can be captioned: the microphone, or a recording that is opened, dropped or picked.
 *
 * @module
 */
import { block, button, byId } from "./dom.js";
import { openMicrophone } from "./microphone.js";
import { decodeRecording, playSamples, RECORDING_RATE_HZ } from "./recording.js";
import { address } from "./server.js";

/** @import { Settings } from "./settings.js" */

/**
 * @typedef {object} Source
 * @property {string} label What the status says.
 * @property {number} sampleRateHz
 * @property {boolean} isRealTime
 * @property {boolean} isMicrophone
 * @property {(hooks: PlayHooks) => void} play Called once.
 * @property {() => Promise<void>} stop Idempotent.
 */

/**
 * @typedef {object} PlayHooks
 * @property {(samples: Int16Array) => void} onSamples
 * @property {() => number} backlogSeconds Audio that the server has not taken in yet.
 * @property {() => void} onEnd It is over by itself.
 */

/** Recordings that come with the server. */
const SAMPLES = [
  { file: "harbour.wav", title: "The harbour" },
  { file: "balloons.flac", title: "Seven balloons" },
  { file: "weather.opus", title: "The weather" },
];

const PLAY_ICON = "M8 5.5v13l11-6.5z";

/**
 * Opens a source.
 *
 * @param {"microphone" | Blob} what
 * @param {{ settings: Settings, onLost: () => void }} options
 * @returns {Promise<Source>}
 */
export function listenTo(what, options) {
  return what === "microphone" ? listenToMicrophone(options) : listenToRecording(what, options);
}

/** @param {{ settings: Settings, onLost: () => void }} options */
async function listenToMicrophone({ settings, onLost }) {
  /** @type {((samples: Int16Array) => void) | undefined} */
  let take;
  const microphone = await openMicrophone({
    deviceId: settings.microphone,
    onSamples: (samples) => take?.(samples),
    onLost,
  });
  const lock = await navigator.wakeLock?.request("screen").catch(() => undefined);
  return {
    label: "Listening",
    sampleRateHz: microphone.sampleRateHz,
    isRealTime: true,
    isMicrophone: true,
    /** @param {PlayHooks} hooks */
    play: ({ onSamples }) => {
      take = onSamples;
    },
    stop: async () => {
      await microphone.stop();
      await lock?.release();
    },
  };
}

/**
 * @param {Blob} file
 * @param {{ settings: Settings }} options
 */
async function listenToRecording(file, { settings }) {
  const samples = await decodeRecording(file);
  const isRealTime = settings.speed === "real";
  const stopping = new AbortController();
  const player = isRealTime && settings.hear === "on" ? loudspeaker(file) : undefined;
  return {
    label: isRealTime ? "Playing a recording" : "Reading a recording",
    sampleRateHz: RECORDING_RATE_HZ,
    isRealTime,
    isMicrophone: false,
    /** @param {PlayHooks} hooks */
    play: ({ onSamples, backlogSeconds, onEnd }) => {
      player?.start();
      const { signal } = stopping;
      void playSamples(samples, { isRealTime, onSamples, backlogSeconds, signal }).then(() => {
        if (!signal.aborted) onEnd();
      });
    },
    stop: () => {
      const isCut = !stopping.signal.aborted;
      stopping.abort();
      if (isCut) player?.stop();
      return Promise.resolve();
    },
  };
}

/** @param {Blob} file */
function loudspeaker(file) {
  const url = URL.createObjectURL(file);
  const audio = new Audio(url);
  const stop = () => {
    audio.pause();
    URL.revokeObjectURL(url);
  };
  audio.addEventListener("ended", stop);
  return {
    start: () => void audio.play().catch(() => {}), // some browsers forbid it after a drop
    stop,
  };
}

/** @param {(file: Blob) => void} onFile */
export function offerRecordings(onFile) {
  const input = byId("file", HTMLInputElement);
  button("open-recording").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const [file] = input.files ?? [];
    input.value = "";
    if (file) onFile(file);
  });
  takeDrops(onFile);
  void offerSamples(onFile);
}

/** @param {(file: Blob) => void} onFile */
function takeDrops(onFile) {
  const veil = block("drop");
  /** @param {DragEvent} event */
  const hasFile = ({ dataTransfer }) => dataTransfer?.types.includes("Files") ?? false;
  addEventListener("dragover", (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    veil.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) veil.hidden = true;
  });
  addEventListener("drop", (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    veil.hidden = true;
    const [file] = event.dataTransfer?.files ?? [];
    if (file) onFile(file);
  });
}

/** @param {(file: Blob) => void} onFile */
async function offerSamples(onFile) {
  const offered = await Promise.all(SAMPLES.map(async ({ file, title }) => {
    const place = address(`samples/${file}`);
    const response = await fetch(place, { method: "HEAD" }).catch(() => undefined);
    return response?.ok ? { place, title } : undefined;
  }));
  const list = block("samples").querySelector("ul");
  for (const sample of offered) {
    if (sample === undefined) continue;
    const item = document.createElement("li");
    item.append(sampleButton(sample.title, async () => {
      onFile(await (await fetch(sample.place)).blob());
    }));
    list?.append(item);
  }
  block("samples").hidden = offered.every((sample) => sample === undefined);
}

/**
 * @param {string} title
 * @param {() => void} onClick
 */
function sampleButton(title, onClick) {
  const SVG = "http://www.w3.org/2000/svg";
  const made = document.createElement("button");
  made.type = "button";
  const icon = document.createElementNS(SVG, "svg");
  icon.setAttribute("viewBox", "0 0 24 24");
  icon.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PLAY_ICON);
  icon.append(path);
  made.append(icon, title);
  made.addEventListener("click", onClick);
  return made;
}
