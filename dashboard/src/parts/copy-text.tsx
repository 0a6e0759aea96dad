import { useId, useRef, useState } from 'preact/hooks';

const MOST_LINES = 14;

/** A text to copy, with a button for it. */
export function CopyText({ label, text }: { label: string; text: string }) {
  const id = useId();
  const field = useRef<HTMLTextAreaElement>(null);
  const [said, setSaid] = useState('');
  const copy = async () => {
    try {
      // Browsers have no clipboard on plain http, and may refuse it elsewhere.
      await navigator.clipboard.writeText(text);
      setSaid('Copied.');
    } catch {
      field.current?.focus();
      field.current?.select();
      setSaid('The browser does not let this page copy. The text is selected: copy it by the keyboard.');
    }
  };
  return (
    <div class="field copy-text">
      <label for={id}>{label}</label>
      <textarea
        ref={field}
        id={id}
        dir="ltr"
        readOnly
        spellcheck={false}
        rows={Math.min(text.split('\n').length + 1, MOST_LINES)}
        value={text}
      />
      <div class="acts">
        <button type="button" aria-label={`Copy: ${label}`} onClick={() => void copy()}>
          Copy
        </button>
        <span role="status" class="muted small">
          {said}
        </span>
      </div>
    </div>
  );
}
