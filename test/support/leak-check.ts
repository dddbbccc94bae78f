import { join } from 'node:path'
import pg from 'pg'
import { afterAll } from 'vitest'
import { type UnendedClient, watchClients } from '../../src/testing/unended-clients.ts'
import { eventually } from './eventually.ts'

// Of every test file: what it has connected must have ended when its last hook has, whether of a pool or not.
const clients = watchClients(pg)

/** What `useDatabase` itself asks the server with, and ends when it removes the database. */
const databaseFile = join(import.meta.dirname, 'database.ts')

/**
 * Called when the hooks of a file are over and before its database is removed, which ends every session.
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

function line({ origin, pooled }: UnendedClient): string {
  const place = origin === undefined ? 'nowhere in our code' : `${origin.file}:${origin.line}`
  return `- ${pooled ? 'of a pool' : 'a client'}, connected at ${place}`
}

// For files without a database. Registered before the hooks of the file, and therefore called after them.
afterAll(() => expectAllEnded())
