import type { State } from '../model';
import { h } from './dom';
import { icon } from './icons';

/** The one line in which the page talks to the person; read out by screen readers. */
export function notice(onClose: () => void): { readonly root: HTMLElement; update(state: State): void } {
  const text = h('p');
  const close = h('button', { class: 'bare', attrs: { type: 'button', 'aria-label': 'Dismiss' }, click: onClose }, icon('close'));
  const card = h('div', { class: 'notice' }, text, close);
  const root = h('div', { class: 'notices', attrs: { role: 'status', 'aria-live': 'polite' } });
  return {
    root,
    update({ notice: said }) {
      if (!said) {
        card.remove();
        return;
      }
      card.dataset['tone'] = said.tone;
      if (text.textContent !== said.text) text.textContent = said.text;
      if (!card.isConnected) root.append(card);
    },
  };
}
