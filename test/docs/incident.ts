import { openSession } from '../postgres/sessions.ts'
import type { TestDatabase } from '../support/database.ts'

/** A request that has read the table that is to be migrated, and left its transaction open. */
export async function forgetTransaction(db: TestDatabase): Promise<void> {
  const idle = await openSession(db, 'api')
  await idle.run('BEGIN')
  await idle.run('SELECT id, name FROM datasets WHERE id = 42')
}

/** Without what differs from incident to incident. */
export function withoutWhatDiffers(text: string, database: string): string {
  const pids = [
    ...new Set([...text.matchAll(/pids? (\d+(?:, \d+)*)/g)].flatMap(([, list = '']) => list.split(', '))),
  ]
  const numbered = pids.reduce(
    (changed, pid, at) => changed.replaceAll(new RegExp(`\\b${pid}\\b`, 'g'), `<${at + 1}>`),
    text,
  )
  return (
    numbered
      .replaceAll(database, 'shop')
      // The connection of the test itself stands for somebody who looks around.
      .replaceAll('lifeguard tests', 'psql')
      .replaceAll(/\d+\.\d+\.\d+\.\d+:\d+/g, '<client>')
      .replaceAll(/PostgreSQL [\d.]+/g, 'PostgreSQL <version>')
      .replaceAll(/\b(as|user) \w+/g, '$1 <role>')
      .replaceAll(/\b\d+(\.\d+)? (ms|s|min|h)\b( \d+ (s|min)\b)?/g, '<time>')
  )
}
