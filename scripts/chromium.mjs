import { existsSync } from 'node:fs';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The Chromium at CHROMIUM, else the one of this machine. Undefined where there is none. */
export function findChromium() {
  const given = process.env.CHROMIUM;
  return given ? (existsSync(given) ? given : undefined) : PLACES.find(existsSync);
}
