import type { Quality } from '../model';
import { h } from './dom';

const BARS = 4;
/** By the kit's numbers, 0 unknown to 6 down. */
const WORDS = ['unknown', 'excellent', 'good', 'fair', 'bad', 'very bad', 'down'] as const;
const LIT = [0, 4, 3, 2, 1, 1, 0] as const;
/** From here on a call is no fun, and the sign takes the warning colour. */
const POOR_FROM = 4;

const word = (status: number): string => WORDS[status] ?? WORDS[0];

/** How good somebody's connection is, as bars and as words; not there while nothing is known. */
export function signal(): { readonly root: HTMLElement; update(quality: Quality | undefined): void } {
  const root = h('span', { class: 'signal', attrs: { role: 'img' } }, ...Array.from({ length: BARS }, () => h('i')));
  root.hidden = true;
  return {
    root,
    update(quality) {
      const worst = Math.max(quality?.up ?? 0, quality?.down ?? 0);
      root.hidden = worst === 0;
      if (!quality || worst === 0) return;
      root.dataset['lit'] = String(LIT[worst] ?? 0);
      root.classList.toggle('poor', worst >= POOR_FROM);
      const both = [quality.up > 0 ? `sending ${word(quality.up)}` : null, quality.down > 0 ? `receiving ${word(quality.down)}` : null].filter(Boolean).join(', ');
      const label = `Connection: ${both}`;
      if (root.title === label) return;
      root.title = label;
      root.setAttribute('aria-label', label);
    },
  };
}
