import { useEffect, useState } from 'preact/hooks';
import { CODE_MISSING } from '../parts/loading.tsx';
import { isUuid } from '../parts/uuid.ts';
import { go } from '../router/router.ts';

/** The id that a paste brings which no field takes. Other texts may be anything, and are not sent anywhere. */
function pastedId({ target, clipboardData }: ClipboardEvent): string | undefined {
  if (target instanceof Element && target.matches('input, textarea, select')) return undefined;
  // A dialog that is open keeps the keys.
  if (document.querySelector('dialog[open]') !== null) return undefined;
  const text = clipboardData?.getData('text').trim() ?? '';
  return isUuid(text) ? text : undefined;
}

/** One box for everything that has a name or an id. An id that is pasted beside it is looked up, too. */
export function SearchBox() {
  const [text, setText] = useState('');
  const [problem, setProblem] = useState<string>();
  const [isBusy, setIsBusy] = useState(false);
  const search = async (wanted: string) => {
    if (wanted === '' || isBusy) return;
    setIsBusy(true);
    const found = await import('./find-place.ts').then(
      ({ findPlace }) => findPlace(wanted),
      () => ({ href: undefined, problem: CODE_MISSING }),
    );
    setIsBusy(false);
    setProblem(found.problem);
    if (found.href !== undefined) {
      setText('');
      go(found.href);
    }
  };
  useEffect(() => {
    const pasted = (event: ClipboardEvent) => {
      const id = pastedId(event);
      if (id === undefined) return;
      setText(id);
      void search(id);
    };
    addEventListener('paste', pasted);
    return () => removeEventListener('paste', pasted);
  });
  return (
    <search class="search">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void search(text.trim());
        }}
      >
        <input
          id="search"
          type="search"
          aria-label="Search: event id, position, entity as type/id or its id alone, name of events, correlation id, consumer, text of an error, kind of failures, operation id, or a value in payloads of the last day as place=value"
          placeholder="Id, name, type/id, consumer, error, customer.id=42"
          value={text}
          autoComplete="off"
          spellcheck={false}
          aria-describedby="search-problem"
          aria-busy={isBusy}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setProblem(undefined);
          }}
        />
        <p id="search-problem" class="search-problem" role="status">
          {isBusy ? 'Searching…' : problem}
        </p>
      </form>
    </search>
  );
}
