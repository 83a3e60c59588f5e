/** The little that is needed to build elements without inline styles or scripts. */

export interface Props {
  readonly class?: string;
  readonly text?: string;
  readonly attrs?: Readonly<Record<string, string>>;
  readonly click?: (event: MouseEvent) => void;
}

export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: readonly (Node | string | null)[]): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  if (props.class !== undefined) node.className = props.class;
  if (props.text !== undefined) node.textContent = props.text;
  for (const [key, value] of Object.entries(props.attrs ?? {})) node.setAttribute(key, value);
  if (props.click) node.addEventListener('click', props.click as EventListener);
  for (const child of children) if (child !== null) node.append(child);
  return node;
}

/** Keeps one child per key in the given order, creating, updating and removing as little as possible. */
export class Keyed<T> {
  readonly #parent: HTMLElement;
  readonly #make: (item: T) => { readonly root: HTMLElement; update(item: T): void };
  readonly #live = new Map<string, { readonly root: HTMLElement; update(item: T): void }>();

  constructor(parent: HTMLElement, make: (item: T) => { readonly root: HTMLElement; update(item: T): void }) {
    this.#parent = parent;
    this.#make = make;
  }

  update(items: readonly T[], key: (item: T) => string): void {
    const wanted = new Set(items.map(key));
    for (const [k, view] of this.#live) {
      if (wanted.has(k)) continue;
      view.root.remove();
      this.#live.delete(k);
    }
    let before: ChildNode | null = this.#parent.firstChild;
    for (const item of items) {
      const k = key(item);
      let view = this.#live.get(k);
      if (!view) {
        view = this.#make(item);
        this.#live.set(k, view);
      }
      view.update(item);
      if (view.root === before) before = before.nextSibling;
      else this.#parent.insertBefore(view.root, before);
    }
  }
}
