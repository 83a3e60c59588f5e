const KEY = 'rotunda-theme';

export function useStoredTheme(): void {
  const stored = localStorage.getItem(KEY);
  if (stored === 'light' || stored === 'dark') document.documentElement.dataset['theme'] = stored;
}

/** Flips what is shown now; the first flip starts from the system's choice. */
export function toggleTheme(): void {
  const { dataset } = document.documentElement;
  const dark = dataset['theme'] === undefined ? matchMedia('(prefers-color-scheme: dark)').matches : dataset['theme'] === 'dark';
  dataset['theme'] = dark ? 'light' : 'dark';
  localStorage.setItem(KEY, dataset['theme']);
}
