import { useMemo, useState } from 'preact/hooks';
import { laidOut } from './json.ts';
import { bytes } from './number.ts';
import { ScrolledText } from './scrolled-text.tsx';

const FIRST = 64 * 1_024;

/** A JSON text with a line for each member. Of a large one it shows the beginning, until somebody wants all. */
export function JsonView({ json, label }: { json: string; label: string }) {
  const [isWhole, setIsWhole] = useState(false);
  const { text, isCut } = useMemo(() => laidOut(json, isWhole ? undefined : FIRST), [json, isWhole]);
  return (
    <>
      <ScrolledText label={label}>{text}</ScrolledText>
      {isCut && (
        <p class="cut">
          <span class="muted">The first 64 KB of {bytes(json.length)} are shown.</span>{' '}
          <button type="button" class="link" onClick={() => setIsWhole(true)}>
            Show all of it
          </button>
        </p>
      )}
    </>
  );
}
