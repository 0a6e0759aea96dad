import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useDenial, useSession } from '../api/session.tsx';
import { useLive } from '../live/live.ts';
import { deadLettersOf } from '../parts/number.ts';
import { Foreign } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { to, usePlace } from '../router/router.ts';
import { type Section, WALL } from '../section.ts';
import { groupsOf } from '../sections.ts';
import { CommandKey } from './command-key.tsx';
import { LiveSwitch } from './live-switch.tsx';
import { PageOf } from './page-of.tsx';
import { SearchBox } from './search-box.tsx';
import { ThemeSwitch } from './theme-switch.tsx';

/** What stands around every page: the sections, the search box, and whether it is live. */
export function Shell({ notice }: { notice?: ComponentChildren }) {
  const place = usePlace();
  const { actor, parts } = useSession();
  const [isOpen, setIsOpen] = useState(false);
  const { mode, freshAt } = useLive();
  const isStale = mode === 'lost';
  const here = place.path[0] ?? 'overview';
  // The menu closes when the place changes.
  useEffect(() => setIsOpen(false), [place]);
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const isTyping = event.target instanceof Element && event.target.matches('input, textarea, select');
      if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const box = document.getElementById('search') as HTMLInputElement | null;
      box?.focus();
      // What stands there is replaced by what is typed.
      box?.select();
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, []);
  const main = (
    <main id="main" class={[isStale ? 'stale' : '', here === WALL ? 'wall' : ''].join(' ').trim()}>
      {notice}
      {isStale && (
        <p class="box bad stale-bar" role="status">
          <span>
            <b>Not up to date</b> since <Time at={freshAt} />. The server or its database does not answer. The
            page keeps trying, and what it shows in grey may be other by now.
          </span>
        </p>
      )}
      <PageOf place={place} />
    </main>
  );
  if (here === WALL) return main;
  return (
    <>
      <CommandKey />
      <button
        type="button"
        class="skip"
        onClick={() => document.querySelector<HTMLElement>('main h1')?.focus()}
      >
        Skip to the page
      </button>
      <div class="frame">
        <header class="top">
          <a class="brand" href={to(['overview'])}>
            <Logo /> Integration
          </a>
          <SearchBox />
          <LiveSwitch />
          <button
            type="button"
            class="menu-button"
            aria-expanded={isOpen}
            aria-controls="sections"
            onClick={() => setIsOpen(!isOpen)}
          >
            Menu
          </button>
        </header>
        <nav class={isOpen ? 'side open' : 'side'} id="sections" aria-label="Sections">
          {groupsOf(parts).map(({ title, sections }) => (
            <div key={title} class="side-group">
              <p class="side-title" id={`group-${title}`}>
                {title}
              </p>
              <ul aria-labelledby={`group-${title}`}>
                {sections.map((section) => (
                  <SectionLink key={section.key} section={section} isHere={section.key === here} />
                ))}
              </ul>
            </div>
          ))}
          <div class="side-foot">
            <p class="small muted">
              Signed in as <Foreign most={40}>{actor}</Foreign>
            </p>
            <ThemeSwitch />
          </div>
        </nav>
        {main}
      </div>
    </>
  );
}

function SectionLink({ section, isHere }: { section: Section; isHere: boolean }) {
  const denial = useDenial(section.needs);
  const { look } = useLive();
  const badge = section.key === 'dead-letters' && look !== undefined && look.deadLetters > 0;
  if (denial !== undefined) {
    return (
      <li>
        <span class="why-holder">
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it can be reached, so that it can say why it leads nowhere */}
          <span class="side-link off" tabIndex={0} role="note" aria-label={`${section.title}. ${denial}`}>
            {section.title}
          </span>
          <span class="why" aria-hidden="true">
            {denial}
          </span>
        </span>
      </li>
    );
  }
  return (
    <li>
      <a class="side-link" href={to([section.key])} aria-current={isHere ? 'page' : undefined}>
        {section.title}
        {badge && <span class="badge">{deadLettersOf(look)}</span>}
      </a>
    </li>
  );
}

function Logo() {
  return (
    <svg viewBox="0 0 16 16" width="18" height="18" aria-hidden="true">
      <path d="M2 4h5v3H2zM9 9h5v3H9z" fill="currentColor" />
      <path d="M7 5.5h3.5V9" fill="none" stroke="currentColor" stroke-width="1.6" />
    </svg>
  );
}
