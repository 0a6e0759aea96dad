import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { Operation } from '../api/schemas.ts';
import { go } from '../router/router.ts';
import { commandOf } from './command.ts';
import { CountedForm, NumberField, wholeOf } from './counted-form.tsx';
import { Dialog } from './dialog.tsx';
import { operationHref } from './links.tsx';
import { choiceOf, type OperationWish } from './operation-start.ts';
import { Foreign } from './text.tsx';

/** A dialog with the form of an operation, which leads to the page of the operation. */
export function OperationDialog({
  title,
  about,
  wish,
  onClose,
}: {
  title: string;
  about: string;
  wish: OperationWish;
  onClose: () => void;
}) {
  return (
    <Dialog title={title} onClose={onClose}>
      <OperationForm
        about={<Foreign most={300}>{about}</Foreign>}
        wish={wish}
        onBegun={({ id }) => {
          onClose();
          go(operationHref(id));
        }}
        onClose={onClose}
      />
    </Dialog>
  );
}

/**
 * The form of a redrive, a discard or a replay. `children` are fields by which somebody chooses the events.
 * Without them it counts by itself when it opens.
 */
export function OperationForm({
  about,
  wish: chosen,
  unless,
  actOf = chosen.kind === 'discard' ? (events) => `Discard ${events}` : undefined,
  onBegun,
  onClose,
  children,
}: {
  about: ComponentChildren;
  wish: OperationWish;
  /** Why the events cannot be counted yet. */
  unless?: string | undefined;
  /** What its button says, with the number of events. */
  actOf?: ((events: string) => string) | undefined;
  onBegun: (operation: Operation) => void;
  onClose: () => void;
  children?: ComponentChildren;
}) {
  const [maxEvents, setMaxEvents] = useState(chosen.maxEvents?.toString() ?? '');
  const [rate, setRate] = useState(chosen.rate?.toString() ?? '');
  const [stopAfter, setStopAfter] = useState(chosen.stopAfter?.toString() ?? '');
  const [stopAbove, setStopAbove] = useState(chosen.stopAbovePercent?.toString() ?? '');
  const { kind } = chosen;
  const isDiscard = kind === 'discard';
  const replays = kind === 'replay' ? (['consumers.replay'] as const) : [];
  const wish = {
    ...chosen,
    maxEvents: wholeOf(maxEvents),
    rate: wholeOf(rate),
    stopAfter: wholeOf(stopAfter),
    stopAbovePercent: kind === 'redrive' ? wholeOf(stopAbove) : undefined,
  };
  return (
    <CountedForm
      about={about}
      choice={choiceOf(wish)}
      needs={{
        count: [...replays, 'operations.plan'],
        start: [...replays, 'operations.plan', 'operations.run'],
      }}
      unless={unless}
      isDiscard={isDiscard}
      isCountedAtOnce={children === undefined}
      actOf={actOf}
      command={(reason) => commandOf(wish, reason)}
      onBegun={onBegun}
      onClose={onClose}
    >
      {children}
      <div class="fields">
        {/* Somebody who chose rows one by one wants all of them. */}
        {chosen.events === undefined && (
          <NumberField label="At most" unit="events" hint="all" field={[maxEvents, setMaxEvents]} />
        )}
        <NumberField label="Rate" unit="a second" hint="no limit" field={[rate, setRate]} />
        {!isDiscard && (
          <NumberField label="Stop after" unit="failures" hint="never" field={[stopAfter, setStopAfter]} />
        )}
        {kind === 'redrive' && (
          <NumberField
            label="Stop above"
            unit="% of failures"
            hint="never"
            field={[stopAbove, setStopAbove]}
          />
        )}
      </div>
    </CountedForm>
  );
}
