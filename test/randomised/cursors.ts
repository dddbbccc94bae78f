import { createRequire } from 'node:module'
import { clientOf } from './acts.ts'
import type { Owner } from './owners.ts'
import { within } from './waiting.ts'
import type { World } from './world.ts'

export interface Cursor {
  read(rows: number): Promise<unknown[]>
  close(): Promise<void>
}

const load = createRequire(import.meta.url)
const PgCursor = load('pg-cursor') as new (text: string) => Cursor

export async function openCursor(world: World, owner: Owner): Promise<void> {
  const cursor = new PgCursor('SELECT generate_series(1, 100) AS n')
  ;(clientOf(owner).query as (submittable: unknown) => unknown)(cursor)
  owner.work = 'portal'
  world.cursors.set(owner, cursor)
  await readCursor(world, owner, cursor)
}

export function cursorOf(world: World, owner: Owner): Cursor {
  const cursor = world.cursors.get(owner)
  if (cursor === undefined) throw new Error(`${owner.name} has no cursor`)
  return cursor
}

export async function readCursor(world: World, owner: Owner, cursor: Cursor): Promise<void> {
  const rows = await within(cursor.read(1 + world.random.below(4)), `${owner.name} reads from its cursor`)
  world.note(`${owner.name}: cursor -> ${JSON.stringify(rows)}`)
}

export async function closeCursor(world: World, owner: Owner, cursor: Cursor): Promise<void> {
  const { model } = world
  world.cursors.delete(owner)
  await within(cursor.close(), `${owner.name} closes its cursor`)
  world.note(`${owner.name}: cursor closed`)
  owner.work = 'none'
  const { session } = owner
  if (session === undefined) return
  if (session.transaction === 'idle') model.cleaned(session)
  const holder = model.holding.find((other) => other.session === session)
  if (holder !== undefined) holder.idleSince = model.now
}
