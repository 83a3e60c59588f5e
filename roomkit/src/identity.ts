/** Key apps read to learn the device id (seen in the vendor's kit). */
const DEVICE_KEY = "NERoomkit-uuid";

/** Who is calling: shared by REST, push link and signalling. */
export interface Identity {
  readonly appKey: string;
  readonly deviceId: string;
  /** Account id; empty when logged out. */
  account: string;
  /** The 25_1 token; empty when logged out. */
  token: string;
}

let remembered: string | undefined;

/** UUID-shaped, stable for the page; kept in session storage where the browser allows it. */
export function deviceId(): string {
  if (remembered !== undefined) return remembered;
  try {
    remembered = sessionStorage.getItem(DEVICE_KEY) ?? undefined;
  } catch {
    // Storage is forbidden in some frames; the id then lives as long as the page.
  }
  if (remembered === undefined || remembered === "") {
    remembered = randomUuid();
    try {
      sessionStorage.setItem(DEVICE_KEY, remembered);
    } catch {
      // As above.
    }
  }
  return remembered;
}

/** `crypto.randomUUID` exists in secure contexts only, so the bytes are drawn here. */
export function randomUuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
