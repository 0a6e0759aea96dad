import { Foreign } from '../../parts/text.tsx';

/** The beginning of what a receiver answered, if it answered anything. */
export function AnswerText({ answer }: { answer: string | null }) {
  if (answer === null || answer === '') return null;
  return (
    <p>
      The answer says: <Foreign>{answer}</Foreign>
    </p>
  );
}
