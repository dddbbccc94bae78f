import { join } from 'node:path'
import pg from 'pg'
import { type UnendedClient, watchClients } from '../../src/testing/unended-clients.ts'
import { eventually } from './eventually.ts'

let clients = watchClients(pg)

/** What `useDatabase` itself asks the server with, and ends when it removes the database. */
const databaseFile = join(import.meta.dirname, 'database.ts')

/**
 * What a test file has connected must have ended when its last hook has, whether of a pool or not. Called then, and before
 * its database is removed, which ends every session.
 *
 * @throws an error that names where each connection was made that is open
 */
export async function expectAllEnded(patience?: { withinMillis: number }): Promise<void> {
  const open = () => clients.unended().filter(({ origin }) => origin?.file !== databaseFile)
  await eventually(() => {
    const left = open()
    if (left.length > 0)
      throw new Error(`the test file leaves connections open:\n${left.map(line).join('\n')}`)
  }, patience)
}

/** The same process runs other files: what this one leaves is not theirs. */
export function forgetClients(): void {
  clients.unwatch()
  clients = watchClients(pg)
}

function line({ origin, pooled }: UnendedClient): string {
  const place = origin === undefined ? 'nowhere in our code' : `${origin.file}:${origin.line}`
  return `- ${pooled ? 'of a pool' : 'a client'}, connected at ${place}`
}
