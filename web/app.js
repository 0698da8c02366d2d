// @ts-check
/// <reference lib="dom" />
/**
 * The page: START HERE. A speaker's at `/`, a reader's at `/#watch=SESSION`.
 *
 * @module
 */
import { Announcer, CaptionsView } from "./captions_view.js";
import { watchDisplay } from "./display.js";
import { block, button, byId, dialog } from "./dom.js";
import { LatencyMeter } from "./latency.js";
import { LevelMeter } from "./level_meter.js";
import { hideNotice, microphoneText, refusalText, showNotice } from "./notices.js";
import { openSave } from "./save_dialog.js";
import { openSettings } from "./settings_dialog.js";
import { openShare } from "./share_dialog.js";
import { get, storeKey } from "./server.js";
import { listenTo, offerRecordings } from "./sources.js";
import { Speaker } from "./speaker.js";
import { TimelineView } from "./timeline_view.js";
import { advance, clock, EMPTY_TRANSCRIPT, greet, spell } from "./transcript.js";
import { Viewer } from "./viewer.js";

/** @import { ServerMessage } from "../src/server/protocol.ts" */
/** @import { LetterCase, Transcript } from "./transcript.js" */
/** @import { SpeakerState } from "./speaker.js" */
/** @import { Source } from "./sources.js" */

const options = new URLSearchParams(location.hash.slice(1));
const watched = options.get("watch");

const captions = new CaptionsView(block("captions"), {
  list: block("transcript"),
  toNewest: button("to-newest"),
});
const announcer = new Announcer(block("announcer"));
const timeline = new TimelineView(byId("timeline", HTMLCanvasElement));
const level = new LevelMeter(block("level"));
const toggle = button("toggle");
const elapsed = block("elapsed");

/** @type {Transcript} */
let transcript = EMPTY_TRANSCRIPT;
/** @type {string | undefined} */
let session;
/** @type {Speaker | Viewer | undefined} */
let connection;
/** @type {Source | undefined} What is heard. */
let source;
let latency = new LatencyMeter();
let audioMs = 0;
let isOpening = false;

const { settings, set } = openSettings((changed) => {
  const letterCase = /** @type {LetterCase} */ (changed.letters);
  captions.letterCase = letterCase;
  timeline.letterCase = letterCase;
  announcer.isOn = changed.announce === "on";
});
openShare(() => session);
openSave(() => ({
  session,
  transcript,
  letterCase: /** @type {LetterCase} */ (settings.letters),
}));
watchDisplay({ settings, set, onToggle: () => toggle.click() });
addEventListener("hashchange", () => location.reload());

if (watched === null) beSpeaker();
else beViewer(watched);

function beSpeaker() {
  toggle.addEventListener("click", () => {
    if (source !== undefined) void stop();
    else void start(() => listenTo("microphone", { settings, onLost: lost }));
  });
  void nameModel();
  offerRecordings((file) => void start(() => listenTo(file, { settings, onLost: () => stop() })));
  addEventListener("beforeunload", (event) => {
    if (source !== undefined) event.preventDefault();
  });
}

/** Says whose spelling it is. */
async function nameModel() {
  try {
    const { model } = await (await get("healthz")).json();
    if (model !== undefined) block("model").textContent = ` by ${model}`;
  } catch {
    // whoever starts is told why it does not work
  }
}

/** @param {string} id */
function beViewer(id) {
  session = id;
  document.body.dataset.role = "viewer";
  block("welcome").hidden = true;
  document.title = "Live captions";
  if (options.has("overlay")) {
    document.documentElement.dataset.overlay = "on";
    document.body.dataset.display = "on";
  }
  follow(id);
}

/** @param {string} id */
function follow(id) {
  connection?.close();
  connection = new Viewer({
    session: id,
    onMessage: receive,
    onState: (state) => changed(state, { again: () => follow(id) }),
  });
}

/** @param {() => Promise<Source>} open */
async function start(open) {
  if (isOpening) return;
  isOpening = true;
  hideNotice();
  try {
    if (source !== undefined) await stop();
    const opened = await open();
    begin(opened, () => void start(open));
  } catch (error) {
    showNotice("source", error instanceof DOMException ? UNREADABLE : microphoneText(error));
    setState("idle", "Ready");
  } finally {
    isOpening = false;
  }
}

const UNREADABLE = "This file cannot be played here: the browser does not know its format.";

/**
 * @param {Source} opened
 * @param {() => void} again
 */
function begin(opened, again) {
  connection?.close();
  connection = undefined;
  source = opened;
  transcript = EMPTY_TRANSCRIPT;
  latency = new LatencyMeter();
  session = undefined;
  audioMs = 0;
  captions.clear();
  timeline.clear();
  showFigures();
  const { sampleRateHz } = opened;
  const speaker = new Speaker({
    sampleRateHz,
    onMessage: receive,
    onState: (state) => {
      if (connection === undefined || connection === speaker) changed(state, { again });
    },
  });
  connection = speaker;
  timeline.isLive = true;
  showToggle();
  let heardMs = 0;
  opened.play({
    backlogSeconds: () => speaker.backlogSeconds,
    onSamples: (samples) => {
      speaker.push(samples);
      timeline.hear(samples, sampleRateHz);
      heardMs += samples.length / sampleRateHz * 1000;
      if (connection !== speaker) return;
      audioMs = heardMs;
      showElapsed();
      if (opened.isRealTime) latency.heard(audioMs, performance.now());
      const isSilent = level.hear(samples, sampleRateHz);
      if (isSilent && opened.isMicrophone) showNotice("silence", SILENCE);
      else if (!isSilent) hideNotice("silence");
    },
    onEnd: () => {
      if (source === opened) void stop();
    },
  });
}

const SILENCE =
  "Nothing is heard. Is the microphone muted, or is it another one? See the settings.";

async function stop() {
  const stopped = source;
  const speaker = connection;
  source = undefined;
  showToggle();
  await stopped?.stop();
  timeline.isLive = false;
  level.rest();
  hideNotice("silence");
  if (speaker instanceof Speaker) speaker.end();
}

function lost() {
  showNotice("source", "The microphone was unplugged. What was said until then is safe.");
  void stop();
}

/** @param {ServerMessage} message */
function receive(message) {
  if (message.type === "hello") {
    session = message.session;
    transcript = greet(transcript, message);
    button("open-share").disabled = false;
    return;
  }
  if (message.type === "overload") return showOverload(message.step);
  if (message.type === "draining") {
    return showNotice("draining", "The server is shutting down: it finishes what it has heard.");
  }
  if (!("seq" in message)) return;
  const before = transcript;
  transcript = advance(before, message);
  if (transcript === before) return;
  if (message.type === "caption") latency.received(message, performance.now());
  captions.show(transcript);
  timeline.show(transcript);
  announce(before);
  const hasWords = transcript.words.length + transcript.tentative.length > 0;
  if (hasWords) block("welcome").hidden = true;
  button("open-save").disabled = transcript.words.length === 0;
  showFigures();
}

/** @param {Transcript} before */
function announce(before) {
  const letterCase = /** @type {LetterCase} */ (settings.letters);
  const known = before.firstWord + before.words.length - transcript.firstWord;
  const words = transcript.words.slice(Math.max(0, known));
  const isEnd = transcript.ends.length > before.ends.length || transcript.isOver;
  announcer.say(words.map(({ text }) => spell(text, { letterCase, isFirst: false })), { isEnd });
}

/** @param {"admit" | "coalesce" | "degrade" | "refuse"} step */
function showOverload(step) {
  if (step === "admit") return hideNotice("overload");
  showNotice("overload", "The server is busy, so captions come a little later. No word is lost.");
}

/**
 * @param {SpeakerState} state
 * @param {{ again: () => void }} options
 */
function changed(state, { again }) {
  const isViewer = watched !== null;
  if (state.kind !== "waiting") hideNotice("connection");
  switch (state.kind) {
    case "connecting":
      return setState("connecting", "Connecting…");
    case "live":
      return setState("live", isViewer ? "Following live" : source?.label ?? "Listening");
    case "finishing":
      return setState("finishing", "Finishing…");
    case "ended":
      setState("ended", isViewer ? "The session has ended" : "Finished");
      return source === undefined ? undefined : endedByServer();
    case "waiting":
      return waiting(state);
    case "failed":
      setState("ended", "Stopped");
      return failed(state.refusal, again);
    default:
      return state;
  }
}

function endedByServer() {
  showNotice("connection", "The server has ended the session. What was said is here.");
  void stop();
}

/** @param {Extract<SpeakerState, { kind: "waiting" }>} state */
function waiting({ refusal, retryMs, hasSession }) {
  const isViewer = watched !== null;
  setState("waiting", hasSession ? "Reconnecting…" : "Waiting for the server…");
  if (hasSession && retryMs < 1000) return; // over in a moment
  const kept = isViewer ? "" : " What you say is kept and sent later.";
  const seconds = Math.ceil(retryMs / 1000);
  showNotice("connection", `${refusalText(refusal)} Trying again in ${seconds} s.${kept}`, {
    label: "Try now",
    act: () => connection?.retryNow(),
  });
}

/**
 * @param {import("./server.js").Refusal} refusal
 * @param {() => void} again
 */
function failed(refusal, again) {
  void stop();
  if (refusal.code === "unauthorized") return askKey(again);
  const lostText = watched === null
    ? "The server no longer has this session. What is here can still be copied."
    : "These captions are not there: the link is wrong, or they were over long ago.";
  const text = refusal.code === "not_found" ? lostText : refusalText(refusal);
  showNotice("connection", text, { label: "Try again", act: again });
}

/** @param {() => void} again */
function askKey(again) {
  const sheet = dialog("key");
  const input = byId("key-input", HTMLInputElement);
  button("key-close").onclick = () => sheet.close();
  byId("key-form", HTMLFormElement).onsubmit = () => {
    storeKey(input.value.trim());
    input.value = "";
    again();
  };
  if (!sheet.open) sheet.showModal();
}

/**
 * @param {string} state
 * @param {string} text
 */
function setState(state, text) {
  document.body.dataset.state = state;
  const status = block("status");
  if (status.textContent !== text) status.textContent = text;
}

function showToggle() {
  const isOn = source !== undefined;
  toggle.setAttribute("aria-pressed", String(isOn));
  block("toggle-label").textContent = isOn ? "Stop" : "Start captions";
}

function showFigures() {
  const { shownMs, finalMs } = latency.medians;
  /** @param {number | undefined} ms */
  const seconds = (ms) => ms === undefined ? "–" : `${(ms / 1000).toFixed(1)} s`;
  showElapsed();
  block("shown-after").textContent = seconds(shownMs);
  block("final-after").textContent = seconds(finalMs);
}

function showElapsed() {
  const text = clock(Math.max(audioMs, transcript.settledMs));
  if (elapsed.textContent !== text) elapsed.textContent = text;
}
