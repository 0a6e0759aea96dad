import { useLayoutEffect, useRef } from 'preact/hooks';

/** A text of at most this many characters is reported at each key. */
const SHORT = 50_000;
const PAUSE_MS = 300;

/**
 * A field for a text that may have a million characters. What is typed into a long one is told when typing
 * pauses, and at the latest when the field is left. Nothing is rendered at each key.
 */
export function LongText({
  id,
  text,
  onChange,
}: {
  id: string;
  text: string;
  onChange: (text: string) => void;
}) {
  const field = useRef<HTMLTextAreaElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const tell = useRef(() => {});
  tell.current = () => {
    if (timer.current === undefined) return;
    clearTimeout(timer.current);
    timer.current = undefined;
    if (field.current !== null) onChange(field.current.value);
  };
  useLayoutEffect(() => {
    if (field.current !== null && field.current.value !== text) field.current.value = text;
  }, [text]);
  useLayoutEffect(() => () => tell.current(), []);
  return (
    <textarea
      id={id}
      ref={field}
      class="json-edit"
      dir="ltr"
      spellcheck={false}
      onInput={(input) => {
        clearTimeout(timer.current);
        timer.current = setTimeout(() => tell.current(), PAUSE_MS);
        if (input.currentTarget.value.length <= SHORT) tell.current();
      }}
      onBlur={() => tell.current()}
    />
  );
}
