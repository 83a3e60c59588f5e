import { isSpeaking } from '../call';
import type { Person } from '../model';
import { h } from './dom';
import { icon } from './icons';
import { portrait } from './portrait';

/** ms a tile stays lit after the last loud report, so that it does not flicker between words. */
const SPEAKING_HOLD_MS = 500;
const BARS = 5;

export interface Tile {
  readonly root: HTMLElement;
  update(person: Person): void;
  level(level: number): void;
}

/** One person: portrait or picture, name, microphone state, live level. */
export function tile(person: Person, name: string, show: (accid: string, view: HTMLElement) => void): Tile {
  const picture = h('div', { class: 'picture' });
  const bars = h('span', { class: 'bars', attrs: { 'aria-hidden': 'true' } }, ...Array.from({ length: BARS }, () => h('i')));
  const mic = h('span', { class: 'mic-state' });
  const state = h('span', { class: 'sr' });
  const root = h(
    'li',
    { class: 'tile', attrs: { 'data-accid': person.accid } },
    portrait(person.accid, name),
    picture,
    h('div', { class: 'plate' }, mic, h('span', { class: 'plate-name', text: person.me ? `${name} (you)` : name }), bars, state),
  );
  root.classList.toggle('mine', person.me);
  let hold: ReturnType<typeof setTimeout> | undefined;
  let micShown: boolean | null = null;
  let speaking = false;
  let now = person;

  const say = (): void => {
    const words = [now.mic ? (speaking ? 'speaking' : 'microphone on') : 'microphone off', now.camera ? 'camera on' : null].filter(Boolean).join(', ');
    if (state.textContent !== words) state.textContent = words;
  };
  show(person.accid, picture);

  return {
    root,
    update(next) {
      now = next;
      root.classList.toggle('with-picture', next.camera);
      root.classList.toggle('silent', !next.mic);
      if (micShown !== next.mic) {
        micShown = next.mic;
        mic.replaceChildren(icon(next.mic ? 'mic' : 'micOff'));
      }
      if (!next.mic) this.level(0);
      say();
    },
    level(level) {
      const shown = now.mic ? Math.min(1, Math.max(0, level)) : 0;
      // Loudness is heard on a curve: the square root lets quiet speech move the meter.
      root.style.setProperty('--level', Math.sqrt(shown).toFixed(3));
      root.dataset['level'] = String(Math.round(shown * 100));
      if (isSpeaking(shown)) {
        clearTimeout(hold);
        hold = undefined;
        if (!speaking) {
          speaking = true;
          root.classList.add('speaking');
          say();
        }
      } else if (speaking && hold === undefined) {
        hold = setTimeout(() => {
          hold = undefined;
          speaking = false;
          root.classList.remove('speaking');
          say();
        }, SPEAKING_HOLD_MS);
      }
    },
  };
}
