import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { visible } from './text.tsx';

interface PageProps {
  readonly title: string;
  /** Stands above the title: where this page belongs. */
  readonly above?: ComponentChildren;
  readonly about?: ComponentChildren;
  readonly acts?: ComponentChildren;
  readonly children: ComponentChildren;
}

let isFirst = true;

/** Whether somebody has begun to type. A page that is there late does not take the focus from them. */
function isTyping(): boolean {
  const { activeElement } = document;
  return activeElement instanceof HTMLInputElement && activeElement.value !== '';
}

/** A page with its title. A screen reader is led to the title when another page opens. */
export function Page({ title, above, about, acts, children }: PageProps) {
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${visible(title)} · Integration`;
    if (!isFirst && !isTyping()) head.current?.focus({ preventScroll: true });
    if (!isFirst) scrollTo(0, 0);
    isFirst = false;
  }, [title]);
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
