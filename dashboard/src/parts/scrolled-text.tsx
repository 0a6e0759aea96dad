import type { ComponentChildren } from 'preact';
import { visible } from './text.tsx';

/** A part of the page that scrolls by itself. Keys scroll it while it has the focus. */
export function Scrolled({
  label,
  look = 'scrolled',
  children,
}: {
  label: string;
  look?: string;
  children: ComponentChildren;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
    <section class={look} tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}

/** A long text with lines of its own, which scrolls. */
export function ScrolledText({ children, label }: { children: string; label: string }) {
  return (
    <Scrolled label={label}>
      <pre dir="ltr">{visible(children)}</pre>
    </Scrolled>
  );
}
