// Headless Chromium with fake devices, closed to everything but loopback.
import fs from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';

export const FLAGS = [
  '--headless=new', '--no-sandbox', '--ignore-certificate-errors', '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream', '--autoplay-policy=no-user-gesture-required', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--no-first-run', '--disable-gpu', '--disable-quic',
  // Pages of one run share the machine: none may be slowed for being in the background.
  '--disable-background-timer-throttling', '--disable-renderer-backgrounding', '--disable-backgrounding-occluded-windows',
];

export function chromiumPath() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const dir of (process.env.PATH ?? '').split(path.delimiter)) {
    for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
      const file = path.join(dir, name);
      if (fs.existsSync(file)) return file;
    }
  }
  throw new Error('no Chromium found: install it, or set CHROMIUM to its path');
}

export const launch = (more = []) => chromium.launch({ executablePath: chromiumPath(), headless: true, args: [...FLAGS, ...more] });

/**
 * A page in a context of its own. `outside` collects the addresses beyond loopback that it tried to reach. With `proxy`
 * everything but the page itself goes through that one.
 */
export async function openPage(browser, url, { outside = new Set(), permissions = ['microphone', 'camera'], proxy } = {}) {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true, permissions, ...(proxy ? { proxy: { server: proxy, bypass: new URL(url).host } } : {}),
  });
  const page = await context.newPage();
  await page.route('**/*', (route) => {
    const asked = new URL(route.request().url());
    if (['127.0.0.1', 'localhost', '[::1]'].includes(asked.hostname) || asked.protocol === 'data:' || asked.protocol === 'blob:') return route.continue();
    outside.add(asked.origin + asked.pathname);
    return route.abort();
  });
  await page.goto(url);
  return page;
}
