import type pg from 'pg'
import type { Random } from './random.ts'

const listens = ['connect', 'acquire'] as const

/** Statements of listeners are nobody's: they may not be there any more, and whoever awaits them does not mind. */
const ignore = (): void => {}

/** Sends its statements at once, without awaiting the first. */
function sends(client: pg.ClientBase): void {
  client.query("SELECT 'of a listener'").catch(ignore)
  client.query("SELECT 'of a listener, too'").catch(ignore)
}

/** Sends its second statement when the first is answered, while the client may have an owner already. */
function awaits(client: pg.ClientBase): void {
  const send = async () => {
    await client.query("SELECT 'awaited by a listener'")
    await client.query("SELECT 'the last of a listener'")
  }
  send().catch(ignore)
}

/** Some programs have listeners that send statements on clients of the pool. Says which. */
export function addListeners(pool: pg.Pool, random: Random): { description: string; setsUp: boolean } {
  if (random.chance(0.7)) return { description: '', setsUp: false }
  const event = random.pick(listens)
  const listener = random.pick([sends, awaits])
  pool.on(event, listener)
  return { description: `, on ${event} a listener ${listener.name}`, setsUp: event === 'connect' }
}
