import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

/** Holds back what is much and alike. It is made only when somebody unfolds it. */
export function Folded({ summary, children }: { summary: string; children: () => ComponentChildren }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <details class="folded" onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>{summary}</summary>
      {isOpen && children()}
    </details>
  );
}
