import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { arrive } from '../router/scroll.ts';
import { visible } from './text.tsx';

interface PageProps {
  readonly title: string;
  /** Stands above the title: where this page belongs. */
  readonly above?: ComponentChildren;
  readonly about?: ComponentChildren;
  readonly acts?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** The address that the person was led to last, without its filters. */
let ledTo: string | undefined;

/** Whether somebody has begun to type. A page that is there late does not take the focus from them. */
function isTyping(): boolean {
  const { activeElement } = document;
  return activeElement instanceof HTMLInputElement && activeElement.value !== '';
}

/**
 * Leads a screen reader to the title when another page opens. A page that is drawn again, because what it shows
 * has arrived, takes the focus only where nothing has it: somebody may be at one of its buttons already.
 */
function lead(title: HTMLElement | null): void {
  const address = location.hash.split('?', 1)[0];
  const isFirst = ledTo === undefined;
  const isOpening = address !== ledTo;
  ledTo = address;
  if (isOpening) arrive();
  if (isFirst) return;
  if (isOpening ? !isTyping() : document.activeElement === document.body)
    title?.focus({ preventScroll: true });
}

/** A page with its title. */
export function Page({ title, above, about, acts, children }: PageProps) {
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${visible(title)} · Integration`;
  }, [title]);
  // Before anything is painted: a key that is pressed afterwards starts from the title.
  useLayoutEffect(() => lead(head.current), []);
  return (
    <>
      <header class="page-head">
        <div class="page-title">
          {above !== undefined && <p class="above">{above}</p>}
          <h1 ref={head} tabIndex={-1}>
            <bdi>{visible(title)}</bdi>
          </h1>
          {about !== undefined && <p class="muted about">{about}</p>}
        </div>
        {acts !== undefined && <div class="acts">{acts}</div>}
      </header>
      {children}
    </>
  );
}

export function Panel({
  title,
  about,
  acts,
  children,
}: {
  title: string;
  about?: ComponentChildren;
  acts?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <section class="panel" aria-label={title}>
      <div class="panel-head">
        <div>
          <h2>{title}</h2>
          {about !== undefined && <p class="muted small">{about}</p>}
        </div>
        {acts !== undefined && <div class="acts">{acts}</div>}
      </div>
      {children}
    </section>
  );
}

/** Pairs of a name and a value. */
export function Facts({
  children,
}: {
  children: readonly (readonly [string, ComponentChildren] | undefined)[];
}) {
  return (
    <dl class="facts">
      {children.map((pair) =>
        pair === undefined ? null : (
          <div key={pair[0]}>
            <dt>{pair[0]}</dt>
            <dd>{pair[1]}</dd>
          </div>
        ),
      )}
    </dl>
  );
}
