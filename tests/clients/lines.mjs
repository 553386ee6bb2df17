// What a script of this folder says and is told: a line of JSON for each thing that happened or is to be done.
import { createInterface } from 'node:readline';

export const options = JSON.parse(process.argv[2]);

export const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

/** Does what each line asks for; ends with its stdin. */
export function obey(deeds) {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const { do: deed, ...given } = JSON.parse(line);
    deeds[deed](given);
  });
  lines.on('close', () => process.exit());
}

/** What goes wrong, as JSON: a close of the socket, GraphQL's errors, or an error of JavaScript. */
export const told = (error) => {
  if (Array.isArray(error)) return { errors: error };
  if (typeof error?.code === 'number') return { code: error.code, reason: error.reason };
  return { message: String(error?.message ?? error) };
};
