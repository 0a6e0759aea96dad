import type { Consumer, Relay } from '../../api/schemas.ts';
import { useDenial, useSession } from '../../api/session.tsx';
import { useRead } from '../../api/use-read.ts';
import { duration, perSecond } from '../../parts/number.ts';
import type { Column } from '../../parts/table.tsx';
import { Foreign } from '../../parts/text.tsx';
import { Time } from '../../parts/time.tsx';

/**
 * The column of the list of consumers that says how the brokers of relays do. None where no relay is among
 * these consumers, or who looks may not see them.
 */
export function useBrokerColumn(): (consumers: readonly Consumer[]) => readonly Column<Consumer>[] {
  const { parts } = useSession();
  const isWanted = useDenial('relays.read') === undefined && parts.includes('relay');
  const { data } = useRead('GET relays', {}, { isWanted });
  const relays = new Map(data?.relays.map((relay) => [relay.consumerName, relay]));
  return (consumers) =>
    consumers.some(({ consumerName }) => relays.has(consumerName))
      ? [
          {
            head: 'Broker',
            isLong: true,
            cell: ({ consumerName }) => <BrokerCell relay={relays.get(consumerName)} />,
          },
        ]
      : [];
}

function BrokerCell({ relay }: { relay: Relay | undefined }) {
  if (relay === undefined) return <span class="muted">–</span>;
  const { broker, acceptedPerSecond, latencyMedianSeconds: took, lastRefusal } = relay;
  return (
    <div class="stack">
      <span>
        {broker ?? 'not known'}, {perSecond(acceptedPerSecond)}
        {took !== null && ` in ${duration(took)}`}
      </span>
      {lastRefusal !== null && (
        <span class="muted">
          refused <Time at={lastRefusal.at} />: <Foreign most={40}>{lastRefusal.reason}</Foreign>
        </span>
      )}
    </div>
  );
}
