/** Turns what the SDK and the kit reject with into a sentence for a person. */

export type Doing = 'signIn' | 'enter' | 'microphone' | 'camera' | 'share' | 'moderate' | 'look';

export interface Failure {
  /** Vendor code, kit code, or null when the error has none. */
  readonly code: number | null;
  /** `DOMException` name of a device failure, or null. */
  readonly device: string | null;
  readonly text: string;
}

const field = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;

const numeric = (value: unknown): number | null => {
  const n = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof n === 'number' && Number.isFinite(n) ? n : null;
};

const DEVICE = /\b(NotAllowedError|NotFoundError|NotReadableError|OverconstrainedError|AbortError|SecurityError|Permission denied)\b/;

/**
 * Reads an SDK error. The SDK wraps a kit rejection as `{name: "customError", code: 400, data: rejection}`
 * (nim-web-sdk-ng 0.17.2 and 10.8.1), so the server's own code is `data.code`.
 */
export function failure(error: unknown): Failure {
  const data = field(error, 'data') ?? field(error, 'detail');
  const inner = field(data, 'data');
  const texts = [error, data, inner, field(data, 'cause'), field(error, 'cause')]
    .flatMap((v) => [field(v, 'name'), field(v, 'message')])
    .filter((v): v is string => typeof v === 'string');
  const match = DEVICE.exec(texts.join(' | '));
  return {
    code: numeric(field(data, 'code')) ?? numeric(field(error, 'code')),
    device: match ? (match[1] === 'Permission denied' ? 'NotAllowedError' : (match[1] ?? null)) : null,
    text: texts.find((t) => t !== 'customError' && t !== 'Error') ?? String(error),
  };
}

const DEVICE_WORDS: Record<string, (what: string) => string> = {
  NotAllowedError: (what) => `The browser did not let this page use your ${what}. Allow it beside the address bar and try again.`,
  SecurityError: (what) => `The browser did not let this page use your ${what}. Allow it beside the address bar and try again.`,
  NotFoundError: (what) => `No ${what} was found on this device.`,
  OverconstrainedError: (what) => `No ${what} that fits was found on this device.`,
  NotReadableError: (what) => `Another program is using your ${what}.`,
  AbortError: (what) => `Your ${what} stopped while it was opening.`,
};

const ENTER: Record<number, string> = {
  403: 'You do not have the right to enter this channel.',
  404: 'This channel does not exist any more.',
  414: 'This is a text channel: there is nothing to hear in it.',
  1001: 'The channel is not ready yet. Try again in a moment.',
  1002: 'The channel is full. Somebody has to leave first.',
  1004: 'This channel does not exist any more.',
  1026: 'Your pass has expired. Sign in again.',
  1027: 'Your pass is not valid here. Sign in again.',
  503: 'The server is busy. Try again in a moment.',
};

const PUBLISH: Record<number, (what: string) => string> = {
  403: (what) => `The server did not let you use your ${what} in this channel.`,
  404: () => 'This channel does not exist any more.',
  1012: () => 'Somebody is sharing a screen already. Only one person at a time can share in a channel.',
  1015: () => 'You are no longer in this channel.',
  503: () => 'The server is busy. Try again in a moment.',
};

const SIGN_IN: Record<number, string> = {
  302: 'The server does not know this account or its token.',
  403: 'This account may not sign in.',
  408: 'The server did not answer in time.',
  415: 'There is no connection to the server.',
  417: 'This account is being signed in already.',
  422: 'This account has been disabled.',
};

const DEVICES: Partial<Record<Doing, string>> = { microphone: 'microphone', camera: 'camera', share: 'screen' };

const FAILED: Record<Exclude<Doing, 'microphone' | 'camera' | 'share'>, string> = {
  signIn: 'Signing in failed',
  enter: 'Entering failed',
  moderate: 'That did not work',
  look: 'The list could not be read',
};

/** One plain sentence; an unknown code is shown, never hidden. */
export function explain(error: unknown, doing: Doing): string {
  const { code, device, text } = failure(error);
  if (doing === 'microphone' || doing === 'camera' || doing === 'share') {
    const what = DEVICES[doing] ?? doing;
    const said = device === null ? undefined : DEVICE_WORDS[device]?.(what);
    if (said !== undefined) return said;
    const refused = code === null ? undefined : PUBLISH[code]?.(what);
    if (refused !== undefined) return refused;
    return `Your ${what} could not be switched: ${text}${code === null ? '' : ` (code ${code})`}.`;
  }
  const table = doing === 'signIn' ? SIGN_IN : ENTER;
  const known = code === null ? undefined : (table[code] ?? SIGN_IN[code]);
  if (known !== undefined && doing !== 'moderate') return known;
  return `${FAILED[doing]}: ${text}${code === null ? '' : ` (code ${code})`}.`;
}

/** Why a media channel ended, by the kit's end reason; null for an ordinary leave. */
export function explainEnd(reason: string): string | null {
  switch (reason) {
    case 'LEAVE_BY_SELF':
      return null;
    case 'KICK_OUT':
      return 'A moderator removed you from the channel.';
    case 'kICK_BY_SELF':
      return 'This account entered from another place, so this seat was given up.';
    case 'CLOSE_BY_BACKEND':
    case 'CLOSE_BY_MEMBER':
    case 'END_OF_LIFE':
      return 'The channel was closed.';
    case 'ALL_MEMBERS_OUT':
      return 'Everybody left, so the channel was closed.';
    default:
      return `The channel ended (${reason}).`;
  }
}
