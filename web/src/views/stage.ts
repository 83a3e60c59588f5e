import type { Call, Person, Sharpness, State } from '../model';
import { displayName } from '../model';
import { type Act, type ActOnAll, actsOnAll } from '../moderation';
import { controls } from './controls';
import { h } from './dom';
import { secondSeat } from './gate';
import { icon } from './icons';
import { menu } from './menu';
import { everyoneItems, hasMenu, personItems, sharpnessOf } from './people-menu';
import { screen } from './screen';
import { tile, type Tile } from './tile';

interface Actions {
  readonly mic: () => void;
  readonly camera: () => void;
  readonly share: () => void;
  readonly leave: () => void;
  /** Plays what the browser held back. */
  readonly play: () => void;
  readonly show: (accid: string, view: HTMLElement) => void;
  readonly showScreen: (accid: string, view: HTMLElement | null) => void;
  readonly sharpen: (accid: string, sharpness: Sharpness) => void;
  readonly choose: (accid: string, sharpness: Sharpness) => void;
  readonly act: (act: Act, accid: string) => void;
  readonly actOnAll: (act: ActOnAll) => void;
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

function statusWords(state: State, call: Call): string {
  if (call.phase !== 'inside') return PHASE_WORDS[call.phase];
  if (state.link === 'lost') return 'Connection lost, trying again…';
  if (call.recovering) return 'Sound and picture broke off. Coming back by itself…';
  return call.people.length === 1 ? 'Only you' : `${call.people.length} people`;
}

/** The hall: everybody in the channel, what is shared, and my own controls. */
export function stage(actions: Actions): Stage {
  let now: State | null = null;
  const title = h('h1');
  const topic = h('p', { class: 'topic' });
  const status = h('p', { class: 'status', attrs: { role: 'status' } });
  const micLock = h('p', { class: 'chip' }, icon('lock'), 'Microphones off for everybody');
  const cameraLock = h('p', { class: 'chip' }, icon('lock'), 'Cameras off for everybody');
  const chips = h('div', { class: 'chips', attrs: { role: 'status' } }, micLock, cameraLock);
  const choices = menu();
  const everyone = h(
    'button',
    { class: 'everyone', attrs: { type: 'button', 'aria-haspopup': 'menu', 'aria-expanded': 'false' }, click: () => choices.toggle(everyone, 'Everybody in this channel', () => (now ? everyoneItems(now, actions) : [])) },
    icon('people'),
    h('span', { text: 'Everybody' }),
  );
  const play = h(
    'div',
    { class: 'strip', attrs: { role: 'alert' } },
    h('p', { text: 'The browser holds the sound back until you click.' }),
    h('button', { class: 'strip-button', attrs: { type: 'button' }, click: actions.play }, icon('sound'), h('span', { text: 'Turn the sound on' })),
  );
  play.hidden = true;
  const shared = screen(actions);
  const tiles = h('ul', { class: 'tiles', attrs: { 'aria-label': 'People in this channel' } });
  const empty = h('li', { class: 'tile vacant' });
  const live = new Map<string, Tile>();
  const mine = controls(actions);

  const floor = h('div', { class: 'floor' }, shared.root, h('div', { class: 'crowd' }, tiles), h('div', { class: 'interlude', attrs: { 'aria-hidden': 'true' } }, h('div', { class: 'plan' })));
  const hall = h(
    'div',
    { class: 'hall' },
    h('header', { class: 'hall-head' }, h('div', { class: 'hall-words' }, title, topic), h('div', { class: 'hall-side' }, status, everyone)),
    h('div', { class: 'strips' }, chips, play),
    floor,
    mine.root,
    choices.root,
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

  const openMenu = (accid: string, button: HTMLButtonElement): void => {
    const name = now ? displayName(now, accid) : accid;
    choices.toggle(button, name, () => (now ? personItems(now, accid, actions) : []));
  };

  const place = (people: readonly Person[], state: State, call: Call): void => {
    const wanted = new Set(people.map((p) => p.accid));
    for (const [accid, t] of live) {
      if (wanted.has(accid)) continue;
      t.root.remove();
      live.delete(accid);
    }
    for (const person of people) {
      let t = live.get(person.accid);
      if (!t) {
        t = tile(person, displayName(state, person.accid), { show: actions.show, menu: openMenu });
        live.set(person.accid, t);
        tiles.insertBefore(t.root, empty.isConnected ? empty : null);
      }
      t.update(person, call.quality.get(person.accid), call.phase === 'inside' && hasMenu(call, person));
      if (!person.me) actions.sharpen(person.accid, sharpnessOf(call, person.accid));
    }
  };

  return {
    root,
    update(state) {
      now = state;
      const { call } = state;
      const taken = shared.update(state);
      if (!call) {
        for (const t of live.values()) t.root.remove();
        live.clear();
        choices.close();
        if (rest.parentElement !== root) root.replaceChildren(rest);
        return;
      }
      if (hall.parentElement !== root) root.replaceChildren(hall);
      hall.dataset['phase'] = call.phase;
      hall.classList.toggle('recovering', call.recovering);
      title.textContent = call.channel.name;
      topic.textContent = call.channel.topic;
      const count = call.people.length;
      const words = statusWords(state, call);
      if (status.textContent !== words) status.textContent = words;
      micLock.hidden = !call.locks.mic;
      cameraLock.hidden = !call.locks.camera;
      chips.hidden = !call.locks.mic && !call.locks.camera;
      everyone.hidden = call.phase !== 'inside' || actsOnAll(call).length === 0;
      play.hidden = call.blocked.size === 0;
      place(call.people, state, call);
      const lonely = call.phase === 'inside' && count === 1;
      const shown = lonely ? 2 : count;
      floor.classList.toggle('with-screen', taken);
      tiles.dataset['count'] = shown > 9 ? 'many' : String(shown);
      const seat = lonely ? secondSeat(state) : null;
      const href = seat?.href ?? (lonely ? 'none' : '');
      if (href !== second) {
        second = href;
        empty.replaceChildren(h('p', { text: 'Nobody else is here yet.' }), ...(seat ? [seat] : []));
        if (lonely) tiles.append(empty);
        else empty.remove();
      }
      mine.update(state);
      choices.refresh();
    },
    levels(levels) {
      for (const [accid, t] of live) t.level(levels.get(accid) ?? 0);
    },
  };
}
