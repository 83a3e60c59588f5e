import type { Channel, Server, State } from '../model';
import { displayName } from '../model';
import { h, Keyed } from './dom';
import { icon, mark } from './icons';
import { portrait } from './portrait';

interface Actions {
  readonly enter: (channel: Channel) => void;
  readonly signOut: () => void;
  readonly theme: () => void;
}

const LINK_WORDS = { off: 'Signed out', connecting: 'Connecting…', on: 'Connected', lost: 'Reconnecting…' } as const;

/** Servers, channels and my own account. */
export function rail(actions: Actions): { readonly root: HTMLElement; update(state: State): void } {
  let now: State | null = null;
  const nav = h('nav', { class: 'servers', attrs: { 'aria-label': 'Channels' } });
  const face = h('span', { class: 'me-face' });
  const name = h('span', { class: 'me-name' });
  const link = h('span', { class: 'me-link' });
  const root = h(
    'aside',
    { class: 'rail' },
    h('div', { class: 'brand' }, mark(), h('span', { class: 'brand-name', text: 'Rotunda' }), h('span', { class: 'demo', text: 'demo' })),
    nav,
    h(
      'div',
      { class: 'me' },
      face,
      h('span', { class: 'me-words' }, name, link),
      h('button', { class: 'bare', attrs: { type: 'button', 'aria-label': 'Light or dark', title: 'Light or dark' }, click: actions.theme }, icon('theme')),
      h('button', { class: 'bare', attrs: { type: 'button', 'aria-label': 'Sign out', title: 'Sign out' }, click: actions.signOut }, icon('leave')),
    ),
  );

  const channelView = (channel: Channel): { root: HTMLElement; update(c: Channel): void } => {
    const glyph = h('span', { class: 'channel-glyph' });
    const title = h('span', { class: 'channel-name' });
    const lock = h('span', { class: 'channel-lock', attrs: { title: 'Private: only those on its list see it' } });
    const who = h('span', { class: 'channel-who' });
    let current = channel;
    const button = h('button', { class: 'channel', attrs: { type: 'button' }, click: () => actions.enter(current) }, glyph, title, lock, who);
    return {
      root: h('li', {}, button),
      update(c) {
        current = c;
        button.dataset['kind'] = c.kind;
        if (title.textContent !== c.name) title.textContent = c.name;
        if (!glyph.firstChild) glyph.append(icon(c.kind === 'media' ? 'voice' : 'text'));
        if (c.hidden && !lock.firstChild) lock.append(icon('lock'));
        const here = now?.call?.channel.channelId === c.channelId;
        if (here) button.setAttribute('aria-current', 'true');
        else button.removeAttribute('aria-current');
        const names = c.inside.map((a) => (now ? displayName(now, a) : a)).join(', ');
        who.textContent = names;
        button.title = c.topic || c.name;
      },
    };
  };

  const servers = new Keyed<Server>(nav, () => {
    const title = h('h2', { class: 'server-name' });
    const list = h('ul', { class: 'channels' });
    const empty = h('p', { class: 'quiet', text: 'No channels yet.' });
    const channels = new Keyed<Channel>(list, channelView);
    return {
      root: h('section', { class: 'server' }, title, list, empty),
      update(server) {
        title.textContent = server.name;
        channels.update(server.channels, (c) => c.channelId);
        empty.hidden = server.channels.length > 0;
      },
    };
  });

  return {
    root,
    update(state) {
      now = state;
      servers.update(state.servers, (s) => s.serverId);
      if (state.me && name.textContent !== state.me.name) {
        name.textContent = state.me.name;
        face.replaceChildren(portrait(state.me.accid, state.me.name));
      }
      link.textContent = LINK_WORDS[state.link];
      root.dataset['link'] = state.link;
    },
  };
}
