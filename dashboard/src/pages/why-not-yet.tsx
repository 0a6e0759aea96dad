import { useState } from 'preact/hooks';
import type { WhyNotYet } from '../api/schemas.ts';
import { Act } from '../parts/button.tsx';
import { consumerHref, eventHref } from '../parts/links.tsx';
import { Foreign } from '../parts/text.tsx';
import { to } from '../router/router.ts';
import { ResumeDialog } from './resume-dialog.tsx';

const PROCESSING_SETTING = 'core.integration.outbox.processor.enabled';

/**
 * Why a consumer has not handled an event yet: the sentence of the server, and what can be done about it. The
 * sentence is not made here, so that commands say the same.
 */
export function Why({ consumer, why, onDone }: { consumer: string; why: WhyNotYet; onDone: () => void }) {
  return (
    <p class="why-not-yet">
      <Foreign most={1_000}>{why.sentence}</Foreign> <Next consumer={consumer} why={why} onDone={onDone} />
    </p>
  );
}

/** A button where something can be decided here, and otherwise a link to where one sees more. */
function Next({ consumer, why, onDone }: { consumer: string; why: WhyNotYet; onDone: () => void }) {
  switch (why.code) {
    case 'paused':
      return <Resume consumer={consumer} onDone={onDone} />;
    case 'behind-entity': {
      const { earlier } = why;
      if (earlier === null) return null;
      const href =
        earlier.outboxEventId === null
          ? to(['positions', earlier.position])
          : eventHref(earlier.outboxEventId);
      return <a href={href}>Open the event at position {earlier.position}</a>;
    }
    case 'running':
      return <a href={to(['processes'], { text: why.process.host })}>See the process</a>;
    case 'no-handler':
    case 'no-owner':
      return <a href={to(['processes'])}>See the processes</a>;
    case 'handlers-off':
      return <a href={to(['settings'], { key: PROCESSING_SETTING })}>See the setting</a>;
    case 'unavailable':
    case 'changing-partitions':
    case 'queue':
      return (
        <a href={consumerHref(consumer)} aria-label={`See the consumer ${consumer}`}>
          See the consumer
        </a>
      );
    case 'retry':
    case 'postponed':
    case 'not-before':
      return null;
  }
}

function Resume({ consumer, onDone }: { consumer: string; onDone: () => void }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <Act needs="consumers.resume" label={`Resume ${consumer}`} onAct={() => setIsOpen(true)}>
        Resume
      </Act>
      {isOpen && (
        <ResumeDialog
          name={consumer}
          onClose={() => {
            setIsOpen(false);
            onDone();
          }}
        />
      )}
    </>
  );
}
