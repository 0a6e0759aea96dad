import { useState } from 'preact/hooks';
import { CODE_MISSING } from '../parts/loading.tsx';
import { go } from '../router/router.ts';

/** One box for everything that has a name or an id. */
export function SearchBox() {
  const [text, setText] = useState('');
  const [problem, setProblem] = useState<string>();
  const [isBusy, setIsBusy] = useState(false);
  const search = async () => {
    if (text.trim() === '' || isBusy) return;
    setIsBusy(true);
    const found = await import('./find-place.ts').then(
      ({ findPlace }) => findPlace(text.trim()),
      () => ({ href: undefined, problem: CODE_MISSING }),
    );
    setIsBusy(false);
    setProblem(found.problem);
    if (found.href !== undefined) {
      setText('');
      go(found.href);
    }
  };
  return (
    <search class="search">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void search();
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
