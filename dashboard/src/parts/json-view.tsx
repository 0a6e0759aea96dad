import type { ComponentChildren } from 'preact';
import { useMemo, useRef, useState } from 'preact/hooks';
import { laidOut } from './json.ts';
import { comparedLines, type JsonLine, linesOf, MOST_COMPARED, partsOf } from './json-lines.ts';
import { bytes, counted } from './number.ts';
import { Scrolled, ScrolledText } from './scrolled-text.tsx';
import { visible } from './text.tsx';

const FIRST = 64 * 1_024;
/** With more lines, or longer ones, the text is shown plain: each line with marks is several elements. */
const MOST_LINES = 1_500;
const LONGEST_LINE = 10_000;

/**
 * A JSON text with a line for each member, which can be folded and searched. Of a large one it shows the
 * beginning, until somebody wants all. With `before`, it can show what is other than there.
 */
export function JsonView({
  json,
  label,
  before,
}: {
  json: string;
  label: string;
  before?: string | undefined;
}) {
  const [isWhole, setIsWhole] = useState(false);
  const [wanted, setWanted] = useState('');
  const [isCompared, setIsCompared] = useState(false);
  const { text, isCut } = useMemo(() => laidOut(json, isWhole ? undefined : FIRST), [json, isWhole]);
  const lines = useMemo(() => linesOf(text), [text]);
  const earlier = useMemo(() => (before === undefined ? undefined : laidOut(before).text), [before]);
  const isComparable =
    earlier !== undefined && !isCut && lines.length + earlier.split('\n').length <= MOST_COMPARED;
  const shown = useMemo(
    () => (isCompared && isComparable ? comparedLines(earlier, text) : lines),
    [isCompared, isComparable, earlier, text, lines],
  );
  const isPlain = shown.length > MOST_LINES || shown.some((line) => line.text.length > LONGEST_LINE);
  return (
    <>
      {!isPlain && lines.length > 1 && (
        <JsonTools shown={shown} label={label} wanted={wanted} setWanted={setWanted}>
          {isComparable && (
            <button type="button" aria-pressed={isCompared} onClick={() => setIsCompared(!isCompared)}>
              Compare with the event before
            </button>
          )}
        </JsonTools>
      )}
      {isPlain ? (
        <ScrolledText label={label}>{text}</ScrolledText>
      ) : (
        <JsonLines lines={shown} label={label} wanted={wanted} />
      )}
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

function JsonTools({
  shown,
  label,
  wanted,
  setWanted,
  children,
}: {
  shown: readonly JsonLine[];
  label: string;
  wanted: string;
  setWanted: (wanted: string) => void;
  children: ComponentChildren;
}) {
  const found = wanted === '' ? 0 : shown.filter(({ text }) => contains(text, wanted)).length;
  const tools = useRef<HTMLFormElement>(null);
  const turn = useRef(0);
  /** Leads to the next line with the text, and from the last one to the first. */
  const next = () => {
    const marks = tools.current?.nextElementSibling?.querySelectorAll('mark') ?? [];
    marks[turn.current % Math.max(1, marks.length)]?.scrollIntoView({ block: 'center' });
    turn.current += 1;
  };
  return (
    <form
      class="json-tools"
      ref={tools}
      onSubmit={(event) => {
        event.preventDefault();
        next();
      }}
    >
      <input
        type="search"
        aria-label={`Find in: ${label}`}
        placeholder="Find"
        value={wanted}
        autoComplete="off"
        spellcheck={false}
        onInput={(event) => {
          turn.current = 0;
          setWanted(event.currentTarget.value);
        }}
      />
      <span class="muted small" role="status">
        {wanted !== '' && counted(found, 'line')}
      </span>
      {children}
    </form>
  );
}

/** The lines. What somebody has folded is left out, unless it has what they look for. */
function JsonLines({ lines, label, wanted }: { lines: readonly JsonLine[]; label: string; wanted: string }) {
  const [folded, setFolded] = useState<ReadonlySet<number>>(new Set());
  const rows: ComponentChildren[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at];
    if (line === undefined) continue;
    const { end } = line;
    const hides = (from: number, to: number) =>
      wanted === '' || !lines.slice(from + 1, to + 1).some(({ text }) => contains(text, wanted));
    const isFolded = end !== undefined && folded.has(at) && hides(at, end);
    const here = at;
    rows.push(
      <span key={at} class={line.mark === undefined ? 'json-line' : `json-line ${line.mark}`}>
        {end !== undefined && (
          <button
            type="button"
            class="fold"
            aria-expanded={!isFolded}
            aria-label={`${isFolded ? 'Unfold' : 'Fold'} ${line.text.trim()}`}
            onClick={() => setFolded(toggled(folded, here))}
          >
            {isFolded ? '▸' : '▾'}
          </button>
        )}
        {line.mark !== undefined && <span>{line.mark === 'added' ? '+ ' : '− '}</span>}
        <LineText text={line.text} wanted={wanted} />
        {isFolded && <span class="muted"> … {lines[end]?.text.trim()}</span>}
      </span>,
    );
    if (isFolded) at = end;
  }
  return (
    <Scrolled label={label}>
      <pre dir="ltr">{rows}</pre>
    </Scrolled>
  );
}

function LineText({ text, wanted }: { text: string; wanted: string }) {
  if (wanted !== '' && contains(text, wanted)) return <Marked text={visible(text)} wanted={wanted} />;
  return (
    <>
      {partsOf(text).map((part, index) =>
        part.kind === undefined ? (
          visible(part.text)
        ) : (
          <span class={`json-${part.kind}`} key={index}>
            {visible(part.text)}
          </span>
        ),
      )}
    </>
  );
}

function Marked({ text, wanted }: { text: string; wanted: string }) {
  const at = text.toLowerCase().indexOf(wanted.toLowerCase());
  if (at < 0) return <>{text}</>;
  const end = at + wanted.length;
  return (
    <>
      {text.slice(0, at)}
      <mark>{text.slice(at, end)}</mark>
      <Marked text={text.slice(end)} wanted={wanted} />
    </>
  );
}

function contains(text: string, wanted: string): boolean {
  return text.toLowerCase().includes(wanted.toLowerCase());
}

function toggled(folded: ReadonlySet<number>, line: number): ReadonlySet<number> {
  const next = new Set(folded);
  if (!next.delete(line)) next.add(line);
  return next;
}
