import type { CodecOptions } from "./sdp-answer";
import type { NERoleParams } from "./types";

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
/** Text must stay readable, and only few frames are sent. */
const SCREEN_BITRATE = 2_000_000;

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

export function videoSettings(params: NERoleParams): VideoSettings {
  const width = positive(params.video?.width, 640);
  const height = positive(params.video?.height, 480);
  const fps = positive(params.video?.fps, 15);
  const [least, most] = VIDEO_BITRATE_RANGE;
  return {
    constraints: { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: fps } },
    maxBitrate: Math.min(most, Math.max(least, Math.round(width * height * fps * BITS_PER_PIXEL))),
  };
}

export function screenSettings(params: NERoleParams, frameRate?: number): VideoSettings {
  const height = (params.screen?.videoProfile ?? "").includes('720') ? 720 : 1080;
  const fps = positive(frameRate, positive(params.screen?.fps, 5));
  return {
    constraints: { height: { max: height }, frameRate: { ideal: fps, max: Math.max(fps, 30) } },
    maxBitrate: SCREEN_BITRATE,
  };
}

function positive(value: number | undefined, fallback: number): number {
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : fallback;
}
