import { isSpeaking } from '../call';
import type { Person, Quality } from '../model';
import { h } from './dom';
import { icon } from './icons';
import { portrait } from './portrait';
import { signal } from './signal';

/** ms a tile stays lit after the last loud report, so that it does not flicker between words. */
const SPEAKING_HOLD_MS = 500;
const BARS = 5;

export interface Tile {
  readonly root: HTMLElement;
  /** `menu`: there is something to choose about this person. */
  update(person: Person, quality: Quality | undefined, menu: boolean): void;
  level(level: number): void;
}

interface Actions {
  readonly show: (accid: string, view: HTMLElement) => void;
  readonly menu: (accid: string, button: HTMLButtonElement) => void;
}

/** One person: portrait or picture, name, microphone state, live level, connection, and the menu about them. */
export function tile(person: Person, name: string, actions: Actions): Tile {
  const picture = h('div', { class: 'picture' });
  const bars = h('span', { class: 'bars', attrs: { 'aria-hidden': 'true' } }, ...Array.from({ length: BARS }, () => h('i')));
  const mic = h('span', { class: 'mic-state' });
  const state = h('span', { class: 'sr' });
  const connection = signal();
  const more = h(
    'button',
    { class: 'round more', attrs: { type: 'button', 'aria-haspopup': 'menu', 'aria-expanded': 'false', 'aria-label': `More about ${name}`, title: `More about ${name}` }, click: () => actions.menu(person.accid, more) },
    icon('more'),
  );
  more.hidden = true;
  const root = h(
    'li',
    { class: 'tile', attrs: { 'data-accid': person.accid } },
    portrait(person.accid, name),
    picture,
    h('div', { class: 'plate' }, mic, h('span', { class: 'plate-name', text: person.me ? `${name} (you)` : name }), state, bars, connection.root),
    more,
  );
  root.classList.toggle('mine', person.me);
  let hold: ReturnType<typeof setTimeout> | undefined;
  let micShown: boolean | null = null;
  let speaking = false;
  let now = person;

  const say = (): void => {
    const words = [now.mic ? (speaking ? 'speaking' : 'microphone on') : 'microphone off', now.camera ? 'camera on' : null, now.screen ? 'sharing a screen' : null].filter(Boolean).join(', ');
    if (state.textContent !== words) state.textContent = words;
  };
  actions.show(person.accid, picture);

  return {
    root,
    update(next, quality, menu) {
      now = next;
      // My own view shows the screen while I share it: as it is, not mirrored.
      const ownScreen = next.me && next.screen;
      root.classList.toggle('with-picture', next.camera || ownScreen);
      root.classList.toggle('own-screen', ownScreen);
      root.classList.toggle('silent', !next.mic);
      connection.update(quality);
      more.hidden = !menu;
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
