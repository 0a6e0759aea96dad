import { visible } from './text.tsx';

/** A long text with lines of its own. It scrolls, and so it can be reached by the keyboard. */
export function ScrolledText({ children, label }: { children: string; label: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
    <section class="scrolled" tabIndex={0} aria-label={label}>
      <pre dir="ltr">{visible(children)}</pre>
    </section>
  );
}
