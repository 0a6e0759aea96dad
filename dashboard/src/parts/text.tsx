/**
 * Marks that are not seen themselves. They change the order of what stands around them, or let one name look
 * like another one. Joiners and variation selectors stay behind an emoji, and behind a letter of a script that
 * has no capitals.
 */
const INVISIBLE =
  /(?![\n\r\t\u200c\u200d])[\p{Cc}\p{Cf}]|(?<!\p{Lo}\p{M}?|\p{Emoji_Modifier}|\p{Extended_Pictographic}\ufe0f?)\p{DI}|(?!\u200c|\u200d|[\ufe00-\ufe0f\u{e0100}-\u{e01ef}])\p{DI}/gu;

/** Writes invisible marks as what they are, so that a text cannot pretend to be another one. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, (mark) => `\\u${(mark.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`);
}

/** The same inside of a JSON text, where a mark that is written so means the mark. */
export function visibleInJson(json: string): string {
  return json.replace(INVISIBLE, (mark) =>
    Array.from(
      { length: mark.length },
      (_, index) => `\\u${mark.charCodeAt(index).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}

/** A text that somebody else wrote. Its direction does not reach what stands beside it. */
export function Foreign({ children, most }: { children: string; most?: number }) {
  const text = visible(children);
  const isCut = most !== undefined && text.length > most;
  return (
    <bdi title={isCut ? text.slice(0, 2_000) : undefined}>{isCut ? `${text.slice(0, most)}…` : text}</bdi>
  );
}

/** An id or a number that is copied and compared. */
export function Code({ children }: { children: string | number }) {
  return (
    <bdi class="code" translate={false}>
      {visible(String(children))}
    </bdi>
  );
}

/** A name of several parts. It is broken between them, and inside of one only if that is too long. */
function Broken({ text }: { text: string }) {
  const parts = text.split(/(?<=[./:_-])/);
  return <bdi>{parts.map((part, index) => (index === 0 ? part : [<wbr key={index} />, part]))}</bdi>;
}

/** A link with a text that somebody else wrote. */
export function NameLink({ href, children, label }: { href: string; children: string; label?: string }) {
  return (
    <a href={href} aria-label={label}>
      <Broken text={visible(children)} />
    </a>
  );
}
