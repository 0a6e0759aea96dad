import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Operation } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { operationHref } from '../parts/links.tsx';
import { OperationProgress } from '../parts/operation-progress.tsx';
import { ProblemBox } from '../parts/problem-box.tsx';
import { Status } from '../parts/status.tsx';

const LOOK_MS = 1_000;

/** How far a replay is that was just started, with the way to its page. */
export function ReplayProgress({ begun, onClose }: { begun: Operation; onClose: () => void }) {
  const { id } = begun;
  const [isOver, setIsOver] = useState(false);
  const reading = useRead(
    'GET operations/{id}',
    { path: { id } },
    { isLive: false, isAwaited: true, everyMs: isOver ? undefined : LOOK_MS },
  );
  const link = useRef<HTMLAnchorElement>(null);
  useLayoutEffect(() => link.current?.focus(), []);
  const operation = reading.data ?? begun;
  if (!isOver && operation.finishedAt !== null) setIsOver(true);
  return (
    <div class="form">
      <p>
        <Status of={operation.state} />
      </p>
      <OperationProgress operation={operation} />
      <p class="muted">It goes on when this dialog and this page are closed.</p>
      <ProblemBox error={reading.error} />
      <div class="acts">
        <a ref={link} href={operationHref(id)}>
          Open the operation
        </a>
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
    </div>
  );
}
