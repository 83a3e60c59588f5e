import { h, Keyed } from './dom';
import { icon, type Icon } from './icons';

export interface Item {
  readonly key: string;
  readonly label: string;
  readonly icon: Icon;
  readonly danger?: boolean;
  /** One of a choice, and whether it is the chosen one. */
  readonly checked?: boolean;
  /** A line stands above it. */
  readonly apart?: boolean;
  readonly run: () => void;
}

export interface Menu {
  readonly root: HTMLElement;
  /** Opens below the button, or closes when it is open there; `items` is asked again on every refresh. */
  toggle(anchor: HTMLButtonElement, label: string, items: () => readonly Item[]): void;
  /** What the items depend on may have changed. An empty list closes the menu. */
  refresh(): void;
  close(): void;
}

/** px between the button and the menu, and between the menu and the edge of the window. */
const GAP_PX = 6;
const EDGE_PX = 8;

interface Open {
  readonly anchor: HTMLButtonElement;
  readonly items: () => readonly Item[];
}

/** The one menu of the page: keyboard as the ARIA pattern for menu buttons says. On phones it is a sheet (style.css). */
export function menu(): Menu {
  const list = h('div', { class: 'menu', attrs: { role: 'menu' } });
  const shade = h('div', { class: 'menu-shade', attrs: { 'aria-hidden': 'true' }, click: () => api.close() });
  const root = h('div', { class: 'menus' }, shade, list);
  root.hidden = true;
  let open: Open | null = null;

  const buttons = (): HTMLButtonElement[] => [...list.querySelectorAll('button')];
  const focus = (at: number): void => {
    const all = buttons();
    all[(at + all.length) % all.length]?.focus();
  };

  const rows = new Keyed<Item>(list, (first) => {
    let item = first;
    const glyph = h('span', { class: 'menu-glyph' });
    const text = h('span');
    const button = h('button', { attrs: { type: 'button', tabindex: '-1' }, click: () => {
      const { run } = item;
      api.close();
      run();
    } }, glyph, text);
    return {
      root: button,
      update(next) {
        item = next;
        button.dataset['key'] = next.key;
        button.className = ['menu-item', next.danger === true ? 'danger' : '', next.apart === true ? 'apart' : ''].join(' ').trim();
        button.setAttribute('role', next.checked === undefined ? 'menuitem' : 'menuitemradio');
        if (next.checked === undefined) button.removeAttribute('aria-checked');
        else button.setAttribute('aria-checked', String(next.checked));
        if (text.textContent !== next.label) text.textContent = next.label;
        glyph.replaceChildren(icon(next.icon));
      },
    };
  });

  const place = (): void => {
    if (!open) return;
    const at = open.anchor.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = list;
    const below = at.bottom + GAP_PX + height <= innerHeight - EDGE_PX;
    const top = below ? at.bottom + GAP_PX : Math.max(EDGE_PX, at.top - GAP_PX - height);
    const left = Math.min(Math.max(EDGE_PX, at.right - width), innerWidth - EDGE_PX - width);
    list.style.setProperty('--top', `${top}px`);
    list.style.setProperty('--left', `${left}px`);
  };

  const keys = (event: KeyboardEvent): void => {
    const at = buttons().findIndex((b) => b === document.activeElement);
    const moves: Record<string, () => void> = {
      ArrowDown: () => focus(at + 1),
      ArrowUp: () => focus(at - 1),
      Home: () => focus(0),
      End: () => focus(-1),
      Escape: () => api.close(),
      Tab: () => api.close(),
    };
    const move = moves[event.key];
    // Shortcuts of the page do not fire while a menu is open.
    event.stopPropagation();
    if (!move) return;
    event.preventDefault();
    move();
  };
  list.addEventListener('keydown', keys);
  addEventListener('resize', () => api.close());

  const api: Menu = {
    root,
    toggle(anchor, label, items) {
      const again = open?.anchor === anchor;
      if (open) api.close();
      if (again) return;
      open = { anchor, items };
      list.setAttribute('aria-label', label);
      root.hidden = false;
      anchor.setAttribute('aria-expanded', 'true');
      api.refresh();
      focus(0);
    },
    refresh() {
      if (!open) return;
      const items = open.anchor.isConnected && open.anchor.offsetParent !== null ? open.items() : [];
      if (items.length === 0) {
        api.close();
        return;
      }
      const had = list.contains(document.activeElement);
      rows.update(items, (i) => i.key);
      if (had && !list.contains(document.activeElement)) focus(0);
      place();
    },
    close() {
      const was = open;
      if (!was) return;
      open = null;
      root.hidden = true;
      was.anchor.setAttribute('aria-expanded', 'false');
      if (was.anchor.isConnected) was.anchor.focus();
    },
  };
  return api;
}
