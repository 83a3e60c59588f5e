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
