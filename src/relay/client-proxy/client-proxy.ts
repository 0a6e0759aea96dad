/** What is used of a client of `ClientsModule` of @nestjs/microservices. */
export interface ClientProxyLike {
  emit(pattern: unknown, data: unknown): { subscribe(observer: Observer): unknown };
}

interface Observer {
  readonly error: (error: unknown) => void;
  readonly complete: () => void;
}

export type ClientKind = 'kafka' | 'rabbitmq';

/** The classes that wait until the broker has accepted a message. */
const ACCEPTING: Readonly<Record<string, ClientKind>> = { ClientKafka: 'kafka', ClientRMQ: 'rabbitmq' };
/** What to use in the place of classes that send without an acceptance. */
const INSTEAD: Readonly<Record<string, string>> = {
  ClientNats: 'natsRelay of nestjs-integration/relay/nats, which waits for JetStream',
  ClientRedis: 'relay of nestjs-integration/relay, whose publish adds to a stream of Redis (XADD)',
  ClientTCP:
    'relay of nestjs-integration/relay, whose publish waits for an answer (send in the place of emit)',
  ClientGrpcProxy:
    'relay of nestjs-integration/relay, whose publish calls the method and waits for its answer',
  ClientMqtt: 'relay of nestjs-integration/relay, whose publish waits for the acknowledgement (QoS 1)',
};

type Known =
  | { readonly kind: ClientKind; readonly warning?: string | undefined }
  | { readonly problem: string };

/** The kind of the client, or what is wrong with it. */
export function kindOf(client: object): Known {
  const names = classesOf(client);
  for (const name of names) {
    const kind = ACCEPTING[name];
    if (kind !== undefined) return acknowledges(client, kind);
    const instead = INSTEAD[name];
    if (instead !== undefined)
      return {
        problem: `client is a ${name}, which sends without an acceptance, so messages could be lost. Use ${instead}`,
      };
  }
  return {
    problem: `client is a ${names[0] ?? 'thing without a class'}, and not a ClientKafka or ClientRMQ. Use relay of nestjs-integration/relay`,
  };
}

/** Options of the client can switch the acceptance off, or leave open whether a queue has the message. */
function acknowledges(client: object, kind: ClientKind): Known {
  const { send, wildcards, exchangeType } = (client as { options?: ClientOptions }).options ?? {};
  if (kind === 'kafka' && send?.acks !== undefined && send.acks !== -1)
    return {
      problem: `client is a ClientKafka with send.acks ${String(send.acks)}: leave acks out, so that all replicas accept`,
    };
  if (kind === 'rabbitmq' && (wildcards === true || exchangeType === 'fanout'))
    return {
      kind,
      warning:
        'client is a ClientRMQ that sends to an exchange. It counts a message that no queue takes as accepted, and RabbitMQ drops it. Use rabbitRelay of nestjs-integration/relay/rabbitmq, which makes it a dead letter',
    };
  return { kind };
}

interface ClientOptions {
  readonly send?: { readonly acks?: unknown };
  readonly wildcards?: unknown;
  readonly exchangeType?: unknown;
}

/** The names of the classes of an object, its own first. */
function classesOf(client: object): string[] {
  const names: string[] = [];
  let prototype: unknown = Object.getPrototypeOf(client);
  while (prototype !== null && prototype !== Object.prototype) {
    names.push((prototype as object).constructor.name);
    prototype = Object.getPrototypeOf(prototype);
  }
  return names;
}
