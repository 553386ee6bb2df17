// The audits of graphql-http, one line each.
import { serverAudits } from 'graphql-http';
import { options, say } from './lines.mjs';

for (const audit of serverAudits(options)) {
  const { id, name, status, reason } = await audit.fn();
  say({ id, name, status, reason });
}
