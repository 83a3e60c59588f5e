import type { Person, Source, State } from '../model';
import { displayName } from '../model';
import { h } from './dom';
import { secondSeat } from './gate';
import { icon } from './icons';
import { tile, type Tile } from './tile';

interface Actions {
  readonly mic: () => void;
  readonly camera: () => void;
  readonly leave: () => void;
  readonly show: (accid: string, view: HTMLElement) => void;
}

export interface Stage {
  readonly root: HTMLElement;
  update(state: State): void;
  levels(levels: ReadonlyMap<string, number>): void;
}

const PHASE_WORDS = {
  entering: 'Entering…',
  inside: '',
  returning: 'The connection broke. Coming back by itself…',
  leaving: 'Leaving…',
} as const;

/** The hall: everybody in the channel, and my own controls. */
export function stage(actions: Actions): Stage {
  const title = h('h1');
  const topic = h('p', { class: 'topic' });
  const status = h('p', { class: 'status', attrs: { role: 'status' } });
  const tiles = h('ul', { class: 'tiles', attrs: { 'aria-label': 'People in this channel' } });
  const empty = h('li', { class: 'tile vacant' });
  const live = new Map<string, Tile>();

  const control = (key: string, label: string, click: () => void): HTMLButtonElement =>
    h('button', { class: `control ${key}`, attrs: { type: 'button' }, click }, h('span', { class: 'glyph' }), h('span', { class: 'label', text: label }));
  const mic = control('mic', 'Microphone', actions.mic);
  const camera = control('camera', 'Camera', actions.camera);
  const leave = control('leave', 'Leave', actions.leave);
  leave.querySelector('.glyph')?.append(icon('leave'));
  mic.setAttribute('aria-keyshortcuts', 'm');
  camera.setAttribute('aria-keyshortcuts', 'v');

  const set = (button: HTMLButtonElement, source: Source, on: 'mic' | 'camera', off: 'micOff' | 'cameraOff', words: [string, string], usable: boolean): void => {
    const lit = source === 'on' || source === 'closing';
    const label = source === 'opening' ? 'Opening…' : source === 'closing' ? 'Closing…' : lit ? words[1] : words[0];
    const shown = `${source}:${String(usable)}`;
    if (button.dataset['shown'] === shown) return;
    button.dataset['shown'] = shown;
    button.setAttribute('aria-pressed', String(lit));
    button.classList.toggle('busy', source === 'opening' || source === 'closing');
    // aria-disabled keeps the keyboard focus where it is while a device opens.
    button.setAttribute('aria-disabled', String(!usable || source === 'opening' || source === 'closing'));
    button.querySelector('.glyph')?.replaceChildren(icon(lit ? on : off));
    const text = button.querySelector('.label');
    if (text) text.textContent = label;
  };

  const hall = h(
    'div',
    { class: 'hall' },
    h('header', { class: 'hall-head' }, h('div', { class: 'hall-words' }, title, topic), status),
    h('div', { class: 'floor' }, tiles, h('div', { class: 'interlude', attrs: { 'aria-hidden': 'true' } }, h('div', { class: 'plan' }))),
    h('div', { class: 'controls', attrs: { role: 'toolbar', 'aria-label': 'My microphone and camera' } }, mic, camera, leave),
  );
  const rest = h(
    'div',
    { class: 'rest' },
    h('div', { class: 'plan', attrs: { 'aria-hidden': 'true' } }),
    h('h1', { text: 'Choose a channel' }),
    h('p', { text: 'The ones with a wave are for talking. You come in quietly: your microphone stays off until you switch it on.' }),
  );
  const root = h('main', { class: 'stage' });
  let second = '';

  const place = (people: readonly Person[], state: State): void => {
    const wanted = new Set(people.map((p) => p.accid));
    for (const [accid, t] of live) {
      if (wanted.has(accid)) continue;
      t.root.remove();
      live.delete(accid);
    }
    for (const person of people) {
      let t = live.get(person.accid);
      if (!t) {
        t = tile(person, displayName(state, person.accid), actions.show);
        live.set(person.accid, t);
        tiles.insertBefore(t.root, empty.isConnected ? empty : null);
      }
      t.update(person);
    }
  };

  return {
    root,
    update(state) {
      const { call } = state;
      if (!call) {
        for (const t of live.values()) t.root.remove();
        live.clear();
        if (rest.parentElement !== root) root.replaceChildren(rest);
        return;
      }
      if (hall.parentElement !== root) root.replaceChildren(hall);
      hall.dataset['phase'] = call.phase;
      title.textContent = call.channel.name;
      topic.textContent = call.channel.topic;
      const usable = call.phase === 'inside';
      const count = call.people.length;
      status.textContent = usable ? (state.link === 'lost' ? 'Connection lost, trying again…' : count === 1 ? 'Only you' : `${count} people`) : PHASE_WORDS[call.phase];
      place(call.people, state);
      const lonely = usable && count === 1;
      const shown = lonely ? 2 : count;
      tiles.dataset['count'] = shown > 9 ? 'many' : String(shown);
      const seat = lonely ? secondSeat(state) : null;
      const href = seat?.href ?? (lonely ? 'none' : '');
      if (href !== second) {
        second = href;
        empty.replaceChildren(h('p', { text: 'Nobody else is here yet.' }), ...(seat ? [seat] : []));
        if (lonely) tiles.append(empty);
        else empty.remove();
      }
      set(mic, call.mic, 'mic', 'micOff', ['Unmute', 'Mute'], usable);
      set(camera, call.camera, 'camera', 'cameraOff', ['Start camera', 'Stop camera'], usable);
    },
    levels(levels) {
      for (const [accid, t] of live) t.level(levels.get(accid) ?? 0);
    },
  };
}
