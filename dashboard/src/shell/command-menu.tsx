import { useEffect, useId, useMemo, useState } from 'preact/hooks';
import { useSession } from '../api/session.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { go, to } from '../router/router.ts';
import { groupsOf } from '../sections.ts';

interface Entry {
  readonly text: string;
  /** Where it stands: the name of a group of pages, or this page. */
  readonly place: string;
  readonly run: () => void;
}

/** Every page, and what can be done on the page that is open. Somebody types a few letters, and presses Enter. */
export function CommandMenu({ onClose }: { onClose: () => void }) {
  const { parts, actions } = useSession();
  const id = useId();
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  // The buttons are those of the page as it was when the menu opened.
  const entries = useMemo(() => [...buttonsOfPage(), ...pagesFor(parts, actions)], [parts, actions]);
  const words = text.toLowerCase().split(/\s+/);
  const found = entries.filter((each) => words.every((word) => each.text.toLowerCase().includes(word)));
  const chosen = found[at];
  const choose = (entry: Entry | undefined) => {
    if (entry === undefined) return;
    onClose();
    entry.run();
  };
  useEffect(() => {
    document.getElementById(`${id}-${at}`)?.scrollIntoView({ block: 'nearest' });
  }, [id, at]);
  const pressed = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && found.length > 0) setAt((at + step + found.length) % found.length);
    else if (event.key === 'Enter') choose(chosen);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title="Go to a page, or do something on this one" onClose={onClose}>
      <div class="form">
        <input
          class="command-text"
          role="combobox"
          aria-label="Page or action"
          aria-expanded="true"
          aria-controls={id}
          aria-activedescendant={chosen === undefined ? undefined : `${id}-${at}`}
          autoComplete="off"
          spellcheck={false}
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setAt(0);
          }}
          onKeyDown={pressed}
        />
        <div class="commands" id={id} role="listbox" aria-label="Pages and actions">
          {found.map((entry, index) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: keys are pressed in the box above
            // biome-ignore lint/a11y/useFocusableInteractive: the box above has the focus
            <div
              key={`${entry.place} ${entry.text} ${index}`}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === at}
              onClick={() => choose(entry)}
            >
              {entry.text} <span class="muted small">{entry.place}</span>
            </div>
          ))}
        </div>
        <p class="muted small" role="status">
          {found.length === 0
            ? 'Nothing has such a name.'
            : 'Arrow keys choose, Enter does it, Escape closes.'}
        </p>
      </div>
    </Dialog>
  );
}

function pagesFor(parts: readonly string[], actions: readonly string[]): readonly Entry[] {
  return groupsOf(parts).flatMap(({ title, sections }) =>
    sections
      .filter(({ needs }) => needs === undefined || actions.includes(needs))
      .map(({ key, title: text }) => ({ text, place: title, run: () => go(to([key])) })),
  );
}

/** What stands beside the titles of the page, if it can be done now. */
function buttonsOfPage(): readonly Entry[] {
  return [...document.querySelectorAll<HTMLElement>('main .acts :is(button, a)')]
    .filter((each) => each.getAttribute('aria-disabled') !== 'true' && each.checkVisibility())
    .map((each) => ({
      text: each.getAttribute('aria-label') ?? each.textContent ?? '',
      place: 'on this page',
      run: () => each.click(),
    }));
}
