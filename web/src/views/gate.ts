import type { DemoAccount, State } from '../model';
import { h, Keyed } from './dom';
import { icon, mark } from './icons';
import { portrait } from './portrait';

/** The choice of a demo account. */
export function gate(onChoose: (account: DemoAccount) => void): { readonly root: HTMLElement; update(state: State): void } {
  const list = h('ul', { class: 'seats' });
  const lead = h('p', { class: 'lead' });
  const root = h(
    'main',
    { class: 'gate' },
    h(
      'header',
      { class: 'gate-head' },
      mark(),
      h('h1', { text: 'Rotunda' }),
      h('p', { class: 'tagline', text: 'Voice channels on a machine of your own.' }),
    ),
    h('section', { class: 'gate-body', attrs: { 'aria-label': 'Choose a demo account' } }, h('h2', { text: 'Who are you today?' }), lead, list),
    h('footer', {
      class: 'fine',
      text: 'This is a demo: whoever can open this page can take any of these seats. Nothing you say is kept, and nothing leaves this server.',
    }),
  );

  let busy = false;
  const seats = new Keyed<DemoAccount>(list, (account) => {
    const tag = h('span', { class: 'seat-tag' });
    const button = h(
      'button',
      { class: 'seat', attrs: { type: 'button' }, click: () => !busy && onChoose(account) },
      portrait(account.accid, account.name),
      h('span', { class: 'seat-name', text: account.name }),
      tag,
    );
    const item = h('li', {}, button);
    return { root: item, update: () => undefined };
  });

  return {
    root,
    update(state) {
      busy = state.link === 'connecting';
      const accounts = state.info?.accounts ?? [];
      lead.textContent = accounts.length > 0 ? 'Take a seat, then open a second tab and take another: the two of you can talk.' : 'Asking the server for its demo accounts…';
      seats.update(accounts, (a) => a.accid);
      for (const [i, account] of accounts.entries()) {
        const button = list.children[i]?.firstElementChild;
        if (!(button instanceof HTMLButtonElement)) continue;
        const taken = state.taken.has(account.accid);
        const mine = busy && state.me?.accid === account.accid;
        button.disabled = busy;
        button.classList.toggle('busy', mine);
        const tag = button.querySelector('.seat-tag');
        if (tag) tag.textContent = mine ? 'signing in…' : taken ? 'in another tab' : '';
      }
    },
  };
}

/** A link that opens a second seat in a new tab, for talking to oneself. */
export function secondSeat(state: State): HTMLAnchorElement | null {
  const inside = new Set(state.call?.people.map((p) => p.accid) ?? []);
  const free = state.info?.accounts.find((a) => a.accid !== state.me?.accid && !state.taken.has(a.accid) && !inside.has(a.accid));
  if (!free) return null;
  const query = new URLSearchParams({ as: free.accid });
  if (state.call) query.set('channel', state.call.channel.channelId);
  return h(
    'a',
    { class: 'second', attrs: { href: `/try/?${query.toString()}`, target: '_blank', rel: 'noopener' } },
    icon('out'),
    h('span', { text: `Open a second seat as ${free.name}` }),
  );
}
