// A client of graphql-ws as its documentation makes one, that says what becomes of its connection.
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { options, say } from './lines.mjs';

const { webSocket = 'ws', ...rest } = options;

export const client = createClient({
  shouldRetry: () => true, // also where nobody listens: by itself it tries again after a close alone
  retryWait: () => new Promise((resolve) => setTimeout(resolve, 50)),
  ...rest,
  webSocketImpl: webSocket === 'ws' ? WebSocket : globalThis.WebSocket,
  on: {
    connected: (_socket, _payload, wasRetry) => say({ connected: true, wasRetry }),
    closed: ({ code }) => say({ closed: code }),
    pong: (received) => received && say({ pong: true }),
  },
});

/** The newest cursor goes along when the client subscribes again: a retry sends `variables` as they are then. */
export const resuming = (variables, sink) => ({
  ...sink,
  next: (result) => {
    const [update] = Object.values(result.data ?? {});
    if (update?.cursor) variables.after = update.cursor;
    sink.next(result);
  },
});
