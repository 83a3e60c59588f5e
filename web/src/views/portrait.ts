import { h } from './dom';

/** Calm hues of one lightness (style.css). Given out in the order of appearance, which is that of the demo accounts. */
const HUES = 8;
const seen: string[] = [];

function hueOf(accid: string): number {
  if (!seen.includes(accid)) seen.push(accid);
  return seen.indexOf(accid) % HUES;
}

const initials = (name: string): string =>
  name
    .split(/[\s._-]+/)
    .filter(Boolean)
    .slice(0, 2)
    .map((w) => String.fromCodePoint(w.codePointAt(0) ?? 32).toUpperCase())
    .join('') || '?';

/** A round portrait with a dial of ticks that `--level` on an ancestor lights up from below. */
export function portrait(accid: string, name: string): HTMLElement {
  const root = h('span', { class: 'portrait', attrs: { 'aria-hidden': 'true' } }, h('span', { class: 'dial' }), h('span', { class: 'face', text: initials(name) }));
  root.dataset['hue'] = String(hueOf(accid));
  return root;
}
