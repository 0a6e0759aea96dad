import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import type { Action } from '../api/action.ts';
import { useDenial } from '../api/session.tsx';

export interface ActProps {
  readonly children: ComponentChildren;
  /** The permission that it takes, or all of them. */
  readonly needs?: Action | readonly Action[] | undefined;
  /** Why it cannot be done now, besides permissions. */
  readonly unless?: string | undefined;
  readonly kind?: 'plain' | 'primary' | 'danger' | undefined;
  /** Without it, the button sends its form, as Enter in a field does. */
  readonly onAct?: () => void;
  readonly label?: string | undefined;
}

/**
 * A button. What somebody may not do stays where it is and can be reached by the keyboard, and it says why it
 * does nothing. It stays the same button when that changes, so that it keeps the focus.
 */
export function Act({ children, needs, unless, kind = 'plain', onAct, label }: ActProps) {
  const denial = useDenial(needs);
  const why = denial ?? unless;
  const id = useId();
  return (
    <span class="why-holder">
      <button
        type={onAct === undefined ? 'submit' : 'button'}
        class={kind}
        aria-label={label}
        aria-disabled={why === undefined ? undefined : true}
        aria-describedby={why === undefined ? undefined : id}
        // The second half of a double click is for nobody: the button may mean something else by then.
        onClick={(event) => {
          if (why !== undefined || event.detail >= 2) event.preventDefault();
          else onAct?.();
        }}
      >
        {children}
      </button>
      {why !== undefined && (
        <span class="why" role="tooltip" id={id}>
          {why}
        </span>
      )}
    </span>
  );
}
