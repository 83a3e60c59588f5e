import type { CodecOptions } from "./sdp-answer";
import { CODE_GENERAL, RoomKitError } from "./errors";
import type { NERoleParams, NEScreenOptions, NEVideoConfig } from "./types";

export interface AudioSettings {
  constraints: MediaTrackConstraints;
  /** Bits per second. */
  maxBitrate: number;
  codecOptions: CodecOptions;
}

export interface VideoSettings {
  constraints: MediaTrackConstraints;
  /** Bits per second. */
  maxBitrate: number;
}

/** Codecs of a picture, in the spelling of their MIME types. */
export type VideoCodec = "VP8" | "H264" | "VP9" | "AV1";

/** One stream of a picture. */
export interface VideoLayer {
  /** What width and height are divided by. */
  scaleDownBy: number;
  /** Bits per second. */
  maxBitrate: number;
}

/** Bits per second and channels of the named profiles: more costs up-link of each sender, less is heard. */
const AUDIO_PROFILES: Record<string, { bitrate: number; stereo: boolean }> = {
  speech_low_quality: { bitrate: 24_000, stereo: false },
  speech_standard: { bitrate: 32_000, stereo: false },
  music_standard: { bitrate: 64_000, stereo: false },
  standard_stereo: { bitrate: 80_000, stereo: true },
  high_quality: { bitrate: 96_000, stereo: false },
  high_quality_stereo: { bitrate: 128_000, stereo: true },
};
const DEFAULT_AUDIO = { bitrate: 32_000, stereo: false };

/** Rule of thumb for VP8 and H264 at conference quality. */
const BITS_PER_PIXEL = 0.13;
const VIDEO_BITRATE_RANGE: readonly [number, number] = [100_000, 3_000_000];
/**
 * Pixels from which a low layer is worth its encoder. Below, the picture is small already, and Chromium sends one layer
 * whatever it is told, the lowest one.
 */
const LAYERED_FROM = 480 * 270;
/** Width from which the low layer is a quarter and not a half: 160 to 320 pixels wide is what a tile needs. */
const QUARTERED_FROM = 640;
/** Of the low layer: enough for 320x180 at 15 fps; more is taken from the high one on a narrow up-link. */
const LOW_LAYER_BITRATE = 150_000;
/** Lines from which cameras are 16:9, and the smaller ones that are so too. */
const WIDE_FROM = 540;
const NARROW_WIDE = [180, 360];
/** Text must stay readable, and only few frames are sent. */
const SCREEN_BITRATE = 2_000_000;

export function isAudioProfile(name: unknown): name is string {
  return typeof name === "string" && name in AUDIO_PROFILES;
}

export function audioSettings(params: NERoleParams): AudioSettings {
  const { bitrate, stereo } = AUDIO_PROFILES[params.audio?.profile ?? ""] ?? DEFAULT_AUDIO;
  const music = params.audio?.scenario === "music";
  return {
    constraints: {
      echoCancellation: true,
      noiseSuppression: !music,
      autoGainControl: !music,
      channelCount: stereo ? 2 : 1,
    },
    maxBitrate: bitrate,
    codecOptions: { opusFec: true, opusStereo: stereo, opusMaxAverageBitrate: bitrate },
  };
}

/** Of a camera: what the app wishes, else the channel's configuration. */
export function videoSettings(params: NERoleParams, wished: NEVideoConfig = {}): VideoSettings {
  const [ofLinesWidth, ofLinesHeight] = wished.resolution === undefined ? [] : ofLines(wished.resolution);
  const width = wished.width ?? ofLinesWidth ?? positive(params.video?.width, 640);
  const height = wished.height ?? ofLinesHeight ?? positive(params.video?.height, 480);
  const fps = wished.frameRate ?? positive(params.video?.fps, 15);
  const [least, most] = VIDEO_BITRATE_RANGE;
  return {
    constraints: { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: fps } },
    maxBitrate: wished.bitrate ?? Math.min(most, Math.max(least, Math.round(width * height * fps * BITS_PER_PIXEL))),
  };
}

/** A copy of the known keys; throws for what is no size, rate or bitrate. */
export function checkedVideoConfig(config: NEVideoConfig): NEVideoConfig {
  const checked: NEVideoConfig = {};
  for (const key of ["resolution", "width", "height", "frameRate", "bitrate"] as const) {
    const value: unknown = config[key];
    if (value === undefined) continue;
    if (!isPositive(value)) throw new RoomKitError(CODE_GENERAL, `${key} is not a number above 0`);
    checked[key] = value;
  }
  return checked;
}

/** Width and height of a picture of so many lines: 4:3 or 16:9, as cameras have them. */
function ofLines(lines: number): [number, number] {
  const wide = lines >= WIDE_FROM || NARROW_WIDE.includes(lines);
  return [Math.round((lines * (wide ? 16 / 9 : 4 / 3)) / 2) * 2, lines];
}

/**
 * The streams in which a camera's picture is sent, the lowest first: a low one beside it, unless it is small. VP9 and AV1
 * are sent as one stream: browsers have no simulcast with separate streams for them that the others could rely on.
 */
export function videoLayers(
  picture: { width?: number; height?: number },
  codec: VideoCodec,
  maxBitrate: number,
): VideoLayer[] {
  const high = { scaleDownBy: 1, maxBitrate };
  const { width = 0, height = 0 } = picture;
  const layered = (codec === "VP8" || codec === "H264") && width * height >= LAYERED_FROM;
  if (!layered) return [high];
  const scaleDownBy = Math.max(width, height) >= QUARTERED_FROM ? 4 : 2;
  return [{ scaleDownBy, maxBitrate: Math.min(LOW_LAYER_BITRATE, maxBitrate) }, high];
}

/** Of a screen share: what the app wishes, else the channel's configuration. */
export function screenSettings(params: NERoleParams, wished: NEScreenOptions = {}): VideoSettings {
  const height = positive(wished.resolution, (params.screen?.videoProfile ?? "").includes("720") ? 720 : 1080);
  const fps = positive(wished.frameRate, positive(params.screen?.fps, 5));
  return {
    constraints: { height: { max: height }, frameRate: { ideal: fps, max: Math.max(fps, 30) } },
    maxBitrate: SCREEN_BITRATE,
  };
}

function positive(value: number | undefined, fallback: number): number {
  return isPositive(value) ? value : fallback;
}

function isPositive(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value > 0;
}
