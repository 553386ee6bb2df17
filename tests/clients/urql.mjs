// Operations of urql, all of them over graphql-ws.
import { Client, subscriptionExchange } from '@urql/core';
import { onEnd, pipe, subscribe } from 'wonka';
import { obey, options, say } from './lines.mjs';
import { client as socket, resuming } from './socket.mjs';

const ends = new Map();

const client = new Client({
  url: options.url.replace('ws', 'http'),
  requestPolicy: 'network-only',
  exchanges: [
    subscriptionExchange({
      enableAllOperations: true,
      forwardSubscription: ({ query, variables }, { context }) => ({
        subscribe(sink) {
          const own = { ...variables };
          const payload = { query, variables: own };
          return { unsubscribe: socket.subscribe(payload, context.resume ? resuming(own, sink) : sink) };
        },
      }),
    }),
  ],
});

function report(name, { data, error }) {
  const errors = error?.graphQLErrors ?? [];
  if (data) say({ name, next: error ? { data, errors } : { data } });
  else if (error) say({ name, error: errors.length ? { errors } : { message: error.message } });
}

/** Of its end urql tells by the last result once more, without a `hasNext`. */
function follow(name, query, variables, resume) {
  let failed = false;
  const running = pipe(
    client.subscription(query, variables, { resume }),
    onEnd(() => failed || say({ name, complete: true })),
    subscribe((result) => {
      failed = Boolean(result.error);
      if (result.hasNext || failed) report(name, result);
    }),
  );
  ends.set(name, running.unsubscribe);
}

async function ask(kind, name, query, variables) {
  report(name, await client[kind](query, variables).toPromise());
  say({ name, complete: true });
}

obey({
  subscribe({ name, query, variables = {}, resume = false }) {
    const kind = query.trim().split(/\W/)[0];
    if (kind === 'subscription') follow(name, query, variables, resume);
    else ask(kind, name, query, variables);
  },
  unsubscribe: ({ name }) => ends.get(name)(),
  dispose: () => socket.dispose(),
});
