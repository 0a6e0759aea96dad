/*
 * Back leads to the place in a list that somebody left. A browser does that by itself only where the list is
 * there at once, and here it is read anew. So each entry of the history keeps how far it was scrolled, and the
 * page is scrolled there as soon as it is long enough.
 */

const KEPT = 'nestjs-integration.scroll';
/** So long the page may take to be long enough. */
const WAIT_MS = 5_000;

const places: Record<string, number> = JSON.parse(sessionStorage.getItem(KEPT) ?? '{}');
let entry = entryNow();
let watch: ResizeObserver | undefined;

/** The entry of the history that is shown. A new one has no name yet, and gets one. */
function entryNow(): string {
  const known: unknown = Object(history.state).entry;
  if (typeof known === 'string') return known;
  const name = `${Date.now()}-${Math.random()}`;
  history.replaceState({ ...Object(history.state), entry: name }, '');
  return name;
}

/** Notes how far each entry is scrolled, from now on. */
export function keepPlaces(): void {
  history.scrollRestoration = 'manual';
  // From here on what is scrolled belongs to the new entry, also while its page is still being loaded.
  addEventListener('hashchange', () => {
    entry = entryNow();
  });
  addEventListener('scroll', () => {
    if (watch === undefined) places[entry] = scrollY;
  });
  addEventListener('pagehide', () => {
    const latest = Object.entries(places).slice(-MOST_KEPT);
    sessionStorage.setItem(KEPT, JSON.stringify(Object.fromEntries(latest)));
  });
  // Whoever scrolls by themselves is not led anywhere any more.
  for (const kind of ['wheel', 'touchmove', 'keydown', 'pointerdown']) addEventListener(kind, stop);
}

const MOST_KEPT = 100;

/** Scrolls to where the entry was left. A new one begins at the top. Called when another page opens. */
export function arrive(): void {
  stop();
  const wanted = places[entry] ?? 0;
  scrollTo(0, wanted);
  if (Math.abs(scrollY - wanted) < 2) return;
  const begun = performance.now();
  watch = new ResizeObserver(() => {
    scrollTo(0, wanted);
    if (Math.abs(scrollY - wanted) < 2 || performance.now() - begun > WAIT_MS) stop();
  });
  watch.observe(document.body);
}

function stop(): void {
  watch?.disconnect();
  watch = undefined;
}
