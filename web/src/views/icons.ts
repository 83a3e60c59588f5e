const SVG = 'http://www.w3.org/2000/svg';

const PATHS = {
  mic: ['M12 3.5a2.8 2.8 0 0 1 2.8 2.8v5.2a2.8 2.8 0 0 1-5.6 0V6.3A2.8 2.8 0 0 1 12 3.5Z', 'M5.8 11.2a6.2 6.2 0 0 0 12.4 0', 'M12 17.4v3.1'],
  micOff: ['M9.2 9.2v2.3a2.8 2.8 0 0 0 4.6 2.1M14.8 10.6V6.3a2.8 2.8 0 0 0-5.4-1', 'M5.8 11.2a6.2 6.2 0 0 0 10 4.9M18.1 12.3c.1-.4.1-.7.1-1.1', 'M12 17.4v3.1', 'M4.5 4.5l15 15'],
  camera: ['M4.8 7h8.4a1.8 1.8 0 0 1 1.8 1.8v6.4a1.8 1.8 0 0 1-1.8 1.8H4.8A1.8 1.8 0 0 1 3 15.2V8.8A1.8 1.8 0 0 1 4.8 7Z', 'M15 10.6l5.2-2.9a.5.5 0 0 1 .8.4v7.8a.5.5 0 0 1-.8.4L15 13.4'],
  cameraOff: ['M9 7h4.2A1.8 1.8 0 0 1 15 8.8V13M15 15.2a1.8 1.8 0 0 1-1.8 1.8H4.8A1.8 1.8 0 0 1 3 15.2V8.8c0-.8.5-1.4 1.2-1.7', 'M15 10.6l5.2-2.9a.5.5 0 0 1 .8.4v7.8', 'M4 4l16 16'],
  leave: ['M10 4H6.5A1.5 1.5 0 0 0 5 5.5v13A1.5 1.5 0 0 0 6.5 20H10', 'M14.5 8l4 4-4 4', 'M18 12H9.5'],
  voice: ['M4 10v4M8 7v10M12 4.5v15M16 8v8M20 10.5v3'],
  text: ['M9 4 7.2 20M16.8 4 15 20M4.5 9h15M4 15h15'],
  lock: ['M7 10.5h10a1.5 1.5 0 0 1 1.5 1.5v6a1.5 1.5 0 0 1-1.5 1.5H7A1.5 1.5 0 0 1 5.5 18v-6A1.5 1.5 0 0 1 7 10.5Z', 'M8.5 10.5V8a3.5 3.5 0 0 1 7 0v2.5'],
  out: ['M13.5 4.5h6v6M19 5l-8.5 8.5', 'M17.5 14v4a1.5 1.5 0 0 1-1.5 1.5H6A1.5 1.5 0 0 1 4.5 18V8A1.5 1.5 0 0 1 6 6.5h4'],
  close: ['M6 6l12 12M18 6L6 18'],
  screen: ['M4.8 4.5h14.4a1.8 1.8 0 0 1 1.8 1.8v8.9a1.8 1.8 0 0 1-1.8 1.8H4.8A1.8 1.8 0 0 1 3 15.2V6.3a1.8 1.8 0 0 1 1.8-1.8Z', 'M8 20.5h8', 'M12 13.8V8M9.5 10.2 12 7.7l2.5 2.5'],
  screenOff: ['M4.8 4.5h14.4a1.8 1.8 0 0 1 1.8 1.8v8.9a1.8 1.8 0 0 1-1.8 1.8H4.8A1.8 1.8 0 0 1 3 15.2V6.3a1.8 1.8 0 0 1 1.8-1.8Z', 'M8 20.5h8', 'M9.5 8.2l5 5M14.5 8.2l-5 5'],
  full: ['M4.5 9V6A1.5 1.5 0 0 1 6 4.5h3M15 4.5h3A1.5 1.5 0 0 1 19.5 6v3M19.5 15v3a1.5 1.5 0 0 1-1.5 1.5h-3M9 19.5H6A1.5 1.5 0 0 1 4.5 18v-3'],
  more: ['M6 12h.01M12 12h.01M18 12h.01'],
  people: ['M9 11.2a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4Z', 'M3 19.2c0-3 2.6-5.2 6-5.2s6 2.2 6 5.2', 'M15.5 5.2a3.1 3.1 0 0 1 0 5.7M17.6 14.5c2 .7 3.4 2.4 3.4 4.7'],
  door: ['M10 4H6.5A1.5 1.5 0 0 0 5 5.5v13A1.5 1.5 0 0 0 6.5 20H10', 'M14 9l6 6M20 9l-6 6'],
  sharp: ['M4.8 6h14.4A1.8 1.8 0 0 1 21 7.8v8.4a1.8 1.8 0 0 1-1.8 1.8H4.8A1.8 1.8 0 0 1 3 16.2V7.8A1.8 1.8 0 0 1 4.8 6Z', 'M6.8 9.4v5.2M10.6 9.4v5.2M6.8 12h3.8M13.6 9.4v5.2h1a2.6 2.6 0 0 0 0-5.2h-1Z'],
  light: ['M4.8 6h14.4A1.8 1.8 0 0 1 21 7.8v8.4a1.8 1.8 0 0 1-1.8 1.8H4.8A1.8 1.8 0 0 1 3 16.2V7.8A1.8 1.8 0 0 1 4.8 6Z', 'M10.4 10.2c-.3-.6-.9-.9-1.7-.9-1 0-1.8.5-1.8 1.3 0 1.9 3.7.9 3.7 2.8 0 .8-.8 1.4-1.9 1.4-.9 0-1.6-.4-1.9-1.1M13.6 9.4v5.2h1a2.6 2.6 0 0 0 0-5.2h-1Z'],
  sound: ['M4.5 9.8v4.4h2.8l4.2 3.6V6.2L7.3 9.8H4.5Z', 'M14.8 9.4a3.7 3.7 0 0 1 0 5.2M17.2 7a7 7 0 0 1 0 10'],
  theme: ['M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16Z', 'M12 4v16M12 8h6.9M12 12h8M12 16h6.9'],
} as const;

export type Icon = keyof typeof PATHS;

export function icon(name: Icon): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.classList.add('icon');
  for (const d of PATHS[name]) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', d);
    svg.append(path);
  }
  return svg;
}

/** The plan of a round hall: a colonnade, a ring, somebody in the middle. */
export function mark(): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 48 48');
  svg.setAttribute('aria-hidden', 'true');
  svg.classList.add('mark');
  for (const [r, cls] of [[21, 'columns'], [13.5, 'ring'], [4.5, 'heart']] as const) {
    const circle = document.createElementNS(SVG, 'circle');
    circle.setAttribute('cx', '24');
    circle.setAttribute('cy', '24');
    circle.setAttribute('r', String(r));
    circle.classList.add(cls);
    svg.append(circle);
  }
  return svg;
}
