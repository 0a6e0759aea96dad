import type { FunctionComponent } from 'preact';
import { useEffect, useState } from 'preact/hooks';

type Menu = FunctionComponent<{ onClose: () => void }>;

/** Ctrl+K, or Cmd+K, opens the menu of commands. Its code is loaded then. */
export function CommandKey() {
  const [Opened, setOpened] = useState<Menu>();
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const isKey = event.key.toLowerCase() === 'k' && (event.ctrlKey || event.metaKey) && !event.altKey;
      // A dialog that is open keeps the keys.
      if (!isKey || document.querySelector('dialog[open]') !== null) return;
      event.preventDefault();
      import('./command-menu.tsx').then(
        ({ CommandMenu }) => setOpened(() => CommandMenu),
        // The pages themselves say it where code is missing.
        () => undefined,
      );
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, []);
  return Opened === undefined ? null : <Opened onClose={() => setOpened(undefined)} />;
}
